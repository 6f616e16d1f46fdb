//! `mafo drill` as its users run it: five of each fault with each peer, limits, and an end by Ctrl-C.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::cases::Outcome;
use crate::{mafo, no_kernel_peer};

/// The number behind a key of a JSON object.
fn number(json: &str, key: &str) -> Option<u64> {
    let (_, rest) = json.split_once(&format!("\"{key}\":"))?;
    rest.split([',', '}']).next()?.parse().ok()
}

/// Runs drills that have to come out well; their JSON object.
fn good(arguments: &[&str]) -> String {
    let all = [&["drill", "--json"], arguments].concat();
    let output = mafo(&all);
    let json = String::from_utf8(output.stdout).expect("text");
    let progress = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{all:?}: {json}\n{progress}");
    assert!(json.contains("\"ok\":true"), "{json}");
    assert_eq!(json.lines().count(), 1, "exactly one object");
    json
}

/// What can be drilled.
const FAULTS: [&str; 6] = ["link", "blackhole", "port", "adapter", "move", "failback"];

/// Five drills of a fault with `connections`.
fn five(peer: &str, fault: &str, connections: u64) {
    let n = connections.to_string();
    let json = good(&["--peer", peer, "--fault", fault, "--count", "5", "--connections", &n]);
    for (key, wanted) in [
        ("count", 5),
        ("connections", connections),
        ("survived", connections),
        ("offloaded", connections),
        ("handed_over", 5 * connections),
        ("resets", 0),
        ("bytes_corrupt", 0),
        ("left_over", 0),
    ] {
        assert_eq!(number(&json, key), Some(wanted), "{key}: {json}");
    }
    // A time of each drill, and of each connection in each.
    for key in ["detect_us", "tunnel_up_us", "handover_us", "stall_us", "stall_clean_us"] {
        let (_, times) = json.split_once(&format!("\"{key}\":")).expect(key);
        let [p50, p99, p999, max] = ["p50", "p99", "p999", "max"].map(|q| number(times, q));
        assert!(p50 <= p99 && p99 <= p999 && p999 <= max && max.is_some(), "{key}: {times}");
    }
    let cost = |part: &str| {
        let (_, times) = json.split_once("\"handover_cpu_us\":").expect("a key");
        let (_, value) = times.split_once(&format!("\"{part}\":")).expect(part);
        value.split([',', '}']).next().and_then(|v| v.parse::<f64>().ok()).expect(part)
    };
    assert!(
        cost("p50") > 0.0 && cost("p50") <= cost("p99") && cost("p99") <= cost("max"),
        "{json}"
    );
    assert!(number(&json, "swallowed").is_some_and(|n| n <= 5 * connections), "{json}");
    let tunnelled = number(&json, "out").is_some_and(|frames| frames > 0);
    assert_eq!(tunnelled, !["port", "adapter"].contains(&fault), "{json}");
    for key in ["peer_timeouts", "peer_timeouts_control"] {
        assert_eq!(number(&json, key).is_some(), peer == "kernel", "{json}");
    }
    assert_eq!(json.contains("\"peer_timeouts\":null"), peer == "smoltcp", "{json}");
}

pub(crate) fn smoltcp() -> Outcome {
    for fault in FAULTS {
        five("smoltcp", fault, 8);
    }
    Outcome::Done
}

pub(crate) fn kernel() -> Outcome {
    if let Some(skipped) = no_kernel_peer() {
        return skipped;
    }
    for fault in FAULTS {
        five("kernel", fault, 16);
    }
    Outcome::Done
}

/// Exit 1 and the reason, in both forms of the report.
fn bad(arguments: &[&str], reason: &str) {
    for form in [&["--json"][..], &[]] {
        let few = ["drill", "--peer", "smoltcp", "--connections", "2", "--count", "1"];
        let all = [&few[..], arguments, form].concat();
        let output = mafo(&all);
        let told = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{all:?}: {told}");
        assert!(told.contains(reason), "{all:?}: {told}");
        assert!(told.contains(if form.is_empty() { "FAILED" } else { "\"ok\":false" }), "{told}");
    }
}

/// Each kind of handover, on connections that have bytes under way.
pub(crate) fn kinds() -> Outcome {
    for (kind, fault) in [("drained", "link"), ("instant", "link"), ("instant", "move")] {
        let all = ["--peer", "smoltcp", "--connections", "8", "--count", "2", "--handover", kind];
        let json = good(&[&all[..], &["--fault", fault]].concat());
        assert_eq!(number(&json, "handed_over"), Some(16), "{kind} {fault}: {json}");
        let undrained = number(&json, "handed_over_undrained").expect("a number");
        assert_eq!(undrained > 0, kind == "instant", "{kind} {fault}: {json}");
    }
    Outcome::Done
}

pub(crate) fn limits() -> Outcome {
    bad(&["--max-stall-p99", "0us"], "stall: p99 is");
    bad(&["--max-tunnel-p99", "0us"], "tunnel up: p99 is");
    bad(&["--break", "rst"], "resets");
    bad(&["--break", "upload"], "the handovers do not end");
    let kept = ["--max-stall-p99", "10s", "--max-tunnel-p99", "10s", "--max-resets", "0"];
    good(&[&["--peer", "smoltcp", "--connections", "2", "--count", "1"], &kept[..]].concat());
    Outcome::Done
}

/// A page that needs nothing else, of either command.
pub(crate) fn page() -> Outcome {
    let file = std::env::temp_dir().join(format!("mafo-page-{}.html", std::process::id()));
    let path = file.to_str().expect("text");
    for (command, plots) in [
        (
            &["drill", "--count", "2"][..],
            &["stall, clean (", "A0 out", "B0 in", "B0 is active"][..],
        ),
        (
            &["demo", "--bytes", "64K"],
            &["handover (2)", "A0 in", "B0 out", "the cable of A0 is cut"],
        ),
    ] {
        let few = ["--peer", "smoltcp", "--connections", "2", "--report", path];
        let output = mafo(&[command, &few[..]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let html = std::fs::read_to_string(&file).expect("a page");
        std::fs::remove_file(&file).expect("it is there");
        assert_eq!((html.matches("<svg").count(), html.matches("</svg>").count()), (3, 3));
        assert!(html.starts_with("<!DOCTYPE html>") && html.trim_end().ends_with("</html>"));
        for foreign in ["<script", "<link", "<img", "@import", "url(", "href="] {
            assert!(!html.contains(foreign), "{foreign}");
        }
        for plot in plots {
            assert!(html.contains(plot), "{command:?}: no {plot}");
        }
    }
    let nowhere = ["drill", "--report", "/nonexistent/page.html"];
    let output = mafo(&nowhere);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("cannot write /nonexistent/page.html"), "{error}");
    assert!(!error.contains("peer:"), "before anything runs: {error}");
    Outcome::Done
}

/// Cards that are unlike in their ports and in the sizes of their tables; one that is too small.
pub(crate) fn adapters() -> Outcome {
    let few = ["--peer", "smoltcp", "--connections", "4"];
    let small = "t540-cr:ntids=300,t520-cr:ntids=8,l2t=2,filters=8";
    let drills = [&few[..], &["--count", "2", "--fault", "port", "--adapters", small]].concat();
    let json = good(&drills);
    assert_eq!(number(&json, "handed_over"), Some(8), "{json}");
    let drills = [&few[..], &["--count", "2", "--adapters", "t520-cr,t540-cr"]].concat();
    assert_eq!(number(&good(&drills), "handed_over"), Some(8));

    let full = [&["demo"], &few[..], &["--adapters", "t540-cr,t540-cr:filters=1"]].concat();
    let output = mafo(&full);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("adapter 1 has room for 1 filters, the bond needs 2"), "{error}");
    Outcome::Done
}

/// Members of the bond that are no adapters: whatever happens, connections go to the host and back to an adapter, or stay on
/// the host and use the other port.
pub(crate) fn ports() -> Outcome {
    let few = ["--peer", "smoltcp", "--connections", "4", "--count", "2"];
    for pair in ["t540-cr,eth", "eth,t520-cr", "eth,eth"] {
        for fault in ["link", "blackhole", "port", "adapter", "move", "failback"] {
            let json = good(&[&few[..], &["--fault", fault, "--adapters", pair]].concat());
            assert_eq!(number(&json, "handed_over"), Some(8), "{pair} {fault}: {json}");
            assert_eq!(number(&json, "offloaded"), Some(4), "{pair} {fault}: {json}");
            // Only an adapter's frames have to cross the host, by a link that is not its own.
            let tunnelled = !json.contains(r#""frames_tunnelled":{"out":0,"in":0}"#);
            let has_adapter = pair != "eth,eth" && !["port", "adapter"].contains(&fault);
            assert_eq!(tunnelled, has_adapter, "{pair} {fault}: {json}");
        }
    }
    let demo = [&["demo"], &few[..4], &["--rounds", "2", "--bytes", "256K"]].concat();
    for pair in ["t540-cr,eth", "eth,t540-cr", "eth,eth"] {
        let output = mafo(&[&demo[..], &["--adapters", pair, "--json"]].concat());
        let json = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{pair}: {json}");
        assert_eq!(number(&json, "handed_over"), Some(4), "{pair}: {json}");
    }
    Outcome::Done
}

/// A switch shares the connections among the cables: those of the link that fails move, and nobody loses anything.
pub(crate) fn xor() -> Outcome {
    let options = ["--peer", "smoltcp", "--connections", "16", "--bond", "mode=balance-xor"];
    for fault in ["link", "port", "adapter"] {
        let json = good(&[&options[..], &["--count", "3", "--fault", fault]].concat());
        let moved = number(&json, "handed_over").unwrap_or(0);
        // Some of them each time; all of them each time would be no sharing.
        assert!((3..48).contains(&moved) || fault == "adapter", "{fault}: {json}");
    }
    for (fault, why) in [("move", "none to move to"), ("blackhole", "without LACP")] {
        let output = mafo(&[&["drill"], &options[..], &["--fault", fault]].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(why), "{error}");
    }
    Outcome::Done
}

/// What an adapter has acknowledged and not told dies with it where it is not protected: that is counted, and no fault. Its
/// connections are lost, all others go on; and nothing is lost where nothing is ahead, or all is protected.
pub(crate) fn unprotected() -> Outcome {
    let options = ["--peer", "smoltcp", "--fault", "adapter", "--connections", "4", "--count", "2"];
    let told = ["--break", "told"];
    for (further, all) in [
        (&["--protect", "off"][..], true),
        (&[&["--protect", "on"][..], &told].concat(), true),
        (&[&["--protect", "off"][..], &told].concat(), false),
    ] {
        let json = good(&[&options[..], further].concat());
        let (survived, lost) = (number(&json, "survived"), number(&json, "lost"));
        assert_eq!(survived.zip(lost).map(|(a, b)| a + b), Some(4), "{further:?}: {json}");
        assert_eq!(survived == Some(4), all, "{further:?}: {json}");
        assert_eq!(number(&json, "resets"), Some(0), "{further:?}: {json}");
    }
    Outcome::Done
}

pub(crate) fn wrong_flags() -> Outcome {
    for (arguments, named) in [
        (&["--fault", "cable"][..], "link, blackhole, port, adapter, move, failback"),
        (&["--protect", "maybe"], "on, off"),
        (&["--count", "0"], "1..=100000"),
        (&["--interval", "5"], "us, ms or s"),
        (&["--max-resets", "few"], "--max-resets"),
        (&["--bytes", "1M"], "--bytes"),
        (&["--adapters", "t540-cr,eth:ntids=3"], "can be said of adapters only"),
        (&["--bond", "miimom=100"], "is miimon meant?"),
        (&["--bond", "miimon=100,arp_interval=10,arp_ip_target=10.77.0.1"], "not both"),
        (&["--bond", "primary=C0"], "port 0 of adapter 2 does not belong to the bond"),
    ] {
        let all = [&["drill"], arguments].concat();
        let output = mafo(&all);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(named), "{arguments:?} does not name {named}: {error}");
    }
    let help = String::from_utf8(mafo(&["drill", "--help"]).stdout).expect("text");
    for option in
        ["--fault", "--count", "--interval", "--handover", "--protect", "--max-stall-p99", "--bond"]
    {
        assert!(help.contains(option), "{option}: {help}");
    }
    assert!(help.starts_with("Failure after failure"), "{help}");
    assert!(!help.contains("--bytes"), "{help}");
    Outcome::Done
}

/// Ctrl-C between two drills: connections are closed, what was measured is reported.
pub(crate) fn ends_in_order() -> Outcome {
    end(&[])
}

/// The same by lcores that sleep.
pub(crate) fn ends_in_order_asleep() -> Outcome {
    end(&["--idle", "sleep", "--lcores", "2"])
}

#[expect(unsafe_code, reason = "std only knows SIGKILL, and leaves an ignored signal ignored")]
fn end(options: &[&str]) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mafo"));
    command
        .args(["drill", "--json", "--peer", "smoltcp", "--connections", "4", "--count", "100000"])
        .args(options)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // SAFETY: signal is async-signal-safe and takes no pointer.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            Ok(())
        });
    }
    let mut child = command.spawn().expect("the program starts");
    let mut progress = BufReader::new(child.stderr.take().expect("piped")).lines();
    let second = progress.find(|line| line.as_ref().is_ok_and(|l| l.starts_with("drill 2:")));
    assert!(second.is_some(), "it ended before its second drill");
    // SAFETY: takes no pointer.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGINT) }, 0);
    let rest = progress.map_while(Result::ok).collect::<Vec<_>>().join("\n");
    let output = child.wait_with_output().expect("it ends");
    let json = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.code(), Some(1), "{json}\n{rest}");
    let count = number(&json, "count").expect("how many came to their end");
    let reason = format!("\"ended by a signal after {count} of 100000 drills\"");
    assert!(count >= 2 && json.contains(&reason), "{json}\n{rest}");
    assert_eq!(number(&json, "survived"), Some(4), "{json}");
    assert!(rest.contains("all connections closed"), "{rest}");
    Outcome::Done
}
