//! ICMP errors about a connection, offloaded or on the host path.
#![no_main]

use libfuzzer_sys::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use mafo_fuzz::{all_of, icmp};

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Unstructured::new(bytes);
    let offload = bytes.arbitrary().unwrap_or(false);
    icmp::run(offload, all_of(&mut bytes, 100));
});
