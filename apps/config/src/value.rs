//! What keys are set to, and what they can be set to.

use std::fmt;

use toml::de::DeValue;

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

    /// What it is in TOML, if that is of a scalar type that is read here.
    pub(crate) fn of(value: &DeValue<'_>) -> Option<Self> {
        Some(match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            // Underscores are for the eye, and other bases are written out.
            DeValue::Integer(number) => {
                let number = i128::from_str_radix(number.as_str(), number.radix());
                Self::Number(number.ok()?.to_string())
            }
            DeValue::Float(number) => Self::Number(number.as_str().to_owned()),
            DeValue::Boolean(is) => Self::Bool(*is),
            DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => return None,
        })
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

/// What a key can be set to.
#[derive(Clone, Copy, Debug)]
pub struct Type {
    is: &'static str,
    scalars: &'static [Scalar],
    without: &'static [char],
    list: bool,
}

/// What values are in TOML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Whole,
    /// A number with a fraction or an exponent.
    Fraction,
    /// Text.
    Text,
}

impl Type {
    /// `true` or `false`.
    pub const FLAG: Self = Self::new("true or false", &[Scalar::Bool]);
    /// A whole number.
    pub const WHOLE: Self = Self::new("a whole number without a sign", &[Scalar::Whole]);
    /// A number.
    pub const NUMBER: Self =
        Self::new("a number without a sign", &[Scalar::Whole, Scalar::Fraction]);
    /// Text.
    pub const TEXT: Self = Self::new("text in quotes", &[Scalar::Text]);

    /// One of these; numbers have no sign, and text is not empty. It `is` in words what it has to be, with an example if
    /// that is not clear by itself.
    #[must_use]
    pub const fn new(is: &'static str, scalars: &'static [Scalar]) -> Self {
        Self { is, scalars, without: &[], list: false }
    }

    /// Text has none of these in it.
    #[must_use]
    pub const fn without(self, characters: &'static [char]) -> Self {
        Self { without: characters, ..self }
    }

    /// A list of them will do as well.
    #[must_use]
    pub const fn or_list(self) -> Self {
        Self { list: true, ..self }
    }

    /// In words.
    pub(crate) const fn is(self) -> &'static str {
        self.is
    }

    pub(crate) const fn has_lists(self) -> bool {
        self.list
    }

    /// The value that is `written` so, if it can be that.
    pub(crate) fn read(self, value: &DeValue<'_>, written: &str) -> Option<Value> {
        let has_sign = !written.starts_with(|first: char| first.is_ascii_digit());
        let (scalar, is_good) = match value {
            DeValue::Boolean(_) => (Scalar::Bool, true),
            DeValue::Integer(_) => (Scalar::Whole, !has_sign),
            // "inf" and "nan" begin with no digit either.
            DeValue::Float(_) => (Scalar::Fraction, !has_sign),
            DeValue::String(text) => {
                (Scalar::Text, !text.is_empty() && !text.contains(self.without))
            }
            DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => return None,
        };
        (is_good && self.scalars.contains(&scalar)).then(|| Value::of(value))?
    }
}

/// What was found, for a sentence.
pub(crate) fn found(value: &DeValue<'_>, written: &str) -> String {
    match value {
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
        DeValue::String(_) if written.contains('\n') || written.chars().count() > LONG => {
            "such text".to_owned()
        }
        _ => written.to_owned(),
    }
}

/// Characters of a text that is not repeated in a sentence.
const LONG: usize = 60;
