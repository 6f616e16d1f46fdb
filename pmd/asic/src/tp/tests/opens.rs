//! How connections begin.

use super::rig::*;
use crate::le::Action;
use crate::tp::Disposition;
use crate::tp::tcb::Phase;
use mafo_mem::Nanos;
use mafo_t4::cpl::{self, AbortCmd, AcceptMode, Opcode, Status};
use mafo_t4::opt::{CongAlg, ConnPolicy, Opt1};
use mafo_t4::tcb::{TFlags, field};
use mafo_t4::{Atid, IqId, PortId, Stid, Tid};
use mafo_tcp::{CongestionControl, Flags};

const SYN: Flags = Flags::SYN;
const ACK: Flags = Flags::ACK;
const SYN_ACK: Flags = Flags::SYN.with(Flags::ACK);
const RST: Flags = Flags::RST;

const ESTABLISHED: &str = "iq5 ACT_ESTABLISH tid 0 atid 9 snd_isn 1001 rcv_isn 5001 \
     TcpOpt { mss: 8, snd_wscale: 0, tstamp: false, sack: false, wscale_ok: false }";
const ACCEPTED: &str = "iq5 PASS_ESTABLISH tid 0 stid 200 snd_isn 1001 rcv_isn 5001 \
     TcpOpt { mss: 8, snd_wscale: 0, tstamp: false, sack: false, wscale_ok: false }";

#[test]
fn an_active_open_with_all_options() {
    let mut rig = Rig::new();
    let opt2 = opt2().with_wnd_scale_en(true).with_tstamps_en(true).with_sack_en(true);
    rig.act_open(9, opt0().with_wnd_scale(2).with_rcv_bufsiz(0x3ff), opt2);
    rig.expect(&["> SYN seq 1000 win 65535 mss 1460 wscale 2 sackok ts 953 0"]);
    assert_eq!(rig.tp.active(), (1, 0));
    rig.seg(peer(SYN_ACK, IRS, ISS + 1).mss(1400).wscale(7).sackok().ts(77, 953));
    rig.expect(&[
        // 1400 + 40 lies between 1280 and 1488 in the MTU table.
        "iq5 ACT_ESTABLISH tid 0 atid 9 snd_isn 1001 rcv_isn 5001 \
         TcpOpt { mss: 6, snd_wscale: 7, tstamp: true, sack: true, wscale_ok: true }",
        // 1023 KB in units of 4, as far as 16 bits go.
        "> ACK seq 1001 ack 5001 win 65535 ts 953 77",
    ]);
}

#[test]
fn an_active_open_without_options() {
    let mut rig = Rig::new();
    rig.act_open(9, opt0(), opt2());
    rig.expect(&["> SYN seq 1000 win 64512 mss 1460"]);
    rig.seg(peer(SYN_ACK, IRS, ISS + 1));
    rig.expect(&[
        // RFC 9293 3.7.1: 536 where no MSS is told.
        "iq5 ACT_ESTABLISH tid 0 atid 9 snd_isn 1001 rcv_isn 5001 \
         TcpOpt { mss: 3, snd_wscale: 0, tstamp: false, sack: false, wscale_ok: false }",
        "> ACK seq 1001 ack 5001 win 64512",
    ]);
}

fn congestion(rig: &Rig) -> CongestionControl {
    match &rig.tp.tcbs.get(Tid(0)).expect("a TCB").phase {
        Phase::Live(live) => live.conn.congestion(),
        _ => panic!("not a live connection"),
    }
}

#[test]
fn code_points_choose_the_congestion_control() {
    use CongestionControl::{Cubic, HighSpeed, NewReno, Reno, Tahoe};
    for (code, algorithm) in
        [(0, Reno), (1, Tahoe), (2, NewReno), (3, HighSpeed)].map(|(c, a)| (CongAlg(c), a))
    {
        let (rig, _) = Rig::opened_with(opt0(), opt2().with_cong(code), |syn_ack| syn_ack);
        assert_eq!(congestion(&rig), algorithm);
        let mut rig = Rig::new();
        rig.listen(200);
        rig.seg(to_listener(SYN, IRS, 0).mss(1460));
        let tid = rig.asked();
        rig.accept(tid, opt0(), opt2().with_cong(code));
        assert_eq!(congestion(&rig), algorithm);
    }
    // What goes beyond silicon is configuration.
    let mut config = config();
    config.congestion = [Reno, Cubic, NewReno, HighSpeed];
    let mut rig = Rig::with(&config);
    rig.act_open(9, opt0(), opt2().with_cong(CongAlg(1)));
    assert_eq!(congestion(&rig), Cubic);
}

#[test]
fn an_uploaded_connection_has_the_congestion_control_of_its_flags() {
    let mut rig = Rig::filtered();
    rig.go_live(TFlags::default().with_recv_tstmp(true).with_cctrl_sel(3).0);
    assert_eq!(congestion(&rig), CongestionControl::HighSpeed);
    rig.cpl(cpl::SetTcbField::at(Tid(0), 1, TFlags::CCTRL_SEL_MASK, 0).as_bytes());
    assert_eq!(congestion(&rig), CongestionControl::Reno);
}

#[test]
fn a_connection_that_exists_is_not_opened_again() {
    let mut rig = Rig::new();
    rig.act_open(9, opt0(), opt2());
    rig.skip();
    rig.act_open(10, opt0(), opt2());
    rig.expect(&["iq5 ACT_OPEN_RPL tid 0 atid 10 status 22"]);
    assert_eq!((rig.tp.tids_in_use(), rig.tp.le.tids.in_use()), (1, 1));
}

#[test]
fn a_full_table_says_so() {
    let mut config = config();
    config.regions.tids = 1;
    let mut rig = Rig::with(&config);
    rig.act_open(9, opt0(), opt2());
    rig.skip();
    let other = act_open_req(10, opt0(), opt2()).with_local_port(OPENER + 1);
    rig.cpl(other.as_bytes());
    rig.expect(&["iq5 ACT_OPEN_RPL tid 0 atid 10 status 3"]);
    assert_eq!(rig.tp.active(), (1, 0));
}

#[test]
fn an_unresolved_next_hop_fails_the_open() {
    let mut rig = Rig::new();
    rig.host.unresolved.insert(L2T);
    rig.act_open(9, opt0(), opt2());
    rig.expect(&["iq5 ACT_OPEN_RPL tid 0 atid 9 status 23"]);
    assert_eq!(
        (rig.tp.active(), rig.tp.tids_in_use()),
        ((0, 0), 1),
        "the TID is the host's to release"
    );
    rig.cpl(cpl::TidRelease::new(Tid(0)).as_bytes());
    assert_eq!((rig.tp.tids_in_use(), rig.host.released.as_slice()), (0, &[Tid(0)][..]));
}

#[test]
fn an_open_without_answer_gives_up() {
    let mut rig = Rig::new();
    rig.act_open(9, opt0(), opt2());
    rig.skip();
    rig.wait(Nanos::from_millis(999));
    rig.expect(&[]);
    rig.wait(Nanos::from_millis(1));
    rig.expect(&["> SYN seq 1000 win 64512 mss 1460"]);
    rig.wait(Nanos::from_secs(600));
    let log = rig.log();
    assert_eq!(log.last().map(String::as_str), Some("iq5 ACT_OPEN_RPL tid 0 atid 9 status 30"));
    assert_eq!(log.len(), 8, "six more SYNs, and a warning: {log:?}");
    assert_eq!((rig.tp.active(), rig.tp.tids_in_use()), ((0, 0), 1));
}

#[test]
fn a_refused_open_says_so() {
    let mut rig = Rig::new();
    rig.act_open(9, opt0(), opt2());
    rig.skip();
    // RFC 5961: a reset that acknowledges something else is nobody's.
    rig.seg(peer(RST | ACK, 0, ISS));
    rig.expect(&[]);
    rig.seg(peer(RST | ACK, 0, ISS + 1));
    rig.expect(&["iq5 ACT_OPEN_RPL tid 0 atid 9 status 20"]);
    // The peer is forgotten, the TID is not.
    rig.seg(peer(SYN_ACK, IRS, ISS + 1));
    rig.expect(&[]);
    assert_eq!((rig.tp.active(), rig.tp.tids_in_use()), ((0, 0), 1));
}

#[test]
fn the_handshakes_last_ack_waits_for_its_message() {
    let mut rig = Rig::new();
    rig.act_open(9, opt0(), opt2());
    rig.skip();
    rig.host.stalled.insert(IQ);
    rig.rx(&[
        peer(SYN_ACK, IRS, ISS + 1).mss(1460).frame(),
        peer(ACK, IRS + 1, ISS + 1).len(100).frame(),
    ]);
    rig.wait(Nanos::from_secs(3));
    rig.expect(&[]);
    assert_eq!(rig.tp.stalled_messages(), 2, "ACT_ESTABLISH and bytes");
    rig.host.stalled.clear();
    rig.poll();
    rig.expect(&[
        ESTABLISHED,
        "iq5 RX_DATA tid 0 seq 5001 len 100",
        "> ACK seq 1001 ack 5101 win 64412",
    ]);
}

#[test]
fn payload_does_not_overtake_establish_by_another_queue() {
    let mut rig = Rig::new();
    // Messages of the connection to queue 7, the answer to the open to queue 5.
    rig.act_open(9, opt0(), opt2().with_queue(IqId(7)));
    rig.skip();
    rig.host.stalled.insert(IQ);
    rig.seg(peer(SYN_ACK, IRS, ISS + 1).mss(1460));
    rig.seg(peer(ACK, IRS + 1, ISS + 1).len(10));
    rig.poll();
    rig.expect(&[]);
    rig.host.stalled.clear();
    rig.wait(Nanos::from_millis(1));
    rig.expect(&[
        ESTABLISHED,
        "iq7 RX_DATA tid 0 seq 5001 len 10",
        "> ACK seq 1001 ack 5011 win 64502",
    ]);
}

#[test]
fn a_passive_open() {
    let mut rig = Rig::new();
    rig.listen(200);
    rig.expect(&["iq5 PASS_OPEN_RPL stid 200 status 0"]);
    let syn = to_listener(SYN, IRS, 0).mss(1400).wscale(7).sackok().ts(77, 0);
    assert_eq!(rig.seg(syn.clone()), Disposition::Consumed);
    rig.expect(&["iq5 PASS_ACCEPT_REQ tid 0 stid 200 len 74"]);
    let posted = rig.last(Opcode::PASS_ACCEPT_REQ).clone();
    assert_eq!(posted.payload, syn.frame(), "the SYN from its Ethernet header");
    let request = cpl::parse::<cpl::PassAcceptReq>(&posted.cpl).expect("PASS_ACCEPT_REQ");
    assert_eq!(request.len(), 74);
    let hdr_len = request.hdr_len();
    assert_eq!((hdr_len.eth(), hdr_len.ip(), hdr_len.tcp(), hdr_len.rx_chan()), (14, 20, 40, 0));
    let options = request.tcpopt();
    assert_eq!(
        (options.mss(), options.wsf(), options.tstamp(), options.sack()),
        (1400, 7, true, true)
    );

    // Until the host answers, a SYN again is no other connection.
    rig.seg(syn);
    rig.expect(&[]);
    assert_eq!(rig.tp.counters().rx_drop_not_open, 1);

    let opt2 = opt2().with_wnd_scale_en(true).with_tstamps_en(true).with_sack_en(true);
    rig.accept(Tid(0), opt0().with_wnd_scale(9), opt2);
    rig.expect(&["> SYN|ACK seq 1000 ack 5001 win 64512 mss 1460 wscale 9 sackok ts 953 77"]);
    rig.seg(to_listener(ACK, IRS + 1, ISS + 1).ts(78, 953));
    rig.expect(&["iq5 PASS_ESTABLISH tid 0 stid 200 snd_isn 1001 rcv_isn 5001 \
         TcpOpt { mss: 6, snd_wscale: 7, tstamp: true, sack: true, wscale_ok: true }"]);
}

#[test]
fn a_syn_without_options_says_so() {
    let mut rig = Rig::new();
    rig.listen(200);
    rig.seg(to_listener(SYN, IRS, 0));
    let posted = rig.last(Opcode::PASS_ACCEPT_REQ).clone();
    let options = cpl::parse::<cpl::PassAcceptReq>(&posted.cpl).expect("PASS_ACCEPT_REQ").tcpopt();
    assert_eq!(
        (options.mss(), options.wsf(), options.tstamp(), options.sack()),
        (0, 0xff, false, false)
    );
}

#[test]
fn a_syn_ack_is_repeated_until_the_peer_gives_up() {
    let mut rig = Rig::new();
    rig.listen(200);
    rig.seg(to_listener(SYN, IRS, 0).mss(1460));
    rig.accept(Tid(0), opt0(), opt2());
    rig.skip();
    rig.wait(Nanos::from_secs(1));
    rig.expect(&["> SYN|ACK seq 1000 ack 5001 win 64512 mss 1460"]);
    rig.wait(Nanos::from_secs(600));
    let log = rig.log();
    assert_eq!(log.last().map(String::as_str), Some("iq5 ABORT_REQ_RSS tid 0 status 30"));
    assert_eq!(log.len(), 6, "with a warning: {log:?}");
    rig.cpl(cpl::AbortRpl::new(Tid(0)).as_bytes());
    rig.cpl(cpl::TidRelease::new(Tid(0)).as_bytes());
    rig.expect(&[]);
    assert_eq!(
        (rig.tp.tids_in_use(), rig.tp.poll_timeout().is_some_and(|at| at <= rig.now)),
        (0, false)
    );
}

#[test]
fn pass_establish_comes_before_the_next_ack() {
    let mut rig = Rig::new();
    rig.listen(200);
    rig.seg(to_listener(SYN, IRS, 0).mss(1460));
    let tid = rig.asked();
    rig.accept(tid, opt0(), opt2());
    rig.skip();
    rig.host.stalled.insert(IQ);
    rig.seg(to_listener(ACK, IRS + 1, ISS + 1).len(5));
    rig.wait(Nanos::from_secs(2));
    rig.expect(&[]);
    rig.host.stalled.clear();
    rig.poll();
    rig.expect(&[
        ACCEPTED,
        "iq5 RX_DATA tid 0 seq 5001 len 5",
        "> ACK seq 1001 ack 5006 win 64507",
    ]);
}

#[test]
fn a_rejected_syn_is_the_hosts() {
    let mut rig = Rig::new();
    rig.listen(200);
    rig.seg(to_listener(SYN, IRS, 0));
    rig.skip();
    rig.accept(Tid(0), opt0().with_accept(AcceptMode::REJECT), opt2());
    rig.expect(&[]);
    assert_eq!((rig.tp.active(), rig.tp.tids_in_use()), ((0, 0), 1));
    rig.cpl(cpl::TidRelease::new(Tid(0)).as_bytes());
    // The peer may try again.
    rig.seg(to_listener(SYN, IRS + 100, 0));
    rig.expect(&["iq5 PASS_ACCEPT_REQ tid 0 stid 200 len 54"]);
}

#[test]
fn a_syn_accepted_as_tunnel_is_left_to_the_host() {
    let mut rig = Rig::new();
    rig.listen(200);
    rig.seg(to_listener(SYN, IRS, 0));
    let opt2 = opt2().with_cong(CongAlg::NEWRENO);
    rig.accept(Tid(0), opt0().with_accept(AcceptMode::ACCEPT_TNL).with_no_cong(true), opt2);
    rig.skip();
    let action = Action::Host { queue: Some(IQ), report: Some(0) };
    assert_eq!(rig.seg(to_listener(ACK, IRS + 1, 77)), Disposition::Act(action));
    rig.expect(&[]);
}

#[test]
fn a_peer_that_resets_before_it_is_accepted() {
    for accepted in [false, true] {
        let mut rig = Rig::new();
        rig.listen(200);
        rig.seg(to_listener(SYN, IRS, 0));
        if accepted {
            rig.accept(Tid(0), opt0(), opt2());
        }
        rig.skip();
        rig.seg(to_listener(RST, IRS + 7, 0));
        rig.skip();
        rig.seg(to_listener(RST, IRS + 1, 0));
        rig.expect(&["iq5 ABORT_REQ_RSS tid 0 status 20"]);
        // The answer to the SYN crosses it.
        rig.accept(Tid(0), opt0(), opt2());
        rig.cpl(cpl::AbortRpl::new(Tid(0)).as_bytes());
        rig.cpl(cpl::TidRelease::new(Tid(0)).as_bytes());
        rig.expect(&[]);
        assert_eq!((rig.tp.tids_in_use(), rig.tp.counters().cpl_wrong_state), (0, 0));
    }
}

#[test]
fn a_host_that_aborts_before_it_answers() {
    for (cmd, segment) in [
        (AbortCmd::SEND_RST, Some("via 0 0 > RST|ACK seq 0 ack 5001 win 0")),
        (AbortCmd::NO_RST, None),
    ] {
        let mut rig = Rig::new();
        rig.listen(200);
        rig.seg(to_listener(SYN, IRS, 0));
        rig.skip();
        rig.cpl(cpl::AbortReq::new(Tid(0)).with_cmd(cmd).as_bytes());
        let mut lines: Vec<&str> = segment.into_iter().collect();
        lines.push("iq5 ABORT_RPL_RSS tid 0 status 0");
        rig.expect(&lines);
    }
}

#[test]
fn a_syn_for_a_stalled_queue_is_dropped_without_a_trace() {
    let mut rig = Rig::new();
    rig.listen(200);
    rig.skip();
    rig.host.stalled.insert(IQ);
    rig.seg(to_listener(SYN, IRS, 0));
    rig.host.stalled.clear();
    rig.poll();
    rig.expect(&[]);
    assert_eq!((rig.tp.tids_in_use(), rig.tp.active()), (0, (0, 0)));
    assert_eq!(rig.tp.counters().rx_drop_syn_stalled, 1);
    rig.seg(to_listener(SYN, IRS, 0));
    rig.expect(&["iq5 PASS_ACCEPT_REQ tid 0 stid 200 len 54"]);
}

#[test]
fn a_syn_does_not_overtake_what_its_queue_is_owed() {
    let mut rig = Rig::new();
    rig.host.stalled.insert(IQ);
    rig.listen(200);
    rig.host.stalled.clear();
    rig.seg(to_listener(SYN, IRS, 0));
    rig.poll();
    rig.expect(&["iq5 PASS_OPEN_RPL stid 200 status 0"]);
    assert_eq!(rig.tp.counters().rx_drop_syn_stalled, 1);
}

#[test]
fn a_syn_without_a_free_tid_is_dropped() {
    let mut config = config();
    config.regions.tids = 0;
    let mut rig = Rig::with(&config);
    rig.listen(200);
    rig.skip();
    rig.seg(to_listener(SYN, IRS, 0));
    rig.expect(&[]);
    assert_eq!(rig.tp.counters().rx_drop_syn_no_tid, 1);
}

#[test]
fn a_listener_that_denies() {
    let mut rig = Rig::new();
    let opt1 = Opt1(0).with_syn_queue(IQ).with_policy(ConnPolicy::DENY);
    rig.cpl(cpl::PassOpenReq::new(Stid(200)).with_local_port(LISTENER).with_opt1(opt1).as_bytes());
    rig.skip();
    assert_eq!(rig.seg(to_listener(SYN, IRS, 0)), Disposition::Consumed);
    rig.expect(&[]);
    assert_eq!(rig.tp.counters().rx_drop_syn_denied, 1);
}

/// With SYN_RSS_USE_HASH each SYN is told of where its frames would go, and what its connection says until the host has
/// answered as well.
#[test]
fn syns_are_spread_where_the_listener_asks_for_it() {
    let mut rig = Rig::new();
    let listen = |rig: &mut Rig, stid, port, opt1: Opt1| {
        let request = cpl::PassOpenReq::new(Stid(stid)).with_local_port(port);
        rig.cpl(request.with_opt1(opt1.with_policy(ConnPolicy::ASK)).as_bytes());
    };
    listen(&mut rig, 200, LISTENER, Opt1(0).with_spread_syns(IQ));
    rig.expect(&["iq5 PASS_OPEN_RPL stid 200 status 0"]);
    rig.host.spread = Some(IqId(9));
    rig.seg(to_listener(SYN, IRS, 0));
    rig.expect(&["iq9 PASS_ACCEPT_REQ tid 0 stid 200 len 54"]);
    rig.seg(to_listener(RST, IRS + 1, 0));
    rig.expect(&["iq9 ABORT_REQ_RSS tid 0 status 20"]);
    // Who picks none has said where they go.
    rig.host.spread = None;
    let mut next = to_listener(SYN, IRS, 0);
    next.segment.src_port += 1;
    rig.seg(next);
    rig.expect(&["iq5 PASS_ACCEPT_REQ tid 1 stid 200 len 54"]);
}

#[test]
fn listeners_come_and_go() {
    let mut rig = Rig::new();
    rig.listen(200);
    rig.listen(200);
    rig.listen(300);
    rig.expect(&[
        "iq5 PASS_OPEN_RPL stid 200 status 0",
        "iq5 PASS_OPEN_RPL stid 200 status 22",
        "iq5 PASS_OPEN_RPL stid 300 status 3",
    ]);
    let close = cpl::CloseListsrvReq::new(Stid(200));
    let reply = close.reply_ctrl().with_queue(CTRL_IQ.0);
    rig.cpl(close.with_reply_ctrl(reply).as_bytes());
    rig.cpl(close.with_reply_ctrl(reply).as_bytes());
    rig.cpl(close.with_reply_ctrl(reply.with_no_reply(true)).as_bytes());
    rig.expect(&[
        "iq6 CLOSE_LISTSRV_RPL stid 200 status 0",
        "iq6 CLOSE_LISTSRV_RPL stid 200 status 2",
    ]);
    assert_eq!(rig.seg(to_listener(SYN, IRS, 0)), Disposition::Unmatched);
}

#[test]
fn a_segment_of_nobody_is_never_answered() {
    let mut rig = Rig::new();
    for flags in [ACK, SYN, SYN_ACK, RST, Flags::FIN | ACK] {
        assert_eq!(rig.seg(to_listener(flags, IRS, ISS)), Disposition::Unmatched);
    }
    rig.listen(200);
    rig.skip();
    for flags in [ACK, SYN_ACK, RST, Flags::FIN | ACK] {
        assert_eq!(
            rig.seg(to_listener(flags, IRS, ISS)),
            Disposition::Unmatched,
            "a listener takes SYNs only"
        );
    }
    rig.expect(&[]);
}

#[test]
fn a_non_offload_open_leaves_the_frames_to_the_host() {
    let mut rig = Rig::new();
    let opt0 = opt0().with_non_offload(true).with_no_cong(true).with_wnd_scale(2);
    rig.act_open(9, opt0, opt2().with_cong(CongAlg::NEWRENO));
    rig.expect(&["iq5 ACT_OPEN_RPL tid 0 atid 9 status 0"]);
    assert_eq!(rig.tp.active(), (1, 0));
    // NO_CONG reports the TID, CONG_CNTRL 2 steers to RSS_QUEUE.
    let action = Action::Host { queue: Some(IQ), report: Some(0) };
    for flags in [ACK, SYN, RST, Flags::FIN | ACK] {
        assert_eq!(rig.seg(peer(flags, IRS, ISS)), Disposition::Act(action));
    }
    rig.wait(Nanos::from_secs(100));
    rig.expect(&[]);
    assert_eq!((rig.tp.counters().rx_not_offloaded, rig.tp.offloaded()), (4, 0));

    rig.cpl(cpl::GetTcb::new(Tid(0)).with_reply_ctrl(cpl::ReplyCtrl::to(CTRL_IQ)).as_bytes());
    rig.expect(&["iq6 GET_TCB_RPL tid 0"]);
    let image = image_in(rig.last(Opcode::GET_TCB_RPL));
    for (field, value) in [
        (field::L2T_IX, 17),
        (field::SMAC_SEL, 3),
        (field::RSS_INFO, 5),
        (field::T_STATE, 4),
        (field::MAX_RT, 15),
        (field::T_MAXSEG, 8),
        (field::SND_SCALE, 2),
        (field::RCV_WND, 63 << 10),
        // NON_OFFLOAD 1, REPORT_TID 21, DIRECT_STEER 23.
        (field::T_FLAGS, 1 << 1 | 1 << 21 | 1 << 23),
    ] {
        assert_eq!(image.get(field), value, "{}", field.name);
    }

    // The recipe for deleting a hash filter.
    rig.cpl(cpl::AbortReq::new(Tid(0)).with_cmd(AbortCmd::NO_RST).as_bytes());
    rig.cpl(cpl::AbortRpl::new(Tid(0)).with_cmd(AbortCmd::NO_RST).as_bytes());
    rig.expect(&["iq5 ABORT_RPL_RSS tid 0 status 0"]);
    assert_eq!(rig.seg(peer(ACK, IRS, ISS)), Disposition::Unmatched);
    rig.cpl(cpl::TidRelease::new(Tid(0)).as_bytes());
    assert_eq!((rig.tp.tids_in_use(), rig.tp.counters().cpl_wrong_state), (0, 0));
}

#[test]
fn flags_of_a_non_offload_connection_are_filter_actions() {
    let action = |opt0, opt2| {
        let mut rig = Rig::new();
        rig.act_open(9, opt0, opt2);
        rig.seg(peer(ACK, IRS, ISS))
    };
    let opt0 = opt0().with_non_offload(true);
    let host = |queue, report| Disposition::Act(Action::Host { queue, report });
    assert_eq!(action(opt0, opt2()), host(None, None), "by RSS, without a name");
    assert_eq!(action(opt0.with_no_cong(true), opt2()), host(None, Some(0)));
    assert_eq!(action(opt0, opt2().with_cong(CongAlg::TAHOE)), Disposition::Act(Action::Drop));
    let switch = action(opt0.with_port(PortId(2)), opt2().with_cctrl_ecn(true));
    assert!(
        matches!(
            switch,
            Disposition::Act(Action::Switch { port: PortId(2), rewrite_dmac: false, .. })
        ),
        "{switch:?}"
    );
}

#[test]
fn hits_are_counted_where_the_open_asks_for_it() {
    for (delack, expected) in [(false, (0, 0)), (true, (2, 54 + 154))] {
        let mut rig = Rig::new();
        rig.act_open(9, opt0().with_non_offload(true).with_delack(delack), opt2());
        rig.seg(peer(ACK, IRS, ISS));
        rig.seg(peer(ACK, IRS, ISS).len(100));
        rig.cpl(cpl::GetTcb::new(Tid(0)).with_reply_ctrl(cpl::ReplyCtrl::to(CTRL_IQ)).as_bytes());
        let image = image_in(rig.last(Opcode::GET_TCB_RPL));
        assert_eq!((image.word(5), image.read64(6)), expected, "DELACK {delack}");
    }
}

#[test]
fn ipv6_is_answered() {
    let mut rig = Rig::new();
    rig.cpl(cpl::ActOpenReq6::new(IQ, Atid(9)).as_bytes());
    let opt1 = Opt1(0).with_syn_queue(IQ);
    rig.cpl(cpl::PassOpenReq6::new(Stid(200)).with_opt1(opt1).as_bytes());
    rig.expect(&["iq5 ACT_OPEN_RPL tid 0 atid 9 status 2", "iq5 PASS_OPEN_RPL stid 200 status 2"]);
    assert!(!Status::TCAM_MISS.act_open_has_tid());
}

#[test]
fn a_tuple_that_the_filter_mask_enforces_must_be_right() {
    let mut rig = Rig::new();
    // UDP's protocol number in the tuple of a TCP connection: its frames are not found.
    let params = mafo_t4::opt::Params64(0).with_filter_tuple(17 << 21);
    rig.cpl(act_open_req(9, opt0(), opt2()).with_params(params).as_bytes());
    assert_eq!(rig.seg(peer(SYN_ACK, IRS, ISS + 1)), Disposition::Unmatched);
}

/// Whoever measures what a change of owner costs is told whose it is.
#[test]
fn what_an_upload_is_made_of_is_charged_to_its_connection() {
    let mut rig = Rig::new();
    let subject = |rig: &Rig, message: &[u8]| {
        crate::charge::subject_of_cpl(&rig.tp, message).map(|of| (of.local_port, of.peer_port))
    };
    let left_alone = opt0().with_non_offload(true);
    let open = act_open_req(9, left_alone, opt2());
    let ports = Some((open.local_port(), open.peer_port()));
    assert_eq!(subject(&rig, open.as_bytes()), ports);
    let usual = act_open_req(9, opt0(), opt2());
    assert_eq!(subject(&rig, usual.as_bytes()), None, "an open of TP's own");
    let get = cpl::GetTcb::new(Tid(0));
    assert_eq!(subject(&rig, get.as_bytes()), None, "nobody has the TID");
    rig.act_open(9, left_alone, opt2());
    rig.expect(&["iq5 ACT_OPEN_RPL tid 0 atid 9 status 0"]);
    let (set, abort) = (cpl::SetTcbField::at(Tid(0), 1, 0, 0), cpl::AbortReq::new(Tid(0)));
    for message in [get.as_bytes(), set.as_bytes(), abort.as_bytes()] {
        assert_eq!(subject(&rig, message), ports);
        assert_eq!(subject(&rig, &message[..4]), None, "cut short");
    }
    assert_eq!(subject(&rig, cpl::RxDataAck::new(Tid(0)).as_bytes()), None);
    assert!(rig.tp.is_left_alone(Tid(0)) && !rig.tp.is_left_alone(Tid(1)));
}
