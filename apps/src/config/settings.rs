//! `mafo.toml`, read and checked.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, Command};
use mafo::{BondOptions, Policy};
use mafo_config::{Document, Item, Problems, Table, Type, Value, none_of, policy};

use super::schema::{
    self, ADAPTER, ADAPTER_KEYS, CHIP, KEYS, Key, POLICY, POLICY_KEYS, RIGS, SECTIONS,
};
use crate::rig::parse_adapters;

/// What a file says.
#[derive(Debug, Default)]
pub struct Settings {
    values: Vec<(&'static Key, Value)>,
    bond: Vec<(&'static str, Value)>,
    adapters: Vec<Vec<(&'static str, Value)>>,
    policy_file: Option<PathBuf>,
    /// The connection offload policy, if there is one.
    pub policy: Option<Arc<Policy>>,
    /// What is likely not meant.
    pub warnings: Problems,
}

/// Reads a file for the options of `root`. A file that it names for the policy is read as well; its path is relative to
/// the folder of this one.
pub(super) fn read(root: &Command, path: &Path) -> Result<Settings, Problems> {
    let document = Document::read(path)?;
    let mut settings = parse(root, &document)?;
    settings.warnings = document.warnings();
    if let Some(file) = &settings.policy_file {
        let file = path.parent().unwrap_or(Path::new("")).join(file);
        let (policy, warnings) = policy::read(&file)?;
        (settings.policy, settings.warnings) = (Some(Arc::new(policy)), warnings);
    }
    Ok(settings)
}

/// The same of a text; what it says of other files is not looked at.
pub(super) fn parse(root: &Command, document: &Document) -> Result<Settings, Problems> {
    document.parse(|table| {
        let mut settings = Settings::default();
        for item in table.items() {
            match item.key {
                ADAPTER => settings.take_adapters(&item),
                POLICY => item.table().into_iter().for_each(|table| settings.take_policy(table)),
                section if SECTIONS.contains(&section) => {
                    if let Some(table) = item.table() {
                        settings.take_section(root, section, table);
                    }
                }
                _ => item.unknown("this file", &schema::tables()),
            }
        }
        settings
    })
}

impl Settings {
    fn take_section(&mut self, root: &Command, section: &str, table: Table<'_>) {
        for item in table.items() {
            let of_bond = BondOptions::names().iter().find(|&&name| name == item.key);
            let key = KEYS.iter().find(|key| key.section == section && key.name == item.key);
            if let Some(key) = key {
                let checked = |value: &Value| {
                    check(root, key, value).map_err(|why| format!("'{}': {why}", key.name))
                };
                self.values.extend(checked_value(&item, key.is, checked).map(|value| (key, value)));
            } else if let Some(&name) = of_bond.filter(|_| section == "bond") {
                let checked = |value: &Value| {
                    let option = format!("{name}={}", value.plain()).parse::<BondOptions>();
                    option.map(drop).map_err(|why| why.to_string())
                };
                let value = checked_value(&item, schema::of_bond(name), checked);
                self.bond.extend(value.map(|value| (name, value)));
            } else {
                item.unknown(&format!("[{section}]"), &schema::keys_of(section));
            }
        }
    }

    fn take_adapters(&mut self, item: &Item<'_>) {
        let Some(tables) = item.tables(&format!("[[{ADAPTER}]]")) else { return };
        if tables.len() != 2 {
            item.wrong_key(format!(
                "a bond has two adapters: [[{ADAPTER}]] twice, not {}",
                tables.len()
            ));
        }
        self.adapters = tables.into_iter().map(adapter).collect();
    }

    fn take_policy(&mut self, table: Table<'_>) {
        for item in table.items() {
            match item.key {
                "file" => self.policy_file = item.value(Type::TEXT).map(|path| path.plain().into()),
                "rule" => {
                    let rules = policy::of_item(&item, "[[policy.rule]]");
                    self.policy = Some(Arc::new(Policy::new(rules)));
                }
                _ => item.unknown("[policy]", &POLICY_KEYS),
            }
        }
        if let Some(item) = table.get("file").filter(|_| table.get("rule").is_some()) {
            item.wrong_key("a policy is in a file of its own or here, not both");
        }
    }

    /// Long options and values, of a command: what it says, unless a command line does.
    #[must_use]
    pub fn arguments(&self, command: &str) -> Vec<(&'static str, Option<String>)> {
        let mut arguments = Vec::new();
        for (key, value) in &self.values {
            let Some((_, long)) = key.options.iter().find(|(of, _)| *of == command) else {
                continue;
            };
            match (*long, value) {
                ("protect", Value::Bool(is)) => {
                    arguments.push((*long, Some(on_off(*is).to_owned())));
                }
                (_, Value::Bool(true)) => arguments.push((*long, None)),
                (_, Value::Bool(false)) => {}
                _ => arguments.push((*long, Some(value.plain()))),
            }
        }
        if RIGS.contains(&command) && !self.adapters.is_empty() {
            let both: Vec<String> = self.adapters.iter().map(|a| adapter_text(a)).collect();
            arguments.push(("adapters", Some(both.join(","))));
        }
        if RIGS.contains(&command) && !self.bond.is_empty() {
            arguments.push(("bond", Some(self.bond_without(""))));
        }
        arguments
    }

    /// Options of the bond that a command line does not set which has `line`.
    #[must_use]
    pub fn bond_without(&self, line: &str) -> String {
        let is_set = |name: &str| line.split(',').any(|part| part.split('=').next() == Some(name));
        let left = self.bond.iter().filter(|(name, _)| !is_set(name));
        left.map(|(name, value)| format!("{name}={}", value.plain())).collect::<Vec<_>>().join(",")
    }

    /// All that is set, or has a value of its own where it is not, as a file would say it.
    #[must_use]
    pub fn show(&self, root: &Command) -> String {
        let mut out = String::new();
        for adapter in &self.adapters {
            let _ = writeln!(out, "[[{ADAPTER}]]");
            for (key, value) in adapter {
                let _ = writeln!(out, "{key} = {value}");
            }
        }
        for section in SECTIONS {
            let _ = writeln!(out, "[{section}]");
            for key in KEYS.iter().filter(|key| key.section == section) {
                let set = self.values.iter().find(|(known, _)| std::ptr::eq(*known, key));
                match (set, default_of(root, key)) {
                    (Some((_, value)), _) => drop(writeln!(out, "{} = {value}", key.name)),
                    (None, Some(value)) => drop(writeln!(out, "# {} = {value}", key.name)),
                    (None, None) => {}
                }
            }
            for (name, value) in self.bond.iter().filter(|_| section == "bond") {
                let _ = writeln!(out, "{name} = {value}");
            }
        }
        if let Some(file) = &self.policy_file {
            let file = Value::Text(file.display().to_string());
            let _ = writeln!(out, "[policy]\nfile = {file}");
        } else if let Some(policy) = &self.policy {
            out += &policy::show(policy, "policy.rule");
        }
        out
    }
}

fn on_off(is: bool) -> &'static str {
    if is { "on" } else { "off" }
}

/// The value of an item that `check` has nothing against; otherwise there is a complaint.
fn checked_value(
    item: &Item<'_>,
    of: Type,
    check: impl Fn(&Value) -> Result<(), String>,
) -> Option<Value> {
    let value = item.value(of)?;
    check(&value).map_err(|why| item.wrong(why)).ok()?;
    Some(value)
}

/// What a table says of an adapter, its chip first; what that does not fit is said of the other key.
fn adapter(table: Table<'_>) -> Vec<(&'static str, Value)> {
    let usual = (CHIP, Value::Text("t540-cr".to_owned()));
    let fits = |adapter: &[(&str, Value)]| {
        parse_adapters(&format!("eth,{}", adapter_text(adapter))).map(drop)
    };
    let read = |name: &'static str, of: Type, before: Option<&(&str, Value)>| {
        let both = |value: &Value| before.cloned().into_iter().chain([(name, value.clone())]);
        let value =
            checked_value(&table.get(name)?, of, |value| fits(&both(value).collect::<Vec<_>>()));
        Some((name, value?))
    };
    let [(_, chip_is), others @ ..] = ADAPTER_KEYS;
    let chip = read(CHIP, chip_is, None).unwrap_or(usual);
    let others: Vec<_> =
        others.iter().filter_map(|&(name, of)| read(name, of, Some(&chip))).collect();
    let names = ADAPTER_KEYS.map(|(name, _)| name);
    for item in table.items().iter().filter(|item| !names.contains(&item.key)) {
        item.unknown(&format!("[[{ADAPTER}]]"), &names);
    }
    [vec![chip], others].concat()
}

/// As `--adapters` has it.
fn adapter_text(adapter: &[(&str, Value)]) -> String {
    let mut text = String::new();
    for (n, (key, value)) in adapter.iter().enumerate() {
        text += match n {
            0 => "",
            1 => ":",
            _ => ",",
        };
        let is_chip = *key == CHIP;
        text += &if is_chip { value.plain() } else { format!("{key}={}", value.plain()) };
    }
    text
}

/// The first of the options that a key is, with its command.
fn option_of<'a>(root: &'a Command, key: &Key) -> Option<(&'a Command, &'a Arg)> {
    let (command, long) = key.options.first()?;
    let sub = root.find_subcommand(command)?;
    Some((sub, sub.get_arguments().find(|arg| arg.get_long() == Some(long))?))
}

/// Whether an option takes a value, as its command itself sees it.
fn check(root: &Command, key: &Key, value: &Value) -> Result<(), String> {
    let Some((sub, arg)) = option_of(root, key) else { return Ok(()) };
    let text = match value {
        Value::Bool(_) if is_flag(arg) => return Ok(()),
        Value::Bool(is) => on_off(*is).to_owned(),
        _ => value.plain(),
    };
    let long = arg.get_long().unwrap_or_default();
    let alone = sub.clone().mut_args(|arg| arg.required(false));
    let line = [sub.get_name().to_owned(), format!("--{long}={text}")];
    let Err(error) = alone.try_get_matches_from(line) else { return Ok(()) };
    let names = arg.get_possible_values();
    let names: Vec<&str> = names.iter().map(PossibleValue::get_name).collect();
    Err(match std::error::Error::source(&error) {
        _ if !names.is_empty() => none_of(&text, &names),
        Some(source) => source.to_string(),
        None => error.kind().to_string(),
    })
}

fn is_flag(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

/// What an option is if nobody says, if that is something.
fn default_of(root: &Command, key: &Key) -> Option<Value> {
    let (_, arg) = option_of(root, key)?;
    if is_flag(arg) {
        return Some(Value::Bool(false));
    }
    let text = arg.get_default_values().first()?.to_str()?.to_owned();
    Some(match text.as_str() {
        "on" => Value::Bool(true),
        "off" => Value::Bool(false),
        number if number.parse::<f64>().is_ok() => Value::Number(text),
        _ => Value::Text(text),
    })
}
