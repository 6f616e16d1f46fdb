//! MPS: which virtual interface takes a frame, by its destination MAC.

use mafo_t4::regs::mps::{MPS_CLS_SRAM_H, MPS_CLS_SRAM_L, MPS_CLS_TCAM_X_L, MPS_CLS_TCAM_Y_L};
use mafo_t4::{IqId, PortId};

use crate::bar::BarShared;
use crate::rss::RssFields;

/// Entries of T5's MAC table.
pub const MAC_ENTRIES: usize = 512;
/// Virtual interfaces.
pub const VI_COUNT: usize = 128;

/// How a destination matched (`MPSHITTYPE` of the filter tuple).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HitType {
    /// An entry of the MAC table, unicast.
    ExactUnicast = 0,
    /// The hash of unicast addresses.
    HashedUnicast = 1,
    /// The interface takes everything.
    Promiscuous = 2,
    /// An entry of the MAC table, multicast.
    ExactMulticast = 4,
    /// The hash of multicast addresses.
    HashedMulticast = 5,
    /// The interface takes all multicast.
    AllMulticast = 6,
    /// Broadcast.
    Broadcast = 7,
}

/// Who takes a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacHit {
    /// The virtual interface.
    pub vin: u8,
    /// The entry of the MAC table, if it was one.
    pub index: Option<u16>,
    /// How it matched.
    pub kind: HitType,
}

/// What an interface receives besides the addresses of the MAC table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxMode {
    /// Everything.
    pub promiscuous: bool,
    /// All multicast.
    pub all_multicast: bool,
    /// Broadcast.
    pub broadcast: bool,
    /// Unicast addresses by hash, a bit each.
    pub unicast_hash: u64,
    /// Multicast addresses by hash, a bit each.
    pub multicast_hash: u64,
}

/// RSS of an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViRss {
    /// What is hashed.
    pub fields: RssFields,
    /// Where frames go that are not hashed or whose table entry is empty.
    pub default_queue: Option<IqId>,
    /// First entry of the interface's slice of the indirection table.
    pub start: usize,
    /// Entries of the slice, a power of two.
    pub size: usize,
}

/// Bytes of an Ethernet header and of a VLAN tag.
const ETHERNET: usize = 14;
const TAG: usize = 4;

/// A virtual interface.
#[derive(Clone, Copy, Debug)]
pub struct Vi {
    /// Port that it belongs to.
    pub port: PortId,
    /// Its own address.
    pub mac: [u8; 6],
    /// Largest frame payload that it was set to (FW_VI_RXMODE).
    pub mtu: u16,
    /// Receives.
    pub rx_enabled: bool,
    /// Sends.
    pub tx_enabled: bool,
    /// What it receives.
    pub mode: RxMode,
    /// Queues.
    pub rss: ViRss,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MacEntry {
    mac: [u8; 6],
    vin: u8,
}

/// The MAC table and the virtual interfaces.
#[derive(Debug)]
pub struct Mps {
    vis: Vec<Option<Vi>>,
    entries: Vec<Option<MacEntry>>,
    /// One past the last entry in use.
    used: usize,
    /// Longest packet that any interface of each port was ever set to.
    packet_max: [u16; 4],
}

impl Default for Mps {
    fn default() -> Self {
        Self {
            vis: vec![None; VI_COUNT],
            entries: vec![None; MAC_ENTRIES],
            used: 0,
            packet_max: [0; 4],
        }
    }
}

/// Bit of a 64-bit address filter: the folded address, six bits at a time.
#[must_use]
pub fn hash_bit(mac: [u8; 6]) -> u64 {
    let [a, b, c, d, e, f] = mac.map(u64::from);
    let address = a << 40 | b << 32 | c << 24 | d << 16 | e << 8 | f;
    let folded = (0..8).fold(0, |hash, i| hash ^ (address >> (6 * i))) & 0x3f;
    1 << folded
}

/// An address as a number, which is compared at once.
#[inline]
fn number(mac: [u8; 6]) -> u64 {
    let [a, b, c, d, e, f] = mac;
    u64::from_ne_bytes([a, b, c, d, e, f, 0, 0])
}

impl Mps {
    /// Virtual interface `vin`.
    #[must_use]
    pub fn vi(&self, vin: u8) -> Option<&Vi> {
        self.vis.get(usize::from(vin))?.as_ref()
    }

    /// Virtual interface `vin`, to be changed.
    pub fn vi_mut(&mut self, vin: u8) -> Option<&mut Vi> {
        self.vis.get_mut(usize::from(vin))?.as_mut()
    }

    /// Makes an interface under the first free number from `from` on.
    pub fn add_vi(&mut self, from: u8, vi: Vi) -> Option<u8> {
        let free = (usize::from(from)..VI_COUNT).find(|vin| self.vis[*vin].is_none())?;
        self.vis[free] = Some(vi);
        self.note_mtu(vi.port, vi.mtu);
        Some(free as u8)
    }

    /// Sets the largest packet of interface `vin`, which is there.
    pub fn set_mtu(&mut self, vin: u8, mtu: u16) {
        if let Some(vi) = self.vi_mut(vin) {
            vi.mtu = mtu;
            let port = vi.port;
            self.note_mtu(port, mtu);
        }
    }

    fn note_mtu(&mut self, port: PortId, mtu: u16) {
        if let Some(max) = self.packet_max.get_mut(port.index()) {
            *max = mtu.max(*max);
        }
    }

    /// Bytes that a frame by `port` may have, two tags included.
    #[must_use]
    pub fn frame_max(&self, port: PortId) -> usize {
        self.packet_max.get(port.index()).map_or(0, |&max| usize::from(max) + ETHERNET + 2 * TAG)
    }

    /// Frees an interface and its addresses; `false` if there is none such.
    pub fn remove_vi(&mut self, vin: u8, shared: &BarShared) -> bool {
        let Some(slot) = self.vis.get_mut(usize::from(vin)) else { return false };
        if slot.take().is_none() {
            return false;
        }
        for index in 0..self.used {
            if self.entries[index].is_some_and(|entry| entry.vin == vin) {
                self.clear_entry(index, shared);
            }
        }
        true
    }

    /// Adds `mac` of interface `vin`: its entry if it has one, else a free one; `None` if there is none.
    pub fn add_mac(&mut self, vin: u8, mac: [u8; 6], shared: &BarShared) -> Option<u16> {
        let entry = MacEntry { mac, vin };
        let index = self
            .find_mac(vin, mac)
            .or_else(|| self.entries.iter().position(Option::is_none).map(|index| index as u16))?;
        self.set_entry(usize::from(index), entry, shared);
        Some(index)
    }

    /// Puts `mac` of interface `vin` into entry `index`; `false` if that is another interface's or
    /// does not exist.
    pub fn set_mac(&mut self, vin: u8, index: u16, mac: [u8; 6], shared: &BarShared) -> bool {
        match self.entries.get(usize::from(index)) {
            Some(Some(entry)) if entry.vin != vin => false,
            Some(_) => {
                self.set_entry(usize::from(index), MacEntry { mac, vin }, shared);
                true
            }
            None => false,
        }
    }

    /// Frees entry `index` of interface `vin`; `false` if it is not its.
    pub fn remove_mac(&mut self, vin: u8, index: u16, shared: &BarShared) -> bool {
        match self.entries.get(usize::from(index)) {
            Some(Some(entry)) if entry.vin == vin => {
                self.clear_entry(usize::from(index), shared);
                true
            }
            _ => false,
        }
    }

    /// The entry that holds `mac` for interface `vin`.
    #[must_use]
    pub fn find_mac(&self, vin: u8, mac: [u8; 6]) -> Option<u16> {
        let wanted = Some(MacEntry { mac, vin });
        self.entries[..self.used].iter().position(|entry| *entry == wanted).map(|i| i as u16)
    }

    /// The first entry of interface `vin`.
    #[must_use]
    pub fn first_mac(&self, vin: u8) -> Option<u16> {
        let ours = |entry: &Option<MacEntry>| entry.is_some_and(|entry| entry.vin == vin);
        self.entries[..self.used].iter().position(ours).map(|i| i as u16)
    }

    fn set_entry(&mut self, index: usize, entry: MacEntry, shared: &BarShared) {
        self.entries[index] = Some(entry);
        self.used = self.used.max(index + 1);
        self.show(index, shared);
    }

    fn clear_entry(&mut self, index: usize, shared: &BarShared) {
        self.entries[index] = None;
        while self.used > 0 && self.entries[self.used - 1].is_none() {
            self.used -= 1;
        }
        self.show(index, shared);
    }

    /// Registers of entry `index`: X holds the ones, Y the zeros, both equal means unused.
    fn show(&self, index: usize, shared: &BarShared) {
        let i = index as u32;
        let (x, y, sram_l, sram_h) = match &self.entries[index] {
            Some(entry) => {
                let [a, b, c, d, e, f] = entry.mac.map(u64::from);
                let address = a << 40 | b << 32 | c << 24 | d << 16 | e << 8 | f;
                let port = self.vi(entry.vin).map_or(0, |vi| vi.port.0);
                let sram_l = MPS_CLS_SRAM_L(0).with_vf_valid(true).with_vf(u32::from(entry.vin));
                let sram_h = MPS_CLS_SRAM_H(0).with_portmap(1 << (port & 3));
                (address, !address & 0xffff_ffff_ffff, sram_l.0, sram_h.0)
            }
            None => (u64::MAX, u64::MAX, 0, 0),
        };
        shared.put_register(MPS_CLS_TCAM_X_L::offset(i), x as u32);
        shared.put_register(MPS_CLS_TCAM_X_L::offset(i) + 4, (x >> 32) as u32);
        shared.put_register(MPS_CLS_TCAM_Y_L::offset(i), y as u32);
        shared.put_register(MPS_CLS_TCAM_Y_L::offset(i) + 4, (y >> 32) as u32);
        shared.put_register(MPS_CLS_SRAM_L::offset(i), sram_l);
        shared.put_register(MPS_CLS_SRAM_H::offset(i), sram_h);
    }

    /// Interfaces of `port` that receive.
    fn receivers(&self, port: PortId) -> impl Iterator<Item = (u8, &Vi)> {
        self.vis.iter().enumerate().filter_map(move |(vin, vi)| {
            let vi = vi.as_ref()?;
            (vi.port == port && vi.rx_enabled).then_some((vin as u8, vi))
        })
    }

    /// Who takes a frame to `dst` that came in by ingress port `iport`. Loopback port 4 + n is
    /// classified as port n.
    #[inline]
    #[must_use]
    pub fn classify(&self, iport: u8, dst: [u8; 6]) -> Option<MacHit> {
        let port = PortId(iport & 3);
        let wanted = number(dst);
        let exact = self.entries[..self.used].iter().enumerate().find_map(|(index, entry)| {
            let entry = entry.as_ref().filter(|entry| number(entry.mac) == wanted)?;
            self.vi(entry.vin).filter(|vi| vi.port == port && vi.rx_enabled)?;
            let group = dst[0] & 1 != 0;
            let kind = if group { HitType::ExactMulticast } else { HitType::ExactUnicast };
            Some(MacHit { vin: entry.vin, index: Some(index as u16), kind })
        });
        exact.or_else(|| {
            self.receivers(port)
                .find_map(|(vin, vi)| Some(MacHit { vin, index: None, kind: vi.mode.takes(dst)? }))
        })
    }

    /// Further interfaces behind `first` that take a group frame to `dst`.
    pub fn also_take(&self, iport: u8, dst: [u8; 6], first: u8) -> impl Iterator<Item = MacHit> {
        let group = dst[0] & 1 != 0;
        self.receivers(PortId(iport & 3)).filter(move |(vin, _)| group && *vin != first).filter_map(
            move |(vin, vi)| match self.find_mac(vin, dst) {
                Some(index) => {
                    Some(MacHit { vin, index: Some(index), kind: HitType::ExactMulticast })
                }
                None => Some(MacHit { vin, index: None, kind: vi.mode.takes(dst)? }),
            },
        )
    }
}

impl RxMode {
    fn takes(&self, dst: [u8; 6]) -> Option<HitType> {
        if dst == [0xff; 6] {
            if self.broadcast {
                return Some(HitType::Broadcast);
            }
        } else if dst[0] & 1 != 0 {
            if self.all_multicast {
                return Some(HitType::AllMulticast);
            }
            if self.multicast_hash & hash_bit(dst) != 0 {
                return Some(HitType::HashedMulticast);
            }
        } else if self.unicast_hash & hash_bit(dst) != 0 {
            return Some(HitType::HashedUnicast);
        }
        self.promiscuous.then_some(HitType::Promiscuous)
    }
}
