//! `mafo.toml`, read and checked.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::builder::PossibleValue;
use clap::error::{ContextKind, ContextValue};
use clap::{ArgAction, Command};
use mafo::{BondOptions, Policy};
use mafo_config::{Document, Item, Problems, Table, Value, policy};

use super::schema::{self, ADAPTER, ADAPTER_KEYS, KEYS, Key, POLICY, POLICY_KEYS, RIGS, SECTIONS};
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
}

/// Reads a file for the options of `root`. A file that it names for the policy is read as well; its path is relative to
/// the folder of this one.
pub(super) fn read(root: &Command, path: &Path) -> Result<Settings, Problems> {
    let mut settings = parse(root, &Document::read(path)?)?;
    if let Some(file) = &settings.policy_file {
        let file = path.parent().unwrap_or(Path::new("")).join(file);
        settings.policy = Some(Arc::new(policy::read(&file)?));
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
                let Some(value) = item.value() else { continue };
                match check(root, key, &value) {
                    Ok(()) => self.values.push((key, value)),
                    Err(why) => item.wrong(format!("'{}': {why}", key.name)),
                }
            } else if let Some(&name) = of_bond.filter(|_| section == "bond") {
                let Some(value) = item.value() else { continue };
                match format!("{name}={}", value.plain()).parse::<BondOptions>() {
                    Ok(_) => self.bond.push((name, value)),
                    Err(why) => item.wrong(why.to_string()),
                }
            } else {
                item.unknown(&format!("[{section}]"), &schema::keys_of(section));
            }
        }
    }

    fn take_adapters(&mut self, item: &Item<'_>) {
        let tables = item.tables();
        if tables.len() != 2 {
            item.wrong_key(format!(
                "a bond has two adapters: [[{ADAPTER}]] twice, not {}",
                tables.len()
            ));
        }
        for table in tables {
            let mut adapter = vec![("chip", Value::Text("t540-cr".to_owned()))];
            for item in table.items() {
                let Some(&name) = ADAPTER_KEYS.iter().find(|&&name| name == item.key) else {
                    item.unknown(&format!("[[{ADAPTER}]]"), &ADAPTER_KEYS);
                    continue;
                };
                let Some(value) = item.value() else { continue };
                if name == "chip" {
                    adapter[0].1 = value;
                } else {
                    adapter.push((name, value));
                }
                if let Err(why) = parse_adapters(&format!("eth,{}", adapter_text(&adapter))) {
                    item.wrong(why);
                    adapter.truncate(1);
                    break;
                }
            }
            self.adapters.push(adapter);
        }
    }

    fn take_policy(&mut self, table: Table<'_>) {
        for item in table.items() {
            match item.key {
                "file" => self.policy_file = item.value().map(|value| value.plain().into()),
                "rule" => {
                    let rules = policy::of_tables(&item.tables());
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

/// As `--adapters` has it.
fn adapter_text(adapter: &[(&str, Value)]) -> String {
    let (chip, tables) = adapter.split_first().map_or(("", adapter), |((_, chip), tables)| {
        (if let Value::Text(chip) = chip { chip.as_str() } else { "?" }, tables)
    });
    let tables: Vec<String> =
        tables.iter().map(|(key, value)| format!("{key}={}", value.plain())).collect();
    [chip.to_owned(), tables.join(",")].join(if tables.is_empty() { "" } else { ":" })
}

/// Whether an option takes a value, as its command itself sees it.
fn check(root: &Command, key: &Key, value: &Value) -> Result<(), String> {
    let Some((command, long)) = key.options.first() else { return Ok(()) };
    let Some(sub) = root.find_subcommand(command) else { return Ok(()) };
    let Some(arg) = sub.get_arguments().find(|arg| arg.get_long() == Some(long)) else {
        return Ok(());
    };
    let is_flag = matches!(arg.get_action(), ArgAction::SetTrue);
    let is_switch = arg.get_possible_values().iter().map(PossibleValue::get_name).eq(["on", "off"]);
    let text = match value {
        Value::Bool(_) if is_flag => return Ok(()),
        Value::Bool(is) if is_switch => on_off(*is).to_owned(),
        Value::Bool(_) => return Err("it is not true or false".to_owned()),
        _ if is_flag => return Err(format!("{value} is neither true nor false")),
        _ => value.plain(),
    };
    let alone = sub.clone().mut_args(|arg| arg.required(false));
    let line = [(*command).to_owned(), format!("--{long}={text}")];
    let Err(error) = alone.try_get_matches_from(line) else { return Ok(()) };
    let valid = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(valid)) if !valid.is_empty() => Some(valid.join(", ")),
        _ => None,
    };
    Err(match (valid, std::error::Error::source(&error)) {
        (Some(valid), _) => format!("'{text}' is none of: {valid}"),
        (None, Some(source)) => source.to_string(),
        (None, None) => error.kind().to_string(),
    })
}

/// What an option is if nobody says, if that is something.
fn default_of(root: &Command, key: &Key) -> Option<Value> {
    let (command, long) = key.options.first()?;
    let sub = root.find_subcommand(command)?;
    let arg = sub.get_arguments().find(|arg| arg.get_long() == Some(long))?;
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return Some(Value::Bool(false));
    }
    let text = arg.get_default_values().first()?.to_str()?.to_owned();
    Some(if text.parse::<f64>().is_ok() { Value::Number(text) } else { Value::Text(text) })
}
