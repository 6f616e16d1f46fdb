//! Answers that adapters owe about tids: to aborts, and to last words.
//!
//! Whoever waits for the answer to an ABORT_REQ asks, when it does not come in time, for the state of the TCB. That goes
//! by the control queue, for no credits, and in order with TID_RELEASE: its answer is never about whoever has the tid
//! next. A TCB that is closed has been aborted, and all that was said of it before has come. A last word, which says that
//! an offload queue is empty, can be said twice.

use std::collections::VecDeque;

use mafo_mem::Nanos;
use mafo_pmd::ofld::{self, Via};
use mafo_pmd::question::{PATIENCE, Question};
use mafo_t4::cpl::{SetTcbField, SetTcbRpl};
use mafo_t4::tcb::{State as TState, field};
use mafo_t4::{L2tIdx, Tid};

use super::dispatch::Hook;
use super::state::State;
use super::{Farewell, Fence, MemberId, TidUse};
use crate::core::Core;
use crate::slab::SocketId;

/// Repeated by the answers that tell the state of a TCB: of the eight cookies of SET_TCB_FIELD the one that no bond has.
const STATE: u8 = 7;

/// An answer that is owed.
#[derive(Debug)]
struct Owed {
    member: MemberId,
    tid: Tid,
    /// Whose the tid was when it was asked for. Has it another use by now, the answer has come.
    used: TidUse,
    question: Question,
    /// What is said again, where it is a last word.
    farewell: Option<Box<Farewell>>,
}

/// Answers that are owed, and adapters that owe them for too long.
#[derive(Debug, Default)]
pub(crate) struct Overdue {
    /// As they were asked for first: all have the same time.
    first: VecDeque<Owed>,
    /// Asked for again, which is seldom.
    again: Vec<Owed>,
    mute: Vec<MemberId>,
}

impl Overdue {
    /// Nothing comes of `member` any more.
    pub(super) fn forget(&mut self, member: MemberId) {
        self.first.retain(|owed| owed.member != member);
        self.again.retain(|owed| owed.member != member);
        self.mute.retain(|&mute| mute != member);
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        let again = self.again.iter().map(|owed| owed.question.due());
        self.first.front().map(|owed| owed.question.due()).into_iter().chain(again).min()
    }

    /// Those whose time is over: in most polls none.
    fn take_due(&mut self, now: Nanos) -> Vec<Owed> {
        if self.poll_timeout().is_none_or(|due| now < due) {
            return Vec::new();
        }
        let mut due: Vec<Owed> =
            self.again.extract_if(.., |owed| owed.question.is_due(now)).collect();
        let first = self.first.iter().take_while(|owed| owed.question.is_due(now)).count();
        due.extend(self.first.drain(..first));
        due
    }
}

/// Whether an answer is one of those that tell the state of a TCB.
pub(super) fn is_state_of_tcb(reply: &SetTcbRpl) -> bool {
    reply.cookie().cookie() == STATE
}

impl Core {
    /// An adapter seems to leave unanswered what it has to answer, though it was asked again and again.
    pub fn give_up_on(&mut self, member: MemberId) {
        if !self.overdue.mute.contains(&member) {
            self.overdue.mute.push(member);
        }
    }

    /// An adapter that is to be given up, for whoever can silence it. Not one whose answer may be among what it has said
    /// and nobody has read so far: that is asked once more, and given up then.
    pub fn take_mute(&mut self) -> Option<MemberId> {
        while let Some(member) = self.overdue.mute.pop() {
            if self.members.adapter(member).is_some_and(|member| member.is_read_out) {
                return Some(member);
            }
        }
        None
    }

    /// An ABORT_REQ was posted for `tid`, and has to be answered.
    pub(crate) fn await_abort(&mut self, member: MemberId, tid: Tid) {
        self.await_answer(member, tid, None);
    }

    /// The owner of `id` was told to be silent, and has to say that it is.
    pub fn await_fence(&mut self, id: SocketId) {
        if let Some((member, tid)) = self.offloaded(id).map(|conn| (conn.member, conn.tid)) {
            self.await_abort(member, tid);
        }
    }

    /// A last word was posted, and has to be answered.
    pub(super) fn await_last_word(&mut self, farewell: Farewell) {
        self.await_answer(farewell.member, farewell.tid, Some(Box::new(farewell)));
    }

    fn await_answer(&mut self, member: MemberId, tid: Tid, farewell: Option<Box<Farewell>>) {
        let Some(&used) = self.members[member.index()].tids.get(tid) else { return };
        let question = Question::new(self.now, PATIENCE);
        self.overdue.first.push_back(Owed { member, tid, used, question, farewell });
    }

    /// Asks again what adapters have not answered in time.
    pub(crate) fn poll_questions(&mut self, now: Nanos) {
        for n in 0..self.members.len() {
            let Some(member) = self.members.adapter_mut(MemberId(n as u8)) else { continue };
            let iq = member.iq();
            let lcore = &mut member.lcore;
            if !member.is_dead && lcore.l2t.ask_again(now, &mut lcore.ctrl, iq, PATIENCE) {
                self.give_up_on(MemberId(n as u8));
            }
        }
        for mut owed in self.overdue.take_due(now) {
            if !self.is_owed(&owed) {
                continue;
            }
            if owed.question.is_hopeless() {
                self.give_up_on(owed.member);
            }
            let asked = match &mut owed.farewell {
                Some(farewell) => farewell.post(self).is_ok(),
                None => {
                    let member = &mut self.members[owed.member.index()];
                    let read = SetTcbField::read(owed.tid, field::T_STATE.word, member.iq());
                    let ctrl = Via::Control(&mut member.lcore.ctrl);
                    ofld::set_tcb_field(ctrl, &read.with_cookie(STATE)).is_ok()
                }
            };
            // A last word that there are no credits for waits for the answer to the one before.
            if asked || owed.farewell.is_some() {
                self.counters.tom_asked_again += 1;
                owed.question.repeat(now, PATIENCE);
            } else {
                owed.question.put_off(now);
            }
            self.overdue.again.push(owed);
        }
    }

    /// When [`Core::poll_questions`] has something to do.
    pub(crate) fn questions_timeout(&self) -> Option<Nanos> {
        let alive = self.members.adapters().filter(|member| !member.is_dead);
        let l2t = alive.filter_map(|member| member.lcore.l2t.poll_timeout());
        l2t.chain(self.overdue.poll_timeout()).min()
    }

    fn is_owed(&self, owed: &Owed) -> bool {
        let used = self.members[owed.member.index()].tids.get(owed.tid);
        match owed.used {
            _ if used != Some(&owed.used) => false,
            TidUse::Connection(id) => self
                .offloaded(id)
                .is_some_and(|conn| conn.state == State::Aborting || conn.fence == Fence::Posted),
            TidUse::Dying(_) | TidUse::Leaving(..) => true,
            TidUse::Hook(_) => false,
        }
    }

    /// The state of a TCB that is being aborted.
    pub(super) fn on_state_told(
        &mut self,
        now: Nanos,
        hook: &mut dyn Hook,
        member: MemberId,
        reply: &SetTcbRpl,
    ) {
        let state = field::T_STATE.extract(reply.oldval());
        if state != TState::Closed as u64 {
            // The abort waits in its queue.
            return;
        }
        let tid = reply.tid();
        match self.members[member.index()].tids.get(tid).copied() {
            Some(TidUse::Connection(id)) => match self.offloaded(id) {
                Some(conn) if conn.fence == Fence::Posted => hook.on_fenced(now, self, id),
                Some(conn) if conn.state == State::Aborting => self.on_abort_rpl(id),
                _ => {}
            },
            Some(TidUse::Dying(l2t)) => self.end_dying(member, tid, l2t),
            Some(TidUse::Hook(_) | TidUse::Leaving(..)) | None => {}
        }
    }

    /// The abort of a tid that is nobody's is answered.
    pub(super) fn end_dying(&mut self, member: MemberId, tid: Tid, l2t: L2tIdx) {
        self.members[member.index()].release_hop(l2t);
        self.release_tid(member, tid);
    }
}
