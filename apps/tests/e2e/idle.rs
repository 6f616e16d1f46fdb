//! Demo and drill by lcores that sleep when there is nothing to do: the same verdicts as by those that poll.

use crate::cases::Outcome;
use crate::{mafo, no_kernel_peer};

/// What follows a key of a JSON object.
fn behind<'a>(json: &'a str, key: &str) -> &'a str {
    json.split_once(&format!("\"{key}\":")).unwrap_or_else(|| panic!("no {key} in {json}")).1
}

/// The number behind a key of a JSON object.
fn number(json: &str, key: &str) -> f64 {
    let value = behind(json, key).split([',', '}', ']']).next().unwrap_or_default();
    value.parse().unwrap_or_else(|_| panic!("{key} is no number in {json}"))
}

/// The part of the time that each lcore slept.
fn shares(json: &str) -> Vec<f64> {
    let list = behind(json, "asleep").strip_prefix('[').expect("a list");
    let list = list.split(']').next().expect("an end");
    list.split(',').map(|share| share.parse().expect("a number")).collect()
}

/// Runs what has to come out well; its JSON object.
fn good(arguments: &[&str]) -> String {
    let all = [arguments, &["--json"]].concat();
    let output = mafo(&all);
    let json = String::from_utf8(output.stdout).expect("text");
    let progress = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{all:?}: {json}\n{progress}");
    assert!(json.contains("\"ok\":true"), "{json}");
    json
}

/// Two drills of a fault: every connection is handed over, and what a fault is noticed by does not wait for something else
/// to end a sleep, which would be seen as handovers that do not end.
fn two(peer: &str, fault: &str, lcores: &str, further: &[&str]) {
    let few = ["drill", "--peer", peer, "--fault", fault, "--count", "2", "--connections", "8"];
    let json = good(&[&few[..], &["--idle", "sleep", "--lcores", lcores], further].concat());
    for (key, wanted) in [
        ("count", 2.0),
        ("survived", 8.0),
        ("offloaded", 8.0),
        ("resets", 0.0),
        ("bytes_corrupt", 0.0),
        ("left_over", 0.0),
    ] {
        assert_eq!(number(&json, key), wanted, "{fault} on {lcores}: {key}: {json}");
    }
    // In balance-xor only those move that lived where the fault was.
    let moved = number(&json, "handed_over");
    assert!(if further.is_empty() { moved == 16.0 } else { moved > 0.0 }, "{fault}: {json}");
    assert!(json.contains("\"idle\":{\"mode\":\"sleep\","), "{json}");
    assert_eq!(shares(&json).len().to_string(), lcores, "{json}");
}

const FAULTS: [&str; 6] = ["link", "blackhole", "port", "adapter", "move", "failback"];

pub(crate) fn smoltcp() -> Outcome {
    for fault in FAULTS {
        ["1", "2"].into_iter().for_each(|lcores| two("smoltcp", fault, lcores, &[]));
    }
    Outcome::Done
}

pub(crate) fn kernel() -> Outcome {
    if let Some(skipped) = no_kernel_peer() {
        return skipped;
    }
    for fault in FAULTS {
        ["1", "2"].into_iter().for_each(|lcores| two("kernel", fault, lcores, &[]));
    }
    Outcome::Done
}

/// Ports without adapters have no heartbeat, and a switch stands between if all links carry.
pub(crate) fn bonds() -> Outcome {
    for lcores in ["1", "2"] {
        two("smoltcp", "link", lcores, &["--bond", "mode=balance-xor"]);
        two("smoltcp", "link", lcores, &["--adapters", "eth,eth"]);
        two("smoltcp", "blackhole", lcores, &["--adapters", "eth,eth"]);
    }
    Outcome::Done
}

/// A demo over cables that are so long that mostly nothing happens.
fn long(idle: &str, lcores: &str) -> String {
    let long = ["demo", "--peer", "smoltcp", "--connections", "8", "--bytes", "16K"];
    good(&[&long[..], &["--delay", "20ms", "--idle", idle, "--lcores", lcores]].concat())
}

pub(crate) fn sleeps() -> Outcome {
    for lcores in ["1", "2"] {
        let json = long("sleep", lcores);
        assert!(shares(&json).into_iter().all(|share| 0.0 < share && share < 1.0), "{json}");
        assert!(number(&json, "sleeps") > 0.0 && number(&json, "slept_s") > 0.0, "{json}");
        assert!(number(&json, "wakeups") <= number(&json, "sleeps"), "{json}");
        // On one lcore nobody rings: it wakes by its timers, and is told how late that was.
        let late = behind(&json, "late_us");
        assert!(number(late, "p50") > 0.0 && number(late, "p50") <= number(late, "p99"), "{json}");
        if lcores == "1" {
            assert!(json.contains("\"wake_us\":null"), "{json}");
        } else {
            let wake = behind(&json, "wake_us");
            assert!(number(&json, "wakeups") > 0.0, "frames for the other lcore ring: {json}");
            assert!(
                number(wake, "p50") > 0.0 && number(wake, "p50") <= number(wake, "p99"),
                "{json}"
            );
        }
    }
    let output = mafo(&["demo", "--peer", "smoltcp", "--connections", "4", "--bytes", "16K"]);
    assert!(!String::from_utf8_lossy(&output.stdout).contains("idle:"), "nobody was to sleep");
    let few = ["drill", "--peer", "smoltcp", "--connections", "4", "--count", "1"];
    let output = mafo(&[&few[..], &["--idle", "sleep"]].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().filter(|line| line.starts_with("idle: ")).count();
    assert_eq!(lines, 1, "one line: {text}");
    Outcome::Done
}

pub(crate) fn polls() -> Outcome {
    let json = long("poll", "2");
    assert!(json.contains("\"idle\":{\"mode\":\"poll\",\"sleeps\":0,\"wakeups\":0,"), "{json}");
    assert_eq!(shares(&json), [0.0, 0.0], "{json}");
    Outcome::Done
}

pub(crate) fn wrong() -> Outcome {
    for command in ["demo", "drill"] {
        let output = mafo(&[command, "--idle", "foo"]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains("'foo'") && error.contains("poll, sleep"), "{error}");
    }
    Outcome::Done
}
