//! Connections by hand: credits, FW4_ACK, channel change, and one connection from SYN to RST.

use super::host::{Host, HostEq, HostIq, IqPlan, Message, eth_wr, plain, segment};
use super::queues::l2t_write;
use mafo_t4::PortId;

/// A card with an interface on port 1, an L2T row to a neighbour, and one queue of each kind.
struct Bench {
    host: Host,
    iq: HostIq,
    ctrl: HostEq,
    ofld: HostEq,
    /// An Ethernet queue of the interface.
    eth: HostEq,
    mac: [u8; 6],
}

const US: [u8; 4] = [10, 77, 0, 2];
const PEER: [u8; 4] = [10, 77, 0, 1];
const ROW: u16 = 120;

fn bench() -> Bench {
    let mut config = Host::config();
    config.flowc_buffifo_sz = 64;
    let mut host = Host::new(config);
    host.hello();
    let mut iq = host.iq(IqPlan::default());
    host.refill(&mut iq, 7);
    let (viid, mac) = host.interface(1, &iq);
    host.link(PortId(1), true);
    let mut ctrl = host.ctrl_eq(&iq, 32);
    let ofld = host.ofld_eq(&iq, 1, 64);
    let eth = host.eth_eq(&iq, viid, 1, 32);
    host.post(&mut ctrl, &l2t_write(&iq, ROW, 0));
    host.poll();
    assert_eq!(host.drain(&mut iq).len(), 1);
    Bench { host, iq, ctrl, ofld, eth, mac }
}

/// FW_TP_WR around a CPL; COMPL on request.
fn tp_wr(tid: u32, compl: bool, cpl: &[u8]) -> Vec<u8> {
    let len16 = (16 + cpl.len()).div_ceil(16);
    let hi = 0x0500_0000 | u32::from(compl) << 21 | cpl.len() as u32;
    let mut wr = hi.to_be_bytes().to_vec();
    wr.extend((tid << 8 | len16 as u32).to_be_bytes());
    wr.extend([0; 8]);
    wr.extend(cpl);
    wr.resize(len16 * 16, 0);
    wr
}

/// FW_FLOWC_WR with its parameters.
fn flowc(tid: u32, compl: bool, params: &[(u8, u32)]) -> Vec<u8> {
    let len16 = (8 + 8 * params.len()).div_ceil(16);
    let hi = 0x0a00_0000 | u32::from(compl) << 21 | params.len() as u32;
    let mut wr = hi.to_be_bytes().to_vec();
    wr.extend((tid << 8 | len16 as u32).to_be_bytes());
    for (mnemonic, value) in params {
        wr.extend([*mnemonic, 0, 0, 0]);
        wr.extend(value.to_be_bytes());
    }
    wr.resize(len16 * 16, 0);
    wr
}

/// FW_OFLD_TX_DATA_WR with its payload inside.
fn tx_data(tid: u32, compl: bool, payload: &[u8]) -> Vec<u8> {
    let len16 = (16 + payload.len()).div_ceil(16);
    let hi = 0x0b00_0000 | u32::from(compl) << 21 | payload.len() as u32;
    let mut wr = hi.to_be_bytes().to_vec();
    wr.extend((tid << 8 | len16 as u32).to_be_bytes());
    wr.extend((payload.len() as u32).to_be_bytes());
    // SHOVE.
    wr.extend((1_u32 << 14).to_be_bytes());
    wr.extend(payload);
    wr.resize(len16 * 16, 0);
    wr
}

/// What a FW4_ACK says: tid, credits, flags, snd_una.
fn fw4_ack(message: &Message) -> (u32, u8, u8, u32) {
    let cpl = message.cpl();
    assert_eq!(cpl[0], 0xc3, "FW4_ACK");
    let be32 = |at: usize| u32::from_be_bytes(cpl[at..at + 4].try_into().expect("four bytes"));
    (be32(0) & 0xff_ffff, cpl[4], cpl[7], be32(12))
}

const SEQVAL: u8 = 1;
const CH: u8 = 2;
const FLOWC: u8 = 4;

impl Bench {
    /// ACT_OPEN_REQ of 10.77.0.2:port to 10.77.0.1:7 with ISS 0x1000, by hand.
    fn open(&mut self, port: u16, opt0_bits: u64, opt2_bits: u32) {
        let iq = u32::from(self.iq.id.0);
        let mut cpl = (0x0300_0000 | iq << 14 | 5).to_be_bytes().to_vec();
        cpl.extend(port.to_be_bytes());
        cpl.extend(7_u16.to_be_bytes());
        cpl.extend(US);
        cpl.extend(PEER);
        // MSS_IDX 8, TCAM_BYPASS, L2T_IDX, SMAC_SEL 12 (interface 6), RCV_BUFSIZ 64 KB, channel 1.
        let opt0 = 8_u64 << 60 | 1 << 48 | u64::from(ROW) << 36 | 12 << 28 | 64 << 12 | 1 << 2;
        cpl.extend((opt0 | opt0_bits).to_be_bytes());
        cpl.extend(0x1000_u32.to_be_bytes());
        // T5_OPT_2_VALID, ISS valid, RSS_QUEUE_VALID.
        cpl.extend((1 << 31 | 1 << 18 | 1 << 10 | iq | opt2_bits).to_be_bytes());
        // Protocol 6 in the compressed tuple, which stands in bits 63:24.
        cpl.extend((6_u64 << 21 << 24).to_be_bytes());
        self.host.post(&mut self.ctrl, &tp_wr(0, false, &cpl));
        self.host.poll();
    }

    /// A tid by a NON_OFFLOAD open.
    fn tid(&mut self, port: u16) -> u32 {
        // NON_OFFLOAD 7, NO_CONG 4; CONG_CNTRL 2.
        self.open(port, 1 << 7 | 1 << 4, 2 << 14);
        let messages = self.host.drain(&mut self.iq);
        assert_eq!(messages.len(), 1);
        let cpl = messages[0].cpl();
        // ACT_OPEN_RPL with the request's 24 bits (reply queue 20, atid 5), then status 0.
        assert_eq!((cpl[0], &cpl[4..8]), (0x25, &[5, 0, 5, 0][..]));
        u32::from_be_bytes([0, cpl[1], cpl[2], cpl[3]])
    }

    fn first_flowc(&self, tid: u32, compl: bool) -> Vec<u8> {
        let iq = u32::from(self.iq.id.0);
        flowc(tid, compl, &[(0, 4 << 8), (1, 1), (2, 1), (3, iq), (4, 0x1001), (7, 1448)])
    }

    fn acks(&mut self) -> Vec<(u32, u8, u8, u32)> {
        self.host.poll();
        self.host.drain(&mut self.iq).iter().map(fw4_ack).collect()
    }
}

/// SET_TCB_FIELD that reads: no mask, no reply.
fn read_field(tid: u32) -> Vec<u8> {
    let mut cpl = (0x0500_0000 | tid).to_be_bytes().to_vec();
    // NO_REPLY, word 3.
    cpl.extend([0x80, 0, 0, 3]);
    cpl.extend([0; 16]);
    cpl
}

#[test]
fn credits_come_back_in_order_for_work_that_asks() {
    let mut bench = bench();
    let tid = bench.tid(2000);
    // Six parameters: 56 bytes, four units.
    let wr = bench.first_flowc(tid, true);
    bench.host.post(&mut bench.ofld, &wr);
    assert_eq!(bench.acks(), [(tid, 4, FLOWC, 0x1001)]);
    // Three units each, silently; the one that asks gives all back, and is no TCP ACK.
    for compl in [false, false, true] {
        bench.host.post(&mut bench.ofld, &tp_wr(tid, compl, &read_field(tid)));
    }
    assert_eq!(bench.acks(), [(tid, 9, 0, 0x1001)]);
    assert_eq!(bench.host.asic.in_use().flows, 1);
}

/// FW_ULPTX_WR around CPLs, each in a ULP_TXPKT for TP with an immediate sub-command.
fn ulptx(cpls: &[&[u8]]) -> Vec<u8> {
    let mut wr = vec![0x04, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for cpl in cpls {
        let len16 = (16 + cpl.len()).div_ceil(16);
        wr.extend([0x04, 0, 0, 0, 0, 0, 0, len16 as u8]);
        wr.extend([0x81, 0, 0, 0, 0, 0, 0, cpl.len() as u8]);
        wr.extend(*cpl);
        wr.resize(wr.len().next_multiple_of(16), 0);
    }
    wr[7] = (wr.len() / 16) as u8;
    wr
}

/// What one work request binds together is done together, or not at all.
#[test]
fn an_atomic_work_request_is_done_whole_or_not_at_all() {
    let mut bench = bench();
    let write = |row: u16| l2t_write(&bench.iq, row, 0)[16..].to_vec();
    let (first, second) = (write(121), write(122));
    let good = ulptx(&[&first, &second]);
    // The second packet claims more bytes than the work request has.
    let mut bad = good.clone();
    bad[16 + 32 + 7] = 9;
    bench.host.post(&mut bench.ctrl, &bad);
    bench.host.poll();
    assert!(bench.host.drain(&mut bench.iq).is_empty());
    assert_eq!(bench.host.asic.counters().wr.malformed, 1);
    bench.host.post(&mut bench.ctrl, &good);
    bench.host.poll();
    let rows: Vec<u8> = bench.host.drain(&mut bench.iq).iter().map(|m| m.cpl()[3]).collect();
    assert_eq!(rows, [121, 122]);
}

#[test]
fn work_without_flowc_or_beyond_the_credits_is_counted_and_dropped() {
    let mut bench = bench();
    let tid = bench.tid(2000);
    bench.host.post(&mut bench.ofld, &tp_wr(tid, true, &read_field(tid)));
    assert_eq!(bench.acks(), []);
    assert_eq!(bench.host.asic.counters().wr.no_flowc, 1);
    let wr = bench.first_flowc(tid, false);
    bench.host.post(&mut bench.ofld, &wr);
    // 64 units: 4 for the FLOWC and twenty times three leave none.
    for _ in 0..21 {
        bench.host.post(&mut bench.ofld, &tp_wr(tid, false, &read_field(tid)));
        bench.host.poll();
    }
    assert_eq!(bench.host.asic.counters().wr.credit_overruns, 1);
    // Malformed work costs and returns its credits: a CPL longer than its work request.
    let other = bench.tid(2001);
    let wr = bench.first_flowc(other, false);
    bench.host.post(&mut bench.ofld, &wr);
    let mut bad = tp_wr(other, true, &read_field(other));
    bad[3] = 200;
    bench.host.post(&mut bench.ofld, &bad);
    assert_eq!(bench.acks(), [(other, 7, FLOWC, 0x1001)]);
    assert_eq!(bench.host.asic.counters().wr.malformed, 1);
    // A first FLOWC that names no queue; one of a tid that nobody has, one of a tid that cannot be.
    let third = bench.tid(2002);
    bench.host.post(&mut bench.ofld, &flowc(third, true, &[(1, 1)]));
    bench.host.post(&mut bench.ofld, &flowc(third + 1, true, &[(3, 20)]));
    bench.host.post(&mut bench.ofld, &flowc(5000, true, &[(3, 20)]));
    assert_eq!(bench.acks(), []);
    assert_eq!(bench.host.asic.counters().wr.malformed, 4);
    assert_eq!(bench.host.asic.in_use().flows, 2);
}

/// A second FLOWC moves the flow: CH, with its own credits, once the old queue is empty.
#[test]
fn a_channel_change_is_answered_when_the_old_queue_is_empty() {
    for (seed, delay) in core::iter::once((0, 0)).chain((0..20).map(|seed| (seed, 20))) {
        let mut config = Host::config();
        config.max_delay_polls = delay;
        config.seed = seed;
        let mut host = Host::new(config);
        host.hello();
        let mut iq = host.iq(IqPlan::default());
        host.refill(&mut iq, 7);
        let (viid, mac) = host.interface(1, &iq);
        let ctrl = host.ctrl_eq(&iq, 32);
        let ofld = host.ofld_eq(&iq, 1, 64);
        let eth = host.eth_eq(&iq, viid, 1, 32);
        let mut second = host.ofld_eq(&iq, 2, 64);
        let mut bench = Bench { host, iq, ctrl, ofld, eth, mac };
        bench.open(2000, 1 << 7 | 1 << 4, 2 << 14);
        let tid = loop {
            bench.host.poll();
            if let Some(message) = bench.host.drain(&mut bench.iq).first() {
                break u32::from_be_bytes(message.cpl()[..4].try_into().expect("4")) & 0xff_ffff;
            }
        };
        let wr = bench.first_flowc(tid, true);
        bench.host.post(&mut bench.ofld, &wr);
        let mut acks = Vec::new();
        while acks.is_empty() {
            acks.extend(bench.acks());
        }
        assert_eq!(acks, [(tid, 4, FLOWC, 0x1001)]);
        // Work on the old queue, the change on the new one, at once: the work was there first.
        bench.host.post(&mut bench.ofld, &tp_wr(tid, true, &read_field(tid)));
        bench.host.post(&mut second, &flowc(tid, false, &[(0, 4 << 8), (1, 2), (2, 2)]));
        let mut acks = Vec::new();
        for _ in 0..100 {
            acks.extend(bench.acks());
        }
        assert_eq!(acks, [(tid, 3, 0, 0x1001), (tid, 2, CH, 0x1001)], "seed {seed}, delay {delay}");
    }
}

/// TP, which has more to send than the port takes, leaves half of its buffer to the Ethernet queues: a
/// tunnel goes on while connections send at full speed.
#[test]
fn tp_does_not_shut_out_the_ethernet_queues() {
    let mut bench = bench();
    // Eight frames fit into the port's buffer.
    for port in 3000..3008 {
        bench.open(port, 0, 0);
    }
    for n in 0..6 {
        bench.host.post(&mut bench.eth, &eth_wr(1, &plain([2; 6], &[n])));
    }
    bench.host.poll();
    let kinds = |frames: Vec<Vec<u8>>| -> Vec<u8> {
        let kind = |f: &Vec<u8>| if f[12..14] == [8, 0] { b'S' } else { f[14] };
        frames.iter().map(kind).collect()
    };
    assert_eq!(kinds(bench.host.sent(1)), [b'S', b'S', b'S', b'S', 0, 1, 2, 3]);
    bench.host.poll();
    assert_eq!(kinds(bench.host.sent(1)), [4, 5, b'S', b'S']);
    bench.host.poll();
    assert_eq!(kinds(bench.host.sent(1)), [b'S', b'S']);
}

/// SYN, data both ways, the peer's ACK as FW4_ACK, RST: all by register, ring and frame.
#[test]
fn a_connection_by_hand() {
    let mut bench = bench();
    bench.open(3000, 0, 0);
    let sent = bench.host.sent(1);
    assert_eq!(sent.len(), 1);
    let syn = &sent[0];
    assert_eq!(syn[..6], [2, 0, 0, 0, 0, 0x42], "the next hop");
    assert_eq!(syn[6..12], bench.mac, "the interface's own address, by SMAC_SEL");
    assert_eq!(syn[26..34], [US, PEER].concat());
    assert_eq!(syn[38..42], 0x1000_u32.to_be_bytes(), "the host's ISS");
    assert_eq!(syn[47], 0x02, "SYN");
    // SYN and ACK without options: MSS 536, nothing scaled.
    let mac = bench.mac;
    let from_peer = |seq: u32, ack: u32, flags: u8, payload: &[u8]| {
        segment(mac, (PEER, 7), (US, 3000), (seq, ack), flags, payload)
    };
    bench.host.receive(1, &[from_peer(0x9000, 0x1001, 0x12, b"")]);
    let messages = bench.host.drain(&mut bench.iq);
    assert_eq!(messages.len(), 1);
    let cpl = messages[0].cpl();
    assert_eq!(cpl[0], 0x40, "ACT_ESTABLISH");
    let tid = u32::from_be_bytes([0, cpl[1], cpl[2], cpl[3]]);
    assert_eq!(cpl[16..24], [0, 0, 0x10, 0x01, 0, 0, 0x90, 0x01], "both ISN + 1");
    let sent = bench.host.sent(1);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0][47], 0x10, "the handshake's last ACK");
    // LE_DB_ACT_CNT_IPV4.
    bench.host.poll();
    assert_eq!(bench.host.bar.read32(0x19c20), 1);

    let wr = bench.first_flowc(tid, false);
    bench.host.post(&mut bench.ofld, &wr);
    bench.host.post(&mut bench.ofld, &tx_data(tid, false, b"hello "));
    bench.host.post(&mut bench.ofld, &tx_data(tid, true, b"world"));
    bench.host.poll();
    let sent = bench.host.sent(1);
    let mut stream: Vec<u8> = Vec::new();
    for frame in &sent {
        let total = usize::from(u16::from_be_bytes([frame[16], frame[17]]));
        stream.extend(&frame[14 + 20 + 20..14 + total]);
    }
    assert_eq!(stream, b"hello world");
    assert!(bench.host.drain(&mut bench.iq).is_empty(), "no credits before the peer's ACK");
    // Half of it: the second work request, which asks, is not done.
    bench.host.receive(1, &[from_peer(0x9001, 0x1001 + 6, 0x10, b"")]);
    assert!(bench.host.drain(&mut bench.iq).is_empty());
    bench.host.receive(1, &[from_peer(0x9001, 0x1001 + 11, 0x10, b"")]);
    let messages = bench.host.drain(&mut bench.iq);
    assert_eq!(messages.len(), 1);
    // FLOWC 4, six bytes 2, five bytes 2.
    assert_eq!(fw4_ack(&messages[0]), (tid, 8, SEQVAL | FLOWC, 0x1001 + 11));

    bench.host.receive(1, &[from_peer(0x9001, 0x1001 + 11, 0x18, b"answer")]);
    let messages = bench.host.drain(&mut bench.iq);
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].opcode(), 0x39, "RX_DATA");
    // In the freelist: the CPL itself from its opcode byte, 16 bytes, then the payload.
    assert_eq!(messages[0].payload[0], 0x39);
    assert_eq!(messages[0].payload[8..12], 0x9001_u32.to_be_bytes());
    assert_eq!(messages[0].payload[16..], *b"answer");

    bench.host.receive(1, &[from_peer(0x9007, 0x1001 + 11, 0x14, b"")]);
    let messages = bench.host.drain(&mut bench.iq);
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].opcode(), 0x2b, "ABORT_REQ_RSS");
}
