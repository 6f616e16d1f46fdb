//! Ingress entries, CPLs, status pages and payload that lie, into driver, sockets and bond.
#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use mafo_fuzz::{choices::all_of, driver};

fuzz_target!(|bytes: &[u8]| driver::run(all_of(&mut Unstructured::new(bytes), 100)));
