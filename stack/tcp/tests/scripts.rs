//! All packet scripts on the engine itself.

use mafo_tcp::script::EngineBench;

mafo_tcp::script_tests!(EngineBench);

/// The same, and the connection goes on with another engine before everything that happens to it.
mod travelling {
    use mafo_tcp::script::TravellingBench;

    mafo_tcp::script_tests!(TravellingBench);
}

/// A script that is written but not listed would never run.
#[test]
fn every_script_is_listed() {
    let list = include_str!("../src/script/scripts/mod.rs");
    let listed: Vec<&str> =
        list.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/script/scripts");
    let files: Vec<String> = std::fs::read_dir(folder)
        .expect("the scripts")
        .map(|entry| std::fs::read_to_string(entry.expect("a script").path()).expect("text"))
        .collect();
    let names = files.iter().flat_map(|file| file.lines()).filter_map(|line| {
        line.strip_prefix("pub fn ")?.split_once("(bench: &mut dyn Bench) {").map(|(name, _)| name)
    });
    let (listed, missing): (Vec<&str>, Vec<&str>) = names.partition(|name| listed.contains(name));
    assert_eq!(missing, [""; 0]);
    assert!(listed.len() >= 100, "{} scripts", listed.len());
}
