//! Freelist pointers and scatter lists into the software ASIC, and frames that follow them.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use mafo_fuzz::asic;

#[derive(Arbitrary, Debug)]
struct Head {
    pointers: [u64; 8],
    first: (u32, u64),
    more: [Option<(u32, u64)>; 6],
    inside: bool,
    ip: bool,
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Unstructured::new(bytes);
    let Ok(head) = bytes.arbitrary::<Head>() else { return };
    let more: Vec<(u32, u64)> = head.more.into_iter().flatten().collect();
    let mut bodies = Vec::new();
    while !bytes.is_empty() && bodies.len() < 40 {
        let len = usize::from(bytes.arbitrary::<u8>().unwrap_or(0)).min(bytes.len());
        bodies.push(bytes.bytes(len).map_or(Vec::new(), <[u8]>::to_vec));
    }
    asic::descriptors(&head.pointers, head.first, &more, head.inside, &bodies, head.ip);
});
