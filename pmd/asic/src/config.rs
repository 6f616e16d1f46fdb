//! How one card differs from the next.

use mafo_mem::Meter;
use mafo_t4::L2tIdx;
use mafo_tcp::CongestionControl;

/// T5's congestion code points: `CONG_ALG_RENO`, `TAHOE`, `NEWRENO`, `HIGHSPEED`.
pub const CONGESTION_T5: [CongestionControl; 4] = [
    CongestionControl::Reno,
    CongestionControl::Tahoe,
    CongestionControl::NewReno,
    CongestionControl::HighSpeed,
];

/// Ranges of bytes beyond a gap for which a TCB has fields: the host can see all that is held.
const HELD_RANGES: usize = 4;

/// Everything that is fixed when a card is made.
///
/// Two cards of one bond should differ in every number here that silicon does not fix: nothing may
/// work because two numbering schemes happen to be equal.
#[derive(Clone, Debug)]
pub struct AsicConfig {
    /// Physical function that owns the card; the unified driver attaches to 4.
    pub pf: u8,
    /// Wire ports, 1 to 4. Channel n and loopback port 4 + n belong to port n.
    pub ports: u8,
    /// Core clock in kHz; all tick conversions derive from it.
    pub cclk_khz: u32,
    /// Core clock ticks at time zero. Unlike on every card.
    pub clock_epoch: u64,
    /// Seed of the delays that the card draws, and key of its table of connections. In production a secret, or peers
    /// could choose addresses and ports that collide there.
    pub seed: u64,
    /// A doorbell, a DMA write and a firmware reply are each late by 0 to this many polls. 0 in production.
    pub max_delay_polls: u32,
    /// By how many polls more a doorbell of an Ethernet queue may be late: queues keep their order, and wait for no other.
    pub ethernet_delay_polls: u32,
    /// Draws the order in which tids are given out; 0 is ascending.
    pub tid_order_seed: u64,
    /// Connections (TCBs of the active region).
    pub ntids: u32,
    /// First tid of the server region; `nservers` follow.
    pub server_start: u32,
    /// Listeners.
    pub nservers: u32,
    /// First tid of the filter region; `nfilters` follow.
    pub filter_start: u32,
    /// Filters.
    pub nfilters: u32,
    /// First L2T row of this function.
    pub l2t_start: L2tIdx,
    /// L2T rows of this function.
    pub nl2t: u16,
    /// First function-relative ingress queue id.
    pub iq_start: u16,
    /// Ingress queues. Ids and `iq_absolute_offset` together stay below 1024.
    pub niq: u16,
    /// Absolute minus function-relative ingress queue id.
    pub iq_absolute_offset: u16,
    /// First function-relative egress queue id.
    pub eq_start: u32,
    /// Egress queues, freelists among them.
    pub neq: u32,
    /// Absolute minus function-relative egress queue id.
    pub eq_absolute_offset: u32,
    /// First virtual interface number (VIN).
    pub vin_start: u8,
    /// MAC address of port 0's first interface; the next ones count up from it.
    pub mac_base: [u8; 6],
    /// Transmit credits of a connection, in units of 16 bytes (FLOWC_BUFFIFO_SZ).
    pub flowc_buffifo_sz: u32,
    /// What the four congestion code points of opt2 (`CONG_ALG_*`) stand for: by default T5's own set, which a
    /// card of software may go beyond.
    pub congestion: [CongestionControl; 4],
    /// Whether nothing that commits the host leaves before the host can see what it is committed to: no ACK before the
    /// bytes, no word of a handshake before its end is told (the commit rule). Without it TP answers as silicon does, and
    /// what it has answered for and not told yet dies with the card. A whole host sets it as its bond says.
    pub commits: bool,
    /// What TP does where no register says: a card of software may recover from losses as it likes. TIME-WAIT is the
    /// host's, whatever is said here.
    pub engine: mafo_tcp::Config,
    /// Longest frame that a port takes or sends, without FCS.
    pub max_frame_len: usize,
    /// Frames that a port's transmit buffer holds; a full one stops the queues that feed it, and TP is
    /// stopped when it is half full.
    pub tx_queue_frames: usize,
    /// Frames that a loopback port holds; a full one drops.
    pub loopback_frames: usize,
    /// What the work of changing a connection's owner is charged by (`Asic::take_charges`).
    pub meter: Meter,
}

impl AsicConfig {
    /// A T540-CR with the numbering of the default configuration file.
    #[must_use]
    pub fn t540_cr() -> Self {
        Self {
            pf: 4,
            ports: 4,
            cclk_khz: 250_000,
            clock_epoch: 0,
            seed: 0,
            max_delay_polls: 0,
            ethernet_delay_polls: 0,
            tid_order_seed: 0,
            ntids: 16_384,
            server_start: 16_384,
            nservers: 496,
            filter_start: 16_880,
            nfilters: 496,
            l2t_start: L2tIdx(0),
            nl2t: 3_072,
            iq_start: 0,
            niq: 512,
            iq_absolute_offset: 0,
            eq_start: 0,
            neq: 2_048,
            eq_absolute_offset: 0,
            vin_start: 0,
            mac_base: [0x00, 0x07, 0x43, 0x54, 0x00, 0x00],
            flowc_buffifo_sz: 256,
            congestion: CONGESTION_T5,
            commits: true,
            engine: mafo_tcp::Config { held_ranges_max: HELD_RANGES, ..Default::default() },
            max_frame_len: 9_614,
            tx_queue_frames: 512,
            loopback_frames: 512,
            meter: Meter::default(),
        }
    }

    /// A T520-CR: the same silicon with two ports.
    #[must_use]
    pub fn t520_cr() -> Self {
        Self { ports: 2, mac_base: [0x00, 0x07, 0x43, 0x52, 0x00, 0x00], ..Self::t540_cr() }
    }
}

impl AsicConfig {
    /// Panics where numbers do not fit the interface's fields: a mistake of whoever made the card.
    pub(crate) fn check(&self) {
        assert!(self.pf < 8, "function {} of 8", self.pf);
        assert!((1..=4).contains(&self.ports), "{} ports", self.ports);
        assert!(self.ntids > 0 && self.ntids <= 1 << 20, "{} tids", self.ntids);
        let iqs = u32::from(self.iq_start) + u32::from(self.niq);
        let absolute = iqs + u32::from(self.iq_absolute_offset);
        assert!(absolute <= crate::sge::IQ_IDS as u32, "ingress queue ids up to {absolute}");
        // FW_IQ names freelists in 16 bits, of which the last value means none.
        let eqs = self.eq_start + self.neq;
        assert!(eqs < 0xffff, "egress queue ids up to {eqs}");
        assert!(eqs + self.eq_absolute_offset <= 1 << 17, "egress queue ids of more than 17 bits");
        let rows = u32::from(self.l2t_start.0) + u32::from(self.nl2t);
        assert!(rows <= u32::from(crate::l2t::L2T_ROWS), "L2T rows up to {rows}");
        let tids = self.filter_start.max(self.server_start) + self.nfilters.max(self.nservers);
        assert!(tids <= 1 << 20, "filters and servers up to {tids}");
        assert!(self.max_frame_len >= 1514, "frames of {} bytes", self.max_frame_len);
        assert!(self.tx_queue_frames > 0 && self.loopback_frames > 0, "ports without buffers");
    }
}

impl Default for AsicConfig {
    fn default() -> Self {
        Self::t540_cr()
    }
}
