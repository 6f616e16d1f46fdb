//! Headers taken apart and written: the host path's, TCP's options, what the lookup engine reads.

use std::hint::black_box;
use std::net::Ipv4Addr;

use criterion::{Criterion, criterion_group, criterion_main};
use mafo_asic::le::headers::{Headers, Ingress};
use mafo_stack::packet::{ETHERNET_HEADER, Packet, emit_tcp, parse};
use mafo_tcp::{Flags, Options, Segment, SeqNum, Timestamps};

const MACS: ([u8; 6], [u8; 6]) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
const ADDRESSES: (Ipv4Addr, Ipv4Addr) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
const PAYLOAD: [u8; 64] = [0x5a; 64];

/// What a request of 64 bytes is sent in.
fn segment() -> Segment {
    Segment {
        src_port: 40_000,
        dst_port: 7,
        seq: SeqNum(0x1234_5678),
        ack: SeqNum(0x8765_4321),
        flags: Flags::ACK | Flags::PSH,
        window: 4096,
        options: Options {
            timestamps: Some(Timestamps { val: 77, ecr: 76 }),
            ..Options::default()
        },
        payload_len: PAYLOAD.len() as u32,
        ..Segment::default()
    }
}

fn headers(criterion: &mut Criterion) {
    let segment = segment();
    let mut buf = [0; 2048];
    let len = emit_tcp(&mut buf, MACS, ADDRESSES, &segment, &PAYLOAD);
    let frame = buf[..len].to_vec();

    let tcp = match parse(&frame) {
        Ok(Packet::Tcp(ip, tcp)) if (ip.src, ip.dst) == ADDRESSES => tcp,
        other => panic!("not the segment that was written: {other:?}"),
    };
    let (parsed, header) = Segment::parse(tcp).expect("a segment");
    assert_eq!(
        (parsed.seq, parsed.ack, parsed.options),
        (segment.seq, segment.ack, segment.options)
    );
    assert_eq!(tcp[header..], PAYLOAD);
    let seen = Headers::parse(Ingress::default(), &frame).expect("an Ethernet header");
    assert_eq!(seen.ports, Some((segment.dst_port, segment.src_port)));
    assert_eq!(seen.ip.map(|ip| ip.start), Some(ETHERNET_HEADER));

    let mut group = criterion.benchmark_group("headers");
    group.bench_function("host path: frame", |b| {
        b.iter(|| assert!(black_box(parse(black_box(&frame))).is_ok()));
    });
    group.bench_function("host path: segment", |b| {
        b.iter(|| assert!(black_box(Segment::parse(black_box(tcp))).is_ok()));
    });
    group.bench_function("host path: written, 64 B", |b| {
        b.iter(|| emit_tcp(black_box(&mut buf), MACS, ADDRESSES, black_box(&segment), &PAYLOAD));
    });
    group.bench_function("lookup engine", |b| {
        b.iter(|| Headers::parse(Ingress::default(), black_box(&frame)));
    });
    group.finish();
}

criterion_group!(benches, headers);
criterion_main!(benches);
