//! What every PCI function has of its own: doorbell, credit return, mailbox, interrupt summary.
//!
//! Offsets are inside the function's block: [`MYPF_BASE`] for the function that does the access,
//! [`pf_base`] for a named one.

/// The block of whichever function does the access (t4_regs.h MYPF_BASE).
pub const MYPF_BASE: u32 = 0x1b000;
/// The block of function 0 (PF0_BASE).
pub const PF0_BASE: u32 = 0x1e000;
/// From one function's block to the next (PF_STRIDE).
pub const PF_STRIDE: u32 = 0x400;
/// Functions of a card.
pub const PF_COUNT: u32 = 8;

/// The block of function `pf` (PF_BASE).
#[must_use]
pub const fn pf_base(pf: u32) -> u32 {
    debug_assert!(pf < PF_COUNT);
    PF0_BASE + pf * PF_STRIDE
}

/// Bytes of a mailbox: the longest firmware command.
pub const MAILBOX_SIZE: usize = 64;

registers! {
    /// Doorbell of this function: `pidx` units of 64 bytes were added to egress queue `qid`.
    /// T5 layout; see [`SGE_PF_KDOORBELL::pidx_t4`]. (`A_SGE_PF_KDOORBELL`)
    0x000 Wo SGE_PF_KDOORBELL { 31:15 qid, 14 dbprio, 13 dbtype, 12:0 pidx_t5 }
    /// Returns `cidxinc` entries of ingress queue `ingressqid` to the card, and arms its interrupt. (`A_SGE_PF_GTS`)
    0x004 Wo SGE_PF_GTS { 31:16 ingressqid, 15:13 timerreg, 12 seintarm, 11:0 cidxinc }
    /// Configuration of this function. (`A_PCIE_PF_CFG`)
    0x040 Rw PCIE_PF_CFG { 31:0 value }
    /// Clears pending programmed I/O of this function. (`A_PCIE_PF_CLI`)
    0x044 Rw PCIE_PF_CLI { 31:0 value }
    /// A firmware command or its reply: eight big-endian 64-bit words, two registers each. (`A_CIM_PF_MAILBOX_DATA`)
    0x240[16; 4] Rw CIM_PF_MAILBOX_DATA { 31:0 data }
    /// Whose turn it is on the mailbox. (`A_CIM_PF_MAILBOX_CTRL`)
    0x280 Rw CIM_PF_MAILBOX_CTRL { 3 mbmsgvalid, 2 mbintreq, 1:0 mbowner }
    /// Which mailbox events interrupt the host. (`A_CIM_PF_HOST_INT_ENABLE`)
    0x288 Rw CIM_PF_HOST_INT_ENABLE { 19 mbmsgrdyinten }
    /// Which mailbox events happened. (`A_CIM_PF_HOST_INT_CAUSE`)
    0x28c W1c CIM_PF_HOST_INT_CAUSE { 19 mbmsgrdyint }
    /// The mailbox's control word, read without taking ownership. (`A_CIM_PF_MAILBOX_CTRL_SHADOW_COPY`)
    0x290 Ro CIM_PF_MAILBOX_CTRL_SHADOW_COPY { 3 mbmsgvalid, 2 mbintreq, 1:0 mbowner }
    /// Which units ask for this function's attention. (`A_PL_PF_INT_CAUSE`)
    0x3c0 W1c PL_PF_INT_CAUSE { 3 pfsw, 1 pfcim }
    /// Which of them interrupt the host. (`A_PL_PF_INT_ENABLE`)
    0x3c4 Rw PL_PF_INT_ENABLE { 3 pfsw, 1 pfcim }
    /// Interrupts of this function by software. (`A_PL_PF_CTL`)
    0x3c8 Rw PL_PF_CTL { 31:0 value }
}

impl SGE_PF_KDOORBELL {
    /// T4 has no doorbell type and one more bit of increment, 13:0 (S_PIDX).
    #[must_use]
    pub const fn pidx_t4(self) -> u32 {
        self.0 & 0x3fff
    }
    /// T4's increment, 13:0 (S_PIDX); a value that is too wide is a bug.
    #[must_use]
    pub const fn with_pidx_t4(self, pidx: u32) -> Self {
        debug_assert!(pidx <= 0x3fff);
        Self((self.0 & !0x3fff) | (pidx & 0x3fff))
    }
}

/// What a function reads where it has no access (t4_hw.c X_CIM_PF_NOACCESS).
pub const NO_ACCESS: u32 = 0xeeee_eeee;

/// `timerreg`: start counting anew (t4_regs_values.h X_TIMERREG_RESTART_COUNTER).
pub const TIMERREG_RESTART_COUNTER: u32 = 6;
/// `timerreg`: return the credits and nothing else, as polling does (X_TIMERREG_UPDATE_CIDX).
pub const TIMERREG_UPDATE_CIDX: u32 = 7;

impl SGE_PF_GTS {
    /// Returns `entries` of queue `qid` (0 when the doorbell page infers it) without an interrupt.
    #[must_use]
    pub const fn credits(qid: u32, entries: u32) -> Self {
        Self(0).with_ingressqid(qid).with_timerreg(TIMERREG_UPDATE_CIDX).with_cidxinc(entries)
    }
}

/// Who may use a mailbox (t4_regs_values.h X_MBOWNER_*).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailboxOwner {
    /// Nobody: a read by the host claims it for the driver.
    None,
    /// The firmware: a command is under way.
    Firmware,
    /// The driver: it may post a command, or read the reply.
    Driver,
    /// A value the header does not know.
    Reserved,
}

impl MailboxOwner {
    /// From the two bits.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        match bits {
            0 => Self::None,
            1 => Self::Firmware,
            2 => Self::Driver,
            _ => Self::Reserved,
        }
    }
    /// To the two bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Firmware => 1,
            Self::Driver => 2,
            Self::Reserved => 3,
        }
    }
}

impl CIM_PF_MAILBOX_CTRL {
    /// Who owns the mailbox.
    #[must_use]
    pub const fn owner(self) -> MailboxOwner {
        MailboxOwner::from_bits(self.mbowner())
    }
    /// With another owner.
    #[must_use]
    pub const fn with_owner(self, owner: MailboxOwner) -> Self {
        self.with_mbowner(owner.bits())
    }
    /// The word that hands a command to the firmware, or a reply to the driver.
    #[must_use]
    pub const fn message_for(owner: MailboxOwner) -> Self {
        Self(0).with_mbmsgvalid(true).with_owner(owner)
    }
}
