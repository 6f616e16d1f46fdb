//! The filters that a bond stands on, on each of its adapters: the standing rule and the tunnel's way out.

use mafo_mem::{Full, Nanos};
use mafo_pmd::filter::FilterEvent;
use mafo_pmd::question::Question;
use mafo_stack::{Core, Defect, MemberId};
use mafo_t4::wr::{FilterMatch, FwFilterWr};
use mafo_t4::{Ftid, IqId, PortId};

use crate::bond::{Bond, BondCounters, LinkId};
use crate::remnant::Remnants;
use crate::turn::Turn;

/// A filter that the bond wants on an adapter or not.
#[derive(Clone, Copy, Debug, Default)]
struct WantedFilter {
    ftid: Option<Ftid>,
    wanted: bool,
    /// What was asked of the card last, until it answers.
    question: Option<Question>,
}

/// A filter of each port, by ascending ports: few, and looked at in every poll.
type ByPort = Vec<(PortId, WantedFilter)>;

/// What the bond keeps on an adapter.
#[derive(Debug, Default)]
pub(crate) struct Side {
    /// Frames from the peer for the bond's address that match no TCB come to the host (behind TCBs,
    /// ahead of listeners).
    standing: ByPort,
    /// Frames that the adapter sends into its own loopback come to the host, ahead of TCBs.
    tunnel_out: ByPort,
    pub(crate) turn: Turn,
    pub(crate) remnants: Remnants,
}

impl Side {
    /// An adapter with these ports in the bond.
    pub(crate) fn new(ports: impl Iterator<Item = PortId>) -> Self {
        let mut side = Self::default();
        ports.for_each(|port| side.add(port));
        side
    }

    fn filters(&self) -> impl Iterator<Item = &WantedFilter> {
        self.standing.iter().chain(&self.tunnel_out).map(|(_, filter)| filter)
    }

    pub(crate) fn add(&mut self, port: PortId) {
        let wanted = WantedFilter { ftid: None, wanted: true, question: None };
        for filters in [&mut self.tunnel_out, &mut self.standing] {
            if let Err(place) = filters.binary_search_by_key(&port.0, |(port, _)| port.0) {
                filters.insert(place, (port, wanted));
            }
        }
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
            side.filters().all(|f| match f.ftid {
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
        let address = core.address().octets();
        let mut sides = core::mem::take(&mut self.sides);
        for (&member_id, side) in &mut sides {
            // Where a switch chooses the link, connections of others may come in by any.
            let elsewhere = self.is_xor() || self.lives_elsewhere(core, member_id);
            let Some(member) = core.member_mut(member_id) else { continue };
            let (iq, lcore, counters) = (member.iq(), &mut member.lcore, &mut self.counters);
            for &mut (port, ref mut filter) in &mut side.standing {
                // By every link but the active one, and by that too while a connection lives elsewhere.
                // A port of the active adapter that is a backup is none: a switch that floods would open
                // connections by it.
                let active = self.active == Some(LinkId { member: member_id, port });
                filter.wanted = elsewhere || !active;
                if filter.wanted != filter.ftid.is_some() {
                    sync(lcore, iq, filter, standing_rule(address, port), counters);
                }
            }
            for &mut (port, ref mut filter) in &mut side.tunnel_out {
                if filter.ftid.is_none() {
                    sync(lcore, iq, filter, tunnel_out(address, port), counters);
                }
            }
        }
        self.sides = sides;
    }

    /// Asks once more for filters, and for their deletion, where a card has not answered in time.
    pub(crate) fn ask_filters_again(&mut self, now: Nanos, core: &mut Core) {
        let (address, patience) = (core.address().octets(), self.config.reply_deadline);
        for (&member_id, side) in &mut self.sides {
            let Some(member) = core.member_mut(member_id) else { continue };
            let (iq, lcore) = (member.iq(), &mut member.lcore);
            let mut is_mute = false;
            for &mut (port, ref mut filter) in &mut side.standing {
                is_mute |= filter.ask_again(now, patience, lcore, iq, standing_rule(address, port));
            }
            for &mut (port, ref mut filter) in &mut side.tunnel_out {
                is_mute |= filter.ask_again(now, patience, lcore, iq, tunnel_out(address, port));
            }
            if is_mute {
                core.give_up_on(member_id);
            }
        }
    }

    /// When [`Bond::ask_filters_again`] has something to do.
    pub(crate) fn filters_timeout(&self) -> Option<Nanos> {
        let filters = self.sides.values().flat_map(Side::filters);
        filters.filter_map(|filter| filter.question).map(|question| question.due()).min()
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
        for (_, filter) in side.standing.iter_mut().chain(&mut side.tunnel_out) {
            if filter.ftid == Some(ftid) {
                filter.question = None;
                filter.ftid = filter.ftid.filter(|_| !gone);
            }
        }
    }
}

impl WantedFilter {
    /// Asks once more, if the answer is overdue. Whether it has been asked for too often.
    fn ask_again(
        &mut self,
        now: Nanos,
        patience: Nanos,
        lcore: &mut mafo_pmd::Lcore,
        iq: IqId,
        build: impl FnOnce(FwFilterWr) -> FwFilterWr,
    ) -> bool {
        let Some(ftid) = self.ftid.filter(|&ftid| lcore.filters.is_asked(ftid)) else {
            self.question = None;
            return false;
        };
        let question = self.question.get_or_insert_with(|| Question::new(now, patience));
        if !question.is_due(now) {
            return false;
        }
        let is_hopeless = question.is_hopeless();
        match lcore.filters.again(&mut lcore.ctrl, iq, ftid, build) {
            Ok(()) => question.repeat(now, patience),
            Err(Full) => question.put_off(now),
        }
        is_hopeless
    }
}

/// The standing rule for a port: frames of peers for the bond's address.
fn standing_rule(address: [u8; 4], port: PortId) -> impl Fn(FwFilterWr) -> FwFilterWr {
    move |wr| {
        wr.with_matches(FilterMatch(0).with_port(u32::from(port.0)).with_portm(7))
            .with_ptcl(IP_PROTOCOL_TCP)
            .with_ptclm(0xff)
            .with_lip(ipv4(address))
            .with_lipm(ipv4([0xff; 4]))
    }
}

/// What goes into the loopback of a port from the bond's address.
fn tunnel_out(address: [u8; 4], port: PortId) -> impl Fn(FwFilterWr) -> FwFilterWr {
    move |wr| {
        let looped = u32::from(port.0) + 4;
        wr.with_action(wr.action().with_prio(true))
            .with_matches(FilterMatch(0).with_port(looped).with_portm(7))
            .with_fip(ipv4(address))
            .with_fipm(ipv4([0xff; 4]))
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
    iq: IqId,
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
