//! The new owner of a connection whose old one has been silenced. There is no way back, only forward:
//! the new adapter, once more the new adapter, the old one (to live on in the tunnel), in turn.

use mafo_mem::Nanos;
use mafo_pmd::ofld::{self, Then, Via};
use mafo_stack::tom::state::State;
use mafo_stack::tom::{Place, TidUse};
use mafo_stack::{Core, Defect, MemberId, SocketId};
use mafo_t4::cpl::{Fw4Ack, ReplyCtrl, SetTcbField, SetTcbRpl, Status};
use mafo_t4::tcb::{self, Tcb, field};
use mafo_t4::wr::Mnem;
use mafo_tcp::SeqNum;

use crate::ask::card_clock;
use crate::bond::{Bond, BondEvent, LinkId};
use crate::entry::{Entry, Written};
use crate::handover::{Move, Stage};
use crate::snoop::LetOut;
use crate::upload::{self, CardClock, NotNow, Target, Upload, WRITES_PER_WR};

/// Pause before the third owner, and each further one, is tried for a connection that has none.
const OWNER_PAUSE: Nanos = Nanos::from_millis(1);

/// A connection between two owners: this record is all there is of it.
#[derive(Debug)]
pub(crate) struct Orphan {
    /// Its last TCB.
    pub(crate) image: Tcb,
    /// The clock of the card that it comes from, read when that was no longer heard.
    pub(crate) clock: CardClock,
    /// The sum of earlier jumps of its timestamps.
    pub(crate) jumped: u32,
}

impl Orphan {
    /// The image was taken while the old owner still lived, and could hear the peer by its own cable:
    /// what it delivered after that is part of the record. Of all that the peer knows nothing, since
    /// the old owner's acknowledgments were stopped already.
    fn hear(&mut self, rcv_nxt: SeqNum, state: tcb::State) {
        let image = &mut self.image;
        let more = u64::from(rcv_nxt.since(SeqNum(image.rcv_nxt())));
        let (last_ack, window) = (image.last_ack_sent(), image.get(field::RCV_WND));
        image.set(field::RCV_NXT, u64::from(rcv_nxt.0));
        image.set(field::RCV_WND, window.saturating_sub(more));
        image.set_last_ack_sent(last_ack);
        image.set_state(state);
    }
}

impl Bond {
    /// The old owner is silenced, and its last word has been heard.
    pub(crate) fn on_fence_reply(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        let Some(conn) = core.offloaded(id) else { return };
        core.let_go(conn.member, conn.tid, conn.l2t);
        let is_final = !core.has_defect(Defect::RecordNotFinal);
        if is_final && core.end_without_owner(id) {
            // The peer's FIN was the old owner's last word.
            return;
        }
        let Some(moving) = self.moves.get_mut(&id) else { return };
        moving.stage = Stage::Uploading;
        moving.wake_up = now;
        if let (Some(orphan), Some(progress)) = (&mut moving.orphan, core.progress(id)) {
            let state = core.offloaded(id).map_or(State::Established, |conn| conn.state);
            if is_final {
                orphan.hear(progress.rcv_nxt, tcp_state(state));
            }
        }
        if self.upload_enabled {
            self.find_owner(now, core, id);
        }
    }

    /// The connection has no owner: an entry for it is asked for, or written.
    pub(crate) fn find_owner(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        let Some(moving) = self.moves.get(&id) else { return };
        match &moving.entry {
            Some(entry) => {
                let to = entry.to;
                let record = moving.orphan.as_ref().map(|o| plan(core, o, &moving.let_out, to));
                match record {
                    Some(Ok(plan)) => self.upload(core, id, &plan),
                    // Its clock would take the timestamps too far.
                    Some(Err(_)) => self.next_owner(now, core, id),
                    None => {}
                }
            }
            None => {
                // The active link, as before; then where it comes from, to live on in the tunnel.
                let to = match self.active {
                    Some(active) if moving.owners_tried % 2 != 0 || moving.owners_tried == 0 => {
                        active
                    }
                    _ => moving.home,
                };
                let asked = self.ask_entry(now, core, id, to);
                let Some(moving) = self.moves.get_mut(&id) else { return };
                moving.wake_up = now + OWNER_PAUSE;
                if asked {
                    moving.entry_asked = Some(to);
                    // An entry that is new on an adapter that is not active has to lead into its loopback.
                    self.point_hops(now, core);
                }
            }
        }
    }

    /// The card would not have the connection: another entry there, then another card, in turn and
    /// for as long as it takes. Whatever the peer sends meanwhile is held.
    pub(crate) fn next_owner(&mut self, now: Nanos, core: &mut Core, id: SocketId) {
        self.drop_entry(core, id);
        let Some(moving) = self.moves.get_mut(&id) else { return };
        moving.owners_tried += 1;
        if moving.owners_tried > 2 {
            moving.wake_up = now + OWNER_PAUSE;
        } else {
            self.find_owner(now, core, id);
        }
    }

    /// Writes the connection into its TCB on the new adapter; what finds no room is tried again.
    fn upload(&mut self, core: &mut Core, id: SocketId, plan: &Upload) {
        let (Some(moving), Some(progress)) = (self.moves.get_mut(&id), core.progress(id)) else {
            return;
        };
        moving.ts_jump = plan.ts_jump;
        let Some(conn) = core.offloaded(id) else { return };
        let (options, state) = (conn.options, conn.state);
        let Some(entry) = &mut moving.entry else { return };
        let send_buffer = core.send_capacity(id);
        let Some(member) = core.member_mut(entry.to.member) else { return };
        let iq = member.iq();
        let resources = member.lcore.resources().clone();
        let channel = u32::from(entry.to.port.0);
        let params = [
            (Mnem::PFNVFN, u32::from(resources.pf) << 8),
            (Mnem::CH, channel),
            (Mnem::PORT, channel),
            (Mnem::IQID, u32::from(iq.0)),
            (Mnem::SNDNXT, progress.snd_end.0),
            (Mnem::RCVNXT, progress.rcv_nxt.0),
            (Mnem::SNDBUF, send_buffer as u32),
            (Mnem::MSS, u32::from(resources.mtus[usize::from(options.mss())])),
            (Mnem::TCPSTATE, tcp_state(state) as u32),
            (Mnem::RCV_SCALE, u32::from(options.snd_wscale())),
        ];
        let count = if options.wscale_ok() { params.len() } else { params.len() - 1 };
        let fields: Vec<SetTcbField> = plan
            .writes
            .iter()
            .enumerate()
            .map(|(n, w)| {
                let last = n + 1 == plan.writes.len();
                let reply = if last { ReplyCtrl::to(iq) } else { ReplyCtrl::SILENT };
                SetTcbField::at(entry.tid, w.word, w.mask, w.value).with_reply_ctrl(reply)
            })
            .collect();
        let Some(eq) = member.ofld(entry.to.port) else { return };
        let tid = entry.tid;
        let pool = &mut entry.credits;
        let mut posted = Ok(());
        if entry.written == Written::Nothing {
            posted = ofld::flowc(eq, pool, tid, &params[..count], Then::More);
            if posted.is_ok() {
                entry.written = Written::FlowTold;
            }
        }
        let (first, second) = fields.split_at(fields.len().min(WRITES_PER_WR));
        for batch in [first, second] {
            if posted.is_ok() && !batch.is_empty() {
                posted = ofld::tcb_batch(Via::Offload(eq, pool, Then::Idle), tid, batch);
            }
        }
        match posted {
            Ok(()) => entry.written = Written::All,
            Err(_) => self.counters.ring_full += 1,
        }
    }

    /// Work requests on a new tid are done with.
    pub(crate) fn on_new_tid_ack(&mut self, core: &mut Core, member: MemberId, ack: &Fw4Ack) {
        let owner = core.member(member).and_then(|m| m.tids.get(ack.tid()).copied());
        let Some(TidUse::Hook(id)) = owner else { return };
        let entry = self.moves.get_mut(&id).and_then(|m| m.entry.as_mut());
        if entry.is_none_or(|f| f.credits.give_back(ack.credits()).is_err()) {
            self.counters.unexpected += 1;
        }
    }

    /// A TCB is written: if it was the last write of an upload, the connection lives on the new adapter.
    pub(crate) fn on_set_tcb_rpl(
        &mut self,
        now: Nanos,
        core: &mut Core,
        member_id: MemberId,
        reply: &SetTcbRpl,
    ) {
        let owner = core.member(member_id).and_then(|m| m.tids.get(reply.tid()).copied());
        let Some(TidUse::Hook(id)) = owner else {
            self.counters.unexpected += 1;
            return;
        };
        let Some(moving) = self.moves.get_mut(&id) else { return };
        if moving.stage != Stage::Uploading {
            return;
        }
        if reply.status() != Status::NONE && !core.has_defect(Defect::RefusalIgnored) {
            self.counters.uploads_refused += 1;
            self.next_owner(now, core, id);
            return;
        }
        let Some(entry) = moving.entry.take() else { return };
        self.jumps.insert(id, moving.ts_jump);
        let Entry { to, tid, l2t, credits, .. } = entry;
        let place = Place { member: to.member, port: to.port, tid, l2t, credits };
        if core.rebind(id, place).is_err() {
            self.counters.unexpected += 1;
        }
        self.release_held(core, id);
        core.resume(id);
        self.counters.moved += 1;
        self.log(now, BondEvent::Moved(id));
        self.finish(now, id, true);
        if Some(to) != self.active
            && let Some(conn) = core.offloaded(id)
        {
            // Another link became active meanwhile.
            let home = LinkId { member: conn.member, port: conn.port };
            self.moves.insert(id, Move::new(now, home, self.config.retry_min));
        }
    }
}

/// The same state in a FLOWC.
fn tcp_state(state: State) -> tcb::State {
    match state {
        State::CloseWait => tcb::State::CloseWait,
        State::FinWait2 => tcb::State::FinWait2,
        _ => tcb::State::Established,
    }
}

/// What is written so that the entry on `to` becomes the connection.
pub(crate) fn plan(
    core: &Core,
    orphan: &Orphan,
    told: &LetOut,
    to: LinkId,
) -> Result<Upload, NotNow> {
    let Some(member) = core.member(to.member) else {
        return Err(NotNow::State(orphan.image.state()));
    };
    let target = Target { clock: card_clock(member), port: to.port, defects: core.defects() };
    let mut plan = upload::plan(&orphan.image, told, orphan.clock, &target, orphan.jumped)?;
    plan.ts_jump += orphan.jumped;
    Ok(plan)
}
