//! `mafo bench -l` as its users run it, with slices too short for a figure.

use std::process::{Command, Output};

use mafo::eal::lcore;

/// Makes a run short. Builds without the hook take the least time that they allow.
const SHORT: [&str; 2] =
    if cfg!(debug_assertions) { ["--slice-ms", "10"] } else { ["--seconds", "2.5"] };

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mafo"))
        .arg("bench")
        .args(arguments)
        .output()
        .expect("the program runs")
}

/// Two cores of this process, as `-l` takes them, if there are as many.
fn two() -> Option<(String, [usize; 2])> {
    let cores = *lcore::offered().first_chunk::<2>()?;
    Some((format!("{},{}", cores[0], cores[1]), cores))
}

/// The number behind a key, the `n`th time that it stands there.
fn number(json: &str, key: &str, n: usize) -> f64 {
    let key = format!("\"{key}\":");
    let behind = json.split(&key).nth(n + 1).unwrap_or_else(|| panic!("no {key} {n} in {json}"));
    let end = behind.find([',', '}', ']']).expect("an object ends");
    behind[..end].parse().unwrap_or_else(|_| panic!("{} of {key} in {json}", &behind[..end]))
}

/// What is written is what is read (or the bench fails), though the cards have another core than their hosts.
#[test]
fn adapters_work_on_a_core_of_their_own() {
    let Some((_, [hosts, cards])) = two() else { return };
    let (hosts, cards) = (hosts.to_string(), cards.to_string());
    for work in ["rpc", "bulk", "cps"] {
        let all = [work, "-l", &hosts, "--asic-core", &cards, "--vs", "smoltcp", "--json"];
        let output = bench(&[&all, &SHORT[..]].concat());
        let json = String::from_utf8(output.stdout).expect("text");
        let progress = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{work}: {json}\n{progress}");
        assert_eq!(number(&json, "asic_core", 0).to_string(), cards);
        for some in ["mafo", "smoltcp", "latency_one_us", "doorbells_per_op"] {
            assert!(number(&json, some, 0) > 0.0, "{some} of {json}");
        }
        assert!(progress.contains("whose time is not counted"), "{progress}");
    }
}

#[test]
fn several_lcores_share_the_connections_and_are_compared_with_one() {
    let Some((list, cores)) = two() else { return one_core_is_too_few() };
    let works = ["rpc", "bulk", "cps"].into_iter();
    for (work, path) in works.flat_map(|work| [(work, "host"), (work, "offload")]) {
        let all = [work, "--path", path, "-l", &list, "--connections", "7", "--json"];
        let output = bench(&[&all, &SHORT[..]].concat());
        let json = String::from_utf8(output.stdout).expect("text");
        let progress = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{work} {path}: {json}\n{progress}");
        let begin = format!("{{\"name\":\"{work}\",\"path\":\"{path}\",\"connections\":7,");
        assert!(json.starts_with(&begin), "{json}");
        // In sum, then of each.
        let [sum, first, second] =
            [0, 1, 2].map(|n| number(&json, "mafo", if n == 0 { 0 } else { n + 1 }));
        assert!(first > 0.0 && second > 0.0 && sum > first.max(second), "{json}");
        for (n, core) in cores.into_iter().enumerate() {
            assert_eq!(number(&json, "lcore", n), n as f64);
            assert_eq!(number(&json, "core", n), core as f64);
            assert_eq!(number(&json, "connections", n + 1), [4.0, 3.0][n]);
            assert!(number(&json, "core_seconds", n + 1) > 0.0, "{json}");
        }
        for some in ["p50", "latency_one_us", "cycles_per_op", "burst_mean"] {
            assert!(number(&json, some, 0) > 0.0, "{some} of {json}");
        }
        assert_eq!(number(&json, "lcores_ratio", 0), sum / number(&json, "one_lcore", 0));
        assert!(number(&json, "lcores_spread", 0) >= 0.0);
    }
}

/// One adapter a host, whose queues the lcores have; by the first of them, and by a core of their own where there is one.
#[test]
fn lcores_share_the_adapters_of_their_hosts() {
    let Some((list, _)) = two() else { return one_core_is_too_few() };
    let third = lcore::offered().get(2).map(usize::to_string);
    let apart: Option<[&str; 2]> = third.as_ref().map(|core| ["--asic-core", core]);
    let places = [Some(&[][..]), apart.as_ref().map(|apart| &apart[..])];
    for (work, place) in ["rpc", "bulk", "cps"].into_iter().flat_map(|w| places.map(|p| (w, p))) {
        let Some(place) = place else { continue };
        let all = [work, "-l", &list, "--one-card", "--connections", "7", "--json"];
        let output = bench(&[&all, place, &SHORT[..]].concat());
        let json = String::from_utf8(output.stdout).expect("text");
        let progress = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{work} {place:?}: {json}\n{progress}");
        assert!(json.contains("\"one_card\":true,"), "{json}");
        assert!(progress.contains("one adapter a host, which its lcores share"), "{progress}");
        let [sum, first, second] =
            [0, 1, 2].map(|n| number(&json, "mafo", if n == 0 { 0 } else { n + 1 }));
        assert!(first > 0.0 && second > 0.0 && sum > first.max(second), "{json}");
        for some in ["p50", "one_lcore", "doorbells_per_op", "burst_mean"] {
            assert!(number(&json, some, 0) > 0.0, "{some} of {json}");
        }
    }
}

/// Those beside us have all connections on the first core, and what is compared is what a core-second brings.
#[test]
fn others_take_turns_on_the_first_core() {
    let Some((list, _)) = two() else { return one_core_is_too_few() };
    for (work, path, vs) in [
        ("rpc", "host", "smoltcp,kernel"),
        ("bulk", "offload", "kernel,smoltcp"),
        ("rpc", "offload", "smoltcp"),
        ("cps", "host", "smoltcp"),
    ] {
        let all = [work, "--path", path, "-l", &list, "--vs", vs, "--connections", "3", "--json"];
        let output = bench(&[&all, &SHORT[..]].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        if output.status.code() == Some(2) && error.contains("run it as root") {
            eprintln!("skipped: {error}");
            continue;
        }
        assert!(output.status.success(), "{all:?}: {error}");
        let json = String::from_utf8(output.stdout).expect("text");
        let sum = number(&json, "mafo", 0);
        for (n, name) in vs.split(',').enumerate() {
            // A rate, then a ratio, then core-seconds, then the latency of one.
            let [rate, ratio, seconds, one] = [0, 1, 2, 3].map(|n| number(&json, name, n));
            assert!(rate > 0.0 && seconds > 0.0 && one > 0.0, "{name} of {json}");
            assert_eq!(ratio, sum / 2.0 / rate, "{name} of {json}");
            if n == 0 {
                assert_eq!(number(&json, "ratio", 0), ratio, "{json}");
                assert!(number(&json, "spread", 0) >= 0.0, "{json}");
            }
        }
        assert!(error.contains(" alone ") && error.contains(vs.split(',').next().expect("one")));
    }
}

/// A machine with one core says so, and what to do.
fn one_core_is_too_few() {
    let missing = lcore::offered()[0] + 1;
    let output = bench(&["rpc", "--path", "host", "-l", &format!("{},{missing}", missing - 1)]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn what_cannot_be_is_said_in_a_sentence() {
    let Some((list, [first, _])) = two() else { return one_core_is_too_few() };
    let (twice, absent) = (format!("{first},{first}"), format!("{first},1000"));
    let many =
        (0..=lcore::offered().len()).map(|core| core.to_string()).collect::<Vec<_>>().join(",");
    for (arguments, expected) in [
        (&["-l", &twice][..], "twice"),
        (&["-l", &absent], "core 1000 is not among those of this process"),
        (&["-l", "1000"], "core 1000 is not among"),
        (&["-l", &many], "cores, this process has"),
        (&["-l", &list, "--connections", "1"], "--connections 2 at least"),
        (&["-l", &list, "--ops", "5"], "name one core to -l"),
        (&["-l", &list, "--protect", "on,off"], "not both"),
        (&["-l", &list, "--path", "host", "--protect", "on"], "--path host"),
        (&["-l", &list, "--path", "host", "--one-card"], "with --path host there are none"),
        (&["--one-card"], "name several cores to -l"),
    ] {
        let output = bench(&[&["rpc"], arguments].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(expected), "{arguments:?}: {error}");
        assert_eq!(error.trim_end().lines().count(), 1, "{error}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn one_core_is_taken_by_its_number() {
    let first = lcore::offered()[0];
    let arguments = ["rpc", "--path", "host", "-l", &first.to_string()];
    let output = bench(&[&arguments, &SHORT[..]].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains(&format!(" on core {first}\n")), "{text}");
    assert!(!text.contains("lcore"), "{text}");
}

/// Sums are compared here as well.
#[cfg(debug_assertions)]
#[test]
fn a_wrong_byte_is_exit_1() {
    let Some((list, _)) = two() else { return one_core_is_too_few() };
    for more in [&[][..], &["--vs", "smoltcp"]] {
        let all = ["rpc", "--path", "host", "-l", &list, "--break", "byte"];
        let output = bench(&[&all, more, &SHORT[..]].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("streams other bytes were read"), "{error}");
    }
}
