//! A TOML file whose keys and values know where they stand.

use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::file;
use crate::problem::{Problem, Problems, meant};
use crate::value::{Type, Value, found};

/// The text of a file, and what was found to be wrong with it, or likely not meant.
#[derive(Debug)]
pub struct Document {
    name: String,
    text: String,
    problems: RefCell<Problems>,
    warnings: RefCell<Problems>,
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
        let (name, text) = (name.into(), text.into());
        Self { name, text, problems: RefCell::default(), warnings: RefCell::default() }
    }

    /// Reads a file: a regular one, of at most 1 MiB.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        let name = path.display().to_string();
        file::read(path).map(|text| Self::new(&name, text)).map_err(|unread| {
            let at = unread.before.map(|before| place(&before, before.len()));
            Problems(vec![Problem { file: name.clone(), at, what: unread.why }])
        })
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

    /// What is not wrong and yet likely not meant; none of it is left here.
    pub fn warnings(&self) -> Problems {
        self.warnings.take()
    }

    fn complain(&self, at: usize, what: impl Into<String>) {
        let problem = self.problem(at, what.into());
        self.problems.borrow_mut().0.push(problem);
    }

    fn problem(&self, at: usize, what: String) -> Problem {
        Problem { file: self.name.clone(), at: Some(place(&self.text, at)), what }
    }
}

/// Line and column, from 1, of a byte of a text; columns are characters.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(at)];
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line..].chars().count() + 1)
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

    /// The value is good, and yet likely not meant.
    pub fn warn(&self, what: &str) {
        let problem = self.document.problem(start(self.value.span()), format!("warning: {what}"));
        self.document.warnings.borrow_mut().0.push(problem);
    }

    /// There is no such key in `place`; there are `names`.
    pub fn unknown(&self, place: &str, names: &[&str]) {
        let near = meant(self.key, names);
        let names = names.join(", ");
        self.wrong_key(format!("'{}' is no key of {place}{near}; there are: {names}", self.key));
    }

    /// The table that it is, or a complaint.
    pub fn table(&self) -> Option<Table<'a>> {
        self.as_table(self.value, &format!("a table, [{}]", self.key))
    }

    /// The tables that it has, `header` each, or complaints.
    pub fn tables(&self, header: &str) -> Option<Vec<Table<'a>>> {
        let is = format!("a list of tables, {header} each");
        let DeValue::Array(array) = self.value.get_ref() else {
            self.is_not(self.value, &is);
            return None;
        };
        // To its end, so that all complaints are made.
        let tables: Vec<_> = array.iter().map(|one| self.as_table(one, &is)).collect();
        tables.into_iter().collect()
    }

    fn as_table(&self, value: &'a Spanned<DeValue<'a>>, is: &str) -> Option<Table<'a>> {
        if let DeValue::Table(table) = value.get_ref() {
            return Some(Table { document: self.document, table });
        }
        self.is_not(value, is);
        None
    }

    /// The value that it is, or a complaint.
    #[must_use]
    pub fn value(&self, of: Type) -> Option<Value> {
        let is_list = matches!(self.value.get_ref(), DeValue::Array(_));
        if is_list && of.has_lists() {
            return self.scalars(of, |_, value| Some(value)).map(Value::List);
        }
        self.scalar(self.value, of)
    }

    /// Of its value, or of each that it is a list of, what `read` makes; where that is an error it is a complaint at its place.
    /// `None`: there were complaints.
    pub fn each<T>(&self, of: Type, read: impl Fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
        self.scalars(of, |at, value| {
            read(&value.plain()).map_err(|what| self.document.complain(at, what)).ok()
        })
    }

    fn scalars<T>(&self, of: Type, take: impl Fn(usize, Value) -> Option<T>) -> Option<Vec<T>> {
        let all = match self.value.get_ref() {
            DeValue::Array(array) => array.iter().collect(),
            _ => vec![self.value],
        };
        if all.is_empty() {
            self.wrong(format!(
                "'{}' is {}, or a list of them, not an empty one",
                self.key,
                of.is()
            ));
            return None;
        }
        // To its end, so that all complaints are made.
        let taken: Vec<Option<T>> =
            all.into_iter().map(|one| take(start(one.span()), self.scalar(one, of)?)).collect();
        taken.into_iter().collect()
    }

    /// A value that is no list, or a complaint.
    fn scalar(&self, value: &Spanned<DeValue<'a>>, of: Type) -> Option<Value> {
        let read = of.read(value.get_ref(), self.written(value));
        if read.is_none() {
            self.is_not(value, of.is());
        }
        read
    }

    /// This value is not what it `is` to be.
    fn is_not(&self, value: &Spanned<DeValue<'a>>, is: &str) {
        let found = found(value.get_ref(), self.written(value));
        let what = format!("'{}' is {is}, not {found}", self.key);
        self.document.complain(start(value.span()), what);
    }

    /// As the text has it.
    fn written(&self, value: &Spanned<DeValue<'a>>) -> &'a str {
        self.document.text.get(value.span()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Scalar;

    #[test]
    fn places_are_lines_and_characters() {
        let document = Document::new("f", "'ä' = 1\n'bö' = 2\n");
        let found =
            document.parse(|root| root.items().iter().for_each(|item| item.wrong(item.key)));
        assert_eq!(found.unwrap_err().to_string(), "f:1:7: ä\nf:2:8: bö");
    }

    #[test]
    fn values_are_written_as_toml_reads_them() {
        let any =
            Type::new("anything", &[Scalar::Bool, Scalar::Whole, Scalar::Fraction, Scalar::Text]);
        let text = "a = \"x\\\"\\\\\\u0007\"\nb = [1, 0x1f, 1_000, 2.5]\nc = true\n";
        let read = |text: &str| {
            let read = |item: &Item<'_>| item.value(any.or_list());
            let values = Document::new("f", text)
                .parse(|root| root.items().iter().filter_map(read).collect());
            values.unwrap()
        };
        let values: Vec<Value> = read(text);
        assert_eq!(values[0].plain(), "x\"\\\u{7}");
        assert_eq!(values[1].plain(), "1,31,1000,2.5");
        let again: String =
            values.iter().zip('a'..).map(|(v, key)| format!("{key} = {v}\n")).collect();
        assert_eq!(read(&again), values);
    }

    /// What is of another type is said, and what it is to be.
    #[test]
    fn values_are_of_the_type_of_their_key() {
        let wrong = |of: Type, value: &str| {
            let text = format!("k = {value}");
            let read = Document::new("f", text).parse(|root| root.items()[0].value(of));
            read.err().map(|problems| problems.to_string())
        };
        let word = Type::new("a word", &[Scalar::Text]).without(&[',', '+']);
        let texts = Type::TEXT.or_list();
        for (of, good) in [
            (Type::FLAG, "true"),
            (Type::WHOLE, "0x1f"),
            (Type::WHOLE, "0"),
            (Type::NUMBER, "3"),
            (Type::NUMBER, "0.5"),
            (Type::TEXT, "'3'"),
            (texts, "'a'"),
            (texts, "['a', 'b,c']"),
            (word, "'a-b'"),
        ] {
            assert_eq!(wrong(of, good), None, "{good}");
        }
        for (of, value, said) in [
            (Type::FLAG, "'true'", "f:1:5: 'k' is true or false, not 'true'"),
            (Type::FLAG, "1", "f:1:5: 'k' is true or false, not 1"),
            (Type::WHOLE, "'3'", "f:1:5: 'k' is a whole number without a sign, not '3'"),
            (Type::WHOLE, "+8", "f:1:5: 'k' is a whole number without a sign, not +8"),
            (Type::WHOLE, "-8", "f:1:5: 'k' is a whole number without a sign, not -8"),
            (Type::WHOLE, "8.0", "f:1:5: 'k' is a whole number without a sign, not 8.0"),
            (Type::WHOLE, "[8]", "f:1:5: 'k' is a whole number without a sign, not a list"),
            (Type::NUMBER, "+0.5", "f:1:5: 'k' is a number without a sign, not +0.5"),
            (Type::NUMBER, "inf", "f:1:5: 'k' is a number without a sign, not inf"),
            (Type::NUMBER, "true", "f:1:5: 'k' is a number without a sign, not true"),
            (Type::TEXT, "7", "f:1:5: 'k' is text in quotes, not 7"),
            (Type::TEXT, "''", "f:1:5: 'k' is text in quotes, not ''"),
            (Type::TEXT, "{ a = 1 }", "f:1:5: 'k' is text in quotes, not a table"),
            (Type::TEXT, "07:32:00", "f:1:5: 'k' is text in quotes, not 07:32:00"),
            (word, "'+8'", "f:1:5: 'k' is a word, not '+8'"),
            (word, "'''a,\n'''", "f:1:5: 'k' is a word, not such text"),
            (texts, "[]", "f:1:5: 'k' is text in quotes, or a list of them, not an empty one"),
            (texts, "['a', 7]", "f:1:11: 'k' is text in quotes, not 7"),
            (texts, "[['a']]", "f:1:6: 'k' is text in quotes, not a list"),
        ] {
            assert_eq!(wrong(of, value).as_deref(), Some(said));
        }
    }
}
