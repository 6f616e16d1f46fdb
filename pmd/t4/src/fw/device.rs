//! Commands about the whole device: hello to bye, configuration, resources, debug, CLIP.

use super::{Command, MemType, Version};

bits! {
    /// Who is master, and who wants to be (t4fw_interface.h S_FW_HELLO_CMD_*).
    pub HelloFlags: u32 {
        31 err, 30 init, 29 masterdis, 28 masterforce, 27:24 mbmaster, 23 mbasyncnotint,
        22:20 mbasyncnot, 19:17 stage, 16 clearinit,
    }
}

impl HelloFlags {
    /// `mbmaster`: any function may become master.
    pub const ANY_MASTER: u32 = 0xf;
    /// `stage`: an operating system's driver (FW_HELLO_CMD_STAGE_OS).
    pub const STAGE_OS: u32 = 0;
    /// The function that is master, in a reply.
    #[must_use]
    pub const fn master(self) -> u8 {
        self.mbmaster() as u8
    }
}

command! {
    /// Introduces a driver; the reply says who is master and whether the device is initialised. (`fw_hello_cmd`)
    pub struct HelloCmd[16] = HELLO, super::Lo {
        /// Wishes, and in the reply the state.
        flags: HelloFlags,
        /// Firmware version, in the reply.
        fwrev: Version,
    }
}

bits! {
    /// Whether the firmware halts (S_FW_RESET_CMD_HALT).
    pub ResetFlags: u32 { 31 halt }
}

command! {
    /// Resets the chip. (`fw_reset_cmd`)
    pub struct ResetCmd[16] = RESET, super::Lo {
        /// What goes to [`PL_RST`](crate::regs::pl::PL_RST).
        val: crate::regs::pl::PL_RST,
        /// Whether the firmware halts.
        flags: ResetFlags,
    }
}

command! {
    /// A driver leaves. (`fw_bye_cmd`)
    pub struct ByeCmd[16] = BYE, super::Lo {
        #[doc(hidden)]
        r3: u64,
    }
}

command! {
    /// Ends the configuration; the device is initialised then. (`fw_initialize_cmd`)
    pub struct InitializeCmd[16] = INITIALIZE, super::Lo {
        #[doc(hidden)]
        r3: u64,
    }
}

lo_word! {
    /// Where the configuration file lies (S_FW_CAPS_CONFIG_CMD_*).
    pub CapsConfigLo { 27 cfvalid, 26:24 memtype_cf, 23:16 memaddr64k_cf, }
}

bits! {
    /// Ethernet capabilities (enum fw_caps_config_nic).
    pub NicCaps: u16 { 6 ethofld, 5 hashfilter, 1 vm, 0 nic }
}
bits! {
    /// Switch capabilities (enum fw_caps_config_switch).
    pub SwitchCaps: u16 { 1 egress, 0 ingress }
}
bits! {
    /// Offload capabilities (enum fw_caps_config_toe).
    pub OfldCaps: u16 { 0 toe }
}

command! {
    /// Reads or trims what the device can do, from its configuration file. (`fw_caps_config_cmd`)
    pub struct CapsConfigCmd[48] = CAPS_CONFIG, CapsConfigLo {
        #[doc(hidden)]
        r2: u32,
        /// Hardware modules, a bit each.
        hwmbitmap: u32,
        /// Management capabilities.
        nbmcaps: u16,
        /// Link capabilities.
        linkcaps: u16,
        /// Switch capabilities.
        switchcaps: SwitchCaps,
        #[doc(hidden)]
        r3: u16,
        /// Ethernet capabilities.
        niccaps: NicCaps,
        /// Offload capabilities.
        ofldcaps: OfldCaps,
        /// RDMA capabilities.
        rdmacaps: u16,
        /// Crypto capabilities.
        cryptocaps: u16,
        /// iSCSI capabilities.
        iscsicaps: u16,
        /// FCoE capabilities.
        fcoecaps: u16,
        /// Checksum the firmware computed over the file.
        cfcsum: u32,
        /// Version the file names.
        finiver: u32,
        /// Checksum the file names.
        finicsum: u32,
    }
}

impl CapsConfigCmd {
    /// Asks for the configuration file at `address` (a multiple of 64 KiB below 16 MiB) of a memory.
    #[must_use]
    pub fn from_file(memory: MemType, address: u32) -> Self {
        debug_assert!(address.trailing_zeros() >= 16 && address >> 24 == 0);
        let request = Self::request(super::Access::Read);
        request.with_lo(
            request
                .lo()
                .with_cfvalid(true)
                .with_memtype_cf(u32::from(memory.0))
                .with_memaddr64k_cf(address >> 16),
        )
    }
}

bits! {
    /// Ingress queues (S_FW_PFVF_CMD_NIQFLINT, …): with freelist and interrupt, and plain ones.
    pub PfvfIqs: u32 { 31:20 niqflint, 19:0 niq }
}
bits! {
    /// Egress queues, and the channels and ports a function may use.
    pub PfvfEqs: u32 { 31 type_, 27:24 cmask, 23:20 pmask, 19:0 neq }
}
bits! {
    /// Traffic class, virtual interfaces, exact MAC filters.
    pub PfvfVis: u32 { 31:24 tc, 23:16 nvi, 15:0 nexactf }
}
bits! {
    /// Permissions, and Ethernet and control queues.
    pub PfvfCaps: u32 { 31:24 r_caps, 23:16 wx_caps, 15:0 nethctrl }
}

command! {
    /// Resources of a function. (`fw_pfvf_cmd`)
    pub struct PfvfCmd[32] = PFVF, super::Lo {
        /// Ingress queues.
        iqs: PfvfIqs,
        /// Egress queues.
        eqs: PfvfEqs,
        /// Virtual interfaces.
        vis: PfvfVis,
        /// Permissions.
        caps: PfvfCaps,
        /// RDMA completion queues.
        nricq: u16,
        /// RDMA queue pairs.
        nriqp: u16,
        #[doc(hidden)]
        r4: u32,
    }
}

lo_word! {
    /// Adds or removes (S_FW_CLIP_CMD_*).
    pub ClipLo { 31 alloc, 30 free, }
}

command! {
    /// Adds or removes a local IPv6 address that offloaded connections use. (`fw_clip_cmd`)
    pub struct ClipCmd[32] = CLIP, ClipLo {
        /// First eight bytes of the address.
        ip_hi: u64,
        /// Last eight bytes of the address.
        ip_lo: u64,
        #[doc(hidden)]
        r4: u64,
    }
}

impl ClipCmd {
    /// Adds `address`.
    #[must_use]
    pub fn alloc(address: [u8; 16]) -> Self {
        let request = Self::request(super::Access::Write);
        request.with_lo(request.lo().with_alloc(true)).with_address(address)
    }
    /// Removes `address`.
    #[must_use]
    pub fn free(address: [u8; 16]) -> Self {
        let request = Self::request(super::Access::Write);
        request.with_lo(request.lo().with_free(true)).with_address(address)
    }
    /// The address, in network order.
    #[must_use]
    pub fn address(&self) -> [u8; 16] {
        (u128::from(self.ip_hi()) << 64 | u128::from(self.ip_lo())).to_be_bytes()
    }
    /// With another address.
    #[must_use]
    pub fn with_address(self, address: [u8; 16]) -> Self {
        let address = u128::from_be_bytes(address);
        self.with_ip_hi((address >> 64) as u64).with_ip_lo(address as u64)
    }
}

bits! {
    /// Where the device log lies (S_FW_DEVLOG_CMD_*).
    pub DevlogPlace: u32 { 31:28 memtype_devlog, 27:0 memaddr16_devlog }
}

command! {
    /// Asks where the device log lies. (`fw_devlog_cmd`)
    pub struct DevlogCmd[32] = DEVLOG, super::Lo {
        /// Level of detail.
        level: u8,
        #[doc(hidden)]
        r2: [u8; 7],
        /// Memory and address.
        place: DevlogPlace,
        /// Bytes.
        memsize_devlog: u32,
        #[doc(hidden)]
        r3: u64,
    }
}

codes! {
    /// What a DEBUG command says (t4fw_interface.h enum fw_debug_cmd_type).
    pub DebugType: u8 {
        /// The firmware's assertion failed.
        ASSERT = 0,
        /// A line of its log.
        PRT = 1,
    }
}

command! {
    /// The firmware's assertion failed; comes instead of a reply. (`fw_debug_cmd, assert`)
    pub struct DebugAssertCmd[48] = DEBUG, super::Lo {
        /// Function of the firmware.
        fcid: u32,
        /// Line of its source.
        line: u32,
        /// First value.
        x: u32,
        /// Second value.
        y: u32,
        /// Name of the source, at most 16 bytes, ended by a zero if shorter.
        filename: [u8; 16],
        #[doc(hidden)]
        r3: u64,
    }
}

impl DebugAssertCmd {
    /// What it is, TYPE 7:0 of the first word.
    #[must_use]
    pub fn debug_type(&self) -> DebugType {
        DebugType(self.hi().target() as u8)
    }
}
