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
//! What is printed of a case, and what arguments do, is as in `cases`.

#[path = "../../../tests/cases/mod.rs"]
mod cases;
mod kernel;
mod lines;
mod program;
mod reference;
mod terminal;
mod traffic;
mod vary;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cases::{Case, Outcome};
use program::Program;

/// What is in the file that dialogues load.
const COMMANDS: [&str; 2] = ["set burst 16", "show config cores"];

const CASES: [Case; 15] = [
    ("a bond without members", lines::bond_without_members),
    ("a kernel's connection outlives a cable and an adapter", kernel::failover),
    ("labels are those of DPDK's own program", reference::labels),
    ("frames of a capture go round", traffic::capture),
    ("checksums are the adapter's", traffic::checksums),
    ("a rule has frames in a queue", traffic::queue),
    ("frames are told", traffic::verbose),
    ("how long bursts take", traffic::latency),
    ("wrong command lines are named", lines::wrong),
    ("help has both sides", lines::help),
    ("without a prompt", lines::without_a_prompt),
    ("without a reader", lines::without_a_reader),
    ("commands of a file", lines::commands_of_a_file),
    ("files without end", lines::files_without_end),
    ("keys of a terminal", terminal::keys),
];

fn main() -> ExitCode {
    let mut all: Vec<(String, Box<dyn Fn() -> Outcome>)> = Vec::new();
    for path in dialogues() {
        let name =
            path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        all.push((format!("dialogue: {name}"), Box::new(move || dialogue(&path))));
    }
    all.extend(CASES.map(|(name, case)| (name.to_owned(), Box::new(case) as Box<_>)));
    cases::run(all)
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
fn dialogue(path: &Path) -> Outcome {
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
    Outcome::Done
}
