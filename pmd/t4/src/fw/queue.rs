//! Queues: FW_IQ with its freelists, FW_EQ_ETH, FW_EQ_CTRL, FW_EQ_OFLD.

use super::{Access, Command};
use crate::Iova;

lo_word! {
    /// What happens to the queue (S_FW_IQ_CMD_ALLOC, S_FW_EQ_*_CMD_ALLOC, …).
    pub QueueLo { 31 alloc, 30 free, 29 modify, 28 start, 27 stop, }
}

bits! {
    /// Kind, interface and notification of an ingress queue (S_FW_IQ_CMD_TYPE, …).
    pub IqKind: u32 {
        31:29 type_, 28 iqasynch, 27:16 viid, 15 iqandst, 14 iqanus, 13:12 iqanud, 11:0 iqandstindex,
    }
}

impl IqKind {
    /// `type_`: a queue that can have freelists and interrupts (FW_IQ_TYPE_FL_INT_CAP).
    pub const FL_INT_CAP: u32 = 0;
    /// `iqanud`: news are told by an interrupt or not at all; the generation bit is polled
    /// (X_UPDATEDELIVERY_INTERRUPT).
    pub const UPDATE_INTERRUPT: u32 = 1;
    /// `iqanud`: news are told in the status page (X_UPDATEDELIVERY_STATUS_PAGE).
    pub const UPDATE_STATUS_PAGE: u32 = 2;
    /// `viid` as the type of the other fields.
    #[must_use]
    pub const fn with_vi(self, viid: super::Viid) -> Self {
        self.with_viid(viid.0 as u32)
    }
}

bits! {
    /// Entry size, channel and holdoff of an ingress queue (S_FW_IQ_CMD_IQDROPRSS, …).
    pub IqContext: u16 {
        15 iqdroprss, 14 iqgtsmode, 13:12 iqpciech, 11 iqdcaen, 10:6 iqdcacpu, 5:4 iqintcntthresh, 3 iqo,
        2 iqcprio, 1:0 iqesize,
    }
}

impl IqContext {
    /// Bytes of an entry.
    #[must_use]
    pub const fn entry_size(self) -> u16 {
        16 << self.iqesize()
    }
    /// With entries of 16, 32, 64 or 128 bytes.
    #[must_use]
    pub const fn with_entry_size(self, bytes: u16) -> Self {
        debug_assert!(matches!(bytes, 16 | 32 | 64 | 128));
        self.with_iqesize(bytes.trailing_zeros() as u16 - 4)
    }
}

bits! {
    /// PCIe and congestion of an ingress queue, and its freelist; the word of freelist 1 has the freelist's
    /// fields only (S_FW_IQ_CMD_IQNS, S_FW_IQ_CMD_FL0*).
    pub FlContext: u32 {
        31 iqns, 30 iqro, 29:28 iqflintiqhsen, 27 iqflintcongen, 26 iqflintiscsic, 25:24 iqtype,
        23:20 cngchmap, 15 cachelock, 14 dbp, 13 datans, 12 dataro, 11 congcif, 10 onchip, 9 statuspgns,
        8 statuspgro, 7 fetchns, 6 fetchro, 5:4 hostfcmode, 3 cprio, 2 paden, 1 packen, 0 congen,
    }
}

impl FlContext {
    /// `iqtype`: neither (enum fw_iq_iqtype).
    pub const IQTYPE_OTHER: u32 = 0;
    /// `iqtype`: Ethernet (FW_IQ_IQTYPE_NIC).
    pub const IQTYPE_NIC: u32 = 1;
    /// `iqtype`: offload (FW_IQ_IQTYPE_OFLD).
    pub const IQTYPE_OFLD: u32 = 2;
}

bits! {
    /// Fetch bursts of a freelist (S_FW_IQ_CMD_FL0DCAEN, …).
    pub FlFetch: u16 { 15 dcaen, 14:10 dcacpu, 9:7 fbmin, 6:4 fbmax, 3 cidxfthresho, 2:0 cidxfthresh }
}

command! {
    /// Allocates, starts, stops or frees an ingress queue with up to two freelists. (`fw_iq_cmd`)
    pub struct IqCmd[64] = IQ, QueueLo {
        /// Absolute id, in the reply.
        physiqid: u16,
        /// Id relative to the function.
        iqid: u16,
        /// Relative id of freelist 0; [`NO_FREELIST`] for none when freeing.
        fl0id: u16,
        /// Relative id of freelist 1; [`NO_FREELIST`] for none when freeing.
        fl1id: u16,
        /// Kind, interface and notification.
        kind: IqKind,
        /// Entry size, channel and holdoff.
        context: IqContext,
        /// Entries.
        iqsize: u16,
        /// Address of the ring.
        iqaddr: Iova,
        /// PCIe, congestion, freelist 0.
        fl0: FlContext,
        /// Fetch bursts of freelist 0.
        fl0_fetch: FlFetch,
        /// Length of freelist 0, 64-byte units, status page included.
        fl0size: u16,
        /// Address of freelist 0.
        fl0addr: Iova,
        /// Freelist 1.
        fl1: FlContext,
        /// Fetch bursts of freelist 1.
        fl1_fetch: FlFetch,
        /// Length of freelist 1, 64-byte units, status page included.
        fl1size: u16,
        /// Address of freelist 1.
        fl1addr: Iova,
    }
}

/// Freelist id that means none, when an ingress queue is stopped or freed.
pub const NO_FREELIST: u16 = 0xffff;

impl IqCmd {
    /// Allocates and starts a queue.
    #[must_use]
    pub fn alloc_start() -> Self {
        let request = Self::request(Access::WriteExec);
        request.with_lo(request.lo().with_alloc(true).with_start(true))
    }
    /// Starts queue `iqid` again, without freelists unless they are set.
    #[must_use]
    pub fn start(iqid: u16) -> Self {
        Self::exec(iqid, |lo| lo.with_start(true))
    }
    /// Stops queue `iqid`, without freelists unless they are set.
    #[must_use]
    pub fn stop(iqid: u16) -> Self {
        Self::exec(iqid, |lo| lo.with_stop(true))
    }
    /// Frees queue `iqid`, without freelists unless they are set.
    #[must_use]
    pub fn free(iqid: u16) -> Self {
        Self::exec(iqid, |lo| lo.with_free(true))
    }

    fn exec(iqid: u16, what: impl FnOnce(QueueLo) -> QueueLo) -> Self {
        let request = Self::request(Access::Exec);
        request
            .with_lo(what(request.lo()))
            .with_iqid(iqid)
            .with_fl0id(NO_FREELIST)
            .with_fl1id(NO_FREELIST)
    }
}

bits! {
    /// Id of an egress queue, relative to the function; control queues also name the ingress queue of their
    /// completions (S_FW_EQ_CTRL_CMD_CMPLIQID, _EQID).
    pub EqIdWord: u32 { 31:20 cmpliqid, 19:0 eqid }
}
bits! {
    /// Absolute id of an egress queue (S_FW_EQ_*_CMD_PHYSEQID).
    pub PhysEqIdWord: u32 { 19:0 physeqid }
}
bits! {
    /// How descriptors are fetched, the channel, and the ingress queue that hears of it
    /// (S_FW_EQ_*_CMD_FETCHSZM, …).
    pub EqContext: u32 {
        26 fetchszm, 25 statuspgns, 24 statuspgro, 23 fetchns, 22 fetchro, 21:20 hostfcmode, 19 cprio,
        18 onchip, 17:16 pciechn, 15:0 iqid,
    }
}
bits! {
    /// Bursts and size of an egress queue (S_FW_EQ_*_CMD_DCAEN, …).
    pub EqFetch: u32 {
        31 dcaen, 30:26 dcacpu, 25:23 fbmin, 22:20 fbmax, 19 cidxfthresho, 18:16 cidxfthresh, 15:0 eqsize,
    }
}

/// Codes of the fields of [`EqContext`], [`EqFetch`], [`FlContext`] and [`FlFetch`].
pub mod eq {
    /// `hostfcmode`: consumption is not told (t4_regs_values.h X_HOSTFCMODE_NONE).
    pub const HOSTFCMODE_NONE: u32 = 0;
    /// `hostfcmode`: told to the ingress queue.
    pub const HOSTFCMODE_INGRESS_QUEUE: u32 = 1;
    /// `hostfcmode`: told in the status page.
    pub const HOSTFCMODE_STATUS_PAGE: u32 = 2;
    /// `hostfcmode`: told in both.
    pub const HOSTFCMODE_BOTH: u32 = 3;
    /// `fbmin`: 64 bytes (X_FETCHBURSTMIN_64B).
    pub const FBMIN_64B: u32 = 2;
    /// `fbmin`: 128 bytes (X_FETCHBURSTMIN_128B).
    pub const FBMIN_128B: u32 = 3;
    /// `fbmax`: 256 bytes (X_FETCHBURSTMAX_256B).
    pub const FBMAX_256B: u32 = 2;
    /// `fbmax`: 512 bytes (X_FETCHBURSTMAX_512B).
    pub const FBMAX_512B: u32 = 3;
    /// `cidxfthresh`: told every 32 units.
    pub const CIDXFTHRESH_32: u32 = 5;
}

bits! {
    /// What an Ethernet queue does by itself, and its interface (S_FW_EQ_ETH_CMD_AUTOEQUIQE, …).
    pub EqEthAuto: u32 { 31 autoequiqe, 30 autoequeqe, 27:16 viid }
}
bits! {
    /// Holdoff of an Ethernet queue (S_FW_EQ_ETH_CMD_TIMEREN, _TIMERIX).
    pub EqEthTimer: u32 { 3 timeren, 2:0 timerix }
}

command! {
    /// Allocates, starts, stops or frees an Ethernet egress queue. (`fw_eq_eth_cmd`)
    pub struct EqEthCmd[48] = EQ_ETH, QueueLo {
        /// Relative id.
        eqid: EqIdWord,
        /// Absolute id, in the reply.
        physeqid: PhysEqIdWord,
        /// Fetching, channel, ingress queue.
        context: EqContext,
        /// Bursts and size, 64-byte units, status page included.
        fetch: EqFetch,
        /// Address of the ring.
        eqaddr: Iova,
        /// What it does by itself, and its interface.
        auto: EqEthAuto,
        /// Holdoff.
        timer: EqEthTimer,
        #[doc(hidden)]
        r9: u64,
    }
}

command! {
    /// Allocates, starts, stops or frees a control egress queue. (`fw_eq_ctrl_cmd`)
    pub struct EqCtrlCmd[32] = EQ_CTRL, QueueLo {
        /// Relative id, and the ingress queue of its completions.
        eqid: EqIdWord,
        /// Absolute id, in the reply.
        physeqid: PhysEqIdWord,
        /// Fetching, channel, ingress queue.
        context: EqContext,
        /// Bursts and size, 64-byte units, status page included.
        fetch: EqFetch,
        /// Address of the ring.
        eqaddr: Iova,
    }
}

command! {
    /// Allocates, starts, stops or frees an offload egress queue. (`fw_eq_ofld_cmd`)
    pub struct EqOfldCmd[32] = EQ_OFLD, QueueLo {
        /// Relative id.
        eqid: EqIdWord,
        /// Absolute id, in the reply.
        physeqid: PhysEqIdWord,
        /// Fetching, channel, ingress queue.
        context: EqContext,
        /// Bursts and size, 64-byte units, status page included.
        fetch: EqFetch,
        /// Address of the ring.
        eqaddr: Iova,
    }
}

macro_rules! egress_queues {
    ($( $Cmd:ident )*) => { $(
        impl $Cmd {
            /// Allocates and starts a queue.
            #[must_use]
            pub fn alloc_start() -> Self {
                let request = Self::request(Access::WriteExec);
                request.with_lo(request.lo().with_alloc(true).with_start(true))
            }
            /// Frees queue `eqid`, an id relative to the function.
            #[must_use]
            pub fn free(eqid: u32) -> Self {
                let request = Self::request(Access::Exec);
                request
                    .with_lo(request.lo().with_free(true))
                    .with_eqid(EqIdWord::default().with_eqid(eqid))
            }
        }
    )* };
}
egress_queues! { EqEthCmd EqCtrlCmd EqOfldCmd }
