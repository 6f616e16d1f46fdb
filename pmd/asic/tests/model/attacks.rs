//! What a host and a wire can do to a card, as bodies that property tests and fuzzers call with
//! whatever they come up with: counted, dropped, never a panic, and the card goes on.

use super::host::{BASE, Host, HostEq, HostIq, IqPlan, eth_wr, plain};
use mafo_t4::PortId;

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

/// Opcodes of commands that exist.
pub(crate) const COMMANDS: [u8; 21] = [
    0x01, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x10, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x1b,
    0x20, 0x21, 0x22, 0x23, 0x28,
];
/// Opcodes of work requests that exist.
pub(crate) const REQUESTS: [u8; 11] =
    [0x02, 0x04, 0x05, 0x08, 0x09, 0x0a, 0x0b, 0x2f, 0x45, 0x77, 0x78];
/// Opcodes of CPLs and ULP_TX commands that may stand in them.
pub(crate) const CPLS: [u8; 20] = [
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x08, 0x09, 0x0a, 0x0b, 0x0d, 0x12, 0x14, 0x18, 0x1a, 0x81,
    0x83, 0xee, 0xed, 0x82,
];

/// A command to the firmware: header words put together so that they mean something.
#[derive(Clone, Debug)]
pub(crate) struct RawCommand {
    pub(crate) opcode: u8,
    /// The rest of the first word; its request bit is set.
    pub(crate) rest: [u8; 3],
    /// The upper byte of the second word: allocate, start, stop, free.
    pub(crate) flags: u8,
    pub(crate) len16: u8,
    pub(crate) body: Vec<u8>,
}

impl RawCommand {
    fn bytes(&self) -> Vec<u8> {
        let [a, b, c] = self.rest;
        let mut bytes = vec![self.opcode, a | 0x80, b & 0x0f, c, self.flags, 0, 0, self.len16];
        bytes.extend(&self.body);
        bytes.resize(64, 0);
        bytes
    }
}

/// Commands one after the other: each is answered, and a reset makes the card new.
pub(crate) fn mailbox_commands(commands: &[RawCommand]) {
    let mut bench = bench();
    let before = bench.host.asic.counters().fw.commands;
    let mut sent = 0;
    for command in commands {
        // RESET with HALT silences the firmware, as it should.
        if command.opcode == 0x03 {
            continue;
        }
        let reply = bench.host.command_raw(&command.bytes());
        assert_eq!(reply[0], command.opcode, "the reply is to the command");
        sent += 1;
    }
    assert_eq!(bench.host.asic.counters().fw.commands, before + sent);
    bench.settle();
    // Whatever became of the card, a reset makes it new.
    let line = bench.host.asic.reset_line();
    line.assert();
    bench.host.poll();
    line.release();
    bench.host.poll();
    bench.host.hello();
}

/// A work request: its header, and noise that may hold a CPL.
#[derive(Clone, Debug)]
pub(crate) struct RawRequest {
    /// Ethernet, control or offload, modulo 3.
    pub(crate) queue: usize,
    pub(crate) opcode: u8,
    pub(crate) flags: u8,
    pub(crate) immdlen: u8,
    pub(crate) tid: u32,
    /// The length in its header; `None` is the right one.
    pub(crate) len16: Option<u8>,
    /// Opcode of the CPL behind the header.
    pub(crate) cpl: u8,
    pub(crate) noise: Vec<u8>,
}

impl RawRequest {
    fn bytes(&self) -> Vec<u8> {
        let len = (17 + self.noise.len()).next_multiple_of(64);
        let len16 = self.len16.unwrap_or((len / 16) as u8);
        let mut wr = vec![self.opcode, self.flags, 0, self.immdlen];
        wr.extend((((self.tid % 300) << 8) | u32::from(len16)).to_be_bytes());
        wr.extend([0; 8]);
        wr.push(self.cpl);
        wr.extend(&self.noise);
        wr.resize(len, 0);
        wr
    }
}

/// Work requests on queues of all kinds: another queue still works.
pub(crate) fn work_requests(requests: &[RawRequest]) {
    let mut bench = bench();
    for request in requests {
        let eq = &mut bench.queues[request.queue % 3];
        bench.host.post(eq, &request.bytes());
        bench.host.poll();
        let _ = bench.host.drain(&mut bench.iq);
        bench.host.sent(1);
    }
    bench.settle();
    assert!(bench.still_works());
}

/// An access to a BAR: its kind, where, and what is written.
pub(crate) type RawAccess = (u8, u32, u32);

/// Registers and doorbells anywhere, with anything.
pub(crate) fn doorbells_and_registers(accesses: &[RawAccess]) {
    let mut bench = bench();
    let bar = std::sync::Arc::clone(&bench.host.bar);
    for &(kind, offset, value) in accesses {
        match kind % 5 {
            0 => bar.write32((offset % 0x8_0000) & !3, value),
            1 => drop(bar.read32((offset % 0x8_0000) & !3)),
            2 => bar.write_doorbell(offset % 0x8000, value),
            3 => bar.write_combined(offset % 0x8000, &[value as u8; 64]),
            _ => bar.write64(offset, u64::from(value) << 32 | u64::from(offset)),
        }
        bench.host.poll();
    }
    bench.settle();
}

/// Freelist pointers and a scatter list of at least one piece that lead anywhere; `inside` keeps the
/// pointers near the host's memory.
pub(crate) fn descriptors(pointers: &[u64; 8], sge: &[(u32, u64)], inside: bool) {
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
    assert!(bench.still_works());
}

/// Frames that are noise behind the right address, and behind the beginning of an IPv4 header if
/// `ip`.
pub(crate) fn frames(bodies: &[Vec<u8>], ip: bool) {
    let mut bench = bench();
    for body in bodies {
        let mut frame = bench.mac.to_vec();
        frame.extend([2, 0, 0, 0, 0, 9]);
        if ip {
            frame.extend([0x08, 0x00, 0x45, 0x00]);
        }
        frame.extend(body);
        bench.host.receive(1, &[frame]);
    }
    bench.settle();
    assert!(bench.still_works());
}
