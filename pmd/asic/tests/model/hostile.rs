//! Whatever bytes the host or the wire bring: counted, dropped, never a panic, and the card goes on.

use super::attacks::{self, COMMANDS, CPLS, REQUESTS, RawCommand, RawRequest};
use proptest::collection::vec;
use proptest::prelude::*;

/// Opcodes of commands that exist, mostly.
fn command_opcode() -> impl Strategy<Value = u8> {
    prop_oneof![9 => prop::sample::select(&COMMANDS[..]), 1 => any::<u8>()]
}

/// A command whose header makes sense more often than chance would have it.
fn command() -> impl Strategy<Value = RawCommand> {
    let body = (vec(any::<u8>(), 56), any::<bool>()).prop_map(|(mut body, sparse)| {
        for (n, byte) in body.iter_mut().enumerate() {
            if sparse && n % 3 != 0 {
                *byte = 0;
            }
        }
        body
    });
    (command_opcode(), any::<[u8; 3]>(), any::<u8>(), 0_u8..6, body).prop_map(
        |(opcode, rest, flags, len16, body)| RawCommand { opcode, rest, flags, len16, body },
    )
}

/// A work request: a known opcode, a length that fits or not, and noise with structures in it.
fn work_request() -> impl Strategy<Value = RawRequest> {
    let opcode = prop_oneof![9 => prop::sample::select(&REQUESTS[..]), 1 => any::<u8>()];
    let cpl = prop::sample::select(&CPLS[..]);
    let noise = (1_usize..9).prop_flat_map(|units| vec(any::<u8>(), units * 64 - 17));
    let header = (0_usize..3, opcode, any::<u8>(), 0_u8..64, any::<u32>(), any::<u8>());
    (header, cpl, noise).prop_map(|((queue, opcode, flags, immdlen, tid, len16), cpl, noise)| {
        let len16 = (len16 >= 200).then_some(len16);
        RawRequest { queue, opcode, flags, immdlen, tid, len16, cpl, noise }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn mailbox_commands(commands in vec(command(), 1..12)) {
        attacks::mailbox_commands(&commands);
    }

    #[test]
    fn work_requests(requests in vec(work_request(), 1..24)) {
        attacks::work_requests(&requests);
    }

    #[test]
    fn doorbells_and_registers(accesses in vec((0_u8..5, any::<u32>(), any::<u32>()), 1..200)) {
        attacks::doorbells_and_registers(&accesses);
    }

    #[test]
    fn descriptors(
        pointers: [u64; 8],
        sge in vec((any::<u32>(), any::<u64>()), 1..6),
        inside: bool,
    ) {
        attacks::descriptors(&pointers, &sge, inside);
    }

    #[test]
    fn frames(bodies in vec(vec(any::<u8>(), 0..200), 1..40), ip: bool) {
        attacks::frames(&bodies, ip);
    }
}
