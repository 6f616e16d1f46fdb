//! ICMP errors about a connection, offloaded or on the host path.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mafo_fuzz::icmp;

fuzz_target!(|bytes: &[u8]| icmp::run(bytes));
