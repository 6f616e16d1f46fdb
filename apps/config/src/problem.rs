//! What is wrong with a file, and where.

use std::fmt;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// Line and column, both from 1; `None`: it is the file as a whole.
    pub at: Option<(usize, usize)>,
    /// What is wrong, in a sentence.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

/// All that is wrong with a file, from its begin to its end; a line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// `value`, if nothing is wrong.
    pub fn unless_any<T>(mut self, value: T) -> Result<T, Self> {
        if self.0.is_empty() {
            return Ok(value);
        }
        self.0.sort_by_key(|problem| problem.at);
        Err(self)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(Problem::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}

/// `name` is none of `names`.
#[must_use]
pub fn none_of(name: &str, names: &[&str]) -> String {
    format!("'{name}' is none of: {}{}", names.join(", "), meant(name, names))
}

/// The question whether a name of these was meant, in brackets; nothing, if none is near.
pub(crate) fn meant(name: &str, names: &[&str]) -> String {
    let near = nearest(name, names.iter().copied());
    near.map_or_else(String::new, |near| format!(" (is '{near}' meant?)"))
}

/// The name that was meant by `name`, if one is near enough: less than half of it is otherwise.
fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let far = |other: &str| strsim::damerau_levenshtein(name, other);
    let best = names.into_iter().min_by_key(|other| far(other))?;
    (2 * far(best) < name.chars().count().max(best.chars().count())).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_near() {
        let names = ["connections", "buffer", "seed"];
        assert_eq!(nearest("connectoins", names), Some("connections"));
        assert_eq!(nearest("bufer", names), Some("buffer"));
        assert_eq!(nearest("xyz", names), None);
        assert_eq!(nearest("seed", []), None);
    }
}
