//! A conversation that obeys all rules, and what [`check`] says when one of its frames does not.

use std::net::Ipv4Addr;

use super::*;

const OURS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
const PEER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// One segment, to be changed by a test.
#[derive(Clone, Debug)]
struct Line {
    ms: u64,
    ours: bool,
    flags: u8,
    sequence: u32,
    ack: u32,
    window: u16,
    tsval: u32,
    payload: &'static [u8],
}

impl Line {
    /// Ethernet, IPv4, TCP with NOP, NOP, timestamps, and a window scale (4 from us, 7 from the peer)
    /// in a SYN. Checksums are nobody's business here.
    fn frame(&self) -> Vec<u8> {
        let ends = [(OURS, 7700_u16), (PEER, 12_000)];
        let [(from, from_port), (to, to_port)] = if self.ours { ends } else { [ends[1], ends[0]] };
        let mut options = [&[1, 1, 8, 10][..], &self.tsval.to_be_bytes(), &[0; 4]].concat();
        if self.flags & SYN != 0 {
            options.extend([2, 4, 5, 180, 1, 3, 3, if self.ours { 4 } else { 7 }]);
        }
        let data = 20 + options.len();
        let tcp = [
            &from_port.to_be_bytes()[..],
            &to_port.to_be_bytes(),
            &self.sequence.to_be_bytes(),
            &self.ack.to_be_bytes(),
            &[((data / 4) << 4) as u8, self.flags],
            &self.window.to_be_bytes(),
            &[0; 4],
            &options,
            self.payload,
        ]
        .concat();
        let total = (20 + tcp.len()) as u16;
        let ip = [&[0x45, 0][..], &total.to_be_bytes(), &[0; 4], &[64, 6, 0, 0]].concat();
        let ip = [ip, from.octets().into(), to.octets().into()].concat();
        let mut frame = [&[2; 12][..], &[8, 0], &ip, &tcp].concat();
        frame.resize(frame.len().max(60), 0xee);
        frame
    }
}

/// The numbers of both ends wrap soon. Between the second and the third of our segments with payload
/// we get another adapter, whose clock is a million ticks ahead.
fn good() -> Vec<Line> {
    const P: u32 = u32::MAX - 2;
    const O: u32 = u32::MAX - 5;
    let line = |ms, ours, flags, sequence, ack, (window, tsval), payload| Line {
        ms,
        ours,
        flags,
        sequence,
        ack,
        window,
        tsval,
        payload,
    };
    let p = |n: u32| P.wrapping_add(1).wrapping_add(n);
    let o = |n: u32| O.wrapping_add(1).wrapping_add(n);
    vec![
        /* 0 */ line(0, false, SYN, P, 0, (65_535, 1), b""),
        /* 1 */ line(1, true, SYN | ACK, O, p(0), (2_000, 100), b""),
        /* 2 */ line(2, false, ACK, p(0), o(0), (1, 2), b""), // o(128)
        /* 3 */ line(9, true, ACK, o(0), p(0), (125, 108), b"hello"), // p(2000)
        /* 4 */ line(10, true, ACK, o(5), p(0), (125, 109), b", old"),
        /* 5 */ line(11, false, ACK, p(0), o(10), (1, 3), b"data"), // o(138)
        /* 6 */ line(12, true, ACK, o(5), p(4), (125, 1_000_111), b", old"),
        /* 7 */ line(13, true, ACK, o(10), p(4), (125, 1_000_112), b" world"),
        /* 8 */ line(14, false, ACK, p(4), o(16), (1, 4), b""),
        /* 9 */ line(15, true, FIN | ACK, o(16), p(4), (125, 1_000_114), b""),
        /* 10 */ line(16, false, FIN | ACK, p(4), o(17), (1, 5), b""),
        /* 11 */ line(17, true, ACK, o(17), p(5), (125, 1_000_116), b""),
    ]
}

fn checked(lines: &[Line], handovers: u32) -> Result<Summary, Violation> {
    let frames: Vec<_> = lines.iter().map(Line::frame).collect();
    let records: Vec<_> = lines
        .iter()
        .zip(&frames)
        .map(|(line, bytes)| Record { time_ns: line.ms * 1_000_000, bytes })
        .collect();
    check(&records, OURS, handovers)
}

/// The rule that is broken after a change, and in which line.
fn broken(change: impl FnOnce(&mut Vec<Line>)) -> (usize, Rule) {
    let mut lines = good();
    change(&mut lines);
    let violation = checked(&lines, 1).expect_err("a rule is broken");
    (violation.frame - 1, violation.rule)
}

#[test]
fn a_good_conversation() {
    let summary = Summary { connections: 1, segments: 12, bytes: 16 + 4 };
    assert_eq!(checked(&good(), 1), Ok(summary));
}

#[test]
fn a_reset() {
    assert_eq!(broken(|lines| lines[8].flags |= RST), (8, Rule::Reset));
}

#[test]
fn a_capture_that_begins_too_late() {
    let change = |lines: &mut Vec<Line>| {
        lines.remove(0);
    };
    assert_eq!(broken(change), (1, Rule::NoSyn));
}

#[test]
fn two_copies_that_differ() {
    assert_eq!(broken(|lines| lines[6].payload = b", odd"), (6, Rule::CopiesDiffer(8)));
}

#[test]
fn a_hole() {
    let change = |lines: &mut Vec<Line>| {
        lines[7].payload = b"world";
        lines[7].sequence = lines[7].sequence.wrapping_add(1);
    };
    assert_eq!(broken(change), (11, Rule::Hole(10)));
    assert_eq!(broken(|lines| lines[5].payload = b""), (11, Rule::Hole(0)));
}

#[test]
fn bytes_outside_the_stream() {
    let before = |lines: &mut Vec<Line>| lines[3].sequence = lines[3].sequence.wrapping_sub(1);
    assert_eq!(broken(before).1, Rule::OutsideStream(u64::from(u32::MAX)));
    assert_eq!(broken(|lines| lines[11].payload = b"!"), (11, Rule::OutsideStream(17)));
    assert_eq!(broken(|lines| lines[11].flags |= FIN), (11, Rule::OutsideStream(17)));
    let early_fin = |lines: &mut Vec<Line>| lines[9].sequence = lines[9].sequence.wrapping_sub(1);
    assert_eq!(broken(early_fin), (11, Rule::OutsideStream(15)));
}

#[test]
fn no_fin() {
    assert_eq!(broken(|lines| lines[10].flags = ACK), (11, Rule::NoFin));
}

#[test]
fn payload_beyond_the_right_edge() {
    // Both windows at their ends: good.
    const BYTES: &[u8] = &[b'x'; 2001];
    let window = |payload| {
        move |lines: &mut Vec<Line>| {
            lines[5].payload = payload;
            let more = payload.len() as u32 - 4;
            lines[6..].iter_mut().filter(|line| line.ours).for_each(|line| {
                line.ack = line.ack.wrapping_add(more);
            });
            lines[6..].iter_mut().filter(|line| !line.ours).for_each(|line| {
                line.sequence = line.sequence.wrapping_add(more);
            });
        }
    };
    let mut lines = good();
    window(&BYTES[..2000])(&mut lines);
    assert!(checked(&lines, 1).is_ok());
    // One more, and the window of 125 not scaled.
    assert_eq!(broken(window(BYTES)), (5, Rule::BeyondEdge(1)));
    assert_eq!(
        broken(|lines| {
            lines[1].window = 1;
            lines[3].window = 0;
            lines[4].window = 0;
        }),
        (5, Rule::BeyondEdge(3)),
        "the window of a SYN is not scaled"
    );
}

#[test]
fn a_probe_of_a_closed_window() {
    let probe = |payload| {
        move |lines: &mut Vec<Line>| {
            lines[1].window = 0;
            lines[3].window = 0;
            lines[4].window = 0;
            let probe = Line { payload, ..lines[5].clone() };
            lines[6].window = 1;
            lines[6].ack = lines[5].sequence;
            let late = lines.remove(5);
            lines.insert(5, probe);
            lines.insert(7, Line { ms: 12, ..late });
        }
    };
    let mut lines = good();
    probe(b"d")(&mut lines);
    assert!(checked(&lines, 1).is_ok(), "{:?}", checked(&lines, 1));
    assert_eq!(broken(probe(b"da")), (5, Rule::BeyondEdge(2)));
}

#[test]
fn a_right_edge_that_moves_left() {
    // By 15 it only says that a scaled window is coarse.
    let mut lines = good();
    lines[6].window -= 1;
    lines[6].ack = lines[6].ack.wrapping_add(1);
    lines[5].payload = b"data?";
    assert_eq!(checked(&lines[..7], 1).unwrap_err().rule, Rule::NoFin);
    // By a unit of the scale it is a promise broken; what the peer does is its own business.
    lines[6].ack = good()[3].ack;
    assert_eq!(checked(&lines, 1).unwrap_err().rule, Rule::EdgeMovedLeft(16));
    let mut lines = good();
    lines[8].window = 0;
    assert!(checked(&lines, 1).is_ok());
}

#[test]
fn an_acknowledgment_that_moves_back() {
    let change = |lines: &mut Vec<Line>| lines[9].ack = lines[9].ack.wrapping_sub(1);
    assert_eq!(broken(change), (9, Rule::AckMovedBack(1)));
}

#[test]
fn a_timestamp_that_moves_back() {
    assert_eq!(broken(|lines| lines[4].tsval = 107), (4, Rule::TimestampMovedBack(1)));
    assert_eq!(broken(|lines| lines[9].tsval -= 3), (9, Rule::TimestampMovedBack(1)));
}

#[test]
fn a_frame_of_the_old_owner() {
    assert_eq!(broken(|lines| lines[9].tsval = 112), (9, Rule::OldOwner(1_000_111 - 112)));
}

#[test]
fn steps_are_handovers() {
    assert_eq!(checked(&good(), 0).unwrap_err().rule, Rule::Steps { found: 1, expected: 0 });
    assert_eq!(checked(&good(), 2).unwrap_err().rule, Rule::Steps { found: 1, expected: 2 });
    // A clock that only went on while nothing was said.
    let mut lines = good();
    lines[6..].iter_mut().for_each(|line| line.ms += 1_000_000);
    assert_eq!(checked(&lines, 0).map(|summary| summary.connections), Ok(1));
}

#[test]
fn files_that_are_no_capture() {
    let word = |word: u32| word.to_ne_bytes();
    let header =
        [word(0xa1b2_3c4d), [2, 0, 4, 0], word(0), word(0), word(65_535), word(1)].concat();
    assert_eq!(records(&header), Ok(Vec::new()));
    let file = [&*header, &word(3), &word(7), &word(2), &word(2), b"ab"].concat();
    let record = Record { time_ns: 3_000_000_007, bytes: b"ab" };
    assert_eq!(records(&file), Ok(vec![record]));
    assert_eq!(records(&file[..file.len() - 1]), Err(CaptureError::Truncated(1)));
    assert_eq!(records(&header[..23]), Err(CaptureError::Kind));
    assert_eq!(records(&[0; 24]), Err(CaptureError::Kind));
    let cut = [&*header, &word(3), &word(7), &word(2), &word(9), b"ab"].concat();
    assert_eq!(records(&cut), Err(CaptureError::CutOff(1)));
}

#[test]
fn frames_of_other_kinds_and_halves_of_segments() {
    let frame = good()[3].frame();
    for len in 0..frame.len() {
        let record = Record { time_ns: 0, bytes: &frame[..len] };
        assert!(check(&[record], OURS, 0).is_ok() || len >= 14 + 52, "{len}");
    }
}
