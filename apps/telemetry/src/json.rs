//! JSON, as far as it is written.

use std::fmt::{self, Write};

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number: all that are counted are whole.
    Number(u64),
    /// Text.
    Text(String),
    /// Values in their order.
    List(Vec<Self>),
    /// Values by their names, in their order.
    Object(Vec<(String, Self)>),
}

impl Json {
    /// An object of numbers.
    #[must_use]
    pub fn numbers<'a>(all: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        let named = |(name, value): (&str, u64)| (name.to_owned(), Self::Number(value));
        Self::Object(all.into_iter().map(named).collect())
    }

    /// An object with one value.
    #[must_use]
    pub fn one(name: &str, value: Self) -> Self {
        Self::Object(vec![(name.to_owned(), value)])
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(is) => write!(f, "{is}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => quote(f, text),
            Self::List(list) => {
                f.write_char('[')?;
                for (n, value) in list.iter().enumerate() {
                    separate(f, n)?;
                    write!(f, "{value}")?;
                }
                f.write_char(']')
            }
            Self::Object(members) => {
                f.write_char('{')?;
                for (n, (name, value)) in members.iter().enumerate() {
                    separate(f, n)?;
                    quote(f, name)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

fn separate(f: &mut fmt::Formatter<'_>, n: usize) -> fmt::Result {
    if n > 0 { f.write_char(',') } else { Ok(()) }
}

/// RFC 8259, 7: quotes, backslashes and control characters are escaped.
fn quote(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            c if u32::from(c) < 0x20 => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written() {
        let value = Json::Object(vec![
            (
                "a\"".to_owned(),
                Json::List(vec![Json::Null, Json::Bool(true), Json::Number(u64::MAX)]),
            ),
            ("b".to_owned(), Json::from("\\\n\u{1}ä")),
            ("c".to_owned(), Json::List(vec![])),
        ]);
        let text = r#"{"a\"":[null,true,18446744073709551615],"b":"\\\u000a\u0001ä","c":[]}"#;
        assert_eq!(value.to_string(), text);
    }
}
