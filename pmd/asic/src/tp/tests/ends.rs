//! How connections end.

use super::rig::*;
use crate::tp::Disposition;
use mafo_mem::Nanos;
use mafo_t4::cpl::{self, AbortCmd};
use mafo_t4::{Tid, tcb};
use mafo_tcp::Flags;

const ACK: Flags = Flags::ACK;
const FIN_ACK: Flags = Flags::FIN.with(Flags::ACK);
const RST: Flags = Flags::RST;

impl Rig {
    pub(super) fn close(&mut self, tid: Tid) {
        self.cpl(cpl::CloseConReq::new(tid).as_bytes());
    }

    fn abort(&mut self, tid: Tid, cmd: AbortCmd) {
        self.cpl(cpl::AbortReq::new(tid).with_cmd(cmd).as_bytes());
    }

    fn abort_rpl(&mut self, tid: Tid) {
        self.cpl(cpl::AbortRpl::new(tid).as_bytes());
    }

    /// Releases the TID: nothing of the connection is left, and nothing was out of place.
    #[track_caller]
    pub(super) fn release(&mut self, tid: Tid) {
        assert_eq!(self.tp.active(), (0, 0), "still looked up");
        self.cpl(cpl::TidRelease::new(tid).as_bytes());
        self.wait(Nanos::from_secs(1000));
        self.expect(&[]);
        assert_eq!(
            (self.tp.tids_in_use(), self.tp.rx_memory_in_use(), self.tp.stalled_messages()),
            (0, 0, 0)
        );
        assert_eq!(self.host.released, [tid]);
        assert_eq!(self.tp.poll_timeout(), None, "no timer is left");
        assert_eq!(self.tp.counters().cpl_wrong_state, 0);
    }
}

#[test]
fn we_close_first() {
    let (mut rig, tid) = Rig::opened();
    rig.post_inline(tid, b"last");
    rig.skip();
    rig.close(tid);
    rig.expect(&["> FIN|ACK seq 1005 ack 5001 win 64512"]);
    rig.seg(peer(ACK, IRS + 1, ISS + 6));
    rig.expect(&["acked 0 una 1005 bytes 4", "iq5 CLOSE_CON_RPL tid 0 snd_nxt 1006 rcv_nxt 5001"]);
    // FIN_WAIT2: the peer may send on.
    rig.seg(peer(ACK, IRS + 1, ISS + 6).len(10));
    rig.expect(&["iq5 RX_DATA tid 0 seq 5001 len 10", "> ACK seq 1006 ack 5011 win 64502"]);
    rig.seg(peer(FIN_ACK, IRS + 11, ISS + 6));
    rig.expect(&["iq5 PEER_CLOSE tid 0 rcv_nxt 5012", "> ACK seq 1006 ack 5012 win 64501"]);
    // TIME_WAIT is the host's.
    assert_eq!(rig.seg(peer(FIN_ACK, IRS + 11, ISS + 6)), Disposition::Unmatched);
    rig.release(tid);
}

#[test]
fn the_peer_closes_first() {
    let (mut rig, tid) = Rig::opened();
    rig.seg(peer(FIN_ACK, IRS + 1, ISS + 1).len(10));
    rig.expect(&[
        "iq5 RX_DATA tid 0 seq 5001 len 10",
        "iq5 PEER_CLOSE tid 0 rcv_nxt 5012",
        "> ACK seq 1001 ack 5012 win 64501",
    ]);
    rig.post_inline(tid, b"bye");
    rig.close(tid);
    rig.expect(&[
        "> ACK seq 1001 ack 5012 len 3 win 64501",
        "> FIN|ACK seq 1004 ack 5012 win 64501",
    ]);
    rig.seg(peer(ACK, IRS + 12, ISS + 5));
    rig.expect(&["acked 0 una 1004 bytes 3", "iq5 CLOSE_CON_RPL tid 0 snd_nxt 1005 rcv_nxt 5012"]);
    rig.release(tid);
}

#[test]
fn an_accepted_connection_ends_like_one_that_we_opened() {
    let (mut rig, tid) = Rig::accepted();
    rig.seg(to_listener(FIN_ACK, IRS + 1, ISS + 1).len(10));
    rig.post_inline(tid, b"bye");
    rig.close(tid);
    rig.seg(to_listener(ACK, IRS + 12, ISS + 5));
    rig.expect(&[
        "iq5 RX_DATA tid 0 seq 5001 len 10",
        "iq5 PEER_CLOSE tid 0 rcv_nxt 5012",
        "> ACK seq 1001 ack 5012 win 64501",
        "> ACK seq 1001 ack 5012 len 3 win 64501",
        "> FIN|ACK seq 1004 ack 5012 win 64501",
        "acked 0 una 1004 bytes 3",
        "iq5 CLOSE_CON_RPL tid 0 snd_nxt 1005 rcv_nxt 5012",
    ]);
    rig.release(tid);
}

#[test]
fn both_close_at_once() {
    let (mut rig, tid) = Rig::opened();
    rig.close(tid);
    rig.skip();
    rig.seg(peer(FIN_ACK, IRS + 1, ISS + 1));
    rig.expect(&["iq5 PEER_CLOSE tid 0 rcv_nxt 5002", "> ACK seq 1002 ack 5002 win 64511"]);
    rig.seg(peer(ACK, IRS + 2, ISS + 2));
    rig.expect(&["iq5 CLOSE_CON_RPL tid 0 snd_nxt 1002 rcv_nxt 5002"]);
    rig.release(tid);
}

#[test]
fn the_fins_cross_in_one_segment() {
    let (mut rig, tid) = Rig::opened();
    rig.close(tid);
    rig.skip();
    rig.seg(peer(FIN_ACK, IRS + 1, ISS + 2));
    rig.expect(&[
        "iq5 PEER_CLOSE tid 0 rcv_nxt 5002",
        "iq5 CLOSE_CON_RPL tid 0 snd_nxt 1002 rcv_nxt 5002",
        "> ACK seq 1002 ack 5002 win 64511",
    ]);
    rig.release(tid);
}

#[test]
fn a_fin_is_not_acknowledged_before_peer_close() {
    for closing in [false, true] {
        let (mut rig, tid) = Rig::opened();
        if closing {
            rig.close(tid);
            rig.seg(peer(ACK, IRS + 1, ISS + 2));
            rig.skip();
        }
        rig.host.stalled.insert(IQ);
        rig.seg(peer(FIN_ACK, IRS + 1, ISS + 1 + u32::from(closing)).len(3));
        rig.seg(peer(FIN_ACK, IRS + 1, ISS + 1 + u32::from(closing)).len(3));
        rig.wait(Nanos::from_millis(300));
        let log = rig.log();
        assert!(log.iter().all(|line| line.contains(" ack 5001 ")), "{log:?}");
        // Bytes first, then the end.
        rig.host.stalled.clear();
        rig.poll();
        let (seq, tail) = if closing { (1002, 1) } else { (1001, 0) };
        rig.expect(&[
            "iq5 RX_DATA tid 0 seq 5001 len 3",
            "iq5 PEER_CLOSE tid 0 rcv_nxt 5005",
            &format!("> ACK seq {seq} ack 5005 win 64508"),
        ]);
        if tail == 1 {
            rig.release(tid);
        }
    }
}

#[test]
fn close_con_rpl_tells_what_the_host_was_told() {
    let (mut rig, tid) = Rig::opened();
    rig.close(tid);
    rig.skip();
    rig.host.stalled.insert(IQ);
    rig.seg(peer(FIN_ACK, IRS + 1, ISS + 2).len(10));
    rig.host.stalled.clear();
    rig.poll();
    let log = rig.log();
    let rpl = log.iter().find(|line| line.contains("CLOSE_CON_RPL"));
    assert_eq!(rpl.map(String::as_str), Some("iq5 CLOSE_CON_RPL tid 0 snd_nxt 1002 rcv_nxt 5001"));
    rig.release(tid);
}

#[test]
fn the_host_aborts() {
    for (cmd, aloud) in [(AbortCmd::SEND_RST, true), (AbortCmd::NO_RST, false)] {
        let (mut rig, tid) = Rig::opened();
        rig.post_inline(tid, b"lost");
        rig.seg(peer(ACK, IRS + 1001, ISS + 1).len(100));
        rig.skip();
        rig.abort(tid, cmd);
        let mut lines = vec!["iq5 ABORT_RPL_RSS tid 0 status 0"];
        if aloud {
            lines.insert(0, "> RST|ACK seq 1005 ack 5001 win 0");
        }
        let log = rig.log();
        let said: Vec<String> =
            log.iter().map(|line| line.split(" win ").next().unwrap_or(line).to_owned()).collect();
        let expected: Vec<String> = lines
            .iter()
            .map(|line| line.split(" win ").next().unwrap_or(line).to_string())
            .collect();
        assert_eq!(said, expected);
        assert_eq!(rig.seg(peer(ACK, IRS + 1, ISS + 1).len(10)), Disposition::Unmatched);
        rig.release(tid);
    }
}

#[test]
fn the_peer_resets() {
    let (mut rig, tid) = Rig::opened();
    rig.post_inline(tid, b"lost");
    rig.skip();
    // Bytes of the same burst that came before the reset are the host's.
    rig.rx(&[peer(ACK, IRS + 1, ISS + 1).len(5).frame(), peer(RST, IRS + 6, 0).frame()]);
    rig.expect(&["iq5 RX_DATA tid 0 seq 5001 len 5", "iq5 ABORT_REQ_RSS tid 0 status 20"]);
    // What the host still says crosses it.
    rig.post_inline(tid, b"more");
    rig.close(tid);
    rig.cpl(cpl::RxDataAck::new(tid).as_bytes());
    rig.abort_rpl(tid);
    rig.release(tid);
}

#[test]
fn aborts_cross() {
    let (mut rig, tid) = Rig::opened();
    rig.seg(peer(RST, IRS + 1, 0));
    rig.expect(&["iq5 ABORT_REQ_RSS tid 0 status 20"]);
    rig.abort(tid, AbortCmd::SEND_RST);
    rig.expect(&["iq5 ABORT_RPL_RSS tid 0 status 0"]);
    rig.abort_rpl(tid);
    rig.release(tid);
}

#[test]
fn a_stalled_abort_is_still_answered_once() {
    let (mut rig, tid) = Rig::opened();
    rig.host.stalled.insert(IQ);
    rig.seg(peer(ACK, IRS + 1, ISS + 1).len(5));
    rig.abort(tid, AbortCmd::NO_RST);
    rig.expect(&[]);
    rig.host.stalled.clear();
    rig.poll();
    // The bytes were never acknowledged, and are gone with the connection.
    rig.expect(&["iq5 ABORT_RPL_RSS tid 0 status 0"]);
    rig.release(tid);
}

/// A message that was owed to an earlier owner of a TID does nothing to the next one.
#[test]
fn what_was_owed_to_a_tid_is_not_its_successors() {
    let (mut rig, tid) = Rig::opened();
    rig.host.stalled.insert(IQ);
    rig.seg(peer(FIN_ACK, IRS + 1, ISS + 1).len(3));
    rig.cpl(cpl::TidRelease::new(tid).as_bytes());
    rig.host.stalled.clear();
    rig.host.stalled.insert(CTRL_IQ);
    rig.act_open(9, opt0(), opt2());
    rig.seg(peer(Flags::SYN | ACK, IRS, ISS + 1).mss(1460));
    assert_eq!(rig.tp.offloaded(), 1);
    rig.wait(Nanos::from_secs(1));
    let log = rig.log();
    assert!(!log.iter().any(|line| line.contains("RX_DATA")), "{log:?}");
    rig.seg(peer(ACK, IRS + 1, ISS + 1).len(7));
    rig.expect(&["iq5 RX_DATA tid 0 seq 5001 len 7", "> ACK seq 1001 ack 5008 win 64505"]);
}

#[test]
fn a_peer_that_no_longer_answers_is_given_up() {
    let (mut rig, tid) = Rig::opened();
    rig.post_inline(tid, b"anybody?");
    rig.wait(Nanos::from_secs(3600));
    let log = rig.log();
    assert_eq!(log.last().map(String::as_str), Some("iq5 ABORT_REQ_RSS tid 0 status 31"));
    rig.abort_rpl(tid);
    rig.release(tid);
}

#[test]
fn a_silent_peer_is_probed_where_the_host_wants_it() {
    let (mut rig, tid) = Rig::opened_with(opt0().with_keep_alive(true), opt2(), |syn_ack| syn_ack);
    rig.wait(Nanos::from_secs(7200 + 9 * 75));
    let log = rig.log();
    assert_eq!(log.last().map(String::as_str), Some("iq5 ABORT_REQ_RSS tid 0 status 34"));
    assert_eq!(log.len(), 11, "nine probes, and a reset for a peer that was only away: {log:?}");
    assert_eq!(log[9], "> RST|ACK seq 1001 ack 5001 win 0");
    rig.abort_rpl(tid);
    rig.release(tid);
}

/// A connection in each state.
fn in_state(state: tcb::State) -> (Rig, Tid) {
    let (mut rig, tid) = Rig::opened();
    let fin_from_peer = |rig: &mut Rig, ack: u32| {
        rig.seg(peer(FIN_ACK, IRS + 1, ack));
    };
    match state {
        tcb::State::Established => {}
        tcb::State::CloseWait => fin_from_peer(&mut rig, ISS + 1),
        tcb::State::FinWait1 => rig.close(tid),
        tcb::State::FinWait2 => {
            rig.close(tid);
            rig.seg(peer(ACK, IRS + 1, ISS + 2));
        }
        tcb::State::Closing => {
            rig.close(tid);
            fin_from_peer(&mut rig, ISS + 1);
        }
        tcb::State::LastAck => {
            fin_from_peer(&mut rig, ISS + 1);
            rig.close(tid);
        }
        other => panic!("{other:?} is not one of these"),
    }
    rig.cpl(cpl::GetTcb::new(tid).with_reply_ctrl(cpl::ReplyCtrl::to(CTRL_IQ)).as_bytes());
    let image = image_in(rig.last(cpl::Opcode::GET_TCB_RPL));
    assert_eq!(image.state(), state);
    rig.skip();
    (rig, tid)
}

const STATES: [tcb::State; 6] = [
    tcb::State::Established,
    tcb::State::CloseWait,
    tcb::State::FinWait1,
    tcb::State::FinWait2,
    tcb::State::Closing,
    tcb::State::LastAck,
];

#[test]
fn every_state_can_be_aborted_by_either_and_both() {
    for state in STATES {
        let peer_seq = match state {
            tcb::State::CloseWait | tcb::State::Closing | tcb::State::LastAck => IRS + 2,
            _ => IRS + 1,
        };
        for who in ["host", "peer", "peer then host"] {
            let (mut rig, tid) = in_state(state);
            if who.starts_with("peer") {
                rig.seg(peer(RST, peer_seq, 0));
                rig.expect(&["iq5 ABORT_REQ_RSS tid 0 status 20"]);
            }
            if who.ends_with("host") {
                rig.abort(tid, AbortCmd::NO_RST);
                rig.expect(&["iq5 ABORT_RPL_RSS tid 0 status 0"]);
            }
            if who.starts_with("peer") {
                rig.abort_rpl(tid);
            }
            rig.release(tid);
        }
    }
}

/// An abort that crosses the regular end: the TCB is gone, the host is answered all the same.
#[test]
fn an_abort_after_the_end_is_answered() {
    let (mut rig, tid) = in_state(tcb::State::LastAck);
    rig.seg(peer(ACK, IRS + 2, ISS + 2));
    rig.skip();
    rig.abort(tid, AbortCmd::SEND_RST);
    rig.expect(&["iq5 ABORT_RPL_RSS tid 0 status 0"]);
    rig.release(tid);
}

#[test]
fn a_tid_can_be_released_in_every_state() {
    for state in STATES {
        let (mut rig, tid) = in_state(state);
        rig.cpl(cpl::TidRelease::new(tid).as_bytes());
        rig.expect(&[]);
        assert_eq!((rig.tp.tids_in_use(), rig.tp.active()), (0, (0, 0)), "{state:?}");
        rig.cpl(cpl::TidRelease::new(tid).as_bytes());
        assert_eq!(rig.tp.counters().cpl_unknown_tid, 1);
    }
}

#[test]
fn requests_about_nobody_are_counted() {
    let mut rig = Rig::new();
    rig.close(Tid(3));
    rig.abort(Tid(3), AbortCmd::SEND_RST);
    rig.abort_rpl(Tid(3));
    rig.cpl(cpl::RxDataAck::new(Tid(0xff_ffff)).as_bytes());
    rig.cpl(cpl::PassAcceptRpl::new(Tid(3)).as_bytes());
    rig.cpl(cpl::SetTcbField::new(Tid(3)).as_bytes());
    rig.cpl(cpl::GetTcb::new(Tid(3)).as_bytes());
    rig.cpl(cpl::TidRelease::new(Tid(3)).as_bytes());
    rig.expect(&[]);
    assert_eq!(rig.tp.counters().cpl_unknown_tid, 8);
}
