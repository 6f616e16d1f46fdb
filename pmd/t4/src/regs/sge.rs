//! SGE: queue geometry, timers, errors.

registers! {
    /// Global settings of the queues. (`A_SGE_CONTROL`)
    0x1008 Rw SGE_CONTROL {
        18 rxpktcplmode, 17 egrstatuspagesize, 12:10 pktshift, 9:7 ingpcieboundary,
        6:4 ingpadboundary, 3:1 egrpcieboundary, 0 globalenable,
    }
    /// Host page of each function, log2(bytes) - 10. (`A_SGE_HOST_PAGE_SIZE`)
    0x100c Rw SGE_HOST_PAGE_SIZE {
        31:28 hostpagesizepf7, 27:24 hostpagesizepf6, 23:20 hostpagesizepf5, 19:16 hostpagesizepf4,
        15:12 hostpagesizepf3, 11:8 hostpagesizepf2, 7:4 hostpagesizepf1, 3:0 hostpagesizepf0,
    }
    /// Egress queues a doorbell page, log2, of each function. (`A_SGE_EGRESS_QUEUES_PER_PAGE_PF`)
    0x1010 Rw SGE_EGRESS_QUEUES_PER_PAGE_PF {
        31:28 queuesperpagepf7, 27:24 queuesperpagepf6, 23:20 queuesperpagepf5, 19:16 queuesperpagepf4,
        15:12 queuesperpagepf3, 11:8 queuesperpagepf2, 7:4 queuesperpagepf1, 3:0 queuesperpagepf0,
    }
    /// The same for the virtual functions of each. (`A_SGE_EGRESS_QUEUES_PER_PAGE_VF`)
    0x1014 Rw SGE_EGRESS_QUEUES_PER_PAGE_VF {
        31:28 queuesperpagevfpf7, 27:24 queuesperpagevfpf6, 23:20 queuesperpagevfpf5, 19:16 queuesperpagevfpf4,
        15:12 queuesperpagevfpf3, 11:8 queuesperpagevfpf2, 7:4 queuesperpagevfpf1, 3:0 queuesperpagevfpf0,
    }
    /// Errors, first word. (`A_SGE_INT_CAUSE1`)
    0x1024 W1c SGE_INT_CAUSE1 { 31:0 causes }
    /// Errors, second word. (`A_SGE_INT_CAUSE2`)
    0x1030 W1c SGE_INT_CAUSE2 { 31:0 causes }
    /// Errors of queues and doorbells. (`A_SGE_INT_CAUSE3`)
    0x103c W1c SGE_INT_CAUSE3 {
        22 err_cpl_exceed_iqe_size, 21 err_invalid_cidx_inc, 19 err_cpl_opcode_0, 18 err_dropped_db,
        17 err_data_cpl_on_high_qid1, 16 err_data_cpl_on_high_qid0,
        15 err_bad_db_pidx3, 14 err_bad_db_pidx2, 13 err_bad_db_pidx1, 12 err_bad_db_pidx0,
        11 err_ing_pcie_chan, 10 err_ing_ctxt_prio, 9 err_egr_ctxt_prio, 8 dbfifo_hp_int, 7 dbfifo_lp_int,
        5 ingress_size_err, 4 egress_size_err,
    }
    /// Which errors of [`SGE_INT_CAUSE3`] interrupt. (`A_SGE_INT_ENABLE3`)
    0x1040 Rw SGE_INT_ENABLE3 {
        22 err_cpl_exceed_iqe_size, 21 err_invalid_cidx_inc, 19 err_cpl_opcode_0, 18 err_dropped_db,
        17 err_data_cpl_on_high_qid1, 16 err_data_cpl_on_high_qid0,
        15 err_bad_db_pidx3, 14 err_bad_db_pidx2, 13 err_bad_db_pidx1, 12 err_bad_db_pidx0,
        11 err_ing_pcie_chan, 10 err_ing_ctxt_prio, 9 err_egr_ctxt_prio, 8 dbfifo_hp_int, 7 dbfifo_lp_int,
        5 ingress_size_err, 4 egress_size_err,
    }
    /// Buffer lengths; the low four bits of a freelist pointer choose one. (`A_SGE_FL_BUFFER_SIZE0..15`)
    0x1044[16; 4] Rw SGE_FL_BUFFER_SIZE { 31:0 size }
    /// Freelist manager. (`A_SGE_FLM_CFG`)
    0x1090 Rw SGE_FLM_CFG { 5:4 creditcnt, 3:2 creditcntpacking }
    /// Below which fill a freelist counts as starving, in units of two pointers. (`A_SGE_CONM_CTRL`)
    0x1094 Rw SGE_CONM_CTRL { 19:14 egrthresholdpacking, 13:8 egrthreshold, 7:2 ingthreshold }
    /// The SGE's clock, low word. (`A_SGE_TIMESTAMP_LO`)
    0x1098 Ro SGE_TIMESTAMP_LO { 31:0 ticks }
    /// The SGE's clock, high word. (`A_SGE_TIMESTAMP_HI`)
    0x109c Ro SGE_TIMESTAMP_HI { 31:0 ticks }
    /// Entries after which an ingress queue interrupts; a queue chooses one of four. (`A_SGE_INGRESS_RX_THRESHOLD`)
    0x10a0 Rw SGE_INGRESS_RX_THRESHOLD { 29:24 threshold_0, 21:16 threshold_1, 13:8 threshold_2, 5:0 threshold_3 }
    /// Fill of the doorbell FIFOs. (`A_SGE_DBFIFO_STATUS`)
    0x10a4 Ro SGE_DBFIFO_STATUS { 31:0 value }
    /// Doorbell FIFO settings. (`A_SGE_DOORBELL_CONTROL`)
    0x10a8 Rw SGE_DOORBELL_CONTROL { 31:0 value }
    /// Holdoff timers 0 and 1, core clock ticks. (`A_SGE_TIMER_VALUE_0_AND_1`)
    0x10b8 Rw SGE_TIMER_VALUE_0_AND_1 { 31:16 timervalue0, 15:0 timervalue1 }
    /// Holdoff timers 2 and 3. (`A_SGE_TIMER_VALUE_2_AND_3`)
    0x10bc Rw SGE_TIMER_VALUE_2_AND_3 { 31:16 timervalue2, 15:0 timervalue3 }
    /// Holdoff timers 4 and 5. (`A_SGE_TIMER_VALUE_4_AND_5`)
    0x10c0 Rw SGE_TIMER_VALUE_4_AND_5 { 31:16 timervalue4, 15:0 timervalue5 }
    /// What the statistics count. (`A_SGE_STAT_CFG`)
    0x10ec Rw SGE_STAT_CFG { 12:9 statsource_t5, 3:2 statmode }
    /// Ingress queues a doorbell page, log2, of each function. (`A_SGE_INGRESS_QUEUES_PER_PAGE_PF`)
    0x10f4 Rw SGE_INGRESS_QUEUES_PER_PAGE_PF {
        31:28 queuesperpagepf7, 27:24 queuesperpagepf6, 23:20 queuesperpagepf5, 19:16 queuesperpagepf4,
        15:12 queuesperpagepf3, 11:8 queuesperpagepf2, 7:4 queuesperpagepf1, 3:0 queuesperpagepf0,
    }
    /// The same for the virtual functions of each. (`A_SGE_INGRESS_QUEUES_PER_PAGE_VF`)
    0x10f8 Rw SGE_INGRESS_QUEUES_PER_PAGE_VF {
        31:28 queuesperpagevfpf7, 27:24 queuesperpagevfpf6, 23:20 queuesperpagevfpf5, 19:16 queuesperpagevfpf4,
        15:12 queuesperpagevfpf3, 11:8 queuesperpagevfpf2, 7:4 queuesperpagevfpf1, 3:0 queuesperpagevfpf0,
    }
    /// More global settings, T5 on. (`A_SGE_CONTROL2`)
    0x1124 Rw SGE_CONTROL2 { 19 idmaarbroundrobin, 18:16 ingpackboundary, 10 vfifo_enable }
    /// Doorbell FIFO in card memory: where. (`A_SGE_DBVFIFO_BADDR`)
    0x1138 Rw SGE_DBVFIFO_BADDR { 31:0 address }
    /// Doorbell FIFO in card memory: how large. (`A_SGE_DBVFIFO_SIZE`)
    0x113c Rw SGE_DBVFIFO_SIZE { 31:0 value }
    /// Asks for a queue's context. (`A_SGE_CTXT_CMD`)
    0x11fc Rw SGE_CTXT_CMD { 31 busy, 25:24 ctxttype, 16:0 ctxtqid }
    /// The context asked for. (`A_SGE_CTXT_DATA0..7`)
    0x1200[8; 4] Rw SGE_CTXT_DATA { 31:0 data }
}

/// Freelist buffer sizes of the vendor's configuration file, by table index; the other entries are 0.
pub const DEFAULT_FL_BUFFER_SIZES: [u32; 9] =
    [4096, 65536, 1536, 9024, 9216, 2048, 128, 8192, 16384];
/// Index of the 2048-byte buffers in [`DEFAULT_FL_BUFFER_SIZES`].
pub const FL_BUFFER_2048: u32 = 5;
/// Holdoff timers of the vendor's configuration file, microseconds.
pub const DEFAULT_TIMERS_US: [u32; 6] = [5, 10, 20, 50, 100, 200];
/// Counter thresholds of the vendor's configuration file.
pub const DEFAULT_RX_THRESHOLDS: [u32; 4] = [1, 4, 8, 16];

impl SGE_CONTROL {
    /// Multiple to which the end of a packet is padded in a freelist buffer, bytes (T4 and T5).
    #[must_use]
    pub const fn pad_boundary(self) -> u32 {
        32 << self.ingpadboundary()
    }
    /// With another pad boundary: a power of two from 32 to 4096.
    #[must_use]
    pub const fn with_pad_boundary(self, bytes: u32) -> Self {
        debug_assert!(bytes.is_power_of_two() && bytes >= 32);
        self.with_ingpadboundary(bytes.trailing_zeros() - 5)
    }
    /// Bytes of the status page after an egress ring.
    #[must_use]
    pub const fn status_page_size(self) -> u32 {
        if self.egrstatuspagesize() { 128 } else { 64 }
    }
}

impl SGE_CONTROL2 {
    /// Multiple at which a packed packet starts in a freelist buffer, bytes.
    #[must_use]
    pub const fn pack_boundary(self) -> u32 {
        match self.ingpackboundary() {
            0 => 16,
            code => 32 << code,
        }
    }
    /// With another pack boundary: 16, or a power of two from 64 to 4096.
    #[must_use]
    pub const fn with_pack_boundary(self, bytes: u32) -> Self {
        debug_assert!(bytes == 16 || (bytes.is_power_of_two() && bytes >= 64));
        self.with_ingpackboundary(if bytes == 16 { 0 } else { bytes.trailing_zeros() - 5 })
    }
}

impl SGE_CONM_CTRL {
    /// Pointers below which a freelist counts as starving.
    #[must_use]
    pub const fn starve_threshold(self, packing: bool) -> u32 {
        2 * if packing { self.egrthresholdpacking() } else { self.egrthreshold() } + 1
    }
}

macro_rules! per_function {
    ($( $Name:ident )*) => { $(
        impl $Name {
            /// The four bits of function `pf`.
            #[must_use]
            pub const fn of(self, pf: u32) -> u32 {
                debug_assert!(pf < 8);
                (self.0 >> (4 * pf)) & 0xf
            }
            /// With the four bits of function `pf` replaced.
            #[must_use]
            pub const fn with(self, pf: u32, value: u32) -> Self {
                debug_assert!(pf < 8 && value <= 0xf);
                Self((self.0 & !(0xf << (4 * pf))) | ((value & 0xf) << (4 * pf)))
            }
        }
    )* };
}
per_function! {
    SGE_HOST_PAGE_SIZE
    SGE_EGRESS_QUEUES_PER_PAGE_PF SGE_EGRESS_QUEUES_PER_PAGE_VF
    SGE_INGRESS_QUEUES_PER_PAGE_PF SGE_INGRESS_QUEUES_PER_PAGE_VF
}

impl SGE_HOST_PAGE_SIZE {
    /// log2 of the page of function `pf`.
    #[must_use]
    pub const fn page_shift(self, pf: u32) -> u32 {
        self.of(pf) + 10
    }
}

impl SGE_INGRESS_RX_THRESHOLD {
    /// The four thresholds, in the order a queue's index means.
    #[must_use]
    pub const fn thresholds(self) -> [u32; 4] {
        [self.threshold_0(), self.threshold_1(), self.threshold_2(), self.threshold_3()]
    }
}

/// Which context [`SGE_CTXT_CMD`] asks for.
pub mod ctxttype {
    /// An egress queue.
    pub const EGRESS: u32 = 0;
    /// An ingress queue.
    pub const INGRESS: u32 = 1;
    /// A freelist.
    pub const FLM: u32 = 2;
    /// A congestion manager context.
    pub const CONM: u32 = 3;
}

bits! {
    /// Congestion context of an ingress queue, set through FW_PARAMS DMAQ_CONM_CTXT. (`t4_regs_values.h S_CONMCTXT_*`)
    pub ConmCtxt: u32 { 20:19 cngtpmode, 15:0 cngchmap }
}

impl ConmCtxt {
    /// `cngtpmode`: congestion of the queue itself (X_CONMCTXT_CNGTPMODE_QUEUE).
    pub const QUEUE: u32 = 1;
    /// `cngtpmode`: congestion of the channels in the map (X_CONMCTXT_CNGTPMODE_CHANNEL).
    pub const CHANNEL: u32 = 2;
}
