//! Where each field lies: word, shift, width as in `t4_tcb.h` (`W_TCB_*`, `S_TCB_*`, `M_TCB_*`).

use super::Field;

macro_rules! fields {
    ($(#[$tm:meta])* $TABLE:ident { $( $(#[$m:meta])* $word:literal / $shift:literal / $width:literal $NAME:ident ),* $(,)? }) => {
        $(
            $(#[$m])*
            pub const $NAME: Field =
                Field { name: stringify!($NAME), word: $word, shift: $shift, width: $width };
        )*
        $(#[$tm])*
        pub const $TABLE: &[Field] = &[ $($NAME),* ];
        /// Fails to compile when a field leaves its window or the TCB.
        const _: () = { $(
            assert!($width > 0 && $shift + $width < 65);
            assert!($word * 32 + $shift + $width < 1025);
        )* };
    };
}

fields! {
    /// All fields of a plain TCP connection, from bit 0 up; none overlaps another.
    PLAIN_TCP {
        /// Protocol above TCP, 0 for none.
        0/0/4 ULP_TYPE,
        /// Flags of that protocol.
        0/4/8 ULP_RAW,
        /// Next hop.
        0/12/12 L2T_IX,
        /// Source MAC.
        0/24/8 SMAC_SEL,
        /// [`TFlags`](super::TFlags), or [`FilterFlags`](super::FilterFlags).
        1/0/64 T_FLAGS,
        /// Ingress queue of the connection's messages.
        3/0/10 RSS_INFO,
        /// DSCP.
        3/10/6 TOS,
        /// A [`State`](super::State).
        3/16/4 T_STATE,
        /// Retransmissions before giving up.
        3/20/4 MAX_RT,
        /// Index into the MTU table.
        3/24/4 T_MAXSEG,
        /// Shift of **our advertised (receive) window**: the peer sends by it.
        3/28/4 SND_SCALE,
        /// Shift of the **peer's** window.
        4/0/4 RCV_SCALE,
        /// Backoff of the retransmission timer.
        4/4/4 T_RXTSHIFT,
        /// Duplicate ACKs in a row.
        4/8/4 T_DUPACKS,
        /// TSval = clock + this × 2^28.
        4/12/4 TIMESTAMP_OFFSET,
        /// The peer's window as last received, unscaled.
        4/16/16 RCV_ADV,
        /// Timers. On a filter that counts: half of the hit counters.
        5/0/32 TIMESTAMP,
        /// Start of the RTT sample, or age of ts_recent. On a filter that counts: half of the hit counters.
        6/0/32 T_RTT_TS_RECENT_AGE,
        /// ts_recent with timestamps, else the sequence number that is timed.
        7/0/32 T_RTSEQ_RECENT,
        /// Smoothed RTT in timer ticks.
        8/0/16 T_SRTT,
        /// RTT variance in timer ticks.
        8/16/16 T_RTTVAR,
        /// Sequence number past the last byte given to TP.
        9/0/32 TX_MAX,
        /// TX_MAX − snd_una.
        10/0/28 SND_UNA_RAW,
        /// TX_MAX − snd_nxt.
        10/28/28 SND_NXT_RAW,
        /// TX_MAX − snd_max.
        11/24/28 SND_MAX_RAW,
        /// TX_MAX − the recovery point.
        12/20/28 SND_REC_RAW,
        /// Congestion window in bytes.
        13/16/28 SND_CWND,
        /// Slow start threshold in bytes.
        14/12/28 SND_SSTHRESH,
        /// Pages of payload to send, first. Private.
        15/8/17 TX_HDR_PTR,
        /// Pages of payload to send, last. Private.
        15/25/17 TX_LAST_PTR,
        /// Next sequence number expected.
        16/10/32 RCV_NXT,
        /// Receive credits in bytes, unscaled.
        17/10/28 RCV_WND,
        /// In-order bytes held, not yet delivered to the host.
        18/6/28 RX_HDR_OFFSET,
        /// RCV_NXT − the last ACK sent.
        19/2/28 TS_LAST_ACK_SENT_RAW,
        /// Start of the first out-of-order fragment, beyond RCV_NXT.
        19/30/28 RX_FRAG0_START_IDX_RAW,
        /// Start of the second, beyond that of the first.
        20/26/28 RX_FRAG1_START_IDX_OFFSET,
        /// Bytes of the first.
        21/22/28 RX_FRAG0_LEN,
        /// Bytes of the second.
        22/18/28 RX_FRAG1_LEN,
        /// Bytes of the protocol's unit.
        23/14/16 PDU_LEN,
        /// Pages of received payload. Private.
        23/30/17 RX_PTR,
        /// Pages of the second fragment. Private.
        24/15/17 RX_FRAG1_PTR,
        /// Not used.
        25/0/32 MAIN_SLUSH,
        /// Not used.
        26/0/15 AUX1_SLUSH0,
        /// Start of the third out-of-order fragment.
        26/15/28 RX_FRAG2_START,
        /// Pages of the third. Private.
        27/11/17 RX_FRAG2_PTR,
        /// Bytes of the third.
        27/28/28 RX_FRAG2_LEN,
        /// Pages of the fourth. Private.
        28/24/17 RX_FRAG3_PTR,
        /// Bytes of the fourth.
        29/9/28 RX_FRAG3_LEN,
        /// Start of the fourth.
        30/5/28 RX_FRAG3_START,
        /// Header bytes of the protocol's unit.
        31/1/8 PDU_HDR_LEN,
        /// Not used.
        31/9/23 AUX1_SLUSH1,
    }
}

fields! {
    /// The auxiliary area of a connection with direct data placement (ULP mode TCPDDP).
    TCP_DDP {
        /// Bytes placed in buffer 0.
        26/0/24 RX_DDP_BUF0_OFFSET,
        /// Bytes of buffer 0.
        26/24/24 RX_DDP_BUF0_LEN,
        /// Flags of both buffers.
        27/16/24 RX_DDP_FLAGS,
        /// Bytes placed in buffer 1.
        28/8/24 RX_DDP_BUF1_OFFSET,
        /// Bytes of buffer 1.
        29/0/24 RX_DDP_BUF1_LEN,
        /// Page pod tag of buffer 0.
        30/0/32 RX_DDP_BUF0_TAG,
        /// Page pod tag of buffer 1.
        31/0/32 RX_DDP_BUF1_TAG,
    }
}
