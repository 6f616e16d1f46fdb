//! Without the commit rule, of the card or of a connection, TP answers as silicon does: the peer first, then the host.

use super::rig::*;
use mafo_mem::Nanos;
use mafo_t4::cpl::{self, Opcode};
use mafo_t4::tcb::field;
use mafo_t4::{IqId, Tid};
use mafo_tcp::Flags;

const ACK: Flags = Flags::ACK;
const SYN_ACK: Flags = Flags::SYN.with(Flags::ACK);
const FIN_ACK: Flags = Flags::FIN.with(Flags::ACK);

/// A connection for which the rule is not kept: on a card that does not keep it, and on one whose host does not want it.
fn opened() -> [(Rig, Tid); 2] {
    [false, true].map(|commits| {
        let mut config = config();
        config.commits = commits;
        let mut rig = Rig::with(&config);
        rig.act_open(9, opt0(), opt2());
        rig.seg(peer(SYN_ACK, IRS, ISS + 1).mss(1460));
        rig.skip();
        if commits {
            rig.relax(Tid(0));
        }
        (rig, Tid(0))
    })
}

#[test]
fn the_ack_comes_before_rx_data() {
    for (mut rig, tid) in opened() {
        rig.post_inline(tid, b"ours");
        rig.skip();
        // It takes our bytes with it: what was acknowledged is let go before more is sent.
        let frames: Vec<_> = (0..3)
            .map(|n| peer(ACK, IRS + 1 + n * 1000, ISS + 1 + 4 * (n / 2)).len(1000).frame())
            .collect();
        rig.rx(&frames);
        rig.expect(&[
            "> ACK seq 1005 ack 8001 win 61512",
            "iq5 RX_DATA tid 0 seq 5001 len 3000",
            "acked 0 una 1005 bytes 4",
        ]);
        assert_eq!(rig.host.received[&tid], stream(IRS + 1, 3000));
    }
}

#[test]
fn what_the_host_cannot_take_is_acknowledged_and_shown() {
    for (mut rig, tid) in opened() {
        rig.host.stalled.insert(IQ);
        rig.seg(peer(ACK, IRS + 1, ISS + 1).len(1000));
        rig.seg(peer(ACK, IRS + 1001, ISS + 1).len(1000));
        // Beyond a hole, behind what waits.
        rig.seg(peer(ACK, IRS + 3001, ISS + 1).len(500));
        rig.wait(Nanos::from_millis(50));
        let log = rig.log();
        assert!(log.last().is_some_and(|line| line.contains(" ack 7001 ")), "{log:?}");
        // The host sees that it does not have all.
        rig.cpl(cpl::GetTcb::new(tid).with_reply_ctrl(cpl::ReplyCtrl::to(CTRL_IQ)).as_bytes());
        let image = image_in(rig.last(Opcode::GET_TCB_RPL));
        assert_eq!(image.get(field::RCV_NXT), u64::from(IRS + 2001));
        assert_eq!(image.get(field::RX_HDR_OFFSET), 2000);
        assert_eq!(image.get(field::RCV_WND), 63 << 10);
        assert_eq!(image.get(field::TS_LAST_ACK_SENT_RAW), 0);

        rig.skip();
        rig.host.stalled.clear();
        rig.poll();
        rig.expect(&["iq5 RX_DATA tid 0 seq 5001 len 2000"]);
        rig.seg(peer(ACK, IRS + 2001, ISS + 1).len(1000));
        assert_eq!(rig.host.received[&tid], stream(IRS + 1, 3500));
        assert_eq!((rig.tp.rx_memory_in_use(), rig.tp.stalled_messages()), (0, 0));
    }
}

/// The host writes a field that is the engine's while bytes wait for it.
#[test]
fn a_write_does_not_forget_what_waits() {
    for (mut rig, tid) in opened() {
        rig.host.stalled.insert(IQ);
        rig.seg(peer(ACK, IRS + 1, ISS + 1).len(1000));
        let word = field::SND_CWND.word;
        let write =
            cpl::SetTcbField::at(tid, word, field::SND_CWND.mask(), field::SND_CWND.place(9999));
        rig.cpl(write.with_reply_ctrl(cpl::ReplyCtrl::to(CTRL_IQ)).as_bytes());
        let reply: &cpl::SetTcbRpl =
            cpl::parse(&rig.last(Opcode::SET_TCB_RPL).cpl).expect("an answer");
        assert_eq!(reply.status(), cpl::Status::NONE);
        rig.host.stalled.clear();
        rig.poll();
        rig.seg(peer(ACK, IRS + 1001, ISS + 1).len(1000));
        assert_eq!(rig.host.received[&tid], stream(IRS + 1, 2000));
    }
}

#[test]
fn a_fin_is_acknowledged_before_peer_close_and_the_connection_stays_until_that_is_told() {
    for (mut rig, tid) in opened() {
        rig.close(tid);
        rig.seg(peer(ACK, IRS + 1, ISS + 2));
        rig.skip();
        rig.host.stalled.insert(IQ);
        rig.seg(peer(FIN_ACK, IRS + 1, ISS + 2).len(3));
        rig.expect(&["> ACK seq 1002 ack 5005 win 64508"]);
        rig.host.stalled.clear();
        rig.poll();
        rig.expect(&["iq5 RX_DATA tid 0 seq 5001 len 3", "iq5 PEER_CLOSE tid 0 rcv_nxt 5005"]);
        rig.release(tid);
    }
}

#[test]
fn the_handshakes_last_ack_does_not_wait_for_its_message() {
    let mut config = config();
    config.commits = false;
    let mut rig = Rig::with(&config);
    rig.act_open(9, opt0(), opt2());
    rig.skip();
    let queue = IqId(5);
    rig.host.stalled.insert(queue);
    rig.rx(&[
        peer(SYN_ACK, IRS, ISS + 1).mss(1460).frame(),
        peer(ACK, IRS + 1, ISS + 1).len(100).frame(),
    ]);
    let log = rig.log();
    assert!(log.iter().all(|line| line.starts_with("> ACK seq 1001 ack 5101 ")), "{log:?}");
    assert_eq!(log.len(), 1, "{log:?}");
    // Nor does what follows.
    rig.seg(peer(ACK | Flags::PSH, IRS + 101, ISS + 1).len(100));
    rig.expect(&["> ACK seq 1001 ack 5201 win 64312"]);
    rig.host.stalled.clear();
    rig.poll();
    let log = rig.log();
    assert!(log[0].starts_with("iq5 ACT_ESTABLISH"), "{log:?}");
    assert_eq!(log[1..], ["iq5 RX_DATA tid 0 seq 5001 len 200"]);
}

/// What waits when the host says so is acknowledged at once, and the end of the stream as well.
#[test]
fn what_waited_for_the_host_is_let_go_when_it_does_not_want_the_rule() {
    let mut rig = Rig::with(&config());
    rig.act_open(9, opt0(), opt2());
    rig.seg(peer(SYN_ACK, IRS, ISS + 1).mss(1460));
    rig.skip();
    rig.host.stalled.insert(IQ);
    rig.seg(peer(ACK, IRS + 1, ISS + 1).len(1000));
    rig.seg(peer(FIN_ACK, IRS + 1001, ISS + 1).len(3));
    let acknowledges = |rig: &mut Rig, ack: &str| rig.log().iter().any(|line| line.contains(ack));
    rig.wait(Nanos::from_millis(50));
    assert!(!acknowledges(&mut rig, " ack 6005 "), "the host has not been told");
    rig.relax(Tid(0));
    rig.poll();
    assert!(acknowledges(&mut rig, " ack 6005 "), "it does not mind");
    rig.host.stalled.clear();
    rig.poll();
    assert_eq!(rig.host.received[&Tid(0)], stream(IRS + 1, 1003));
}
