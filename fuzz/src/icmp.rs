//! Routers that lie: ICMP errors about a connection, and about others.

use arbitrary::Arbitrary;
use mafo_mem::{Nanos, checksum};
use mafo_stack::packet;
use mafo_tcp::{Flags, SeqNum};

use crate::choices::path_and_steps;
use crate::frames::{PEER, PEER_PORT, PORT, US, World};

/// What happens next.
#[derive(Arbitrary, Debug)]
enum Step {
    /// An ICMP message of any bytes.
    Noise(Vec<u8>),
    /// An error that quotes a segment near what is outstanding.
    Error {
        kind: u8,
        code: u8,
        /// Second word: for "fragmentation needed" the MTU.
        word: u32,
        seq: i16,
        total_len: u16,
        /// A byte of the message that is something else, or the message cut off there.
        damage: Option<(u8, u8)>,
        cut: Option<u8>,
        /// About another connection.
        stranger: Option<u16>,
    },
    /// The application sends.
    Send(u16),
    /// The peer acknowledges all that it has heard of, less this.
    Ack(u8),
    /// Time passes, in milliseconds.
    Wait(u16),
}

/// The message, its checksum right.
fn error(step: &Step, una: SeqNum) -> Vec<u8> {
    let Step::Error { kind, code, word, seq, total_len, damage, cut, stranger } = step else {
        return Vec::new();
    };
    // Mostly of the kinds that mean something.
    let kind = [3, 3, 3, 11, 12, 4, *kind, *kind][usize::from(*kind) % 8];
    let mut message = vec![kind, *code % 18, 0, 0];
    message.extend(word.to_be_bytes());
    message.extend([0x45, 0]);
    message.extend(total_len.to_be_bytes());
    message.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    message.extend(US.1.octets());
    message.extend(PEER.1.octets());
    message.extend(PORT.to_be_bytes());
    message.extend(stranger.unwrap_or(PEER_PORT).to_be_bytes());
    message.extend((una.0.wrapping_add_signed((*seq).into())).to_be_bytes());
    if let Some((at, value)) = damage {
        let at = usize::from(*at) % message.len();
        message[at] = *value;
    }
    if let Some(cut) = cut {
        message.truncate(usize::from(*cut));
    }
    if message.len() >= 4 {
        message[2..4].fill(0);
        let sum = checksum::sum(&message).checksum();
        message[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    message
}

fn give(world: &mut World, message: &[u8]) {
    let mut buf = vec![0; 34];
    let message = &message[..message.len().min(1480)];
    let (macs, addresses) = ((PEER.0, US.0), (PEER.1, US.1));
    packet::emit_ipv4(&mut buf, macs, addresses, packet::IpProtocol::Icmp, message.len());
    buf.extend(message);
    world.give(&buf);
}

/// Runs what `bytes` choose against a host with a connection. Whatever routers say, a connection that is open stays so, and its
/// segments never become shorter than they may.
pub fn run(bytes: &[u8]) {
    let (offload, steps) = path_and_steps::<Step>(bytes);
    let mut world = World::new(offload);
    let mut una = world.snd_nxt;
    for step in steps {
        match &step {
            Step::Noise(bytes) => give(&mut world, bytes),
            Step::Error { .. } => give(&mut world, &error(&step, una)),
            Step::Send(len) => {
                if let Some(id) = world.socket {
                    let _ = world.core().send(id, &vec![1; usize::from(*len)]);
                }
            }
            Step::Ack(less) => {
                una = world.snd_nxt - u32::from(*less);
                let mut ack = World::blank(Flags::ACK, world.rcv_nxt(), una);
                ack.options.timestamps = Some(world.timestamps());
                world.segment(&ack, PEER_PORT);
            }
            Step::Wait(millis) => world.now += Nanos::from_millis(u64::from(*millis % 100)),
        }
        world.poll();
        if let Some(id) = world.socket {
            assert!(world.core().is_established(id), "ended by {step:?}");
        }
    }
    world.settle();
}
