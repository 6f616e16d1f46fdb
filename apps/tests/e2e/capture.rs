//! `peer.pcap`: whatever happens to our adapters, the peer sees what it may see of a TCP host.
//!
//! Nothing on these paths reorders frames, so that the order of the capture is the order of sending.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use mafo_apps::peer::Plan;
use mafo_apps::trace::{Rule, Summary, check, records};

use crate::cases::Outcome;

/// A folder for captures, gone with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("mafo-e2e-{}-{name}", std::process::id())))
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("text")
    }

    fn peer(&self) -> PathBuf {
        self.0.join("peer.pcap")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn looked_at(path: &Path, handovers: u32) -> Result<Summary, Rule> {
    let file = std::fs::read(path).expect("the capture is there");
    let frames = records(&file).expect("a whole capture");
    check(&frames, Plan::default().ours, handovers).map_err(|violation| {
        eprintln!("{}: {violation}", path.display());
        violation.rule
    })
}

const CONNECTIONS: usize = 8;
const TRAFFIC: [&str; 4] = ["--connections", "8", "--bytes", "256K"];

/// A run against Linux in which each connection gets another adapter `handovers` times.
pub(crate) fn kernel(name: &str, arguments: &[&str], handovers: u32) -> Outcome {
    let folder = Folder::new(name);
    let all = [&TRAFFIC[..], &["--pcap", folder.path()], arguments].concat();
    let outcome = crate::against_kernel(&all);
    if outcome == Outcome::Done {
        let summary = looked_at(&folder.peer(), handovers).expect("all rules are kept");
        assert_eq!(summary.connections, CONNECTIONS, "{summary:?}");
        assert!(summary.bytes >= 2 * 8 * (256 << 10), "{summary:?}");
    }
    outcome
}

/// The same against smoltcp, which sends no timestamps: there are no steps to be seen.
pub(crate) fn smoltcp() -> Outcome {
    let folder = Folder::new("smoltcp");
    crate::good(&[&TRAFFIC[..], &["--pcap", folder.path(), "--peer", "smoltcp"]].concat());
    let summary = looked_at(&folder.peer(), 0).expect("all rules are kept");
    assert_eq!(summary.connections, CONNECTIONS, "{summary:?}");
    Outcome::Done
}

/// A capture for which there is no room: the demo says so.
pub(crate) fn no_room() -> Outcome {
    let folder = Folder::new("no-room");
    std::fs::create_dir(folder.path()).expect("a new folder");
    for name in ["peer.pcap", "B0.pcap"] {
        symlink("/dev/full", Path::new(folder.path()).join(name)).expect("a new folder");
    }
    let arguments = ["demo", "--json", "--peer", "smoltcp", "--pcap", folder.path()];
    let output = crate::mafo(&[&arguments[..], &TRAFFIC].concat());
    let json = String::from_utf8_lossy(&output.stdout);
    let full = "No space left on device (os error 28)";
    let reasons = format!(r#""reasons":["peer.pcap: {full}","B0.pcap: {full}"],"ok":false}}"#);
    assert_eq!(output.status.code(), Some(1), "{json}");
    assert!(json.contains(&reasons), "{json}");
    Outcome::Done
}

/// The capture does not come from somewhere else: what is put onto the cable is seen in it.
pub(crate) fn reset_is_seen() -> Outcome {
    let folder = Folder::new("reset");
    let arguments = ["demo", "--break", "rst", "--peer", "smoltcp", "--pcap", folder.path()];
    let output = crate::mafo(&[&arguments[..], &TRAFFIC].concat());
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!said.contains(".pcap"), "a capture is not whole: {said}");
    assert_eq!(looked_at(&folder.peer(), 0), Err(Rule::Reset));
    Outcome::Done
}
