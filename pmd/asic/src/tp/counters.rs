//! What TP counts, beside what the engine counts.

mafo_mem::counters! {
    /// Statistics of TP.
    pub struct TpCounters {
        /// CPLs from the host that were understood.
        cpl_in,
        /// CPLs dropped: too short, or of an opcode that TP does not take.
        cpl_malformed,
        /// CPLs dropped: their TID, STID or filter does not exist.
        cpl_unknown_tid,
        /// CPLs dropped: not possible in the state of the connection.
        cpl_wrong_state,
        /// TCB writes refused: the TCB would be none that the connection can go on with.
        tcb_write_refused,
        /// Messages dropped: more wait for stalled ingress queues than TP keeps.
        cpl_out_dropped,
        /// Messages that had to wait for a stalled ingress queue.
        cpl_out_stalled,
        /// RX_DATA messages posted.
        rx_data,
        /// Their bytes.
        rx_data_bytes,
        /// In-order bytes that had to wait in the card.
        rx_stalled_bytes,
        /// Frames of connections that are not offloaded, left to the host.
        rx_not_offloaded,
        /// Segments dropped: IP checksum.
        rx_drop_ip_checksum,
        /// Segments dropped: TCP checksum.
        rx_drop_tcp_checksum,
        /// Segments dropped: no TCP header.
        rx_drop_malformed,
        /// Segments dropped: for a connection that the host has not answered for yet, or that is over.
        rx_drop_not_open,
        /// SYNs dropped: no TID free.
        rx_drop_syn_no_tid,
        /// SYNs dropped: the listener's queue was stalled.
        rx_drop_syn_stalled,
        /// SYNs dropped: the listener denies.
        rx_drop_syn_denied,
        /// Payload dropped: no receive memory; the rest of the segment was processed.
        rx_drop_no_memory,
        /// Segments sent.
        tx_segments,
        /// Segments lost: next hop unresolved.
        tx_drop_arp_miss,
        /// Segments lost: payload not in mapped memory.
        tx_drop_dma_fault,
        /// Segments lost: port queue full.
        tx_drop_full,
        /// Payload dropped: posted on a connection that cannot send.
        tx_drop_not_open,
        /// Payload dropped: more outstanding than a TCB can count.
        tx_drop_too_much,
        /// Active opens asked for.
        active_opens,
        /// SYNs passed to the host.
        passive_opens,
        /// Opens without offload: TCBs that are images.
        non_offload_opens,
        /// Connections that went live from their image.
        uploads,
        /// Aborts by the host.
        host_aborts,
        /// Aborts told to the host.
        peer_aborts,
        /// Negative advice told to the host.
        negative_advice,
    }
}

mafo_mem::counters! {
    /// What TP_MIB shows of TP.
    pub struct MibView {
        /// TCP_IN_SEG: segments for connections of TP's.
        in_segments,
        /// TCP_OUT_SEG: segments sent.
        out_segments,
        /// TCP_RXT_SEG: of these, sent again.
        retransmitted_segments,
        /// TCP_OUT_RST: of these, resets.
        out_resets,
        /// HDR_IN_ERR: IP headers with a wrong checksum.
        header_errors,
        /// TCP_IN_ERR: segments with a wrong checksum or header.
        tcp_errors,
    }
}
