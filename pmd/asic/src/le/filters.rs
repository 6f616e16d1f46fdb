//! Filters: positions in the filter region, matched in the order of their positions.

use super::headers::Headers;
use super::ntuple::FilterMode;
use core::net::IpAddr;
use mafo_t4::regs::tp::pio::TP_VLAN_PRI_MAP;
use mafo_t4::{Ftid, IqId, L2tIdx, PortId, SmtIdx};

/// A value and which of its bits count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Masked<T> {
    /// Expected value.
    pub value: T,
    /// Bits of it that count; none: anything matches.
    pub mask: T,
}

macro_rules! masked {
    ($($T:ty)*) => { $(
        impl Masked<$T> {
            /// All bits count.
            #[must_use]
            pub const fn exactly(value: $T) -> Self {
                Self { value, mask: <$T>::MAX }
            }
            /// Whether no bit counts.
            #[must_use]
            pub const fn is_any(self) -> bool {
                self.mask == 0
            }
            const fn matches(self, value: $T) -> bool {
                (value ^ self.value) & self.mask == 0
            }
        }
    )* };
}
masked!(u8 u16 u32 u128);

/// What a frame must be. Fields whose mask is 0 match anything, also their absence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// The filter is one for IPv6 packets (`RQTYPE`); otherwise for everything else.
    pub v6: bool,
    /// Ingress port: 0–3 wires, 4–7 loopbacks.
    pub iport: Masked<u8>,
    /// Fibre Channel over Ethernet, 1 bit.
    pub fcoe: Masked<u8>,
    /// Fragment, 1 bit.
    pub frag: Masked<u8>,
    /// Index in the MAC table.
    pub mac_index: Masked<u16>,
    /// `MPSHITTYPE`.
    pub hit_type: Masked<u8>,
    /// EtherType.
    pub ethertype: Masked<u16>,
    /// (Inner) VLAN tag; bit 16 says that there is one.
    pub vlan: Masked<u32>,
    /// Outer VLAN tag; bit 16 says that there is one. With the VNIC mode: bit 16, PF 15:13, VF 6:0.
    pub vnic: Masked<u32>,
    /// Type of service.
    pub tos: Masked<u8>,
    /// IP protocol.
    pub protocol: Masked<u8>,
    /// Destination address; IPv4 in the low 32 bits.
    pub local: Masked<u128>,
    /// Source address.
    pub peer: Masked<u128>,
    /// Destination port.
    pub local_port: Masked<u16>,
    /// Source port.
    pub peer_port: Masked<u16>,
}

const TAG_PRESENT: u32 = 1 << 16;

fn tag(tag: Option<u16>) -> u32 {
    tag.map_or(0, |tag| TAG_PRESENT | u32::from(tag))
}

fn address(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl Match {
    /// Whether the mode has every field that this match looks at.
    #[must_use]
    pub fn fits(&self, mode: &FilterMode) -> bool {
        let needs = TP_VLAN_PRI_MAP(0)
            .with_fcoe(!self.fcoe.is_any())
            .with_port(!self.iport.is_any())
            .with_vnic_id(!self.vnic.is_any())
            .with_vlan(!self.vlan.is_any())
            .with_tos(!self.tos.is_any())
            .with_protocol(!self.protocol.is_any())
            .with_ethertype(!self.ethertype.is_any())
            .with_macmatch(!self.mac_index.is_any())
            .with_mpshittype(!self.hit_type.is_any())
            .with_fragmentation(!self.frag.is_any());
        mode.selects(needs)
    }

    fn takes(&self, headers: &Headers) -> bool {
        self.v6 == headers.is_v6()
            && self.iport.matches(headers.ingress.port)
            && self.hit_type.matches(headers.ingress.hit_type)
            && self.takes_packet(headers)
            && self.fcoe.matches(u8::from(headers.is_fcoe()))
            && self.mac_index.matches(headers.ingress.mac_index.unwrap_or(0))
            && self.ethertype.matches(headers.ethertype)
            && self.vlan.matches(tag(headers.vlan))
            && self.vnic.matches(tag(headers.outer_vlan))
    }

    fn takes_packet(&self, headers: &Headers) -> bool {
        let Some(ip) = &headers.ip else {
            return self.frag.matches(0)
                && self.tos.is_any()
                && self.protocol.is_any()
                && self.local.is_any()
                && self.peer.is_any()
                && self.takes_ports(None);
        };
        self.takes_ports(headers.ports)
            && self.protocol.matches(ip.protocol)
            && self.local.matches(address(ip.local))
            && self.peer.matches(address(ip.peer))
            && self.tos.matches(ip.tos)
            && self.frag.matches(u8::from(ip.fragment))
    }

    fn takes_ports(&self, ports: Option<(u16, u16)>) -> bool {
        match ports {
            Some((local, peer)) => self.local_port.matches(local) && self.peer_port.matches(peer),
            None => self.local_port.is_any() && self.peer_port.is_any(),
        }
    }
}

/// What becomes of the VLAN tag of a frame that is switched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VlanRewrite {
    /// Stays as it is.
    #[default]
    Keep,
    /// The tag is removed.
    Remove,
    /// The tag of the L2T entry is put in, or takes the place of the one there.
    Insert,
}

/// What becomes of a frame that is not TP's: the action of a filter, or of a connection that is not offloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To the host as RX_PKT.
    Host {
        /// This queue, instead of the one that RSS finds.
        queue: Option<IqId>,
        /// The filter or connection that was hit, to be named in the RSS header
        /// (`filter_hit`, `filter_tid`, and the number as hash value).
        report: Option<u32>,
    },
    /// Nowhere.
    Drop,
    /// Out of another port without the host.
    Switch {
        /// The port.
        port: PortId,
        /// Destination MAC, and the VLAN for [`VlanRewrite::Insert`], from this L2T entry.
        l2t: Option<L2tIdx>,
        /// Whether the destination MAC is rewritten.
        rewrite_dmac: bool,
        /// Source MAC from this SMT entry.
        smac: Option<SmtIdx>,
        /// The VLAN tag.
        vlan: VlanRewrite,
    },
}

/// Where in the order of lookups a filter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Behind the connections (`PRIO` = 0).
    AfterConnections,
    /// Before them (`PRIO` = 1).
    BeforeConnections,
}

/// A filter as the host wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Which frames.
    pub matching: Match,
    /// What becomes of them.
    pub action: Action,
    /// In which order.
    pub priority: Priority,
    /// Whether hits are counted.
    pub count_hits: bool,
}

/// Hits of a filter, where `HITCNTS` asked for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// Frames.
    pub frames: u32,
    /// Their bytes.
    pub bytes: u64,
}

/// Why a filter was not entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterError {
    /// Not in the filter region, or an IPv6 filter, which takes four positions, not at a multiple of four.
    OutOfRange,
    /// The position is taken.
    Exists,
    /// A field that the filter mode lacks.
    NotInMode,
}

#[derive(Debug)]
struct Entry {
    ftid: Ftid,
    filter: Filter,
    hits: Hits,
}

/// The filter region. Each priority has its own list, ascending by position; an empty one costs a load.
#[derive(Debug)]
pub struct Filters {
    base: u32,
    count: u32,
    before: Vec<Entry>,
    after: Vec<Entry>,
}

impl Filters {
    /// A region of `count` positions from `base` on.
    #[must_use]
    pub const fn new(base: u32, count: u32) -> Self {
        Self { base, count, before: Vec::new(), after: Vec::new() }
    }

    /// Filters in the region.
    #[must_use]
    pub fn len(&self) -> usize {
        self.before.len() + self.after.len()
    }

    /// Whether there is no filter.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a number is one of this region.
    #[must_use]
    pub fn covers(&self, ftid: Ftid) -> bool {
        ftid.0.checked_sub(self.base).is_some_and(|position| position < self.count)
    }

    fn list(&mut self, priority: Priority) -> &mut Vec<Entry> {
        match priority {
            Priority::BeforeConnections => &mut self.before,
            Priority::AfterConnections => &mut self.after,
        }
    }

    /// Positions of a filter, as a half-open range.
    fn span(entry: &Entry) -> (u32, u32) {
        (entry.ftid.0, entry.ftid.0 + width(&entry.filter))
    }

    /// Enters a filter.
    pub fn insert(
        &mut self,
        mode: &FilterMode,
        ftid: Ftid,
        filter: Filter,
    ) -> Result<(), FilterError> {
        let width = width(&filter);
        let position = ftid.0.checked_sub(self.base).ok_or(FilterError::OutOfRange)?;
        if position % width != 0 || position + width > self.count {
            return Err(FilterError::OutOfRange);
        }
        if !filter.matching.fits(mode) {
            return Err(FilterError::NotInMode);
        }
        let taken = |entry: &Entry| {
            let (start, end) = Self::span(entry);
            start < ftid.0 + width && ftid.0 < end
        };
        if self.before.iter().chain(&self.after).any(taken) {
            return Err(FilterError::Exists);
        }
        let list = self.list(filter.priority);
        let at = list.partition_point(|entry| entry.ftid < ftid);
        list.insert(at, Entry { ftid, filter, hits: Hits::default() });
        Ok(())
    }

    /// Removes a filter.
    pub fn remove(&mut self, ftid: Ftid) -> Option<Filter> {
        for list in [&mut self.before, &mut self.after] {
            if let Ok(at) = list.binary_search_by_key(&ftid, |entry| entry.ftid) {
                return Some(list.remove(at).filter);
            }
        }
        None
    }

    /// The filter at a position, and its hits.
    #[must_use]
    pub fn get(&self, ftid: Ftid) -> Option<(&Filter, Hits)> {
        [&self.before, &self.after].into_iter().find_map(|list| {
            let at = list.binary_search_by_key(&ftid, |entry| entry.ftid).ok()?;
            Some((&list[at].filter, list[at].hits))
        })
    }

    /// The filter at a position and its hits, to be changed. Its priority must stay what it is.
    pub fn get_mut(&mut self, ftid: Ftid) -> Option<(&mut Filter, &mut Hits)> {
        [&mut self.before, &mut self.after].into_iter().find_map(|list| {
            let at = list.binary_search_by_key(&ftid, |entry| entry.ftid).ok()?;
            let entry = &mut list[at];
            Some((&mut entry.filter, &mut entry.hits))
        })
    }

    /// The first filter of a priority that takes the frame of `len` bytes; a hit is counted.
    #[inline]
    pub fn find(
        &mut self,
        priority: Priority,
        headers: &Headers,
        len: usize,
    ) -> Option<(Ftid, Action)> {
        let list = self.list(priority);
        if list.is_empty() {
            return None;
        }
        let entry = list.iter_mut().find(|entry| entry.filter.matching.takes(headers))?;
        if entry.filter.count_hits {
            entry.hits.frames = entry.hits.frames.wrapping_add(1);
            entry.hits.bytes = entry.hits.bytes.wrapping_add(len as u64);
        }
        Some((entry.ftid, entry.filter.action))
    }
}

/// Positions that a filter takes.
fn width(filter: &Filter) -> u32 {
    if filter.matching.v6 { 4 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::le::headers::Ingress;

    const TO_HOST: Action = Action::Host { queue: None, report: None };

    fn filter(matching: Match) -> Filter {
        Filter { matching, action: TO_HOST, priority: Priority::AfterConnections, count_hits: true }
    }

    /// 10.77.0.1:4660 → 10.77.0.2:7, tagged 0x6005, in by loopback port 5.
    fn frame() -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0x60, 0x05, 0x08, 0x00];
        frame.extend([0x45, 0xb8, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 77, 0, 1, 10, 77, 0, 2]);
        frame
            .extend([0x12, 0x34, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
        frame
    }

    fn headers(frame: &[u8]) -> Headers {
        Headers::parse(Ingress { port: 5, mac_index: Some(3), hit_type: 0 }, frame)
            .expect("a frame")
    }

    /// Every field: the right value hits, one bit off misses, masked out hits again.
    #[test]
    fn each_field_decides() {
        type Set = fn(&mut Match, bool);
        let fields: [(&str, Set); 14] = [
            ("iport", |m, ok| m.iport = Masked { value: if ok { 5 } else { 4 }, mask: 7 }),
            ("fcoe", |m, ok| m.fcoe = Masked { value: u8::from(!ok), mask: 1 }),
            ("frag", |m, ok| m.frag = Masked { value: u8::from(!ok), mask: 1 }),
            ("mac_index", |m, ok| {
                m.mac_index = Masked { value: if ok { 3 } else { 2 }, mask: 0x1ff }
            }),
            ("hit_type", |m, ok| m.hit_type = Masked { value: u8::from(!ok), mask: 7 }),
            ("ethertype", |m, ok| {
                m.ethertype = Masked::<u16>::exactly(if ok { 0x800 } else { 0x806 })
            }),
            ("vlan", |m, ok| {
                m.vlan = Masked { value: if ok { 0x1_0005 } else { 0x1_0004 }, mask: 0x1_0fff }
            }),
            ("vnic", |m, ok| {
                m.vnic = Masked { value: if ok { 0 } else { TAG_PRESENT }, mask: TAG_PRESENT }
            }),
            ("tos", |m, ok| m.tos = Masked::<u8>::exactly(if ok { 0xb8 } else { 0 })),
            ("protocol", |m, ok| m.protocol = Masked::<u8>::exactly(if ok { 6 } else { 17 })),
            ("local", |m, ok| {
                m.local =
                    Masked { value: if ok { 0x0a4d_0000 } else { 0x0a4e_0000 }, mask: 0xffff_0000 }
            }),
            ("peer", |m, ok| {
                m.peer =
                    Masked { value: if ok { 0x0a4d_0001 } else { 0x0a4d_0002 }, mask: 0xffff_ffff }
            }),
            ("local_port", |m, ok| m.local_port = Masked::<u16>::exactly(if ok { 7 } else { 8 })),
            ("peer_port", |m, ok| {
                m.peer_port = Masked { value: if ok { 0x1230 } else { 0x2230 }, mask: 0xfff0 }
            }),
        ];
        let frame = frame();
        let headers = headers(&frame);
        for (name, set) in fields {
            let mut matching = Match::default();
            assert!(matching.takes(&headers), "{name}: nothing asked for");
            set(&mut matching, true);
            assert!(matching.takes(&headers), "{name} right");
            set(&mut matching, false);
            assert!(!matching.takes(&headers), "{name} wrong");
        }
        assert!(!Match { v6: true, ..Match::default() }.takes(&headers), "family");
    }

    #[test]
    fn what_a_frame_lacks_cannot_match() {
        let mut arp = frame();
        arp[16..18].copy_from_slice(&[0x08, 0x06]);
        let headers = headers(&arp);
        assert!(
            Match { ethertype: Masked::<u16>::exactly(0x806), ..Match::default() }.takes(&headers)
        );
        for matching in [
            Match { protocol: Masked { value: 0, mask: 0xff }, ..Match::default() },
            Match { tos: Masked { value: 0, mask: 0xff }, ..Match::default() },
            Match { local: Masked { value: 0, mask: 1 }, ..Match::default() },
            Match { peer: Masked { value: 0, mask: 1 }, ..Match::default() },
            Match { local_port: Masked { value: 0, mask: 1 }, ..Match::default() },
            Match { peer_port: Masked { value: 0, mask: 1 }, ..Match::default() },
        ] {
            assert!(!matching.takes(&headers), "{matching:?}");
        }
    }

    #[test]
    fn the_lowest_position_wins_within_its_priority_and_hits_are_counted() {
        let mode = FilterMode::default();
        let mut filters = Filters::new(1000, 16);
        let drop = Filter { action: Action::Drop, ..filter(Match::default()) };
        filters.insert(&mode, Ftid(1005), drop).expect("free");
        let early = filter(Match { iport: Masked { value: 4, mask: 4 }, ..Match::default() });
        filters.insert(&mode, Ftid(1002), early).expect("free");
        let first = Filter { priority: Priority::BeforeConnections, count_hits: false, ..drop };
        filters.insert(&mode, Ftid(1009), first).expect("free");

        let frame = frame();
        let looped = headers(&frame);
        let wire = Headers { ingress: Ingress { port: 1, ..looped.ingress }, ..looped };
        assert_eq!(
            filters.find(Priority::AfterConnections, &looped, 58),
            Some((Ftid(1002), TO_HOST))
        );
        assert_eq!(
            filters.find(Priority::AfterConnections, &wire, 58),
            Some((Ftid(1005), Action::Drop))
        );
        assert_eq!(
            filters.find(Priority::AfterConnections, &wire, 100),
            Some((Ftid(1005), Action::Drop))
        );
        assert_eq!(
            filters.find(Priority::BeforeConnections, &wire, 58),
            Some((Ftid(1009), Action::Drop))
        );
        let hits = |ftid| filters.get(Ftid(ftid)).map(|(_, hits)| hits);
        assert_eq!(hits(1002), Some(Hits { frames: 1, bytes: 58 }));
        assert_eq!(hits(1005), Some(Hits { frames: 2, bytes: 158 }));
        assert_eq!(hits(1009), Some(Hits::default()), "not asked for");

        assert!(filters.remove(Ftid(1002)).is_some());
        assert!(filters.remove(Ftid(1002)).is_none());
        assert_eq!(
            filters.find(Priority::AfterConnections, &looped, 1),
            Some((Ftid(1005), Action::Drop))
        );
        assert_eq!(filters.len(), 2);
    }

    #[test]
    fn positions_and_mode_are_checked() {
        let mode = FilterMode::default();
        let mut filters = Filters::new(8, 8);
        let any = filter(Match::default());
        let v6 = filter(Match { v6: true, ..Match::default() });
        assert_eq!(filters.insert(&mode, Ftid(7), any), Err(FilterError::OutOfRange));
        assert_eq!(filters.insert(&mode, Ftid(16), any), Err(FilterError::OutOfRange));
        assert_eq!(
            filters.insert(&mode, Ftid(10), v6),
            Err(FilterError::OutOfRange),
            "not a multiple of four"
        );
        assert_eq!(filters.insert(&mode, Ftid(12), v6), Ok(()));
        assert_eq!(
            filters.insert(&mode, Ftid(15), any),
            Err(FilterError::Exists),
            "under the IPv6 filter"
        );
        assert_eq!(filters.insert(&mode, Ftid(11), any), Ok(()));
        assert_eq!(filters.insert(&mode, Ftid(8), v6), Err(FilterError::Exists), "over 11");
        let tos = filter(Match { tos: Masked::<u8>::exactly(1), ..Match::default() });
        assert_eq!(filters.insert(&mode, Ftid(9), tos), Err(FilterError::NotInMode));
        assert!(filters.covers(Ftid(8)) && filters.covers(Ftid(15)) && !filters.covers(Ftid(16)));
    }
}
