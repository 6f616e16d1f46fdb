//! Work requests, and the CPLs in them, into the software ASIC.
#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use mafo_fuzz::{asic, choices::all_of};

fuzz_target!(|bytes: &[u8]| asic::work_requests(all_of(&mut Unstructured::new(bytes), 24)));
