//! What the peer was told is here goes with its connection: segments beyond a gap that the old owner held are let into the
//! new one again.
//!
//! The new owner may find them old: by its wire comes what the peer sent later, whose timestamp proves them so (RFC 7323,
//! 5). So they go in behind the very write that lets it live, ahead of its wire; and its TCB is looked at until it holds
//! them, with its own latest timestamp in them the next time.

use mafo_mem::Nanos;
use mafo_pmd::eth::TxTo;
use mafo_pmd::ofld;
use mafo_pmd::question::Question;
use mafo_stack::{Core, Defect, SocketId};
use mafo_t4::tcb::{Tcb, field};
use mafo_tcp::SeqNum;

use crate::bond::{Bond, LinkId};
use crate::mac::{own_mac, readdress};
use crate::question::cookie;
use crate::snoop::{Kept, Present};
use crate::stage::Stage;
use crate::tunnel::send;
use crate::upload;

/// Looks at a TCB that change nothing before what it will not hold is given up: the peer has to send it again.
const LOOKS_MAX: u8 = 16;

/// Behind each look twice as long is waited, the last time 65 ms: what was given may be in a queue behind much else, and
/// when it comes out may be older than what the peer has sent since.
const PAUSE: Nanos = Nanos::from_micros(1);

/// Segments that a new owner is to hold.
#[derive(Debug)]
pub(crate) struct Given {
    frames: Vec<Kept>,
    looks: u8,
    /// Its TCB is being read.
    question: Option<Question>,
    /// When it is read next.
    next: Nanos,
}

impl Given {
    fn due(&self) -> Nanos {
        self.question.map_or(self.next, |question| question.due())
    }
}

impl Bond {
    /// Gives the kept segments to an owner that is being written.
    pub(crate) fn replay_early(&mut self, core: &mut Core, id: SocketId) {
        let (Some(moving), Some(progress)) = (self.moves.get(id), core.progress(id)) else {
            return;
        };
        let (Some(entry), Some(orphan)) = (&moving.entry, &moving.orphan) else { return };
        let (member, port) = (entry.place.member, entry.place.port);
        let present = orphan.present(&progress);
        let frames: Vec<Kept> = moving.let_in.clone().take(progress.rcv_nxt).collect();
        for (.., mut frame) in frames {
            present.put_into(&mut frame);
            if let Some(own) = own_mac(core, LinkId { member, port }) {
                readdress(&mut frame, own);
            }
            if core.has_defect(Defect::GapForgotten)
                || !send(core, member, port, &frame, TxTo::Loopback)
            {
                return;
            }
        }
    }

    /// A connection has a new owner: it is given the kept segments again if it needs them, and what was held.
    pub(crate) fn replay(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        let (Some(moving), Some(progress)) = (self.moves.get_mut(id), core.progress(id)) else {
            return self.release_held(now, core, id);
        };
        let kept = core::mem::take(&mut moving.let_in).take(progress.rcv_nxt);
        let frames: Vec<Kept> = kept.filter(|_| !core.has_defect(Defect::GapForgotten)).collect();
        if !frames.is_empty() {
            self.given.insert(id, Given { frames, looks: 0, question: None, next: now });
        }
        self.release_held(now, core, id);
    }

    /// Looks whether new owners hold what they were given.
    pub(crate) fn poll_given(&mut self, now: Nanos, core: &mut Core) {
        if self.given.is_empty() {
            return;
        }
        let moves = &mut self.moves;
        self.given.retain(|&id, _| {
            // It does not move on before it holds them.
            let stays = moves.get(id).is_none_or(|moving| moving.stage == Stage::Tunnelled);
            let keep = core.offloaded(id).is_some() && stays;
            if !keep {
                moves.touch(id);
            }
            keep
        });
        let patience = self.config.reply_deadline;
        for (&id, given) in self.given.iter_mut().filter(|(_, given)| now >= given.due()) {
            let Some(conn) = core.offloaded(id) else { continue };
            let (member_id, tid) = (conn.member, conn.tid);
            let Some(member) = core.member_mut(member_id) else { continue };
            let iq = member.iq();
            if ofld::get_tcb(&mut member.lcore.ctrl, tid, iq, cookie::GIVEN).is_err() {
                continue;
            }
            match &mut given.question {
                None => given.question = Some(Question::new(now, patience)),
                Some(question) => {
                    if question.is_hopeless() {
                        core.give_up_on(member_id);
                    }
                    question.repeat(now, patience);
                    self.counters.asked_again += 1;
                }
            }
        }
    }

    /// When [`Bond::poll_given`] has something to do.
    pub(crate) fn given_timeout(&self) -> Option<Nanos> {
        self.given.values().map(Given::due).min()
    }

    /// The TCB of a connection that was given segments.
    pub(crate) fn on_given(&mut self, now: Nanos, core: &mut Core, id: SocketId, tcb: &Tcb) {
        let Some(given) = self.given.get_mut(&id) else { return };
        let (held, rcv_nxt) = (upload::fragments(tcb), SeqNum(tcb.rcv_nxt()));
        let holds = |start: SeqNum, end: SeqNum| {
            held.iter().any(|&(from, to)| !from.after(start) && !end.after(to))
        };
        let missing = given.frames.len();
        given.frames.retain(|&(start, end, _)| end.after(rcv_nxt) && !holds(start, end));
        if given.frames.len() < missing {
            // With little room in the queue it takes some at a time.
            given.looks = 0;
        }
        given.question = None;
        given.next = now + Nanos(PAUSE.0 << given.looks);
        given.looks += 1;
        if given.frames.is_empty() || given.looks > LOOKS_MAX {
            let given = self.given.remove(&id);
            self.moves.touch(id);
            self.counters.gaps_lost += u64::from(given.is_some_and(|g| !g.frames.is_empty()));
            return;
        }
        let Some(conn) = core.offloaded(id) else { return };
        let (member, port) = (conn.member, conn.port);
        // What the card does not know the segments teach it: they keep their own.
        let recent = tcb.get(field::T_RTSEQ_RECENT) as u32;
        let recent = Some(recent).filter(|&recent| tcb.flags().recv_tstmp() && recent != 0);
        let (ack, window) = (SeqNum(tcb.snd_una()), tcb.get(field::RCV_ADV) as u16);
        let present = Present { ack, window, recent };
        for (.., frame) in &mut given.frames {
            present.put_into(frame);
            if let Some(own) = own_mac(core, LinkId { member, port }) {
                readdress(frame, own);
            }
            // What finds no room is given again at the next look.
            if !send(core, member, port, frame, TxTo::Loopback) {
                return;
            }
        }
    }
}
