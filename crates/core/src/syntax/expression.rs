//! The expression: what a text in the syntax of queries says.

use std::fmt::{self, Display, Formatter, Write};

use crate::error::QueryError;
use crate::model::RecordField;
use crate::syntax::field::FieldTerm;
use crate::syntax::parse::Parser;

/// What a text in the syntax of queries says. Printing it gives a text that says the same.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A word: `units`.
    Word(String),
    /// A word that begins like that: `uni*`.
    Prefix(String),
    /// A word that so many edits lead to, 1 or 2: `unist~1`.
    Fuzzy(String, u8),
    /// Words in this order: `"metric units"`.
    Phrase(String),
    /// A field that compares as asked: `tag:work`, `importance:>0.5`.
    Field(FieldTerm),
    /// What must be: `+units`.
    Must(Box<Expression>),
    /// What must not be: `-units`, `NOT units`.
    Not(Box<Expression>),
    /// All must be: `metric AND units`.
    All(Vec<Expression>),
    /// At least one must be: `metric OR imperial`.
    Any(Vec<Expression>),
    /// One after the other, as they stand: `metric units tag:work`.
    Sequence(Vec<Expression>),
}

impl Expression {
    /// Levels of nesting in one text.
    pub const MAX_DEPTH: usize = 32;
    /// Words, phrases and fields in one text.
    pub const MAX_TERMS: usize = 256;
    /// Characters of a word that ends in a star or a tilde.
    pub const MAX_WORD: usize = crate::index::text::MAX_TERM_CHARS;

    /// Reads a text.
    ///
    /// # Errors
    /// [`QueryError::Syntax`] with the position and what was expected there.
    pub fn parse(text: &str) -> Result<Expression, QueryError> {
        Parser::new(text).whole()
    }

    /// Whether it can stand in a sequence without being asked for: words only rank, everything else is a condition.
    pub(crate) fn is_optional(&self) -> bool {
        matches!(self, Expression::Word(_) | Expression::Prefix(_) | Expression::Fuzzy(..))
    }

    /// Calls `see` with each word and phrase that is looked for: none that must not be.
    pub(crate) fn each_term<'e>(&'e self, see: &mut impl FnMut(&'e Expression)) {
        match self {
            Expression::Field(_) | Expression::Not(_) => {}
            Expression::Must(inner) => inner.each_term(see),
            Expression::All(parts) | Expression::Any(parts) | Expression::Sequence(parts) => {
                parts.iter().for_each(|part| part.each_term(see));
            }
            term => see(term),
        }
    }

    /// Whether a field of it looks at a field of the record.
    pub(crate) fn looks_at(&self, wanted: RecordField) -> bool {
        match self {
            Expression::Field(field) => field.filter().looks_at(wanted),
            Expression::Must(inner) | Expression::Not(inner) => inner.looks_at(wanted),
            Expression::All(parts) | Expression::Any(parts) | Expression::Sequence(parts) => {
                parts.iter().any(|part| part.looks_at(wanted))
            }
            _ => false,
        }
    }

    /// The words that are looked for, in order, without anything that is syntax.
    pub fn words(&self) -> String {
        let mut words: Vec<&str> = Vec::new();
        self.each_term(&mut |term| match term {
            Expression::Word(text)
            | Expression::Prefix(text)
            | Expression::Fuzzy(text, _)
            | Expression::Phrase(text) => words.push(text),
            _ => {}
        });
        words.join(" ")
    }

    fn is_compound(&self) -> bool {
        matches!(self, Expression::All(_) | Expression::Any(_) | Expression::Sequence(_))
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let operand = |f: &mut Formatter<'_>, inner: &Expression, enclosed: bool| {
            if enclosed { write!(f, "({inner})") } else { write!(f, "{inner}") }
        };
        let joined = |f: &mut Formatter<'_>,
                      parts: &[Expression],
                      between: &str,
                      enclosed: fn(&Expression) -> bool| {
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    f.write_str(between)?;
                }
                operand(f, part, enclosed(part))?;
            }
            Ok(())
        };
        match self {
            Expression::Word(text) => f.write_str(&escaped(text)),
            Expression::Prefix(text) => write!(f, "{}*", escaped(text)),
            Expression::Fuzzy(text, edits) => write!(f, "{}~{edits}", escaped(text)),
            Expression::Phrase(text) => quoted(f, text),
            Expression::Field(field) => write!(f, "{field}"),
            Expression::Must(inner) => {
                f.write_char('+')?;
                operand(f, inner, inner.is_compound())
            }
            Expression::Not(inner) => {
                f.write_char('-')?;
                operand(f, inner, inner.is_compound())
            }
            Expression::All(parts) => joined(f, parts, " AND ", Expression::is_compound),
            Expression::Any(parts) => {
                joined(f, parts, " OR ", |part| matches!(part, Expression::Any(_) | Expression::Sequence(_)))
            }
            Expression::Sequence(parts) => {
                joined(f, parts, " ", |part| matches!(part, Expression::Sequence(_)))
            }
        }
    }
}

/// A word such that it is read as one.
fn escaped(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    if word.starts_with(['+', '-']) || ["AND", "OR", "NOT"].contains(&word) {
        out.push('\\');
    }
    for character in word.chars() {
        if character.is_whitespace() || matches!(character, '\\' | '"' | '(' | ')' | ':' | '*' | '~') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// Writes a text in quotes.
pub(super) fn quoted(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        if matches!(character, '\\' | '"') {
            f.write_char('\\')?;
        }
        f.write_char(character)?;
    }
    f.write_char('"')
}
