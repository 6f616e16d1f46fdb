//! All packet scripts on the engine itself.

use mafo_tcp::script::EngineBench;

mafo_tcp::script_tests!(EngineBench);

/// A script that is written but not listed would never run.
#[test]
fn every_script_is_listed() {
    let list = include_str!("../src/script/scripts/mod.rs");
    let listed: Vec<&str> =
        list.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect();
    let files = [
        include_str!("../src/script/scripts/ack.rs"),
        include_str!("../src/script/scripts/close.rs"),
        include_str!("../src/script/scripts/commit.rs"),
        include_str!("../src/script/scripts/open.rs"),
        include_str!("../src/script/scripts/options.rs"),
        include_str!("../src/script/scripts/reassembly.rs"),
        include_str!("../src/script/scripts/recovery.rs"),
        include_str!("../src/script/scripts/reset.rs"),
        include_str!("../src/script/scripts/send.rs"),
        include_str!("../src/script/scripts/timers.rs"),
        include_str!("../src/script/scripts/window.rs"),
    ];
    let names = files.iter().flat_map(|file| file.lines()).filter_map(|line| {
        line.strip_prefix("pub fn ")?.split_once("(bench: &mut dyn Bench) {").map(|(name, _)| name)
    });
    let (listed, missing): (Vec<&str>, Vec<&str>) = names.partition(|name| listed.contains(name));
    assert_eq!(missing, [""; 0]);
    assert!(listed.len() >= 100, "{} scripts", listed.len());
}
