//! Segments into a connection in any state that they can lead to.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mafo_tcp::script::hostile;

fuzz_target!(|bytes: &[u8]| {
    hostile::fuzz_segments(bytes);
});
