//! `mafo soak` as its users run it: what it prints, how it ends.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};

fn soak(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mafo"))
        .arg("soak")
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn seeds_that_go_well_are_one_object_and_nothing_else() {
    let output = soak(&["--seeds", "5", "--first-seed", "11", "--jobs", "2", "--json"]);
    let json = text(&output.stdout);
    assert!(output.status.success(), "{json}{}", text(&output.stderr));
    assert_eq!(json.lines().count(), 1, "{json}");
    assert!(
        json.starts_with("{\"seeds\":5,\"first_seed\":11,\"violations\":0,\"seeds_per_second\":"),
        "{json}"
    );
    assert!(json.ends_with("],\"ok\":true}\n"), "{json}");
    let text_of = text(&soak(&["--seeds", "2", "--jobs", "1"]).stdout);
    assert!(text_of.ends_with("\nok\n"), "{text_of}");
}

/// Builds without assertions have nothing to spoil.
#[cfg(debug_assertions)]
#[test]
fn a_seed_that_fails_says_which_how_and_where_its_capture_is() {
    let output = soak(&["--seeds", "400", "--jobs", "1", "--break", "fence", "--json"]);
    let (json, told) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{json}{told}");
    assert!(json.ends_with("\"ok\":false}\n"), "{json}");
    let seed = told.split_once("seed ").expect("a seed").1.split_once(':').expect("a colon").0;
    assert!(told.contains(&format!("soak --seeds 1 --first-seed {seed}")), "{told}");
    for part in ["events:", "frames:", "Speaker"] {
        assert!(told.contains(part), "no {part} in {told}");
    }
    let capture = told.split_once("the peer's side: ").expect("a capture").1;
    let capture = capture.lines().next().expect("its path");
    let length = std::fs::metadata(capture).expect("a capture").len();
    assert!(length > 24, "{capture}: {length} bytes");
}

#[test]
fn wrong_values_name_the_right_ones() {
    for (arguments, right) in [
        (["--seeds", "0"], "1.."),
        (["--jobs", "0"], "1..=1024"),
        (["--first-seed", "x"], "--first-seed <S>"),
        (["--seed", "5"], "--seeds"),
    ] {
        let output = soak(&arguments);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(right), "{arguments:?}: {told}");
    }
    let help = text(&soak(&["--help"]).stdout);
    for option in ["--seeds", "--first-seed", "--jobs", "--json", "Ctrl-C"] {
        assert!(help.contains(option), "{help}");
    }
}

#[test]
fn an_interrupt_ends_it_with_what_has_been_done() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mafo"))
        .args(["soak", "--seeds", "1000000000", "--jobs", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut progress = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    progress.read_line(&mut line).expect("progress");
    assert!(line.contains(" of 1000000000 seeds, 0 violations"), "{line}");
    // What Ctrl-C sends is ignored by a child of a shell in the background; this is taken the same way.
    let kill = format!("kill -TERM {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
    let status = child.wait().expect("ends");
    assert_eq!(status.code(), Some(0), "{status}");
    let mut told = String::new();
    progress.read_to_string(&mut told).expect("text");
    assert!(told.contains("ended after "), "{told}");
    let mut report = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut report).expect("text");
    assert!(report.ends_with("\nok\n"), "{report}");
}
