//! Proof that the peer took our timestamps.
//!
//! Each card has a clock of its own, and its offset moves in steps of 2^28, so with each move the peer sees our timestamps
//! jump. It would take those that jumped too far for old ones (RFC 7323, 5.2), and so jumps are counted until it has
//! acknowledged what their owner was the first to send. A connection that sends nothing would never move again. Its peer
//! is made to show what it took: an ACK in its place brings it our present timestamp, and a segment of no bytes that it
//! has had long ago makes it answer (RFC 9293, 3.8.4), with the last timestamp that it took (RFC 7323, 4.3).

use mafo_mem::Nanos;
use mafo_stack::{Core, SocketId, packet};
use mafo_t4::tcb::{Tcb, field};
use mafo_tcp::{Flags, Options, Segment, SeqNum, Timestamps};

use crate::ask::card_clock;
use crate::bond::Bond;
use crate::upload::{last_stamp, right_edge};

impl Bond {
    /// The jumps of a connection's timestamps need a proof. Its owner is behind the gate and says nothing meanwhile; it
    /// will be heard again, and its clock is not behind what is said here.
    pub(crate) fn ask_proof(&mut self, now: Nanos, core: &mut Core, id: SocketId, image: &Tcb) {
        let (Some(progress), Some(tuple)) = (core.progress(id), core.tuple(id)) else { return };
        let (Some(moving), Some(conn)) = (self.moves.note(id), core.offloaded(id)) else { return };
        let Some(clock) = core.member(moving.home.member).and_then(card_clock) else { return };
        if !progress.is_drained() {
            // What is under way will be acknowledged, which proves it.
            return;
        }
        let stamp = last_stamp(image, &moving.let_out, clock);
        let rcv_nxt = SeqNum(image.rcv_nxt());
        let edge = right_edge(image, &moving.let_out);
        let scale = conn.rcv_scale;
        let window = (edge.since(rcv_nxt) >> scale.min(14)).min(u16::MAX.into()) as u16;
        let in_place = Segment {
            src_port: tuple.local.port(),
            dst_port: tuple.remote.port(),
            seq: progress.snd_end,
            ack: rcv_nxt,
            flags: Flags::ACK,
            window,
            options: Options {
                timestamps: Some(Timestamps {
                    val: stamp,
                    ecr: image.get(field::T_RTSEQ_RECENT) as u32,
                }),
                ..Options::default()
            },
            ..Segment::default()
        };
        moving.let_out.note(&in_place, scale);
        moving.proof_of = Some(stamp);
        let long_ago = Segment { seq: SeqNum(in_place.seq.0.wrapping_sub(1)), ..in_place };
        let (core::net::IpAddr::V4(from), core::net::IpAddr::V4(to)) =
            (tuple.local.ip(), tuple.remote.ip())
        else {
            return;
        };
        let own = core.mac();
        for segment in [in_place, long_ago] {
            let mut frame = [0; 128];
            let len = packet::emit_tcp(&mut frame, (own, own), (from, to), &segment, &[]);
            self.send_out(now, core, id, &tuple, &frame[..len]);
        }
        self.counters.proofs_asked += 1;
    }

    /// The peer has said which timestamp it took last.
    pub(crate) fn note_proof(&mut self, now: Nanos, id: SocketId, segment: &Segment) {
        let Some(stamps) = segment.options.timestamps else { return };
        let Some(moving) = self.moves.note(id) else { return };
        if moving.proof_of.is_some_and(|stamp| stamps.echoes(stamp)) {
            moving.proof_of = None;
            moving.wake_up = now;
            self.jumps.remove(id);
            self.moves.touch(id);
        }
    }
}
