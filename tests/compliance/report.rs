//! The table that is made of requirements and citations.

use std::fmt::Write as _;

use crate::Project;
use crate::check::Index;
use crate::citation::Kind;
use crate::requirement::{Level, Requirement, Rfc, Standing};

const HEAD: &str = "\
# TCP compliance

Written by `MAFO_BLESS=1 cargo test --test compliance` from [requirements](requirements) and from the citations in
the sources; not to be edited by hand. `cargo test --test compliance` fails when it is out of date, when a requirement
has neither code and a test nor a reason, and when a citation names what is not there.

The sentences are ours: what has to hold, or, of a MUST NOT or SHOULD NOT, what must not; what binds is the RFC. Tests
in `stack/tcp/src/script/scripts` are packet scripts, which run on the engine alone, in the software ASIC, and on
sockets of either path.
";

const COLUMNS: &str = "\
| id | level | section | what | where | test | remark |
|---|---|---|---|---|---|---|
";

/// The whole document.
pub(crate) fn table(project: &Project) -> String {
    let index = Index::new(project);
    let mut out = HEAD.to_owned();
    summary(&mut out, &project.rfcs);
    missing(&mut out, &project.rfcs);
    for rfc in &project.rfcs {
        let _ = write!(out, "\n## RFC {}: {}\n\n", rfc.number, rfc.title);
        out.push_str(COLUMNS);
        for (n, requirement) in rfc.requirements.iter().enumerate() {
            for (_, title) in rfc.parts.iter().filter(|(first, _)| *first == n) {
                let _ = write!(out, "\n### {title}\n\n{COLUMNS}");
            }
            row(&mut out, &index, requirement);
        }
    }
    out
}

/// How many of each level stand how.
fn summary(out: &mut String, rfcs: &[Rfc]) {
    const STANDINGS: [&str; 5] = ["required", "difference", "elsewhere", "non-goal", "missing"];
    out.push_str("\n## Summary\n\n");
    out.push_str("| | all | met and proved | deliberate difference | elsewhere | not taken | ");
    out.push_str("not there yet |\n|---|---|---|---|---|---|---|\n");
    let mut line = |name: &str, of: &[&Requirement]| {
        let _ = write!(out, "| {name} | {} |", of.len());
        for standing in STANDINGS {
            let n = of.iter().filter(|r| r.standing.name() == standing).count();
            let _ = write!(out, " {n} |");
        }
        out.push('\n');
    };
    let all: Vec<&Requirement> = rfcs.iter().flat_map(|rfc| &rfc.requirements).collect();
    for level in Level::ALL {
        let of: Vec<_> = all.iter().copied().filter(|r| r.level == level).collect();
        line(level.name(), &of);
    }
    line("all levels", &all);
    for rfc in rfcs {
        let of: Vec<_> = rfc.requirements.iter().collect();
        line(&format!("RFC {}", rfc.number), &of);
    }
}

/// What is not there yet.
fn missing(out: &mut String, rfcs: &[Rfc]) {
    let missing: Vec<_> = rfcs
        .iter()
        .flat_map(|rfc| &rfc.requirements)
        .filter(|r| matches!(r.standing, Standing::Missing(_)))
        .collect();
    let _ = write!(out, "\n## Not there yet: {}\n\n", missing.len());
    for requirement in missing {
        let reason = requirement.standing.reason().unwrap_or_default();
        let _ = writeln!(out, "- {} ({}): {reason}", requirement.id, requirement.level.name());
    }
}

fn row(out: &mut String, index: &Index<'_>, requirement: &Requirement) {
    let Requirement { id, level, section, what, standing, note, at: _ } = requirement;
    let places = |kind| {
        let mut places: Vec<String> = Vec::new();
        for citation in index.citations(id, kind) {
            let place = format!("`{}:{}`", citation.at.file, citation.item);
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places.join(", ")
    };
    let mut remarks: Vec<String> = Vec::new();
    remarks.extend(standing.reason().map(|reason| format!("{}: {reason}", standing.name())));
    remarks.extend(note.clone());
    let cells = [
        id.clone(),
        level.name().to_owned(),
        section.clone(),
        what.clone(),
        places(Kind::Code),
        places(Kind::Test),
        remarks.join(" "),
    ];
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    let _ = writeln!(out, "| {} |", cells.join(" | "));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::citation::Scripts;

    #[test]
    fn a_row_begins_with_the_id_and_tells_the_rest() {
        let mut project = Project::default();
        project.add_data(
            "docs/requirements/rfc9293.txt",
            "# RFC 9293: TCP\nMUST-1: MUST, 3.1: a|b.\n    note: see there.\n\
             MAY-1: MAY, 3.2: c.\n    non-goal: no use.\nMUST-2: MUST, 3.3: d.\n    missing: soon.\n\
             ## More\nRFC9293-3.3-1: MUST, 3.3: e.\n    difference: no.\n",
        );
        let source = "//= rfc9293#3.1 MUST-1\nfn f() {}\n//= rfc9293#3.1 MUST-1\nfn g() {}\n\
                      //= rfc9293#3.1 MUST-1\n#[test]\nfn t() {}\n";
        project.add_source("a.rs", source, &Scripts::default());
        let table = table(&project);
        for line in [
            "| MUST-1 | MUST | 3.1 | a\\|b. | `a.rs:f`, `a.rs:g` | `a.rs:t` | see there. |",
            "| MAY-1 | MAY | 3.2 | c. |  |  | non-goal: no use. |",
            "| MUST | 3 | 1 | 1 | 0 | 0 | 1 |",
            "| RFC 9293 | 4 | 1 | 1 | 0 | 1 | 1 |",
            "## Not there yet: 1",
            "- MUST-2 (MUST): soon.",
            "### More",
            "| RFC9293-3.3-1 | MUST | 3.3 | e. |  |  | difference: no. |",
        ] {
            assert!(table.lines().any(|there| there == line), "{line} is not in\n{table}");
        }
    }
}
