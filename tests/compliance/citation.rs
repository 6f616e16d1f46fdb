//! Citations: `//= rfc9293#3.8.3 MUST-20`, a comment line of its own. Ids may be left out; what is cited then
//! is only a place to read.
//!
//! A citation belongs to the item that it stands above, doc comments and attributes between them, or else to
//! the function that it stands in. It is a test's if that function is one: it has `#[test]`, or it is a packet
//! script that `script_tests!` lists.

use crate::requirement::is_section;
use crate::{Fault, Place};

/// Where packet scripts are.
const SCRIPTS: &str = "stack/tcp/src/script/scripts/";

/// What cites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Code,
    Test,
}

/// One citation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Citation {
    pub(crate) rfc: u32,
    pub(crate) section: String,
    pub(crate) ids: Vec<String>,
    pub(crate) kind: Kind,
    /// Name of the function, or of another item.
    pub(crate) item: String,
    pub(crate) at: Place,
}

/// The packet scripts that are run: module, and name of file and function.
#[derive(Debug, Default)]
pub(crate) struct Scripts(pub(crate) Vec<(&'static str, &'static str)>);

impl Scripts {
    fn contains(&self, file: &str, function: &str) -> bool {
        let place = file.strip_prefix(SCRIPTS).and_then(|name| name.strip_suffix(".rs"));
        let script = place.and_then(|place| place.split_once('/'));
        script.filter(|(_, name)| *name == function).is_some_and(|script| self.0.contains(&script))
    }
}

/// Finds the citations of `file`.
pub(crate) fn find(
    file: &str,
    text: &str,
    scripts: &Scripts,
    faults: &mut Vec<Fault>,
) -> Vec<Citation> {
    let lines: Vec<&str> = text.lines().collect();
    let mut tests_from = lines.iter().position(|line| line.starts_with("#[cfg(test)]"));
    // A module of tests in another file.
    tests_from = tests_from.filter(|at| !lines.get(at + 2).is_some_and(|l| l.ends_with(';')));
    tests_from = tests_from.filter(|at| !lines.get(at + 1).is_some_and(|l| l.ends_with(';')));
    let mut citations = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        let Some(cited) = line.trim_start().strip_prefix("//= ") else { continue };
        let at = Place { file: file.to_owned(), line: n + 1 };
        let Some((rfc, section, ids)) = parse(cited) else {
            faults.push(Fault { at, what: format!("not `rfcNNNN#SECTION ID …`: {cited}") });
            continue;
        };
        let Some(owner) = owner(&lines, n) else {
            faults.push(Fault { at, what: "stands at no item".to_owned() });
            continue;
        };
        let script = file.starts_with(SCRIPTS);
        let of_tests = script || is_test_file(file) || tests_from.is_some_and(|from| n > from);
        let is_test = owner.is_test || script && scripts.contains(file, &owner.name);
        if of_tests && !is_test {
            let what = match script {
                true => format!("`{}` is no script that `script_tests!` lists", owner.name),
                false => format!("`{}` is no test", owner.name),
            };
            faults.push(Fault { at, what });
            continue;
        }
        let kind = if is_test { Kind::Test } else { Kind::Code };
        citations.push(Citation { rfc, section, ids, kind, item: owner.name, at });
    }
    citations
}

/// `rfc9293#3.8.3 MUST-20 MUST-21`.
fn parse(cited: &str) -> Option<(u32, String, Vec<String>)> {
    let mut words = cited.split_whitespace();
    let (rfc, section) = words.next()?.strip_prefix("rfc")?.split_once('#')?;
    let rfc = rfc.parse().ok()?;
    is_section(section).then(|| (rfc, section.to_owned(), words.map(str::to_owned).collect()))
}

fn is_test_file(file: &str) -> bool {
    file.contains("/tests/") || file.starts_with("tests/") || file.ends_with("tests.rs")
}

struct Owner {
    name: String,
    is_test: bool,
}

fn owner(lines: &[&str], at: usize) -> Option<Owner> {
    let below = below(lines, at);
    if let Some(name) = below.and_then(|line| name_after(lines[line], "fn")) {
        let is_test = below.is_some_and(|line| has_test_attribute(lines, line));
        return Some(Owner { name, is_test });
    }
    let here = below.and_then(|line| {
        ["const", "static", "struct", "enum", "trait", "type", "mod"]
            .into_iter()
            .find_map(|word| name_after(lines[line], word))
    });
    if let Some(name) = here {
        return Some(Owner { name, is_test: false });
    }
    enclosing(lines, at)
}

/// The line that comments and attributes from `at` on stand above.
fn below(lines: &[&str], at: usize) -> Option<usize> {
    let mut in_attribute = false;
    lines.iter().enumerate().skip(at).find_map(|(n, line)| {
        let line = line.trim();
        let skip = in_attribute || line.starts_with("//") || line.starts_with("#[");
        in_attribute = (in_attribute || line.starts_with("#[")) && !line.ends_with(']');
        (!skip).then_some(n)
    })
}

/// The name that follows `word` in a declaration: `pub(crate) const fn name(`.
fn name_after(line: &str, word: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let declared = words.find(|w| {
        let qualifier = w.starts_with("pub") || ["const", "unsafe", "async"].contains(w);
        !qualifier || *w == word
    })?;
    let name = words.next().filter(|_| declared == word)?;
    // `const fn` declares no constant.
    let name = name.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    (!name.is_empty() && name != "fn").then(|| name.to_owned())
}

/// Whether the function declared at `line` is a test: looks at what stands above it.
fn has_test_attribute(lines: &[&str], line: usize) -> bool {
    let above = lines[..line].iter().rev().map(|line| line.trim());
    above
        .take_while(|line| line.starts_with("//") || line.starts_with('#') || line.ends_with(")]"))
        .any(|line| line == "#[test]")
}

/// The function, or else the type, that line `at` is in: looks back for ever less indented lines.
fn enclosing(lines: &[&str], at: usize) -> Option<Owner> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut inside = indent(lines[at]);
    for line in (0..at).rev() {
        let text = lines[line].trim();
        if text.is_empty() || text.starts_with("//") || indent(lines[line]) >= inside {
            continue;
        }
        // The end of a list of arguments is as far to the left as what it belongs to.
        inside = indent(lines[line]) + usize::from(text.starts_with(')'));
        if let Some(name) = name_after(text, "fn") {
            return Some(Owner { name, is_test: has_test_attribute(lines, line) });
        }
        let kinds = ["struct", "enum", "trait", "mod", "static", "const"];
        if let Some(name) = kinds.into_iter().find_map(|word| name_after(text, word)) {
            return Some(Owner { name, is_test: false });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: [(&str, &str); 4] = [
        ("close", "we_close_first"),
        ("reset", "exact_reset"),
        ("reset", "half_open"),
        ("reset", "last"),
    ];

    fn found(file: &str, text: &str) -> (Vec<Citation>, Vec<String>) {
        let mut faults = Vec::new();
        let citations = find(file, text, &Scripts(LISTED.to_vec()), &mut faults);
        (citations, faults.iter().map(Fault::to_string).collect())
    }

    fn owners(file: &str, text: &str) -> Vec<(String, Kind)> {
        let (citations, faults) = found(file, text);
        assert_eq!(faults, [""; 0]);
        citations.into_iter().map(|c| (c.item, c.kind)).collect()
    }

    #[test]
    fn ids_follow_the_section() {
        let (citations, _) = found("a.rs", "    //= rfc9293#3.8.3 MUST-20 SHLD-9\nfn f() {}\n");
        let [citation] = &citations[..] else { panic!("{citations:?}") };
        assert_eq!((citation.rfc, citation.section.as_str()), (9293, "3.8.3"));
        assert_eq!(citation.ids, ["MUST-20", "SHLD-9"]);
        assert_eq!(citation.at.to_string(), "a.rs:1");
        for wrong in ["rfc9293", "9293#3.1 MUST-1", "rfc9293#x MUST-1", "rfc#3.1"] {
            let (_, faults) = found("a.rs", &format!("//= {wrong}\nfn f() {{}}\n"));
            assert_eq!(faults, [format!("a.rs:1: not `rfcNNNN#SECTION ID …`: {wrong}")]);
        }
    }

    #[test]
    fn a_citation_belongs_to_what_it_stands_above_or_in() {
        let text = "
//= rfc1#1
/// Doc.
#[must_use]
pub(crate) const fn above(a: u8) -> bool {
    true
}
/// Settings.
pub struct Config {
    //= rfc1#2
    pub field: u8,
}
//= rfc1#3
const LIMIT: u8 = 1;
impl A {
    fn long(
        a: u8,
    ) -> bool {
        if a {
            //= rfc1#4
            return true;
        } else {
        }
        //= rfc1#5
        // Words.
        match a {
        }
    }
}
";
        let names: Vec<String> = owners("a.rs", text).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["above", "Config", "LIMIT", "long", "long"]);
    }

    #[test]
    fn what_cites_is_a_test_if_it_runs_as_one() {
        let text = "
fn f() {
    //= rfc1#1
    g();
}
#[cfg(test)]
mod tests {
    //= rfc1#2
    #[test]
    fn before_the_attribute() {}

    #[test]
    //= rfc1#3
    fn behind_it() {
        //= rfc1#4
        g();
    }
}
";
        let [code, tests @ ..] = &owners("a.rs", text)[..] else { panic!("none") };
        assert_eq!(*code, ("f".to_owned(), Kind::Code));
        let names: Vec<&str> = tests.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["before_the_attribute", "behind_it", "behind_it"]);
        assert!(tests.iter().all(|(_, kind)| *kind == Kind::Test));
    }

    #[test]
    fn a_test_that_does_not_exist_is_named_with_its_line() {
        let (_, faults) = found("a/tests/b.rs", "\n//= rfc1#1 MUST-1\nfn helper() {}\n");
        assert_eq!(faults, ["a/tests/b.rs:2: `helper` is no test"]);
        let script = format!("{SCRIPTS}reset/we_close_first.rs");
        for name in ["we_close_first", "exact_reset"] {
            let text = format!("//= rfc1#1 MUST-1\npub fn {name}() {{}}\n");
            let (_, faults) = found(&script, &text);
            let fault = format!("{script}:1: `{name}` is no script that `script_tests!` lists");
            assert_eq!(faults, [fault]);
        }
        for listed in ["exact_reset", "half_open", "last"] {
            let script = format!("{SCRIPTS}reset/{listed}.rs");
            let text = format!("//= rfc1#1\npub fn {listed}(b: B) {{}}\n");
            assert_eq!(owners(&script, &text), [(listed.to_owned(), Kind::Test)]);
        }
        let (_, faults) =
            found("a.rs", "#[cfg(test)]\nmod tests {\n    //= rfc1#1\n    fn x() {}\n}\n");
        assert_eq!(faults, ["a.rs:3: `x` is no test"]);
        let (_, faults) = found("a.rs", "//= rfc1#1\nuse x;\n");
        assert_eq!(faults, ["a.rs:1: stands at no item"]);
    }

    #[test]
    fn tests_in_another_file_do_not_make_what_follows_a_test() {
        let text = "#[cfg(test)]\n#[path = \"b.rs\"]\nmod tests;\n//= rfc1#1\nfn code() {}\n";
        assert_eq!(owners("a.rs", text), [("code".to_owned(), Kind::Code)]);
    }
}
