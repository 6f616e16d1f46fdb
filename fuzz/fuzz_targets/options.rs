//! TCP headers, their options above all.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mafo_tcp::script::hostile;

fuzz_target!(|bytes: &[u8]| {
    hostile::fuzz_options(bytes);
});
