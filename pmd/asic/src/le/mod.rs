//! Lookup engine: whose is this frame?
//!
//! In order: filters before the connections, connections by exact match, filters behind them, listeners
//! (SYN only). What nothing matches is the host's by RSS.

pub mod filters;
pub mod headers;
pub mod ntuple;
pub mod servers;
pub mod tids;
pub mod tuple;

pub use filters::{Action, Filter, Filters, Match, Priority};
pub use headers::{Headers, Ingress};
pub use ntuple::FilterMode;
pub use servers::{Endpoint, Servers};
pub use tids::Tids;
pub use tuple::{FourTuple, InsertError, Key, TupleTable};

use mafo_t4::{Ftid, Stid, Tid};

/// The regions of one number space: connections, filters and listeners are all TIDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regions {
    /// First TID of a connection.
    pub tid_base: u32,
    /// Connections that fit.
    pub tids: u32,
    /// Draws the order in which TIDs are given out; 0 is ascending.
    pub tid_order_seed: u64,
    /// Who does not know it cannot choose connections that collide in the table.
    pub secret: u64,
    /// First filter.
    pub filter_base: u32,
    /// Filters that fit.
    pub filters: u32,
    /// First listener.
    pub server_base: u32,
    /// Listeners that fit.
    pub servers: u32,
}

/// Whose a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// A filter's.
    Filter(Ftid, Action),
    /// A connection's, offloaded or not.
    Connection(Tid),
    /// A listener's: the frame is a SYN.
    Server(Stid),
    /// Nobody's.
    Miss,
}

/// The lookup engine with its three regions; `S` is what the owner keeps with a listener.
#[derive(Debug)]
pub struct Le<S> {
    mode: FilterMode,
    /// Free TIDs.
    pub tids: Tids,
    /// Connections.
    pub active: TupleTable,
    /// Listeners.
    pub servers: Servers<S>,
    filters: Filters,
}

impl<S> Le<S> {
    /// An engine with empty regions and the default filter mode.
    #[must_use]
    pub fn new(regions: &Regions) -> Self {
        Self {
            mode: FilterMode::default(),
            tids: Tids::new(regions.tid_base, regions.tids, regions.tid_order_seed),
            active: TupleTable::new(regions.tids as usize, regions.secret),
            servers: Servers::new(regions.server_base, regions.servers),
            filters: Filters::new(regions.filter_base, regions.filters),
        }
    }

    /// Filter mode and mask.
    #[must_use]
    pub const fn mode(&self) -> &FilterMode {
        &self.mode
    }

    /// Sets filter mode and mask, as the configuration does before the first filter and connection;
    /// later it would orphan what has been entered under the old one, and is refused.
    pub fn set_mode(&mut self, mode: FilterMode) -> Result<(), ModeInUse> {
        if !self.filters.is_empty() || self.tids.in_use() != 0 {
            return Err(ModeInUse);
        }
        self.mode = mode;
        Ok(())
    }

    /// Filters.
    #[must_use]
    pub const fn filters(&self) -> &Filters {
        &self.filters
    }

    /// Filters, to be changed.
    pub fn filters_mut(&mut self) -> &mut Filters {
        &mut self.filters
    }

    /// Enters a filter.
    pub fn insert_filter(
        &mut self,
        ftid: Ftid,
        filter: Filter,
    ) -> Result<(), filters::FilterError> {
        self.filters.insert(&self.mode, ftid, filter)
    }

    /// Removes a filter.
    pub fn remove_filter(&mut self, ftid: Ftid) -> Option<Filter> {
        self.filters.remove(ftid)
    }

    /// The key of a frame of `tuple`.
    #[inline(always)]
    #[must_use]
    pub fn key_of(&self, tuple: FourTuple, headers: &Headers) -> Key {
        Key { tuple, ntuple: self.mode.of_frame(headers) }
    }

    /// Whose is this frame of `len` bytes? `is` says whether a TID is a key's. Counts the hit of a filter.
    #[inline(always)]
    pub fn lookup(&mut self, headers: &Headers, len: usize, is: impl Fn(Tid, &Key) -> bool) -> Hit {
        if let Some((ftid, action)) = self.filters.find(Priority::BeforeConnections, headers, len) {
            return Hit::Filter(ftid, action);
        }
        let tuple = headers.tuple();
        // What the key is made of is looked at only where there is something to be found.
        if let Some(tuple) = tuple
            && !self.active.is_empty()
            && let Some(tid) = self.active.get(&self.key_of(tuple, headers), is)
        {
            return Hit::Connection(tid);
        }
        if let Some((ftid, action)) = self.filters.find(Priority::AfterConnections, headers, len) {
            return Hit::Filter(ftid, action);
        }
        match tuple {
            Some(tuple) if headers.is_syn() => {
                self.servers.find(tuple.local, tuple.local_port).map_or(Hit::Miss, Hit::Server)
            }
            _ => Hit::Miss,
        }
    }
}

/// Filter mode and mask cannot change while something was entered under them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModeInUse;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::le::filters::Masked;
    use mafo_t4::regs::tp::pio::TP_VLAN_PRI_MAP;

    const TO_HOST: Action = Action::Host { queue: None, report: None };

    fn frame(flags: u8, peer_port: u8) -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00];
        frame.extend([0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 77, 0, 1, 10, 77, 0, 2]);
        frame.extend([
            0x12, peer_port, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0,
        ]);
        frame
    }

    fn headers(frame: &[u8]) -> Headers {
        Headers::parse(Ingress::default(), frame).expect("a frame")
    }

    fn le() -> Le<()> {
        Le::new(&Regions {
            tid_base: 0,
            tids: 4,
            tid_order_seed: 0,
            secret: 1,
            filter_base: 8,
            filters: 4,
            server_base: 12,
            servers: 4,
        })
    }

    #[test]
    fn filter_connection_filter_server_in_this_order() {
        let (syn, ack) = (frame(0x02, 1), frame(0x10, 1));
        let (syn, ack) = (headers(&syn), headers(&ack));
        let mut le = le();
        let key = Key { tuple: syn.tuple().expect("ports"), ntuple: le.mode().of_frame(&syn) };
        let is = |tid, wanted: &Key| (tid, *wanted) == (Tid(3), key);
        assert_eq!(le.lookup(&syn, 54, is), Hit::Miss);

        let endpoint = Endpoint { address: None, v6: false, port: 7 };
        le.servers.insert(Stid(12), endpoint, ()).expect("free");
        assert_eq!(le.lookup(&syn, 54, is), Hit::Server(Stid(12)));
        assert_eq!(le.lookup(&ack, 54, is), Hit::Miss, "a listener takes SYNs only");

        let tcp = Match { protocol: Masked::<u8>::exactly(6), ..Match::default() };
        let after = Filter {
            matching: tcp,
            action: TO_HOST,
            priority: Priority::AfterConnections,
            count_hits: false,
        };
        le.insert_filter(Ftid(8), after).expect("free");
        assert_eq!(le.lookup(&syn, 54, is), Hit::Filter(Ftid(8), TO_HOST));

        le.active.insert(&key, Tid(3), is).expect("room");
        assert_eq!(le.lookup(&syn, 54, is), Hit::Connection(Tid(3)));
        assert_eq!(le.lookup(&ack, 54, is), Hit::Connection(Tid(3)));

        let before =
            Filter { action: Action::Drop, priority: Priority::BeforeConnections, ..after };
        le.insert_filter(Ftid(11), before).expect("free");
        assert_eq!(le.lookup(&syn, 54, is), Hit::Filter(Ftid(11), Action::Drop));

        assert!(le.remove_filter(Ftid(11)).is_some());
        assert!(le.active.remove(&key, Tid(3)));
        assert!(le.remove_filter(Ftid(8)).is_some());
        assert_eq!(le.lookup(&syn, 54, is), Hit::Server(Stid(12)));
    }

    #[test]
    fn a_connection_is_found_whatever_port_and_vlan_its_frames_come_by() {
        let mut le = le();
        let plain = frame(0x10, 1);
        let key = Key { tuple: headers(&plain).tuple().expect("ports"), ntuple: 6 << 21 };
        let is = |tid, wanted: &Key| (tid, *wanted) == (Tid(1), key);
        le.active.insert(&key, Tid(1), is).expect("room");
        let mut tagged = plain.clone();
        tagged.splice(12..12, [0x81, 0x00, 0x00, 0x05]);
        let looped = Headers::parse(Ingress { port: 6, mac_index: Some(1), hit_type: 0 }, &tagged)
            .expect("a frame");
        assert_eq!(le.lookup(&looped, 58, is), Hit::Connection(Tid(1)));
        // Same addresses and ports, other protocol.
        let mut udp = plain;
        udp[23] = 17;
        assert_eq!(le.lookup(&headers(&udp), 54, is), Hit::Miss);
    }

    #[test]
    fn the_mode_is_set_before_anything_is_entered() {
        let mut le = le();
        let mode =
            FilterMode::new(TP_VLAN_PRI_MAP(0x32b), TP_VLAN_PRI_MAP(0x023), false).expect("fits");
        assert_eq!(le.set_mode(mode), Ok(()));
        le.tids.allocate().expect("free");
        assert_eq!(le.set_mode(FilterMode::default()), Err(ModeInUse));
        assert_eq!(le.mode(), &mode);
    }
}
