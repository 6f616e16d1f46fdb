//! `mafo bench` as its users run it, with slices too short for a figure: what it prints, how it ends.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};

/// Makes a run short. Builds without the hook take the least time that they allow.
const SHORT: [&str; 2] =
    if cfg!(debug_assertions) { ["--slice-ms", "10"] } else { ["--seconds", "2.5"] };

const KEYS: [&str; 18] = [
    "name",
    "path",
    "connections",
    "size",
    "mtu",
    "unit",
    "protect",
    "mafo",
    "unprotected",
    "protect_ratio",
    "protect_spread",
    "smoltcp",
    "ratio",
    "core_seconds",
    "mafo",
    "unprotected",
    "smoltcp",
    "spread",
];

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mafo"))
        .arg("bench")
        .args(arguments)
        .output()
        .expect("the program runs")
}

/// The object's keys with their values, inner objects taken apart, in the order in which they stand.
fn members(json: &str) -> Vec<(&str, &str)> {
    let mut members = Vec::new();
    for piece in json.split(['{', '}', ',']).filter(|piece| !piece.trim().is_empty()) {
        let (key, value) = piece.split_once(':').expect("a key and a value");
        members.push((key.trim_matches('"'), value.trim_matches('"')));
    }
    members
}

/// Runs a bench that has to come out well; the members of its one object.
fn figures(arguments: &[&str]) -> Vec<(String, String)> {
    let all = [arguments, &SHORT, &["--json"]].concat();
    let output = bench(&all);
    let json = String::from_utf8(output.stdout).expect("text");
    let progress = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{all:?}: {json}\n{progress}");
    assert_eq!(json.lines().count(), 1, "{json}");
    assert!(json.starts_with('{') && json.ends_with("}\n"), "{json}");
    let members = members(json.trim_end());
    let keys: Vec<&str> = members.iter().map(|&(key, _)| key).collect();
    assert_eq!(keys, KEYS);
    members.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn number(figures: &[(String, String)], at: usize) -> f64 {
    figures[at].1.parse().unwrap_or_else(|_| panic!("{} of {}", figures[at].1, figures[at].0))
}

#[test]
fn all_works_on_both_paths_beside_smoltcp() {
    for work in ["rpc", "bulk", "cps"] {
        for path in ["offload", "host"] {
            let figures = figures(&[work, "--path", path, "--vs", "smoltcp"]);
            let text: Vec<&str> = figures[..6].iter().map(|(_, value)| value.as_str()).collect();
            let expected = match work {
                "rpc" => [work, path, "64", "64", "1500", "exchanges per core-second"],
                "cps" => [work, path, "64", "64", "1500", "connections per core-second"],
                _ => [work, path, "1", "65536", "1500", "Gbit per core-second"],
            };
            assert_eq!(text, expected);
            let (mafo, smoltcp) = (number(&figures, 7), number(&figures, 11));
            assert!(mafo > 0.0 && smoltcp > 0.0, "{figures:?}");
            assert_eq!(number(&figures, 12), mafo / smoltcp);
            assert!(number(&figures, 14) > 0.0 && number(&figures, 16) > 0.0, "{figures:?}");
            assert!(number(&figures, 17) >= 0.0, "{figures:?}");
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
        for (flag, at) in [("--connections", 2), ("--size", 3), ("--mtu", 4)] {
            if let Some(n) = arguments.iter().position(|argument| *argument == flag) {
                assert_eq!(figures[at].1, arguments[n + 1], "{arguments:?}");
            }
        }
    }
}

#[test]
fn alone_there_is_nothing_to_compare_with() {
    let figures = figures(&["rpc", "--connections", "2"]);
    assert!(number(&figures, 7) > 0.0 && number(&figures, 14) > 0.0);
    for at in [8, 9, 10, 11, 12, 15, 16, 17] {
        assert_eq!(figures[at].1, "null", "{}", figures[at].0);
    }
    assert_eq!(figures[6].1, "on", "protected");
}

/// What protection costs, in one run.
#[test]
fn with_and_without_protection() {
    for work in ["rpc", "bulk"] {
        // The list's comma would be taken for one between members.
        let output = bench(&[&[work, "--protect", "on,off", "--json"], &SHORT[..]].concat());
        let json = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success(), "{json}");
        let json = json.replace("on,off", "both");
        let figures = members(json.trim_end());
        let number = |at: usize| figures[at].1.parse::<f64>().expect(figures[at].0);
        assert_eq!(figures[6], ("protect", "both"));
        assert!(number(7) > 0.0 && number(8) > 0.0, "{json}");
        assert_eq!(number(9), number(7) / number(8));
        assert!(number(10) >= 0.0 && number(15) > 0.0, "{json}");
        assert_eq!(figures[12], ("ratio", "null"), "nobody else");
        let alone = self::figures(&[work, "--protect", "off"]);
        assert_eq!((alone[6].1.as_str(), alone[8].1.as_str()), ("off", "null"));
    }
}

#[test]
fn the_table_names_settings_slices_and_result() {
    let output = bench(&[&["rpc", "--vs", "smoltcp", "--connections", "2"], &SHORT[..]].concat());
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}");
    for part in ["buffers of 4 KiB", "    5  mafo ", "median mafo", "ratio", "core-seconds"] {
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
            bench(&[&[work, "--path", path, "--break", "sum", "--json"], &SHORT[..]].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{work} {path}: {error}");
        assert!(error.contains("the sums"), "{error}");
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
            let [("ops", ops)] = members(json.trim_end())[..] else { panic!("{json}") };
            ops.parse::<u64>().expect("a number")
        };
        let ops = counted();
        assert!((100..200).contains(&ops), "{work} {path}: {ops}");
        assert_eq!(counted(), ops, "every run does the same");
    }
    if cfg!(debug_assertions) {
        let spoilt = bench(&["rpc", "--ops", "100", "--break", "sum"]);
        assert_eq!(spoilt.status.code(), Some(1), "sums are compared");
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
        let keys: Vec<&str> = figures.iter().map(|&(key, _)| key).collect();
        assert_eq!(keys, ["name", "burst", "rtrb", "arrayqueue", "mafo", "ratio"]);
        assert_eq!((figures[0].1, figures[1].1), ("rings", burst));
        let number = |at: usize| figures[at].1.parse::<f64>().expect(figures[at].0);
        assert!((2..5).all(|at| number(at) > 0.0), "{json}");
        assert_eq!(number(5), number(2) / number(4), "whose speed");
    }
    let output = bench(&[&["rings"], &SHORT_RINGS[..]].concat());
    let text = String::from_utf8(output.stdout).expect("text");
    for part in
        ["bursts of 32", "    5  mafo ", "median rtrb", "spread", "mafo / rtrb", "sums equal"]
    {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    if cfg!(debug_assertions) {
        let spoilt = bench(&["rings", "--slice-ms", "2", "--break", "sum", "--json"]);
        let error = String::from_utf8_lossy(&spoilt.stderr);
        assert_eq!(spoilt.status.code(), Some(1), "{error}");
        assert!(error.contains("mafo: the sums"), "{error}");
        assert!(spoilt.stdout.is_empty(), "no figures of what was not carried");
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
fn wrong_flags_and_values_are_named() {
    for (arguments, named) in [
        (&["rcp"][..], "possible values: rpc, bulk, cps"),
        (&[], "rpc, bulk, cps, failover, instructions or rings?"),
        (&["--seconds", "5"], "rpc, bulk, cps, failover, instructions or rings?"),
        (&["rpc", "--protect", "maybe"], "on, off"),
        (&["rpc", "--path", "host", "--protect", "off"], "with --path host there is none"),
        (&["rpc", "--path", "card"], "offload, host"),
        (&["rpc", "--vs", "lwip"], "smoltcp"),
        (&["rpc", "--connections", "0"], "1..=1024"),
        (&["rpc", "--size", "0"], "1..=1048576"),
        (&["bulk", "--mtu", "500"], "576..=9000"),
        (&["bulk", "--seconds", "1"], "from 2.5 to 3600"),
        (&["bulk", "--secs", "5"], "--seconds"),
        (&["rpc", "--ops", "0"], "1..=1000000000"),
        (&["rpc", "--ops", "5", "--seconds", "5"], "--seconds"),
        (&["rpc", "--ops", "5", "--protect", "on,off"], "on or off then"),
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
