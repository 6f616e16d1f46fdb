//! Whatever bytes the host or the wire bring: counted, dropped, never a panic, and the card goes on.

use super::host::{BASE, Host, HostEq, HostIq, IqPlan, eth_wr, plain};
use mafo_t4::PortId;
use proptest::collection::vec;
use proptest::prelude::*;

/// A card with every kind of queue.
struct Bench {
    host: Host,
    iq: HostIq,
    queues: [HostEq; 3],
    probe: HostEq,
    mac: [u8; 6],
}

fn bench() -> Bench {
    let mut host = Host::new(Host::config());
    host.hello();
    let mut iq = host.iq(IqPlan::default());
    host.refill(&mut iq, 7);
    let (viid, mac) = host.interface(1, &iq);
    host.link(PortId(1), true);
    let queues = [host.eth_eq(&iq, viid, 1, 64), host.ctrl_eq(&iq, 64), host.ofld_eq(&iq, 1, 64)];
    let probe = host.eth_eq(&iq, viid, 1, 64);
    Bench { host, iq, queues, probe, mac }
}

impl Bench {
    fn settle(&mut self) {
        for _ in 0..20 {
            self.host.poll();
            self.host.sent(1);
            let _ = self.host.drain(&mut self.iq);
        }
    }

    /// A queue that nobody abused still works. The host made it a new ingress queue, as the old one's
    /// buffers may be used up.
    fn still_works(&mut self) -> bool {
        let frame = plain([2; 6], b"probe");
        self.host.post(&mut self.probe, &eth_wr(1, &frame));
        for _ in 0..4 {
            self.host.poll();
            if self.host.sent(1).contains(&frame) {
                return true;
            }
        }
        false
    }
}

/// Opcodes of commands that exist, mostly.
fn command_opcode() -> impl Strategy<Value = u8> {
    let known = vec![
        0x01, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x10, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
        0x1b, 0x20, 0x21, 0x22, 0x23, 0x28,
    ];
    prop_oneof![9 => prop::sample::select(known), 1 => any::<u8>()]
}

/// A command whose header makes sense more often than chance would have it.
fn command() -> impl Strategy<Value = Vec<u8>> {
    (command_opcode(), any::<[u8; 3]>(), any::<u8>(), 0_u8..6, vec(any::<u8>(), 56), any::<bool>())
        .prop_map(|(opcode, mut rest, flags, len16, mut body, sparse)| {
            rest[0] |= 0x80;
            if sparse {
                for (n, byte) in body.iter_mut().enumerate() {
                    if n % 3 != 0 {
                        *byte = 0;
                    }
                }
            }
            let mut bytes = vec![opcode, rest[0], rest[1] & 0x0f, rest[2], flags, 0, 0, len16];
            bytes.extend(body);
            bytes
        })
}

/// A work request: a known opcode, a length that fits or not, and noise with structures in it.
fn work_request() -> impl Strategy<Value = Vec<u8>> {
    let known = vec![0x02, 0x04, 0x05, 0x08, 0x09, 0x0a, 0x0b, 0x2f, 0x45, 0x77, 0x78];
    let opcode = prop_oneof![9 => prop::sample::select(known), 1 => any::<u8>()];
    let cpl = prop::sample::select(vec![
        0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x08, 0x09, 0x0a, 0x0b, 0x0d, 0x12, 0x14, 0x18, 0x1a,
        0x81, 0x83, 0xee, 0xed, 0x82,
    ]);
    (opcode, cpl, any::<u8>(), 0_u8..64, 1_usize..9, any::<u32>(), any::<u8>()).prop_flat_map(
        |(opcode, cpl, flags, immdlen, units, tid, len16)| {
            let right = (units * 4) as u8;
            vec(any::<u8>(), units * 64 - 17).prop_map(move |noise| {
                let len16 = if len16 < 200 { right } else { len16 };
                let tid = tid % 300;
                let mut wr = vec![opcode, flags, 0, immdlen];
                wr.extend((tid << 8 | u32::from(len16)).to_be_bytes());
                wr.extend([0; 8]);
                wr.push(cpl);
                wr.extend(&noise);
                wr
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn mailbox_commands(commands in vec(command(), 1..12)) {
        let mut bench = bench();
        let before = bench.host.asic.counters().fw.commands;
        let mut sent = 0;
        for command in &commands {
            // RESET with HALT silences the firmware, as it should.
            if command[0] == 0x03 {
                continue;
            }
            let reply = bench.host.command_raw(command);
            prop_assert_eq!(reply[0], command[0], "the reply is to the command");
            sent += 1;
        }
        prop_assert_eq!(bench.host.asic.counters().fw.commands, before + sent);
        bench.settle();
        // Whatever became of the card, a reset makes it new.
        let line = bench.host.asic.reset_line();
        line.assert();
        bench.host.poll();
        line.release();
        bench.host.poll();
        bench.host.hello();
    }

    #[test]
    fn work_requests(requests in vec((0_usize..3, work_request()), 1..24)) {
        let mut bench = bench();
        for (queue, wr) in &requests {
            let eq = &mut bench.queues[*queue];
            bench.host.post(eq, wr);
            bench.host.poll();
            let _ = bench.host.drain(&mut bench.iq);
            bench.host.sent(1);
        }
        bench.settle();
        prop_assert!(bench.still_works());
    }

    #[test]
    fn doorbells_and_registers(
        accesses in vec((0_u8..5, any::<u32>(), any::<u32>()), 1..200),
    ) {
        let mut bench = bench();
        let bar = std::sync::Arc::clone(&bench.host.bar);
        for (kind, offset, value) in accesses {
            match kind {
                0 => bar.write32((offset % 0x8_0000) & !3, value),
                1 => { bar.read32((offset % 0x8_0000) & !3); }
                2 => bar.write_doorbell(offset % 0x8000, value),
                3 => bar.write_combined(offset % 0x8000, &[value as u8; 64]),
                _ => bar.write64(offset, u64::from(value) << 32 | u64::from(offset)),
            }
            bench.host.poll();
        }
        bench.settle();
    }

    /// Freelist pointers and scatter lists that lead anywhere.
    #[test]
    fn descriptors(
        pointers in vec(any::<u64>(), 8),
        sge in vec((any::<u32>(), any::<u64>()), 1..6),
        inside in any::<bool>(),
    ) {
        let mut bench = bench();
        for (slot, pointer) in pointers.iter().enumerate() {
            let pointer = if inside { BASE + pointer % (9 << 20) } else { *pointer };
            bench.host.spoil_buffer(&bench.iq, slot, pointer);
        }
        for n in 0..12 {
            bench.host.receive(1, &[plain(bench.mac, &[n; 300])]);
        }
        let total: u32 = sge.iter().fold(0, |sum, (len, _)| sum.wrapping_add(*len));
        let mut wr = eth_wr(1, &[]);
        wr[3] = 16;
        wr[16 + 6..16 + 8].copy_from_slice(&(total as u16).to_be_bytes());
        wr.extend([0x82, 0, 0, sge.len() as u8]);
        wr.extend(sge[0].0.to_be_bytes());
        wr.extend(sge[0].1.to_be_bytes());
        for pair in sge[1..].chunks(2) {
            wr.extend(pair[0].0.to_be_bytes());
            wr.extend(pair.get(1).map_or(0, |second| second.0).to_be_bytes());
            wr.extend(pair[0].1.to_be_bytes());
            if let Some(second) = pair.get(1) {
                wr.extend(second.1.to_be_bytes());
            }
        }
        wr.resize(wr.len().next_multiple_of(16), 0);
        wr[7] = (wr.len() / 16) as u8;
        let eq = &mut bench.queues[0];
        bench.host.post(eq, &wr);
        bench.settle();
        prop_assert!(bench.still_works());
    }

    /// Frames that are noise behind the right address.
    #[test]
    fn frames(frames in vec(vec(any::<u8>(), 0..200), 1..40), ip in any::<bool>()) {
        let mut bench = bench();
        let frames: Vec<Vec<u8>> = frames
            .into_iter()
            .map(|body| {
                let mut frame = bench.mac.to_vec();
                frame.extend([2, 0, 0, 0, 0, 9]);
                if ip {
                    frame.extend([0x08, 0x00, 0x45, 0x00]);
                }
                frame.extend(body);
                frame
            })
            .collect();
        for frame in &frames {
            bench.host.receive(1, std::slice::from_ref(frame));
        }
        bench.settle();
        prop_assert!(bench.still_works());
    }
}
