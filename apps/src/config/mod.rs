//! `mafo.toml`: what the command line can say, in a file. Options on the command line win over it.
//!
//! ```text
//!  mafo.toml ── Document ── Settings ──┬── options, put in front of those of the command line (merge)
//!                (places)   (checked    └── policy ── Core::set_policy, again at SIGHUP
//!                            by clap)
//! ```

mod schema;
mod settings;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, CommandFactory, Subcommand};
use mafo::Policy;
use mafo_config::Problems;

pub use settings::Settings;

use crate::cli::Arguments;

/// What a file of settings says.
#[derive(Args, Clone, Debug)]
pub struct ConfigOptions {
    /// What is to be done with it
    #[command(subcommand)]
    pub what: ConfigCommand,
}

/// What is to be done with a file of settings.
#[derive(Subcommand, Clone, Debug)]
pub enum ConfigCommand {
    /// Read a file and print what it comes to: what is set, and behind a # what is not and has a value of its own. What is wrong
    /// is said with line and column, and then it exits 2; what is likely not meant is a warning
    Check {
        /// The file, such as mafo.toml
        file: PathBuf,
    },
}

/// Commands that take `--config`.
const COMMANDS: [&str; 4] = ["demo", "drill", "echo", "bench"];

/// Exit code 0: the file is good, and printed. 2: it is not, and why.
#[must_use]
pub fn main(options: &ConfigOptions) -> ExitCode {
    let ConfigCommand::Check { file } = &options.what;
    let root = Arguments::command();
    match settings::read(&root, file) {
        Ok(settings) => {
            warn(&settings.warnings);
            print!("{}", settings.show(&root));
            ExitCode::SUCCESS
        }
        Err(problems) => {
            eprintln!("{problems}");
            ExitCode::from(2)
        }
    }
}

/// The command line with what the file of its `--config` says, where it does not say otherwise itself. An error is what is to
/// be printed.
pub fn merge(line: Vec<OsString>) -> Result<Vec<OsString>, String> {
    let root = Arguments::command();
    let name = line.get(1).and_then(|name| name.to_str()).unwrap_or_default();
    let Some(command) = COMMANDS.iter().find(|&&known| known == name) else { return Ok(line) };
    let Some(sub) = root.find_subcommand(command) else { return Ok(line) };
    // What is wrong with the line itself is found when it is parsed for good.
    let loose = sub.clone().mut_args(|arg| arg.required(false));
    let Ok(matches) = loose.try_get_matches_from(&line[1..]) else { return Ok(line) };
    if matches.subcommand().is_some() {
        return Ok(line);
    }
    let Ok(Some(file)) = matches.try_get_one::<PathBuf>("config") else { return Ok(line) };
    let settings = settings::read(&root, file).map_err(|problems| problems.to_string())?;
    let mut whole: Vec<OsString> = line[..2].to_vec();
    for (long, value) in settings.arguments(command) {
        if !is_said(sub, &matches, long) {
            whole.push(
                value.map_or(format!("--{long}"), |value| format!("--{long}={value}")).into(),
            );
        }
    }
    let rest = &line[2..];
    let is_bond = |at: usize| at > 0 && rest[at - 1] == "--bond";
    for (at, argument) in rest.iter().enumerate() {
        let text = argument.to_str().unwrap_or_default();
        let bond = text.strip_prefix("--bond=").or(is_bond(at).then_some(text));
        // Each option of the bond by itself: the line's win.
        let more = bond.map(|line| settings.bond_without(line)).filter(|more| !more.is_empty());
        whole.push(more.map_or_else(|| argument.clone(), |more| format!("{text},{more}").into()));
    }
    Ok(whole)
}

/// Whether a command line has an option, or another that excludes it.
fn is_said(sub: &Command, matches: &ArgMatches, long: &str) -> bool {
    let on_line = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    let Some(arg) = sub.get_arguments().find(|arg| arg.get_long() == Some(long)) else {
        return false;
    };
    let others = sub.get_arg_conflicts_with(arg);
    on_line(arg.get_id().as_str()) || others.iter().any(|other| on_line(other.get_id().as_str()))
}

/// What of it is likely not meant, on standard error.
fn warn(warnings: &Problems) {
    for warning in &warnings.0 {
        eprintln!("{warning}");
    }
}

/// The policy of `--policy`, or else that of `--config`, if there is any; read anew each time. Warnings of it are said.
pub fn policy(config: Option<&Path>, policy: Option<&Path>) -> Result<Option<Arc<Policy>>, String> {
    let read = match (policy, config) {
        (Some(file), _) => {
            mafo_config::policy::read(file).map(|(policy, said)| (Some(Arc::new(policy)), said))
        }
        (None, Some(file)) => settings::read(&Arguments::command(), file)
            .map(|settings| (settings.policy, settings.warnings)),
        (None, None) => return Ok(None),
    };
    let (policy, warnings) = read.map_err(|problems| problems.to_string())?;
    warn(&warnings);
    Ok(policy)
}

#[cfg(test)]
mod tests;
