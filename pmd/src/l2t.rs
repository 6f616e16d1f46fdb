//! The L2 table: where connections send to. A connection names an entry, and rewriting one entry moves
//! all that name it.
//!
//! The table is the card's; here is who uses which entry and what was last written. Every write asks for
//! an answer, and an entry is *settled* when the answer to the last one has come: from then on TP uses what was
//! written. The control queue and the ingress queue keep their order, so an answer is one to all writes before it as
//! well. One that does not come in time, or refuses, is asked for again by the same write ([`L2t::ask_again`]).
//!
//! Three unanswered writes of an entry can be told apart. What is written beyond them is posted all the same, since the
//! last one is what the card uses, but its answer says nothing: it could be one to the write before. So the entry is
//! written once more when an answer has come, by a turn of its own, and is settled when that is answered.

use mafo_mem::{Full, Nanos};
use mafo_t4::cpl::{L2tParams, L2tWriteReq, L2tWriteRpl, Status};
use mafo_t4::{IqId, L2tIdx, PortId, Tid};

use crate::ofld;
use crate::question::Question;
use crate::sge::Eq;

/// The table has twelve bits of index. Of the two above them, which an answer repeats, the first is the driver's own
/// [t4_l2t.h F_SYNC_WR]; both count an entry's writes.
const TURN_SHIFT: u32 = 12;
const INDEX_MASK: u32 = (1 << TURN_SHIFT) - 1;
/// An answer that comes twice is of the write before the oldest outstanding one: so many can be told apart.
const TURNS: u32 = 4;
const OUTSTANDING_MAX: u32 = TURNS - 1;

mafo_mem::counters! {
    /// What the L2 table counted.
    pub struct L2tCounters {
        /// Writes posted.
        writes,
        /// Writes that the card refused.
        refused,
        /// Writes posted again, since no answer came in time.
        asked_again,
        /// Answers to nothing, or that came twice.
        unexpected_replies,
    }
}

/// Where an entry's frames go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum L2tTarget {
    /// To the port's wire.
    Wire,
    /// To the port's loopback: back into the card as iport 4 + port.
    Loopback,
    /// Nowhere: the next hop is not resolved. Opens fail with ARP_MISS, segments are dropped.
    Unresolved,
}

/// What an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// Destination address of the frames.
    pub mac: [u8; 6],
    /// Tag of the frames.
    pub vlan: Option<u16>,
    /// Egress port.
    pub port: PortId,
    /// What is done there.
    pub target: L2tTarget,
}

impl Entry {
    fn next_turn(&self) -> u32 {
        (self.turn + 1) % TURNS
    }
}

impl NextHop {
    fn request(&self, reply_to: IqId, index: L2tIdx, turn: u32) -> L2tWriteReq {
        let params = L2tParams(0)
            .with_port(self.port.0.into())
            .with_lpbk(self.target == L2tTarget::Loopback)
            .with_arpmiss(self.target == L2tTarget::Unresolved);
        L2tWriteReq::new(reply_to, u32::from(index.0) | turn << TURN_SHIFT)
            .with_params(params)
            .with_l2t_idx(index)
            .with_vlan(self.vlan.unwrap_or(L2tWriteReq::VLAN_NONE))
            .with_dst_mac(self.mac)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    users: u32,
    hop: Option<NextHop>,
    /// Answers to come.
    pending: u32,
    /// The turn of the last write.
    turn: u32,
    /// The last write had its turn in common with the one before it: what answers that is no proof.
    is_shared: bool,
}

/// An lcore's share of the L2 table.
#[derive(Debug)]
pub struct L2t {
    first: u16,
    entries: Box<[Entry]>,
    /// Offsets of unused entries; the next one is the last.
    free: Vec<u16>,
    /// Entries with answers to come, and since when that is known.
    waiting: Vec<(L2tIdx, Option<Question>)>,
    counters: L2tCounters,
}

/// An answer to a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L2tWritten {
    /// The entry.
    pub index: L2tIdx,
    /// Whether the card took it.
    pub status: Status,
    /// Whether it was the last answer to come: TP uses what was last written.
    pub settled: bool,
}

impl L2t {
    /// The entries `range`, as the card told; beyond 4096 there are none.
    #[must_use]
    pub fn new(range: std::ops::Range<u32>) -> Self {
        let end = range.end.min(INDEX_MASK + 1);
        let first = range.start.min(end);
        let count = end - first;
        Self {
            first: first as u16,
            entries: vec![Entry::default(); count as usize].into_boxed_slice(),
            free: (0..count as u16).rev().collect(),
            waiting: Vec::new(),
            counters: L2tCounters::new(),
        }
    }

    /// An unused entry, with one user.
    #[must_use]
    pub fn alloc(&mut self) -> Option<L2tIdx> {
        let offset = self.free.pop()?;
        self.entries[usize::from(offset)].users = 1;
        Some(L2tIdx(self.first + offset))
    }

    /// One user more of an entry in use; of another it is a bug.
    pub fn hold(&mut self, index: L2tIdx) {
        self.used(index).users += 1;
    }

    /// One user fewer; without users the entry is unused, once its answers have come.
    pub fn release(&mut self, index: L2tIdx) {
        let entry = self.used(index);
        entry.users -= 1;
        self.retire(index);
    }

    /// Writes an entry in use: an answer comes to queue `reply_to`, for [`L2t::on_reply`].
    pub fn write(
        &mut self,
        ctrl: &mut Eq,
        reply_to: IqId,
        index: L2tIdx,
        hop: NextHop,
    ) -> Result<(), Full> {
        let entry = self.used(index);
        let is_shared = entry.pending == OUTSTANDING_MAX;
        let turn = if is_shared { entry.turn } else { entry.next_turn() };
        ofld::control(ctrl, Tid(0), &hop.request(reply_to, index, turn))?;
        (entry.hop, entry.turn, entry.is_shared) = (Some(hop), turn, is_shared);
        entry.pending += u32::from(!is_shared);
        self.counters.writes += 1;
        match self.waiting.iter_mut().find(|(waits, _)| *waits == index) {
            // However often it is written, three that stay without an answer are asked about.
            Some((_, question)) => *question = question.filter(|_| is_shared),
            None => self.waiting.push((index, None)),
        }
        Ok(())
    }

    /// Posts again what was last written where no answer has come for `patience`. Whether the card has left one of them
    /// unanswered too often.
    pub fn ask_again(
        &mut self,
        now: Nanos,
        ctrl: &mut Eq,
        reply_to: IqId,
        patience: Nanos,
    ) -> bool {
        let mut is_mute = false;
        for at in 0..self.waiting.len() {
            let (index, question) = &mut self.waiting[at];
            let index = *index;
            let question = question.get_or_insert_with(|| Question::new(now, patience));
            if !question.is_due(now) {
                continue;
            }
            is_mute |= question.is_hopeless();
            question.repeat(now, patience);
            let Some(entry) = self.entry_mut(index) else { continue };
            let Some(hop) = entry.hop else { continue };
            let is_told_apart = entry.is_shared && entry.pending < OUTSTANDING_MAX;
            let turn = if is_told_apart { entry.next_turn() } else { entry.turn };
            // What finds no room is asked for when its time comes once more.
            if ofld::control(ctrl, Tid(0), &hop.request(reply_to, index, turn)).is_ok() {
                entry.pending += u32::from(is_told_apart);
                entry.is_shared &= !is_told_apart;
                entry.turn = turn;
                self.counters.asked_again += 1;
            }
        }
        is_mute
    }

    /// When [`L2t::ask_again`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        self.waiting.iter().map(|(_, question)| question.map_or(Nanos::ZERO, |q| q.due())).min()
    }

    /// Takes an answer. `None`, counted, when no write waits for it.
    pub fn on_reply(&mut self, reply: &L2tWriteRpl) -> Option<L2tWritten> {
        let index = L2tIdx((reply.id() & INDEX_MASK) as u16);
        let turn = reply.id() >> TURN_SHIFT;
        // By how many writes it is behind the last one.
        let behind = |entry: &Entry| (entry.turn + TURNS).wrapping_sub(turn) % TURNS;
        let waiting =
            self.entry_mut(index).filter(|entry| turn < TURNS && behind(entry) < entry.pending);
        let Some(entry) = waiting else {
            self.counters.unexpected_replies += 1;
            return None;
        };
        let status = reply.status();
        let left = behind(entry);
        let is_refused = status != Status::NONE;
        if left == 0 && (is_refused || entry.is_shared) {
            // As if it had not been answered, and asked for again at once.
            entry.pending = 1;
            self.counters.refused += u64::from(is_refused);
            if let Some((_, question)) = self.waiting.iter_mut().find(|(waits, _)| *waits == index)
            {
                // Who has written it is asked anew, and has all the time there is.
                let asked = question.filter(|_| is_refused);
                let asked = asked.unwrap_or_else(|| Question::new(Nanos::ZERO, Nanos::ZERO));
                *question = Some(asked.at_once(Nanos::ZERO));
            }
            return Some(L2tWritten { index, status, settled: false });
        }
        entry.pending = left;
        self.counters.refused += u64::from(is_refused);
        let settled = left == 0;
        if settled {
            self.waiting.retain(|(waits, _)| *waits != index);
        }
        self.retire(index);
        Some(L2tWritten { index, status, settled })
    }

    /// What was last written to an entry.
    #[must_use]
    pub fn get(&self, index: L2tIdx) -> Option<&NextHop> {
        self.entry(index)?.hop.as_ref()
    }

    /// Whether an entry was written and all its answers have come.
    #[must_use]
    pub fn is_settled(&self, index: L2tIdx) -> bool {
        self.entry(index).is_some_and(|entry| entry.hop.is_some() && entry.pending == 0)
    }

    /// Whether the answers to all writes have come.
    #[must_use]
    pub fn is_all_settled(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Entries with users, and what was last written to them, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (L2tIdx, Option<&NextHop>)> {
        let used = (self.first..).zip(&self.entries).filter(|(_, entry)| entry.users > 0);
        used.map(|(index, entry)| (L2tIdx(index), entry.hop.as_ref()))
    }

    /// Entries with users. Not 0 at the end: a reference was not given back.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.entries.iter().filter(|entry| entry.users > 0).count()
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> L2tCounters {
        self.counters
    }

    /// An entry that nobody uses and nothing is outstanding of is free again.
    fn retire(&mut self, index: L2tIdx) {
        let first = self.first;
        if let Some(entry) = self.entry_mut(index)
            && entry.users == 0
            && entry.pending == 0
        {
            entry.hop = None;
            self.free.push(index.0 - first);
        }
    }

    fn used(&mut self, index: L2tIdx) -> &mut Entry {
        match self.entry_mut(index) {
            Some(entry) if entry.users > 0 => entry,
            _ => panic!("{index:?} is not in use"),
        }
    }

    fn entry(&self, index: L2tIdx) -> Option<&Entry> {
        self.entries.get(usize::from(index.0.checked_sub(self.first)?))
    }

    fn entry_mut(&mut self, index: L2tIdx) -> Option<&mut Entry> {
        self.entries.get_mut(usize::from(index.0.checked_sub(self.first)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tests::queue::{egress, words};

    const IQ: IqId = IqId(0x109);
    const TURN: u32 = 1 << TURN_SHIFT;

    fn hop(port: u8, target: L2tTarget, vlan: Option<u16>) -> NextHop {
        NextHop { mac: [2, 0, 0, 0, 0, 9], vlan, port: PortId(port), target }
    }

    fn reply(id: u32) -> L2tWriteRpl {
        L2tWriteRpl::new(IqId(0), id)
    }

    #[test]
    fn an_entry_is_written_as_the_card_wants_it() {
        let (mut ctrl, mut card) = egress();
        let mut table = L2t::new(15..17);
        let index = table.alloc().expect("room");
        // L2T_WRITE_REQ (0x12): queue 23:14, turn 13:12 and index; PORT 9:8, LPBK b10, ARPMISS b11; index;
        // VLAN, 0xfff for none; address.
        let cases = [
            (hop(2, L2tTarget::Wire, None), 0x0200_000f, 0x0fff_0200),
            (hop(1, L2tTarget::Loopback, Some(5)), 0x0500_000f, 0x0005_0200),
            (hop(0, L2tTarget::Unresolved, None), 0x0800_000f, 0x0fff_0200),
        ];
        for ((hop, params, vlan), turn) in cases.into_iter().zip(1_u32..) {
            table.write(&mut ctrl, IQ, index, hop).expect("room");
            let id = 0x1242_400f | turn << 12;
            let expected = words(&[0x0500_0010, 2, 0, 0, id, params, vlan, 0x0000_0009]);
            assert_eq!(card.take(), expected, "{hop:?}");
            assert_eq!(table.get(index), Some(&hop));
        }
        assert_eq!(table.counters().writes, 3);
    }

    #[test]
    fn an_entry_is_settled_when_the_last_answer_has_come() {
        let (mut ctrl, _) = egress();
        let mut table = L2t::new(0..4);
        let index = table.alloc().expect("room");
        assert!(!table.is_settled(index), "nothing was written");
        for port in [0, 1] {
            table.write(&mut ctrl, IQ, index, hop(port, L2tTarget::Wire, None)).expect("room");
        }
        let first = L2tWritten { index, status: Status::NONE, settled: false };
        assert_eq!(table.on_reply(&reply(TURN)), Some(first));
        assert_eq!(table.on_reply(&reply(TURN)), None, "twice");
        assert!(!table.is_settled(index));
        let second = L2tWritten { index, status: Status::NONE, settled: true };
        assert_eq!(table.on_reply(&reply(2 * TURN)), Some(second));
        assert!(table.is_settled(index));
        assert_eq!(table.on_reply(&reply(2 * TURN)), None, "twice");
        assert!(table.is_settled(index));
    }

    #[test]
    fn what_is_not_answered_or_refused_is_written_again() {
        let (mut ctrl, mut card) = egress();
        let mut table = L2t::new(0..4);
        let index = table.alloc().expect("room");
        let wire = hop(0, L2tTarget::Wire, None);
        table.write(&mut ctrl, IQ, index, wire).expect("room");
        let first = card.take();
        let (patience, mut now) = (Nanos::from_millis(5), Nanos::from_secs(1));
        assert_eq!(table.poll_timeout(), Some(Nanos::ZERO));
        assert!(!table.ask_again(now, &mut ctrl, IQ, patience));
        now += patience;
        assert_eq!(table.poll_timeout(), Some(now));
        assert!(!table.ask_again(now, &mut ctrl, IQ, patience));
        assert_eq!(card.take(), first, "by the same words");
        let refused = reply(TURN).with_status(Status::BAD_LENGTH);
        let again = L2tWritten { index, status: Status::BAD_LENGTH, settled: false };
        assert_eq!(table.on_reply(&refused), Some(again));
        assert!(!table.is_settled(index));
        assert!(!table.ask_again(now, &mut ctrl, IQ, patience));
        assert_eq!(card.take(), first, "at once");
        assert!(table.on_reply(&reply(TURN)).is_some_and(|written| written.settled));
        assert_eq!(table.on_reply(&reply(TURN)), None, "the answers to all questions");
        assert_eq!(table.poll_timeout(), None);
        assert_eq!((table.counters().refused, table.counters().asked_again), (1, 2));
    }

    #[test]
    fn a_card_that_never_answers_is_noticed() {
        let (mut ctrl, _) = egress();
        let mut table = L2t::new(0..4);
        let index = table.alloc().expect("room");
        table.write(&mut ctrl, IQ, index, hop(0, L2tTarget::Wire, None)).expect("room");
        let patience = Nanos::from_millis(5);
        let mut looks = 0..20;
        let asked = looks.find(|&n| table.ask_again(Nanos::from_secs(n), &mut ctrl, IQ, patience));
        assert_eq!(asked, Some(4));
    }

    #[test]
    fn an_answer_is_one_to_the_writes_before() {
        let (mut ctrl, _) = egress();
        let mut table = L2t::new(0..4);
        let index = table.alloc().expect("room");
        let wire = hop(0, L2tTarget::Wire, None);
        for _ in 0..3 {
            table.write(&mut ctrl, IQ, index, wire).expect("room");
        }
        assert!(table.on_reply(&reply(3 * TURN)).is_some_and(|written| written.settled));
        assert_eq!(table.on_reply(&reply(2 * TURN)), None);
        table.write(&mut ctrl, IQ, index, wire).expect("room");
        assert_eq!(table.on_reply(&reply(3 * TURN)), None, "twice");
        assert!(!table.is_settled(index));
    }

    #[test]
    fn what_cannot_be_told_apart_is_written_at_once_and_once_more_when_it_can() {
        let (mut ctrl, mut card) = egress();
        let mut table = L2t::new(0..4);
        let index = table.alloc().expect("room");
        let patience = Nanos::from_millis(5);
        for port in [0, 1, 0, 1, 2] {
            table.write(&mut ctrl, IQ, index, hop(port, L2tTarget::Wire, None)).expect("room");
        }
        let wrs: [Vec<u8>; 5] = core::array::from_fn(|_| card.take());
        let id = |wr: &[u8]| u32::from_be_bytes(wr[16..20].try_into().expect("four")) & 0x3fff;
        assert_eq!([0, 1, 2, 3, 4].map(|n| id(&wrs[n]) / TURN), [1, 2, 3, 3, 3]);
        assert_eq!(table.get(index), Some(&hop(2, L2tTarget::Wire, None)));
        for turn in [1, 2, 3, 3] {
            let written = table.on_reply(&reply(turn * TURN)).expect("an answer");
            assert!(!written.settled, "it may be one to the third write");
        }
        assert!(!table.ask_again(Nanos::from_secs(1), &mut ctrl, IQ, patience));
        let again = card.take();
        assert_eq!((id(&again), &again[20..]), (0, &wrs[4][20..]), "the last, by the next turn");
        assert!(!table.on_reply(&reply(3 * TURN)).is_some_and(|written| written.settled));
        assert!(table.on_reply(&reply(0)).is_some_and(|written| written.settled));
        assert_eq!(table.poll_timeout(), None);
    }

    #[test]
    fn a_card_that_answers_nothing_is_noticed_however_often_it_is_written() {
        let (mut ctrl, _) = egress();
        let mut table = L2t::new(0..4);
        let index = table.alloc().expect("room");
        let patience = Nanos::from_millis(5);
        let mut looks = 0..20;
        let asked = looks.find(|&n| {
            table.write(&mut ctrl, IQ, index, hop(0, L2tTarget::Wire, None)).expect("room");
            table.ask_again(Nanos::from_secs(n), &mut ctrl, IQ, patience)
        });
        assert_eq!(asked, Some(6));
    }

    #[test]
    fn an_entry_is_free_when_its_last_user_and_its_last_answer_are_gone() {
        let (mut ctrl, _) = egress();
        let mut table = L2t::new(0..1);
        let index = table.alloc().expect("room");
        table.hold(index);
        table.write(&mut ctrl, IQ, index, hop(0, L2tTarget::Wire, None)).expect("room");
        table.release(index);
        assert_eq!((table.in_use(), table.iter().count()), (1, 1));
        table.release(index);
        assert_eq!(table.in_use(), 0);
        assert_eq!(table.alloc(), None, "the card may still write it");
        table.on_reply(&reply(TURN)).expect("the answer");
        assert_eq!(table.get(index), None);
        assert_eq!(table.alloc(), Some(index));
    }

    #[test]
    fn a_full_ring_leaves_the_entry_as_it_was() {
        let (mut ctrl, _) = egress();
        let mut table = L2t::new(0..1);
        let index = table.alloc().expect("room");
        let wire = hop(0, L2tTarget::Wire, None);
        while table.write(&mut ctrl, IQ, index, wire).is_ok() {
            let turn = table.counters().writes as u32 % TURNS;
            table.on_reply(&reply(turn * TURN)).expect("the answer");
        }
        let before = table.counters().writes;
        let other = hop(1, L2tTarget::Loopback, None);
        assert_eq!(table.write(&mut ctrl, IQ, index, other), Err(Full));
        assert_eq!((table.get(index), table.counters().writes), (Some(&wire), before));
    }

    #[test]
    #[should_panic(expected = "L2tIdx(3) is not in use")]
    fn holding_an_unused_entry_is_a_bug() {
        L2t::new(0..4).hold(L2tIdx(3));
    }

    #[test]
    fn indices_beyond_the_table_s_twelve_bits_do_not_exist() {
        let mut table = L2t::new(4095..u32::MAX);
        assert_eq!((table.alloc(), table.alloc()), (Some(L2tIdx(4095)), None));
        assert_eq!(L2t::new(5000..6000).alloc(), None);
        let (start, end) = (10, 3);
        assert_eq!(L2t::new(start..end).alloc(), None, "a card that lies");
    }

    /// What may happen to an entry.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        /// The host writes it.
        Write,
        /// The card takes a write, and answers so often.
        Take(usize),
        /// It refuses one.
        Refuse,
        /// The host hears an answer.
        Hear,
        /// Time goes by.
        Wait,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => Just(Step::Write),
            4 => (0_usize..3).prop_map(Step::Take),
            1 => Just(Step::Refuse),
            4 => Just(Step::Hear),
            1 => Just(Step::Wait),
        ]
    }

    proptest! {
        /// Answers are lost, come twice, late, or refuse: an entry that counts as settled is what the card uses, and in
        /// the end it is settled.
        #[test]
        fn a_settled_entry_is_what_the_card_uses(steps in prop::collection::vec(step(), 0..60)) {
            let (mut ctrl, mut card) = egress();
            let mut table = L2t::new(0..1);
            let index = table.alloc().expect("room");
            let (mut now, mut taken, mut uses) = (Nanos::from_secs(1), 0, None);
            let mut answers = std::collections::VecDeque::new();
            let end = [Step::Wait, Step::Take(1), Step::Take(1), Step::Hear, Step::Hear];
            let end = core::iter::repeat_n(end, 120).flatten();
            for (n, step) in (0_u16..).zip(steps.into_iter().chain(end)) {
                match step {
                    // What finds no room is as if it had not been.
                    Step::Write => drop(table.write(&mut ctrl, IQ, index, hop(0, L2tTarget::Wire, Some(n)))),
                    Step::Wait => {
                        now += Nanos::from_secs(1);
                        table.ask_again(now, &mut ctrl, IQ, Nanos::from_millis(5));
                    }
                    Step::Hear => drop(answers.pop_front().map(|answer| table.on_reply(&answer))),
                    Step::Take(_) | Step::Refuse => {
                        if taken == table.counters().writes + table.counters().asked_again {
                            continue;
                        }
                        taken += 1;
                        let wr = card.take();
                        let word = |n: usize| u32::from_be_bytes(wr[4 * n..4 * n + 4].try_into().expect("four"));
                        let answer = reply(word(4) & 0x3fff);
                        match step {
                            Step::Take(copies) => {
                                uses = Some((word(6) >> 16) as u16);
                                answers.extend(core::iter::repeat_n(answer, copies));
                            }
                            _ => answers.push_back(answer.with_status(Status::BAD_ROUTE)),
                        }
                    }
                }
                if table.is_settled(index) {
                    prop_assert_eq!(table.get(index).and_then(|hop| hop.vlan), uses);
                }
            }
            prop_assert!(table.get(index).is_none() || table.is_settled(index));
        }

        #[test]
        fn answers_that_a_card_makes_up_change_nothing(ids in prop::collection::vec(any::<u32>(), 0..50)) {
            let (mut ctrl, _) = egress();
            let mut table = L2t::new(8..16);
            let index = table.alloc().expect("room");
            table.write(&mut ctrl, IQ, index, hop(0, L2tTarget::Wire, None)).expect("room");
            let wanted = u32::from(index.0) | TURN;
            let made_up = ids.iter().map(|id| id & 0x3fff).filter(|&id| id != wanted);
            for (count, id) in (1..).zip(made_up) {
                prop_assert_eq!(table.on_reply(&reply(id)), None);
                prop_assert_eq!(table.counters().unexpected_replies, count);
            }
            prop_assert!(table.on_reply(&reply(wanted)).expect("the answer").settled);
            prop_assert_eq!(table.on_reply(&reply(wanted)), None, "once");
        }
    }
}
