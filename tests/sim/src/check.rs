//! What must be true of every frame, whatever breaks.
//!
//! Order is judged where a frame leaves the host that made it, before a cable may exchange, double or
//! lose it: what a sender puts on its cables, in this order, is what it says. What a sender may know is
//! judged by what has arrived at its own cables.

mod content;
mod echo;
mod edge;
mod speaker;
mod stamps;
mod tally;
mod ways;

use std::collections::{BTreeMap, VecDeque};

use mafo_mem::Nanos;

use crate::header::{ACK, RST, Tcp};
use crate::plan::Side;

use content::{judge_content, place_of, window};
use echo::{Echo, Heard};
use edge::RightEdge;
pub(crate) use speaker::Speaker;
use speaker::speaks;
use stamps::Stamps;
use ways::Ways;

/// What is violated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// No reset unless an application gave up.
    Reset,
    /// Every byte, each time it is sent, is that of the stream; a FIN stands at its end; one SYN.
    Stream,
    /// Nothing is sent beyond the right edge that was heard from the peer.
    Beyond,
    /// The right edge of the window never moves left by a scale unit.
    RightEdge,
    /// The window never offers more than the buffer has room for.
    Overcommit,
    /// No acknowledgment moves back, or is of what was never sent.
    Ack,
    /// What was acknowledged selectively is still here when its turn comes (RFC 2018, 8).
    Renege,
    /// No TSval moves back.
    Timestamp,
    /// TSecr is a TSval that was heard, and never moves back (RFC 7323, 4.3).
    Echo,
    /// Only the owner of a connection speaks for it.
    Speaker,
    /// Frames that were held are given to the new owner in the order in which they came.
    Order,
    /// An application reads what the other one wrote, to the end.
    Delivery,
    /// An application sees no error unless the other one gave up.
    Error,
    /// Every connection ends, and every handover.
    Liveness,
    /// Nothing is left on an adapter or in a table.
    LeftOver,
    /// A link that is not active sends nothing of the bond's, but for what was queued on it before.
    Quiet,
    /// No listener is asked about a SYN of a connection that lives elsewhere.
    Owner,
    /// What a host says to itself is on no wire and on no adapter, and nothing moves it.
    Itself,
    /// No adapter says what cannot be.
    Impossible,
    /// Nothing panics.
    Panic,
}

/// A rule that was violated, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// The connection, where it is one's.
    pub conn: Option<usize>,
    /// When.
    pub at: Nanos,
    /// How.
    pub how: String,
}

/// A cable's end at a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Of the host with the bond, by the number of the link.
    Link(usize),
    /// Of the peer.
    Peer,
}

impl Place {
    fn side(self) -> Side {
        match self {
            Self::Link(_) => Side::Near,
            Self::Peer => Side::Peer,
        }
    }
}

/// A frame that passed lately.
#[derive(Clone, Copy)]
pub(crate) struct Passed {
    pub(crate) at: Nanos,
    pub(crate) place: Place,
    /// Put on the cable, not taken from it.
    pub(crate) sent: bool,
    pub(crate) head: [u8; HEAD],
    pub(crate) len: u16,
}

/// Bytes of a frame that are remembered: all headers.
pub(crate) const HEAD: usize = 14 + 20 + 60;
const PASSED_MAX: usize = 512;

/// What one end said, and what it heard. Places in a stream: its first byte is 0, the SYN -1.
#[derive(Debug, Default)]
struct Half {
    iss: Option<u32>,
    wscale: Option<u8>,
    timestamps: bool,
    /// Behind the last byte sent, FIN included.
    sent_end: i64,
    /// The place of the FIN.
    fin: Option<i64>,
    ack: Option<i64>,
    /// What was acknowledged selectively, behind `ack`.
    sacked: Vec<(i64, i64)>,
    /// This host has no such connection any more: it was reset, which leaves no TIME_WAIT. A SYN for it, though it be an
    /// old one or a stranger's, is one for a new connection then (RFC 9293, 3.10.7.1 and 3.10.7.2).
    is_gone: bool,
    /// An acknowledgment ended before bytes that are here: since when, and which.
    short: Option<(Nanos, i64, i64)>,
    edge: RightEdge,
    stamps: Stamps,
    ts_ecr: Option<u32>,
    /// The owner died that knew what is to be echoed: until the next one has learnt it, it echoes what was heard
    /// before, or nothing.
    echo: Echo,
    /// Timestamps of bytes that came in order and were echoed; and what a host that lost its owner has known for long.
    heard_in_order: Heard,
    sampled: Option<u32>,
    heard_edge: Option<i64>,
    heard_ts: Option<u32>,
    /// Of the application here: bytes written, whether that is all, bytes read.
    pub(crate) written: u64,
    pub(crate) shut: bool,
    pub(crate) read: u64,
    /// Bytes that the receive buffer here holds.
    capacity: u64,
    /// For how long what was acknowledged selectively may lie before an acknowledgment that has moved on to it.
    patience: Nanos,
}

impl Half {
    /// All before `end` is here: what was said to be was not dropped, though the acknowledgment of it may have died with a
    /// link. What comes later than that may have been sent again.
    fn has(&mut self, at: Nanos, end: i64) {
        let patience = self.patience;
        let in_time = |since: Nanos| at - since <= patience;
        self.short.take_if(|(since, _, short)| *short <= end && in_time(*since));
    }
}

/// A connection on the cables.
#[derive(Debug, Default)]
struct Flow {
    halves: [Half; 2],
    /// An application gave up: a reset is in order.
    gave_up: bool,
    /// A reset was sent: what follows is no longer a connection.
    is_reset: bool,
    speaker: Speaker,
    /// Of interest where all links carry.
    ways: Ways,
    /// The adapter to whose side the connection is moving has spoken.
    new_spoke: Option<u8>,
    /// Data of the peer that came while frames are held, in the order of coming.
    held: Vec<Held>,
    /// None came since that the new owner may have taken itself.
    held_alone: bool,
    holds_before: bool,
}

/// Data of the peer that came while frames are held.
#[derive(Clone, Copy, Debug)]
struct Held {
    start: i64,
    end: i64,
    /// The link by which it came.
    link: usize,
}

impl Flow {
    /// Whether the peer has said all that it had to say, and acknowledged all that it could.
    fn is_over_for_peer(&self) -> bool {
        let [near, peer] = &self.halves;
        peer.fin.is_some() && near.fin.zip(peer.ack).is_some_and(|(fin, ack)| ack > fin)
    }
}

/// What went past 2^32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wrapped {
    /// Sequence numbers, by [`Side::index`] of the sender.
    pub numbers: [bool; 2],
    /// Timestamps of the host with the bond.
    pub stamps: bool,
}

/// Watches all frames.
pub(crate) struct Checker {
    near_address: [u8; 4],
    /// By (port of the host with the bond, port of the peer).
    conns: BTreeMap<(u16, u16), usize>,
    flows: Vec<Flow>,
    /// What the timestamp clock of each adapter shows that lives.
    pub(crate) clocks: Vec<Option<u32>>,
    /// The most bytes in a segment that each adapter made.
    pub(crate) longest: [usize; 2],
    /// The active link, and for how many polls it has been.
    active: (Option<usize>, u32),
    /// By link, at which poll it was not the active one any more.
    left_at: BTreeMap<usize, u64>,
    /// Polls.
    polls: u64,
    /// All links carry: each connection has a link of its own.
    pub(crate) all_carry: bool,
    /// The bond's address is not on all links: what comes by one may be for an address that it does not hear.
    pub(crate) mac_moves: bool,
    /// Every question for a sample of a TCB is answered; next hops may be refused, and old ones count for a while.
    pub(crate) samples_come: bool,
    pub(crate) refuses_hops: bool,
    /// Polls that a frame may need from the host's queue to the cable.
    pub(crate) grace: u32,
    /// Polls for which a queue may stand still: a loopback whose ingress queue is late, and full, pauses what is behind.
    pub(crate) stands_still: u32,
    /// The bond dropped frames that it should have held: the order of the rest says nothing.
    pub(crate) lost_held: bool,
    /// Resets that were sent in this step.
    resets: Vec<(Nanos, usize, Side)>,
    /// What was said in this step by whom it is not for, by what was known when it began.
    spoke: Vec<(Nanos, usize, Option<u8>, u16, String)>,
    /// What was sent in this step by links that were not active when it began.
    elsewhere: Vec<(Nanos, usize, usize)>,
    pub(crate) frames: u64,
    pub(crate) passed: VecDeque<Passed>,
    pub(crate) capture: Option<mafo::wire::PcapWriter<std::io::BufWriter<std::fs::File>>>,
    pub(crate) violation: Option<Violation>,
}

/// How far a TSval may be from the clock that made it, in ticks of about a millisecond: frames wait in
/// queues and on cables.
const TS_SLACK: i32 = 4096;

impl Checker {
    /// What was said to be here may be acknowledged so late.
    pub(crate) fn be_patient(&mut self, patience: Nanos) {
        for half in self.flows.iter_mut().flat_map(|flow| &mut flow.halves) {
            half.patience = patience;
        }
    }

    pub(crate) fn new(near_address: [u8; 4], capacity: [usize; 2], count: usize) -> Self {
        let flow = |_| {
            let mut flow = Flow::default();
            for (half, capacity) in flow.halves.iter_mut().zip(capacity) {
                half.capacity = capacity as u64;
            }
            flow
        };
        Self {
            near_address,
            conns: BTreeMap::new(),
            flows: (0..count).map(flow).collect(),
            clocks: Vec::new(),
            longest: [0; 2],
            active: (None, 0),
            left_at: BTreeMap::new(),
            polls: 0,
            all_carry: false,
            mac_moves: false,
            samples_come: false,
            refuses_hops: false,
            grace: 0,
            stands_still: 0,
            lost_held: false,
            resets: Vec::new(),
            elsewhere: Vec::new(),
            spoke: Vec::new(),
            frames: 0,
            passed: VecDeque::with_capacity(PASSED_MAX),
            capture: None,
            violation: None,
        }
    }

    /// Connection `conn` has these ports, of the host with the bond and of the peer.
    pub(crate) fn name(&mut self, ports: (u16, u16), conn: usize) {
        self.conns.insert(ports, conn);
    }

    pub(crate) fn conn(&self, ports: (u16, u16)) -> Option<usize> {
        self.conns.get(&ports).copied()
    }

    /// What the application at `side` has done so far.
    pub(crate) fn application(
        &mut self,
        at: Nanos,
        (conn, side): (usize, Side),
        (written, shut, read): (u64, bool, u64),
        gave_up: bool,
    ) {
        let flow = &mut self.flows[conn];
        let half = &mut flow.halves[side.index()];
        (half.written, half.shut, half.read) = (written, shut, read);
        half.has(at, read as i64);
        flow.gave_up |= gave_up;
    }

    /// Whether the host with the bond has said on `conn` that it has what it does not acknowledge.
    pub(crate) fn is_short(&self, conn: usize) -> bool {
        self.flows[conn].halves[Side::Near.index()].short.is_some()
    }

    /// That host has been told of all before the peer's `rcv_nxt`.
    pub(crate) fn delivered(&mut self, at: Nanos, conn: usize, rcv_nxt: u32) {
        let [near, peer] = &mut self.flows[conn].halves;
        if let Some(iss) = peer.iss {
            near.has(at, place_of(rcv_nxt, iss));
        }
    }

    /// That host has the peer's whole stream, its connection is over.
    pub(crate) fn delivered_all(&mut self, at: Nanos, conn: usize) {
        let [near, peer] = &mut self.flows[conn].halves;
        near.has(at, peer.sent_end);
    }

    /// Whether an application of `conn` gave up, so that its host may know nothing of it any more.
    pub(crate) fn may_be_gone(&self, conn: usize) -> bool {
        self.flows[conn].gave_up
    }

    /// The host with the bond has no such connection any more, if it ever had.
    pub(crate) fn gone(&mut self, conn: usize) {
        let near = &mut self.flows[conn].halves[Side::Near.index()];
        near.is_gone = near.iss.is_some();
    }

    /// The adapter that `conn` lived on, or was being written to, is dead. What it held beyond a gap, and had said to
    /// hold, died with it: the one case in which that is no longer here (RFC 2018, 8). Where nothing is protected, what it
    /// had acknowledged may have died, too.
    pub(crate) fn bereaved(&mut self, at: Nanos, conn: usize, protect: bool) {
        let near = &mut self.flows[conn].halves[Side::Near.index()];
        if !protect {
            near.ack = None;
        }
        near.sacked.clear();
        near.short = None;
        near.echo = Echo::Lost;
        near.sampled = near.heard_in_order.survive(at).filter(|_| self.samples_come);
    }

    /// The frames that were held for `conn` died with the new owner that had just been given them.
    pub(crate) fn held_died(&mut self, conn: usize) {
        self.flows[conn].held.clear();
    }

    /// The owner of `conn` died: what had been held for it before was given to that one, if nothing is held now. What came
    /// by a cable that `is_its` may not have got as far as the host.
    pub(crate) fn given_died(&mut self, conn: usize, is_its: impl Fn(usize) -> bool) {
        let flow = &mut self.flows[conn];
        let holds = flow.holds_before;
        flow.held.retain(|held| holds && !is_its(held.link));
    }

    /// An application of `conn` gave up.
    pub(crate) fn application_gave_up(&mut self, conn: usize) {
        self.flows[conn].gave_up = true;
    }

    /// The bond moves a connection to `link`.
    pub(crate) fn bound_for(&mut self, conn: usize, link: usize) {
        self.flows[conn].ways.bound_for(link, self.polls);
    }

    /// Who may speak from now on.
    pub(crate) fn speaker(&mut self, conn: usize, speaker: Speaker) {
        let flow = &mut self.flows[conn];
        if speaker.holds && !flow.holds_before {
            flow.held.clear();
            flow.held_alone = true;
        }
        flow.holds_before = speaker.holds;
        // It was given to its old owner's adapter again, behind another that had died.
        let before = flow.speaker;
        let is_back =
            before.heir.is_some() && before.heir == before.owner && speaker.heir.is_none();
        if speaker.owner != before.owner || is_back {
            flow.new_spoke = None;
        }
        if speaker.owner != before.owner {
            let echo = &mut flow.halves[Side::Near.index()].echo;
            if *echo == Echo::Lost {
                *echo = Echo::ToBeLearnt;
            }
        }
        flow.speaker = speaker;
    }

    /// Whether what was held for `conn`, two frames at least, is without a gap behind `rcv_nxt`, and
    /// nothing else has come: then an owner that gets it in order has nothing to hold back.
    pub(crate) fn held_in_order(&self, conn: usize, rcv_nxt: u32) -> bool {
        let flow = &self.flows[conn];
        let Some(iss) = flow.halves[Side::Peer.index()].iss else { return false };
        let mut end = place_of(rcv_nxt, iss);
        let gapless = flow.held.iter().all(|held| {
            let fits = held.start <= end;
            end = end.max(held.end);
            fits
        });
        gapless && flow.held.len() > 1 && flow.held_alone && !self.lost_held
    }

    /// Whether any of what was held for `conn` lies behind `rcv_nxt`.
    pub(crate) fn is_held_beyond(&self, conn: usize, rcv_nxt: u32) -> bool {
        let flow = &self.flows[conn];
        let Some(iss) = flow.halves[Side::Peer.index()].iss else { return false };
        flow.held.iter().any(|held| held.end > place_of(rcv_nxt, iss))
    }

    pub(crate) fn speaker_of(&self, conn: usize) -> Speaker {
        self.flows[conn].speaker
    }

    /// Notes that a rule is violated; the first one counts.
    pub(crate) fn violate(&mut self, at: Nanos, rule: Rule, conn: Option<usize>, how: String) {
        if self.violation.is_none() {
            self.violation = Some(Violation { rule, conn, at, how });
        }
    }

    fn note(&mut self, at: Nanos, place: Place, sent: bool, frame: &[u8]) {
        self.frames += 1;
        if let Some(capture) = &mut self.capture
            && place == Place::Peer
        {
            capture.write(at, frame);
        }
        if self.passed.len() == PASSED_MAX {
            self.passed.pop_front();
        }
        let mut head = [0; HEAD];
        let n = frame.len().min(HEAD);
        head[..n].copy_from_slice(&frame[..n]);
        self.passed.push_back(Passed { at, place, sent, head, len: frame.len() as u16 });
    }

    pub(crate) fn conn_of(&self, tcp: &Tcp<'_>) -> Option<usize> {
        let (src, dst) = tcp.ports;
        let ports = if tcp.src == self.near_address { (src, dst) } else { (dst, src) };
        self.conn(ports)
    }

    /// A host has put a frame on its cable.
    pub(crate) fn sent(&mut self, at: Nanos, place: Place, frame: &[u8]) {
        self.note(at, place, true, frame);
        let Some(tcp) = Tcp::parse(frame) else { return };
        if tcp.src == tcp.dst {
            let how = format!("on a wire: {:?}", tcp.ports);
            return self.violate(at, Rule::Itself, None, how);
        }
        let Some(conn) = self.conn_of(&tcp) else {
            let how = format!("a segment of nobody: {:?}", tcp.ports);
            return self.violate(at, Rule::Stream, None, how);
        };
        if let Err((rule, how)) = self.judge(at, conn, place, &tcp) {
            self.violate(at, rule, Some(conn), format!("{:?}: {how}", place.side()));
        }
    }

    /// A host has taken a frame from its cable.
    pub(crate) fn arrived(&mut self, at: Nanos, place: Place, frame: &[u8]) {
        self.note(at, place, false, frame);
        let Some(tcp) = Tcp::parse(frame) else { return };
        let Some(conn) = self.conn_of(&tcp) else { return };
        let side = place.side();
        if (tcp.src == self.near_address) == (side == Side::Near) {
            // Its own, that a switch has flooded back by the other link.
            return;
        }
        let flow = &mut self.flows[conn];
        let [near, peer] = &mut flow.halves;
        let (here, there) = if side == Side::Near { (near, peer) } else { (peer, near) };
        if tcp.has(ACK)
            && !tcp.has(RST)
            && let Some(iss) = here.iss
        {
            let edge = place_of(tcp.ack, iss) + window(&tcp, there, here);
            here.heard_edge = Some(here.heard_edge.map_or(edge, |old| old.max(edge)));
        }
        if let Some((val, _)) = tcp.timestamps {
            let newer = here.heard_ts.is_none_or(|old| val.wrapping_sub(old) as i32 > 0);
            if newer {
                here.heard_ts = Some(val);
            }
        }
        if let Place::Link(link) = place
            && !tcp.payload.is_empty()
            && let Some(iss) = there.iss
        {
            let start = place_of(tcp.seq, iss);
            let end = start + tcp.payload.len() as i64;
            let is_next = here.ack.is_some_and(|ack| start <= ack && ack < end);
            if let (Some((val, _)), true) = (tcp.timestamps, is_next) {
                here.heard_in_order.offer(val, end);
            }
            if flow.speaker.holds && !self.mac_moves {
                flow.held.push(Held { start, end, link });
            } else {
                flow.held_alone = false;
            }
        }
    }

    /// Whether resets were in order. An application's abort may send one before it is known here that the
    /// application gave up. Where nothing is protected, a FIN may die with the adapter that had acknowledged it: a peer
    /// that has forgotten the connection by then knows nothing of whoever still asks for that.
    pub(crate) fn judge_resets(&mut self, protect: bool) {
        for (at, conn, side) in core::mem::take(&mut self.resets) {
            let flow = &self.flows[conn];
            let is_forgotten = !protect && side == Side::Peer && flow.is_over_for_peer();
            if !flow.gave_up && !is_forgotten {
                self.violate(at, Rule::Reset, Some(conn), format!("{side:?}: a reset"));
            }
        }
    }

    /// At the end of a step: whether those who spoke might. The death of an adapter, `somebody_died`, may have taken
    /// back in the middle of it what was known in the beginning.
    pub(crate) fn judge_speakers(&mut self, somebody_died: bool, protect: bool) {
        let grace = self.grace;
        for (at, conn, origin, id, how) in core::mem::take(&mut self.spoke) {
            // By what is known now it may be right.
            let is_right = speaks(&mut self.flows[conn], origin, id, grace).is_ok();
            if !somebody_died && !is_right {
                self.violate(at, Rule::Speaker, Some(conn), format!("Near: {how}"));
            }
        }
        // What died with an adapter was not known to have when this was judged.
        let forgotten = |violation: &mut Violation| match violation.rule {
            Rule::Echo | Rule::Renege => true,
            Rule::Ack => !protect,
            _ => false,
        };
        if somebody_died {
            self.violation.take_if(forgotten);
        }
    }

    /// Which link is active at the end of a step. What was sent by another within it was right if that is the one now:
    /// the death of an adapter makes it so between two cards' turns.
    ///
    /// Nor is a card that fell off the bus told that its link is not the active one any more.
    /// `was_another`: another was active for a moment in this step.
    pub(crate) fn active(
        &mut self,
        active: Option<usize>,
        was_another: bool,
        is_out_of_reach: impl Fn(usize) -> bool,
    ) {
        self.polls += 1;
        let lasts = active == self.active.0 && !was_another;
        let lasted = if lasts { self.active.1.saturating_add(1) } else { 0 };
        if let Some(left) = self.active.0.filter(|_| lasted == 0) {
            self.left_at.insert(left, self.polls);
        }
        self.active = (active, lasted);
        for (at, conn, link) in core::mem::take(&mut self.elsewhere) {
            if active != Some(link) && !is_out_of_reach(link) && !self.refuses_hops {
                self.violate(at, Rule::Quiet, Some(conn), format!("link {link} is not active"));
            }
        }
    }

    /// Whether the active link may not have been active for long enough for a card to have done what that asks for, and
    /// told of it.
    pub(crate) fn has_just_changed(&self) -> bool {
        self.active.1 <= 2 * self.grace
    }

    fn judge(
        &mut self,
        at: Nanos,
        conn: usize,
        place: Place,
        tcp: &Tcp<'_>,
    ) -> Result<(), (Rule, String)> {
        let (side, grace) = (place.side(), self.grace);
        let queued = grace + self.stands_still;
        let (active, active_for) = self.active;
        let elsewhere = matches!(place, Place::Link(link) if active.is_some_and(|a| a != link));
        if let Place::Link(link) = place
            && elsewhere
            && active_for > grace
        {
            self.elsewhere.push((at, conn, link));
        }
        // Another link was made the active one while this was queued, and perhaps this one again: it left late.
        let was_left = matches!(place, Place::Link(link) if active == Some(link)
            && self.left_at.get(&link).is_some_and(|&at| self.polls - at <= queued.into()));
        let is_late = elsewhere && active_for <= grace || was_left;
        let (origin, polls, all_carry) = (self.origin(tcp), self.polls, self.all_carry);
        if side == Side::Near {
            self.note_length(origin, tcp.payload.len());
        }
        let flow = &mut self.flows[conn];
        let is_late = is_late
            || matches!(place, Place::Link(link) if all_carry && flow.ways.leaves_late(link, polls, queued));
        if tcp.has(RST) {
            flow.is_reset = true;
            self.resets.push((at, conn, side));
            return Ok(());
        }
        if flow.is_reset {
            return Ok(());
        }
        let spoke = if side == Side::Near { speaks(flow, origin, tcp.id, grace) } else { Ok(()) };
        let content = judge_content(at, conn, side, flow, tcp, is_late);
        let Err((_, how)) = spoke else { return content };
        self.spoke.push((at, conn, origin, tcp.id, how));
        Ok(())
    }

    /// The adapter whose clock made the segment's TSval, if one did.
    fn origin(&self, tcp: &Tcp<'_>) -> Option<u8> {
        let (val, _) = tcp.timestamps?;
        let near = |clock: u32| {
            // The offset of a connection is in steps of 2^28.
            let apart = ((val.wrapping_sub(clock) << 4) as i32) >> 4;
            apart.abs() < TS_SLACK
        };
        self.clocks.iter().position(|clock| clock.is_some_and(near)).map(|n| n as u8)
    }
}
