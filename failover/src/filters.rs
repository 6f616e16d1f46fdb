//! The filters that a bond stands on, on each of its adapters: the standing rule and the tunnel's way out.

use std::collections::BTreeMap;

use mafo_pmd::filter::FilterEvent;
use mafo_stack::{Core, Defect, MemberId};
use mafo_t4::wr::{FilterMatch, FwFilterWr};
use mafo_t4::{Ftid, PortId};

use crate::bond::{Bond, BondCounters, LinkId};
use crate::turn::Turn;

/// A filter that the bond wants on an adapter or not.
#[derive(Clone, Copy, Debug, Default)]
struct WantedFilter {
    ftid: Option<Ftid>,
    wanted: bool,
}

/// What the bond keeps on an adapter.
#[derive(Debug, Default)]
pub(crate) struct Side {
    /// Frames from the peer for the bond's address that match no TCB come to the host (behind TCBs,
    /// ahead of listeners).
    standing: BTreeMap<PortId, WantedFilter>,
    /// Frames that the adapter sends into its own loopback come to the host, ahead of TCBs.
    tunnel_out: BTreeMap<PortId, WantedFilter>,
    pub(crate) turn: Turn,
}

impl Side {
    /// An adapter with these ports in the bond.
    pub(crate) fn new(ports: impl Iterator<Item = PortId>) -> Self {
        let mut side = Self::default();
        ports.for_each(|port| side.add(port));
        side
    }

    pub(crate) fn add(&mut self, port: PortId) {
        let wanted = WantedFilter { ftid: None, wanted: true };
        self.tunnel_out.insert(port, wanted);
        self.standing.insert(port, wanted);
    }
}

/// The protocol of all that the bond's filters are about.
const IP_PROTOCOL_TCP: u8 = 6;

impl Bond {
    /// Whether the filters that the bond stands on are in force.
    #[must_use]
    pub fn is_ready(&self, core: &Core) -> bool {
        self.sides.iter().all(|(&member, side)| {
            let Some(member) = core.member(member) else { return false };
            let mut filters = side.tunnel_out.values().chain(side.standing.values());
            filters.all(|f| match f.ftid {
                Some(ftid) => f.wanted && member.lcore.filters.is_active(ftid),
                None => !f.wanted,
            })
        })
    }

    /// Whether a connection lives on another adapter than `member`.
    fn lives_elsewhere(&self, core: &Core, member: MemberId) -> bool {
        // One without an owner may live anywhere in a moment.
        (self.sweep.is_some() || self.moves.is_any_off(member) || self.moves.is_any_unowned())
            && !core.has_defect(Defect::StandingRuleMissing)
    }

    pub(crate) fn sync_filters(&mut self, core: &mut Core) {
        let members: Vec<MemberId> = self.sides.keys().copied().collect();
        let address = core.address().octets();
        for member_id in members {
            // Where a switch chooses the link, connections of others may come in by any.
            let elsewhere = self.is_xor() || self.lives_elsewhere(core, member_id);
            let active = self.active;
            let (Some(side), Some(member)) =
                (self.sides.get_mut(&member_id), core.member_mut(member_id))
            else {
                continue;
            };
            let iq = member.iq();
            for (&port, filter) in &mut side.standing {
                // By every link but the active one, and by that too while a connection lives elsewhere.
                // A port of the active adapter that is a backup is none: a switch that floods would open
                // connections by it.
                filter.wanted = elsewhere || active != Some(LinkId { member: member_id, port });
                let build = |wr: FwFilterWr| {
                    wr.with_matches(FilterMatch(0).with_port(u32::from(port.0)).with_portm(7))
                        .with_ptcl(IP_PROTOCOL_TCP)
                        .with_ptclm(0xff)
                        .with_lip(ipv4(address))
                        .with_lipm(ipv4([0xff; 4]))
                };
                sync(&mut member.lcore, iq, filter, build, &mut self.counters);
            }
            for (&port, filter) in &mut side.tunnel_out {
                let build = |wr: FwFilterWr| {
                    let looped = u32::from(port.0) + 4;
                    wr.with_action(wr.action().with_prio(true))
                        .with_matches(FilterMatch(0).with_port(looped).with_portm(7))
                        .with_fip(ipv4(address))
                        .with_fipm(ipv4([0xff; 4]))
                };
                sync(&mut member.lcore, iq, filter, build, &mut self.counters);
            }
        }
    }

    pub(crate) fn on_filter(&mut self, member: MemberId, event: FilterEvent) {
        let (ftid, gone) = match event {
            FilterEvent::Added(ftid) => (ftid, false),
            FilterEvent::Deleted(ftid) => (ftid, true),
            FilterEvent::NotAdded(ftid, _) => {
                self.counters.filter_refused += 1;
                (ftid, true)
            }
            FilterEvent::NotDeleted(ftid, _) => {
                self.counters.filter_refused += 1;
                (ftid, false)
            }
        };
        let Some(side) = self.sides.get_mut(&member) else { return };
        for filter in side.standing.values_mut().chain(side.tunnel_out.values_mut()) {
            if filter.ftid == Some(ftid) && gone {
                filter.ftid = None;
            }
        }
    }
}

/// An IPv4 address in a filter: the first four bytes.
fn ipv4(address: [u8; 4]) -> [u8; 16] {
    let mut wide = [0; 16];
    wide[..4].copy_from_slice(&address);
    wide
}

/// Adds or deletes a filter so that it is in force if and only if it is wanted.
fn sync(
    lcore: &mut mafo_pmd::Lcore,
    iq: mafo_t4::IqId,
    filter: &mut WantedFilter,
    build: impl FnOnce(FwFilterWr) -> FwFilterWr,
    counters: &mut BondCounters,
) {
    match (filter.wanted, filter.ftid) {
        (true, None) => match lcore.filters.add(&mut lcore.ctrl, iq, build) {
            Ok(ftid) => filter.ftid = Some(ftid),
            Err(_) => counters.ring_full += 1,
        },
        (false, Some(ftid)) if lcore.filters.is_active(ftid) => {
            if lcore.filters.delete(&mut lcore.ctrl, iq, ftid).is_err() {
                counters.ring_full += 1;
            }
        }
        (true, Some(_)) | (false, Some(_) | None) => {}
    }
}
