//! Files, good and bad, and command lines that win over them.

use std::collections::BTreeSet;
use std::fs;

use clap::Parser;
use expect_test::expect;
use mafo_config::Document;

use super::*;
use crate::cli::Command as Asked;
use crate::rig::parse_adapters;

/// A file of settings in a folder of its own, gone with it.
struct File(PathBuf);

impl File {
    fn new(test: &str, text: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("mafo-config-{}-{test}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("mafo.toml");
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn beside(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.with_file_name(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.0.parent().unwrap());
    }
}

fn parse(text: &str) -> Result<Settings, String> {
    let settings = settings::parse(&Arguments::command(), &Document::new("mafo.toml", text));
    settings.map_err(|problems| problems.to_string())
}

/// A command line with a file in the place of FILE.
fn merged(file: &File, line: &str) -> Vec<String> {
    let path = file.0.to_str().unwrap();
    let line = line.split(' ').map(|word| word.replace("FILE", path).into()).collect();
    let whole = merge(line).unwrap();
    whole.into_iter().map(|word| word.into_string().unwrap().replace(path, "FILE")).collect()
}

const GOOD: &str = r#"
[[adapter]]
chip = "t540-cr"

[[adapter]]
chip = "t520-cr"
ntids = 64
filters = 32

[host]
address = "10.77.0.2/24"

[wire]
taps = ["mafo0", "mafo1"]
loss = 0.01
delay = "2ms"

[bond]
miimon = 100
arp_ip_target = ["10.77.0.1", "10.77.0.9"]
protect = false

[run]
peer = "smoltcp"
connections = 8
json = true

[demo]
bytes = "256K"

[[policy.rule]]
on = "passive"
local-port = 80
path = "host"
"#;

#[test]
fn a_file_is_options_in_front_of_the_line_s() {
    let file = File::new("front", GOOD);
    expect![[r#"
        [
            "mafo",
            "demo",
            "--loss=0.01",
            "--delay=2ms",
            "--protect=off",
            "--peer=smoltcp",
            "--connections=8",
            "--json",
            "--bytes=256K",
            "--adapters=t540-cr,t520-cr:ntids=64,filters=32",
            "--bond=miimon=100,arp_ip_target=10.77.0.1,10.77.0.9",
            "--config",
            "FILE",
        ]
    "#]]
    .assert_debug_eq(&merged(&file, "mafo demo --config FILE"));
    expect![[r#"
        [
            "mafo",
            "echo",
            "--addr=10.77.0.2/24",
            "--taps=mafo0,mafo1",
            "--config=FILE",
        ]
    "#]]
    .assert_debug_eq(&merged(&file, "mafo echo --config=FILE"));
    expect![[r#"
        [
            "mafo",
            "bench",
            "--loss=0.01",
            "--protect=off",
            "rpc",
            "--config",
            "FILE",
        ]
    "#]]
    .assert_debug_eq(&merged(&file, "mafo bench rpc --config FILE"));
    for same in [
        "mafo demo --seed 3",
        "mafo bench failover",
        "mafo",
        "mafo demo --config",
        "mafo dmeo --config FILE",
    ] {
        assert_eq!(merged(&file, same).join(" "), same);
    }
}

/// What the line says is what counts, option by option of the bond.
#[test]
fn the_line_wins() {
    let file = File::new("wins", GOOD);
    let line = "mafo demo --connections 3 --config FILE --bond miimon=7,updelay=70 --peer=kernel --adapters eth,eth";
    let whole = merged(&file, line);
    for gone in ["--connections=8", "--peer=smoltcp", "--adapters=", "--bond="] {
        assert!(!whole.iter().any(|word| word.starts_with(gone)), "{gone}: {whole:?}");
    }
    let bond = "miimon=7,updelay=70,arp_ip_target=10.77.0.1,10.77.0.9";
    assert!(whole.iter().any(|word| word == bond), "{whole:?}");
    let Asked::Demo(options) = Arguments::try_parse_from(whole).unwrap().command else {
        panic!("a demo")
    };
    assert_eq!((options.rig.connections, options.bytes, options.rig.json), (3, 256 << 10, true));
    assert_eq!(options.rig.adapters, parse_adapters("eth,eth").unwrap());
}

/// A complaint each, and no more.
#[test]
fn all_that_is_wrong_is_said_where_it_stands() {
    let text = r#"
[run]
connectoins = 3
peer = "bsd"
connections = 0
json = "yes"
seed = 18446744073709551616
[wire]
loss = 1.5
delay = true
taps = ["mafo0", "mafo0"]
[bond]
mode = "802.3ad"
updelai = 3
protect = "maybe"
primary = "A0,miimon=5"
miimon = +100
arp_ip_target = ["10.77.0.1", 10]
[rnu]
[[adapter]]
chip = "t540-cr"
tids = 3
ntids = 0
filters = "8"
[policy]
file = "cop.toml"
[[policy.rule]]
path = "hots"
"#;
    expect![[r#"
        mafo.toml:3:1: 'connectoins' is no key of [run] (is 'connections' meant?); there are: peer, connections, seed, report, json
        mafo.toml:4:8: 'peer': 'bsd' is none of: auto, kernel, smoltcp
        mafo.toml:5:15: 'connections': 0 is not in 1..=4096
        mafo.toml:6:8: 'json' is true or false, not "yes"
        mafo.toml:7:8: 'seed': number too large to fit in target type
        mafo.toml:9:8: 'loss': '1.5' is no probability from 0 to below 1
        mafo.toml:10:9: 'delay' is a time in quotes, such as "2ms", not true
        mafo.toml:11:8: 'taps': the two TAP devices need two names
        mafo.toml:13:8: mode='802.3ad' is none of: active-backup, balance-xor
        mafo.toml:14:1: 'updelai' is no key of [bond] (is 'updelay' meant?); there are: protect, handover, mode, miimon, updelay, downdelay, arp_interval, arp_ip_target, arp_validate, arp_missed_max, primary, primary_reselect, fail_over_mac, num_peer_notif, peer_notif_delay, xmit_hash_policy
        mafo.toml:15:11: 'protect' is true or false, not "maybe"
        mafo.toml:16:11: 'primary' is a link in quotes, such as "A0", not "A0,miimon=5"
        mafo.toml:17:10: 'miimon' is a whole number without a sign, not +100
        mafo.toml:18:31: 'arp_ip_target' is an address in quotes, such as "10.77.0.1", not 10
        mafo.toml:19:2: 'rnu' is no key of this file (is 'run' meant?); there are: host, wire, cores, bond, run, telemetry, demo, drill, echo, adapter, policy
        mafo.toml:20:3: a bond has two adapters: [[adapter]] twice, not 1
        mafo.toml:22:1: 'tids' is no key of [[adapter]] (is 'ntids' meant?); there are: chip, ntids, l2t, filters
        mafo.toml:23:9: ntids='0' is no number from 1 to 524288
        mafo.toml:24:11: 'filters' is a whole number without a sign, not "8"
        mafo.toml:26:1: a policy is in a file of its own or here, not both
        mafo.toml:28:8: 'hots' is none of: offload, host (is 'host' meant?)"#]].assert_eq(&parse(text).unwrap_err());
    let text = r#"
run = 3
[[wire]]
loss = 2
[host]
address = "10.77.0.2/+24"
buffer = "8192"
[cores]
idle = "slepe"
[demo]
bytes = "+8M"
rounds = +1
[drill]
interval = 20
[[adapter]]
ntids = 64
chip = "eth"
[[adapter]]
ntids = 3
chip = "t540-cr:ntids=3"
l2t = 4096
[policy]
file = 7
[policy.rule]
path = "host"
"#;
    expect![[r#"
        mafo.toml:2:7: 'run' is a table, [run], not 3
        mafo.toml:3:1: 'wire' is a table, [wire], not a list
        mafo.toml:6:11: 'address' is an address in quotes and the length of its prefix, such as "10.77.0.2/24", not "10.77.0.2/+24"
        mafo.toml:7:10: 'buffer' is a whole number without a sign, not "8192"
        mafo.toml:9:8: 'idle': 'slepe' is none of: poll, sleep (is 'sleep' meant?)
        mafo.toml:11:9: 'bytes' is bytes, such as 4096 or "256K", not "+8M"
        mafo.toml:12:10: 'rounds' is a whole number without a sign, not +1
        mafo.toml:14:12: 'interval' is a time in quotes, such as "2ms", not 20
        mafo.toml:16:9: eth is an Ethernet port without tables: 'ntids=64' can be said of adapters only
        mafo.toml:20:8: 'chip' is a name in quotes, not "t540-cr:ntids=3"
        mafo.toml:21:7: l2t='4096' is no number from 1 to 3072
        mafo.toml:23:1: a policy is in a file of its own or here, not both
        mafo.toml:23:8: 'file' is text in quotes, not 7
        mafo.toml:24:1: 'rule' is a list of tables, [[policy.rule]] each, not a table"#]].assert_eq(&parse(text).unwrap_err());
    assert!(parse("[run\n").unwrap_err().starts_with("mafo.toml:1:5: "));
    for (text, said) in [
        ("adapter = 3", "mafo.toml:1:11: 'adapter' is a list of tables, [[adapter]] each, not 3"),
        (
            "[adapter]",
            "mafo.toml:1:1: 'adapter' is a list of tables, [[adapter]] each, not a table",
        ),
        (
            "policy = \"cop.toml\"",
            "mafo.toml:1:10: 'policy' is a table, [policy], not \"cop.toml\"",
        ),
        ("wire.loss = \"0.1\"", "mafo.toml:1:13: 'loss' is a number without a sign, not \"0.1\""),
    ] {
        assert_eq!(parse(text).unwrap_err(), said);
    }
}

/// What is printed says the same, when it is read again.
#[test]
fn what_is_shown_is_a_file() {
    let root = Arguments::command();
    let shown = parse(GOOD).unwrap().show(&root);
    let again = parse(&shown).unwrap();
    assert_eq!(again.show(&root), shown);
    for command in COMMANDS {
        assert_eq!(again.arguments(command), parse(GOOD).unwrap().arguments(command));
    }
    for line in
        ["loss = 0.01", "# seed = 1", "ntids = 64", "local-port = [\"80\"]", "# fault = \"link\""]
    {
        assert!(shown.lines().any(|shown| shown == line), "{line} in\n{shown}");
    }
    // What nobody has set may be set to what it is.
    for text in ["", GOOD] {
        let all = parse(text).unwrap().show(&root).replace("# ", "");
        assert_eq!(parse(&all).unwrap().show(&root), all);
    }
}

#[test]
fn a_policy_may_have_a_file_of_its_own() {
    let file = File::new("policy", "[policy]\nfile = \"cop.toml\"\n");
    let cop = file.beside("cop.toml", "[[rule]]\npath = \"host\"\n[[rule]]\n");
    let rules = |config: Option<&Path>, own: Option<&Path>| {
        policy(config, own).map(|policy| policy.map(|policy| policy.rules().len()))
    };
    assert_eq!(rules(Some(&file.0), None), Ok(Some(2)));
    let other = file.beside("other.toml", "[[rule]]\n");
    assert_eq!(rules(Some(&file.0), Some(&other)), Ok(Some(1)));
    assert_eq!(rules(None, None), Ok(None));
    fs::write(&cop, "[[rule]]\npaht = \"host\"\n").unwrap();
    let error = rules(Some(&file.0), None).unwrap_err();
    assert!(
        error.contains("cop.toml:2:1: 'paht' is no key of a rule (is 'path' meant?)"),
        "{error}"
    );
    fs::remove_file(&cop).unwrap();
    assert!(rules(Some(&file.0), None).unwrap_err().contains("cop.toml: "));
}

/// Every option that sets hosts up has a key, and every key is an option that there is.
#[test]
fn options_and_keys_are_the_same() {
    let root = Arguments::command();
    let mut keys = BTreeSet::new();
    for key in schema::KEYS {
        keys.extend(key.options.iter().copied());
    }
    let elsewhere = ["config", "policy", "help", "version", "break", "flood"];
    for command in ["demo", "drill", "echo"] {
        let sub = root.find_subcommand(command).unwrap();
        for long in sub.get_arguments().filter_map(|arg| arg.get_long()) {
            let is_table = schema::RIGS.contains(&command) && ["adapters", "bond"].contains(&long);
            let has_key = keys.remove(&(command, long));
            assert!(has_key || is_table || elsewhere.contains(&long), "{command} --{long}");
        }
    }
    let bench = root.find_subcommand("bench").unwrap();
    for long in bench.get_arguments().filter_map(|arg| arg.get_long()) {
        keys.remove(&("bench", long));
    }
    assert_eq!(keys, BTreeSet::new());
}

/// As `key` in the table of its section.
#[test]
fn every_key_is_described() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let text = fs::read_to_string(path).unwrap();
    let part = |heading: &str| {
        let begin = text.find(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("{heading}"));
        let rest = &text[begin + 4..];
        rest[..rest.find("\n## ").unwrap_or(rest.len())].to_owned()
    };
    let described = |heading: &str, keys: &[&str]| {
        let part = part(heading);
        for key in keys {
            assert!(part.contains(&format!("\n| `{key}` |")), "{key} of {heading}");
        }
        assert_eq!(part.matches("\n| `").count(), keys.len(), "{heading}");
    };
    for section in schema::SECTIONS {
        described(&format!("`[{section}]`"), &schema::keys_of(section));
    }
    described("`[[adapter]]`", &schema::ADAPTER_KEYS.map(|(key, _)| key));
    described("`[policy]`", &schema::POLICY_KEYS);
    described("A rule", &mafo_config::policy::KEYS.map(|(key, _)| key));
}
