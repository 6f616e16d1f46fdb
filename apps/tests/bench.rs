//! `mafo bench` as its users run it, with slices too short for a figure: what it prints, how it ends.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};

/// Makes a run short. Builds without the hook take the least time that they allow.
const SHORT: [&str; 2] =
    if cfg!(debug_assertions) { ["--slice-ms", "10"] } else { ["--seconds", "2.5"] };

/// Keys of every run, those of inner objects behind a dot; those of references and of cores follow from the options.
const KEYS: [&str; 42] = [
    "name",
    "path",
    "connections",
    "size",
    "mtu",
    "unit",
    "direction",
    "loss",
    "protect",
    "asic_core",
    "one_card",
    "mafo",
    "unprotected",
    "protect_ratio",
    "protect_spread",
    "smoltcp",
    "kernel",
    "ratio",
    "core_seconds.mafo",
    "core_seconds.unprotected",
    "core_seconds.smoltcp",
    "core_seconds.kernel",
    "spread",
    "latency_us.p50",
    "latency_us.p99",
    "latency_us.p999",
    "latency_one_us",
    "cycles_per_op",
    "copied_per_op",
    "doorbells_per_op",
    "burst_mean",
    "one_lcore",
    "one_lcore_core_seconds",
    "lcores_ratio",
    "lcores_spread",
    "cores.0.lcore",
    "cores.0.core",
    "cores.0.connections",
    "cores.0.mafo",
    "cores.0.core_seconds",
    "ratios.smoltcp",
    "latency_one_us_of.smoltcp",
];

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mafo"))
        .arg("bench")
        .args(arguments)
        .output()
        .expect("the program runs")
}

/// The object's keys with their values, those of inner ones behind their names; elements of lists are numbered.
fn members(json: &str) -> Figures {
    fn value<'a>(name: &str, json: &'a str, found: &mut Vec<(String, String)>) -> &'a str {
        let inner =
            |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
        let Some(opening) = json.chars().next().filter(|c| "{[".contains(*c)) else {
            let end = match json.strip_prefix('"') {
                Some(text) => text.find('"').expect("an end") + 2,
                None => json.find([',', '}', ']']).unwrap_or(json.len()),
            };
            found.push((name.to_owned(), json[..end].trim_matches('"').to_owned()));
            return &json[end..];
        };
        let mut rest = &json[1..];
        for n in 0.. {
            if let Some(behind) = rest.strip_prefix(['}', ']']) {
                return behind;
            }
            rest = rest.strip_prefix(',').unwrap_or(rest);
            if opening == '[' {
                rest = value(&inner(&n.to_string()), rest, found);
                continue;
            }
            let (key, behind) = rest.split_once(':').expect("a key and a value");
            rest = value(&inner(key.trim_matches('"')), behind, found);
        }
        unreachable!("a number of members without end")
    }
    let mut found = Vec::new();
    assert_eq!(value("", json, &mut found), "", "{json}");
    Figures(found)
}

#[derive(Debug)]
struct Figures(Vec<(String, String)>);

impl Figures {
    fn text(&self, name: &str) -> &str {
        let member = self.0.iter().find(|(key, _)| key == name);
        &member.unwrap_or_else(|| panic!("no {name} in {self:?}")).1
    }

    /// How many names begin so.
    fn of(&self, start: &str) -> usize {
        self.0.iter().filter(|(key, _)| key.starts_with(start)).count()
    }

    fn number(&self, name: &str) -> f64 {
        let text = self.text(name);
        text.parse().unwrap_or_else(|_| panic!("{name} is {text}"))
    }
}

/// Runs a bench that has to come out well; the members of its one object.
fn figures(arguments: &[&str]) -> Figures {
    let all = [arguments, &SHORT, &["--json"]].concat();
    let output = bench(&all);
    let json = String::from_utf8(output.stdout).expect("text");
    let progress = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{all:?}: {json}\n{progress}");
    assert_eq!(json.lines().count(), 1, "{json}");
    assert!(json.starts_with('{') && json.ends_with("}\n"), "{json}");
    let figures = members(json.trim_end());
    let vs = all.iter().any(|argument| argument.contains("smoltcp"));
    for key in
        KEYS.iter().filter(|key| vs || !key.ends_with(".smoltcp") || key.starts_with("core_"))
    {
        figures.text(key);
    }
    figures
}

#[test]
fn all_works_on_both_paths_beside_smoltcp() {
    for work in ["rpc", "bulk", "cps"] {
        for path in ["offload", "host"] {
            let figures = figures(&[work, "--path", path, "--vs", "smoltcp"]);
            let text: Vec<&str> = figures.0[..6].iter().map(|(_, value)| value.as_str()).collect();
            let expected = match work {
                "rpc" => [work, path, "64", "64", "1500", "exchanges per core-second"],
                "cps" => [work, path, "64", "64", "1500", "connections per core-second"],
                _ => [work, path, "1", "65536", "1500", "Gbit per core-second"],
            };
            assert_eq!(text, expected);
            let (mafo, smoltcp) = (figures.number("mafo"), figures.number("smoltcp"));
            assert!(mafo > 0.0 && smoltcp > 0.0, "{figures:?}");
            for ratio in ["ratio", "ratios.smoltcp"] {
                assert_eq!(figures.number(ratio), mafo / smoltcp);
            }
            for some in
                ["core_seconds.mafo", "core_seconds.smoltcp", "latency_one_us", "cycles_per_op"]
            {
                assert!(figures.number(some) > 0.0, "{some} of {figures:?}");
            }
            assert!(figures.number("latency_one_us_of.smoltcp") > 0.0, "{figures:?}");
            assert!(
                figures.number("spread") >= 0.0 && figures.text("kernel") == "null",
                "{figures:?}"
            );
            assert_eq!(figures.number("cores.0.mafo"), mafo, "one core did it all");
            assert_eq!((figures.number("cores.0.lcore"), figures.text("one_lcore")), (0.0, "null"));
            let [p50, p99, p999] =
                ["p50", "p99", "p999"].map(|part| figures.number(&format!("latency_us.{part}")));
            assert!(0.0 < p50 && p50 <= p99 && p99 <= p999, "{figures:?}");
            assert!(figures.number("burst_mean") >= 1.0, "{figures:?}");
            let doorbells = figures.number("doorbells_per_op");
            assert_eq!(doorbells > 0.0, path == "offload", "{figures:?}");
            // Each byte of a message is copied into the socket, unless it is lent, and out of it, into the frame and out
            // of it, and with all headers by the link; four headers a connection at least.
            let copied = figures.number("copied_per_op");
            let (least, most) = match work {
                "bulk" => (4.0 * 65536.0, 7.0 * 65536.0),
                "rpc" => (2.0 * (4.0 * 64.0 + 118.0), 2000.0),
                _ => (2.0 * (4.0 * 64.0 + 118.0) + 4.0 * 54.0, 6000.0),
            };
            assert!((least..most).contains(&copied), "{work} {path}: {copied}");
        }
    }
}

#[test]
fn what_is_asked_for_is_what_runs() {
    // Messages of many segments, of odd lengths, on a small and on a large link; a window's worth.
    for arguments in [
        &["rpc", "--connections", "3", "--size", "5001", "--mtu", "576", "--vs", "smoltcp"][..],
        &["rpc", "--connections", "200", "--size", "1", "--path", "host", "--vs", "smoltcp"],
        &["bulk", "--connections", "5", "--size", "777", "--mtu", "9000", "--vs", "smoltcp"],
        &["bulk", "--size", "1000000", "--path", "host", "--vs", "smoltcp"],
        &["cps", "--connections", "3", "--size", "5001", "--mtu", "576", "--vs", "smoltcp"],
        &["cps", "--connections", "200", "--size", "1", "--path", "host", "--vs", "smoltcp"],
    ] {
        let figures = figures(arguments);
        for key in ["connections", "size", "mtu"] {
            let flag = format!("--{key}");
            if let Some(n) = arguments.iter().position(|argument| *argument == flag) {
                assert_eq!(figures.text(key), arguments[n + 1], "{arguments:?}");
            }
        }
    }
}

/// Streams go where they are sent, over good links and bad ones, on each path and beside smoltcp.
#[test]
fn streams_go_either_way_and_over_bad_links() {
    for direction in ["to-server", "to-client", "both"] {
        for path in ["offload", "host"] {
            for loss in ["0", "0.02"] {
                let all = ["bulk", "--direction", direction, "--path", path, "--loss", loss];
                let figures =
                    figures(&[&all[..], &["--connections", "2", "--vs", "smoltcp"]].concat());
                assert_eq!(figures.text("direction"), direction);
                assert_eq!(figures.number("loss"), loss.parse().expect("a number"));
                // What is lost is waited for, and a slice may be over before it comes: what counts is that nothing else comes.
                let (mafo, smoltcp) = (figures.number("mafo"), figures.number("smoltcp"));
                assert!(loss != "0" || mafo > 0.0 && smoltcp > 0.0, "{all:?}: {figures:?}");
            }
        }
    }
    let figures = figures(&["rpc", "--path", "host", "--loss", "0.05"]);
    assert_eq!((figures.text("direction"), figures.text("loss")), ("null", "0.05"));
}

/// A page with a curve of each stack, readable without anything else.
#[test]
fn a_page_has_plots_and_tables() {
    let folder = std::env::temp_dir().join(format!("mafo-bench-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a new folder");
    let path = folder.join("page.html");
    let name = path.to_str().expect("text");
    let more = ["--protect", "on,off", "--vs", "smoltcp", "--report", name];
    let _ = figures(&[&["rpc", "--connections", "3"][..], &more].concat());
    let page = std::fs::read_to_string(&path).expect("a page");
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"), "{page}");
    for named in [
        "<title>mafo bench rpc on path offload</title>",
        "3 connections, 64 B request and response",
        "protected / unprotected: ratio",
        "<tr><th>exchanges per core-second</th><th>median</th>",
        "<tr><td>mafo</td>",
        "<tr><td>unprotected</td>",
        "<tr><td>smoltcp</td>",
        "<tr><td>smoltcp, one</td>",
    ] {
        assert!(page.contains(named), "no {named} in {page}");
    }
    assert_eq!(page.matches("<svg").count(), 2, "{page}");
    // Three curves of rates, and of six distributions.
    assert!(page.matches("<polyline").count() >= 9, "{page}");
    assert!(!page.contains("<script") && !page.contains("src="), "nothing from elsewhere: {page}");
    std::fs::remove_dir_all(&folder).expect("our own");
}

/// Linux beside the others, where namespaces may be made: whoever may not is told so.
#[test]
fn linux_does_the_same_work() {
    for arguments in [
        &["rpc", "--path", "host", "--vs", "kernel"][..],
        &["rpc", "--connections", "3", "--size", "50001", "--vs", "smoltcp,kernel"],
        &[
            "bulk",
            "--path",
            "host",
            "--connections",
            "2",
            "--mtu",
            "1400",
            "--vs",
            "kernel,smoltcp",
        ],
        &["cps", "--path", "host", "--vs", "kernel"],
    ] {
        let output = bench(&[arguments, &SHORT, &["--json"]].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        if output.status.code() == Some(2) && error.contains("run it as root") {
            eprintln!("skipped: {error}");
            return;
        }
        assert!(output.status.success(), "{arguments:?}: {error}");
        let json = String::from_utf8(output.stdout).expect("text");
        let figures = members(json.trim_end());
        let (mafo, kernel) = (figures.number("mafo"), figures.number("kernel"));
        assert_eq!(figures.number("ratios.kernel"), mafo / kernel, "{json}");
        let first = arguments.last().and_then(|vs| vs.split(',').next()).expect("a reference");
        assert_eq!(figures.number("ratio"), mafo / figures.number(first), "{json}");
        assert!(figures.number("core_seconds.kernel") > 0.0, "{json}");
        assert!(figures.number("latency_one_us_of.kernel") > 0.0, "{json}");
    }
    // It had its namespaces for itself, and nothing of them is left.
    let devices = std::fs::read_to_string("/proc/net/dev").expect("devices");
    assert!(!devices.contains("mafo0") && !devices.contains("mafo1"), "{devices}");
}

/// Without the right to make namespaces there is no Linux to compare with.
#[test]
fn who_is_not_root_is_told_what_to_change() {
    let program = env!("CARGO_BIN_EXE_mafo");
    let run = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .args([program, "bench", "rpc", "--path", "host", "--vs", "kernel"])
        .args(SHORT)
        .output();
    let Ok(output) = run else {
        eprintln!("skipped: there is no setpriv");
        return;
    };
    let error = String::from_utf8_lossy(&output.stderr);
    if !error.contains("mafo bench:") {
        eprintln!("skipped: {error}");
        return;
    }
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("run it as root, or leave the kernel out"), "{error}");
    assert!(output.stdout.is_empty(), "nothing was measured");
}

#[test]
fn alone_there_is_nothing_to_compare_with() {
    let figures = figures(&["rpc", "--connections", "2"]);
    assert!(figures.number("mafo") > 0.0 && figures.number("core_seconds.mafo") > 0.0);
    for none in [
        "unprotected",
        "protect_ratio",
        "protect_spread",
        "smoltcp",
        "kernel",
        "ratio",
        "core_seconds.unprotected",
        "core_seconds.smoltcp",
        "core_seconds.kernel",
        "spread",
    ] {
        assert_eq!(figures.text(none), "null", "{none}");
    }
    assert_eq!(figures.text("protect"), "on", "protected");
}

/// What protection costs, in one run.
#[test]
fn with_and_without_protection() {
    for work in ["rpc", "bulk"] {
        let figures = figures(&[work, "--protect", "on,off"]);
        assert_eq!(figures.text("protect"), "on,off");
        let (with, without) = (figures.number("mafo"), figures.number("unprotected"));
        assert!(with > 0.0 && without > 0.0, "{figures:?}");
        assert_eq!(figures.number("protect_ratio"), with / without);
        assert!(figures.number("protect_spread") >= 0.0, "{figures:?}");
        assert!(figures.number("core_seconds.unprotected") > 0.0, "{figures:?}");
        assert_eq!(figures.text("ratio"), "null", "nobody else");
        let alone = self::figures(&[work, "--protect", "off"]);
        assert_eq!((alone.text("protect"), alone.text("unprotected")), ("off", "null"));
    }
}

#[test]
fn the_table_names_settings_slices_and_result() {
    let output = bench(&[&["rpc", "--vs", "smoltcp", "--connections", "2"], &SHORT[..]].concat());
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}");
    for part in [
        "buffers of 4 KiB",
        "    5  mafo ",
        "median mafo",
        "ratio",
        "core-seconds",
        "smoltcp: request to answer p50 ",
        "with one request at a time",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

/// The sum must be compared on every path and at both ends of the comparison.
#[cfg(debug_assertions)]
#[test]
fn a_wrong_sum_is_exit_1() {
    for (work, path) in
        ["rpc", "bulk", "cps"].iter().flat_map(|work| [(*work, "offload"), (*work, "host")])
    {
        let output =
            bench(&[&[work, "--path", path, "--break", "byte", "--json"], &SHORT[..]].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{work} {path}: {error}");
        assert!(error.contains("streams other bytes were read"), "{error}");
        assert!(output.stdout.is_empty(), "no figures of what was not carried");
    }
}

/// Builds with assertions count nothing, and say so before they look at a table.
const NO_TABLE: &str = if cfg!(debug_assertions) { "use --release" } else { "/nowhere/table.md" };

#[test]
fn so_many_operations_are_done_and_a_few_more() {
    for (work, path) in
        ["rpc", "bulk", "cps"].iter().flat_map(|work| [(*work, "offload"), (*work, "host")])
    {
        let counted = || {
            let output = bench(&[work, "--path", path, "--ops", "100", "--json"]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let json = String::from_utf8(output.stdout).expect("text");
            let ops = members(json.trim_end()).text("ops").to_owned();
            ops.parse::<u64>().expect("a number")
        };
        let ops = counted();
        assert!((100..200).contains(&ops), "{work} {path}: {ops}");
        assert_eq!(counted(), ops, "every run does the same");
    }
    if cfg!(debug_assertions) {
        let spoilt = bench(&["rpc", "--ops", "100", "--break", "byte"]);
        assert_eq!(spoilt.status.code(), Some(1), "bytes are compared");
    }
}

/// The least that a run of rings takes.
const SHORT_RINGS: [&str; 2] =
    if cfg!(debug_assertions) { ["--slice-ms", "2"] } else { ["--seconds", "1"] };

#[test]
fn rings_are_measured_beside_those_of_others() {
    for burst in ["1", "32", "1000"] {
        let output = bench(&[&["rings", "--burst", burst, "--json"], &SHORT_RINGS[..]].concat());
        let json = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success(), "{json}");
        assert_eq!(json.lines().count(), 1, "{json}");
        let figures = members(json.trim_end());
        let keys: Vec<&str> = figures.0.iter().map(|(key, _)| key.as_str()).collect();
        let own = ["name", "burst", "unit", "rtrb", "arrayqueue", "mafo", "ratio", "spread"];
        assert_eq!(keys[..own.len()], own);
        let wakes = ["wake_us.p50", "wake_us.p99", "wake_us.max"];
        assert_eq!(keys[own.len()..][..3], wakes);
        assert_eq!((figures.text("name"), figures.text("burst")), ("rings", burst));
        let [rtrb, arrayqueue, mafo] = ["rtrb", "arrayqueue", "mafo"].map(|of| figures.number(of));
        assert!(rtrb > 0.0 && arrayqueue > 0.0 && mafo > 0.0, "{json}");
        assert_eq!(figures.number("ratio"), rtrb / mafo, "whose speed");
        let [p50, p99, max] = wakes.map(|part| figures.number(part));
        assert!(0.0 < p50 && p50 <= p99 && p99 <= max, "who sleeps is woken: {json}");
        assert_eq!(figures.number("cores.0.mafo"), mafo, "one core did it all");
        assert_eq!(figures.text("burst_mean"), format!("{burst}.0"));
    }
    let output = bench(&[&["rings"], &SHORT_RINGS[..]].concat());
    let text = String::from_utf8(output.stdout).expect("text");
    for part in [
        "bursts of 32",
        "    5  mafo ",
        "median rtrb",
        "mafo / rtrb",
        "sums equal",
        "after a frame",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    if cfg!(debug_assertions) {
        let spoilt = bench(&["rings", "--slice-ms", "2", "--break", "byte", "--json"]);
        let error = String::from_utf8_lossy(&spoilt.stderr);
        assert_eq!(spoilt.status.code(), Some(1), "{error}");
        assert!(error.contains("mafo: the sums"), "{error}");
        assert!(spoilt.stdout.is_empty(), "no figures of what was not carried");
    }
}

/// What connections take is what a process with more of them takes more, and pools count it on their own.
#[test]
fn connections_that_are_held_take_memory() {
    for path in ["offload", "host"] {
        let arguments = ["conns", "--connections", "10000", "--path", path, "--json"];
        let output = bench(&[&arguments, &SHORT[..]].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{path}: {error}");
        let json = String::from_utf8(output.stdout).expect("text");
        let figures = members(json.trim_end());
        assert_eq!((figures.text("name"), figures.text("path")), ("conns", path));
        assert_eq!(figures.number("connections"), 10_000.0);
        // Two buffers of 1024 bytes for each of the 9,000 that are more, of 10,000.
        assert_eq!(figures.number("bytes_payload"), 1843.2, "{json}");
        let [total, host, asic] =
            ["bytes_total", "bytes_host", "bytes_asic"].map(|key| figures.number(key));
        assert!(total > 0.0 && host > 0.0, "{json}");
        assert_eq!(asic > 0.0, path == "offload", "{json}");
        // Of the host path a part is holes that the handshakes have left in the heap.
        let missed = (total - host - asic).abs() / total;
        assert!(missed <= if path == "offload" { 0.05 } else { 0.15 }, "{missed:.3}: {json}");
        let [all, few] = ["rpc_held", "rpc_64"].map(|key| figures.number(key));
        assert!(all > 0.0 && few > 0.0 && figures.number("ratio") > 0.0, "{json}");
        let [clock, cpu] = ["standing_s", "standing_cpu_s"].map(|key| figures.number(key));
        assert!(clock > 0.0 && cpu > 0.0, "{json}");
    }
    let text = bench(&[&["conns", "--connections", "2000", "--path", "host"], &SHORT[..]].concat());
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("bytes an end: ") && text.contains("ratio"), "{text}");
}

/// Members that are of every kind's object, and what they are where a kind has them.
const OF_ALL: [&str; 12] = [
    "latency_us.p50",
    "latency_us.p99",
    "latency_us.p999",
    "cycles_per_op",
    "copied_per_op",
    "doorbells_per_op",
    "burst_mean",
    "cores.0.lcore",
    "cores.0.core",
    "cores.0.connections",
    "cores.0.mafo",
    "cores.0.core_seconds",
];

/// Every kind's object has every one of them: a number, or null where the kind has nothing of the sort.
#[test]
fn every_kind_says_the_same_of_an_operation() {
    let counts = ["copied_per_op", "doorbells_per_op", "burst_mean"];
    let held = ["conns", "--connections", "2000"];
    let cut = ["failover", "--connections", "4", "--count", "1"];
    for (arguments, short, without) in [
        (&["rpc", "--connections", "2"][..], &SHORT[..], &[][..]),
        (&["bulk", "--connections", "2"], &SHORT, &[]),
        (&["cps", "--connections", "2"], &SHORT, &[]),
        (&held, &SHORT, &[]),
        (&["fwd"], &SHORT, &["cores.0.connections"]),
        (
            &["rings"],
            &SHORT_RINGS,
            &[
                "latency_us.p50",
                "latency_us.p99",
                "latency_us.p999",
                "copied_per_op",
                "doorbells_per_op",
                "cores.0.connections",
            ],
        ),
        (&cut, &[], &[&counts[..], &["cores.0.core", "cores.0.mafo"]].concat()),
    ] {
        let output = bench(&[arguments, short, &["--json"]].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        let json = String::from_utf8(output.stdout).expect("text");
        let figures = members(json.trim_end());
        for key in OF_ALL {
            if without.contains(&key) {
                assert_eq!(figures.text(key), "null", "{key} of {json}");
            } else {
                assert!(figures.number(key) >= 0.0, "{key} of {json}");
            }
        }
        let [p50, p99, p999] = ["p50", "p99", "p999"].map(|at| format!("latency_us.{at}"));
        if figures.text(&p50) != "null" {
            let [p50, p99, p999] = [&p50, &p99, &p999].map(|key| figures.number(key));
            assert!(0.0 < p50 && p50 <= p99 && p99 <= p999, "{json}");
        }
        assert!(figures.number("cores.0.core_seconds") > 0.0, "{json}");
        assert!(figures.number("cycles_per_op") > 0.0, "{json}");
        assert_eq!(figures.number("cores.0.lcore"), 0.0, "{json}");
        assert_eq!(figures.of("cores.1."), 0, "one lcore: {json}");
    }
}

/// More connections than a client has ports: those of the first come again, though TIME_WAIT is kept.
#[test]
fn ports_come_round() {
    for path in ["offload", "host"] {
        let arguments = ["cps", "--path", path, "--ops", "100000", "--json"];
        let output = bench(&arguments);
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn frames_are_forwarded_whole() {
    for (size, burst) in [("64", "32"), ("1514", "5")] {
        let arguments = ["fwd", "--size", size, "--burst", burst, "--json"];
        let output = bench(&[&arguments[..], &SHORT].concat());
        let json = String::from_utf8(output.stdout).expect("text");
        let progress = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{json}\n{progress}");
        assert_eq!(json.lines().count(), 1, "{json}");
        let figures = members(json.trim_end());
        let keys: Vec<&str> = figures.0.iter().map(|(key, _)| key.as_str()).collect();
        let own = ["name", "size", "burst", "unit", "mafo", "spread", "core_seconds.mafo"];
        assert_eq!(keys[..own.len()], own);
        assert_eq!((figures.text("size"), figures.text("burst")), (size, burst));
        for key in ["mafo", "core_seconds.mafo", "cycles_per_op", "doorbells_per_op"] {
            assert!(figures.number(key) > 0.0, "{key} in {json}");
        }
        assert_eq!(figures.number("cores.0.mafo"), figures.number("mafo"), "one core did it all");
        // By both links, by the card either way, and by the driver either way.
        let (copied, size) = (figures.number("copied_per_op"), figures.number("size"));
        assert!((5.5 * size..6.6 * size + 20.0).contains(&copied), "{json}");
        assert!(
            figures.number("burst_mean") <= figures.number("burst"),
            "no burst is larger: {json}"
        );
        let [p50, p99, p999] =
            ["p50", "p99", "p999"].map(|at| figures.number(&format!("latency_us.{at}")));
        assert!(p50 <= p99 && p99 <= p999, "{json}");
    }
    let output = bench(&[&["fwd"][..], &SHORT].concat());
    let text = String::from_utf8(output.stdout).expect("text");
    for part in [
        "64 B",
        "    5  ",
        "median",
        "cycles and",
        "B copied a frame",
        "doorbells a frame",
        "p99.9",
        "whole",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    if cfg!(debug_assertions) {
        let spoilt = bench(&["fwd", "--break", "byte", "--ops", "1000"]);
        let error = String::from_utf8_lossy(&spoilt.stderr);
        assert_eq!(spoilt.status.code(), Some(1), "{error}");
        assert!(error.contains("frames have left changed"), "{error}");
    }
}

#[test]
fn so_many_frames_are_forwarded_and_a_few_more() {
    let counted = || {
        let output = bench(&["fwd", "--ops", "1000", "--json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let json = String::from_utf8(output.stdout).expect("text");
        members(json.trim_end()).text("ops").parse::<u64>().expect("a number")
    };
    let ops = counted();
    assert!((1000..1300).contains(&ops), "{ops}");
    assert_eq!(counted(), ops, "every run does the same");
}

#[test]
fn wrong_flags_and_values_are_named() {
    for (arguments, named) in [
        (&["rcp"][..], "possible values: rpc, bulk, cps"),
        (&[], "rpc, bulk, cps, conns, fwd, rings, failover or instructions?"),
        (&["--seconds", "5"], "rpc, bulk, cps, conns, fwd, rings, failover or instructions?"),
        (&["rpc", "--protect", "maybe"], "on, off"),
        (&["rpc", "--path", "host", "--protect", "off"], "with --path host there is none"),
        (&["rpc", "--path", "card"], "offload, host"),
        (&["rpc", "--vs", "lwip"], "smoltcp, kernel"),
        (&["rpc", "--vs", "smoltcp,kernel", "--ops", "5"], "--ops does the work of one"),
        (&["rpc", "--connections", "0"], "1..=1024"),
        (&["rpc", "--size", "0"], "1..=1048576"),
        (&["bulk", "--mtu", "500"], "576..=9000"),
        (&["bulk", "--seconds", "1"], "from 2.5 to 3600"),
        (&["bulk", "--secs", "5"], "--seconds"),
        (&["rpc", "--ops", "0"], "1..=1000000000"),
        (&["rpc", "--ops", "5", "--seconds", "5"], "--seconds"),
        (&["rpc", "--ops", "5", "--protect", "on,off"], "on or off then"),
        (&["rpc", "--path", "host", "--asic-core", "0"], "with --path host there are none"),
        (&["rpc", "--asic-core", "0", "-l", "0"], "core 0 is the hosts'"),
        (&["rpc", "--asic-core", "4096", "-l", "0"], "core 4096 is not"),
        (&["rpc", "--asic-core", "0", "--ops", "5"], "--ops"),
        (&["rpc", "--asic-core", "0", "--protect", "on,off"], "on or off then"),
        (&["rpc", "--direction", "both"], "--direction is of bulk"),
        (&["bulk", "--direction", "up"], "to-server, to-client, both"),
        (&["bulk", "--loss", "0.6"], "from 0 to 0.5"),
        (&["bulk", "--loss", "0.1", "--vs", "kernel"], "which Linux does not have"),
        (&["rpc", "--report", "/nonexistent/page.html"], "cannot write /nonexistent/page.html"),
        (&["rpc", "--ops", "5", "--report", "page.html"], "--report"),
        (&["fwd", "--size", "59"], "60..=1514"),
        (&["fwd", "--burst", "129"], "1..=128"),
        (&["fwd", "--ops", "5", "--seconds", "5"], "--seconds"),
        (&["conns", "--connections", "5"], "2000..=1000000"),
        (&["rings", "--burst", "0"], "1..=1024"),
        (&["rings", "--burst", "1025"], "1..=1024"),
        (&["instructions", "--check", "/nowhere/table.md"], NO_TABLE),
    ] {
        let output = bench(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(named), "{arguments:?} does not name {named}: {error}");
    }
}

#[test]
fn an_interrupt_ends_it_at_once() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mafo"))
        .args(["bench", "rpc", "--seconds", "3600"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped"));
    let mut first = String::new();
    lines.read_line(&mut first).expect("a heading");
    let kill = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
    let status = child.wait().expect("ends");
    assert_eq!(status.code(), None, "{status}: by the signal");
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("text");
    assert!(!rest.contains("median"), "{rest}");
}
