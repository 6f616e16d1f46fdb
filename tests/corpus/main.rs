//! What fuzzers found worth keeping: each input once more, with the compiler that everybody has.
//!
//! `fuzz/README.md` says where the inputs come from and how they are renewed.

use std::fs;
use std::panic::{self, RefUnwindSafe};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use mafo_tcp::script::hostile;

#[path = "../../fuzz/src/choices.rs"]
#[expect(unreachable_pub, reason = "there it is a library's")]
mod choices;
#[path = "../../fuzz/src/frames.rs"]
#[expect(unreachable_pub, reason = "there it is a library's")]
mod frames;
#[path = "../../fuzz/src/icmp.rs"]
#[expect(unreachable_pub, reason = "there it is a library's")]
mod icmp;

/// Each input of `target`, of which there are at least `least`. A failure names its file.
fn replay(target: &str, least: usize, run: impl Fn(&[u8]) + RefUnwindSafe) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("it can be listed").path())
        .collect();
    files.sort();
    assert!(files.len() >= least, "{} inputs in {}", files.len(), folder.display());
    for file in files {
        let bytes = fs::read(&file).expect("it can be read");
        let outcome = panic::catch_unwind(|| run(&bytes));
        assert!(outcome.is_ok(), "{} failed", file.display());
    }
}

#[test]
fn segments() {
    replay("segments", 100, hostile::fuzz_segments);
}

#[test]
fn options() {
    replay("options", 40, hostile::fuzz_options);
}

/// Checkpoints of another version than the present one are refused, and would prove nothing.
#[test]
fn checkpoint() {
    let taken = AtomicUsize::new(0);
    replay("checkpoint", 50, |bytes| {
        let is_taken = hostile::fuzz_checkpoint(bytes);
        taken.fetch_add(is_taken.into(), Ordering::Relaxed);
    });
    let taken = taken.into_inner();
    assert!(taken >= 30, "only {taken} are checkpoints of this version: renew them");
}

#[test]
fn icmp() {
    replay("icmp", 15, icmp::run);
}

#[test]
fn frames() {
    replay("frames", 50, frames::run);
}
