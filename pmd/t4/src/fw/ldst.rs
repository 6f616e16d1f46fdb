//! FW_LDST: access to registers and contexts by the firmware.

use super::{Command, Hi};

codes! {
    /// What LDST reaches (t4fw_interface.h enum fw_ldst_addrspc).
    pub LdstAddrspace: u8 {
        /// The firmware's own memory.
        FIRMWARE = 0x01,
        /// Context of an egress queue.
        SGE_EGRC = 0x08,
        /// Context of an ingress queue.
        SGE_INGC = 0x09,
        /// Context of a freelist.
        SGE_FLMC = 0x0a,
        /// Context of the congestion manager.
        SGE_CONMC = 0x0b,
        /// TP's registers.
        TP_PIO = 0x10,
        /// TP's scheduler registers.
        TP_TM_PIO = 0x11,
        /// TP's counters.
        TP_MIB = 0x12,
        /// A transceiver's management registers.
        MDIO = 0x18,
        /// MAC classification and replication.
        MPS = 0x20,
        /// A function's configuration.
        FUNC = 0x28,
        /// A function's PCIe configuration.
        FUNC_PCIE = 0x29,
        /// A module's I2C bus.
        I2C = 0x38,
    }
}

lo_word! {
    /// Core clock cycles to wait (S_FW_LDST_CMD_CYCLES).
    pub LdstLo { 31:16 cycles, }
}

impl Hi {
    /// What an LDST command reaches, ADDRSPACE 7:0.
    #[must_use]
    pub const fn addrspace(self) -> LdstAddrspace {
        LdstAddrspace(self.target() as u8)
    }
    /// With another address space.
    #[must_use]
    pub const fn with_addrspace(self, addrspace: LdstAddrspace) -> Self {
        self.with_target(addrspace.0 as u32)
    }
}

command! {
    /// Any LDST command; what follows the header depends on the address space. (`fw_ldst_cmd`)
    pub struct LdstCmd[64] = LDST, LdstLo {
        /// The address space's own part.
        body: [u8; 56],
    }
}

message! {
    /// Register access: TP_PIO, TP_TM_PIO, TP_MIB, FIRMWARE. (`fw_ldst_addrval`)
    pub struct LdstAddrVal[8] {
        /// The register.
        addr: u32,
        /// Its value.
        val: u32,
    }
}

message! {
    /// A queue's context. (`fw_ldst_idctxt`)
    pub struct LdstIdCtxt[40] {
        /// Absolute id of the queue.
        physid: u32,
        /// Whether the cache is flushed first, bit 31.
        msg_ctxtflush: u32,
        /// The context, its most significant word first.
        ctxt_data: [u32; 8],
    }
}

message! {
    /// A word of a function's PCIe configuration. (`fw_ldst_pcie`)
    pub struct LdstPcie[56] {
        /// Control, and in 2:0 the function.
        ctrl_to_fn: u8,
        /// Bus.
        bnum: u8,
        /// Register, in 32-bit words.
        r: u8,
        /// High bits of the register.
        ext_r: u8,
        /// Bytes and number of accesses.
        select_naccess: u8,
        /// Function of the configuration.
        pcie_fn: u8,
        /// Words.
        nset_pkd: u16,
        /// The words.
        data: [u32; 12],
    }
}

impl LdstCmd {
    /// A request to `addrspace`.
    #[must_use]
    pub fn to(access: super::Access, addrspace: LdstAddrspace) -> Self {
        let request = Self::request(access);
        request.with_hi(request.hi().with_addrspace(addrspace))
    }
    /// The part of a register access.
    #[must_use]
    pub fn addrval(&self) -> LdstAddrVal {
        LdstAddrVal::parse(&self.body).copied().unwrap_or_default()
    }
    /// With the part of a register access.
    #[must_use]
    pub fn with_addrval(self, part: LdstAddrVal) -> Self {
        self.with_part(part.as_bytes())
    }
    /// The part of a context access.
    #[must_use]
    pub fn idctxt(&self) -> LdstIdCtxt {
        LdstIdCtxt::parse(&self.body).copied().unwrap_or_default()
    }
    /// With the part of a context access.
    #[must_use]
    pub fn with_idctxt(self, part: LdstIdCtxt) -> Self {
        self.with_part(part.as_bytes())
    }
    /// The part of a PCIe configuration access.
    #[must_use]
    pub fn pcie(&self) -> LdstPcie {
        LdstPcie::parse(&self.body).copied().unwrap_or_default()
    }
    /// With the part of a PCIe configuration access.
    #[must_use]
    pub fn with_pcie(self, part: LdstPcie) -> Self {
        self.with_part(part.as_bytes())
    }

    fn with_part(mut self, part: &[u8]) -> Self {
        for (byte, value) in self.body.iter_mut().zip(part) {
            *byte = *value;
        }
        self
    }
}
