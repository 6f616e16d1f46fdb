//! What paths carry (RFC 1191): a table of the destinations whose path is narrower than the link.

use core::net::Ipv4Addr;
use std::collections::{BTreeMap, BTreeSet};

use mafo_mem::Nanos;

/// IPv4 and TCP headers without options.
pub(crate) const HEADERS: u16 = 40;

/// A router's report: the MTU that it names, or 0, and how long the packet was that it would not forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// MTU of the next hop, or 0 from a router older than RFC 1191.
    pub mtu: u16,
    /// Length of the packet.
    pub total_len: u16,
}

/// MTUs in use, so that one that is not told is found in a few steps.
///
//= rfc1191#7
const PLATEAUS: [u16; 10] = [32_000, 17_914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68];

/// The greatest plateau below a packet of `total_len` bytes that did not fit.
//= rfc1191#5 RFC1191-5-2
fn plateau_below(total_len: u16) -> u16 {
    PLATEAUS.into_iter().find(|plateau| *plateau < total_len).unwrap_or(PLATEAUS[9])
}

/// What is known of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PathMtu {
    mtu: u16,
    until: Nanos,
    /// It carries even less than `mtu`: routers have to cut packets into pieces.
    cut: bool,
}

/// MTUs by destination, each for a while.
#[derive(Debug)]
pub struct PathMtus {
    table: BTreeMap<Ipv4Addr, PathMtu>,
    /// The same by when they end.
    ends: BTreeSet<(Nanos, Ipv4Addr)>,
    capacity: usize,
    /// Reports of less are taken for this much: a forged one must not make every segment all header, as with
    /// Linux's min_pmtu.
    least: u16,
    lifetime: Nanos,
}

impl PathMtus {
    /// Room for `capacity` destinations, each believed for `lifetime`, and never less than `least` bytes. When it is
    /// full the one that ends first makes room.
    #[must_use]
    pub fn new(capacity: usize, least: u16, lifetime: Nanos) -> Self {
        let least = least.max(PLATEAUS[9]);
        let (table, ends) = (BTreeMap::new(), BTreeSet::new());
        Self { table, ends, capacity, least, lifetime }
    }

    /// The MTU of the path to `dst`, where it is known to be less than the link's.
    #[must_use]
    pub fn get(&self, dst: Ipv4Addr) -> Option<u16> {
        self.table.get(&dst).map(|path| path.mtu)
    }

    /// Whether packets to `dst` must be allowed to be cut into pieces, or they would not get there at all.
    #[must_use]
    pub fn cuts(&self, dst: Ipv4Addr) -> bool {
        !self.table.is_empty() && self.table.get(&dst).is_some_and(|path| path.cut)
    }

    /// Takes a report about the path to `dst` over a link of `link` bytes. Answers the path's MTU if that makes it
    /// smaller.
    ///
    //= rfc1191#5 RFC1191-5-1
    /// A router that would not forward a packet although it is no longer than its MTU is none.
    //= rfc1191#3 RFC1191-3-1 RFC1191-3-2 RFC1191-3-3
    pub fn lower(&mut self, now: Nanos, dst: Ipv4Addr, link: u16, report: Report) -> Option<u16> {
        let Report { mtu, total_len } = report;
        if mtu >= total_len || self.capacity == 0 {
            return None;
        }
        let reported = if mtu == 0 { plateau_below(total_len) } else { mtu };
        let mtu = reported.max(self.least);
        let cut = reported < self.least;
        let current = self.get(dst).unwrap_or(link);
        // What makes no packet smaller may still say that they have to be cut.
        let must_be_cut = cut && !self.cuts(dst);
        if mtu >= current && !must_be_cut {
            return None;
        }
        let mtu = mtu.min(current);
        self.remove(dst);
        while self.table.len() >= self.capacity {
            let Some(&(_, oldest)) = self.ends.first() else { break };
            self.remove(oldest);
        }
        let until = now + self.lifetime;
        self.table.insert(dst, PathMtu { mtu, until, cut });
        self.ends.insert((until, dst));
        Some(mtu)
    }

    fn remove(&mut self, dst: Ipv4Addr) {
        if let Some(PathMtu { until, .. }) = self.table.remove(&dst) {
            self.ends.remove(&(until, dst));
        }
    }

    /// Forgets the next destination whose time is over, so that larger packets are tried again.
    ///
    //= rfc1191#6.3 RFC1191-6.3-1 RFC1191-6.3-2
    pub fn pop_expired(&mut self, now: Nanos) -> Option<Ipv4Addr> {
        let &(_, dst) = self.ends.first().filter(|(until, _)| *until <= now)?;
        self.remove(dst);
        Some(dst)
    }

    /// When [`PathMtus::pop_expired`] has something.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        self.ends.first().map(|(until, _)| *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Nanos = Nanos::from_secs(60);

    fn dst(n: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, n)
    }

    fn paths() -> PathMtus {
        PathMtus::new(2, 552, Nanos::from_secs(600))
    }

    fn lower(paths: &mut PathMtus, n: u8, mtu: u16, total_len: u16) -> Option<u16> {
        paths.lower(Nanos::from_secs(60), dst(n), 1500, Report { mtu, total_len })
    }

    //= rfc1191#3 RFC1191-3-1 RFC1191-3-3
    #[test]
    fn a_report_lowers_and_never_raises() {
        let mut paths = paths();
        assert_eq!(lower(&mut paths, 1, 1400, 1500), Some(1400));
        assert_eq!(lower(&mut paths, 1, 1450, 1500), None);
        assert_eq!(lower(&mut paths, 1, 1400, 1500), None);
        assert_eq!(lower(&mut paths, 1, 1280, 1400), Some(1280));
        assert_eq!((paths.get(dst(1)), paths.get(dst(2))), (Some(1280), None));
    }

    #[test]
    fn a_packet_that_fits_is_no_reason() {
        let mut paths = paths();
        assert_eq!(lower(&mut paths, 1, 600, 600), None);
        assert_eq!(lower(&mut paths, 1, 600, 52), None);
        assert_eq!(lower(&mut paths, 1, 600, 601), Some(600));
    }

    //= rfc1191#3 RFC1191-3-2
    #[test]
    fn a_path_is_not_made_uselessly_narrow() {
        let mut paths = paths();
        assert_eq!(lower(&mut paths, 1, 68, 1500), Some(552));
        assert_eq!(lower(&mut paths, 1, 68, 1500), None);
        assert_eq!(PathMtus::new(1, 0, MINUTE).least, 68, "RFC 791: every link carries that");
    }

    #[test]
    fn packets_are_cut_where_they_would_not_get_through() {
        let mut paths = paths();
        assert_eq!(lower(&mut paths, 1, 552, 1500), Some(552));
        assert!(!paths.cuts(dst(1)));
        assert_eq!(lower(&mut paths, 1, 296, 552), Some(552));
        assert!(paths.cuts(dst(1)) && !paths.cuts(dst(2)));
        assert_eq!(lower(&mut paths, 1, 296, 552), None, "nothing new");
        assert_eq!((paths.table.len(), paths.ends.len()), (1, 1));
    }

    //= rfc1191#5 RFC1191-5-1 RFC1191-5-2
    #[test]
    fn an_old_router_is_asked_in_steps() {
        let mut paths = paths();
        assert_eq!(lower(&mut paths, 1, 0, 1500), Some(1492));
        assert_eq!(lower(&mut paths, 1, 0, 1492), Some(1006));
        assert_eq!(lower(&mut paths, 1, 0, 1006), Some(552), "508, but not less than the least");
        assert_eq!([plateau_below(65_535), plateau_below(69), plateau_below(20)], [32_000, 68, 68]);
    }

    //= rfc1191#6.3 RFC1191-6.3-1
    #[test]
    fn what_is_known_ends() {
        let mut paths = paths();
        lower(&mut paths, 1, 1400, 1500);
        let end = Nanos::from_secs(660);
        assert_eq!(paths.poll_timeout(), Some(end));
        assert_eq!(paths.pop_expired(Nanos(end.0 - 1)), None);
        assert_eq!(paths.pop_expired(end), Some(dst(1)));
        assert_eq!(
            (paths.pop_expired(end), paths.get(dst(1)), paths.poll_timeout()),
            (None, None, None)
        );
    }

    #[test]
    fn a_full_table_forgets_what_would_end_first() {
        let mut paths = paths();
        for n in 1..=3 {
            let report = Report { mtu: 1000, total_len: 1500 };
            assert_eq!(paths.lower(Nanos::from_secs(n.into()), dst(n), 1500, report), Some(1000));
        }
        assert_eq!(
            [paths.get(dst(1)), paths.get(dst(2)), paths.get(dst(3))],
            [None, Some(1000), Some(1000)]
        );
        assert_eq!(paths.ends.len(), 2);
    }
}
