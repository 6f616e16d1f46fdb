//! Whatever a host writes and a wire brings: counted, dropped, never a panic.

use super::rig::*;
use mafo_mem::{Nanos, checksum};
use mafo_t4::cpl::{self, AbortCmd, Opcode, TxDataFlags};
use mafo_t4::opt::{Opt0, Opt2};
use mafo_t4::wr::{FwFilterWr, Payload};
use mafo_t4::{IqId, Tid};
use mafo_tcp::Flags;
use proptest::prelude::*;
use zerocopy::FromBytes;

/// One thing that a hostile world does.
#[derive(Clone, Debug)]
enum Step {
    /// A CPL of an opcode that TP knows, about a TID that may exist, with any bytes.
    Cpl(u8, u8, Vec<u8>),
    /// A TCB write that may make sense.
    SetField(u8, usize, u64),
    /// An open or an accept with any options.
    Open(bool, u64, u32, u32),
    Accept(u8, u64, u32),
    Filter(Vec<u8>),
    TxData(u8, Vec<u8>),
    /// A segment around where the connection is, with any flags.
    Segment {
        flags: u16,
        seq: i16,
        ack: i16,
        len: u16,
        window: u16,
        ts: Option<(u32, u32)>,
        listener: bool,
    },
    /// A frame with a byte changed behind a right checksum.
    Damaged(u16, u8),
    /// Any bytes behind an Ethernet header.
    Noise(Vec<u8>),
    Stall(bool),
    Room(Option<u8>),
    Resolve(bool),
    Wait(u32),
}

const OPCODES: [Opcode; 16] = [
    Opcode::ACT_OPEN_REQ,
    Opcode::ACT_OPEN_REQ6,
    Opcode::PASS_OPEN_REQ,
    Opcode::PASS_OPEN_REQ6,
    Opcode::CLOSE_LISTSRV_REQ,
    Opcode::PASS_ACCEPT_RPL,
    Opcode::RX_DATA_ACK,
    Opcode::CLOSE_CON_REQ,
    Opcode::ABORT_REQ,
    Opcode::ABORT_RPL,
    Opcode::TID_RELEASE,
    Opcode::SET_TCB_FIELD,
    Opcode::GET_TCB,
    Opcode::SET_TCB,
    Opcode::BARRIER,
    Opcode::RX_DATA,
];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let bytes = |max| prop::collection::vec(any::<u8>(), 0..max);
    let step = prop_oneof![
        3 => (0..16_u8, 0..4_u8, bytes(80)).prop_map(|(op, tid, body)| Step::Cpl(op, tid, body)),
        3 => (0..4_u8, 0..mafo_t4::tcb::field::PLAIN_TCP.len(), any::<u64>())
            .prop_map(|(tid, field, value)| Step::SetField(tid, field, value)),
        2 => (any::<bool>(), any::<u64>(), any::<u32>(), any::<u32>())
            .prop_map(|(plain, opt0, opt2, iss)| Step::Open(plain, opt0, opt2, iss)),
        1 => (0..4_u8, any::<u64>(), any::<u32>()).prop_map(|(tid, opt0, opt2)| Step::Accept(tid, opt0, opt2)),
        1 => bytes(200).prop_map(Step::Filter),
        2 => (0..4_u8, bytes(200)).prop_map(|(tid, payload)| Step::TxData(tid, payload)),
        8 => (any::<u16>(), any::<i16>(), any::<i16>(), 0..1500_u16, any::<u16>(), any::<Option<(u32, u32)>>(), any::<bool>())
            .prop_map(|(flags, seq, ack, len, window, ts, listener)| Step::Segment {
                // Mostly plausible: near, and with ACK.
                flags: if flags & 0x8000 == 0 { 0x10 } else { flags & 0x1ff },
                seq: if seq % 3 == 0 { 0 } else { seq / 8 },
                ack: if ack % 3 == 0 { 0 } else { ack / 64 },
                len, window, ts, listener,
            }),
        1 => (any::<u16>(), any::<u8>()).prop_map(|(at, value)| Step::Damaged(at, value)),
        1 => bytes(100).prop_map(Step::Noise),
        1 => any::<bool>().prop_map(Step::Stall),
        1 => any::<Option<u8>>().prop_map(Step::Room),
        1 => any::<bool>().prop_map(Step::Resolve),
        2 => any::<u32>().prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..60)
}

/// A frame whose checksums are right again after a byte was changed.
fn damaged(at: u16, value: u8) -> Vec<u8> {
    let mut frame = peer(Flags::ACK, IRS + 1, ISS + 1).ts(5, 6).len(20).frame();
    let at = 14 + usize::from(at) % (frame.len() - 14);
    frame[at] = value;
    frame[24..26].fill(0);
    let sum = checksum::sum(&frame[14..34]).checksum();
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
    frame[50..52].fill(0);
    let tcp = &frame[34..];
    let pseudo = checksum::pseudo_header_v4(PEER.octets(), LOCAL.octets(), 6, tcp.len() as u16);
    let sum = (pseudo + checksum::sum(tcp)).checksum();
    frame[50..52].copy_from_slice(&sum.to_be_bytes());
    frame
}

fn run(rig: &mut Rig, step: Step) {
    match step {
        Step::Cpl(op, tid, body) => {
            let opcode = OPCODES[usize::from(op)].0;
            let mut cpl = vec![opcode, 0, 0, tid];
            cpl.extend(body);
            rig.cpl(&cpl);
        }
        Step::SetField(tid, field, value) => {
            let field = mafo_t4::tcb::field::PLAIN_TCP[field];
            let set = cpl::SetTcbField::of(Tid(tid.into()), field, value & field.max());
            rig.cpl(set.as_bytes());
        }
        Step::Open(plain, opt0, opt2, iss) => {
            let opt0 = Opt0(opt0).with_non_offload(!plain);
            rig.host.expect_open(9, (OPENER, LISTENER));
            rig.cpl(act_open_req(9, opt0, Opt2(opt2)).with_iss(iss).as_bytes());
        }
        Step::Accept(tid, opt0, opt2) => rig.accept(Tid(tid.into()), Opt0(opt0), Opt2(opt2)),
        Step::Filter(bytes) => {
            let mut wr = bytes;
            wr.resize(FwFilterWr::SIZE, 0);
            let wr = FwFilterWr::read_from_bytes(&wr).expect("as long as one");
            rig.tp.handle_filter_wr(&mut rig.host, &wr);
        }
        Step::TxData(tid, payload) => {
            let payload = Payload::Inline(&payload);
            rig.tp.handle_tx_data(
                &mut rig.host,
                rig.now,
                Tid(tid.into()),
                &payload,
                TxDataFlags(0),
            );
            rig.poll();
        }
        Step::Segment { flags, seq, ack, len, window, ts, listener } => {
            let near = |base: u32, by: i16| base.wrapping_add_signed(by.into());
            let (seq, ack) = (near(IRS + 1, seq), near(ISS + 1, ack));
            let make = if listener { to_listener } else { peer };
            let mut segment = make(Flags(flags), seq, ack).win(window).len(len.into());
            if let Some((val, ecr)) = ts {
                segment = segment.ts(val, ecr);
            }
            rig.seg(segment);
        }
        Step::Damaged(at, value) => {
            rig.rx(&[damaged(at, value)]);
        }
        Step::Noise(bytes) => {
            let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00];
            frame.extend(bytes);
            rig.rx(&[frame]);
        }
        Step::Stall(on) => {
            rig.host.stalled = if on { (0..1024).map(IqId).collect() } else { Default::default() };
        }
        Step::Room(room) => rig.host.tx_room = room.map(usize::from),
        Step::Resolve(on) => {
            rig.host.unresolved = if on { Default::default() } else { [L2T].into() };
        }
        Step::Wait(nanos) => rig.doze(Nanos(u64::from(nanos) * 100)),
    }
}

proptest! {

    /// From a card with a connection, a listener and a moved connection, into anything.
    #[test]
    fn nothing_that_anybody_says_breaks_it(steps in steps()) {
        let (mut rig, _) = Rig::opened_with(opt0(), opt2().with_sack_en(true), Peer::sackok);
        rig.host.trusts_nobody();
        rig.listen(200);
        for step in steps {
            run(&mut rig, step);
        }
        // However it went, the host can always end it all.
        rig.host.stalled.clear();
        (rig.host.tx_room, rig.host.unresolved) = (None, Default::default());
        for tid in 0..64 {
            rig.cpl(cpl::AbortReq::new(Tid(tid)).with_cmd(AbortCmd::NO_RST).as_bytes());
            rig.cpl(cpl::TidRelease::new(Tid(tid)).as_bytes());
        }
        rig.wait(Nanos::from_secs(1));
        prop_assert_eq!((rig.tp.tids_in_use(), rig.tp.active()), (0, (0, 0)));
        prop_assert_eq!((rig.tp.rx_memory_in_use(), rig.tp.stalled_messages()), (0, 0));
        prop_assert_eq!(rig.tp.le.tids.in_use(), 0);
    }

    #[test]
    fn any_bytes_are_a_cpl_or_counted(bytes in prop::collection::vec(any::<u8>(), 0..128)) {
        let mut rig = Rig::new();
        rig.host.trusts_nobody();
        rig.cpl(&bytes);
        let counters = rig.tp.counters();
        prop_assert_eq!(counters.cpl_in + counters.cpl_malformed, 1);
    }
}

#[test]
fn every_cpl_that_is_cut_short_is_counted() {
    let mut rig = Rig::new();
    let mut cut = 0;
    for (opcode, len) in [
        (Opcode::ACT_OPEN_REQ, 40),
        (Opcode::PASS_OPEN_REQ, 32),
        (Opcode::CLOSE_LISTSRV_REQ, 8),
        (Opcode::PASS_ACCEPT_RPL, 24),
        (Opcode::RX_DATA_ACK, 8),
        (Opcode::CLOSE_CON_REQ, 8),
        (Opcode::ABORT_REQ, 16),
        (Opcode::ABORT_RPL, 16),
        (Opcode::TID_RELEASE, 8),
        (Opcode::SET_TCB_FIELD, 24),
        (Opcode::GET_TCB, 8),
    ] {
        for short in 0..len {
            let mut bytes = vec![0; short];
            if let Some(first) = bytes.first_mut() {
                *first = opcode.0;
            }
            rig.cpl(&bytes);
            cut += 1;
        }
    }
    rig.expect(&[]);
    assert_eq!((rig.tp.counters().cpl_malformed, rig.tp.counters().cpl_in), (cut, 0));
}
