//! What has to hold between requirements and citations.

use std::collections::BTreeMap;

use crate::citation::{Citation, Kind};
use crate::requirement::{Requirement, Standing};
use crate::{Fault, Project};

/// The requirements of all RFCs by their ids, and what cites each.
pub(crate) struct Index<'a> {
    by_id: BTreeMap<&'a str, (u32, &'a Requirement)>,
    cited: BTreeMap<&'a str, Vec<&'a Citation>>,
}

impl<'a> Index<'a> {
    pub(crate) fn new(project: &'a Project) -> Self {
        let by_id = project
            .rfcs
            .iter()
            .flat_map(|rfc| rfc.requirements.iter().map(move |r| (r.id.as_str(), (rfc.number, r))))
            .collect();
        let mut cited: BTreeMap<&str, Vec<&Citation>> = BTreeMap::new();
        for citation in &project.citations {
            for id in &citation.ids {
                cited.entry(id).or_default().push(citation);
            }
        }
        Self { by_id, cited }
    }

    /// Where `id` is cited by code, or by tests.
    pub(crate) fn citations(&self, id: &str, kind: Kind) -> impl Iterator<Item = &'a Citation> {
        let cited = self.cited.get(id).into_iter().flatten().copied();
        cited.filter(move |citation| citation.kind == kind)
    }

    fn is_proved(&self, id: &str) -> (bool, bool) {
        let has = |kind| self.citations(id, kind).next().is_some();
        (has(Kind::Code), has(Kind::Test))
    }
}

/// All that does not hold.
pub(crate) fn check(project: &Project) -> Vec<Fault> {
    let index = Index::new(project);
    let mut faults = Vec::new();
    for requirement in project.rfcs.iter().flat_map(|rfc| &rfc.requirements) {
        let fault = if index.by_id.get(requirement.id.as_str()).is_some_and(|r| r.1 != requirement)
        {
            Some("is there twice".to_owned())
        } else {
            unmet(requirement, index.is_proved(&requirement.id))
        };
        if let Some(what) = fault {
            let what = format!("{} {what}", requirement.id);
            faults.push(Fault { at: requirement.at.clone(), what });
        }
    }
    for citation in &project.citations {
        for id in &citation.ids {
            if let Some(what) = misquoted(&index, citation, id) {
                faults.push(Fault { at: citation.at.clone(), what });
            }
        }
    }
    faults
}

/// Why a requirement that is cited by (code, tests) does not stand as it is.
fn unmet(requirement: &Requirement, proved: (bool, bool)) -> Option<String> {
    match (&requirement.standing, proved) {
        (Standing::Required, (true, true)) => None,
        (Standing::Required, (code, test)) => {
            let lacks = match (code, test) {
                (false, false) => "neither code nor a test",
                (false, true) => "no code",
                _ => "no test",
            };
            Some(format!("is cited by {lacks}, and has no reason"))
        }
        (Standing::Missing(_), (true, true)) => Some("is no longer missing".to_owned()),
        (Standing::NonGoal(_) | Standing::Elsewhere(_), (_, true)) => {
            Some(format!("is proved by a test, yet `{}`", requirement.standing.name()))
        }
        _ => None,
    }
}

fn misquoted(index: &Index<'_>, citation: &Citation, id: &str) -> Option<String> {
    let Some((rfc, requirement)) = index.by_id.get(id) else {
        return Some(format!("no requirement {id}"));
    };
    if (*rfc, &requirement.section) != (citation.rfc, &citation.section) {
        return Some(format!("{id} is in rfc{rfc}#{}", requirement.section));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::citation::Scripts;

    const DATA: &str = "docs/requirements/rfc9293.txt";

    /// Faults of a project of one file of data and one source file.
    fn faults(entries: &str, source: &str) -> Vec<String> {
        let mut project = Project::default();
        project.add_data(DATA, &format!("# RFC 9293: TCP\n{entries}"));
        project.add_source("a.rs", source, &Scripts::default());
        let mut faults = project.faults.clone();
        faults.extend(check(&project));
        faults.iter().map(Fault::to_string).collect()
    }

    const ENTRY: &str = "MUST-1: MUST, 3.1: x.\n";
    const CODE: &str = "//= rfc9293#3.1 MUST-1\nfn f() {}\n";
    const TEST: &str = "//= rfc9293#3.1 MUST-1\n#[test]\nfn t() {}\n";

    #[test]
    fn code_and_test_are_enough() {
        assert_eq!(faults(ENTRY, &format!("{CODE}{TEST}")), [""; 0]);
    }

    #[test]
    fn a_requirement_without_code_or_test_is_named_with_its_line() {
        let lacks = |source: &str| faults(ENTRY, source);
        let line = format!("{DATA}:2: MUST-1 is cited by");
        assert_eq!(lacks(""), [format!("{line} neither code nor a test, and has no reason")]);
        assert_eq!(lacks(CODE), [format!("{line} no test, and has no reason")]);
        assert_eq!(lacks(TEST), [format!("{line} no code, and has no reason")]);
    }

    #[test]
    fn an_unknown_id_or_another_section_is_named_with_its_line() {
        let with =
            |cited: &str| faults(ENTRY, &format!("{CODE}{TEST}\n\n//= {cited}\nfn g() {{}}\n"));
        assert_eq!(with("rfc9293#3.1 MUST-99"), ["a.rs:8: no requirement MUST-99"]);
        assert_eq!(with("rfc9293#3.2 MUST-1"), ["a.rs:8: MUST-1 is in rfc9293#3.1"]);
        assert_eq!(with("rfc793#3.1 MUST-1"), ["a.rs:8: MUST-1 is in rfc9293#3.1"]);
        assert_eq!(with("rfc793#3.1"), [""; 0], "without an id nothing is claimed");
    }

    #[test]
    fn a_reason_stands_for_code_and_test() {
        for word in ["difference", "elsewhere", "non-goal", "missing"] {
            let entry = format!("{ENTRY}    {word}: of the moon.\n");
            assert_eq!(faults(&entry, ""), [""; 0], "{word}");
            assert_eq!(
                faults(&format!("{ENTRY}    {word}:\n"), ""),
                [format!("{DATA}:2: MUST-1: `{word}` needs a reason")]
            );
        }
    }

    #[test]
    fn what_is_proved_is_not_missing_nor_left_out() {
        let source = format!("{CODE}{TEST}");
        let with = |word: &str| faults(&format!("{ENTRY}    {word}: of the moon.\n"), &source);
        assert_eq!(with("missing"), [format!("{DATA}:2: MUST-1 is no longer missing")]);
        for word in ["non-goal", "elsewhere"] {
            let line = format!("{DATA}:2: MUST-1 is proved by a test, yet `{word}`");
            assert_eq!(with(word), [line]);
        }
        assert_eq!(with("difference"), [""; 0], "what is done instead may be proved");
    }

    #[test]
    fn an_id_that_is_there_twice_is_named() {
        let twice = format!("{ENTRY}MUST-1: MUST, 3.1: y.\n");
        assert_eq!(
            faults(&twice, &format!("{CODE}{TEST}")),
            [format!("{DATA}:2: MUST-1 is there twice")]
        );
    }
}
