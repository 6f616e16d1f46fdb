//! PCIe block: memory windows into the card, and the firmware's state.

registers! {
    /// Limits of outstanding requests; written once at bring-up. (`A_PCIE_CFG2`)
    0x3018 Rw PCIE_CFG2 { 1:0 totmaxtag }
    /// Where in BAR0 memory window `i` lies, and how large it is. (`A_PCIE_MEM_ACCESS_BASE_WIN`)
    0x3068[8; 8] Rw PCIE_MEM_ACCESS_BASE_WIN { 31:10 pcieofst, 9:8 bir, 7:0 window }
    /// The card address at the start of memory window `i`; read back before the window is used. (`A_PCIE_MEM_ACCESS_OFFSET`)
    0x306c[8; 8] Rw PCIE_MEM_ACCESS_OFFSET { 31:0 address }
    /// What the firmware says of itself. (`A_PCIE_FW`)
    0x30b8 Ro PCIE_FW {
        31 err, 30 init, 29 halt, 26:24 eval, 23:21 stage, 20 asyncnot_vld, 19 asyncnotint, 18:16 asyncnot,
        15 master_vld, 14:12 master, 11 reset_vld, 10:8 reset, 7:0 registered,
    }
    /// A word of the firmware for each function; number 7 describes the device log. (`A_PCIE_FW_PF`)
    0x30bc[8; 4] Ro PCIE_FW_PF { 31:28 nentries128_devlog, 27:4 addr16_devlog, 3:0 memtype_devlog }
    /// Smallest tag of outgoing requests. (`A_PCIE_CMD_CFG`)
    0x5980 Rw PCIE_CMD_CFG { 7:0 mintag }
}

/// Memory windows of a function.
pub const WINDOW_COUNT: u32 = PCIE_MEM_ACCESS_BASE_WIN::COUNT;

impl PCIE_MEM_ACCESS_BASE_WIN {
    /// A window of `size` bytes (a power of two, at least 1024) at `base` of BAR0, a multiple of 1024 (T5's
    /// window 1 is larger than the boundary it lies at).
    #[must_use]
    pub const fn at(base: u32, size: u32) -> Self {
        debug_assert!(size.is_power_of_two() && size >= 1024 && base.is_multiple_of(1024));
        Self(0).with_pcieofst(base >> 10).with_window(size.trailing_zeros() - 10)
    }
    /// First byte of the window in BAR0 (T5) or on the bus (T4).
    #[must_use]
    pub const fn base(self) -> u32 {
        self.pcieofst() << 10
    }
    /// Bytes of the window; `None` when the register holds more than 32 bits can address.
    #[must_use]
    pub const fn size(self) -> Option<u32> {
        1u32.checked_shl(self.window() + 10)
    }
}

impl PCIE_MEM_ACCESS_OFFSET {
    /// The window of `size` bytes that holds card address `address`, reached by function `pf`.
    /// T5 keeps the function in the low bits, T4 has them zero.
    #[must_use]
    pub const fn window_of(address: u32, size: u32, pf: u32) -> Self {
        debug_assert!(size.is_power_of_two());
        Self((address & !(size - 1)) | (pf & 7))
    }
}

/// How the firmware judges itself: [`PCIE_FW::eval`] (t4fw_interface.h enum pcie_fw_eval).
pub mod eval {
    /// It crashed.
    pub const CRASH: u32 = 0;
    /// It prepares.
    pub const PREP: u32 = 1;
    /// It is being configured.
    pub const CONF: u32 = 2;
    /// It is initialised.
    pub const INIT: u32 = 3;
    /// Something happened that must not.
    pub const UNEXPECTEDEVENT: u32 = 4;
    /// The card is too hot.
    pub const OVERHEAT: u32 = 5;
    /// It was switched off.
    pub const DEVICESHUTDOWN: u32 = 6;
}

impl PCIE_FW {
    /// The function that is master, if one is.
    #[must_use]
    pub const fn master_pf(self) -> Option<u8> {
        if self.master_vld() { Some(self.master() as u8) } else { None }
    }
    /// Whether a read returned all ones, as all do once the device is gone.
    #[must_use]
    pub const fn is_gone(self) -> bool {
        self.0 == u32::MAX
    }
}

/// Which [`PCIE_FW_PF`] describes the device log (PCIE_FW_PF_DEVLOG).
pub const PCIE_FW_PF_DEVLOG: u32 = 7;

impl PCIE_FW_PF {
    /// Entries of the device log.
    #[must_use]
    pub const fn devlog_entries(self) -> u32 {
        (self.nentries128_devlog() + 1) * 128
    }
    /// Where the device log begins, in its memory.
    #[must_use]
    pub const fn devlog_address(self) -> u32 {
        self.addr16_devlog() * 16
    }
}
