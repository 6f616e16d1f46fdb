//! What the peer was told is here goes with its connection: segments beyond a gap that the old owner held are let into the
//! new one again.
//!
//! The new owner may find them old: by its wire comes what the peer sent later, whose timestamp proves them so (RFC 7323,
//! 5). So they go in behind the very write that lets it live, ahead of its wire, and come out of the loopback again if they
//! were faster than that write: then they are put there again. Its TCB is looked at until it holds them, with its own latest
//! timestamp in them the next time.
//!
//! What its queue has no room for waits, and goes ahead of what was held: an owner that acknowledges what comes behind would
//! take back what the peer was told, and Linux sends again what is taken back when a timer runs out
//! (tcp_check_sack_reneging).

use mafo_mem::Nanos;
use mafo_pmd::eth::TxTo;
use mafo_pmd::ofld;
use mafo_pmd::question::Question;
use mafo_stack::{Core, Defect, MemberId, SocketId};
use mafo_t4::tcb::{Tcb, field};
use mafo_tcp::SeqNum;

use crate::backlog::PATIENCE;
use crate::bond::{Bond, LinkId};
use crate::entry::Written;
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
    /// So many of them, the last ones, wait for room in its queue.
    unsent: usize,
    looks: u8,
    /// Its TCB is being read.
    question: Option<Question>,
    /// When it is read next, or the queue is tried again.
    next: Nanos,
}

impl Given {
    fn due(&self) -> Nanos {
        self.question.map_or(self.next, |question| question.due())
    }
}

impl Bond {
    /// Gives the kept segments to an owner that is being written. Returns how many of them, the last ones, its queue had no
    /// room for.
    pub(crate) fn replay_early(&mut self, core: &mut Core, id: SocketId) -> usize {
        let (Some(moving), Some(progress)) = (self.moves.get(id), core.progress(id)) else {
            return 0;
        };
        let (Some(entry), Some(orphan)) = (&moving.entry, &moving.orphan) else { return 0 };
        let link = entry.to();
        let present = orphan.present(&progress);
        let mut frames: Vec<Kept> = moving.let_in.clone().take(progress.rcv_nxt).collect();
        if core.has_defect(Defect::GapForgotten) {
            return 0;
        }
        present_all(&mut frames, &present);
        frames.len() - send_all(core, link, &mut frames)
    }

    /// A segment came out of the loopback of `member` though it was put there for a connection. Whether it is given to the same
    /// owner again: one that is being written, and was not alive yet when it came by. A queue for frames overtakes that of
    /// the writes, when many connections move.
    pub(crate) fn replay_again(
        &mut self,
        core: &mut Core,
        id: SocketId,
        member: MemberId,
        frame: &[u8],
    ) -> bool {
        let entry = self.moves.get_mut(id).and_then(|moving| moving.entry.as_mut());
        let entry = entry.filter(|entry| entry.place.member == member);
        if let Some(entry) = entry.filter(|entry| entry.written == Written::All) {
            if send(core, member, entry.place.port, frame, TxTo::Loopback) {
                self.counters.replayed_again += 1;
            } else {
                // Which of them it was is not known.
                entry.unreplayed = usize::MAX;
            }
            return true;
        }
        let owner = core.offloaded(id).filter(|conn| conn.member == member).map(|conn| conn.port);
        let lives = owner.filter(|_| self.given.contains_key(&id));
        lives.is_some_and(|port| send(core, member, port, frame, TxTo::Loopback))
    }

    /// A connection has a new owner: it is given the kept segments again if it needs them, and what was held. `unsent`: what
    /// it was not given yet of the former.
    pub(crate) fn replay(&mut self, now: Nanos, core: &mut Core, id: SocketId, unsent: usize) {
        let (Some(moving), Some(progress)) = (self.moves.get_mut(id), core.progress(id)) else {
            return self.release_held(now, core, id);
        };
        let kept = core::mem::take(&mut moving.let_in).take(progress.rcv_nxt);
        let mut frames: Vec<Kept> =
            kept.filter(|_| !core.has_defect(Defect::GapForgotten)).collect();
        if !frames.is_empty() {
            if let Some(orphan) = &moving.orphan {
                present_all(&mut frames, &orphan.present(&progress));
            }
            let unsent = unsent.min(frames.len());
            self.given.insert(id, Given { frames, unsent, looks: 0, question: None, next: now });
            if unsent > 0 {
                // Ahead of what was held, behind which the owner would acknowledge as if it had never had them.
                self.send_given(now, core, id);
            }
        }
        self.release_held(now, core, id);
    }

    /// Puts into the owner's queue what waits for room there.
    fn send_given(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        let (Some(given), Some(conn)) = (self.given.get_mut(&id), core.offloaded(id)) else {
            return;
        };
        let link = LinkId { member: conn.member, port: conn.port };
        let first = given.frames.len() - given.unsent;
        given.unsent -= send_all(core, link, &mut given.frames[first..]);
        given.next = now + PATIENCE;
        if given.unsent == 0 {
            given.next = now + Nanos(PAUSE.0 << given.looks);
            given.looks += 1;
        }
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
        let due = self.given.iter().filter(|(_, given)| now >= given.due());
        let due: Vec<(SocketId, bool)> = due.map(|(&id, given)| (id, given.unsent > 0)).collect();
        for (id, is_unsent) in due {
            if is_unsent {
                self.send_given(now, core, id);
            } else {
                self.ask_given(now, core, id);
            }
        }
    }

    /// Asks an owner for its TCB, once more if it was asked.
    fn ask_given(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        let patience = self.config.reply_deadline;
        let (Some(given), Some(conn)) = (self.given.get_mut(&id), core.offloaded(id)) else {
            return;
        };
        let (member_id, tid) = (conn.member, conn.tid);
        let Some(member) = core.member_mut(member_id) else { return };
        let iq = member.iq();
        if ofld::get_tcb(&mut member.lcore.ctrl, tid, iq, cookie::GIVEN).is_err() {
            return;
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
        if given.frames.is_empty() || given.looks > LOOKS_MAX {
            let given = self.given.remove(&id);
            self.moves.touch(id);
            self.counters.gaps_lost += u64::from(given.is_some_and(|g| !g.frames.is_empty()));
            return;
        }
        // What the card does not know the segments teach it: they keep their own.
        let recent = tcb.get(field::T_RTSEQ_RECENT) as u32;
        let recent = Some(recent).filter(|&recent| tcb.flags().recv_tstmp() && recent != 0);
        let (ack, window) = (SeqNum(tcb.snd_una()), tcb.get(field::RCV_ADV) as u16);
        present_all(&mut given.frames, &Present { ack, window, recent });
        given.unsent = given.frames.len();
        self.send_given(now, core, id);
    }
}

/// Makes segments say what their peer says by now.
fn present_all(frames: &mut [Kept], present: &Present) {
    for (.., frame) in frames {
        present.put_into(frame);
    }
}

/// Puts segments into the queue and loopback of a link. Returns how many there was room for.
fn send_all(core: &mut Core, link: LinkId, frames: &mut [Kept]) -> usize {
    let own = own_mac(core, link);
    let fits = |(.., frame): &mut Kept| {
        if let Some(own) = own {
            readdress(frame, own);
        }
        send(core, link.member, link.port, frame, TxTo::Loopback)
    };
    frames.iter_mut().map(fits).take_while(|&fits| fits).count()
}
