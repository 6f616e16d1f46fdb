//! An upload is messages and nothing else: its bytes, recorded, make the same connection of a card in
//! another process.
//!
//! A connection moves from adapter A to adapter B and goes on there. All that B got since the cut is
//! recorded: work requests, as the card read them, and frames of the cable; and the frames that it sent.
//! This program, started once more, plays that to a card of its own, with no host above it that knows of
//! a connection. Its segments have to be the same, byte for byte.

#[path = "driver_on_model/hosts.rs"]
#[expect(dead_code, reason = "this test needs a part of the harness")]
mod hosts;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Arc, Mutex, PoisonError};

use hosts::Net;
use mafo::wire::{Wire, WireCounters};
use mafo::{Frame, FrameBurst, Nanos};
use mafo_asic::{EqKind, Recorded};
use mafo_stack::MemberId;

/// Adapter B.
const B: usize = 1;
/// Exchanges before the cut, and behind the handover.
const EXCHANGES: usize = 20;

/// What a card got and sent in one turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Turn {
    now: Nanos,
    work_requests: Vec<Recorded>,
    received: Vec<Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

/// The cable of a card, with a tape: it records, or plays what the card is to receive.
#[derive(Default)]
struct Tape {
    /// What the cable carries is not heard; instead this is.
    playing: Option<Vec<Vec<u8>>>,
    received: Vec<Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

struct Taped {
    wire: Box<dyn Wire>,
    tape: Arc<Mutex<Tape>>,
}

impl Wire for Taped {
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        let before = burst.len();
        let mut tape = self.tape.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(frames) = &mut tape.playing {
            for frame in frames.drain(..) {
                burst.push(&frame).expect("a turn's frames fit a burst");
            }
        } else {
            self.wire.rx_burst(now, burst);
            let frames = burst.frames()[before..].iter();
            tape.received.extend(frames.map(|frame| frame.as_slice().to_vec()));
        }
        burst.len() - before
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        let mut tape = self.tape.lock().unwrap_or_else(PoisonError::into_inner);
        tape.sent.extend(frames.iter().map(|frame| frame.as_slice().to_vec()));
        self.wire.tx_burst(now, frames)
    }

    fn link_up(&mut self, now: Nanos) -> bool {
        self.wire.link_up(now)
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        self.wire.poll_timeout()
    }

    fn counters(&self) -> WireCounters {
        self.wire.counters()
    }
}

fn net() -> (Net, Arc<Mutex<Tape>>) {
    let tape = Arc::new(Mutex::new(Tape::default()));
    let net = Net::up_with(2, |n, wire| {
        if n == B {
            Box::new(Taped { wire: Box::new(wire), tape: Arc::clone(&tape) })
        } else {
            Box::new(wire)
        }
    });
    (net, tape)
}

/// A turn of everything, of which B's part is written down.
fn recorded_turn(net: &mut Net, tape: &Mutex<Tape>) -> Turn {
    let now = net.now;
    net.step();
    let mut tape = tape.lock().unwrap_or_else(PoisonError::into_inner);
    let work_requests = net.hosts[0].adapter_mut(B).expect("B").take_recorded();
    let (received, sent) = (std::mem::take(&mut tape.received), std::mem::take(&mut tape.sent));
    Turn { now, work_requests, received, sent }
}

/// A connection with few bytes at a time, so that all that B gets is in its messages, moves to B.
fn record() -> Vec<Turn> {
    let (mut net, tape) = net();
    let ends = net.open(1)[0];
    let mut turns = Vec::new();
    let exchange = |net: &mut Net, turns: &mut Vec<Turn>, k: usize| {
        for (n, &end) in ends.iter().enumerate() {
            let word = format!("word {k} of {n}");
            let sent = net.hosts[n].sockets_mut().send(end, word.as_bytes());
            assert_eq!(sent, Ok(word.len()));
        }
        let mut heard = [0; 2];
        let mut buf = [0; 64];
        while heard != [format!("word {k} of 1").len(), format!("word {k} of 0").len()] {
            turns.push(recorded_turn(net, &tape));
            for n in 0..2 {
                heard[n] += net.hosts[n].sockets_mut().recv(ends[n], &mut buf).unwrap_or(0);
            }
            assert!(net.now < Nanos::from_secs(20), "exchange {k} does not end: {heard:?}");
        }
    };
    for k in 0..EXCHANGES {
        exchange(&mut net, &mut turns, k);
    }
    net.hosts[0].adapter_mut(B).expect("B").record();
    turns.clear();
    net.cables[0].set_carrier(false);
    let mut k = EXCHANGES;
    while net.hosts[0].bond().expect("bond").counters().moved == 0 {
        exchange(&mut net, &mut turns, k);
        k += 1;
    }
    for k in k..k + EXCHANGES {
        exchange(&mut net, &mut turns, k);
    }
    turns
}

/// Plays `turns` to a card that nobody has told of a connection; the first difference.
fn play(turns: &[Turn]) -> Result<(), String> {
    let (mut net, tape) = net();
    let lock = || tape.lock().unwrap_or_else(PoisonError::into_inner);
    for (k, turn) in turns.iter().enumerate() {
        {
            let mut tape = lock();
            tape.playing = Some(turn.received.clone());
            tape.sent.clear();
        }
        let member = net.hosts[0].sockets_mut().member_mut(MemberId(B as u8)).expect("B");
        let lcore = &mut member.lcore;
        for wr in &turn.work_requests {
            let queue = match wr.kind {
                EqKind::Control => &mut lcore.ctrl,
                EqKind::Offload => &mut lcore.ofld[usize::from(wr.channel)],
                EqKind::Ethernet => {
                    // Frames are inside their work requests, or their bytes would not be on the tape.
                    lcore.eth[usize::from(wr.channel)].eq_mut()
                }
            };
            let mut slot = queue.reserve((wr.bytes.len() / 16) as u8).ok_or("a ring is full")?;
            slot.put_bytes(&wr.bytes);
            slot.post();
        }
        lcore.flush();
        if let Some(ingress) = &mut lcore.ingress {
            ingress.burst(turn.now, usize::MAX, |_| {});
        }
        net.hosts[0].adapter_mut(B).expect("B").poll(turn.now);
        let sent = std::mem::take(&mut lock().sent);
        if sent != turn.sent {
            return Err(format!(
                "turn {k} at {:?}: sent {sent:02x?}, recorded {:02x?}",
                turn.now, turn.sent
            ));
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
    (0..text.len()).step_by(2).map(byte).collect()
}

const KINDS: [(EqKind, &str); 3] =
    [(EqKind::Control, "ctrl"), (EqKind::Offload, "ofld"), (EqKind::Ethernet, "eth")];

fn to_text(turns: &[Turn]) -> String {
    let mut text = String::new();
    for turn in turns {
        let _ = writeln!(text, "turn {}", turn.now.0);
        for wr in &turn.work_requests {
            let kind = KINDS.iter().find(|(kind, _)| *kind == wr.kind).expect("a kind").1;
            let _ = writeln!(text, "{kind} {} {}", wr.channel, hex(&wr.bytes));
        }
        for (name, frames) in [("rx", &turn.received), ("tx", &turn.sent)] {
            for frame in frames {
                let _ = writeln!(text, "{name} 0 {}", hex(frame));
            }
        }
    }
    text
}

fn from_text(text: &str) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let mut word = || words.next().expect("a word");
        let (what, number) = (word(), word().parse::<u64>().expect("a number"));
        if what == "turn" {
            turns.push(Turn { now: Nanos(number), ..Turn::default() });
            continue;
        }
        let bytes = unhex(word());
        let turn = turns.last_mut().expect("a turn first");
        match what {
            "rx" => turn.received.push(bytes),
            "tx" => turn.sent.push(bytes),
            _ => {
                let kind = KINDS.iter().find(|(_, name)| *name == what).expect("a kind").0;
                let channel = number as u8;
                turn.work_requests.push(Recorded { kind, channel, bytes });
            }
        }
    }
    turns
}

fn played_elsewhere(file: &Path, turns: &[Turn]) -> bool {
    std::fs::write(file, to_text(turns)).expect("the recording is written");
    let program = std::env::current_exe().expect("this program");
    let status = Command::new(program).arg("--play").arg(file).status().expect("it starts");
    let _ = std::fs::remove_file(file);
    status.success()
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|argument| argument == "--play") {
        let file = PathBuf::from(arguments.next().expect("--play FILE"));
        let text = std::fs::read_to_string(file).expect("the recording");
        return match play(&from_text(&text)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("{why}");
                ExitCode::FAILURE
            }
        };
    }
    let turns = record();
    assert_eq!(
        from_text(&to_text(&turns)),
        turns,
        "nothing is lost on the way to the other process"
    );
    let count = |of: fn(&Turn) -> usize| turns.iter().map(of).sum::<usize>();
    let (wrs, sent) = (count(|turn| turn.work_requests.len()), count(|turn| turn.sent.len()));
    let file = std::env::temp_dir().join(format!("mafo-upload-{}.txt", std::process::id()));
    assert!(played_elsewhere(&file, &turns), "another process makes another connection of it");
    println!(
        "the bytes of an upload, played in another process: {wrs} work requests, {sent} frames: ok"
    );
    // One bit of what the peer is told, in the last write but one, and it is another connection.
    let mut spoilt = turns;
    spoil(&mut spoilt);
    assert!(!played_elsewhere(&file, &spoilt), "a wrong byte is not noticed");
    println!("the same with one bit of the upload changed is another connection: ok");
    ExitCode::SUCCESS
}

/// Changes the receive window in the upload: SET_TCB_FIELD of word 17.
fn spoil(turns: &mut [Turn]) {
    const SET_TCB_FIELD: u8 = 0x05;
    for wr in turns.iter_mut().flat_map(|turn| &mut turn.work_requests) {
        if wr.kind != EqKind::Offload {
            continue;
        }
        // A CPL begins at a multiple of 16: opcode and tid, reply control, word, mask, value.
        for at in (0..wr.bytes.len().saturating_sub(23)).step_by(8) {
            let cpl = &mut wr.bytes[at..];
            if cpl[0] == SET_TCB_FIELD && cpl[4..8].ends_with(&[17]) && cpl[8..16] != [0; 8] {
                // RCV_WND lies at bit 10 of the 64: 4 KiB more or less.
                cpl[21] ^= 0x40;
                return;
            }
        }
    }
    panic!("no upload among {} turns", turns.len());
}
