//! Frames in, out and around: interfaces, RSS, checksums, tags, filters.

use super::host::{Host, HostEq, HostIq, IqPlan, Message, eth_wr, eth_wr_with, plain, sum16, tcp};
use mafo_t4::PortId;
use mafo_t4::fw::{Access, Command, RssIndTblCmd, RxMode, ViRxModeCmd, Viid};
use mafo_t4::wr::FwFilterWr;
use mafo_t4::{Ftid, IqId};

/// A card with an interface on port 2, whose cable has a carrier.
struct Bench {
    host: Host,
    iq: HostIq,
    eth: HostEq,
    ctrl: HostEq,
    viid: Viid,
    mac: [u8; 6],
}

fn bench() -> Bench {
    let mut host = Host::new(Host::config());
    host.hello();
    let mut iq = host.iq(IqPlan::default());
    host.refill(&mut iq, 7);
    let (viid, mac) = host.interface(2, &iq);
    let eth = host.eth_eq(&iq, viid, 2, 32);
    let ctrl = host.ctrl_eq(&iq, 32);
    host.link(PortId(2), true);
    Bench { host, iq, eth, ctrl, viid, mac }
}

impl Bench {
    fn receive(&mut self, frame: &[u8]) -> Vec<Message> {
        self.host.receive(2, &[frame.to_vec()]);
        self.host.drain(&mut self.iq)
    }

    fn filter(&mut self, wr: FwFilterWr) {
        self.host.post(&mut self.ctrl, wr.as_bytes());
        self.host.poll();
        let replies = self.host.drain(&mut self.iq);
        assert_eq!(replies.len(), 1);
        let cpl = replies[0].cpl();
        // SET_TCB_RPL of the filter, cookie 1 (added) in 7:5.
        assert_eq!((cpl[0], cpl[6] >> 5), (0x3a, 1));
    }
}

/// TX_PKT_XT with INTF = 4 + n comes back as RX_PKT of ingress port 4 + n.
#[test]
fn a_frame_sent_to_the_loopback_comes_back() {
    let mut bench = bench();
    let frame = plain(bench.mac, b"round trip");
    bench.host.post(&mut bench.eth, &eth_wr(6, &frame));
    bench.host.poll();
    let messages = bench.host.drain(&mut bench.iq);
    assert_eq!(messages.len(), 1);
    let message = &messages[0];
    assert_eq!(message.opcode(), 0x3b, "RX_PKT");
    assert_eq!(message.payload[..2], [0, 0], "two bytes of pad");
    assert_eq!(message.payload[2..], frame);
    let cpl = message.cpl();
    assert_eq!(cpl[0], 0x3b);
    assert_eq!(cpl[1] & 0x0f, 6, "iff: loopback of channel 2");
    assert_eq!(u16::from_be_bytes([cpl[6], cpl[7]]), frame.len() as u16);
    assert_eq!(cpl[8] >> 4, 2, "channel 2");
    assert!(bench.host.sent(2).is_empty(), "nothing left by the cable");
    // MPS_PORT_STAT_LB_PORT_FRAMES and TX_PORT_FRAMES of port 2.
    assert_eq!(bench.host.bar.read32(0x38000 + 0x4c8), 1);
    assert_eq!(bench.host.bar.read32(0x38000 + 0x408), 0);
}

#[test]
fn rx_pkt_says_what_the_parser_saw() {
    let mut bench = bench();
    let frame = tcp(bench.mac, [10, 77, 0, 1], [10, 77, 0, 2], 40_000, 7, 0x18, b"hello");
    let messages = bench.receive(&frame);
    let cpl = messages[0].cpl();
    // Wire port 2, checksums computed and right.
    assert_eq!(cpl[1], 0x12);
    assert_eq!(cpl[2..4], [0xff, 0xff]);
    assert_eq!(cpl[4..6], [0, 0], "no tag taken out");
    // l2info: channel 2, IP 24, TCP 23, PSH 20, exact unicast, entry 0, Ethernet header 14.
    assert_eq!(cpl[8..12], (2_u32 << 28 | 1 << 24 | 1 << 23 | 1 << 20 | 14).to_be_bytes());
    // hdr_len: IP 20 in 15:6, TCP 20 in 5:0; no errors.
    assert_eq!(cpl[12..16], [0x05, 0x14, 0, 0]);

    let mut bad = frame.clone();
    bad[50] ^= 1;
    let messages = bench.receive(&bad);
    assert_eq!(messages[0].cpl()[14..16], [0x20, 0x01], "CSUM b13, and that there is one");
    assert_eq!(messages[0].payload[2..], bad, "delivered all the same");
    let mut bad = frame;
    bad[22] ^= 1;
    let messages = bench.receive(&bad);
    assert_eq!(messages[0].cpl()[14..16], [0x10, 0x01], "IPCSUM b12");
}

#[test]
fn only_frames_for_the_interface_are_taken() {
    let mut bench = bench();
    let mine = bench.mac;
    let mut other = mine;
    other[5] ^= 1;
    assert_eq!(bench.receive(&plain(mine, b"m")).len(), 1);
    assert_eq!(bench.receive(&plain(other, b"o")).len(), 0);
    assert_eq!(bench.receive(&plain([0xff; 6], b"b")).len(), 1);
    assert_eq!(bench.receive(&plain([1, 0, 0x5e, 0, 0, 1], b"m")).len(), 0);
    assert_eq!(bench.host.asic.counters().hw.rx_no_interface, 2);
    let viid = bench.viid;
    let set = |mode: RxMode| ViRxModeCmd::request(Access::Write).of_vi(viid).with_mode(mode);
    let cmd = set(RxMode::UNCHANGED.with_allmultien(1).with_broadcasten(0));
    bench.host.ok(&cmd, cmd.as_bytes());
    assert_eq!(bench.receive(&plain([0xff; 6], b"b")).len(), 0);
    assert_eq!(bench.receive(&plain([1, 0, 0x5e, 0, 0, 1], b"m")).len(), 1);
    let cmd = set(RxMode::UNCHANGED.with_promiscen(1));
    bench.host.ok(&cmd, cmd.as_bytes());
    let messages = bench.receive(&plain(other, b"o"));
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].cpl()[9] >> 1 & 7, 4, "PKTYPE promiscuous, 19:17");
    // A short frame, an empty one, one that no port takes.
    assert_eq!(bench.receive(&[1, 2, 3]).len(), 0);
    assert_eq!(bench.receive(&[]).len(), 0);
    assert_eq!(bench.receive(&plain(mine, &[0; 1600])).len(), 0);
    assert_eq!(bench.host.asic.counters().hw.rx_bad_length, 2);
    // RX_PORT_MTU_ERROR of port 2.
    assert_eq!(bench.host.bar.read32(0x38000 + 0x568), 1);
    // MPS_CLS_TCAM_X of entry 0 is the address, Y its complement.
    let x =
        u64::from(bench.host.bar.read32(0xf008)) | u64::from(bench.host.bar.read32(0xf00c)) << 32;
    let y =
        u64::from(bench.host.bar.read32(0xf000)) | u64::from(bench.host.bar.read32(0xf004)) << 32;
    assert_eq!(x.to_be_bytes()[2..], mine);
    assert_eq!(x ^ y, 0xffff_ffff_ffff);
}

/// Connections spread over the queues of the slice; both directions of one meet.
#[test]
fn rss_spreads_and_is_symmetric() {
    let mut bench = bench();
    let mut queues: Vec<HostIq> = (0..4).map(|_| bench.host.iq(IqPlan::default())).collect();
    for iq in &mut queues {
        bench.host.refill(iq, 7);
    }
    let ids: Vec<IqId> = (0..64).map(|n| queues[n % 4].id).collect();
    for half in [0, 32] {
        let cmd = RssIndTblCmd::write(bench.viid, half, &ids[..32]);
        bench.host.ok(&cmd, cmd.as_bytes());
    }
    let mut seen = [0; 4];
    for port in 0..60_u16 {
        let (us, peer) = ([10, 77, 0, 2], [10, 77, 0, 1]);
        let there = tcp(bench.mac, peer, us, 40_000 + port * 7, 7, 0x10, b"");
        let back = tcp(bench.mac, us, peer, 7, 40_000 + port * 7, 0x10, b"");
        bench.host.receive(2, &[there, back]);
        let mut hits = Vec::new();
        for (n, iq) in queues.iter_mut().enumerate() {
            for message in bench.host.drain(iq) {
                assert_eq!(message.entry[1] >> 4 & 3, 2, "hash over addresses and ports");
                hits.push((n, message.hash()));
            }
            bench.host.refill(iq, if port % 4 == 3 { 1 } else { 0 });
        }
        assert_eq!(hits.len(), 2);
        assert_eq!(hits[0], hits[1], "one queue, one hash");
        // The slice is the first: entry hash mod 64.
        assert_eq!(hits[0].0, hits[0].1 as usize % 64 % 4);
        seen[hits[0].0] += 1;
    }
    assert!(seen.iter().all(|n| *n > 0), "{seen:?}");
    assert!(bench.host.take(&mut bench.iq).is_none(), "the default queue gets what is not hashed");
    assert_eq!(bench.receive(&plain(bench.mac, b"not IP")).len(), 1);
}

/// The key and the first vector of Microsoft's RSS specification, through registers and a frame.
#[test]
fn the_key_is_what_the_host_writes_last_word_first() {
    let mut bench = bench();
    let key: [u32; 10] = [
        0x6d5a_56da,
        0x255b_0ec2,
        0x4167_253d,
        0x43a3_8fb0,
        0xd0ca_2bcb,
        0xae7b_30b4,
        0x77cb_2da3,
        0x8030_f20c,
        0x6a42_b73b,
        0xbeac_01fa,
    ];
    for (at, word) in (0x40..).zip(key.iter().rev()) {
        bench.host.bar.write32(0x7e40, at);
        bench.host.bar.write32(0x7e44, *word);
    }
    bench.host.poll();
    let frame = tcp(bench.mac, [66, 9, 149, 187], [161, 142, 100, 80], 2794, 1766, 0x10, b"");
    assert_eq!(bench.receive(&frame)[0].hash(), 0x51cc_c178);
}

#[test]
fn checksums_are_put_in_where_the_host_leaves_them_out() {
    let mut bench = bench();
    let whole = tcp([2; 6], [10, 77, 0, 2], [10, 77, 0, 1], 7, 40_000, 0x18, b"odd");
    let mut bare = whole.clone();
    // Wrong on purpose: what stands in the fields does not count.
    bare[24..26].copy_from_slice(&[0xaa, 0xaa]);
    bare[50..52].copy_from_slice(&[0x55, 0x55]);
    // CSUM_TYPE TCPIP (8) 43:40, IPHDR_LEN 20 in 33:20, ETHHDR_LEN 0.
    let both = 8_u64 << 40 | 20 << 20;
    for (ctrl1, ip_done, tcp_done) in [
        (both, true, true),
        (both | 1 << 62, false, true),
        (both | 1 << 63, true, false),
        (both | 3 << 62, false, false),
        // IP alone (12).
        (12_u64 << 40 | 20 << 20, true, false),
    ] {
        bench.host.post(&mut bench.eth, &eth_wr_with(2, ctrl1, &bare));
        bench.host.poll();
        let sent = bench.host.sent(2);
        let (ip, tcp) = (&sent[0][24..26], &sent[0][50..52]);
        assert_eq!(ip, if ip_done { &whole[24..26] } else { &bare[24..26] }, "{ctrl1:#x}");
        assert_eq!(tcp, if tcp_done { &whole[50..52] } else { &bare[50..52] }, "{ctrl1:#x}");
    }
    // Header lengths that lead out of the frame; a type that the card does not have.
    bench.host.post(&mut bench.eth, &eth_wr_with(2, 8 << 40 | 60 << 20, &bare));
    bench.host.post(&mut bench.eth, &eth_wr_with(2, 4 << 40, &bare));
    bench.host.poll();
    assert!(bench.host.sent(2).is_empty());
    let wr = bench.host.asic.counters().wr;
    assert_eq!((wr.malformed, wr.unsupported), (1, 1));
}

#[test]
fn a_tag_is_put_in_on_request() {
    let mut bench = bench();
    let frame = plain([2; 6], b"tagged");
    // VLAN_VLD 60, VLAN 59:44, no checksums.
    let ctrl1 = 3 << 62 | 1 << 60 | 0x6005 << 44;
    bench.host.post(&mut bench.eth, &eth_wr_with(2, ctrl1, &frame));
    bench.host.poll();
    let sent = bench.host.sent(2);
    let mut expected = frame.clone();
    expected.splice(12..12, [0x81, 0x00, 0x60, 0x05]);
    assert_eq!(sent, [expected]);
}

#[test]
fn a_frame_by_scatter_list_is_gathered() {
    let mut bench = bench();
    let frame: Vec<u8> = (0..100).collect();
    let at = bench.host.alloc(4096);
    bench.host.memory.put(at, &frame[..40]);
    bench.host.memory.put(at.add(1001), &frame[40..77]);
    bench.host.memory.put(at.add(2003), &frame[77..]);
    let mut wr = eth_wr(2, &[]);
    // IMMDLEN 16: the CPL alone. LEN16: 32 bytes and a list of three entries, 40 bytes.
    wr[3] = 16;
    wr[7] = 5;
    wr[16 + 7] = 100;
    wr.extend([0x82, 0, 0, 3, 0, 0, 0, 40]);
    wr.extend(at.0.to_be_bytes());
    wr.extend([0, 0, 0, 37, 0, 0, 0, 23]);
    wr.extend((at.0 + 1001).to_be_bytes());
    wr.extend((at.0 + 2003).to_be_bytes());
    wr.resize(80, 0);
    bench.host.post(&mut bench.eth, &wr);
    bench.host.poll();
    assert_eq!(bench.host.sent(2), [frame]);
}

#[test]
fn an_interface_that_may_not_send_does_not() {
    use mafo_t4::fw::ViEnableCmd;
    let mut bench = bench();
    let cmd = ViEnableCmd::directions(bench.viid, true, false);
    bench.host.ok(&cmd, cmd.as_bytes());
    bench.host.post(&mut bench.eth, &eth_wr(2, &plain([2; 6], b"no")));
    bench.host.poll();
    assert!(bench.host.sent(2).is_empty());
    assert_eq!(bench.host.asic.counters().wr.eth_disabled, 1);
    let cmd = ViEnableCmd::directions(bench.viid, false, true);
    bench.host.ok(&cmd, cmd.as_bytes());
    assert_eq!(bench.receive(&plain(bench.mac, b"no")).len(), 0);
}

#[test]
fn filters_drop_steer_report_and_switch() {
    let mut bench = bench();
    let mut other = bench.host.iq(IqPlan::default());
    bench.host.refill(&mut other, 2);
    let mac = bench.mac;
    let to = |dport| tcp(mac, [10, 77, 0, 1], [10, 77, 0, 2], 40_000, dport, 0x10, b"x");
    let (one, two, three, four) = (to(1), to(2), to(3), to(4));
    let port = |ftid: u32, dport: u16| {
        FwFilterWr::new(Ftid(ftid), bench.iq.id).with_lp(dport).with_lpm(0xffff)
    };
    let drop = port(400, 1);
    let drop = drop.with_action(drop.action().with_drop(true));
    let steer = port(401, 2).steer_to(other.id);
    let report = port(402, 3).steer_to(other.id);
    let report = report.with_action(report.action().with_rpttid(true).with_hitcnts(true));
    let switch = port(403, 4).with_smac_sel(12);
    let switch = switch.with_action(
        switch
            .action()
            .with_lpbk(true)
            .with_txchan(2)
            .with_dmac(true)
            .with_smac(true)
            .with_l2tix(101),
    );
    for wr in [drop, steer, report, switch] {
        bench.filter(wr);
    }
    let l2t = super::queues::l2t_write(&bench.iq, 101, 0);
    bench.host.post(&mut bench.ctrl, &l2t);
    bench.host.poll();
    assert_eq!(bench.host.drain(&mut bench.iq).len(), 1);

    assert_eq!(bench.receive(&one).len(), 0);
    assert_eq!(bench.host.asic.counters().hw.rx_filter_dropped, 1);
    assert_eq!(bench.receive(&two).len(), 0);
    let messages = bench.host.drain(&mut other);
    // filter_hit without filter_tid: the hash is RSS's.
    assert_eq!(messages[0].entry[1] & 0x0c, 0x04);
    assert_eq!(bench.receive(&three).len(), 0);
    let messages = bench.host.drain(&mut other);
    assert_eq!(messages[0].entry[1] & 0x0c, 0x0c);
    assert_eq!(messages[0].hash(), 402, "the filter's tid");
    assert_eq!(bench.receive(&four).len(), 0);
    let sent = bench.host.sent(2);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0][..6], [2, 0, 0, 0, 0, 0x42], "the next hop of row 101");
    assert_eq!(sent[0][6..12], bench.mac, "SMT entry 12: interface 6's");
    assert_eq!(sent[0][12..], four[12..]);
    // What no filter takes goes by RSS.
    assert_eq!(bench.receive(&to(5)).len(), 1);
}

/// A group frame reaches every interface of its port that wants it.
#[test]
fn broadcast_reaches_all_interfaces_of_the_port() {
    let mut bench = bench();
    let mut second = bench.host.iq(IqPlan::default());
    bench.host.refill(&mut second, 2);
    let _ = bench.host.interface(2, &second);
    let mut elsewhere = bench.host.iq(IqPlan::default());
    bench.host.refill(&mut elsewhere, 2);
    let _ = bench.host.interface(0, &elsewhere);
    assert_eq!(bench.receive(&plain([0xff; 6], b"all")).len(), 1);
    assert_eq!(bench.host.drain(&mut second).len(), 1);
    assert_eq!(bench.host.drain(&mut elsewhere).len(), 0);
}

#[test]
fn the_test_sums_as_rfc_1071_does() {
    // The example of RFC 1071 section 3.
    assert_eq!(sum16(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), 0xddf2);
}
