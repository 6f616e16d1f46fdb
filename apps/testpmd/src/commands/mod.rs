//! Commands of the prompt: a table of words, a sentence of help, and what is to be done.

mod bond;
pub(crate) mod control;
mod dump;
mod failover;
mod flow;
mod port;
mod set;
pub(crate) mod show;
mod tcp;

use serde_json::Value;

use crate::options::parse_number;
use crate::session::{Session, Which};

/// What a command says.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) text: String,
    /// Of a `show`, the same for programs.
    pub(crate) json: Option<Value>,
    /// The prompt does not come back.
    pub(crate) quits: bool,
    /// Lines of a file that are commands.
    pub(crate) lines: Vec<String>,
}

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

/// What comes of a command: what is wrong is a sentence.
pub(crate) type Outcome = Result<Said, String>;

/// A line of the table.
pub(crate) struct Command {
    /// Words with a space between them: literal ones, several with `|` between them, or, in capitals, something that
    /// the user chooses.
    words: &'static str,
    help: &'static str,
    run: fn(&mut Session, &Arguments<'_>) -> Outcome,
}

/// A part of the table, with a name.
struct Section {
    name: &'static str,
    about: &'static str,
    commands: &'static [Command],
}

const SECTIONS: [Section; 9] = [
    Section {
        name: "control",
        about: "Begin to forward, end it, end the program.",
        commands: control::COMMANDS,
    },
    Section {
        name: "display",
        about: "Ports, counters, how frames are forwarded.",
        commands: show::COMMANDS,
    },
    Section {
        name: "config",
        about: "How frames are to be forwarded, with the next start.",
        commands: set::COMMANDS,
    },
    Section {
        name: "ports",
        about: "Ports that start, stop, come and go.",
        commands: port::COMMANDS,
    },
    Section {
        name: "bonding",
        about: "Ports that become one, with a TCP stack on it.",
        commands: bond::COMMANDS,
    },
    Section { name: "tcp", about: "Connections, and where they live.", commands: tcp::COMMANDS },
    Section {
        name: "failover",
        about: "Adapters that take over from one another, and faults.",
        commands: failover::COMMANDS,
    },
    Section { name: "filters", about: "Rules for frames that come in.", commands: flow::COMMANDS },
    Section { name: "devices", about: "What the program is made of.", commands: dump::COMMANDS },
];

fn table() -> impl Iterator<Item = &'static Command> {
    SECTIONS.iter().flat_map(|section| section.commands)
}

/// The words of a line where the table leaves a choice.
#[derive(Debug)]
pub(crate) struct Arguments<'a> {
    chosen: Vec<&'a str>,
    /// The answer is for a program: all of it, however much.
    wants_json: bool,
}

impl Arguments<'_> {
    /// Choice number `n` of the command's words.
    fn word(&self, n: usize) -> &str {
        self.chosen.get(n).copied().unwrap_or_default()
    }

    /// A number from `min` to `max`.
    fn number(&self, n: usize, min: u64, max: u64) -> Result<u64, String> {
        parse_number(self.word(n), min, max)
    }

    /// All choices from number `n` on.
    fn rest(&self, n: usize) -> &[&str] {
        self.chosen.get(n..).unwrap_or_default()
    }

    /// The number of a port.
    fn port(&self, n: usize) -> Result<usize, String> {
        let word = self.word(n);
        word.parse().map_err(|_| format!("Invalid port {word}: ports have numbers"))
    }

    /// A port, or all.
    fn which(&self, n: usize) -> Result<Which, String> {
        if self.word(n) == "all" { Ok(Which::All) } else { self.port(n).map(Which::One) }
    }

    /// Whether `on` was chosen.
    fn is_on(&self, n: usize) -> bool {
        self.word(n) == "on"
    }
}

/// What a `show` says, for people and for programs.
fn shown(text: String, json: Value) -> Outcome {
    Ok(Said { text, json: Some(json), ..Said::default() })
}

/// A word of the table that stands for all that follows.
const REST: &str = "RULE";

/// Whether a word of the table is something that the user chooses.
fn is_free(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

impl Command {
    /// The choices of a line that is this command.
    fn matching<'a>(&self, line: &[&'a str]) -> Option<Arguments<'a>> {
        let mut chosen = Vec::new();
        let mut words = self.words.split(' ');
        for (chosen_at, word) in line.iter().enumerate() {
            let pattern = words.next()?;
            if pattern == REST {
                chosen.extend(&line[chosen_at..]);
                return Some(Arguments { chosen, wants_json: false });
            }
            let free = pattern.split('|').any(is_free);
            if !free && !pattern.split('|').any(|literal| literal == *word) {
                return None;
            }
            if free || pattern.contains('|') {
                chosen.push(*word);
            }
        }
        words.next().is_none().then_some(Arguments { chosen, wants_json: false })
    }

    /// How many words at the front of a line are this command's.
    fn common(&self, line: &[&str]) -> usize {
        // Where a number belongs a word is a mistake in another command.
        let is_number = |word: &str| word.bytes().all(|b| b.is_ascii_digit());
        let fits_one = |literal: &str, word: &str| match literal {
            "PORT" | "N" | "SIZE" => is_number(word),
            literal => is_free(literal) || literal == word,
        };
        let fits = |(pattern, word): &(&str, &&str)| {
            pattern.split('|').any(|literal| fits_one(literal, word))
        };
        self.words.split(' ').zip(line).take_while(fits).count()
    }

    /// Whether a line has the name of this command, the words in front of the first that the user chooses, as far as it goes.
    fn is_meant_by(&self, line: &[&str]) -> bool {
        let same = self.common(line);
        let name = self.words.split(' ').take_while(|word| !word.split('|').any(is_free)).count();
        same > 0 && same >= name.min(line.len())
    }

    /// How far a line is from this command: letters that differ, by word, and words too few or too many.
    fn distance(&self, line: &[&str]) -> usize {
        let patterns: Vec<&str> = self.words.split(' ').collect();
        let of_word = |(pattern, word): (&&str, &&str)| {
            let literals = pattern.split('|');
            literals
                .map(|l| if is_free(l) { 1 } else { strsim::damerau_levenshtein(l, word) })
                .min()
                .unwrap_or(0)
        };
        let letters: usize = patterns.iter().zip(line).map(of_word).sum();
        letters + 2 * patterns.len().abs_diff(line.len())
    }
}

/// Carries a line out. `--json` at the end of a `show` has it for programs.
pub(crate) fn run(session: &mut Session, line: &str) -> Outcome {
    let line = line.split('#').next().unwrap_or_default();
    let mut words: Vec<&str> = line.split_whitespace().collect();
    if words.is_empty() {
        return Ok(Said::default());
    }
    let shows = matches!(words.as_slice(), ["show", ..] | ["flow", "list", ..]);
    let wants_json = shows && words.last() == Some(&"--json");
    if wants_json {
        words.pop();
    }
    for command in table() {
        if let Some(arguments) = command.matching(&words) {
            let arguments = Arguments { wants_json, ..arguments };
            let mut said = (command.run)(session, &arguments)?;
            if wants_json && let Some(json) = &said.json {
                said.text = format!("{json}\n");
            }
            return Ok(said);
        }
    }
    Err(unknown(&words))
}

/// Why a line is no command, and which is the nearest.
fn unknown(words: &[&str]) -> String {
    // Of those that begin so, if any do.
    let most = table().map(|command| command.common(words)).max().unwrap_or(0);
    let begun = table().filter(|command| command.common(words) == most);
    let Some(near) = begun.min_by_key(|command| command.distance(words)) else {
        return "Command not found".to_owned();
    };
    if near.is_meant_by(words) {
        format!("Bad arguments: {}", near.words)
    } else {
        format!("Command not found: the nearest is `{}`", near.words)
    }
}

/// Words that may come next where a line ends with `start`, for completion.
pub(crate) fn completions(line: &str) -> Vec<String> {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let start = if line.ends_with(' ') || line.is_empty() { "" } else { words.pop().unwrap_or("") };
    let mut found = Vec::new();
    for command in table().filter(|command| command.common(&words) == words.len()) {
        let Some(pattern) = command.words.split(' ').nth(words.len()) else { continue };
        for literal in pattern.split('|').filter(|l| !is_free(l) && l.starts_with(start)) {
            if !found.iter().any(|known| known == literal) {
                found.push(literal.to_owned());
            }
        }
    }
    found
}

/// What `help` says of a section, of all, or of the sections that there are.
fn help(section: Option<&str>) -> Outcome {
    let Some(wanted) = section else {
        let mut text = "\nHelp is available for the following sections:\n\n".to_owned();
        for section in &SECTIONS {
            text += &format!("    help {:<27}: {}\n", section.name, section.about);
        }
        text += &format!("    help {:<27}: All of the above sections.\n\n", "all");
        return Ok(text.into());
    };
    let sections = SECTIONS.iter().filter(|section| wanted == "all" || section.name == wanted);
    let mut text = String::new();
    for section in sections {
        text += &format!("\n{}\n{}\n", section.about, "-".repeat(section.about.len()));
        for command in section.commands {
            text += &format!("\n{}\n    {}\n", command.words, command.help);
        }
    }
    if text.is_empty() {
        let names: Vec<&str> = SECTIONS.iter().map(|section| section.name).collect();
        return Err(format!("there is no section '{wanted}': {}, all", names.join(", ")));
    }
    Ok((text + "\n").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(line: &str) -> Option<(&'static str, Vec<&str>)> {
        let words: Vec<&str> = line.split(' ').collect();
        table().find_map(|c| c.matching(&words).map(|a| (c.words, a.chosen)))
    }

    #[test]
    fn a_line_is_the_command_with_its_words() {
        assert_eq!(chosen("start"), Some(("start", vec![])));
        assert_eq!(chosen("start tx_first 5"), Some(("start tx_first N", vec!["5"])));
        assert_eq!(chosen("show port stats all").map(|c| c.1), Some(vec!["all"]));
        assert_eq!(chosen("set promisc 3 off").map(|c| c.1), Some(vec!["3", "off"]));
        for none in ["", "star", "start now", "show", "show port", "set promisc 3 maybe", "stop it"]
        {
            assert_eq!(chosen(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_no_command_has_a_nearest_one() {
        let told = |line: &str| unknown(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(told("sotp"), "Command not found: the nearest is `stop`");
        assert_eq!(
            told("shwo port stats 0"),
            "Command not found: the nearest is `show port stats PORT|all`"
        );
        for (line, near) in [
            ("show prt stats 0", "show port stats PORT|all"),
            ("show port stat 0", "show port stats PORT|all"),
            ("port strat 0", "port start|stop|close|reset PORT|all"),
            ("set porlist 0", "set portlist PORTS"),
            ("csum st ip hw 0", "csum set ip|udp|tcp hw|sw PORT"),
        ] {
            assert_eq!(told(line), format!("Command not found: the nearest is `{near}`"));
        }
        // Another command of that name has other arguments.
        assert!(told("set txpkts 64").starts_with("Command not found: the nearest is `set "));
        for (line, meant) in [
            ("set fwd", "set fwd ENGINE"),
            ("show port stats", "show port stats PORT|all"),
            ("show port stats x", "show port stats PORT|all"),
            ("set promisc 0 maybe", "set promisc PORT|all on|off"),
            ("start now", "start"),
            ("stop it", "stop"),
        ] {
            assert_eq!(told(line), format!("Bad arguments: {meant}"));
        }
    }

    #[test]
    fn words_complete_from_the_table() {
        assert_eq!(completions("sto"), ["stop"]);
        assert_eq!(completions("show por"), ["port"]);
        assert_eq!(completions("port st"), ["start", "stop"]);
        let next = completions("set promisc 0 ");
        assert_eq!(next, ["on", "off"]);
        assert!(completions("xyz ").is_empty());
    }

    /// The table is what it says: no command hides another, and each has its sentence.
    #[test]
    fn no_command_hides_another() {
        for (n, command) in table().enumerate() {
            assert!(command.help.ends_with('.'), "{}", command.words);
            let line: Vec<String> = command
                .words
                .split(' ')
                .map(|word| word.split('|').next_back().unwrap_or("").to_lowercase())
                .collect();
            let line: Vec<&str> = line.iter().map(String::as_str).collect();
            let first = table().position(|other| other.matching(&line).is_some());
            assert_eq!(first, Some(n), "{}", command.words);
        }
        assert!(help(Some("nothing")).is_err_and(|told| told.contains("control, display")));
    }
}
