//! All packet scripts on the engine itself.

use mafo_tcp::script::{EngineBench, LISTED};

mafo_tcp::script_tests!(EngineBench);

/// The same, and the connection goes on with another engine before everything that happens to it.
mod travelling {
    use mafo_tcp::script::TravellingBench;

    mafo_tcp::script_tests!(TravellingBench);
}

/// Behaviours of each kind that there are at least, by folder.
const KINDS: [(&[&str], usize); 9] = [
    (&["open"], 20),
    (&["close"], 15),
    (&["reset"], 15),
    (&["window"], 20),
    (&["recovery", "loss"], 25),
    (&["timers", "user_timeout"], 15),
    (&["options"], 10),
    (&["timestamps"], 10),
    (&["pmtu", "icmp", "mtu_probe"], 10),
];

/// A script that is written but not listed would never run; and a file is of one behaviour.
#[test]
fn every_script_has_a_file_and_is_listed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/script/scripts");
    let entries = |path: &std::path::Path| {
        let entries = std::fs::read_dir(path).expect("a folder");
        entries.map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>()
    };
    let stem =
        |path: &std::path::Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let mut written = Vec::new();
    for subject in entries(folder.as_ref()).iter().filter(|path| path.is_dir()) {
        for file in entries(subject).iter().filter(|file| stem(file) != "mod") {
            let text = std::fs::read_to_string(file).expect("text");
            let scripts: Vec<&str> = text
                .lines()
                .filter_map(|line| line.strip_prefix("pub fn ")?.split_once('('))
                .map(|(name, _)| name)
                .collect();
            assert_eq!(scripts, [stem(file)], "in {}", file.display());
            written.push((stem(subject), stem(file)));
        }
    }
    let mut listed: Vec<(String, String)> =
        LISTED.iter().map(|script| (script.subject.to_owned(), script.name.to_owned())).collect();
    listed.sort();
    written.sort();
    assert_eq!(listed, written);
}

#[test]
fn there_are_scripts_of_every_kind() {
    assert!(LISTED.len() >= 150, "{} scripts", LISTED.len());
    for (folders, least) in KINDS {
        let count = LISTED.iter().filter(|script| folders.contains(&script.subject)).count();
        assert!(count >= least, "{count} scripts in {folders:?}");
    }
}
