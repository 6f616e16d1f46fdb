//! FW_PARAMS: values by name.

use core::fmt;

use super::{Access, Command, MemType};
use crate::regs::tp::pio::TP_VLAN_PRI_MAP;

codes! {
    /// Whose parameter (t4fw_interface.h enum fw_params_mnem).
    pub Mnem: u8 {
        /// The device's: X is a [`DevParam`].
        DEV = 1,
        /// A function's: X is a [`PfvfParam`].
        PFVF = 2,
        /// A register's: XYZ is its offset.
        REG = 3,
        /// A queue's: X is a [`DmaqParam`], YZ the queue.
        DMAQ = 4,
        /// A channel's.
        CHNET = 5,
    }
}

codes! {
    /// Parameters of the device (enum fw_params_param_dev).
    pub DevParam: u8 {
        /// Core clock, kHz.
        CCLK = 0x00,
        /// Ports, a bit each.
        PORTVEC = 0x01,
        /// TCBs of the lookup engine.
        NTID = 0x02,
        /// Transmit credits of a connection, 16-byte units.
        FLOWC_BUFFIFO_SZ = 0x03,
        /// Interface version: NIC.
        INTVER_NIC = 0x04,
        /// Interface version: virtual NIC.
        INTVER_VNIC = 0x05,
        /// Interface version: offload.
        INTVER_OFLD = 0x06,
        /// Interface version: RDMA.
        INTVER_RI = 0x07,
        /// Interface version: iSCSI PDU.
        INTVER_ISCSIPDU = 0x08,
        /// Interface version: iSCSI.
        INTVER_ISCSI = 0x09,
        /// Interface version: FCoE.
        INTVER_FCOE = 0x0a,
        /// Firmware version, a [`Version`](super::Version).
        FWREV = 0x0b,
        /// TP microcode version.
        TPREV = 0x0c,
        /// Where to put a configuration file, a [`CfPlace`].
        CF = 0x0d,
        /// Transceiver firmware.
        PHYFW = 0x0f,
        /// Diagnostics: Y is a [`DiagParam`].
        DIAG = 0x11,
        /// RDMA reads outstanding a queue pair.
        MAXORDIRD_QP = 0x13,
        /// RDMA reads outstanding in all.
        MAXIRD_ADAPTER = 0x14,
        /// Whether memory writes may have scatter lists.
        ULPTX_MEMWRITE_DSGL = 0x17,
        /// Firmware cache: 0 flush, 1 flush and invalidate.
        FWCACHE = 0x18,
        /// Version of the serial configuration.
        SCFGREV = 0x1a,
        /// Version of the vital product data.
        VPDREV = 0x1b,
        /// Whether FW_FILTER2_WR is known.
        FILTER2_WR = 0x1d,
        /// Ingress buffer groups of each port.
        MPSBGMAP = 0x1e,
        /// TP channels of each port.
        TPCHMAP = 0x1f,
        /// Whether VIIDs are opaque and SMT indices come from the firmware.
        OPAQUE_VIID_SMT_EXTN = 0x27,
        /// Whether hash filters and offload go together.
        HASHFILTER_WITH_OFLD = 0x28,
        /// Filters: Y is a [`FilterParam`].
        FILTER = 0x2e,
        /// Whether ingress opens only once the link is up.
        VI_ENABLE_INGRESS_AFTER_LINKUP = 0x32,
    }
}

codes! {
    /// Parameters of a function (enum fw_params_param_pfvf); ranges include their end.
    pub PfvfParam: u8 {
        /// Routes, first.
        ROUTE_START = 0x01,
        /// Routes, last.
        ROUTE_END = 0x02,
        /// Local IPv6 addresses, first.
        CLIP_START = 0x03,
        /// Local IPv6 addresses, last.
        CLIP_END = 0x04,
        /// Filters, first.
        FILTER_START = 0x05,
        /// Filters, last.
        FILTER_END = 0x06,
        /// Servers, first.
        SERVER_START = 0x07,
        /// Servers, last.
        SERVER_END = 0x08,
        /// Direct data placement, first.
        TDDP_START = 0x09,
        /// Direct data placement, last.
        TDDP_END = 0x0a,
        /// iSCSI, first.
        ISCSI_START = 0x0b,
        /// iSCSI, last.
        ISCSI_END = 0x0c,
        /// RDMA tags, first.
        STAG_START = 0x0d,
        /// RDMA tags, last.
        STAG_END = 0x0e,
        /// RDMA receive queues, first.
        RQ_START = 0x0f,
        /// RDMA receive queues, last.
        RQ_END = 0x10,
        /// RDMA buffer lists, first.
        PBL_START = 0x11,
        /// RDMA buffer lists, last.
        PBL_END = 0x12,
        /// L2 table, first.
        L2T_START = 0x13,
        /// L2 table, last.
        L2T_END = 0x14,
        /// RDMA send and receive queues, first.
        SQRQ_START = 0x15,
        /// RDMA send and receive queues, last.
        SQRQ_END = 0x16,
        /// RDMA completion queues, first.
        CQ_START = 0x17,
        /// RDMA completion queues, last.
        CQ_END = 0x18,
        /// Transmit scheduler class of the function.
        SCHEDCLASS_ETH = 0x20,
        /// Virtual interface of the function.
        VIID = 0x24,
        /// Channels and ports.
        CPMASK = 0x25,
        /// On-chip queues, first.
        OCQ_START = 0x26,
        /// On-chip queues, last.
        OCQ_END = 0x27,
        /// Congestion map.
        CONM_MAP = 0x28,
        /// Ingress queues with freelist or interrupt, first.
        IQFLINT_START = 0x29,
        /// Ingress queues with freelist or interrupt, last.
        IQFLINT_END = 0x2a,
        /// Egress queues, first.
        EQ_START = 0x2b,
        /// Egress queues, last.
        EQ_END = 0x2c,
        /// Filters among the connections, first.
        ACTIVE_FILTER_START = 0x2d,
        /// Filters among the connections, last.
        ACTIVE_FILTER_END = 0x2e,
        /// Ethernet offload, first.
        ETHOFLD_START = 0x2f,
        /// Ethernet offload, last.
        ETHOFLD_END = 0x30,
        /// Whether the driver knows CPLs wrapped in FW4_MSG type 4.
        CPLFW4MSG_ENCAP = 0x31,
        /// High-priority filters, first (T6).
        HPFILTER_START = 0x32,
        /// High-priority filters, last (T6).
        HPFILTER_END = 0x33,
        /// Whether the driver knows 32-bit port capabilities.
        PORT_CAPS32 = 0x3a,
        /// Packets of one FW_ETH_TX_PKTS_WR.
        MAX_PKTS_PER_ETH_TX_PKTS_WR = 0x3d,
        /// Source MAC table, first.
        GET_SMT_START = 0x3e,
        /// Source MAC table, entries.
        GET_SMT_SIZE = 0x3f,
        /// Link state of the function.
        LINK_STATE = 0x40,
    }
}

codes! {
    /// Parameters of a queue (enum fw_params_param_dmaq).
    pub DmaqParam: u8 {
        /// Direct cache access of an ingress queue.
        IQ_DCA = 0x00,
        /// Interrupt threshold of an ingress queue.
        IQ_INTCNTTHRESH = 0x01,
        /// Ingress queue for completions of a management queue.
        EQ_CMPLIQID_MNGT = 0x10,
        /// Ingress queue for completions of a control queue.
        EQ_CMPLIQID_CTRL = 0x11,
        /// Scheduler class of an Ethernet queue.
        EQ_SCHEDCLASS_ETH = 0x12,
        /// Priority of an Ethernet queue.
        EQ_DCBPRIO_ETH = 0x13,
        /// Congestion context of an ingress queue, a [`ConmCtxt`](crate::regs::sge::ConmCtxt).
        CONM_CTXT = 0x20,
    }
}

codes! {
    /// Y of [`DevParam::DIAG`] (enum fw_params_param_dev_diag).
    pub DiagParam: u8 {
        /// Temperature, degrees Celsius.
        TMP = 0,
        /// Core voltage, millivolts.
        VDD = 1,
        /// Temperature at which the card switches off.
        MAXTMPTHRESH = 2,
    }
}

codes! {
    /// Y of [`DevParam::FILTER`] (enum fw_params_param_dev_filter).
    pub FilterParam: u8 {
        /// What the VNIC field of the tuple means.
        VNIC_MODE = 0,
        /// Filter mode and mask, a [`FilterModeMask`].
        MODE_MASK = 1,
    }
}

bits! {
    /// Value of the filter mode parameter (S_FW_PARAMS_PARAM_FILTER_MODE, _MASK).
    pub FilterModeMask: u32 { 31:16 mode, 15:0 mask }
}

impl FilterModeMask {
    /// From the two register words.
    #[must_use]
    pub const fn new(mode: TP_VLAN_PRI_MAP, mask: TP_VLAN_PRI_MAP) -> Self {
        Self(0).with_mode(mode.0).with_mask(mask.0)
    }
    /// Fields the tuple has.
    #[must_use]
    pub const fn filter_mode(self) -> TP_VLAN_PRI_MAP {
        TP_VLAN_PRI_MAP(self.mode())
    }
    /// Fields enforced for connections.
    #[must_use]
    pub const fn filter_mask(self) -> TP_VLAN_PRI_MAP {
        TP_VLAN_PRI_MAP(self.mask())
    }
}

bits! {
    /// Value of [`DevParam::CF`]: memory and address / 64 KiB.
    pub CfPlace: u32 { 15:8 memtype, 7:0 addr64k }
}

impl CfPlace {
    /// The memory.
    #[must_use]
    pub const fn memory(self) -> MemType {
        MemType(self.memtype() as u8)
    }
    /// The address in it.
    #[must_use]
    pub const fn address(self) -> u32 {
        self.addr64k() << 16
    }
}

bits! {
    /// Name of a parameter (S_FW_PARAMS_MNEM, S_FW_PARAMS_PARAM_*).
    pub Param: u32 { 31:24 mnem, 23:16 x, 15:8 y, 7:0 z }
}

impl Param {
    /// No parameter: ends the list of a command.
    pub const NONE: Self = Self(0);
    /// Of the device.
    #[must_use]
    pub const fn dev(param: DevParam) -> Self {
        Self(0).with_mnem(Mnem::DEV.0 as u32).with_x(param.0 as u32)
    }
    /// Of the function the command is about.
    #[must_use]
    pub const fn pfvf(param: PfvfParam) -> Self {
        Self(0).with_mnem(Mnem::PFVF.0 as u32).with_x(param.0 as u32)
    }
    /// Of a queue.
    #[must_use]
    pub const fn dmaq(param: DmaqParam, queue: u16) -> Self {
        Self(0).with_mnem(Mnem::DMAQ.0 as u32).with_x(param.0 as u32).with_yz(queue)
    }
    /// Of the diagnostics.
    #[must_use]
    pub const fn diag(param: DiagParam) -> Self {
        Self::dev(DevParam::DIAG).with_y(param.0 as u32)
    }
    /// Of the filters.
    #[must_use]
    pub const fn filter(param: FilterParam) -> Self {
        Self::dev(DevParam::FILTER).with_y(param.0 as u32)
    }
    /// Whose parameter.
    #[must_use]
    pub const fn mnemonic(self) -> Mnem {
        Mnem(self.mnem() as u8)
    }
    /// YZ as one number: a queue.
    #[must_use]
    pub const fn yz(self) -> u16 {
        self.0 as u16
    }
    /// With another YZ.
    #[must_use]
    pub const fn with_yz(self, yz: u16) -> Self {
        Self(self.0 & 0xffff_0000 | yz as u32)
    }
    /// XYZ as one number: a register's offset.
    #[must_use]
    pub const fn xyz(self) -> u32 {
        self.0 & 0xff_ffff
    }
}

impl fmt::Display for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let x = self.x() as u8;
        write!(f, "{:?}.", self.mnemonic())?;
        match self.mnemonic() {
            Mnem::DEV => write!(f, "{:?}", DevParam(x))?,
            Mnem::PFVF => write!(f, "{:?}", PfvfParam(x))?,
            Mnem::DMAQ => write!(f, "{:?}", DmaqParam(x))?,
            _ => write!(f, "{x:#x}")?,
        }
        if self.yz() == 0 { Ok(()) } else { write!(f, "[{:#x}]", self.yz()) }
    }
}

message! {
    /// A parameter and its value. (`fw_params_param`)
    pub struct ParamValue[8] {
        /// Which.
        mnem: Param,
        /// Its value.
        val: u32,
    }
}

command! {
    /// Reads or sets up to seven parameters. (`fw_params_cmd`)
    pub struct ParamsCmd[64] = PARAMS, super::Lo {
        /// The parameters; [`Param::NONE`] ends the list.
        param: [ParamValue; 7],
    }
}

impl ParamsCmd {
    /// Parameters a command has room for.
    pub const MAX: usize = 7;

    /// Asks for parameters, at most seven; more are a bug.
    #[must_use]
    pub fn read(params: &[Param]) -> Self {
        assert!(params.len() <= Self::MAX, "{} parameters in one FW_PARAMS_CMD", params.len());
        let mut command = Self::request(Access::Read);
        for (slot, param) in command.param.iter_mut().zip(params) {
            slot.set_mnem(*param);
        }
        command
    }
    /// Sets parameters, at most seven; more are a bug.
    #[must_use]
    pub fn write(params: &[(Param, u32)]) -> Self {
        assert!(params.len() <= Self::MAX, "{} parameters in one FW_PARAMS_CMD", params.len());
        let mut command = Self::request(Access::Write);
        for (slot, (param, value)) in command.param.iter_mut().zip(params) {
            slot.set_mnem(*param);
            slot.set_val(*value);
        }
        command
    }
    /// The parameters and their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Param, u32)> + '_ {
        self.param
            .iter()
            .map(|slot| (slot.mnem(), slot.val()))
            .take_while(|(param, _)| *param != Param::NONE)
    }
    /// The value of parameter number `index`; `None` beyond the seventh.
    #[must_use]
    pub fn value(&self, index: usize) -> Option<u32> {
        self.param.get(index).map(ParamValue::val)
    }
    /// Answers parameter number `index`; beyond the seventh it does nothing.
    pub fn set_value(&mut self, index: usize, value: u32) {
        if let Some(slot) = self.param.get_mut(index) {
            slot.set_val(value);
        }
    }
}
