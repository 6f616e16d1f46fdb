//! Registers and firmware replies that lie, into the driver's bring-up and close.
#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use mafo_fuzz::{choices::all_of, driver};

fuzz_target!(|bytes: &[u8]| driver::bring_up(all_of(&mut Unstructured::new(bytes), 200)));
