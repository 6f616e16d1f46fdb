//! Option words of opens and accepts, and the compressed filter tuple.

use crate::cpl::AcceptMode;
use crate::regs::tp::pio::{TP_VLAN_PRI_MAP, TupleField};
use crate::{IqId, L2tIdx, PortId, SmtIdx};

bits! {
    /// Options of a connection or a listener (`t4_msg.h option 0 fields`).
    ///
    /// On a NON_OFFLOAD TCB `nagle`, `delack` and `no_cong` are filter actions: strip the VLAN tag, count
    /// hits, report the tid.
    pub Opt0: u64 {
        /// Index into the MTU table.
        63:60 mss_idx,
        59 max_rt_override,
        58:55 max_rt,
        54 keep_alive,
        /// Our window scale, 0 to 14.
        53:50 wnd_scale,
        49 nagle,
        /// Into the hash region, if there is one.
        48 tcam_bypass,
        47:36 l2t_idx,
        35:28 smac_sel,
        27:22 dscp,
        /// Initial receive window in KB, at most [`Opt0::RCV_BUFSIZ_MAX`].
        21:12 rcv_bufsiz,
        /// A [`UlpMode`].
        11:8 ulp_mode,
        7 non_offload,
        6 inject_timer,
        5 delack,
        4 no_cong,
        3:2 tx_chan,
        /// An [`AcceptMode`].
        1:0 accept_mode,
    }
}

impl Opt0 {
    /// Largest initial window in KB.
    pub const RCV_BUFSIZ_MAX: u64 = 0x3ff;

    /// The next hop.
    #[must_use]
    pub const fn l2t(self) -> L2tIdx {
        L2tIdx(self.l2t_idx() as u16)
    }

    /// With the next hop replaced.
    #[must_use]
    pub const fn with_l2t(self, index: L2tIdx) -> Self {
        self.with_l2t_idx(index.0 as u64)
    }

    /// The source MAC.
    #[must_use]
    pub const fn smac(self) -> SmtIdx {
        SmtIdx(self.smac_sel() as u8)
    }

    /// With the source MAC replaced.
    #[must_use]
    pub const fn with_smac(self, index: SmtIdx) -> Self {
        self.with_smac_sel(index.0 as u64)
    }

    /// The channel to send on.
    #[must_use]
    pub const fn port(self) -> PortId {
        PortId(self.tx_chan() as u8)
    }

    /// With the channel to send on replaced.
    #[must_use]
    pub const fn with_port(self, port: PortId) -> Self {
        self.with_tx_chan(port.0 as u64)
    }

    /// What a PASS_ACCEPT_RPL does with the SYN.
    #[must_use]
    pub const fn accept(self) -> AcceptMode {
        AcceptMode(self.accept_mode() as u8)
    }

    /// With what a PASS_ACCEPT_RPL does replaced.
    #[must_use]
    pub const fn with_accept(self, mode: AcceptMode) -> Self {
        self.with_accept_mode(mode.0 as u64)
    }
}

codes! {
    /// Protocol above TCP that the chip knows (`t4_msg.h ULP_MODE_*`).
    pub UlpMode: u8 {
        NONE = 0,
        ISCSI = 2,
        RDMA = 4,
        TCPDDP = 5,
        FCOE = 6,
        TLS = 8,
    }
}

bits! {
    /// Options of a listener, T5 form (`t4_msg.h option 1 fields`).
    pub Opt1: u64 {
        63:24 filt_info,
        /// A [`ConnPolicy`].
        23:22 conn_policy,
        21 syn_defense,
        20 listen_filter,
        19:12 listen_intf,
        11:2 syn_rss_queue,
        1 syn_rss_use_hash,
        0 syn_rss_enable,
    }
}

impl Opt1 {
    /// The ingress queue of SYNs, when `syn_rss_enable`.
    #[must_use]
    pub const fn syn_queue(self) -> IqId {
        IqId(self.syn_rss_queue() as u16)
    }

    /// SYNs go to `queue`.
    #[must_use]
    pub const fn with_syn_queue(self, queue: IqId) -> Self {
        self.with_syn_rss_queue(queue.0 as u64).with_syn_rss_enable(true)
    }

    /// SYNs go to the queue that RSS picks for each, and to `queue` if it picks none; answers about the listener go to that.
    #[must_use]
    pub const fn with_spread_syns(self, queue: IqId) -> Self {
        self.with_syn_queue(queue).with_syn_rss_use_hash(true)
    }

    /// What a listener does with a SYN.
    #[must_use]
    pub const fn policy(self) -> ConnPolicy {
        ConnPolicy(self.conn_policy() as u8)
    }

    /// With what a listener does with a SYN replaced.
    #[must_use]
    pub const fn with_policy(self, policy: ConnPolicy) -> Self {
        self.with_conn_policy(policy.0 as u64)
    }
}

codes! {
    /// What a listener does with a SYN (`t4_msg.h CPL_CONN_POLICY_*`).
    pub ConnPolicy: u8 {
        AUTO = 0,
        /// PASS_ACCEPT_REQ to the host.
        ASK = 1,
        FILTER = 2,
        DENY = 3,
    }
}

bits! {
    /// Options of a connection, T5 form (`t4_msg.h option 2 fields`).
    ///
    /// On T4 bit 18 says that `cong_cntrl` holds, and bit 31 is not used. On a NON_OFFLOAD TCB `cong_cntrl`
    /// (0 drop, 1 steer), `pace`, `tx_queue`, `cctrl_ecn` and `sack_en` are filter actions.
    pub Opt2: u32 {
        /// Makes coalescing, congestion control, pacing and flow control hold at once.
        31 t5_opt_2_valid,
        30 sack_en,
        29 tstamps_en,
        28 wnd_scale_en,
        27 cctrl_ecn,
        26 rx_channel,
        25:23 tx_queue,
        22 rx_fc_valid,
        21 rx_fc_ddp,
        20 rx_fc_disable,
        19 pace_valid,
        /// The host gives the initial sequence number.
        18 iss_valid,
        17:16 pace,
        /// A [`CongAlg`].
        15:14 cong_cntrl,
        13:12 rx_coalesce,
        11 rx_coalesce_valid,
        10 rss_queue_valid,
        9:0 rss_queue,
    }
}

impl Opt2 {
    /// The ingress queue of the connection, if the host chose one.
    #[must_use]
    pub const fn queue(self) -> Option<IqId> {
        if self.rss_queue_valid() { Some(IqId(self.rss_queue() as u16)) } else { None }
    }

    /// The connection's messages go to `queue`.
    #[must_use]
    pub const fn with_queue(self, queue: IqId) -> Self {
        self.with_rss_queue(queue.0 as u32).with_rss_queue_valid(true)
    }

    /// Congestion control.
    #[must_use]
    pub const fn cong(self) -> CongAlg {
        CongAlg(self.cong_cntrl() as u8)
    }

    /// With congestion control replaced.
    #[must_use]
    pub const fn with_cong(self, algorithm: CongAlg) -> Self {
        self.with_cong_cntrl(algorithm.0 as u32)
    }
}

codes! {
    /// Congestion control of a connection (`t4_msg.h CONG_ALG_*`).
    pub CongAlg: u8 {
        RENO = 0,
        TAHOE = 1,
        NEWRENO = 2,
        HIGHSPEED = 3,
    }
}

bits! {
    /// Last word of a T5 active open (`FILTER_TUPLE, AOPEN_FCOEMASK`).
    pub Params64: u64 {
        /// The compressed filter tuple of the connection.
        63:24 filter_tuple,
        0 fcoe_mask,
    }
}

bits! {
    /// Options of a SYN, as PASS_ACCEPT_REQ tells them (`t4_msg.h tcp_options`).
    pub TcpOptions: u32 {
        /// Zero when the SYN had none.
        31:16 mss,
        /// The peer's window scale; 0xff when the SYN had none.
        15:8 wsf,
        7 tstamp,
        6 sack,
        5 ecn,
        4 unknown,
    }
}

bits! {
    /// Options in force, as the ESTABLISH messages tell them (`t4_msg.h TCPOPT_*`).
    pub TcpOpt: u16 {
        /// Index into the MTU table.
        15:12 mss,
        /// Shift of the peer's window.
        11:8 snd_wscale,
        7 tstamp,
        6 sack,
        5 wscale_ok,
    }
}

bits! {
    /// A VLAN tag in a tuple (`FT_VLAN_VLD`).
    pub FtVlan: u32 {
        16 valid,
        15:0 tci,
    }
}

bits! {
    /// The VNIC field of a tuple while TP_INGRESS_CONFIG.VNIC is set (`FT_VNID_ID_*`). While it is clear the
    /// field is the outer tag, an [`FtVlan`].
    pub FtVnic: u32 {
        16 valid,
        9:7 pf,
        6:0 vf,
    }
}

/// Values of all the fields that a compressed filter tuple can have. Which of them one has, and which of those
/// are enforced, is told by a mode and a mask of the form of the register [`TP_VLAN_PRI_MAP`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FilterTuple {
    /// The frame is FCoE. 1 bit.
    pub fcoe: u8,
    /// Ingress port, 4 to 7 for loopback. 3 bits.
    pub port: u8,
    /// An [`FtVnic`] or, for the outer tag, an [`FtVlan`]. 17 bits.
    pub vnic_id: u32,
    /// An [`FtVlan`]. 17 bits.
    pub vlan: u32,
    /// Type of service or traffic class.
    pub tos: u8,
    /// IP protocol.
    pub protocol: u8,
    /// Ethernet type.
    pub ethertype: u16,
    /// Entry of the MPS TCAM that matched. 9 bits.
    pub macmatch: u16,
    /// A [`PkType`](crate::cpl::PkType). 3 bits.
    pub mpshittype: u8,
    /// The frame is a fragment. 1 bit.
    pub fragmentation: u8,
}

impl FilterTuple {
    /// All bits of all fields: packed by a mode, everything that is compared.
    pub const ALL_ONES: Self = Self {
        fcoe: 1,
        port: 0x7,
        vnic_id: 0x1_ffff,
        vlan: 0x1_ffff,
        tos: u8::MAX,
        protocol: u8::MAX,
        ethertype: u16::MAX,
        macmatch: 0x1ff,
        mpshittype: 0x7,
        fragmentation: 1,
    };

    /// Packs the fields that `mode` selects, from bit 0; the others are left out. Bits beyond a field's width are
    /// cut off, because the values may be a host's.
    #[must_use]
    pub fn pack(&self, mode: TP_VLAN_PRI_MAP) -> u64 {
        TupleField::ALL.iter().fold(0, |packed, &field| {
            let value = u64::from(self.value(field)) & low_bits(field.width());
            mode.with_field(packed, field, value)
        })
    }

    /// Packs by `mode` the fields that `mask` has too; the bits of the others are zero. Of
    /// [`FilterTuple::ALL_ONES`]: the bits of a tuple that are compared.
    #[must_use]
    pub fn pack_masked(&self, mode: TP_VLAN_PRI_MAP, mask: TP_VLAN_PRI_MAP) -> u64 {
        let compared = TupleField::ALL
            .iter()
            .filter(|&&field| mask.has(field))
            .fold(0, |bits, &field| bits | mode.tuple_mask(field));
        self.pack(mode) & compared
    }

    /// Takes a packed tuple of `mode` apart; fields that the mode has not are zero.
    #[must_use]
    pub fn unpack(mode: TP_VLAN_PRI_MAP, packed: u64) -> Self {
        // No field is wider than its place in the structure.
        let value = |field| mode.field(packed, field).unwrap_or(0) as u32;
        Self {
            fcoe: value(TupleField::Fcoe) as u8,
            port: value(TupleField::Port) as u8,
            vnic_id: value(TupleField::VnicId),
            vlan: value(TupleField::Vlan),
            tos: value(TupleField::Tos) as u8,
            protocol: value(TupleField::Protocol) as u8,
            ethertype: value(TupleField::Ethertype) as u16,
            macmatch: value(TupleField::MacMatch) as u16,
            mpshittype: value(TupleField::MpsHitType) as u8,
            fragmentation: value(TupleField::Fragmentation) as u8,
        }
    }

    fn value(&self, field: TupleField) -> u32 {
        match field {
            TupleField::Fcoe => self.fcoe.into(),
            TupleField::Port => self.port.into(),
            TupleField::VnicId => self.vnic_id,
            TupleField::Vlan => self.vlan,
            TupleField::Tos => self.tos.into(),
            TupleField::Protocol => self.protocol.into(),
            TupleField::Ethertype => self.ethertype.into(),
            TupleField::MacMatch => self.macmatch.into(),
            TupleField::MpsHitType => self.mpshittype.into(),
            TupleField::Fragmentation => self.fragmentation.into(),
        }
    }
}

const fn low_bits(width: u32) -> u64 {
    (1 << width) - 1
}
