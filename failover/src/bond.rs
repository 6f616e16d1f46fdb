//! A bond: ports of adapters that stand in for each other under one address.
//!
//! One link is *active*: Ethernet frames and new connections use it. A connection lives on the adapter
//! that has its TCB; where that is not the active one its frames cross the host (the tunnel), until
//! the connection itself has moved (the handover). All of it follows from two facts, who is active and
//! where each connection lives, so that a second failure in the middle of the first needs no case of
//! its own.

use core::fmt;
use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mafo_mem::Nanos;
use mafo_stack::tom::state::State;
use mafo_stack::tom::{AtidUse, TidUse};
use mafo_stack::{Core, Hook, Mac, MemberId, SocketId, Verdict};
use mafo_t4::cpl::{self, Opcode};
use mafo_t4::{Ftid, PortId, Tid};

use crate::backlog::Backlog;
use crate::by_socket::BySocket;
use crate::config::BondConfig;
use crate::decide::{Decided, Part};
use crate::filters::Side;
use crate::handover::{Cause, Move};
use crate::left::Left;
use crate::links::{Link, Monitor};
use crate::modes::Astray;
use crate::moves::Moves;
use crate::replay::Given;
use crate::stage::{Stage, Transitions};
use crate::sweep::Sweep;

/// A port of an adapter that belongs to a bond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId {
    /// The adapter.
    pub member: MemberId,
    /// The port.
    pub port: PortId,
}

mafo_mem::counters! {
    /// What a bond counted.
    pub struct BondCounters {
        /// Frames of our connections carried from their adapter through the host to the active link.
        tunnelled_out,
        /// Frames of peers carried from the active link through the host to their connection's adapter.
        tunnelled_in,
        /// Frames of an adapter that no longer speaks for its connection: the fence.
        fenced_frames,
        /// Frames held while a connection changed its owner.
        held_frames,
        /// Held frames that were dropped because too many came.
        hold_overflows,
        /// Frames of peers that waited until an Ethernet queue took them.
        waited_frames,
        /// Frames that an Ethernet queue did not take.
        tx_full,
        /// Frames of our connections while no link is up: dropped, as a port without a link would.
        tx_down,
        /// Probes of the ways that links lead.
        probes,
        /// Frames that came in by a link that is not active, of no connection that we know.
        backup_drops,
        /// Frames for somebody else that came in by a port that is no adapter's.
        not_for_us,
        /// Frames of our connections that came in by a link that was left while it was up.
        taken_from_left,
        /// Looped frames whose adapter became active before they were carried out: dropped.
        late_looped,
        /// Looped frames that belong to nobody.
        stray_looped,
        /// Segments that came by before their new owner was alive, and were given to it again.
        replayed_again,
        /// SYNs put back into the adapter that they came in by.
        syns_returned,
        /// Frames of the peer for a connection that has just moved, put back into its adapter.
        late_returned,
        /// Adapters that died.
        adapters_lost,
        /// Connections of dead adapters that go on by the host's own record.
        rebuilt,
        /// Handshakes of dead adapters that go on over an Ethernet port.
        handshakes_rescued,
        /// Connections with which nobody could go on: the clock of their adapter was not known, or bytes were missing
        /// that the peer had been told we have.
        connections_lost,
        /// Connections of dead adapters that acknowledge ahead of what they tell, of which the peer has shown that
        /// nothing is missing.
        vouched,
        /// Single bytes of peers of such connections that may have been no part of their streams.
        probes_not_taken,
        /// Times that the active link went down.
        failures,
        /// Connections moved to another adapter.
        moved,
        /// Of these, with bytes under way that were given to the new owner again.
        moved_undrained,
        /// Connections whose owner held bytes beyond a gap that the host had kept as well.
        moved_gapped,
        /// Connections whose new owner would not hold such bytes: their peers have to send them again.
        gaps_lost,
        /// Connections that no adapter would have, or that were to use a port that is no adapter's, and with which the host
        /// path goes on.
        sheltered,
        /// Connections of the host path whose frames go by another port that is no adapter's.
        switched,
        /// Connections that moved because their peer's frames came in by another link.
        followed,
        /// Connections moved to another port of their adapter.
        rechannelled,
        /// Peers that were asked which timestamp they took last, since ours had jumped as far as they may.
        proofs_asked,
        /// Attempts to move a connection that were undone.
        attempts_undone,
        /// Uploads that a card refused; they are tried again.
        uploads_refused,
        /// Connections that ended while they were being moved.
        ended_in_move,
        /// Forwarding decisions without a known next hop.
        no_next_hop,
        /// Questions that were asked again, since a card had not answered in time.
        asked_again,
        /// Answers that nobody waits for, or not any more.
        unexpected,
        /// Answers that are shorter than their layout.
        short_cpl,
        /// Requests that found no room in a ring; they are tried again.
        ring_full,
        /// Filters that a card refused.
        filter_refused,
    }
}

/// Why another link was not made the active one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSwitch {
    /// It does not belong to the bond.
    #[error("{0} does not belong to the bond")]
    NotALink(LinkId),
    /// Its link is down.
    #[error("the link of {0} is down")]
    LinkDown(LinkId),
    /// No link is more active than others.
    #[error("in balance-xor all links carry")]
    AllCarry,
    /// The host's first lcore decides.
    #[error("the first lcore decides: ask its bond")]
    NotFirst,
}

/// An adapter, counted from 0 in the order in which the stack was given them, and a port of it.
impl From<(usize, PortId)> for LinkId {
    fn from((adapter, port): (usize, PortId)) -> Self {
        Self { member: MemberId(adapter as u8), port }
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "port {} of adapter {}", self.port.0, self.member.0)
    }
}

/// Something that happened, for timelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BondEvent {
    /// The firmware's message of a link that went down, or up, or the port's own word, has been handled.
    Link(LinkId, bool),
    /// Another link is active.
    Active(LinkId),
    /// The first frame of a connection of the failed link left by the active one.
    FirstTunnelled,
    /// A connection's new payload is held back: its move begins.
    Suspended(SocketId),
    /// A connection lives on the active adapter, or uses the active port.
    Moved(SocketId),
    /// No adapter would have a connection, or it is to use a port that is no adapter's: the host path goes on with it.
    Sheltered(SocketId),
    /// No connection lives elsewhere any more.
    AllMoved,
    /// An adapter is dead; its connections are given to others.
    AdapterLost(MemberId),
    /// An adapter that was dead is there again.
    AdapterBack(MemberId),
}

/// A bond, in the mode of its [`BondConfig`].
#[derive(Debug)]
pub struct Bond {
    pub(crate) config: BondConfig,
    pub(crate) links: Vec<Link>,
    pub(crate) monitor: Monitor,
    pub(crate) active: Option<LinkId>,
    pub(crate) part: Part,
    pub(crate) sides: BTreeMap<MemberId, Side>,
    /// Members that are no adapters.
    pub(crate) plain: BTreeSet<MemberId>,
    pub(crate) moves: Moves,
    pub(crate) backlog: Backlog,
    /// What is left of a look at all connections, after another link became active.
    pub(crate) sweep: Option<Sweep>,
    /// Handovers under way have to be looked at, since another link became active, and why.
    pub(crate) review: Option<Cause>,
    /// A connection has moved since it was last said that all have.
    pub(crate) moved_any: bool,
    pub(crate) transitions: Transitions,
    pub(crate) batch: Option<crate::handover::Batch>,
    pub(crate) batches: u64,
    /// Connections whose old owners' TCBs are to be read, and in which of their attempts.
    pub(crate) reads: VecDeque<(SocketId, u8)>,
    /// Connections that are to speak, those with most under way first.
    pub(crate) kicks: VecDeque<SocketId>,
    /// Connections whose frames come in by another link than their own.
    pub(crate) astray: BTreeMap<SocketId, Astray>,
    /// Next hops whose entries found no room in a ring.
    pub(crate) hops_pending: bool,
    /// Rows of a source MAC table that found no room in a ring.
    pub(crate) sources_pending: bool,
    /// A link has failed in this poll: what is to be done about that goes before everything else.
    has_just_failed: bool,
    /// Rounds in which frames that wait for the tunnel go before everything else.
    hurry: u8,
    /// Until then the tunnel comes first, if it has carried nothing yet: connections move when its way is open.
    tunnel_first: Nanos,
    /// A link that was left while it was up.
    pub(crate) left: Option<Left>,
    /// The tunnel has carried its first frame since the last failure.
    pub(crate) tunnelled: bool,
    /// It had when it was polled last.
    is_behind_first: bool,
    pub(crate) notices_left: u8,
    pub(crate) next_notice: Nanos,
    events: VecDeque<(Nanos, BondEvent)>,
    pub(crate) counters: BondCounters,
    /// By how much timestamps of connections that moved have jumped since the peer last proved, by
    /// acknowledging what their owner sent, that it took them.
    pub(crate) jumps: BySocket<u32>,
    /// What the handover of each connection has cost the host so far.
    costs: BySocket<u64>,
    /// Opens on an adapter whose answer nobody waits for any more.
    pub(crate) strays: Vec<crate::entry::Stray>,
    /// Handles of opens that were asked for twice.
    pub(crate) spent: VecDeque<crate::entry::Spent>,
    /// What new owners of connections are to hold.
    pub(crate) given: BTreeMap<SocketId, Given>,
    /// Entries that are to be ended and whose abort found no room in a ring.
    pub(crate) closes: Vec<(MemberId, Tid)>,
    /// Whether the tunnel carries frames, and an upload is done: switched off only to show that a check
    /// notices.
    pub(crate) carries: bool,
    pub(crate) upload_enabled: bool,
}

/// Polls after a failure that are worth more than anything else.
const HURRY: u8 = 3;
/// How long connections wait with everything else for the tunnel's first frame: about what it takes.
const TUNNEL_FIRST: Nanos = Nanos::from_micros(200);
/// Messages taken from a queue at a time until then.
const TUNNEL_BURST: usize = 32;
/// Events kept for the application; older ones are dropped.
const EVENTS_MAX: usize = 65_536;

impl Bond {
    /// A bond over `config.links`, none of which is known to be up. Every adapter gets the filters that
    /// the bond stands on; [`Bond::is_ready`] says when they are in force.
    #[must_use]
    pub fn new(config: BondConfig, core: &mut Core) -> Self {
        let links = config.links.iter().map(|&id| Link::new(id)).collect();
        let (mut sides, mut plain) = (BTreeMap::new(), BTreeSet::new());
        for id in &config.links {
            if core.is_adapter(id.member) {
                let side: &mut Side = sides.entry(id.member).or_default();
                side.add(id.port);
            } else {
                plain.insert(id.member);
            }
        }
        core.sample_connections();
        if let Some(first) = config.links.first() {
            core.set_active_port(first.member, first.port);
        }
        let mut bond = Self {
            config,
            links,
            monitor: Monitor::default(),
            active: None,
            part: Part::default(),
            sides,
            plain,
            moves: Moves::default(),
            backlog: Backlog::default(),
            sweep: None,
            review: None,
            moved_any: false,
            transitions: Transitions::default(),
            batch: None,
            batches: 0,
            reads: VecDeque::new(),
            kicks: VecDeque::new(),
            astray: BTreeMap::new(),
            hops_pending: false,
            sources_pending: false,
            has_just_failed: false,
            hurry: 0,
            tunnel_first: Nanos::ZERO,
            left: None,
            tunnelled: true,
            is_behind_first: true,
            notices_left: 0,
            next_notice: Nanos::ZERO,
            events: VecDeque::new(),
            counters: BondCounters::new(),
            jumps: BySocket::default(),
            costs: BySocket::default(),
            strays: Vec::new(),
            spent: VecDeque::new(),
            given: BTreeMap::new(),
            closes: Vec::new(),
            carries: true,
            upload_enabled: true,
        };
        bond.sync_filters(core);
        bond
    }

    /// The link that Ethernet frames and new connections use, if one is up.
    #[must_use]
    pub fn active(&self) -> Option<LinkId> {
        self.active
    }

    /// Makes `to` the active link though nothing has failed: connections follow one by one, and nothing is lost on
    /// the way. Refused, with traffic as it was, when that link cannot take over.
    pub fn make_active(&mut self, now: Nanos, core: &mut Core, to: LinkId) -> Result<(), NoSwitch> {
        if self.is_told() {
            return Err(NoSwitch::NotFirst);
        }
        if self.is_xor() {
            return Err(NoSwitch::AllCarry);
        }
        if !self.links.iter().any(|link| link.id == to) {
            return Err(NoSwitch::NotALink(to));
        }
        if !self.is_up(to) {
            return Err(NoSwitch::LinkDown(to));
        }
        if self.active == Some(to) {
            return Ok(());
        }
        self.activate(now, core, to, Cause::Wish);
        Ok(())
    }

    /// Whether a connection lives elsewhere than on the active link. One that the host path has does not: it sends
    /// by that.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        self.sweep.is_some() || self.moves.is_any_away()
    }

    /// Connections that the host path has until an adapter takes them, or until it is known that nothing of them is
    /// missing.
    #[must_use]
    pub fn refugees(&self) -> usize {
        if self.moves.sheltered() == 0 {
            return 0;
        }
        let leaves = |moving: &Move| {
            moving.stage == Stage::Sheltered && (moving.doubt.is_some() || !self.stays_home(moving))
        };
        self.moves.iter().filter(|(_, moving)| leaves(moving)).count()
    }

    /// How far the handover of a connection has come; `None` when it lives on the active link.
    #[must_use]
    pub fn stage(&self, id: SocketId) -> Option<Stage> {
        self.moves.get(id).map(|moving| moving.stage)
    }

    /// The link that a connection which is moving is to live on.
    #[must_use]
    pub fn bound_for(&self, id: SocketId) -> Option<LinkId> {
        self.moves.get(id).and_then(|moving| self.way(moving))
    }

    /// The adapter that a connection without an owner is being written to.
    #[must_use]
    pub fn heir(&self, id: SocketId) -> Option<MemberId> {
        let moving = self.moves.get(id).filter(|m| m.stage == Stage::Uploading)?;
        moving.entry.as_ref().map(|entry| entry.place.member)
    }

    /// What the work of handing a connection over has cost the host since the last time, its share of what was done for
    /// several at once included, in units of [`BondConfig::meter`].
    pub fn take_cost(&mut self, id: SocketId) -> u64 {
        self.costs.remove(id).unwrap_or(0)
    }

    /// Charges `ids` with what was done since the meter showed `start`.
    pub(crate) fn charge(&mut self, ids: &[SocketId], start: u64) {
        if !self.config.meter.is_on() || ids.is_empty() {
            return;
        }
        let share = self.config.meter.since(start) / ids.len() as u64;
        for &id in ids {
            match self.costs.get_mut(id) {
                Some(cost) => *cost += share,
                None => self.costs.insert(id, share),
            }
        }
    }

    /// The connection whose handover a message is about.
    fn subject(
        &self,
        core: &Core,
        member: MemberId,
        opcode: Opcode,
        message: &[u8],
    ) -> Option<SocketId> {
        let member = core.member(member).filter(|_| self.config.meter.is_on())?;
        let tid = match opcode {
            Opcode::SET_TCB_RPL => cpl::parse::<cpl::SetTcbRpl>(message)?.tid(),
            Opcode::GET_TCB_RPL => cpl::parse::<cpl::GetTcbRpl>(message)?.tid(),
            Opcode::FW4_ACK => cpl::parse::<cpl::Fw4Ack>(message)?.tid(),
            Opcode::ACT_OPEN_RPL => {
                let atid = cpl::parse::<cpl::ActOpenRpl>(message)?.atid();
                return match *member.atids.get(atid)? {
                    AtidUse::Hook(id) => Some(id),
                    _ => None,
                };
            }
            _ => return None,
        };
        match *member.tids.get(tid)? {
            TidUse::Connection(id) | TidUse::Hook(id) => Some(id),
            _ => None,
        }
    }

    /// The tunnel carries nothing from now on: a check that looks at it has to notice.
    #[cfg(debug_assertions)]
    pub fn spoil_tunnel(&mut self) {
        self.carries = false;
    }

    /// Connections are silenced and not uploaded from now on: a check has to notice.
    #[cfg(debug_assertions)]
    pub fn spoil_upload(&mut self) {
        self.upload_enabled = false;
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<(Nanos, BondEvent)> {
        self.events.pop_front()
    }

    /// How often each event found a move in each stage.
    #[must_use]
    pub fn transitions(&self) -> &Transitions {
        &self.transitions
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> BondCounters {
        self.counters
    }

    /// Runs timers and moves. After [`mafo_stack::Stack::poll_with`].
    pub fn poll(&mut self, now: Nanos, core: &mut Core) {
        self.has_just_failed = false;
        for id in core.take_departed() {
            self.jumps.remove(id);
            self.costs.remove(id);
            self.astray.remove(&id);
            self.moves.touch(id);
        }
        let is_open = !self.is_opening(now);
        self.is_behind_first = self.tunnelled;
        if is_open {
            // What leaves by the tunnel tells the switch as well where we are now.
            self.sync_filters(core);
            self.ask_filters_again(now, core);
            self.announce(now, core);
        }
        if self.hops_pending {
            self.point_hops(now, core);
        }
        if self.sources_pending {
            self.write_sources(core);
        }
        self.poll_remnants(now, core);
        self.poll_closes(core);
        self.poll_strays(now, core);
        // Ahead of what came later: it would never find room behind that.
        self.poll_given(now, core);
        self.poll_backlog(now, core);
        self.poll_links(now, core);
        if let Some(cause) = self.review.take() {
            self.wake_unowned(now);
            // An owner that is behind the gate may be on the active link now: there it speaks by its wire.
            for id in self.moves.all_under_way() {
                self.follow(now, id, cause);
                self.look(now, core, id);
            }
        }
        if is_open && !self.waits_for_left() {
            self.poll_kicks(now, core);
            self.poll_moves(now, core);
        }
    }

    /// When [`Bond::poll`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        // A ring was full: it is looked at again.
        let waits = self.hops_pending
            || self.sources_pending
            || self.sweep.is_some()
            || !self.reads.is_empty()
            || self.moves.has_starved()
            || self.moves.has_queued() && self.moves.under_way() < self.config.moves_max
            || !self.kicks.is_empty()
            || !self.closes.is_empty();
        let all = [
            self.moves.poll_timeout(),
            self.active.filter(|_| !self.is_told()).map(|_| self.next_notice),
            waits.then_some(Nanos::ZERO),
            self.backlog.poll_timeout(),
            self.left_timeout(),
            self.strays_timeout(),
            self.filters_timeout(),
            self.links_timeout(),
            self.given_timeout(),
            self.remnants_timeout(),
        ];
        all.into_iter().flatten().min()
    }

    pub(crate) fn log(&mut self, now: Nanos, event: BondEvent) {
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back((now, event));
    }

    /// Whether a link of the bond counts as up.
    #[must_use]
    pub fn is_up(&self, id: LinkId) -> bool {
        self.links.iter().any(|link| link.id == id && link.up)
    }

    /// Whether there is a link for frames of the host itself.
    pub(crate) fn has_link(&self) -> bool {
        self.active.is_some_and(|active| self.is_up(active))
    }

    /// Makes `to` the active link, of all lcores.
    pub(crate) fn activate(&mut self, now: Nanos, core: &mut Core, to: LinkId, cause: Cause) {
        self.decide(Decided::Active(to, cause));
        self.switch_to(now, core, to, cause);
    }

    /// `to` is the active link from now on. On the path of a failure are L2T writes only.
    pub(crate) fn switch_to(&mut self, now: Nanos, core: &mut Core, to: LinkId, cause: Cause) {
        let from = self.active.replace(to);
        core.set_active_port(to.member, to.port);
        self.tell_carriers(core);
        self.take_mac(core, to);
        self.notify(now);
        self.log(now, BondEvent::Active(to));
        self.tunnelled = from.is_none();
        self.is_behind_first = self.tunnelled;
        let is_failover = from.is_some() && cause == Cause::Failure;
        // From a dead adapter nothing comes, and from another port of the same one nothing has to cross the host.
        let needs_tunnel = is_failover
            && from.is_some_and(|from| {
                from.member != to.member && self.sides.contains_key(&from.member)
            });
        self.left = None;
        if let Some(from) = from.filter(|&from| cause == Cause::Wish && self.is_up(from)) {
            self.hear_out(now, core, from, to.member);
        }
        self.has_just_failed = needs_tunnel;
        self.hurry = if needs_tunnel { HURRY } else { 0 };
        self.tunnel_first = if needs_tunnel { now + TUNNEL_FIRST } else { now };
        self.point_hops(now, core);
        core.ring();
        self.review = Some(cause);
        self.begin_sweep(now, core, cause, is_failover);
        self.poll_kicks(now, core);
    }

    /// Whether the active link has just failed, and what was on its way to it waits for the next poll: its L2T entries
    /// are written by the first, its frames are taken from the loopback by the second, and the third takes the first of
    /// them to the wire. The application's turn can wait for that. Not more than these times after each failure.
    pub fn is_in_a_hurry(&mut self) -> bool {
        let hurry = self.hurry > 0;
        self.hurry = if self.tunnelled { 0 } else { self.hurry.saturating_sub(1) };
        hurry
    }

    /// Whether the first frame through the tunnel is still to come, or was posted in this poll, and the active link has
    /// failed not long ago: who works for it does a little at a time.
    #[must_use]
    pub fn is_opening(&self, now: Nanos) -> bool {
        !self.is_behind_first && now < self.tunnel_first
    }

    /// The first frame has gone through the tunnel.
    pub(crate) fn on_tunnelled(&mut self, now: Nanos) {
        if !self.tunnelled {
            self.tunnelled = true;
            self.log(now, BondEvent::FirstTunnelled);
        }
    }

    /// The next hop's MAC for frames to `remote`.
    pub(crate) fn mac_towards(
        &mut self,
        now: Nanos,
        core: &mut Core,
        remote: IpAddr,
    ) -> Option<Mac> {
        let hop = core.hop_towards(now, remote);
        if hop.is_none() {
            self.counters.no_next_hop += 1;
        }
        hop.map(|(_, mac)| mac)
    }

    /// Whether a connection is in a state that can be moved, now or when it is drained.
    pub(crate) fn is_movable(state: State) -> bool {
        state.is_live()
    }
}

impl Bond {
    /// A message that is the bond's to understand.
    fn on_message(
        &mut self,
        now: Nanos,
        core: &mut Core,
        member: MemberId,
        opcode: Opcode,
        cpl: &[u8],
    ) {
        match opcode {
            Opcode::SET_TCB_RPL => {
                let Some(reply) = cpl::parse::<cpl::SetTcbRpl>(cpl) else {
                    return self.counters.short_cpl += 1;
                };
                let Some(adapter) = core.member_mut(member) else { return };
                if adapter.lcore.filters.owns(Ftid(reply.tid().0)) {
                    if let Some(event) = adapter.lcore.filters.on_reply(reply) {
                        self.on_filter(member, event);
                    }
                } else {
                    self.on_set_tcb_rpl(now, core, member, reply);
                }
            }
            Opcode::GET_TCB_RPL => {
                let Some(reply) = cpl::parse::<cpl::GetTcbRpl>(cpl) else {
                    return self.counters.short_cpl += 1;
                };
                self.on_get_tcb_rpl(now, core, member, reply);
            }
            Opcode::ACT_OPEN_RPL => {
                let Some(reply) = cpl::parse::<cpl::ActOpenRpl>(cpl) else {
                    return self.counters.short_cpl += 1;
                };
                self.on_filtered(now, core, member, reply);
            }
            Opcode::FW4_ACK => {
                let Some(reply) = cpl::parse::<cpl::Fw4Ack>(cpl) else {
                    return self.counters.short_cpl += 1;
                };
                self.on_new_tid_ack(core, member, reply);
            }
            _ => self.counters.unexpected += 1,
        }
    }
}

impl Hook for Bond {
    fn budget(&mut self, now: Nanos, core: &Core, member: MemberId) -> usize {
        if self.has_just_failed || self.is_to_wait(now, core, member) {
            0
        } else if self.is_opening(now) {
            TUNNEL_BURST
        } else {
            usize::MAX
        }
    }

    fn on_frame(
        &mut self,
        now: Nanos,
        core: &mut Core,
        member: MemberId,
        iport: u8,
        frame: &[u8],
    ) -> Verdict {
        self.forward(now, core, member, iport, frame)
    }

    fn on_looped_hit(
        &mut self,
        now: Nanos,
        core: &mut Core,
        (member, tid): (MemberId, Tid),
        frame: &[u8],
    ) -> bool {
        let Some(seen) = crate::snoop::Seen::of(frame) else { return false };
        self.on_entry_found(now, core, member, &seen.inbound(), Some(tid))
    }

    fn on_cpl(
        &mut self,
        now: Nanos,
        core: &mut Core,
        member: MemberId,
        opcode: Opcode,
        cpl: &[u8],
    ) {
        let start = self.config.meter.now();
        let subject = self.subject(core, member, opcode, cpl);
        self.on_message(now, core, member, opcode, cpl);
        self.charge(subject.as_slice(), start);
    }

    fn on_open(&mut self, now: Nanos, _core: &mut Core, id: SocketId) {
        // Its link failed while it was being opened: now it can move.
        if let Some(moving) = self.moves.note(id).filter(|moving| moving.stage == Stage::Tunnelled)
        {
            moving.wake_up = now;
            self.moves.touch(id);
        }
    }

    fn on_fenced(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        let start = self.config.meter.now();
        self.on_fence_reply(now, core, id);
        self.charge(&[id], start);
    }

    fn on_channel(&mut self, now: Nanos, core: &mut Core, id: SocketId, _port: PortId) {
        let is_asked = |moving: &&mut Move| moving.stage == Stage::Rechannelling;
        if let Some(moving) = self.moves.note(id).filter(is_asked) {
            moving.advance(&mut self.transitions, crate::stage::Event::Rechannelled);
            let was_wished = moving.goal.is_some();
            self.moves.remove(id);
            self.counters.rechannelled += 1;
            self.log(now, BondEvent::Moved(id));
            let is_elsewhere = core.offloaded(id).is_some_and(|conn| {
                !self.is_xor() && self.active.is_some_and(|active| active.member != conn.member)
            });
            if !was_wished || is_elsewhere {
                // Another link may have become active meanwhile.
                self.adopt(now, core, id, Cause::Wish);
            }
            self.moved_any = true;
            self.tell_all_moved(now);
        }
    }

    fn on_life(
        &mut self,
        now: Nanos,
        core: &mut Core,
        (member, id): (MemberId, SocketId),
        opcode: Opcode,
        cpl: &[u8],
    ) -> bool {
        let is_alive = match opcode {
            Opcode::RX_DATA
            | Opcode::RX_URG_NOTIFY
            | Opcode::PEER_CLOSE
            | Opcode::CLOSE_CON_RPL
            | Opcode::ABORT_REQ_RSS => true,
            // It also says that what was posted for the upload is done with.
            Opcode::FW4_ACK => {
                cpl::parse::<cpl::Fw4Ack>(cpl).is_some_and(|ack| self.acknowledges_more(id, ack))
            }
            _ => false,
        };
        is_alive && self.is_written(member, id) && {
            self.go_live(now, core, id);
            true
        }
    }

    fn on_link(&mut self, now: Nanos, core: &mut Core, member: MemberId, port: PortId, up: bool) {
        self.on_carrier(now, core, LinkId { member, port }, up);
    }
}
