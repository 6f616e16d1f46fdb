//! The data: one file an RFC.
//!
//! ```text
//! # RFC 9293: Transmission Control Protocol
//!
//! MUST-20: MUST, 3.8.3: A segment that was sent R2 times without an answer ends the connection.
//! SHLD-26: SHOULD, 3.9.2.2: An ICMP error of a hard kind ends the connection it is about.
//!     difference: such errors are as easily forged as others (RFC 5927 5.2).
//! ```
//!
//! A line `## Title` begins a part of its own, of requirements that the RFC has no id for.
//!
//! A line that is set in goes on with the one before it, or begins with one of the words of [`Standing`], or
//! with `note:`, which is a remark and excuses nothing.

use crate::{Fault, Place};

/// How strongly a thing is asked for (RFC 2119).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Must,
    MustNot,
    Should,
    ShouldNot,
    May,
}

impl Level {
    pub(crate) const ALL: [Self; 5] =
        [Self::Must, Self::MustNot, Self::Should, Self::ShouldNot, Self::May];

    /// As the RFCs spell it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::MustNot => "MUST NOT",
            Self::Should => "SHOULD",
            Self::ShouldNot => "SHOULD NOT",
            Self::May => "MAY",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

/// What is expected of the code; all but the first with a reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// A place where it is met, and a test that proves it.
    #[default]
    Required,
    /// Done otherwise, on purpose.
    Difference(String),
    /// Not TCP's, or not this project's, to meet: the application's, IPv6.
    Elsewhere(String),
    /// An option that is not taken.
    NonGoal(String),
    /// Not there yet.
    Missing(String),
}

impl Standing {
    /// The word that it has in the data.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Difference(_) => "difference",
            Self::Elsewhere(_) => "elsewhere",
            Self::NonGoal(_) => "non-goal",
            Self::Missing(_) => "missing",
        }
    }

    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::Required => None,
            Self::Difference(reason)
            | Self::Elsewhere(reason)
            | Self::NonGoal(reason)
            | Self::Missing(reason) => Some(reason),
        }
    }

    fn of(word: &str) -> Option<fn(String) -> Self> {
        Some(match word {
            "difference" => Self::Difference,
            "elsewhere" => Self::Elsewhere,
            "non-goal" => Self::NonGoal,
            "missing" => Self::Missing,
            _ => return None,
        })
    }
}

/// One thing that an RFC asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Requirement {
    pub(crate) id: String,
    pub(crate) level: Level,
    pub(crate) section: String,
    /// One sentence, ours.
    pub(crate) what: String,
    pub(crate) standing: Standing,
    pub(crate) note: Option<String>,
    pub(crate) at: Place,
}

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct Rfc {
    pub(crate) number: u32,
    pub(crate) title: String,
    pub(crate) requirements: Vec<Requirement>,
    /// Titles of parts, and which requirement each begins with.
    pub(crate) parts: Vec<(usize, String)>,
}

/// Whether `text` is a section's number: `3.8.6.2.1`, or an appendix, `A.1`.
pub(crate) fn is_section(text: &str) -> bool {
    let mut parts = text.split('.');
    let first = parts.next().is_some_and(|first| {
        let letter = first.len() == 1 && first.chars().all(|c| c.is_ascii_uppercase());
        letter || is_number(first)
    });
    first && parts.all(is_number)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())
}

/// Whether `id` is one of section `section` of RFC `number`. RFC 9293 has names of its own for most; a suffix tells
/// its rows of one name apart.
fn is_id(id: &str, number: u32, section: &str) -> bool {
    let mut parts = id.splitn(3, '-');
    let named = parts.next().is_some_and(|k| ["MUST", "SHLD", "MAY", "REC"].contains(&k));
    if number == 9293 && named {
        return parts.next().is_some_and(is_number) && parts.next() != Some("");
    }
    id.strip_prefix(&format!("RFC{number}-{section}-")).is_some_and(is_number)
}

/// Reads `text`, the contents of `file`. What is not understood is a fault, and left out.
pub(crate) fn parse(file: &str, text: &str, faults: &mut Vec<Fault>) -> Option<Rfc> {
    let place = |line: usize| Place { file: file.to_owned(), line };
    let number = file
        .rsplit('/')
        .next()
        .and_then(|name| name.strip_prefix("rfc")?.strip_suffix(".txt")?.parse::<u32>().ok());
    let title = number.and_then(|n| text.lines().next()?.strip_prefix(&format!("# RFC {n}: ")));
    let (Some(number), Some(title)) = (number, title) else {
        let what = "a file rfcNNNN.txt begins with `# RFC NNNN: its title`".to_owned();
        faults.push(Fault { at: place(1), what });
        return None;
    };
    let (mut requirements, mut parts) = (Vec::<Requirement>::new(), Vec::new());
    for (n, line) in text.lines().enumerate() {
        let at = place(n + 1);
        if let Some(part) = line.strip_prefix("## ") {
            parts.push((requirements.len(), part.to_owned()));
        }
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let result = match line.strip_prefix("    ") {
            Some(more) => add(requirements.last_mut(), more.trim()),
            None => entry(number, line, at.clone()).map(|entry| requirements.push(entry)),
        };
        if let Err(what) = result {
            faults.push(Fault { at, what });
        }
    }
    for requirement in &requirements {
        if requirement.standing.reason().is_some_and(|reason| reason.len() < 4) {
            let what =
                format!("{}: `{}` needs a reason", requirement.id, requirement.standing.name());
            faults.push(Fault { at: requirement.at.clone(), what });
        }
    }
    Some(Rfc { number, title: title.to_owned(), requirements, parts })
}

/// `ID: LEVEL, SECTION: sentence`.
fn entry(number: u32, line: &str, at: Place) -> Result<Requirement, String> {
    let form = || format!("not `ID: LEVEL, SECTION: sentence`: {line}");
    let (id, rest) = line.split_once(": ").ok_or_else(form)?;
    let (level, rest) = rest.split_once(", ").ok_or_else(form)?;
    let (section, what) = rest.split_once(": ").ok_or_else(form)?;
    let level = Level::parse(level).ok_or_else(|| format!("no such level: {level}"))?;
    if !is_section(section) {
        return Err(format!("no section number: {section}"));
    }
    if !is_id(id, number, section) {
        return Err(format!("{id} is no id of section {section} of RFC {number}"));
    }
    Ok(Requirement {
        id: id.to_owned(),
        level,
        section: section.to_owned(),
        what: what.trim().to_owned(),
        standing: Standing::Required,
        note: None,
        at,
    })
}

/// A line that is set in.
fn add(last: Option<&mut Requirement>, line: &str) -> Result<(), String> {
    let last = last.ok_or("set in, but nothing before it to belong to")?;
    let (word, rest) = line.split_once(':').unwrap_or((line, ""));
    let rest = rest.trim().to_owned();
    if let Some(standing) = Standing::of(word) {
        if last.standing != Standing::Required {
            return Err(format!("{}: more than one standing", last.id));
        }
        last.standing = standing(rest);
    } else if word == "note" {
        last.note = Some(rest);
    } else {
        let whole = match &mut last.standing {
            _ if last.note.is_some() => last.note.get_or_insert_default(),
            Standing::Required => &mut last.what,
            Standing::Difference(reason)
            | Standing::Elsewhere(reason)
            | Standing::NonGoal(reason)
            | Standing::Missing(reason) => reason,
        };
        whole.push(' ');
        whole.push_str(line);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "docs/requirements/rfc9293.txt";

    fn read(text: &str) -> (Vec<Requirement>, Vec<String>) {
        let mut faults = Vec::new();
        let rfc = parse(FILE, text, &mut faults);
        let faults = faults.iter().map(Fault::to_string).collect();
        (rfc.map_or(Vec::new(), |rfc| rfc.requirements), faults)
    }

    #[test]
    fn an_entry_has_level_section_sentence_and_what_is_set_in() {
        let (entries, faults) = read(
            "# RFC 9293: TCP\n# a remark\n\nMUST-60: MUST NOT, 3.9.1.2: Bytes do not\n    wait for ever.\n    \
             note: they may\n    wait.\nSHLD-26: SHOULD, 3.9.2.2: Ends.\n    difference: not\n    here.\n",
        );
        assert_eq!(faults, [""; 0]);
        let [first, second] = &entries[..] else { panic!("{entries:?}") };
        assert_eq!((first.id.as_str(), first.level), ("MUST-60", Level::MustNot));
        assert_eq!((first.section.as_str(), first.at.line), ("3.9.1.2", 4));
        assert_eq!(first.what, "Bytes do not wait for ever.");
        assert_eq!(first.note.as_deref(), Some("they may wait."));
        assert_eq!(first.standing, Standing::Required);
        assert_eq!(second.standing, Standing::Difference("not here.".to_owned()));
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_line() {
        for (lines, fault) in [
            ("MUST-1 MUST 3.1 x", "not `ID: LEVEL, SECTION: sentence`: MUST-1 MUST 3.1 x"),
            ("MUST-1: OUGHT, 3.1: x", "no such level: OUGHT"),
            ("MUST-1: MUST, 3.: x", "no section number: 3."),
            ("MUST-x: MUST, 3.1: x", "MUST-x is no id of section 3.1 of RFC 9293"),
            ("RFC9293-3.1-1: MUST, 3.2: x", "RFC9293-3.1-1 is no id of section 3.2 of RFC 9293"),
            ("    more", "set in, but nothing before it to belong to"),
        ] {
            let (_, faults) = read(&format!("# RFC 9293: TCP\n{lines}\n"));
            assert_eq!(faults, [format!("{FILE}:2: {fault}")]);
        }
    }

    #[test]
    fn a_difference_needs_a_reason_and_there_is_only_one() {
        let entry = "# RFC 9293: TCP\n\nMUST-1: MUST, 3.1: x\n";
        for word in ["difference", "elsewhere", "non-goal", "missing"] {
            let (_, faults) = read(&format!("{entry}    {word}:\n"));
            assert_eq!(faults, [format!("{FILE}:3: MUST-1: `{word}` needs a reason")]);
        }
        let (_, faults) = read(&format!("{entry}    missing: this\n    elsewhere: that\n"));
        assert_eq!(faults, [format!("{FILE}:5: MUST-1: more than one standing")]);
    }

    #[test]
    fn a_file_says_which_rfc_it_is() {
        let (_, faults) = read("# RFC 793: TCP\n");
        assert_eq!(
            faults,
            [format!("{FILE}:1: a file rfcNNNN.txt begins with `# RFC NNNN: its title`")]
        );
    }

    #[test]
    fn other_rfcs_number_by_section() {
        assert!(is_id("RFC8985-7.2-1", 8985, "7.2"));
        assert!(!is_id("RFC8985-7.2-1", 8985, "7.3"));
        assert!(!is_id("RFC8985-7.2-", 8985, "7.2"));
        assert!(is_id("MUST-15-IPv6", 9293, "3.7.1") && !is_id("MUST-15-", 9293, "3.7.1"));
        assert!(is_id("RFC9293-3.1-1", 9293, "3.1") && !is_id("MUST-1", 8985, "3.1"));
        assert!(is_section("A.1") && is_section("3") && !is_section("3.x") && !is_section(""));
    }
}
