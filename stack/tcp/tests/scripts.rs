//! All packet scripts on the engine itself.

use mafo_tcp::script::EngineBench;

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

/// The scripts that `script_tests!` lists: folder and name.
fn listed() -> Vec<(String, String)> {
    let text = include_str!("../src/script/scripts/mod.rs");
    let (_, list) = text.split_once("@tests $bench;").expect("a list");
    let (list, _) = list.split_once("(@tests").expect("its end");
    let folders = list.split('}').filter_map(|part| part.split_once('{'));
    let of_folder = |(folder, names): (&str, &str)| {
        let folder = folder.trim().to_owned();
        let names: Vec<&str> = names.split(',').map(str::trim).filter(|n| !n.is_empty()).collect();
        names.into_iter().map(|name| (folder.clone(), name.to_owned())).collect::<Vec<_>>()
    };
    folders.flat_map(of_folder).collect()
}

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
    let mut listed = listed();
    listed.sort();
    written.sort();
    assert_eq!(listed, written);
}

#[test]
fn there_are_scripts_of_every_kind() {
    let listed = listed();
    assert!(listed.len() >= 150, "{} scripts", listed.len());
    for (folders, least) in KINDS {
        let count = listed.iter().filter(|(folder, _)| folders.contains(&&**folder)).count();
        assert!(count >= least, "{count} scripts in {folders:?}");
    }
}
