//! Firmware commands, register accesses and doorbells into the software ASIC.
#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use mafo_fuzz::{asic, choices::all_of};

fuzz_target!(|bytes: &[u8]| {
    let (commands, accesses) = bytes.split_at(bytes.len() / 2);
    let commands = all_of(&mut Unstructured::new(commands), 16);
    asic::control(commands, &all_of(&mut Unstructured::new(accesses), 200));
});
