//! Files of settings, as the program takes them.

use std::fs;
use std::path::PathBuf;

use crate::cases::Outcome;
use crate::{good, mafo};

/// A file in a folder of its own, gone with it.
pub(super) struct File(pub(super) PathBuf);

impl File {
    pub(super) fn new(case: &str, text: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("mafo-e2e-{}-{case}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("mafo.toml");
        fs::write(&path, text).expect("a file");
        Self(path)
    }

    pub(super) fn path(&self) -> &str {
        self.0.to_str().expect("a path")
    }

    pub(super) fn becomes(&self, text: &str) {
        fs::write(&self.0, text).expect("a file");
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.0.parent().expect("a folder"));
    }
}

const GOOD: &str = r#"
[[adapter]]
chip = "t520-cr"
[[adapter]]
chip = "t540-cr"
ntids = 64
[run]
peer = "smoltcp"
connections = 4
[demo]
bytes = "64K"
[[policy.rule]]
congestion = "tahoe"
handover = "instant"
"#;

/// What it says on standard error of what it does not take, exit code 2; nothing on standard output.
fn refused(arguments: &[&str]) -> String {
    let output = mafo(arguments);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{error}");
    error
}

/// What is good is printed as a file that says the same; what is not is named where it stands.
pub(super) fn check() -> Outcome {
    let file = File::new("check", GOOD);
    let output = mafo(&["config", "check", file.path()]);
    let shown = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.code(), Some(0), "{shown}");
    for line in ["chip = \"t520-cr\"", "connections = 4", "# rounds = 1", "[[policy.rule]]"] {
        assert!(shown.lines().any(|shown| shown == line), "{line} in\n{shown}");
    }
    file.becomes(&shown);
    assert_eq!(mafo(&["config", "check", file.path()]).stdout, shown.into_bytes());

    file.becomes("[run]\nconnectoins = 3\nseed = \"x\"\n");
    let error = refused(&["config", "check", file.path()]).replace(file.path(), "FILE");
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 2, "{error}");
    let key = "FILE:2:1: 'connectoins' is no key of [run] (is 'connections' meant?)";
    assert!(lines[0].starts_with(key) && lines[1].starts_with("FILE:3:8: 'seed' is "), "{error}");
    for (path, why) in [("/nowhere/mafo.toml", ""), ("/dev/zero", "it is no regular file")] {
        let error = refused(&["config", "check", path]);
        assert!(error.starts_with(&format!("{path}: {why}")), "{error}");
    }
    file.becomes("[[policy.rule]]\ncongestion = \"bbr\"\n");
    let output = mafo(&["config", "check", file.path()]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{error}");
    assert!(error.contains("mafo.toml:2:14: warning: an adapter has no 'bbr'"), "{error}");
    Outcome::Done
}

/// A demo takes what it is not told from the file, and nothing from a bad one.
pub(super) fn demo() -> Outcome {
    let file = File::new("demo", GOOD);
    let json = good(&["--config", file.path()]);
    assert!(json.contains("\"peer\":\"smoltcp\""), "{json}");
    assert!(json.contains("\"connections\":4"), "{json}");
    let json = good(&["--config", file.path(), "--connections", "3"]);
    assert!(json.contains("\"connections\":3"), "{json}");

    file.becomes(&GOOD.replace("congestion", "path = \"host\"\ncongestion"));
    for command in ["demo", "drill"] {
        let error = refused(&[command, "--config", file.path()]);
        assert!(error.contains("4 of 4 connections on the host path"), "{error}");
    }
    file.becomes("[demo]\nbites = \"64K\"\n");
    let error = refused(&["demo", "--config", file.path(), "--peer", "smoltcp"]);
    let key = "mafo.toml:2:1: 'bites' is no key of [demo] (is 'bytes' meant?)";
    assert!(error.contains(key), "{error}");
    Outcome::Done
}
