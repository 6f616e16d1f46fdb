//! TP, the TCP engine: memory layout, timers, MTU and congestion tables, RSS, and what lies behind its
//! address/data pairs ([`pio`], [`mib`]).

use crate::Bar;

registers! {
    /// Outgoing packets. (`A_TP_OUT_CONFIG`)
    0x7d04 Rw TP_OUT_CONFIG { 16 ipidsplitmode, 3 crxpktenc }
    /// Global settings; `issfromcplenable`: the host supplies the initial sequence number; `ipttl`: time to live of what
    /// TP sends. (`A_TP_GLOBAL_CONFIG`)
    0x7d08 Rw TP_GLOBAL_CONFIG { 11 issfromcplenable, 7:0 ipttl }
    /// Byte address of TCB 0 in card memory; TCB n follows at 128 n. (`A_TP_CMM_TCB_BASE`)
    0x7d10 Rw TP_CMM_TCB_BASE { 31:0 address }
    /// Where the page pools' bookkeeping begins. (`A_TP_CMM_MM_BASE`)
    0x7d14 Rw TP_CMM_MM_BASE { 31:0 address }
    /// Where the timers' memory begins. (`A_TP_CMM_TIMER_BASE`)
    0x7d18 Rw TP_CMM_TIMER_BASE { 31:0 address }
    /// Where payload on its way out lies. (`A_TP_PMM_TX_BASE`)
    0x7d20 Rw TP_PMM_TX_BASE { 31:0 address }
    /// Where payload on its way in lies. (`A_TP_PMM_RX_BASE`)
    0x7d28 Rw TP_PMM_RX_BASE { 31:0 address }
    /// Page of the receive pool, bytes. (`A_TP_PMM_RX_PAGE_SIZE`)
    0x7d2c Rw TP_PMM_RX_PAGE_SIZE { 31:0 size }
    /// Pages of the receive pool. (`A_TP_PMM_RX_MAX_PAGE`)
    0x7d30 Rw TP_PMM_RX_MAX_PAGE { 31:0 count }
    /// Page of the transmit pool, bytes. (`A_TP_PMM_TX_PAGE_SIZE`)
    0x7d34 Rw TP_PMM_TX_PAGE_SIZE { 31:0 size }
    /// Pages of the transmit pool. (`A_TP_PMM_TX_MAX_PAGE`)
    0x7d38 Rw TP_PMM_TX_MAX_PAGE { 31:0 count }
    /// Parser options. (`A_TP_PC_CONFIG`)
    0x7d48 Rw TP_PC_CONFIG { 31:0 value }
    /// Parameters, first word. (`A_TP_PARA_REG0`)
    0x7d60 Rw TP_PARA_REG0 { 26:24 initcwnd }
    /// Parameters, third word: the most bytes of one CPL_RX_DATA. (`A_TP_PARA_REG2`)
    0x7d68 Rw TP_PARA_REG2 { 31:16 maxrxdata }
    /// Parameters, fourth word: receive fragments and congestion. (`A_TP_PARA_REG3`)
    0x7d6c Rw TP_PARA_REG3 { 31:0 value }
    /// Parameters, seventh word. (`A_TP_PARA_REG6`)
    0x7d78 Rw TP_PARA_REG6 { 31:0 value }
    /// How long the ticks of TP's clocks are: each is the core clock's period times 2^n. (`A_TP_TIMER_RESOLUTION`)
    0x7d90 Rw TP_TIMER_RESOLUTION { 23:16 timerresolution, 15:8 timestampresolution, 7:0 delayedackresolution }
    /// Smallest retransmission timeout, timer ticks. (`A_TP_RXT_MIN`)
    0x7d98 Rw TP_RXT_MIN { 31:0 ticks }
    /// Largest retransmission timeout. (`A_TP_RXT_MAX`)
    0x7d9c Rw TP_RXT_MAX { 31:0 ticks }
    /// First zero window probe. (`A_TP_PERS_MIN`)
    0x7da0 Rw TP_PERS_MIN { 31:0 ticks }
    /// Largest distance of zero window probes. (`A_TP_PERS_MAX`)
    0x7da4 Rw TP_PERS_MAX { 31:0 ticks }
    /// Idle time before the first keepalive. (`A_TP_KEEP_IDLE`)
    0x7da8 Rw TP_KEEP_IDLE { 31:0 ticks }
    /// Distance of keepalives. (`A_TP_KEEP_INTVL`)
    0x7dac Rw TP_KEEP_INTVL { 31:0 ticks }
    /// Round-trip time before there is a measurement. (`A_TP_INIT_SRTT`)
    0x7db0 Rw TP_INIT_SRTT { 31:0 ticks }
    /// Delayed ACK, delayed-ACK ticks. (`A_TP_DACK_TIMER`)
    0x7db4 Rw TP_DACK_TIMER { 31:0 ticks }
    /// How long FIN-WAIT-2 lasts without a peer. (`A_TP_FINWAIT2_TIMER`)
    0x7db8 Rw TP_FINWAIT2_TIMER { 31:0 ticks }
    /// How often things are repeated before giving up. (`A_TP_SHIFT_CNT`)
    0x7dc0 Rw TP_SHIFT_CNT {
        31:24 synshiftmax, 23:20 rxtshiftmaxr1, 19:16 rxtshiftmaxr2,
        15:12 pershiftbackoffmax, 11:8 pershiftmax, 7:4 keepalivemaxr1, 3:0 keepalivemaxr2,
    }
    /// TP's clock, low word, core clock ticks; read HI, LO, HI to notice a wrap. (`A_TP_TIME_LO`)
    0x7dc8 Ro TP_TIME_LO { 31:0 ticks }
    /// TP's clock, high word. (`A_TP_TIME_HI`)
    0x7dcc Ro TP_TIME_HI { 31:0 ticks }
    /// Pacing rates. (`A_TP_PACE_TABLE`)
    0x7dd8 Rw TP_PACE_TABLE { 31:0 value }
    /// Growth of the congestion window, for 16 MTUs × 32 windows, written one by one; a write with row 0xffff
    /// selects one for the next read. (`A_TP_CCTRL_TABLE`)
    0x7ddc Rw TP_CCTRL_TABLE { 31:16 rowindex, 15:0 rowvalue }
    /// MTU table; a write with index 0xff selects entry `mtuvalue` for the next read. (`A_TP_MTU_TABLE`)
    0x7de4 Rw TP_MTU_TABLE { 31:24 mtuindex, 19:16 mtuwidth, 13:0 mtuvalue }
    /// Indirection table, two queues a row; a write with twelve ones above the row's number selects it for the
    /// next read. (`A_TP_RSS_LKP_TABLE`)
    0x7dec Rw TP_RSS_LKP_TABLE { 31 lkptblrowvld, 29:20 lkptblrowidx, 19:10 lkptblqueue1, 9:0 lkptblqueue0 }
    /// What is hashed and mapped to queues. (`A_TP_RSS_CONFIG`)
    0x7df0 Rw TP_RSS_CONFIG {
        31 tnl4tupenipv6, 30 tnl2tupenipv6, 29 tnl4tupenipv4, 28 tnl2tupenipv4, 27 tnltcpsel, 26 tnlip6sel,
        25 tnlvrtsel, 24 tnlmapen, 19 ofdhashsave, 18 ofdvrtsel, 17 ofdmapen, 16 ofdlkpen,
        15 syn4tupenipv6, 14 syn2tupenipv6, 13 syn4tupenipv4, 12 syn2tupenipv4, 11 synip6sel, 10 synvrtsel,
        9 synmapen, 8 synlkpen, 7 channelenable, 6 portenable, 5 tnlalllookup, 4 virtenable,
        3 congestionenable, 2 hashtoeplitz, 1 udpenable, 0 disable,
    }
    /// RSS of packets. (`A_TP_RSS_CONFIG_TNL`)
    0x7df4 Rw TP_RSS_CONFIG_TNL { 31:0 value }
    /// RSS of connections. (`A_TP_RSS_CONFIG_OFD`)
    0x7df8 Rw TP_RSS_CONFIG_OFD { 31:0 value }
    /// RSS of SYNs. (`A_TP_RSS_CONFIG_SYN`)
    0x7dfc Rw TP_RSS_CONFIG_SYN { 31:0 value }
    /// RSS of virtual interfaces, and the key's write port. (`A_TP_RSS_CONFIG_VRT`)
    0x7e00 Rw TP_RSS_CONFIG_VRT { 7:6 keymode, 4 keywren, 3:0 keywraddr }
    /// RSS and congestion. (`A_TP_RSS_CONFIG_CNG`)
    0x7e04 Rw TP_RSS_CONFIG_CNG { 31:0 value }
    /// Scheduler registers: which one. (`A_TP_TM_PIO_ADDR`)
    0x7e18 Rw TP_TM_PIO_ADDR { 31:0 addr }
    /// Scheduler registers: its value. (`A_TP_TM_PIO_DATA`)
    0x7e1c Rw TP_TM_PIO_DATA { 31:0 data }
    /// Modulation. (`A_TP_MOD_CONFIG`)
    0x7e24 Rw TP_MOD_CONFIG { 31:0 value }
    /// Which channel each transmit modulation queue feeds, two bits a queue. (`A_TP_TX_MOD_QUEUE_REQ_MAP`)
    0x7e28 Rw TP_TX_MOD_QUEUE_REQ_MAP { 31:0 map }
    /// TP's registers: which one, see [`pio`]. (`A_TP_PIO_ADDR`)
    0x7e40 Rw TP_PIO_ADDR { 31:0 addr }
    /// TP's registers: its value. (`A_TP_PIO_DATA`)
    0x7e44 Rw TP_PIO_DATA { 31:0 data }
    /// TP's counters: which one, see [`mib`]. (`A_TP_MIB_INDEX`)
    0x7e50 Rw TP_MIB_INDEX { 31:0 index }
    /// TP's counters: its value; the index moves on. (`A_TP_MIB_DATA`)
    0x7e54 Rw TP_MIB_DATA { 31:0 data }
}

/// Bytes of a TCB in card memory.
pub const TCB_SIZE: u32 = 128;
/// MTUs in the table.
pub const MTU_COUNT: usize = 16;
/// Windows in the congestion table.
pub const CCTRL_WINDOW_COUNT: usize = 32;
/// The MTU table of the vendor's driver.
pub const DEFAULT_MTUS: [u16; MTU_COUNT] =
    [88, 256, 512, 576, 808, 1024, 1280, 1488, 1500, 2002, 2048, 4096, 4352, 8192, 9000, 9600];

impl TP_MTU_TABLE {
    /// Selects entry `index` for the next read.
    #[must_use]
    pub const fn select(index: u32) -> Self {
        Self(0).with_mtuindex(0xff).with_mtuvalue(index)
    }
    /// Writes entry `index`; the card also wants log2 of the MTU, rounded to the nearest.
    #[must_use]
    pub const fn entry(index: u32, mtu: u32) -> Self {
        let log2 = if mtu == 0 { 0 } else { mtu.ilog2() };
        // The nearest power of two in proportion: down when the bit below the top one is clear.
        let width = if log2 > 0 && mtu & (1 << (log2 - 1)) != 0 { log2 + 1 } else { log2 };
        Self(0).with_mtuindex(index).with_mtuwidth(width).with_mtuvalue(mtu)
    }
}

impl TP_CCTRL_TABLE {
    /// Selects the entry of an MTU and a window for the next read.
    #[must_use]
    pub const fn select(mtu_index: u32, window: u32) -> Self {
        debug_assert!(mtu_index < MTU_COUNT as u32 && window < CCTRL_WINDOW_COUNT as u32);
        Self(0xffff_0000 | mtu_index << 5 | window)
    }
    /// The vendor driver's entry of an MTU (its index and bytes) and a window: HighSpeed TCP's growth
    /// (RFC 3649) for the window's average of packets.
    #[must_use]
    pub const fn entry(mtu_index: u32, mtu: u32, window: u32) -> Self {
        debug_assert!(mtu_index < MTU_COUNT as u32 && window < CCTRL_WINDOW_COUNT as u32);
        let (alpha, beta, packets) = CCTRL_DEFAULTS[window as usize];
        let growth = mtu.saturating_sub(40) * alpha / packets;
        let increment = if growth < CCTRL_MIN_INCREMENT { CCTRL_MIN_INCREMENT } else { growth };
        Self(0).with_rowindex(mtu_index << 5 | window).with_rowvalue(beta << 13 | increment)
    }
    /// MTU index and window that a write means, or `None` if it selects.
    #[must_use]
    pub const fn place(self) -> Option<(u32, u32)> {
        let row = self.rowindex();
        if row == 0xffff { None } else { Some((row >> 5 & 15, row & 31)) }
    }
    /// How far the window shrinks: a shift, 15:13 of the word.
    #[must_use]
    pub const fn beta(self) -> u32 {
        self.rowvalue() >> 13
    }
    /// How far the window grows a round trip, bytes: 12:0 of the word.
    #[must_use]
    pub const fn increment(self) -> u32 {
        self.rowvalue() & 0x1fff
    }
}

/// Smallest growth of a window (t4_hw.c CC_MIN_INCR).
pub const CCTRL_MIN_INCREMENT: u32 = 2;

/// Alpha, beta and average packets of each window (t4_hw.c init_cong_ctrl, t4_load_mtus).
const CCTRL_DEFAULTS: [(u32, u32, u32); CCTRL_WINDOW_COUNT] = [
    (1, 0, 2),
    (1, 0, 6),
    (1, 0, 10),
    (1, 0, 14),
    (1, 0, 20),
    (1, 0, 28),
    (1, 0, 40),
    (1, 0, 56),
    (1, 0, 80),
    (2, 1, 112),
    (3, 1, 160),
    (4, 2, 224),
    (5, 2, 320),
    (6, 3, 448),
    (7, 3, 640),
    (8, 3, 896),
    (9, 3, 1281),
    (10, 4, 1792),
    (14, 4, 2560),
    (17, 4, 3584),
    (21, 4, 5120),
    (25, 4, 7168),
    (30, 5, 10240),
    (35, 5, 14336),
    (45, 5, 20480),
    (60, 5, 28672),
    (80, 5, 40960),
    (100, 5, 57344),
    (200, 6, 81920),
    (300, 6, 114688),
    (400, 7, 163840),
    (500, 7, 229376),
];

impl TP_TIMER_RESOLUTION {
    /// Nanoseconds of `ticks` of a clock with this resolution on a core of `cclk_khz`. A resolution beyond
    /// 31 counts as 31, a core without a clock stands still.
    #[must_use]
    pub const fn ticks_to_ns(resolution: u32, ticks: u64, cclk_khz: u32) -> u64 {
        if cclk_khz == 0 {
            return 0;
        }
        let shift = if resolution > 31 { 31 } else { resolution };
        ((((ticks as u128) << shift) * 1_000_000) / cclk_khz as u128) as u64
    }
}

impl TP_TX_MOD_QUEUE_REQ_MAP {
    /// Queue n feeds channel n.
    pub const DEFAULT: Self = Self(0xe4);
    /// The channel that queue `queue` feeds.
    #[must_use]
    pub const fn channel(self, queue: u32) -> u32 {
        debug_assert!(queue < 16);
        (self.0 >> (2 * queue)) & 3
    }
}

impl TP_RSS_LKP_TABLE {
    /// Selects row `row` for the next read.
    #[must_use]
    pub const fn select(row: u32) -> Self {
        debug_assert!(row < RSS_ENTRY_COUNT as u32 / 2);
        Self(0xfff0_0000 | row)
    }
}

/// Entries of the RSS indirection table, each the absolute id of an ingress queue.
pub const RSS_ENTRY_COUNT: usize = 2048;

/// TP's own registers, behind [`TP_PIO_ADDR`] and [`TP_PIO_DATA`].
pub mod pio {
    indirect_registers! {
        /// RSS settings of each function. (`A_TP_RSS_PF0_CONFIG`)
        0x30[8] TP_RSS_PF_CONFIG { 31:0 value }
        /// RSS map of the functions. (`A_TP_RSS_PF_MAP`)
        0x38 TP_RSS_PF_MAP { 31:0 value }
        /// RSS mask of the functions. (`A_TP_RSS_PF_MSK`)
        0x39 TP_RSS_PF_MSK { 31:0 value }
        /// RSS settings of the chosen virtual function, low word. (`A_TP_RSS_VFL_CONFIG`)
        0x3a TP_RSS_VFL_CONFIG { 31:0 value }
        /// RSS settings of the chosen virtual function, high word. (`A_TP_RSS_VFH_CONFIG`)
        0x3b TP_RSS_VFH_CONFIG { 31:0 value }
        /// The RSS key, the last word of the 40 bytes first. (`A_TP_RSS_SECRET_KEY0`)
        0x40[10] TP_RSS_SECRET_KEY { 31:0 key }
        /// Filter mode: which optional fields the compressed tuple of a lookup has. (`A_TP_VLAN_PRI_MAP`)
        0x140 TP_VLAN_PRI_MAP {
            9 fragmentation, 8 mpshittype, 7 macmatch, 6 ethertype, 5 protocol, 4 tos, 3 vlan, 2 vnic_id,
            1 port, 0 fcoe,
        }
        /// What TP takes from an arriving packet. (`A_TP_INGRESS_CONFIG`)
        0x141 TP_INGRESS_CONFIG { 13 use_enc_idx, 11 vnic, 10 csum_has_pseudo_hdr, 9 rm_ovlan }
    }

    /// A field of the compressed filter tuple.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum TupleField {
        /// FCoE frame.
        Fcoe,
        /// Port the frame came in by, 0 to 7.
        Port,
        /// Virtual interface (valid bit 16, PF from bit 7, VF 6:0) or outer VLAN (valid bit 16).
        VnicId,
        /// Inner VLAN, valid bit 16.
        Vlan,
        /// Type of service.
        Tos,
        /// IP protocol.
        Protocol,
        /// Ethernet type.
        Ethertype,
        /// Entry of the MAC table that matched.
        MacMatch,
        /// How the MAC matched.
        MpsHitType,
        /// Fragment.
        Fragmentation,
    }

    impl TupleField {
        /// All, in the order in which they are packed from bit 0.
        pub const ALL: [Self; 10] = [
            Self::Fcoe,
            Self::Port,
            Self::VnicId,
            Self::Vlan,
            Self::Tos,
            Self::Protocol,
            Self::Ethertype,
            Self::MacMatch,
            Self::MpsHitType,
            Self::Fragmentation,
        ];
        /// Its bit in [`TP_VLAN_PRI_MAP`].
        #[must_use]
        pub const fn bit(self) -> u32 {
            1 << self as u32
        }
        /// Bits it takes in the tuple (t4_regs_values.h W_FT_*).
        #[must_use]
        pub const fn width(self) -> u32 {
            match self {
                Self::Fcoe | Self::Fragmentation => 1,
                Self::Port | Self::MpsHitType => 3,
                Self::VnicId | Self::Vlan => 17,
                Self::Tos | Self::Protocol => 8,
                Self::Ethertype => 16,
                Self::MacMatch => 9,
            }
        }
    }

    /// Valid bit of a VLAN or VNIC field of the tuple (t4_regs_values.h F_FT_VLAN_VLD).
    pub const VLAN_VLD: u64 = 1 << 16;

    impl TP_VLAN_PRI_MAP {
        /// The vendor's filter mode: fragmentation, MPS hit type, protocol, VLAN, port, FCoE.
        pub const DEFAULT_MODE: Self = Self(0)
            .with_fragmentation(true)
            .with_mpshittype(true)
            .with_protocol(true)
            .with_vlan(true)
            .with_port(true)
            .with_fcoe(true);
        /// The vendor's filter mask, what is enforced for connections: protocol and FCoE.
        pub const DEFAULT_MASK: Self = Self(0).with_protocol(true).with_fcoe(true);

        /// Whether the tuple has `field`.
        #[must_use]
        pub const fn has(self, field: TupleField) -> bool {
            self.0 & field.bit() != 0
        }
        /// Where `field` begins in the tuple; `None` when the mode does not have it, or the tuple of a mode
        /// that no card has ends before it.
        #[must_use]
        pub const fn shift(self, field: TupleField) -> Option<u32> {
            if !self.has(field) {
                return None;
            }
            let mut shift = 0;
            let mut i = 0;
            while i < field as usize {
                if self.has(TupleField::ALL[i]) {
                    shift += TupleField::ALL[i].width();
                }
                i += 1;
            }
            // A host may select more than the 40 bits that the card has; what exceeds the word is not there.
            if shift + field.width() > u64::BITS { None } else { Some(shift) }
        }
        /// The bits of the tuple that belong to `field`; 0 when the mode does not have it.
        #[must_use]
        pub const fn tuple_mask(self, field: TupleField) -> u64 {
            match self.shift(field) {
                Some(shift) => ((1 << field.width()) - 1) << shift,
                None => 0,
            }
        }
        /// `tuple` with `field` set to `value`; unchanged when the mode does not have the field.
        #[must_use]
        pub const fn with_field(self, tuple: u64, field: TupleField, value: u64) -> u64 {
            debug_assert!(value >> field.width() == 0);
            match self.shift(field) {
                Some(shift) => {
                    let mask = self.tuple_mask(field);
                    (tuple & !mask) | ((value << shift) & mask)
                }
                None => tuple,
            }
        }
        /// The value of `field` in `tuple`; `None` when the mode does not have it.
        #[must_use]
        pub const fn field(self, tuple: u64, field: TupleField) -> Option<u64> {
            match self.shift(field) {
                Some(shift) => Some((tuple & self.tuple_mask(field)) >> shift),
                None => None,
            }
        }
        /// Bits that the fields of this mode take together; T4 has 36, T5 40.
        #[must_use]
        pub const fn tuple_width(self) -> u32 {
            let mut width = 0;
            let mut i = 0;
            while i < TupleField::ALL.len() {
                if self.has(TupleField::ALL[i]) {
                    width += TupleField::ALL[i].width();
                }
                i += 1;
            }
            width
        }
    }
}

/// Reads TP register `addr` through the pair.
#[must_use]
pub fn read_pio(bar: &(impl Bar + ?Sized), addr: u32) -> u32 {
    TP_PIO_ADDR(addr).write(bar);
    TP_PIO_DATA::read(bar).0
}

/// Writes TP register `addr` through the pair.
pub fn write_pio(bar: &(impl Bar + ?Sized), addr: u32, value: u32) {
    TP_PIO_ADDR(addr).write(bar);
    TP_PIO_DATA(value).write(bar);
}

/// Indices of TP's counters, behind [`TP_MIB_INDEX`] and [`TP_MIB_DATA`].
pub mod mib {
    use super::{TP_MIB_DATA, TP_MIB_INDEX};
    use crate::Bar;

    codes! {
        /// A counter of 32 bits; arrays have one a channel, pairs HI and LO. (`A_TP_MIB_*`)
        pub Mib: u32 {
            /// Bad frames, four channels.
            MAC_IN_ERR_0 = 0x0,
            /// Bad IPv4 headers, four channels.
            HDR_IN_ERR_0 = 0x4,
            /// Bad TCP segments over IPv4, four channels.
            TCP_IN_ERR_0 = 0x8,
            /// Resets sent over IPv4.
            TCP_OUT_RST = 0xc,
            /// Segments received over IPv4, high word.
            TCP_IN_SEG_HI = 0x10,
            /// Segments received over IPv4, low word.
            TCP_IN_SEG_LO = 0x11,
            /// Segments sent over IPv4, high word.
            TCP_OUT_SEG_HI = 0x12,
            /// Segments sent over IPv4, low word.
            TCP_OUT_SEG_LO = 0x13,
            /// Segments retransmitted over IPv4, high word.
            TCP_RXT_SEG_HI = 0x14,
            /// Segments retransmitted over IPv4, low word.
            TCP_RXT_SEG_LO = 0x15,
            /// Packets dropped by congestion, four channels.
            TNL_CNG_DROP_0 = 0x18,
            /// Segments of connections dropped, four channels.
            OFD_CHN_DROP_0 = 0x1c,
            /// Packets sent, four channels.
            TNL_OUT_PKT_0 = 0x20,
            /// Packets received, four channels.
            TNL_IN_PKT_0 = 0x24,
            /// Bad TCP segments over IPv6, four channels.
            TCP_V6IN_ERR_0 = 0x28,
            /// Resets sent over IPv6.
            TCP_V6OUT_RST = 0x2c,
            /// Segments received over IPv6, high word.
            TCP_V6IN_SEG_HI = 0x30,
            /// Segments received over IPv6, low word.
            TCP_V6IN_SEG_LO = 0x31,
            /// Segments sent over IPv6, high word.
            TCP_V6OUT_SEG_HI = 0x32,
            /// Segments sent over IPv6, low word.
            TCP_V6OUT_SEG_LO = 0x33,
            /// Segments retransmitted over IPv6, high word.
            TCP_V6RXT_SEG_HI = 0x34,
            /// Segments retransmitted over IPv6, low word.
            TCP_V6RXT_SEG_LO = 0x35,
            /// Segments dropped because the L2T entry is unresolved.
            OFD_ARP_DROP = 0x36,
            /// Segments dropped while deferred.
            OFD_DFR_DROP = 0x37,
            /// CPLs from the host, four channels.
            CPL_IN_REQ_0 = 0x38,
            /// CPLs to the host, four channels.
            CPL_OUT_RSP_0 = 0x3c,
            /// Packets looped back, four channels.
            TNL_LPBK_0 = 0x40,
            /// Packets dropped, four channels.
            TNL_DROP_0 = 0x44,
            /// Segments of connections dropped by their VLAN, four channels.
            OFD_VLN_DROP_0 = 0x58,
        }
    }

    impl Mib {
        /// The counter of channel `channel` of an array of four.
        #[must_use]
        pub const fn channel(self, channel: u32) -> Self {
            debug_assert!(channel < 4);
            Self(self.0 + channel)
        }
        /// Reads the counter.
        #[must_use]
        pub fn read(self, bar: &(impl Bar + ?Sized)) -> u32 {
            TP_MIB_INDEX(self.0).write(bar);
            TP_MIB_DATA::read(bar).0
        }
    }
}
