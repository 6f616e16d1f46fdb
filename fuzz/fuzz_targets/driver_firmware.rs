//! Registers and firmware replies that lie, into the driver's bring-up and close.
#![no_main]

use libfuzzer_sys::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use mafo_fuzz::{all_of, driver};

fuzz_target!(|bytes: &[u8]| driver::bring_up(all_of(&mut Unstructured::new(bytes), 200)));
