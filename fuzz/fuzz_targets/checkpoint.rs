//! Bytes that may be a checkpoint, and the connection that they then are.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mafo_tcp::script::hostile;

fuzz_target!(|bytes: &[u8]| {
    let _ = hostile::fuzz_checkpoint(bytes);
});
