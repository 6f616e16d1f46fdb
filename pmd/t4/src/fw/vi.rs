//! Virtual interfaces: FW_VI, FW_VI_MAC, FW_VI_RXMODE, FW_VI_ENABLE.

use super::{Access, Command};
use crate::PortId;

bits! {
    /// Id of a virtual interface: function, valid bit, number within the card (S_FW_VIID_*).
    pub Viid: u16 { 10:8 pfn, 7 vivld, 6:0 vin }
}

lo_word! {
    /// What happens to the interface; in a reply the interface's number when VIIDs are opaque
    /// (S_FW_VI_CMD_ALLOC, …).
    pub ViLo { 31 alloc, 30 free, 24 vfvld, 23:16 vin, }
}

bits! {
    /// Type, purpose and id (S_FW_VI_CMD_TYPE, _FUNC, _VIID).
    pub ViIdWord: u16 { 15 type_, 14:12 func, 11:0 viid }
}
bits! {
    /// Port (S_FW_VI_CMD_PORTID).
    pub ViPort: u8 { 7:4 portid }
}
bits! {
    /// Slice of the RSS table: entries (S_FW_VI_CMD_NORSS, _RSSSIZE).
    pub ViRss: u16 { 11 norss, 10:0 rsssize }
}

command! {
    /// Allocates or frees a virtual interface. (`fw_vi_cmd`)
    pub struct ViCmd[64] = VI, ViLo {
        /// Type, purpose and id.
        type_viid: ViIdWord,
        /// Its MAC address, in the reply.
        mac: [u8; 6],
        /// Port.
        portid: ViPort,
        /// More MAC addresses wanted.
        nmac: u8,
        /// First of them.
        nmac0: [u8; 6],
        /// Slice of the RSS table.
        rss: ViRss,
        /// Second of them.
        nmac1: [u8; 6],
        /// Ingress queue of intrusion detection.
        idsiiq: u16,
        /// Third of them.
        nmac2: [u8; 6],
        /// Egress queue of intrusion detection.
        idseiq: u16,
        /// Fourth of them.
        nmac3: [u8; 6],
        #[doc(hidden)]
        r9: u64,
        #[doc(hidden)]
        r10: u64,
    }
}

impl ViCmd {
    /// Allocates an interface of function `pf` on `port`, with `nmac` MAC addresses (at least 1).
    #[must_use]
    pub fn alloc(pf: u8, port: PortId, nmac: u8) -> Self {
        debug_assert!(nmac >= 1);
        let request = Self::request(Access::WriteExec).of_function(pf, 0);
        request
            .with_lo(request.lo().with_alloc(true))
            .with_portid(ViPort::default().with_portid(port.0))
            // NMAC counts those beside the first (t4_alloc_vi_func).
            .with_nmac(nmac - 1)
    }
    /// Frees an interface of function `pf`.
    #[must_use]
    pub fn free(pf: u8, viid: Viid) -> Self {
        let request = Self::request(Access::Exec).of_function(pf, 0);
        request
            .with_lo(request.lo().with_free(true))
            .with_type_viid(ViIdWord::default().with_viid(viid.0))
    }
    /// The interface.
    #[must_use]
    pub fn viid(&self) -> Viid {
        Viid(self.type_viid().viid())
    }
}

lo_word! {
    /// What the entries are (S_FW_VI_MAC_CMD_FREEMACS, _ENTRY_TYPE, _HASHUNIEN).
    pub ViMacLo { 31 freemacs, 25:23 entry_type, 22 hashunien, }
}

impl ViMacLo {
    /// `entry_type`: exact addresses, [`ViMacCmd`] (FW_VI_MAC_TYPE_EXACTMAC).
    pub const EXACT: u32 = 0;
    /// `entry_type`: a hash vector, [`ViMacHashCmd`] (FW_VI_MAC_TYPE_HASHVEC).
    pub const HASH: u32 = 1;
    /// `entry_type`: raw match (FW_VI_MAC_TYPE_RAW, T6).
    pub const RAW: u32 = 2;
}

bits! {
    /// An entry's validity, priority, tables and place (S_FW_VI_MAC_CMD_VALID, …).
    pub MacEntryWord: u16 { 15 valid, 14:12 prio, 11:10 smac_result, 9:0 idx }
}

impl MacEntryWord {
    /// `idx`: add (FW_VI_MAC_ADD_MAC).
    pub const ADD: u16 = 0x3ff;
    /// `idx`: add for good (FW_VI_MAC_ADD_PERSIST_MAC).
    pub const ADD_PERSIST: u16 = 0x3fe;
    /// `idx`: free by address (FW_VI_MAC_MAC_BASED_FREE).
    pub const FREE_BY_MAC: u16 = 0x3fd;
    /// `idx`: free by id (FW_VI_MAC_ID_BASED_FREE).
    pub const FREE_BY_ID: u16 = 0x3fc;

    /// `smac_result`: MAC table entry, source table untouched (enum fw_vi_mac_smac).
    pub const MPS_TCAM_ENTRY: u16 = 0;
    /// `smac_result`: MAC table only.
    pub const MPS_TCAM_ONLY: u16 = 1;
    /// `smac_result`: source MAC table only.
    pub const SMT_ONLY: u16 = 2;
    /// `smac_result`: both tables.
    pub const SMT_AND_MPSTCAM: u16 = 3;
}

message! {
    /// One exact address. (`fw_vi_mac_exact`)
    pub struct MacEntry[8] {
        /// Validity, priority, tables and place.
        word: MacEntryWord,
        /// The address.
        macaddr: [u8; 6],
    }
}

impl MacEntry {
    /// A valid entry that asks for `idx` (a code of [`MacEntryWord`], or an entry to change).
    #[must_use]
    pub fn new(idx: u16, smac_result: u16, macaddr: [u8; 6]) -> Self {
        let word =
            MacEntryWord::default().with_valid(true).with_smac_result(smac_result).with_idx(idx);
        Self::default().with_word(word).with_macaddr(macaddr)
    }
}

command! {
    /// Adds, changes or frees up to seven exact MAC addresses of an interface; the reply has their places
    /// in the MAC table. (`fw_vi_mac_cmd, exact`)
    pub struct ViMacCmd[64] = VI_MAC, ViMacLo {
        /// The entries; LEN16 says how many there are.
        exact: [MacEntry; 7],
    }
}

impl ViMacCmd {
    /// Entries a command has room for.
    pub const MAX: usize = 7;

    /// Writes `entries` of an interface, at most seven; more are a bug. LEN16 covers just these.
    #[must_use]
    pub fn write(viid: Viid, entries: &[MacEntry]) -> Self {
        assert!(entries.len() <= Self::MAX, "{} entries in one FW_VI_MAC_CMD", entries.len());
        let mut command = Self::request(Access::Write).of_vi(viid);
        for (slot, entry) in command.exact.iter_mut().zip(entries) {
            *slot = *entry;
        }
        let bytes = 8 + 8 * entries.len() as u32;
        command.with_lo(command.lo().with_len16(bytes.div_ceil(16)))
    }
    /// Entries that the command's length has room for: those a firmware looks at.
    #[must_use]
    pub fn entries(&self) -> &[MacEntry] {
        let bytes = self.lo().len16() as usize * 16;
        let count = (bytes.saturating_sub(8) / 8).min(Self::MAX);
        &self.exact[..count]
    }
    /// The same, to answer in place.
    pub fn entries_mut(&mut self) -> &mut [MacEntry] {
        let count = self.entries().len();
        &mut self.exact[..count]
    }
    /// The command in `bytes`, even if they are fewer than its structure: LEN16 may be less than that.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let header = super::Header::parse(bytes)?;
        if header.hi().opcode() != Self::OPCODE || header.len() > bytes.len() {
            return None;
        }
        let mut padded = [0; Self::SIZE];
        for (byte, value) in padded.iter_mut().zip(bytes) {
            *byte = *value;
        }
        Self::parse(&padded).copied()
    }
}

command! {
    /// Sets the hash of inexact addresses of an interface. (`fw_vi_mac_cmd, hash`)
    pub struct ViMacHashCmd[16] = VI_MAC, ViMacLo {
        /// A bit a hash value.
        hashvec: u64,
    }
}

impl ViMacHashCmd {
    /// Writes the vector; `unicast` says which addresses it is for.
    #[must_use]
    pub fn write(viid: Viid, unicast: bool, hashvec: u64) -> Self {
        let request = Self::request(Access::Write).of_vi(viid);
        request
            .with_lo(request.lo().with_entry_type(ViMacLo::HASH).with_hashunien(unicast))
            .with_hashvec(hashvec)
    }
}

bits! {
    /// What an interface receives (S_FW_VI_RXMODE_CMD_MTU, …); each has a value that keeps it as it is.
    pub RxMode: u32 { 31:16 mtu, 15:14 promiscen, 13:12 allmultien, 11:10 broadcasten, 9:8 vlanexen }
}

impl RxMode {
    /// `mtu`: as it is.
    pub const KEEP_MTU: u32 = 0xffff;
    /// The switches: as they are.
    pub const KEEP: u32 = 3;
    /// Changes nothing.
    pub const UNCHANGED: Self = Self(0)
        .with_mtu(Self::KEEP_MTU)
        .with_promiscen(Self::KEEP)
        .with_allmultien(Self::KEEP)
        .with_broadcasten(Self::KEEP)
        .with_vlanexen(Self::KEEP);
}

command! {
    /// Sets what an interface receives. (`fw_vi_rxmode_cmd`)
    pub struct ViRxModeCmd[16] = VI_RXMODE, super::Lo {
        /// What.
        mode: RxMode,
        #[doc(hidden)]
        r4_lo: u32,
    }
}

lo_word! {
    /// Directions (S_FW_VI_ENABLE_CMD_IEN, …).
    pub ViEnableLo { 31 ien, 30 een, 29 led, 28 dcb_info, }
}

command! {
    /// Switches the directions of an interface on and off. (`fw_vi_enable_cmd`)
    pub struct ViEnableCmd[16] = VI_ENABLE, ViEnableLo {
        /// How long the port's light blinks, with `led`.
        blinkdur: u16,
        #[doc(hidden)]
        r3: u16,
        #[doc(hidden)]
        r4: u32,
    }
}

impl ViEnableCmd {
    /// Switches receive and transmit of an interface.
    #[must_use]
    pub fn directions(viid: Viid, receive: bool, transmit: bool) -> Self {
        let request = Self::request(Access::Exec).of_vi(viid);
        request.with_lo(request.lo().with_ien(receive).with_een(transmit))
    }
}
