//! The command line: what DPDK's environment layer would read in front of `--`, what the program reads behind it.

mod application;
mod bond;
mod environment;
mod numbers;
mod vdev;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches};

pub(crate) use application::Application;
pub(crate) use bond::{BondSpec, mode_name, parse_mode, parse_network};
pub(crate) use environment::Environment;
pub(crate) use numbers::{List, parse_list, parse_number};
pub(crate) use vdev::{CardSpec, Chip, Described, Vdev, WireSpec, parse_mac};

/// All that the program is told when it is started.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) environment: Environment,
    pub(crate) application: Application,
}

/// The program does not begin.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Instead {
    /// It was asked what it can do.
    Help(String),
    /// It was told something that it does not understand.
    Wrong(String),
}

const ABOUT: &str = "testpmd: frames through ports by hand, in the manner of DPDK's program of that name\n\n\
Usage: testpmd [options of the environment] [-- [options of the application]]\n";

const EXAMPLE: &str = "\nExample, as an ordinary user and without huge pages:\n  \
testpmd -l 0,1 --vdev asic0,chip=t540-cr,ports=4 -- -i\n";

impl Options {
    /// Takes a command line apart, without the program's name.
    pub(crate) fn parse(words: &[String]) -> Result<Self, Instead> {
        let split = words.iter().position(|word| word == "--").unwrap_or(words.len());
        let (front, back) = (&words[..split], words.get(split + 1..).unwrap_or(&[]));
        if words.iter().any(|word| word == "--help" || word == "-h") {
            return Err(Instead::Help(help()));
        }
        if words.iter().any(|word| word == "--version" || word == "-V") {
            return Err(Instead::Help(format!("testpmd {}\n", env!("CARGO_PKG_VERSION"))));
        }
        let environment: Environment = part(front, Side::Environment)?;
        let application: Application = part(back, Side::Application)?;
        application.check().map_err(Instead::Wrong)?;
        Ok(Self { environment, application })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Environment,
    Application,
}

fn part<T: CommandFactory + FromArgMatches>(words: &[String], side: Side) -> Result<T, Instead> {
    let command = T::command().no_binary_name(true);
    command
        .try_get_matches_from(words)
        .and_then(|matches| T::from_arg_matches(&matches))
        .map_err(|error| Instead::Wrong(sentence(&error, side)))
}

/// What was wrong, in a sentence or two that name the flag.
fn sentence(error: &clap::Error, side: Side) -> String {
    let text = error.to_string();
    let told = text.split("\n\nUsage:").next().unwrap_or_default();
    let told = told.split("\n\nFor more information").next().unwrap_or_default();
    let told = told.trim_start_matches("error: ").trim_end();
    let mut lines: Vec<&str> =
        told.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let flag = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) if error.kind() == ErrorKind::UnknownArgument => flag,
        _ => return lines.join("; "),
    };
    if lies_on(flag, side) {
        // How to pass it as a value is no help to anybody who meant the other side.
        lines.truncate(1);
        let place = if side == Side::Environment { "behind" } else { "in front of" };
        return format!("{}; it belongs {place} the --", lines.join("; "));
    }
    lines.retain(|line| !line.contains("as a value"));
    lines.join("; ")
}

/// Whether the other side has a flag of this name.
fn lies_on(flag: &str, side: Side) -> bool {
    let other = match side {
        Side::Environment => Application::command(),
        Side::Application => Environment::command(),
    };
    let known = |name: &str| {
        other.get_arguments().any(|argument| {
            name.strip_prefix("--").is_some_and(|long| argument.get_long() == Some(long))
                || argument.get_short().map(|c| format!("-{c}")).as_deref() == Some(name)
        })
    };
    known(flag.split('=').next().unwrap_or(flag))
}

fn help() -> String {
    let list = |command: clap::Command| {
        let command = command.disable_help_flag(true).term_width(110);
        command.help_template("{options}").clone().render_help().to_string()
    };
    format!(
        "{ABOUT}\nThe environment, in front of the --:\n{}\nThe application, behind it:\n{}{EXAMPLE}",
        list(Environment::command()),
        list(Application::command()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Instead> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn wrong(line: &str) -> String {
        match parse(line).map(|_| ()) {
            Err(Instead::Wrong(text)) => text,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn each_side_of_the_dashes_has_its_own_a() {
        let options = parse("-l 0,1 --vdev wire0,wire=null -- -i -a").expect("a good line");
        assert_eq!(options.environment.cores, Some(List(vec![0, 1])));
        assert!(options.environment.allow.is_empty());
        assert!(options.application.interactive && options.application.auto_start);
        let options = parse("-a 0000:01:00.4 --").expect("a good line");
        assert_eq!(options.environment.allow, ["0000:01:00.4"]);
        assert!(!options.application.auto_start);
    }

    #[test]
    fn a_flag_on_the_wrong_side_is_told_where_it_belongs() {
        let told = wrong("--nb-cores=2 -- -i");
        assert!(
            told.contains("'--nb-cores'") && told.ends_with("it belongs behind the --"),
            "{told}"
        );
        let told = wrong("-- -1");
        assert!(told.contains("'-1'") && !told.contains("belongs"), "{told}");
        let told = wrong("-- --no-huge");
        assert!(told.contains("'--no-huge'") && told.ends_with("in front of the --"), "{told}");
    }

    #[test]
    fn a_word_that_is_wrong_is_named_with_the_nearest_right_one() {
        let told = wrong("-- --forward-mod=io");
        assert!(told.contains("'--forward-mod'") && told.contains("'--forward-mode'"), "{told}");
        let told = wrong("-- --forward-mode=maxswap");
        assert!(told.contains("macswap"), "{told}");
        let told = wrong("-- --burst=0");
        assert!(told.contains("--burst"), "{told}");
        let told = wrong("-l 0,x");
        assert!(told.contains("-l"), "{told}");
    }

    #[test]
    fn help_is_that_of_both_sides() {
        let Err(Instead::Help(text)) = parse("-- --help") else { panic!("no help") };
        for flag in [
            "-l ",
            "--vdev",
            "-a, --allow",
            "--no-huge",
            "--file-prefix",
            "-i, --interactive",
            "-a, --auto-start",
            "--nb-cores",
            "--rxq",
            "--txq",
            "--rxd",
            "--txd",
            "--burst",
            "--forward-mode",
            "--stats-period",
            "--display-xstats",
            "--max-pkt-len",
            "--portmask",
            "--record-core-cycles",
            "--record-burst-stats",
            "--latencystats",
            "--cmdline-file",
        ] {
            assert!(text.contains(flag), "{flag} is missing:\n{text}");
        }
    }
}
