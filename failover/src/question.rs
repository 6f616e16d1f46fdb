//! What a move waits for from a card is asked again when it does not come in time.
//!
//! | message | second question | way on when nothing answers |
//! |---|---|---|
//! | ACT_OPEN_REQ of an entry | the same; a card that has the entry refuses it, and is asked for the tid by a frame of the 4-tuple through its loopback, which the entry returns with it | the card is given up |
//! | GET_TCB | the same | the card is given up; what is held waits for the next owner |
//! | ABORT_REQ, of an owner or of an entry | the state of the TCB, by the control queue | the card is given up |
//! | SET_TCB_FIELD, the last of an upload | T_FLAGS, behind it: NON_OFFLOAD says whether it was taken | the card is given up |
//! | SET_TCB_FIELD of TX_MAX (a read), of L2T_IX | the same | the card is given up |
//! | FLOWC with another channel | none: it would be another change; the same time is waited | the card is given up |
//! | L2T_WRITE_REQ, FW_FILTER_WR | the same | the card is given up |
//! | a marker | another one | the attempt is undone, and made anew |
//!
//! A card is given up by whoever can silence it ([`Core::give_up_on`]): from then on it is as one that died, which is the
//! only way on behind the point of no return, since nobody may go on with a connection whose owner may still speak.
//! Answers repeat which question they answer ([`cookie`]), so one that comes late, or twice, does nothing.

use mafo_mem::{Full, Nanos};
use mafo_pmd::ofld::{self, Refused};
use mafo_stack::{Core, MemberId, SocketId};

use crate::bond::Bond;
use crate::detour::Detour;
use crate::entry::Written;
use crate::handover::Move;
use crate::owner::{ask_end, ask_if_live};
use crate::stage::Stage;

/// What answers repeat. SET_TCB_FIELD has three bits for it, of which the stack has 0 and 7; GET_TCB eight, of which the
/// stack has those from 0x5a on.
pub(crate) mod cookie {
    /// SET_TCB_FIELD: where payload ends.
    pub(crate) const END: u8 = 1;
    /// The write that lets a connection live.
    pub(crate) const LIVE: u8 = 2;
    /// Whether that was taken.
    pub(crate) const IS_LIVE: u8 = 3;
    /// The next hop of a detour.
    pub(crate) const OUT: u8 = 4;
    /// The one from before.
    pub(crate) const BACK: u8 = 5;

    /// GET_TCB: whether a new owner holds what it was given.
    pub(crate) const GIVEN: u8 = 0;

    /// GET_TCB: the TCB of an old owner, in the so manieth attempt.
    pub(crate) const fn read(attempt: u8) -> u8 {
        1 + attempt % 64
    }
}

/// Who has not answered.
#[derive(Clone, Copy)]
enum Asked {
    /// An entry's open.
    Entry,
    /// An upload's writes.
    Upload(Written),
    /// A change of channel.
    Channel,
    /// A detour's next hop.
    Hop,
}

impl Asked {
    /// What the question of a move is about; `None`: it has been answered.
    fn of(moving: &Move) -> Option<Self> {
        if moving.entry_asked.is_some() {
            return Some(Self::Entry);
        }
        let written = moving.entry.as_ref().map(|entry| entry.written);
        match moving.stage {
            Stage::Uploading => written
                .filter(|written| matches!(written, Written::EndAsked | Written::All))
                .map(Self::Upload),
            Stage::Rechannelling => Some(Self::Channel),
            _ if matches!(moving.detour, Detour::Out(_) | Detour::Back(_)) => Some(Self::Hop),
            _ => None,
        }
    }
}

impl Bond {
    /// Asks a card again what a connection waits for, if its time is over.
    pub(crate) fn ask_again(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        let patience = self.config.reply_deadline;
        let Some(moving) = self.moves.note(id) else { return };
        let Some(mut question) = moving.question.filter(|question| question.is_due(now)) else {
            return;
        };
        let Some(asked) = Asked::of(moving) else {
            moving.question = None;
            return;
        };
        let entry = moving.entry.as_ref().map(|entry| entry.place.member);
        let member = match asked {
            Asked::Entry | Asked::Upload(_) => entry.unwrap_or(moving.home.member),
            Asked::Channel | Asked::Hop => moving.home.member,
        };
        if question.is_hopeless() {
            core.give_up_on(member);
        }
        if self.repeat(core, id, member, asked).is_ok() {
            question.repeat(now, patience);
            self.counters.asked_again += 1;
        } else {
            question.put_off(now);
        }
        if let Some(moving) = self.moves.note(id) {
            moving.question = Some(question);
        }
    }

    /// Asks for the TCB of an old owner.
    pub(crate) fn read_tcb(
        &mut self,
        now: Nanos,
        core: &mut Core,
        id: SocketId,
    ) -> Result<(), Full> {
        let Some(conn) = core.offloaded(id) else { return Ok(()) };
        let (member_id, tid) = (conn.member, conn.tid);
        let attempt = self.moves.get(id).map_or(0, |moving| moving.attempt);
        let Some(member) = core.member_mut(member_id) else { return Ok(()) };
        let iq = member.iq();
        if ofld::get_tcb(&mut member.lcore.ctrl, tid, iq, cookie::read(attempt)).is_err() {
            self.counters.ring_full += 1;
            return Err(Full);
        }
        if let Some(moving) = self.moves.get_mut(id) {
            self.counters.asked_again += u64::from(moving.asked > 0);
            moving.asked += 1;
            moving.wake_up = now + self.config.reply_deadline;
        }
        Ok(())
    }

    /// How long its peer may acknowledge nothing.
    pub(crate) fn drain_time(&self, core: &Core, id: SocketId) -> Nanos {
        self.config.drain_deadline.unwrap_or_else(|| {
            let (srtt, rto) = core.round_trip(id);
            Nanos(4 * srtt.0 + 2 * rto.0)
        })
    }

    fn repeat(
        &mut self,
        core: &mut Core,
        id: SocketId,
        member: MemberId,
        asked: Asked,
    ) -> Result<(), Refused> {
        let Some(moving) = self.moves.note(id) else { return Ok(()) };
        match asked {
            Asked::Entry => {
                let Some(entry) = &moving.entry else { return Ok(()) };
                let (open, port, is_made) = (entry.open, entry.place.port, entry.is_made);
                if is_made {
                    return self.search(core, member, port, &open);
                }
                let Some(member) = core.member_mut(member) else { return Ok(()) };
                Ok(ofld::act_open(&mut member.lcore.ctrl, &open)?)
            }
            Asked::Upload(written) => {
                let Some(entry) = &mut moving.entry else { return Ok(()) };
                match written {
                    Written::EndAsked => ask_end(core, &mut entry.place),
                    _ => ask_if_live(core, &mut entry.place),
                }
            }
            // Another one would be a second change, answered together with the first.
            Asked::Channel => Ok(()),
            Asked::Hop => self.ask_detour_again(core, id),
        }
    }
}
