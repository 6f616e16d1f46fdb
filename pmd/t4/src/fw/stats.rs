//! Counters by command: FW_VI_STATS, FW_PORT_STATS, FW_PORT_LB_STATS. A command reads up to six in a row.

bits! {
    /// How many counters of an interface, and from which on (S_FW_VI_STATS_CMD_NSTATS, _IX).
    pub ViStatsRange: u16 { 14:12 nstats, 4:0 ix }
}

command! {
    /// Counters of a virtual interface. (`fw_vi_stats_cmd, ctl`)
    pub struct ViStatsCmd[64] = VI_STATS, super::Lo {
        /// Which.
        range: ViStatsRange,
        #[doc(hidden)]
        r6: u16,
        #[doc(hidden)]
        r7: u32,
        /// Their values, in the reply.
        stat: [u64; 6],
    }
}

bits! {
    /// How many counters, and the buffer groups of the drop counters (S_FW_PORT_STATS_CMD_NSTATS, _BG_BM).
    pub StatsCount: u8 { 6:4 nstats, 1:0 bg_bm }
}
bits! {
    /// From which counter on: index into [`TX_STATS`](crate::regs::mps::port::TX_STATS) with `tx`, else into
    /// [`RX_STATS`](crate::regs::mps::port::RX_STATS) (S_FW_PORT_STATS_CMD_TX, _IX).
    pub PortStatsFirst: u8 { 7 tx, 5:0 ix }
}

command! {
    /// Counters of a port. (`fw_port_stats_cmd, ctl`)
    pub struct PortStatsCmd[64] = PORT_STATS, super::Lo {
        /// How many.
        count: StatsCount,
        /// From which on.
        first: PortStatsFirst,
        #[doc(hidden)]
        r6: u16,
        #[doc(hidden)]
        r7: u32,
        /// Their values, in the reply.
        stat: [u64; 6],
    }
}

bits! {
    /// From which counter on: index into [`LB_STATS`](crate::regs::mps::port::LB_STATS)
    /// (S_FW_PORT_LB_STATS_CMD_IX).
    pub LbStatsFirst: u8 { 3:0 ix }
}

command! {
    /// Counters of a port's loopback. (`fw_port_lb_stats_cmd, ctl`)
    pub struct PortLbStatsCmd[64] = PORT_LB_STATS, super::Lo {
        /// How many.
        count: StatsCount,
        /// From which on.
        first: LbStatsFirst,
        #[doc(hidden)]
        r6: u16,
        #[doc(hidden)]
        r7: u32,
        /// Their values, in the reply.
        stat: [u64; 6],
    }
}
