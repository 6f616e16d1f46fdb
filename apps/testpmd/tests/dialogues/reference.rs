//! Beside DPDK's own program: labels and columns of what both show.

use std::collections::BTreeSet;
use std::process::Command;

use crate::cases::Outcome;
use crate::program::Program;
use crate::scratch;

const COMMANDS: [&str; 6] = [
    "show port stats 0",
    "show port summary all",
    "show port info 0",
    "start tx_first",
    "stop",
    "set burst 64",
];

/// Labels of `show port info` that are about parts that a port of ours does not have: sockets of memory, offloads, segments.
const NOT_OURS: [&str; 20] = [
    "Connect to socket",
    "memory allocation on the socket",
    "Allmulticast mode",
    "Maximum number of MAC addresses of hash filtering",
    "VLAN offload",
    "No RSS offload flow type is supported.",
    "Supported RSS offload flow types",
    "Minimum size of RX buffer",
    "Maximum configurable size of LRO aggregated packet",
    "Max possible number of RXDs per queue",
    "Min possible number of RXDs per queue",
    "RXDs number alignment",
    "Max possible number of TXDs per queue",
    "Min possible number of TXDs per queue",
    "TXDs number alignment",
    "Max segment number per packet",
    "Max segment number per MTU/TSO",
    "Device capabilities",
    "Device error handling mode",
    "Redirection table size",
];

/// What each command said, in order. DPDK's program writes some of its answers late, through a buffer: it is heard to its end.
fn answers(mut program: Program) -> String {
    let mut told = program.until_prompt();
    for command in COMMANDS {
        told += &program.command(command);
    }
    told += &program.command("quit");
    told + &program.finish().0
}

/// Lines that show statistics, with their numbers taken out but their columns kept.
fn columns(told: &str) -> BTreeSet<String> {
    let wanted = [
        "-packets:",
        "RX-errors:",
        "RX-nombuf:",
        "-pps:",
        "NIC statistics",
        "Forward statistics",
        "Accumulated",
        "Throughput",
        "Number of packets per burst",
        "Port MAC Address",
    ];
    let lines = told.lines().filter(|line| wanted.iter().any(|label| line.contains(label)));
    lines.map(shape).collect()
}

/// A line with each number replaced by `#` and, up to the next word, the room that it had.
fn shape(line: &str) -> String {
    let mut shape = String::new();
    let mut label_at = 0;
    let (mut in_number, mut start) = (false, 0);
    for (at, c) in line.char_indices() {
        if c.is_ascii_digit() {
            if !in_number {
                start = at;
            }
            in_number = true;
        } else if c != ' ' {
            if in_number {
                // Where the next word begins, counted from the label's end: the width of the column.
                shape = format!("{}#<{}>", shape.trim_end(), at - label_at);
                let _ = start;
            }
            in_number = false;
            if c == ':' {
                label_at = at;
            }
            shape.push(c);
        } else if !in_number {
            shape.push(c);
        }
    }
    let shape = shape.trim_end().to_owned();
    if in_number { shape + "#" } else { shape }
}

fn info_labels(told: &str) -> BTreeSet<String> {
    let info = told.split("Infos for port 0").nth(1).unwrap_or_default();
    let lines = info
        .lines()
        .skip(1)
        .take_while(|line| !line.is_empty() && !line.contains(" packet forwarding - "));
    let labels = lines
        .filter(|line| !line.starts_with(' '))
        .map(|line| line.split(": ").next().unwrap_or(line));
    labels
        .map(|label| label.trim_end_matches([' ', ':']).to_owned())
        .filter(|label| !label.is_empty())
        .collect()
}

/// Both are asked the same, and show the same labels in the same columns.
pub(crate) fn labels() -> Outcome {
    let reference = "dpdk-testpmd";
    if Command::new(reference).arg("--version").output().is_err() {
        return Outcome::Skipped(format!("no {reference}"));
    }
    let folder = scratch("reference");
    let prefix = format!("mafo{}", std::process::id());
    let theirs = [
        "--no-huge",
        "-m",
        "256",
        "--no-pci",
        "--vdev",
        "net_ring0",
        "--vdev",
        "net_ring1",
        "-l",
        "0,1",
        "--file-prefix",
        &prefix,
        "--",
        "--total-num-mbufs=2048",
        "-i",
    ];
    let theirs = answers(Program::start_other(reference, &theirs, &folder));
    if !theirs.contains("Bye...") {
        return Outcome::Skipped(format!(
            "{reference} does not run here: {}",
            theirs.lines().last().unwrap_or_default()
        ));
    }
    let ours =
        ["-l", "0,1", "--vdev", "wire0,wire=mem:a", "--vdev", "wire1,wire=mem:a", "--", "-i"];
    let ours = answers(Program::start(&ours, &folder));
    let (our_columns, their_columns) = (columns(&ours), columns(&theirs));
    assert!(their_columns.len() >= 12, "{theirs}");
    assert_eq!(our_columns, their_columns, "\n{ours}\n{theirs}");
    let mut their_labels = info_labels(&theirs);
    assert!(their_labels.len() > 20, "{their_labels:?}");
    their_labels.retain(|label| !NOT_OURS.contains(&label.as_str()));
    let our_labels = info_labels(&ours);
    let missing: Vec<&String> = their_labels.difference(&our_labels).collect();
    assert!(missing.is_empty(), "labels that are missing: {missing:?}");
    let _ = std::fs::remove_dir_all(folder);
    Outcome::Done
}
