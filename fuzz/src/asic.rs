//! A host that lies to a software ASIC.

use arbitrary::Arbitrary;

use crate::attacks::{self, COMMANDS, CPLS, REQUESTS, RawCommand, RawRequest};

/// Mostly one of `known`: finding out what exists is not what the fuzzer is for.
fn mostly(known: &[u8], byte: u8) -> u8 {
    if byte < 0xe0 { known[usize::from(byte) % known.len()] } else { byte }
}

/// A command to the firmware.
#[derive(Arbitrary, Debug)]
pub struct Command {
    opcode: u8,
    rest: [u8; 3],
    flags: u8,
    len16: u8,
    body: [u8; 56],
}

/// A work request.
#[derive(Arbitrary, Debug)]
pub struct Request {
    queue: u8,
    opcode: u8,
    flags: u8,
    immdlen: u8,
    tid: u16,
    len16: Option<u8>,
    cpl: u8,
    len: u8,
    noise: [u8; 100],
}

/// Commands, then accesses to the BARs of another card.
pub fn control(commands: Vec<Command>, accesses: &[(u8, u32, u32)]) {
    let raw = |command: Command| RawCommand {
        opcode: mostly(&COMMANDS, command.opcode),
        rest: command.rest,
        flags: command.flags,
        // A command is at most 64 bytes long.
        len16: command.len16 % 6,
        body: command.body.to_vec(),
    };
    let commands: Vec<RawCommand> = commands.into_iter().map(raw).collect();
    attacks::mailbox_commands(&commands);
    attacks::doorbells_and_registers(accesses);
}

/// Work requests on queues of every kind.
pub fn work_requests(requests: Vec<Request>) {
    let raw = |request: Request| {
        // The rest is zeros, up to a multiple of 64 bytes.
        let noise = request.noise[..usize::from(request.len).min(100)].to_vec();
        RawRequest {
            queue: request.queue.into(),
            opcode: mostly(&REQUESTS, request.opcode),
            flags: request.flags,
            immdlen: request.immdlen,
            tid: request.tid.into(),
            len16: request.len16,
            cpl: mostly(&CPLS, request.cpl),
            noise,
        }
    };
    let requests: Vec<RawRequest> = requests.into_iter().map(raw).collect();
    attacks::work_requests(&requests);
}

/// Memory descriptors, and frames that have to be put where they lead.
pub fn descriptors(
    pointers: &[u64; 8],
    first: (u32, u64),
    more: &[(u32, u64)],
    inside: bool,
    bodies: &[Vec<u8>],
    ip: bool,
) {
    let sge: Vec<(u32, u64)> = [first].into_iter().chain(more.iter().copied()).collect();
    attacks::descriptors(pointers, &sge, inside);
    attacks::frames(bodies, ip);
}
