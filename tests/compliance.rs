//! Compliance as data: what the RFCs ask of a TCP, where it is done, and which test fails when it is not.
//!
//! - `docs/requirements/rfcNNNN.txt` lists the requirements, in our own words ([`requirement`]).
//! - `//= rfc9293#3.8.3 MUST-20` stands at the branch that meets one, and above the test that proves it
//!   ([`citation`]).
//! - `docs/tcp-compliance.md` is the table that both make ([`report`]);
//!   `MAFO_BLESS=1 cargo test --test compliance` writes it.

#[path = "compliance/check.rs"]
mod check;
#[path = "compliance/citation.rs"]
mod citation;
#[path = "compliance/report.rs"]
mod report;
#[path = "compliance/requirement.rs"]
mod requirement;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use citation::{Citation, Scripts};
use mafo_tcp::script::LISTED;
use requirement::Rfc;

const DATA: &str = "docs/requirements";
const TABLE: &str = "docs/tcp-compliance.md";
/// Where citations are looked for.
const SOURCES: [&str; 6] = ["stack", "pmd", "failover", "apps", "tests/sim", "tests/interop"];

/// A line of a file, to be named when something is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    file: String,
    line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Something that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    at: Place,
    what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

/// All that was read, and what was wrong with it.
#[derive(Debug, Default)]
struct Project {
    rfcs: Vec<Rfc>,
    citations: Vec<Citation>,
    faults: Vec<Fault>,
}

impl Project {
    /// Takes in a file of requirements.
    fn add_data(&mut self, file: &str, text: &str) {
        self.rfcs.extend(requirement::parse(file, text, &mut self.faults));
    }

    /// Takes in a source file.
    fn add_source(&mut self, file: &str, text: &str, scripts: &Scripts) {
        self.citations.extend(citation::find(file, text, scripts, &mut self.faults));
    }

    /// The project as it is on disk.
    fn load() -> Self {
        let mut project = Self::default();
        for path in files(&root().join(DATA), "txt") {
            project.add_data(&relative(&path), &read(&path));
        }
        // By number: rfc10000.txt would be before rfc9293.txt.
        project.rfcs.sort_by_key(|rfc| rfc.number);
        let scripts = Scripts(LISTED.iter().map(|script| (script.subject, script.name)).collect());
        for source in SOURCES {
            for path in files(&root().join(source), "rs") {
                project.add_source(&relative(&path), &read(&path), &scripts);
            }
        }
        project
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Files below `dir` whose names end in `extension`, in the order of their names.
fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("readable folder") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no .{extension} below {}", dir.display());
    found
}

#[test]
fn every_requirement_is_met_and_proved_or_there_is_a_reason() {
    let project = Project::load();
    let mut faults = project.faults.clone();
    faults.extend(check::check(&project));
    faults.sort();
    let faults: Vec<String> = faults.iter().map(Fault::to_string).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_table_is_what_data_and_citations_make() {
    let made = report::table(&Project::load());
    let path = root().join(TABLE);
    if std::env::var_os("MAFO_BLESS").is_some() {
        fs::write(&path, made).expect("writable");
        return;
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    let first = there.lines().zip(made.lines()).position(|(there, made)| there != made);
    assert!(
        there == made,
        "{TABLE}:{}: not what is cited; `MAFO_BLESS=1 cargo test --test compliance` writes it anew",
        first.unwrap_or_else(|| there.lines().count().min(made.lines().count())) + 1,
    );
}

/// RFC 9293 numbers its requirements; none is left out.
#[test]
fn appendix_b_of_rfc_9293_is_whole() {
    let project = Project::load();
    let rfc = project.rfcs.iter().find(|rfc| rfc.number == 9293).expect("rfc9293.txt");
    let mut absent = Vec::new();
    for (kind, last) in [("MUST", 69), ("SHLD", 31), ("MAY", 18), ("REC", 1)] {
        for n in 1..=last {
            let id = format!("{kind}-{n}");
            if !rfc.requirements.iter().any(|requirement| requirement.id == id) {
                absent.push(id);
            }
        }
    }
    assert!(absent.is_empty(), "not in {DATA}/rfc9293.txt: {absent:?}");
}
