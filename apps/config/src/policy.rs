//! Policies in files: `[[rule]]` each, of which the first that matches decides.
//!
//! ```toml
//! [[rule]]
//! on = "passive"
//! local-port = [80, "8000-8099"]
//! remote = "10.1.0.0/16"
//! path = "host"
//! ```

use std::fmt::Write;
use std::path::Path;
use std::str::FromStr;

use mafo::policy::{Decision, Occasion, Occasions, Policy, Rule};
use mafo::{CongestionControl, Handover, PathChoice, StackConfig};

use crate::document::{Document, Item, Table};
use crate::problem::{Problems, none_of};
use crate::value::{Scalar, Type};

/// Keys of a rule, and what each is.
pub const KEYS: [(&str, &str); 9] = [
    (
        "on",
        "what it decides about: listen, active (connections that we open), passive (those that we accept); all, if it says none",
    ),
    ("local", "prefixes of our address"),
    ("local-port", "our port: numbers and ranges"),
    ("remote", "prefixes of the peer's address"),
    ("remote-port", "the peer's port"),
    ("path", "where TCP runs: offload, host"),
    (
        "congestion",
        "congestion control; an adapter that has it not uses NewReno, of which there is a warning",
    ),
    ("handover", "how the connection moves to another adapter: auto, drained, instant"),
    (
        "protect",
        "whether its adapter acknowledges only what the host has, so that nothing is lost with it: true, false",
    ),
];

const PATHS: [(&str, PathChoice); 2] =
    [("offload", PathChoice::Offload), ("host", PathChoice::Host)];

const NAME: Type = Type::new("a name in quotes", &[Scalar::Text]);
const ADDRESS: Type =
    Type::new("an address or a prefix in quotes, such as \"10.1.0.0/16\"", &[Scalar::Text])
        .or_list();
const PORT: Type =
    Type::new("a port or a range, such as 443 or \"8000-8099\"", &[Scalar::Whole, Scalar::Text])
        .or_list();

/// What a listener has not, and a rule on listeners alone has no use for.
const NOT_OF_LISTENERS: [&str; 5] = ["congestion", "handover", "protect", "remote", "remote-port"];

/// All congestion controls by their names.
fn congestion() -> Vec<(&'static str, CongestionControl)> {
    CongestionControl::ALL.iter().map(|&algorithm| (algorithm.name(), algorithm)).collect()
}

const HANDOVERS: [(&str, Handover); 3] =
    [("auto", Handover::Auto), ("drained", Handover::Drained), ("instant", Handover::Instant)];

const FLAGS: [(&str, bool); 2] = [("true", true), ("false", false)];

/// Reads a file that has a policy alone; that, and warnings.
pub fn read(path: &Path) -> Result<(Policy, Problems), Problems> {
    let document = Document::read(path)?;
    Ok((parse(&document)?, document.warnings()))
}

/// The policy of a document that has nothing else.
pub fn parse(document: &Document) -> Result<Policy, Problems> {
    document.parse(|root| {
        let mut rules = Vec::new();
        for item in root.items() {
            match item.key {
                "rule" => rules = of_item(&item, "[[rule]]"),
                _ => item.unknown("a policy's file", &["rule"]),
            }
        }
        Policy::new(rules)
    })
}

/// The rules that an item is, under `header` each.
#[must_use]
pub fn of_item(item: &Item<'_>, header: &str) -> Vec<Rule> {
    item.tables(header).into_iter().flatten().map(rule).collect()
}

fn rule(table: Table<'_>) -> Rule {
    let mut rule = Rule::default();
    if let Some(on) = occasions(table) {
        rule.on = on.into_iter().fold(Occasions::NONE, Occasions::with);
    }
    for item in table.items() {
        match item.key {
            "on" => {}
            // Settings that never have an effect are mistakes.
            key if rule.on == Occasion::Listen.into() && NOT_OF_LISTENERS.contains(&key) => {
                item.wrong_key(format!(
                    "a listener has no '{key}': of what it accepts a rule on = \"passive\" decides"
                ));
            }
            "local" => rule.local.addresses = parsed(&item, ADDRESS),
            "local-port" => rule.local.ports = parsed(&item, PORT),
            "remote" => rule.remote.addresses = parsed(&item, ADDRESS),
            "remote-port" => rule.remote.ports = parsed(&item, PORT),
            "path" => rule.says.path = one(&item, &PATHS),
            "congestion" => rule.says.congestion = one(&item, &congestion()),
            "handover" => rule.says.handover = one(&item, &HANDOVERS),
            "protect" => rule.says.protect = one_of(&item, Type::FLAG, &FLAGS),
            _ => item.unknown("a rule", &KEYS.map(|(key, _)| key)),
        }
    }
    warn_of_congestion(table, &rule);
    rule
}

/// An adapter has few congestion controls, and a rule may be of connections that are the host path's in any case.
fn warn_of_congestion(table: Table<'_>, rule: &Rule) {
    let Some(chosen) = rule.says.congestion else { return };
    let theirs = StackConfig::T5_CONGESTION;
    if rule.says.path == Some(PathChoice::Host) || theirs.contains(&chosen) {
        return;
    }
    if let Some(item) = table.get("congestion") {
        let theirs = theirs.map(CongestionControl::name).join(", ");
        item.warn(&format!(
            "an adapter has no '{chosen}', and its connections use newreno; it has: {theirs}"
        ));
    }
}

/// When it is asked, if that is said.
fn occasions(table: Table<'_>) -> Option<Vec<Occasion>> {
    table.get("on")?.each(NAME.or_list(), |name| named(name, &Occasion::NAMES))
}

/// What an end is matched by.
fn parsed<T: FromStr<Err = String>>(item: &Item<'_>, of: Type) -> Vec<T> {
    item.each(of, str::parse).unwrap_or_default()
}

fn one<T: Copy>(item: &Item<'_>, names: &[(&str, T)]) -> Option<T> {
    one_of(item, NAME, names)
}

fn one_of<T: Copy>(item: &Item<'_>, of: Type, names: &[(&str, T)]) -> Option<T> {
    let name = item.value(of)?.plain();
    named(&name, names).map_err(|what| item.wrong(what)).ok()
}

fn named<T: Copy>(name: &str, names: &[(&str, T)]) -> Result<T, String> {
    let known = names.iter().find(|(known, _)| *known == name);
    let all: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    known.map(|(_, value)| *value).ok_or_else(|| none_of(name, &all))
}

/// A policy as a file has it, each rule under `[[header]]`.
#[must_use]
pub fn show(policy: &Policy, header: &str) -> String {
    let mut out = String::new();
    for rule in policy.rules() {
        let _ = writeln!(out, "[[{header}]]");
        let mut list = |key: &str, values: Vec<String>| {
            if !values.is_empty() {
                let values: Vec<String> = values.iter().map(|v| format!("{v:?}")).collect();
                let _ = writeln!(out, "{key} = [{}]", values.join(", "));
            }
        };
        if rule.on != Occasions::ALL {
            let on = Occasion::NAMES.iter().filter(|&&(_, what)| rule.on.contains(what));
            list("on", on.map(|(name, _)| (*name).to_owned()).collect());
        }
        list("local", rule.local.addresses.iter().map(ToString::to_string).collect());
        list("local-port", rule.local.ports.iter().map(ToString::to_string).collect());
        list("remote", rule.remote.addresses.iter().map(ToString::to_string).collect());
        list("remote-port", rule.remote.ports.iter().map(ToString::to_string).collect());
        let Decision { path, congestion: algorithm, handover, protect } = rule.says;
        said(&mut out, "path", path, &PATHS);
        said(&mut out, "congestion", algorithm, &congestion());
        said(&mut out, "handover", handover, &HANDOVERS);
        if let Some(protect) = protect {
            let _ = writeln!(out, "protect = {protect}");
        }
    }
    out
}

fn said<T: Copy + PartialEq>(out: &mut String, key: &str, value: Option<T>, names: &[(&str, T)]) {
    let name = names.iter().find(|(_, known)| Some(*known) == value);
    if let Some((name, _)) = name {
        let _ = writeln!(out, "{key} = \"{name}\"");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn read(text: &str) -> Result<Policy, Problems> {
        parse(&Document::new("cop.toml", text))
    }

    #[test]
    fn a_policy_is_read_as_it_is_written() {
        let text = r#"
            [[rule]]
            on = "passive"
            local-port = [80, "8000-8099"]
            remote = ["10.1.0.0/16", "192.168.0.7"]
            path = "host"
            congestion = "cubic"

            [[rule]]
            on = ["active", "listen"]
            local = "10.0.0.2"
            remote-port = 443
            handover = "instant"
            protect = false

            [[rule]]
            path = "offload"
            protect = true
        "#;
        let policy = read(text).unwrap();
        expect![[r#"
            [[rule]]
            on = ["passive"]
            local-port = ["80", "8000-8099"]
            remote = ["10.1.0.0/16", "192.168.0.7/32"]
            path = "host"
            congestion = "cubic"
            [[rule]]
            on = ["listen", "active"]
            local = ["10.0.0.2/32"]
            remote-port = ["443"]
            handover = "instant"
            protect = false
            [[rule]]
            path = "offload"
            protect = true
        "#]]
        .assert_eq(&show(&policy, "rule"));
        assert_eq!(read(&show(&policy, "rule")), Ok(policy));
        assert_eq!(read(""), Ok(Policy::default()));
    }

    #[test]
    fn every_name_is_read_and_shown() {
        let count = [PATHS.len(), congestion().len(), HANDOVERS.len()];
        for n in 0..*count.iter().max().unwrap() {
            let (path, _) = PATHS[n % count[0]];
            let (algorithm, _) = congestion()[n % count[1]];
            let (handover, _) = HANDOVERS[n % count[2]];
            let text = format!(
                "[[rule]]\npath = \"{path}\"\ncongestion = \"{algorithm}\"\nhandover = \"{handover}\"\n"
            );
            assert_eq!(show(&read(&text).unwrap(), "rule"), text);
        }
    }

    /// A complaint each, and no more.
    #[test]
    fn all_that_is_wrong_is_said_where_it_stands() {
        let text = r#"[[rule]]
on = "pasive"
local-prot = 80
remote = ["10.1.0.0/16", "10.1.2.0/16"]
local-port = ["80", "90-80", -1, +8, "+80", [443], 0x50]
path = "hots"
congestion = ["reno", "cubic"]
handover = { at = "once" }

[[rule]]
on = "listen"
congestion = "reno"
remote-port = []
on-what = 3
protect = true

[[rule]]
on = []
local = []
path = ["host"]
handover = ""
congestion = 7
protect = "on"

[[rule]]
on = ["listen", "pasive"]
congestion = "reno"
remote = [10.1, "10.0.0.0/+8"]
local = 2026-01-01

[rules]
"#;
        expect![[r#"
            cop.toml:2:6: 'pasive' is none of: listen, active, passive (is 'passive' meant?)
            cop.toml:3:1: 'local-prot' is no key of a rule (is 'local-port' meant?); there are: on, local, local-port, remote, remote-port, path, congestion, handover, protect
            cop.toml:4:26: '10.1.2.0/16' has bits set behind its prefix: 10.1.0.0/16 is the network
            cop.toml:5:21: '90-80' ends before it begins
            cop.toml:5:30: 'local-port' is a port or a range, such as 443 or "8000-8099", not -1
            cop.toml:5:34: 'local-port' is a port or a range, such as 443 or "8000-8099", not +8
            cop.toml:5:38: '+80' is no port and no range, such as 443 or 8000-8099
            cop.toml:5:45: 'local-port' is a port or a range, such as 443 or "8000-8099", not a list
            cop.toml:6:8: 'hots' is none of: offload, host (is 'host' meant?)
            cop.toml:7:14: 'congestion' is a name in quotes, not a list
            cop.toml:8:12: 'handover' is a name in quotes, not a table
            cop.toml:12:1: a listener has no 'congestion': of what it accepts a rule on = "passive" decides
            cop.toml:13:1: a listener has no 'remote-port': of what it accepts a rule on = "passive" decides
            cop.toml:14:1: 'on-what' is no key of a rule; there are: on, local, local-port, remote, remote-port, path, congestion, handover, protect
            cop.toml:15:1: a listener has no 'protect': of what it accepts a rule on = "passive" decides
            cop.toml:18:6: 'on' is a name in quotes, or a list of them, not an empty one
            cop.toml:19:9: 'local' is an address or a prefix in quotes, such as "10.1.0.0/16", or a list of them, not an empty one
            cop.toml:20:8: 'path' is a name in quotes, not a list
            cop.toml:21:12: 'handover' is a name in quotes, not ""
            cop.toml:22:14: 'congestion' is a name in quotes, not 7
            cop.toml:23:11: 'protect' is true or false, not "on"
            cop.toml:26:17: 'pasive' is none of: listen, active, passive (is 'passive' meant?)
            cop.toml:28:11: 'remote' is an address or a prefix in quotes, such as "10.1.0.0/16", not 10.1
            cop.toml:28:17: '10.0.0.0/+8' is no address and no prefix, such as 10.1.0.0/16
            cop.toml:29:9: 'local' is an address or a prefix in quotes, such as "10.1.0.0/16", not 2026-01-01
            cop.toml:31:2: 'rules' is no key of a policy's file (is 'rule' meant?); there are: rule"#]].assert_eq(&read(text).unwrap_err().to_string());
    }

    /// Not where connections are the host path's, which has them all.
    #[test]
    fn what_an_adapter_has_not_is_warned_of() {
        let text = r#"
[[rule]]
congestion = "cubic"
[[rule]]
congestion = "cubic"
path = "host"
[[rule]]
congestion = "highspeed"
[[rule]]
path = "offload"
congestion = "bbr"
"#;
        let document = Document::new("cop.toml", text);
        assert!(parse(&document).is_ok());
        expect![[r#"
            cop.toml:3:14: warning: an adapter has no 'cubic', and its connections use newreno; it has: reno, tahoe, newreno, highspeed
            cop.toml:11:14: warning: an adapter has no 'bbr', and its connections use newreno; it has: reno, tahoe, newreno, highspeed"#]]
        .assert_eq(&document.warnings().to_string());
        assert_eq!(document.warnings(), Problems::default());
    }

    #[test]
    fn what_is_no_toml_is_said_where_it_breaks() {
        for (text, place) in [
            ("[[rule]]\npath = host\n", "cop.toml:2:8: "),
            ("[[rule\n", "cop.toml:1:7: "),
            ("a = 1\na = 2\n", "cop.toml:2:1: "),
        ] {
            let said = read(text).unwrap_err().to_string();
            assert!(said.starts_with(place), "{said}");
        }
        for (text, said) in [
            ("rule = 3\n", "cop.toml:1:8: 'rule' is a list of tables, [[rule]] each, not 3"),
            ("[rule]\n", "cop.toml:1:1: 'rule' is a list of tables, [[rule]] each, not a table"),
            ("rule = [{}, 3]\n", "cop.toml:1:13: 'rule' is a list of tables, [[rule]] each, not 3"),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), said);
        }
    }
}
