//! Dialogues with the program: what its user types and what it says, to the letter, but for numbers that vary.
//!
//! A file `NAME.txt` begins with `$ testpmd ARGUMENTS`, after which it is what the terminal shows. `MAFO_BLESS=1` writes what
//! the program said. Beside the letters of commands a file has lines that only the tests read:
//!
//! - `@ until COMMAND: TEXT` asks again and again until the answer contains the text, or with `!` in front of it does not,
//!   and shows nothing of it; `\n` is the end of a line,
//! - `load commands` loads a file of which the lines follow,
//! - `@ interrupt` is Ctrl-C,
//! - `@ end` is the end of the input, as a last line `@ exit N` tells the exit code.
//!
//! One line a case: `ok`, `skipped: REASON` or `FAILED`. With `MAFO_REQUIRE=all` a skip is a failure. Arguments that are no
//! flags choose the cases whose names contain one of them.

mod lines;
mod program;
mod reference;
mod vary;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use program::Program;

/// What is in the file that dialogues load.
const COMMANDS: [&str; 2] = ["set burst 16", "show config cores"];

/// What became of a case.
pub(crate) enum Verdict {
    Passed,
    Skipped(String),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut cases: Vec<(String, Box<dyn Fn() -> Verdict>)> = Vec::new();
    for path in dialogues() {
        let name =
            path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        cases.push((format!("dialogue: {name}"), Box::new(move || dialogue(&path))));
    }
    cases.push(("labels are those of DPDK's own program".to_owned(), Box::new(reference::labels)));
    cases.push(("frames of a capture go round".to_owned(), Box::new(capture)));
    cases.push(("wrong command lines are named".to_owned(), Box::new(lines::wrong)));
    cases.push(("help has both sides".to_owned(), Box::new(lines::help)));
    cases.push(("without a prompt".to_owned(), Box::new(lines::without_a_prompt)));
    cases.push(("commands of a file".to_owned(), Box::new(lines::commands_of_a_file)));
    if arguments.iter().any(|argument| argument == "--list") {
        cases.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let chosen: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    let require_all = std::env::var("MAFO_REQUIRE").is_ok_and(|value| value == "all");
    let mut failed = false;
    for (name, case) in &cases {
        if !chosen.is_empty() && !chosen.iter().any(|word| name.contains(word.as_str())) {
            continue;
        }
        match catch_unwind(AssertUnwindSafe(case)) {
            Ok(Verdict::Passed) => println!("{name} ... ok"),
            Ok(Verdict::Skipped(reason)) => {
                println!("{name} ... skipped: {reason}");
                failed |= require_all;
            }
            Err(_) => {
                println!("{name} ... FAILED");
                failed = true;
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn dialogues() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues");
    let entries =
        fs::read_dir(folder).expect("readable").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "there are dialogues");
    found
}

/// A folder of a case's own, for the files that a dialogue names.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("mafo-testpmd-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Plays a file's part of the user, and compares what came of it with the file.
fn dialogue(path: &Path) -> Verdict {
    let text = fs::read_to_string(path).expect("readable");
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let arguments = first.strip_prefix("$ testpmd").expect("the first line is a command line");
    let folder = scratch(&path.file_stem().expect("a name").to_string_lossy());
    fs::write(folder.join("commands"), COMMANDS.join("\n\n")).expect("written");
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let mut program = Program::start(&arguments, &folder);
    let mut told = format!("{first}\n{}", program.until_prompt());
    // Lines of the file that it is told to load are not typed.
    let mut loaded = 0;
    for line in lines {
        if let Some(command) = line.strip_prefix("testpmd> ") {
            if loaded > 0 {
                loaded -= 1;
                continue;
            }
            loaded = if command == "load commands" { COMMANDS.len() } else { 0 };
            told += &program.command(command);
        } else if let Some(wanted) = line.strip_prefix("@ until ") {
            let (command, text) = wanted.split_once(": ").expect("a command and what it is to say");
            program.wait_until(command, &text.replace("\\n", "\n"));
            told += &format!("\n{line}\ntestpmd> ");
        } else if line == "@ interrupt" {
            told += &format!("\n{line}{}", program.interrupt());
        } else if line == "@ end" {
            program.end_of_input();
            told += &format!("\n{line}{}", program.until_prompt());
        }
    }
    let (rest, code) = program.finish();
    told += &format!("{rest}@ exit {code}\n");
    let told = vary::normal(&told);
    fs::remove_dir_all(folder).expect("removed");
    if std::env::var_os("MAFO_BLESS").is_some() {
        fs::write(path, told).expect("written");
    } else if told != text {
        let differs = told.lines().zip(text.lines()).find(|(a, b)| a != b);
        panic!("{}: {differs:?}\n{told}", path.display());
    }
    Verdict::Passed
}

/// A capture with `count` frames of 60 bytes, by hand.
fn write_capture(path: &Path, count: u8) {
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
    let mut bytes = words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1]);
    for n in 0..count {
        bytes.extend(words(&[n.into(), 0, 60, 60]));
        bytes.extend([0xff; 6]);
        bytes.extend([2, 0, 0, 0, 0, n]);
        bytes.extend([0x88, 0xb5]);
        bytes.extend([n; 46]);
    }
    fs::write(path, bytes).expect("written");
}

/// What a capture brings in by one port leaves by the other, through an adapter, in another capture, to the byte.
fn capture() -> Verdict {
    let folder = scratch("capture");
    write_capture(&folder.join("in.pcap"), 100);
    let arguments = [
        "-l",
        "0,1",
        "--vdev",
        "asic0,ports=2,wire0=pcap:in.pcap,wire1=pcap:none.pcap,out.pcap",
        "--",
        "-i",
    ];
    write_capture(&folder.join("none.pcap"), 0);
    let mut program = Program::start(&arguments, &folder);
    program.until_prompt();
    program.command("start");
    program.wait_until("show port stats 1", "TX-packets: 100 ");
    let told = program.command("stop");
    assert!(told.contains("RX-packets: 100 "), "{told}");
    assert!(program.command("quit").contains("Bye..."));
    assert_eq!(program.finish().1, 0);
    let frames = |name: &str| {
        let bytes = fs::read(folder.join(name)).expect("a capture");
        bytes[24..].chunks(76).map(|record| record[16..].to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(frames("out.pcap").len(), 100);
    assert_eq!(frames("out.pcap"), frames("in.pcap"));
    fs::remove_dir_all(folder).expect("removed");
    Verdict::Passed
}
