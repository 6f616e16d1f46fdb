//! House rules that a compiler does not check, over every source file and manifest of the project.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Longest source file, in lines.
const FILE_LINES: usize = 800;

/// Rooms in which `unsafe` may be opened, each with a reason at the top of the file.
const UNSAFE_ROOMS: [&str; 9] = [
    "pmd/src/eal",
    "pmd/mem",
    "pmd/wire",
    "apps/src/sys",
    "apps/tests",
    "apps/packetdrill/src/ffi.rs",
    "apps/packetdrill/src/hook.rs",
    "apps/packetdrill/src/qdisc.rs",
    "apps/packetdrill/tests",
];

/// Crates that never read a clock, spawn, block or draw randomness of their own.
const SANS_IO: [&str; 6] =
    ["pmd/t4/src", "pmd/mem/src", "pmd/asic/src", "stack/src", "stack/tcp/src", "failover/src"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(extension: &str) -> Vec<PathBuf> {
    fn walk(dir: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).expect("readable folder").map(|e| e.expect("entry")) {
            let path = entry.path();
            let name = entry.file_name();
            if name == "target" || name.to_string_lossy().starts_with('.') {
                continue;
            }
            if path.is_dir() {
                walk(&path, extension, found);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(root(), extension, &mut found);
    found.sort();
    assert!(!found.is_empty(), "no {extension} files below {}", root().display());
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned()
}

/// The lines of a file without its comments, and without each item that is there for tests only; tests may
/// unwrap and print.
fn production_lines(text: &str) -> Vec<(usize, &str)> {
    let mut lines = text.lines().enumerate();
    let mut kept = Vec::new();
    while let Some((n, line)) = lines.next() {
        let code = line.trim_start();
        if code.starts_with("#[cfg(test)]") || code.starts_with("#[cfg(all(test") {
            skip_item(&mut lines, line.len() - code.len());
        } else {
            kept.push((n + 1, line.split("//").next().unwrap_or("")));
        }
    }
    kept
}

/// Goes on behind an item that is set in by `indent`, as rustfmt sets it: it ends on its first line, or with the
/// next brace that is as far to the left.
fn skip_item<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>, indent: usize) {
    let mut begun = false;
    for (_, line) in lines {
        let code = line.trim_start();
        if line.len() - code.len() != indent || code.starts_with("//") || code.starts_with('#') {
            continue;
        }
        if code.starts_with('}') || (!begun && code.ends_with(['}', ';', ','])) {
            return;
        }
        begun = true;
    }
}

#[test]
fn what_is_for_tests_is_left_out_and_nothing_else() {
    let text = "\
#[cfg(test)]
mod tests;
first(); // Words.
#[cfg(test)]
#[path = \"x.rs\"]
mod more;
impl A {
    #[cfg(test)]
    fn helper(
        a: u8,
    ) -> u8 {
        a.unwrap()
    }
    second();
    #[cfg(test)]
    field: u8,
    third();
}
#[cfg(all(test, feature = \"x\"))]
mod last {
    fn f() {
        g.unwrap();
    }
}
fourth();
";
    let kept: Vec<(usize, &str)> =
        production_lines(text).into_iter().map(|(n, line)| (n, line.trim())).collect();
    assert_eq!(
        kept,
        [
            (3, "first();"),
            (7, "impl A {"),
            (14, "second();"),
            (17, "third();"),
            (18, "}"),
            (25, "fourth();"),
        ]
    );
}

fn is_test_or_program(path: &str) -> bool {
    path.contains("/tests/")
        || path.starts_with("tests/")
        || path.starts_with("apps/")
        || path.starts_with("benches/")
        || path.starts_with("fuzz/")
        || path.ends_with("/tests.rs")
        || path.ends_with("_tests.rs")
}

fn check(violations: &[String]) {
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}

#[test]
fn every_source_file_says_what_it_is_and_is_not_too_long() {
    let mut violations = Vec::new();
    for path in files("rs") {
        let text = fs::read_to_string(&path).expect("readable");
        let name = relative(&path);
        if !text.starts_with("//!") {
            violations.push(format!("{name}: does not begin with `//!`"));
        }
        let lines = text.lines().count();
        if lines > FILE_LINES {
            violations.push(format!("{name}: {lines} lines, more than {FILE_LINES}"));
        }
    }
    check(&violations);
}

#[test]
fn nothing_panics_or_prints_outside_tests_and_programs() {
    const REFUSED: [&str; 6] =
        [".unwrap()", ".expect(\"", "println!(", "todo!(", "unimplemented!(", "dbg!("];
    let mut violations = Vec::new();
    for path in files("rs") {
        let name = relative(&path);
        if is_test_or_program(&name) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("readable");
        for (n, line) in production_lines(&text) {
            for refused in REFUSED.iter().filter(|r| line.contains(*r)) {
                violations.push(format!("{name}:{n}: {refused}"));
            }
        }
    }
    check(&violations);
}

#[test]
fn sans_io_crates_know_no_clock_thread_socket_or_unordered_map() {
    const REFUSED: [&str; 7] = [
        "std::time",
        "std::thread",
        "std::net::Tcp",
        "std::fs",
        "std::env",
        "HashMap::new",
        "HashSet::new",
    ];
    let mut violations = Vec::new();
    for path in files("rs") {
        let name = relative(&path);
        if !SANS_IO.iter().any(|room| name.starts_with(room)) || is_test_or_program(&name) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("readable");
        for (n, line) in production_lines(&text) {
            for refused in REFUSED.iter().filter(|r| line.contains(*r)) {
                violations.push(format!("{name}:{n}: {refused}"));
            }
        }
    }
    check(&violations);
}

#[test]
fn unsafe_stays_in_its_rooms() {
    let mut violations = Vec::new();
    for path in files("rs") {
        let name = relative(&path);
        if UNSAFE_ROOMS.iter().any(|room| name.starts_with(room)) || name == "tests/tidy.rs" {
            continue;
        }
        let text = fs::read_to_string(&path).expect("readable");
        for (n, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            if code.contains("unsafe {")
                || code.contains("unsafe fn")
                || code.contains("unsafe impl")
            {
                violations.push(format!("{name}:{}: {}", n + 1, line.trim()));
            }
        }
    }
    check(&violations);
}

/// Workspace crates that a manifest names in any of its dependency tables.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(manifest)).expect("manifest");
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in text.lines() {
        if line.starts_with('[') {
            inside = line.contains("dependencies") && !line.contains("workspace");
        } else if inside {
            let name = line.split(['.', ' ', '=']).next().unwrap_or("");
            if name.starts_with("mafo") {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

#[test]
fn the_walls_between_the_crates_stand() {
    let allowed: [(&str, &[&str]); 12] = [
        ("pmd/mem/Cargo.toml", &[]),
        ("pmd/t4/Cargo.toml", &[]),
        ("pmd/Cargo.toml", &["mafo-mem", "mafo-t4"]),
        ("stack/tcp/Cargo.toml", &["mafo-mem", "mafo-tcp"]),
        ("pmd/asic/Cargo.toml", &["mafo-mem", "mafo-t4", "mafo-tcp"]),
        ("pmd/wire/Cargo.toml", &["mafo-mem"]),
        ("stack/Cargo.toml", &["mafo-mem", "mafo-pmd", "mafo-t4", "mafo-tcp"]),
        ("failover/Cargo.toml", &["mafo-mem", "mafo-pmd", "mafo-stack", "mafo-t4", "mafo-tcp"]),
        // `mafo soak` is the simulation's front.
        ("apps/Cargo.toml", &["mafo", "mafo-config", "mafo-sim", "mafo-telemetry"]),
        ("apps/config/Cargo.toml", &["mafo"]),
        ("apps/packetdrill/Cargo.toml", &["mafo", "mafo-packetdrill"]),
        ("apps/telemetry/Cargo.toml", &[]),
    ];
    let mut violations = Vec::new();
    for (manifest, allowed) in allowed {
        for name in dependencies(manifest) {
            if !allowed.contains(&name.as_str()) {
                violations.push(format!("{manifest} names {name}"));
            }
        }
    }
    check(&violations);
}
