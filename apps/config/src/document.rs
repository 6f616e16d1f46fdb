//! A TOML file whose keys and values know where they stand.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::{Problem, Problems, nearest};

/// The largest file that is read, in bytes: none that somebody wrote is as long.
const FILE_MAX: u64 = 1 << 20;

/// The text of a file, and what was found to be wrong with it.
#[derive(Debug)]
pub struct Document {
    name: String,
    text: String,
    problems: RefCell<Problems>,
}

/// A value that stands alone or in a list.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `"text"`.
    Text(String),
    /// A number, as it is written.
    Number(String),
    /// `true` or `false`.
    Bool(bool),
    /// `[a, b]`.
    List(Vec<Self>),
}

impl Value {
    /// What a command line would have in its place: text as it is, a list with commas.
    #[must_use]
    pub fn plain(&self) -> String {
        match self {
            Self::Text(text) | Self::Number(text) => text.clone(),
            Self::Bool(is) => is.to_string(),
            Self::List(list) => list.iter().map(Self::plain).collect::<Vec<_>>().join(","),
        }
    }

    /// It, or what it is a list of.
    #[must_use]
    pub fn each(&self) -> Vec<Self> {
        match self {
            Self::List(list) => list.clone(),
            one => vec![one.clone()],
        }
    }
}

/// As TOML has it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{}", toml_text(text)),
            Self::Number(number) => f.write_str(number),
            Self::Bool(is) => write!(f, "{is}"),
            Self::List(list) => {
                let list: Vec<String> = list.iter().map(Self::to_string).collect();
                write!(f, "[{}]", list.join(", "))
            }
        }
    }
}

/// A basic string: quotes, backslashes and control characters escaped.
fn toml_text(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A table: key by key.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    document: &'a Document,
    table: &'a DeTable<'a>,
}

/// A key and what it is set to.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    document: &'a Document,
    /// Its name.
    pub key: &'a str,
    key_at: usize,
    value: &'a Spanned<DeValue<'a>>,
}

impl Document {
    /// A text that is to be called `name`.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into(), problems: RefCell::default() }
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        let name = path.display().to_string();
        let problem = |what: String| Problems(vec![Problem { file: name.clone(), at: None, what }]);
        let len = std::fs::metadata(path).map_err(|e| problem(e.to_string()))?.len();
        if len > FILE_MAX {
            return Err(problem(format!("{len} bytes are more than a file of settings has")));
        }
        let text = std::fs::read_to_string(path).map_err(|e| problem(e.to_string()))?;
        Ok(Self::new(name, text))
    }

    /// Takes the text apart and lets `read` see it; what that made of it, if nothing is wrong.
    pub fn parse<T>(&self, read: impl FnOnce(Table<'_>) -> T) -> Result<T, Problems> {
        let parsed = DeTable::parse(&self.text);
        let root = match &parsed {
            Ok(root) => root.get_ref(),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                self.complain(at, error.message().trim().replace('\n', ", "));
                return Err(self.problems.take());
            }
        };
        let made = read(Table { document: self, table: root });
        self.problems.take().unless_any(made)
    }

    fn complain(&self, at: usize, what: impl Into<String>) {
        let at = Some(self.place(at));
        let problem = Problem { file: self.name.clone(), at, what: what.into() };
        self.problems.borrow_mut().0.push(problem);
    }

    /// Line and column, from 1, of a byte of the text; columns are characters.
    fn place(&self, at: usize) -> (usize, usize) {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &self.text[..at];
        let line = before.rfind('\n').map_or(0, |end| end + 1);
        (before.matches('\n').count() + 1, before[line..].chars().count() + 1)
    }
}

impl<'a> Table<'a> {
    /// Its keys in their order.
    pub fn items(self) -> Vec<Item<'a>> {
        let mut items: Vec<Item<'a>> = self
            .table
            .iter()
            .map(|(key, value)| Item {
                document: self.document,
                key: key.get_ref(),
                key_at: start(key.span()),
                value,
            })
            .collect();
        items.sort_by_key(|item| item.key_at);
        items
    }

    /// The value of a key.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Item<'a>> {
        self.items().into_iter().find(|item| item.key == key)
    }
}

fn start(span: Range<usize>) -> usize {
    span.start
}

impl<'a> Item<'a> {
    /// Something is wrong with the key.
    pub fn wrong_key(&self, what: impl Into<String>) {
        self.document.complain(self.key_at, what);
    }

    /// Something is wrong with the value.
    pub fn wrong(&self, what: impl Into<String>) {
        self.document.complain(start(self.value.span()), what);
    }

    /// There is no such key in `place`; there are `names`.
    pub fn unknown(&self, place: &str, names: &[&str]) {
        let near = nearest(self.key, names.iter().copied());
        let near = near.map_or_else(String::new, |near| format!(" (is '{near}' meant?)"));
        let names = names.join(", ");
        self.wrong_key(format!("'{}' is no key of {place}{near}; there are: {names}", self.key));
    }

    /// The table that it is, or a complaint.
    pub fn table(&self) -> Option<Table<'a>> {
        match self.value.get_ref() {
            DeValue::Table(table) => Some(Table { document: self.document, table }),
            other => {
                self.wrong(format!("'{}' is a table, not {}", self.key, kind(other)));
                None
            }
        }
    }

    /// The tables that it has, `[[key]]` each, or a complaint.
    pub fn tables(&self) -> Vec<Table<'a>> {
        let DeValue::Array(array) = self.value.get_ref() else {
            let kind = kind(self.value.get_ref());
            self.wrong(format!("'{0}' is a list of tables, [[{0}]] each, not {kind}", self.key));
            return Vec::new();
        };
        let table = |value: &'a Spanned<DeValue<'a>>| match value.get_ref() {
            DeValue::Table(table) => Some(Table { document: self.document, table }),
            other => {
                let what = format!("'{}' has tables in it, not {}", self.key, kind(other));
                self.document.complain(start(value.span()), what);
                None
            }
        };
        array.iter().filter_map(table).collect()
    }

    /// The value that it is, or a complaint: a table is none.
    #[must_use]
    pub fn value(&self) -> Option<Value> {
        let value = value_of(self.value.get_ref());
        if value.is_none() {
            let kind = kind(self.value.get_ref());
            self.wrong(format!("'{}' is text, a number or a list of them, not {kind}", self.key));
        }
        value
    }

    /// Of its value, or what it is a list of, what `read` makes of each; where that is an error it is a complaint at its place.
    pub fn each<T>(&self, read: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let all: Vec<&Spanned<DeValue<'a>>> = match self.value.get_ref() {
            DeValue::Array(array) => array.iter().collect(),
            _ => vec![self.value],
        };
        let mut out = Vec::new();
        for one in all {
            match value_of(one.get_ref()).map_or_else(
                || Err(format!("'{}' cannot be {}", self.key, kind(one.get_ref()))),
                |value| read(&value.plain()),
            ) {
                Ok(value) => out.push(value),
                Err(what) => self.document.complain(start(one.span()), what),
            }
        }
        out
    }
}

fn value_of(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        // Underscores are for the eye, and other bases are written out.
        DeValue::Integer(number) => {
            let number = i128::from_str_radix(number.as_str(), number.radix());
            Value::Number(number.ok()?.to_string())
        }
        DeValue::Float(number) => Value::Number(number.as_str().to_owned()),
        DeValue::Boolean(is) => Value::Bool(*is),
        DeValue::Array(array) => {
            let list = array.iter().map(|value| value_of(value.get_ref()));
            Value::List(list.collect::<Option<_>>()?)
        }
        DeValue::Datetime(_) | DeValue::Table(_) => return None,
    })
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_lines_and_characters() {
        let document = Document::new("f", "'ä' = 1\n'bö' = 2\n");
        let found =
            document.parse(|root| root.items().iter().for_each(|item| item.wrong(item.key)));
        assert_eq!(found.unwrap_err().to_string(), "f:1:7: ä\nf:2:8: bö");
    }

    #[test]
    fn values_are_written_as_toml_reads_them() {
        let text = "a = \"x\\\"\\\\\\u0007\"\nb = [1, 0x1f, 1_000, 2.5]\nc = true\n";
        let read = |text: &str| {
            let document = Document::new("f", text);
            let values =
                document.parse(|root| root.items().iter().filter_map(Item::value).collect());
            values.unwrap()
        };
        let values: Vec<Value> = read(text);
        assert_eq!(values[0].plain(), "x\"\\\u{7}");
        assert_eq!(values[1].plain(), "1,31,1000,2.5");
        let again: String =
            values.iter().zip('a'..).map(|(v, key)| format!("{key} = {v}\n")).collect();
        assert_eq!(read(&again), values);
    }
}
