//! Wire form of headers: vectors by hand from RFC 9293 3.1, RFC 7323 and RFC 2018, and hostile bytes.

use super::*;
use proptest::prelude::*;

/// A SYN as many hosts send it: MSS 1460, SACK permitted, timestamps, window scale 7.
const SYN: [u8; 40] = [
    0x13, 0x88, 0x00, 0x50, // source port 5000, destination port 80
    0x01, 0x02, 0x03, 0x04, // sequence number
    0x00, 0x00, 0x00, 0x00, // acknowledgment number
    0xa0, 0x02, 0xff, 0xff, // data offset 10 words, SYN; window 65535
    0x00, 0x00, 0x00, 0x00, // checksum (the owner's), urgent pointer
    0x02, 0x04, 0x05, 0xb4, // MSS 1460
    0x04, 0x02, 0x08, 0x0a, // SACK permitted; timestamps …
    0xde, 0xad, 0xbe, 0xef, // … TSval
    0x00, 0x00, 0x00, 0x00, // … TSecr
    0x01, 0x03, 0x03, 0x07, // no-op; window scale 7
];

fn syn() -> Segment {
    Segment {
        src_port: 5000,
        dst_port: 80,
        seq: SeqNum(0x0102_0304),
        flags: Flags::SYN,
        window: 65535,
        options: Options {
            mss: Some(1460),
            window_scale: Some(7),
            sack_permitted: true,
            timestamps: Some(Timestamps { val: 0xdead_beef, ecr: 0 }),
            sack: SackBlocks::EMPTY,
        },
        ..Segment::default()
    }
}

/// Data with timestamps and two SACK blocks, all control bits that can go with data set.
const DATA: [u8; 55] = [
    0xff, 0xfe, 0x00, 0x01, 0xff, 0xff, 0xff, 0xf0, 0x80, 0x00, 0x00, 0x01, //
    0xd1, 0xf9, 0x12, 0x34, // data offset 13 words; AE CWR ECE URG ACK PSH FIN; window
    0x00, 0x00, 0x00, 0x09, // checksum; urgent pointer 9
    0x01, 0x01, 0x08, 0x0a, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x06, // timestamps
    0x01, 0x01, 0x05, 0x12, // SACK, two blocks
    0x80, 0x00, 0x01, 0x00, 0x80, 0x00, 0x02, 0x00, // first block
    0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0x10, // second block, across the wrap
    0x61, 0x62, 0x63, // payload
];

fn data() -> Segment {
    let mut sack = SackBlocks::EMPTY;
    assert!(sack.push(SackBlock { start: SeqNum(0x8000_0100), end: SeqNum(0x8000_0200) }));
    assert!(sack.push(SackBlock { start: SeqNum(0xffff_ff00), end: SeqNum(0x10) }));
    Segment {
        src_port: 0xfffe,
        dst_port: 1,
        seq: SeqNum(0xffff_fff0),
        ack: SeqNum(0x8000_0001),
        flags: Flags(0x1f9),
        window: 0x1234,
        urgent: 9,
        options: Options {
            timestamps: Some(Timestamps { val: 5, ecr: 6 }),
            sack,
            ..Options::default()
        },
        ecn: Ecn::NotEct,
        payload_len: 3,
    }
}

//= rfc9293#3.1 MUST-1 MUST-4 MUST-5 MUST-69
#[test]
fn headers_match_the_vectors_both_ways() {
    assert_eq!(Segment::parse(&SYN), Ok((syn(), 40)));
    assert_eq!(Segment::parse(&DATA), Ok((data(), 52)));
    for (segment, bytes) in [(syn(), &SYN[..]), (data(), &DATA[..52])] {
        let mut buf = [0xaa; 64];
        assert_eq!(segment.header_len(), bytes.len());
        assert_eq!(segment.emit(&mut buf), bytes.len());
        assert_eq!(&buf[..bytes.len()], bytes);
        assert_eq!(buf[bytes.len()], 0xaa, "nothing behind the header is touched");
    }
}

#[test]
fn sequence_length_counts_syn_and_fin() {
    assert_eq!(syn().seq_len(), 1);
    assert_eq!(data().seq_len(), 4, "three bytes and FIN");
}

/// A 20-byte header whose options are `options`, padded by no-ops to whole words.
fn with_options(options: &[u8]) -> Vec<u8> {
    let mut bytes = SYN[..20].to_vec();
    bytes.extend_from_slice(options);
    bytes.resize(bytes.len().next_multiple_of(4), 1);
    bytes[12] = (bytes.len() as u8 / 4) << 4;
    bytes
}

//= rfc9293#3.1 MUST-7
#[test]
fn malformed_headers_say_why() {
    let shorter = |n: usize| Segment::parse(&SYN[..n]).map(|(segment, _)| segment);
    assert_eq!(shorter(0), Err(Malformed::TooShort));
    assert_eq!(shorter(19), Err(Malformed::TooShort));
    assert_eq!(shorter(39), Err(Malformed::DataOffset), "options cut off");
    let mut four_words = SYN;
    four_words[12] = 0x40;
    assert_eq!(Segment::parse(&four_words), Err(Malformed::DataOffset));
    for options in [&[2, 0][..], &[2, 1], &[8], &[3, 5, 7], &[99, 255, 0, 0], &[1, 1, 1, 2]] {
        assert_eq!(
            Segment::parse(&with_options(options)),
            Err(Malformed::OptionLength),
            "{options:?}"
        );
    }
}

//= rfc9293#3.1 MUST-4 MUST-6 MUST-68
//= rfc9293#3.2 MUST-64
#[test]
fn options_of_a_wrong_length_and_unknown_ones_are_skipped() {
    let cases: [(&[u8], Options); 9] = [
        (&[2, 3, 9, 3, 3, 4], Options { window_scale: Some(4), ..Options::default() }),
        (&[253, 6, 1, 2, 3, 4, 2, 4, 1, 0], Options { mss: Some(256), ..Options::default() }),
        (&[3, 4, 9, 9, 2, 4, 1, 0], Options { mss: Some(256), ..Options::default() }),
        (&[4, 3, 0, 3, 3, 5], Options { window_scale: Some(5), ..Options::default() }),
        (&[8, 9, 0, 0, 0, 1, 0, 0, 0], Options::default()),
        (&[5, 9, 0, 0, 0, 1, 0, 0, 0], Options::default()),
        (&[5, 2, 4, 2], Options { sack_permitted: true, ..Options::default() }),
        (&[0, 2, 0, 0], Options::default()),
        (&[3, 3, 1, 0, 99, 99], Options { window_scale: Some(1), ..Options::default() }),
    ];
    for (bytes, options) in cases {
        let (segment, _) = Segment::parse(&with_options(bytes)).expect("well formed");
        assert_eq!(segment.options, options, "{bytes:?}");
    }
}

#[test]
fn a_reset_answers_what_belongs_to_nobody() {
    //= rfc9293#3.10.7.1
    let with_ack = Segment { flags: Flags::ACK, ack: SeqNum(700), ..syn() };
    let reset = reset_for(&with_ack).expect("an answer");
    assert_eq!((reset.src_port, reset.dst_port), (80, 5000));
    assert_eq!((reset.seq, reset.flags), (SeqNum(700), Flags::RST));
    let syn_and_data = Segment { payload_len: 10, ..syn() };
    let reset = reset_for(&syn_and_data).expect("an answer");
    assert_eq!((reset.seq, reset.ack), (SeqNum(0), SeqNum(0x0102_0304 + 11)));
    assert_eq!(reset.flags, Flags::RST | Flags::ACK);
    assert_eq!(reset_for(&Segment { flags: Flags::RST, ..syn() }), None);
}

fn any_options() -> impl Strategy<Value = Options> {
    let block = (any::<u32>(), any::<u32>());
    let syn = (any::<Option<u16>>(), any::<Option<u8>>(), any::<bool>()).prop_map(
        |(mss, window_scale, sack_permitted)| Options {
            mss,
            window_scale,
            sack_permitted,
            ..Options::default()
        },
    );
    let sack = proptest::collection::vec(block, 0..=3).prop_map(|blocks| {
        let mut sack = SackBlocks::EMPTY;
        for (start, end) in blocks {
            sack.push(SackBlock { start: SeqNum(start), end: SeqNum(end) });
        }
        Options { sack, ..Options::default() }
    });
    (prop_oneof![syn, sack], any::<Option<(u32, u32)>>()).prop_map(|(options, ts)| Options {
        timestamps: ts.map(|(val, ecr)| Timestamps { val, ecr }),
        ..options
    })
}

proptest! {
    #[test]
    fn what_is_emitted_parses_to_itself(
        numbers: (u16, u16, u32, u32, u16, u16),
        flags in 0..0x200_u16,
        options in any_options(),
        payload_len in 0..64_usize,
    ) {
        let segment = Segment {
            src_port: numbers.0,
            dst_port: numbers.1,
            seq: SeqNum(numbers.2),
            ack: SeqNum(numbers.3),
            flags: Flags(flags),
            window: numbers.4,
            urgent: numbers.5,
            options,
            ecn: Ecn::NotEct,
            payload_len: payload_len as u32,
        };
        let mut bytes = [0xff; HEADER_LEN_MAX];
        let header_len = segment.emit(&mut bytes);
        let mut bytes = bytes[..header_len].to_vec();
        bytes.resize(header_len + payload_len, 0x55);
        prop_assert_eq!(Segment::parse(&bytes), Ok((segment, header_len)));
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        if let Ok((segment, data_offset)) = Segment::parse(&bytes) {
            prop_assert!(data_offset <= bytes.len());
            prop_assert_eq!(segment.payload_len as usize, bytes.len() - data_offset);
        }
    }

    #[test]
    fn hostile_options_never_panic(options in proptest::collection::vec(0..12_u8, 0..=40)) {
        let bytes = with_options(&options);
        if let Ok((segment, _)) = Segment::parse(&bytes) {
            prop_assert!(segment.options.sack.len() <= 4);
        }
    }
}
