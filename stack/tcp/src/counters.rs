//! What the engine counts. Every segment that is dropped is counted under a name that says why.

mafo_mem::counters! {
    /// Statistics of all connections of one [`crate::Engine`].
    pub struct Counters {
        /// Segments given to connections.
        rx_segments,
        /// Payload bytes by which connections' `rcv_nxt` advanced.
        rx_bytes,
        /// Segments taken by the short path for an established connection.
        rx_predicted,
        /// Segments sent.
        tx_segments,
        /// Payload bytes sent for the first time.
        tx_bytes,
        /// Segments without payload, SYN, FIN or RST sent.
        tx_acks,
        /// Connections that we opened.
        active_opens,
        /// Connections that the peer opened.
        passive_opens,
        /// Connections that became established.
        established,
        /// Segments sent again, of whatever kind.
        retransmits,
        /// Payload bytes sent again.
        retransmitted_bytes,
        /// Retransmission timeouts.
        timeouts,
        /// Times that recovery began on duplicate ACKs or SACK.
        fast_recoveries,
        /// Times that a segment was found lost because it was overtaken and did not come in time.
        reorder_timeouts,
        /// Tail loss probes sent.
        tail_probes,
        /// Losses that a tail loss probe repaired.
        tail_probe_repairs,
        /// Reductions of the congestion window taken back: timeouts that were spurious by F-RTO,
        undo_frto,
        /// by the echo of a first transmission's timestamp (Eifel),
        undo_timestamp,
        /// and by reports of duplicates (DSACK).
        undo_dsack,
        /// Duplicates that the peer reported (RFC 2883).
        rx_dsacks,
        /// Window probes sent.
        window_probes,
        /// Keepalive probes sent.
        keepalive_probes,
        /// Resets sent.
        tx_resets,
        /// Resets that ended a connection.
        rx_resets,
        /// Connections given up by a timer.
        timed_out,
        /// Times that so much was sent again that the way to the peer is in doubt (R1).
        negative_advice,
        /// ICMP errors taken.
        icmp_errors,
        /// ICMP errors dropped: about nothing that is outstanding (RFC 5927 4.1).
        icmp_drop_sequence,
        /// Times that a path turned out to carry less than was sent.
        path_mss_lowered,
        /// Times that segments were made shorter because long ones seem to be dropped without a word.
        mtu_black_holes,
        /// Segments sent that are longer than what is known to arrive.
        mtu_probes,
        /// Those of them that arrived.
        mtu_probes_arrived,
        /// Those of them that alone were lost.
        mtu_probes_lost,
        /// Challenge ACKs sent (RFC 5961).
        challenge_acks,
        /// Answers not sent because the connection's rate limit was reached.
        challenge_acks_limited,
        /// ACKs sent because the delayed-ACK timer ran out.
        delayed_acks,
        /// Duplicate ACKs received.
        rx_dup_acks,
        /// Segments with payload of which nothing was new.
        rx_duplicates,
        /// Segments held beyond a gap.
        rx_held,
        /// Payload dropped: no range was free to hold it.
        rx_drop_held_full,
        /// Segments dropped: nothing of them in the receive window.
        rx_drop_window,
        /// Segments dropped by PAWS: timestamp older than one seen.
        rx_drop_paws,
        /// Segments dropped: no timestamp though agreed (RFC 7323 3.2).
        rx_drop_no_timestamp,
        /// Segments dropped: no ACK bit where one must be.
        rx_drop_no_ack,
        /// Segments dropped: no SYN where one must be.
        rx_drop_no_syn,
        /// Segments dropped: ACK of what was never sent.
        rx_drop_ack_unsent,
        /// Segments dropped: ACK older than the peer can mean (RFC 5961 section 5).
        rx_drop_ack_old,
        /// Resets dropped: not at a sequence number that proves their sender.
        rx_drop_reset,
        /// SYNs dropped on an open connection (RFC 5961 section 4).
        rx_drop_syn,
        /// Segments dropped: the connection was closed.
        rx_drop_closed,
        /// Payload dropped: after the peer's FIN.
        rx_drop_after_fin,
        /// Segments with the urgent bit; their bytes are delivered in line (RFC 6093).
        rx_urgent,
        /// Segments with payload that a congested queue has marked.
        rx_ce,
        /// Times that an echo of congestion reduced the window (RFC 3168).
        ecn_reductions,
        /// SACK blocks ignored: outside what is in flight.
        rx_sack_ignored,
    }
}
