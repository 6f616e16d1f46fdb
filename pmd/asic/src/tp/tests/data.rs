//! Payload both ways.

use super::rig::*;
use crate::clock::Clock;
use crate::le::Headers;
use crate::le::headers::Ingress;
use crate::settings::TpSettings;
use crate::tp::MibView;
use crate::tp::rx_store::PAGE;
use mafo_mem::Nanos;
use mafo_t4::cpl::{self, CreditDack, Opcode, TxDataFlags};
use mafo_t4::regs::tp::{TP_SHIFT_CNT, TP_TIMER_RESOLUTION};
use mafo_t4::tcb::field;
use mafo_t4::wr::Payload;
use mafo_t4::{IqId, Tid};
use mafo_tcp::{Flags, Segment};

const ACK: Flags = Flags::ACK;
const SYN_ACK: Flags = Flags::SYN.with(Flags::ACK);

/// What host memory has at `ARENA + at`.
fn host_bytes(at: u64, len: u64) -> Vec<u8> {
    (ARENA + at..ARENA + at + len).map(byte_at).collect()
}

fn credits(bytes: u32) -> CreditDack {
    CreditDack(0).with_credits(bytes)
}

impl Rig {
    fn credit(&mut self, tid: Tid, ack: CreditDack) {
        self.cpl(cpl::RxDataAck::new(tid).with_credit_dack(ack).as_bytes());
    }

    /// All payload sent since the last look, in the order of the wire.
    fn sent_payload(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.host.sent)
            .iter()
            .flat_map(|packet| payload_of(packet))
            .copied()
            .collect()
    }
}

#[test]
fn a_scatter_list_is_cut_into_segments() {
    let (mut rig, tid) = Rig::opened();
    rig.host.sent.clear();
    rig.post_sgl(tid, &[(5000, 1000), (100, 1000), (1100, 900), (9, 100)]);
    rig.expect(&[
        "> ACK seq 1001 ack 5001 len 1460 win 64512",
        "> ACK seq 2461 ack 5001 len 1460 win 64512",
        "> ACK seq 3921 ack 5001 len 80 win 64512",
    ]);
    let expected = [host_bytes(5000, 1000), host_bytes(100, 1900), host_bytes(9, 100)].concat();
    assert_eq!(rig.sent_payload(), expected);
    rig.seg(peer(ACK, IRS + 1, ISS + 1 + 1460));
    rig.seg(peer(ACK, IRS + 1, ISS + 1 + 3000));
    rig.expect(&["acked 0 una 2461 bytes 1460", "acked 0 una 4001 bytes 1540"]);
}

#[test]
fn inline_payload_is_kept_until_acknowledged() {
    let (mut rig, tid) = Rig::opened();
    rig.host.sent.clear();
    rig.post_inline(tid, b"hello, ");
    rig.post_inline(tid, b"world");
    assert_eq!(rig.sent_payload(), b"hello, world");
    rig.skip();
    rig.seg(peer(ACK, IRS + 1, ISS + 1 + 3));
    rig.host.sent.clear();
    rig.wait(Nanos::from_millis(200));
    assert!(rig.sent_payload().starts_with(b"lo, "), "sent again from the card's copy");
}

#[test]
fn lost_payload_is_sent_again_from_host_memory() {
    let (mut rig, tid) = Rig::opened();
    rig.post_sgl(tid, &[(0, 1460), (40_000, 700)]);
    rig.host.sent.clear();
    rig.skip();
    rig.wait(Nanos::from_millis(199));
    rig.expect(&[]);
    rig.wait(Nanos::from_millis(1));
    rig.expect(&["> ACK seq 1001 ack 5001 len 1460 win 64512"]);
    assert_eq!(rig.sent_payload(), host_bytes(0, 1460));
    rig.seg(peer(ACK, IRS + 1, ISS + 1 + 1460));
    rig.expect(&["acked 0 una 2461 bytes 1460", "> ACK seq 2461 ack 5001 len 700 win 64512"]);
    assert_eq!(rig.sent_payload(), host_bytes(40_000, 700));
}

#[test]
fn payload_that_is_not_mapped_is_a_loss_and_counted() {
    let (mut rig, tid) = Rig::opened();
    rig.post_sgl(tid, &[(2 << 20, 100)]);
    rig.expect(&[]);
    assert_eq!(rig.tp.counters().tx_drop_dma_fault, 1);
    rig.wait(Nanos::from_millis(200));
    assert_eq!(rig.tp.counters().tx_drop_dma_fault, 2, "tried again");
}

#[test]
fn a_frame_that_no_next_hop_takes_is_a_loss_and_counted() {
    let (mut rig, tid) = Rig::opened();
    rig.host.unresolved.insert(L2T);
    rig.post_inline(tid, b"x");
    rig.expect(&[]);
    assert_eq!(rig.tp.counters().tx_drop_arp_miss, 1);
    rig.host.unresolved.clear();
    rig.wait(Nanos::from_millis(200));
    rig.expect(&["> ACK seq 1001 ack 5001 len 1 win 64512"]);
}

#[test]
fn a_full_port_stops_the_sender_and_loses_nothing() {
    let (mut rig, tid) = Rig::opened();
    rig.host.tx_room = Some(1);
    rig.host.sent.clear();
    rig.post_sgl(tid, &[(0, 5 * 1460)]);
    assert_eq!(rig.host.sent.len(), 1);
    assert!(rig.tp.poll_timeout().is_some_and(|at| at <= rig.now), "there is more to do");
    rig.poll();
    assert_eq!(rig.host.sent.len(), 1);
    rig.host.tx_room = None;
    rig.poll();
    assert_eq!(rig.sent_payload(), host_bytes(0, 5 * 1460));
    assert_eq!(rig.tp.counters().tx_drop_full, 0);
}

#[test]
fn connections_take_turns() {
    let mut config = config();
    (config.output_quantum, config.output_burst) = (2, 6);
    let mut rig = Rig::with(&config);
    for (atid, port) in [(9, OPENER), (10, OPENER + 1)] {
        rig.host.expect_open(atid, (port, LISTENER));
        rig.cpl(act_open_req(atid, opt0(), opt2()).with_local_port(port).as_bytes());
        let mut syn_ack = peer(SYN_ACK, IRS, ISS + 1).mss(1460);
        syn_ack.segment.dst_port = port;
        rig.seg(syn_ack);
    }
    rig.skip();
    rig.host.sent.clear();
    rig.host.tx_room = Some(0);
    rig.post_sgl(Tid(0), &[(0, 8 * 1460)]);
    rig.post_sgl(Tid(1), &[(0, 8 * 1460)]);
    rig.host.tx_room = None;
    let turns = |rig: &mut Rig| {
        rig.poll();
        let sent = core::mem::take(&mut rig.host.sent);
        sent.iter()
            .map(|packet| u16::from_be_bytes([packet[20], packet[21]]) - OPENER)
            .collect::<Vec<_>>()
    };
    assert_eq!(turns(&mut rig), [0, 0, 1, 1, 0, 0], "six a poll, two a turn");
    assert_eq!(turns(&mut rig), [1, 1, 0, 0, 1, 1]);
    assert_eq!(turns(&mut rig), [0, 0, 1, 1]);
    assert_eq!(turns(&mut rig), []);
}

#[test]
fn payload_that_no_connection_can_send_is_dropped() {
    let (mut rig, tid) = Rig::opened();
    rig.post_inline(Tid(63), b"nobody");
    assert_eq!(rig.tp.counters().cpl_unknown_tid, 1);
    // 28 bits hold the distance from TX_MAX.
    let big = 0x3fff_ffff;
    rig.post_sgl(tid, &[(0, big)]);
    assert_eq!(rig.tp.counters().tx_drop_too_much, 1);
    rig.cpl(cpl::CloseConReq::new(tid).as_bytes());
    rig.post_inline(tid, b"late");
    assert_eq!(rig.tp.counters().tx_drop_not_open, 1);
    rig.expect(&["> FIN|ACK seq 1001 ack 5001 win 64512"]);
}

#[test]
fn rx_data_comes_before_the_ack() {
    let (mut rig, tid) = Rig::opened();
    rig.seg(peer(ACK, IRS + 1, ISS + 1).len(1000));
    rig.expect(&["iq5 RX_DATA tid 0 seq 5001 len 1000", "> ACK seq 1001 ack 6001 win 63512"]);
    let mut push = peer(ACK | Flags::PSH, IRS + 1001, ISS + 1).len(5);
    push.segment.flags = ACK | Flags::PSH;
    rig.seg(push);
    rig.expect(&["iq5 RX_DATA tid 0 seq 6001 len 5 psh", "> ACK seq 1001 ack 6006 win 63507"]);
    assert_eq!(rig.host.received[&tid], stream(IRS + 1, 1005));
}

#[test]
fn a_burst_is_one_message_and_one_ack() {
    let (mut rig, tid) = Rig::opened();
    let frames: Vec<_> =
        (0..10).map(|n| peer(ACK, IRS + 1 + n * 1460, ISS + 1).len(1460).frame()).collect();
    rig.rx(&frames);
    rig.expect(&["iq5 RX_DATA tid 0 seq 5001 len 14600", "> ACK seq 1001 ack 19601 win 49912"]);
    assert_eq!(rig.host.received[&tid], stream(IRS + 1, 14_600));
}

#[test]
fn a_long_burst_is_cut_where_the_limit_is() {
    let mut config = config();
    config.max_rx_data = 2000;
    let mut rig = Rig::with(&config);
    rig.act_open(9, opt0(), opt2());
    rig.seg(peer(SYN_ACK, IRS, ISS + 1).mss(1460));
    rig.skip();
    let frames: Vec<_> = (0..3)
        .map(|n| peer(ACK | Flags::PSH, IRS + 1 + n * 1460, ISS + 1).len(1460).frame())
        .collect();
    rig.rx(&frames);
    rig.expect(&[
        "iq5 RX_DATA tid 0 seq 5001 len 2000",
        "iq5 RX_DATA tid 0 seq 7001 len 2000",
        "iq5 RX_DATA tid 0 seq 9001 len 380 psh",
        "> ACK seq 1001 ack 9381 win 60132",
    ]);
    assert_eq!(rig.host.received[&Tid(0)], stream(IRS + 1, 4380));
}

#[test]
fn bytes_beyond_a_hole_wait_in_the_card() {
    let (mut rig, tid) = Rig::opened();
    rig.seg(peer(ACK, IRS + 1001, ISS + 1).len(500));
    rig.seg(peer(ACK, IRS + 3001, ISS + 1).len(5000));
    rig.expect(&["> ACK seq 1001 ack 5001 win 64512", "> ACK seq 1001 ack 5001 win 64512"]);
    assert!(rig.tp.rx_memory_in_use() >= 5500);
    // The first hole closes in the middle of a burst that goes on behind what was held.
    rig.rx(&[
        peer(ACK, IRS + 1, ISS + 1).len(1000).frame(),
        peer(ACK, IRS + 1501, ISS + 1).len(100).frame(),
    ]);
    rig.expect(&["iq5 RX_DATA tid 0 seq 5001 len 1600", "> ACK seq 1001 ack 6601 win 62912"]);
    rig.seg(peer(ACK, IRS + 1601, ISS + 1).len(1400));
    rig.expect(&["iq5 RX_DATA tid 0 seq 6601 len 6400", "> ACK seq 1001 ack 13001 win 56512"]);
    assert_eq!(rig.host.received[&tid], stream(IRS + 1, 8000));
    assert_eq!(rig.tp.rx_memory_in_use(), 0);
}

#[test]
fn bytes_seen_before_are_not_delivered_again() {
    let (mut rig, tid) = Rig::opened();
    rig.seg(peer(ACK, IRS + 1, ISS + 1).len(1000));
    rig.skip();
    rig.seg(peer(ACK, IRS + 1, ISS + 1).len(1000));
    rig.expect(&["> ACK seq 1001 ack 6001 win 63512"]);
    rig.seg(peer(ACK, IRS + 501, ISS + 1).len(1000));
    rig.expect(&["iq5 RX_DATA tid 0 seq 6001 len 500", "> ACK seq 1001 ack 6501 win 63012"]);
    assert_eq!(rig.host.received[&tid], stream(IRS + 1, 1500));
}

#[test]
fn what_the_host_cannot_take_is_not_acknowledged() {
    let (mut rig, tid) = Rig::opened();
    rig.host.stalled.insert(IQ);
    rig.rx(&[
        peer(ACK, IRS + 1, ISS + 1).len(1000).frame(),
        peer(ACK, IRS + 1001, ISS + 1).len(1000).frame(),
    ]);
    rig.seg(peer(ACK, IRS + 2001, ISS + 1).len(1000));
    // The peer tries again, to no avail; our own payload flows meanwhile, without acknowledging.
    rig.seg(peer(ACK, IRS + 1, ISS + 1).len(1000));
    rig.post_inline(tid, b"ours");
    rig.wait(Nanos::from_millis(500));
    let log = rig.log();
    assert!(log.iter().all(|line| line.contains(" ack 5001 ")), "{log:?}");
    assert!(log.iter().any(|line| line.contains("len 4")), "{log:?}");
    assert_eq!(rig.tp.counters().rx_stalled_bytes, 3000);
    // What waits is seen as RX_HDR_OFFSET.
    rig.cpl(cpl::GetTcb::new(tid).with_reply_ctrl(cpl::ReplyCtrl::to(CTRL_IQ)).as_bytes());
    let image = image_in(rig.last(Opcode::GET_TCB_RPL));
    assert_eq!(image.get(field::RCV_NXT), u64::from(IRS + 3001));
    assert_eq!(image.get(field::RX_HDR_OFFSET), 3000);
    assert_eq!(image.get(field::RCV_WND), 63 << 10);

    rig.skip();
    rig.host.stalled.clear();
    rig.poll();
    rig.expect(&["iq5 RX_DATA tid 0 seq 5001 len 3000", "> ACK seq 1005 ack 8001 win 61512"]);
    assert_eq!(rig.host.received[&tid], stream(IRS + 1, 3000));
    assert_eq!((rig.tp.rx_memory_in_use(), rig.tp.stalled_messages()), (0, 0));
}

#[test]
fn a_hole_behind_bytes_that_wait() {
    let (mut rig, tid) = Rig::opened();
    rig.host.stalled.insert(IQ);
    rig.seg(peer(ACK, IRS + 1, ISS + 1).len(1000));
    rig.seg(peer(ACK, IRS + 2001, ISS + 1).len(500));
    rig.host.stalled.clear();
    rig.poll();
    rig.skip();
    rig.seg(peer(ACK, IRS + 1001, ISS + 1).len(1000));
    rig.expect(&["iq5 RX_DATA tid 0 seq 6001 len 1500", "> ACK seq 1001 ack 7501 win 62012"]);
    assert_eq!(rig.host.received[&tid], stream(IRS + 1, 2500));
}

#[test]
fn a_stalled_queue_stops_only_its_connections() {
    let mut rig = Rig::new();
    for (atid, port, iq) in [(9, OPENER, IQ), (10, OPENER + 1, IqId(8))] {
        rig.host.expect_open(atid, (port, LISTENER));
        rig.cpl(act_open_req(atid, opt0(), opt2().with_queue(iq)).with_local_port(port).as_bytes());
        let mut syn_ack = peer(SYN_ACK, IRS, ISS + 1).mss(1460);
        syn_ack.segment.dst_port = port;
        rig.seg(syn_ack);
    }
    rig.skip();
    rig.host.stalled.insert(IQ);
    let mut second = peer(ACK, IRS + 1, ISS + 1).len(10);
    second.segment.dst_port = OPENER + 1;
    rig.rx(&[peer(ACK, IRS + 1, ISS + 1).len(10).frame(), second.frame()]);
    rig.expect(&["iq8 RX_DATA tid 1 seq 5001 len 10", "> ACK seq 1001 ack 5011 win 64502"]);
    rig.host.stalled.clear();
    rig.poll();
    rig.expect(&["iq5 RX_DATA tid 0 seq 5001 len 10", "> ACK seq 1001 ack 5011 win 64502"]);
}

#[test]
fn a_stalled_queue_does_not_eat_the_memory_of_the_others() {
    let mut config = config();
    config.rx_memory = 32 * PAGE;
    let mut rig = Rig::with(&config);
    for (atid, port, iq) in [(9, OPENER, IQ), (10, OPENER + 1, IqId(8)), (11, OPENER + 2, IQ)] {
        rig.host.expect_open(atid, (port, LISTENER));
        let open = act_open_req(atid, opt0(), opt2().with_queue(iq)).with_local_port(port);
        rig.cpl(open.as_bytes());
        let mut syn_ack = peer(SYN_ACK, IRS, ISS + 1).mss(1460);
        syn_ack.segment.dst_port = port;
        rig.seg(syn_ack);
    }
    rig.host.stalled.insert(IQ);
    for n in 0..60 {
        rig.seg(peer(ACK, IRS + 1 + n * 1000, ISS + 1).len(1000));
    }
    assert!(rig.tp.counters().rx_drop_no_memory > 0);
    rig.skip();
    let mut other = peer(ACK, IRS + 1, ISS + 1).len(1000);
    // The next one on the stalled queue does not get what the first left.
    other.segment.dst_port = OPENER + 2;
    let dropped = rig.tp.counters().rx_drop_no_memory;
    rig.seg(other.clone());
    assert_eq!(rig.tp.counters().rx_drop_no_memory, dropped + 1);
    other.segment.dst_port = OPENER + 1;
    rig.seg(other);
    rig.expect(&["iq8 RX_DATA tid 1 seq 5001 len 1000", "> ACK seq 1001 ack 6001 win 63512"]);
    // Bytes beyond a hole leave the share as well.
    rig.host.stalled.clear();
    rig.poll();
    let got = rig.host.received[&Tid(0)].len() as u32;
    rig.credit(Tid(0), credits(got));
    for n in 0..60 {
        rig.seg(peer(ACK, IRS + 1 + got + 500 + n * 1000, ISS + 1).len(1000));
    }
    assert!(rig.tp.rx_memory_in_use() <= 28 * PAGE);
    rig.skip();
    rig.seg(peer(ACK, IRS + 1 + got, ISS + 1).len(500));
    assert!(rig.host.received[&Tid(0)].len() as u32 > got + 500, "the hole is closed");
}

#[test]
fn a_card_without_memory_drops_payload_and_takes_acks() {
    let mut config = config();
    config.rx_memory = 4 * PAGE;
    let mut rig = Rig::with(&config);
    rig.act_open(9, opt0(), opt2());
    rig.seg(peer(SYN_ACK, IRS, ISS + 1).mss(1460));
    rig.post_inline(Tid(0), b"ours");
    rig.skip();
    rig.host.stalled.insert(IQ);
    for n in 0..20 {
        rig.seg(peer(ACK, IRS + 1 + n * 1000, ISS + 5).len(1000));
    }
    let log = rig.log();
    assert_eq!(log.first().map(String::as_str), Some("acked 0 una 1005 bytes 4"));
    assert!(rig.tp.counters().rx_drop_no_memory > 0);
    rig.host.stalled.clear();
    rig.wait(Nanos::from_secs(1));
    let got = rig.host.received[&Tid(0)].len() as u32;
    assert!((1000..=8000).contains(&got), "{got} bytes kept in four pages");
    assert_eq!(rig.host.received[&Tid(0)], stream(IRS + 1, got), "from the first byte on");
    // The peer repeats what was dropped.
    for n in 0..20 {
        rig.seg(peer(ACK, IRS + 1 + n * 1000, ISS + 5).len(1000));
    }
    assert_eq!(rig.host.received[&Tid(0)], stream(IRS + 1, 20_000));
    assert_eq!(rig.tp.rx_memory_in_use(), 0);
}

#[test]
fn a_burst_is_not_taken_beyond_memory() {
    let mut config = config();
    config.rx_memory = 4 * PAGE;
    let mut rig = Rig::with(&config);
    rig.act_open(9, opt0(), opt2());
    rig.seg(peer(SYN_ACK, IRS, ISS + 1).mss(1460));
    rig.skip();
    rig.host.stalled.insert(IQ);
    let frames: Vec<_> =
        (0..10).map(|n| peer(ACK, IRS + 1 + n * 1000, ISS + 1).len(1000).frame()).collect();
    // Nobody knows before its end whether the burst can be posted, so room is kept for all that is taken of it.
    rig.rx(&frames);
    assert!(rig.tp.counters().rx_drop_no_memory > 0);
    rig.host.stalled.clear();
    rig.poll();
    let got = rig.host.received[&Tid(0)].len() as u32;
    assert!((1000..=8000).contains(&got), "{got} bytes kept in four pages");
    assert_eq!(rig.host.received[&Tid(0)], stream(IRS + 1, got));
}

#[test]
fn what_is_said_later_is_seen_later() {
    let (mut rig, tid) = Rig::opened();
    rig.host.stalled.insert(IQ);
    rig.seg(peer(Flags::FIN | ACK, IRS + 1, ISS + 1));
    rig.host.stalled.clear();
    // The queue has room again, and still owes PEER_CLOSE.
    let read = cpl::SetTcbField::read(tid, 9, IQ);
    rig.cpl(read.as_bytes());
    rig.expect(&[
        "iq5 PEER_CLOSE tid 0 rcv_nxt 5002",
        "iq5 SET_TCB_RPL tid 0 cookie 0x9 status 0 old 0x3e9",
        "> ACK seq 1001 ack 5002 win 64511",
    ]);
}

#[test]
fn a_change_of_queue_keeps_the_order_of_bytes() {
    let (mut rig, tid) = Rig::opened();
    rig.host.stalled.insert(IQ);
    rig.seg(peer(ACK, IRS + 1, ISS + 1).len(10));
    let set = cpl::SetTcbField::of(tid, field::RSS_INFO, 7).with_reply_ctrl(cpl::ReplyCtrl::SILENT);
    rig.tp.handle_cpl(&mut rig.host, rig.now, set.as_bytes());
    rig.seg(peer(ACK, IRS + 11, ISS + 1).len(10));
    rig.poll();
    rig.expect(&["iq7 RX_DATA tid 0 seq 5001 len 20", "> ACK seq 1001 ack 5021 win 64492"]);
}

#[test]
fn the_window_closes_by_itself_and_credits_open_it() {
    let mut config = config();
    config.max_rx_data = 0xffff;
    let mut rig = Rig::with(&config);
    rig.act_open(9, opt0().with_rcv_bufsiz(2), opt2());
    rig.seg(peer(SYN_ACK, IRS, ISS + 1).mss(1460));
    rig.skip();
    rig.seg(peer(ACK, IRS + 1, ISS + 1).len(2048));
    rig.expect(&["iq5 RX_DATA tid 0 seq 5001 len 2048", "> ACK seq 1001 ack 7049 win 0"]);
    rig.credit(Tid(0), credits(2048));
    rig.expect(&["> ACK seq 1001 ack 7049 win 2048"]);
}

#[test]
fn force_ack_acknowledges_whether_or_not_it_is_owed() {
    let (mut rig, tid) = Rig::opened();
    rig.credit(tid, CreditDack(0).with_force_ack(true));
    rig.expect(&["> ACK seq 1001 ack 5001 win 64512"]);
    rig.credit(tid, credits(10));
    rig.expect(&[]);
}

#[test]
fn delayed_acks_are_switched_by_the_host() {
    let (mut rig, tid) = Rig::opened();
    rig.credit(tid, CreditDack(0).with_dack_change(true).with_dack_mode(1));
    rig.seg(peer(ACK, IRS + 1, ISS + 1).len(10));
    rig.expect(&["iq5 RX_DATA tid 0 seq 5001 len 10"]);
    rig.wait(Nanos::from_millis(100));
    rig.expect(&["> ACK seq 1001 ack 5011 win 64502"]);
    rig.credit(tid, CreditDack(0).with_dack_change(true).with_dack_mode(0));
    rig.seg(peer(ACK, IRS + 11, ISS + 1).len(10));
    rig.expect(&["iq5 RX_DATA tid 0 seq 5011 len 10", "> ACK seq 1001 ack 5021 win 64492"]);
}

/// TP's registers, none of them at its default.
fn settings() -> TpSettings {
    TpSettings {
        mtus: MTUS,
        resolution: TP_TIMER_RESOLUTION(0)
            .with_timerresolution(14)
            .with_timestampresolution(18)
            .with_delayedackresolution(14),
        rxt_min: Nanos::from_millis(300),
        rxt_max: Nanos::from_millis(500),
        keep_idle: Nanos::from_secs(10),
        keep_intvl: Nanos::from_secs(2),
        init_srtt: Nanos::from_millis(400),
        dack: Nanos::from_millis(20),
        shift_cnt: TP_SHIFT_CNT(0).with_synshiftmax(2).with_rxtshiftmaxr2(3).with_keepalivemaxr2(1),
        initcwnd: 2,
        ttl: 9,
        max_rx_data: 500,
    }
}

#[test]
fn registers_set_timers_counts_and_sizes() {
    let mut rig = Rig::new();
    rig.tp.apply(&settings(), &Clock::new(250_000, 0));
    rig.act_open(9, opt0(), opt2());
    rig.expect(&["> SYN seq 1000 win 64512 mss 1460"]);
    // INIT_SRTT, RXT_MAX, two repetitions.
    for (wait, line) in [
        (399, None),
        (1, Some("> SYN seq 1000 win 64512 mss 1460")),
        (499, None),
        (1, Some("> SYN seq 1000 win 64512 mss 1460")),
        (499, None),
        (1, Some("iq5 ACT_OPEN_RPL tid 0 atid 9 status 30")),
    ] {
        rig.wait(Nanos::from_millis(wait));
        rig.expect(line.as_slice());
    }
    rig.cpl(cpl::TidRelease::new(Tid(0)).as_bytes());
    rig.act_open(9, opt0().with_delack(true).with_keep_alive(true), opt2());
    rig.seg(peer(SYN_ACK, IRS, ISS + 1).mss(1460));
    rig.skip();
    // MAXRXDATA, and the delayed ACK.
    rig.seg(peer(ACK, IRS + 1, ISS + 1).len(600));
    rig.expect(&["iq5 RX_DATA tid 0 seq 5001 len 500", "iq5 RX_DATA tid 0 seq 5501 len 100"]);
    rig.wait(Nanos::from_millis(20));
    rig.expect(&["> ACK seq 1001 ack 5601 win 63912"]);
    // INITCWND, RXT_MIN, RXT_MAX, three retransmissions.
    rig.post_sgl(Tid(0), &[(0, 5 * 1460)]);
    assert_eq!(rig.log().len(), 2);
    let start = rig.now;
    let mut sent = Vec::new();
    while rig.host.posted.last().is_some_and(|last| last.cpl[0] != Opcode::ABORT_REQ_RSS.0) {
        rig.wait(Nanos::from_millis(1));
        if !rig.log().is_empty() {
            sent.push((rig.now - start).as_millis());
        }
    }
    assert_eq!(sent, [300, 800, 1300, 1800]);
    // KEEP_IDLE, KEEP_INTVL, one probe.
    rig.cpl(cpl::AbortRpl::new(Tid(0)).as_bytes());
    rig.cpl(cpl::TidRelease::new(Tid(0)).as_bytes());
    rig.act_open(9, opt0().with_keep_alive(true), opt2());
    rig.seg(peer(SYN_ACK, IRS, ISS + 1).mss(1460));
    rig.skip();
    rig.wait(Nanos::from_millis(9_999));
    rig.expect(&[]);
    rig.wait(Nanos::from_millis(2_001));
    rig.expect(&[
        "> ACK seq 1000 ack 5001 win 64512",
        "> RST|ACK seq 1001 ack 5001 win 0",
        "iq5 ABORT_REQ_RSS tid 0 status 34",
    ]);
}

/// As [`settings`], with two retransmissions, probes or SYNs before the host is warned, and one keepalive probe.
fn warning() -> TpSettings {
    let shift_cnt = TP_SHIFT_CNT(0)
        .with_synshiftmax(3)
        .with_rxtshiftmaxr1(2)
        .with_rxtshiftmaxr2(4)
        .with_keepalivemaxr1(1)
        .with_keepalivemaxr2(2);
    TpSettings { shift_cnt, ..settings() }
}

/// What is told between `from` and `to` milliseconds after the last segment of the peer.
fn told(rig: &mut Rig, millis: u64) -> Vec<String> {
    (0..millis)
        .flat_map(|_| {
            rig.wait(Nanos::from_millis(1));
            rig.log()
        })
        .filter(|line| line.starts_with("iq5"))
        .collect()
}

//= rfc9293#3.8.3 SHLD-9
#[test]
fn a_host_is_warned_of_a_peer_that_does_not_answer() {
    let mut rig = Rig::new();
    rig.tp.apply(&warning(), &Clock::new(250_000, 0));
    rig.act_open(9, opt0().with_keep_alive(true), opt2());
    rig.skip();
    // SYNs after 400 and 900 ms; the open goes on.
    assert!(told(&mut rig, 899).is_empty());
    assert_eq!(told(&mut rig, 400), ["iq5 ACT_OPEN_RPL tid 0 atid 9 status 35"]);
    rig.seg(peer(SYN_ACK, IRS, ISS + 1).mss(1460));
    rig.skip();
    // Payload after 300 and 800 ms.
    rig.post_sgl(Tid(0), &[(0, 100)]);
    rig.skip();
    assert!(told(&mut rig, 799).is_empty());
    assert_eq!(told(&mut rig, 400), ["iq5 ABORT_REQ_RSS tid 0 status 35"]);
    // An ACK, and no window: probes.
    rig.seg(peer(ACK, IRS + 1, ISS + 101).win(0));
    rig.post_sgl(Tid(0), &[(100, 100)]);
    rig.skip();
    assert!(told(&mut rig, 799).is_empty());
    assert_eq!(told(&mut rig, 400), ["iq5 ABORT_REQ_RSS tid 0 status 36"]);
    rig.seg(peer(ACK, IRS + 1, ISS + 101).win(1000));
    rig.seg(peer(ACK, IRS + 1, ISS + 201).win(1000));
    rig.skip();
    // A keepalive probe after 10 seconds.
    assert!(told(&mut rig, 9_999).is_empty());
    assert_eq!(told(&mut rig, 1), ["iq5 ABORT_REQ_RSS tid 0 status 37"]);
    // Nothing of all this was answered, and the connection is what it was.
    rig.seg(peer(ACK, IRS + 1, ISS + 201).len(5));
    rig.expect(&["iq5 RX_DATA tid 0 seq 5001 len 5", "> ACK seq 1201 ack 5006 win 64507"]);
    assert_eq!(rig.tp.counters().negative_advice, 4);
}

//= rfc9293#3.1 MUST-3
#[test]
fn damaged_segments_are_dropped_and_counted() {
    let (mut rig, _) = Rig::opened();
    let good = peer(ACK, IRS + 1, ISS + 1).len(10).frame();
    let damaged = |at: usize| {
        let mut frame = good.clone();
        frame[at] ^= 0x40;
        frame
    };
    rig.rx(&[damaged(22), damaged(60), damaged(50)]);
    rig.expect(&[]);
    let counters = rig.tp.counters();
    assert_eq!((counters.rx_drop_ip_checksum, counters.rx_drop_tcp_checksum), (1, 2));
    // A data offset beyond the end, under a right checksum.
    let mut bad = good.clone();
    bad[46] = 0xf0;
    let old = u16::from_be_bytes([good[46], good[47]]);
    let new = u16::from_be_bytes([bad[46], bad[47]]);
    let sum = mafo_mem::checksum::update(u16::from_be_bytes([good[50], good[51]]), old, new);
    bad[50..52].copy_from_slice(&sum.to_be_bytes());
    rig.rx(&[bad]);
    rig.expect(&[]);
    assert_eq!(rig.tp.counters().rx_drop_malformed, 1);
    rig.rx(&[good]);
    rig.expect(&["iq5 RX_DATA tid 0 seq 5001 len 10", "> ACK seq 1001 ack 5011 win 64502"]);
}

#[test]
fn registers_show_what_happened() {
    let (mut rig, tid) = Rig::opened();
    rig.post_inline(tid, b"x");
    rig.wait(Nanos::from_millis(200 + 400));
    let mut bad = peer(ACK, IRS + 1, ISS + 1).len(10).frame();
    bad[60] ^= 1;
    let mut worse = peer(ACK, IRS + 1, ISS + 1).len(10).frame();
    worse[22] ^= 1;
    rig.rx(&[bad, worse]);
    rig.cpl(cpl::AbortReq::new(tid).as_bytes());
    let expected = MibView {
        // SYN,ACK.
        in_segments: 1,
        // SYN, ACK, x three times, RST.
        out_segments: 6,
        retransmitted_segments: 2,
        out_resets: 1,
        header_errors: 1,
        tcp_errors: 1,
    };
    assert_eq!(rig.tp.mib(), expected);
}

/// Loopback frames and frames of other ports are the same connection's.
#[test]
fn a_connection_hears_every_port() {
    let (mut rig, _) = Rig::opened();
    let mut frame = mafo_mem::Frame::with_capacity(2000);
    for (at, port) in [(0, 2), (1, 5)] {
        let bytes = peer(ACK, IRS + 1 + at * 10, ISS + 1).len(10).frame();
        frame.copy_from(&bytes).expect("fits");
        let ingress = Ingress { port, mac_index: Some(3), hit_type: 0 };
        let headers = Headers::parse(ingress, &bytes).expect("a frame");
        rig.tp.handle_frame(&mut rig.host, rig.now, 0, &bytes, &headers);
        rig.tp.end_of_burst(&mut rig.host, rig.now, core::slice::from_ref(&frame));
    }
    rig.expect(&[
        "iq5 RX_DATA tid 0 seq 5001 len 10",
        "> ACK seq 1001 ack 5011 win 64502",
        "iq5 RX_DATA tid 0 seq 5011 len 10",
        "> ACK seq 1001 ack 5021 win 64492",
    ]);
}

#[test]
fn sequence_numbers_wrap() {
    let mut rig = Rig::new();
    let iss = u32::MAX - 2000;
    rig.host.expect_open(9, (OPENER, LISTENER));
    rig.cpl(act_open_req(9, opt0(), opt2()).with_iss(iss).as_bytes());
    let irs = u32::MAX - 500;
    rig.seg(peer(SYN_ACK, irs, iss.wrapping_add(1)).mss(1460));
    rig.skip();
    rig.host.sent.clear();
    rig.post_sgl(Tid(0), &[(0, 4000)]);
    assert_eq!(rig.sent_payload(), host_bytes(0, 4000));
    rig.skip();
    rig.seg(peer(ACK, irs.wrapping_add(1), iss.wrapping_add(1 + 4000)).len(1000));
    rig.expect(&[
        "iq5 RX_DATA tid 0 seq 4294966796 len 1000",
        "acked 0 una 2000 bytes 4000",
        "> ACK seq 2000 ack 500 win 63512",
    ]);
}

#[test]
fn a_register_says_how_long_packets_live() {
    let mut rig = Rig::new();
    rig.tp.apply(&settings(), &Clock::new(250_000, 0));
    rig.act_open(9, opt0(), opt2());
    rig.seg(peer(SYN_ACK, IRS, ISS + 1).mss(1460));
    let lives: Vec<u8> = rig.host.sent.iter().map(|packet| packet[8]).collect();
    assert_eq!(lives, [9, 9], "SYN and ACK");
}

#[test]
fn the_mark_of_dscp_is_on_every_packet() {
    let (mut rig, tid) = Rig::opened_with(opt0().with_dscp(46), opt2(), |syn_ack| syn_ack);
    rig.post_inline(tid, b"x");
    assert!(rig.host.sent.iter().all(|packet| packet[1] == 46 << 2));
}

#[test]
fn a_segment_is_pushed_that_ends_with_what_is_shoved() {
    let (mut rig, tid) = Rig::opened();
    let mut una = ISS + 1;
    for (flags, pushed) in [(TxDataFlags(0), false), (TxDataFlags(0).with_shove(true), true)] {
        rig.host.sent.clear();
        rig.tp.handle_tx_data(&mut rig.host, rig.now, tid, &Payload::Inline(b"five!"), flags);
        rig.poll();
        let [packet] = &rig.host.sent[..] else { panic!("{} packets", rig.host.sent.len()) };
        let (segment, _) = Segment::parse(&packet[20..]).expect("a segment");
        assert_eq!((segment.payload_len, segment.flags.contains(Flags::PSH)), (5, pushed));
        una += 5;
        rig.seg(peer(ACK, IRS + 1, una));
    }
    rig.skip();
}
