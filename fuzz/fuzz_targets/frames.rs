//! Frames from the wire into a listener and a connection, offloaded or on the host path.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mafo_fuzz::frames;

fuzz_target!(|bytes: &[u8]| frames::run(bytes));
