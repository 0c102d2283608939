//! From text to expression, by recursive descent.
//!
//! ```text
//! sequence := any*
//! any      := all ("OR" all)*
//! all      := one ("AND" one)*
//! one      := ("+" | "-" | "NOT") one | "(" sequence ")" | phrase | field | word
//! ```

use crate::error::QueryError;
use crate::index::text::{fold, words};
use crate::syntax::expression::Expression;
use crate::syntax::field::{FieldTerm, Relation};

type Parsed = Result<Expression, QueryError>;

const TERM: &str = "a word, a phrase in quotes, a field or a parenthesis";

/// A text, and how far it has been read.
pub(super) struct Parser<'t> {
    text: &'t str,
    /// In bytes.
    at: usize,
    depth: usize,
    terms: usize,
}

impl<'t> Parser<'t> {
    /// At the beginning of `text`.
    pub(super) fn new(text: &'t str) -> Self {
        Parser { text, at: 0, depth: 0, terms: 0 }
    }

    /// Reads the text to its end.
    pub(super) fn whole(mut self) -> Parsed {
        let whole = self.sequence()?;
        if self.at < self.text.len() {
            return Err(self.wrong(self.at, "a parenthesis is closed that was not opened", TERM));
        }
        Ok(whole)
    }

    fn sequence(&mut self) -> Parsed {
        let mut parts = Vec::new();
        loop {
            self.skip_space();
            if self.rest().is_empty() || self.rest().starts_with(')') {
                break;
            }
            parts.push(self.any()?);
        }
        match parts.len() {
            0 => Err(self.wrong(self.at, "nothing is looked for", TERM)),
            1 => Ok(parts.remove(0)),
            _ => Ok(Expression::Sequence(parts)),
        }
    }

    fn any(&mut self) -> Parsed {
        self.joined("OR", Self::all, Expression::Any)
    }

    fn all(&mut self) -> Parsed {
        self.joined("AND", Self::one, Expression::All)
    }

    fn joined(
        &mut self,
        operator: &str,
        operand: fn(&mut Self) -> Parsed,
        join: fn(Vec<Expression>) -> Expression,
    ) -> Parsed {
        let mut parts = vec![operand(self)?];
        while self.takes_operator(operator) {
            parts.push(operand(self)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { join(parts) })
    }

    fn one(&mut self) -> Parsed {
        self.skip_space();
        let start = self.at;
        if self.depth == Expression::MAX_DEPTH {
            let expected = format!("at most {} levels", Expression::MAX_DEPTH);
            return Err(self.wrong(start, "this is nested too deeply", &expected));
        }
        self.depth += 1;
        let found = self.within(start);
        self.depth -= 1;
        found
    }

    fn within(&mut self, start: usize) -> Parsed {
        if self.takes_operator("NOT") {
            return Ok(Expression::Not(Box::new(self.one()?)));
        }
        for operator in ["AND", "OR"] {
            if self.takes_operator(operator) {
                return Err(self.wrong(start, &format!("{operator} has nothing before it"), TERM));
            }
        }
        let mut characters = self.rest().chars();
        match (characters.next(), characters.next()) {
            (None, _) => Err(self.wrong(start, "the text ends", TERM)),
            (Some(sign @ ('+' | '-')), Some(next)) if !next.is_whitespace() && next != ')' => {
                self.at += 1;
                let inner = Box::new(self.one()?);
                Ok(if sign == '+' { Expression::Must(inner) } else { Expression::Not(inner) })
            }
            (Some('('), _) => {
                self.at += 1;
                let inner = self.sequence()?;
                if !self.takes(")") {
                    return Err(self.wrong(self.at, "a parenthesis is open", ")"));
                }
                Ok(inner)
            }
            (Some(')'), _) => Err(self.wrong(start, "nothing stands before the parenthesis", TERM)),
            _ => self.term(start),
        }
    }

    fn term(&mut self, start: usize) -> Parsed {
        self.terms += 1;
        if self.terms > Expression::MAX_TERMS {
            let expected = format!("at most {} words, phrases and fields", Expression::MAX_TERMS);
            return Err(self.wrong(start, "this is one too many", &expected));
        }
        if self.rest().starts_with('"') {
            let text = self.quoted()?;
            self.check_words(start, &text)?;
            return Ok(Expression::Phrase(text));
        }
        let raw = self.bare();
        if let Some(colon) = unescaped(raw, ':').filter(|colon| *colon > 0) {
            self.at = start + colon + 1;
            return self.field(start, &raw[..colon]);
        }
        self.at = start + raw.len();
        self.word(start, raw)
    }

    fn field(&mut self, start: usize, name: &str) -> Parsed {
        let sign = Relation::SIGNS.into_iter().find(|(sign, _)| self.takes(sign));
        let relation = sign.map_or(Relation::Is, |(_, relation)| relation);
        let value_at = self.at;
        let quoted = self.rest().starts_with('"');
        let value = if quoted {
            self.quoted()?
        } else {
            let raw = self.bare();
            self.at += raw.len();
            unescape(raw)
        };
        let term = FieldTerm::new(name, relation, &value, quoted);
        let known = !term.as_ref().is_err_and(|wrong| !wrong.in_value);
        if known && value.is_empty() && !quoted {
            return Err(self.wrong(value_at, "the field has no value", &format!("a value for {name}")));
        }
        term.map(Expression::Field).map_err(|wrong| {
            self.wrong(if wrong.in_value { value_at } else { start }, &wrong.problem, &wrong.expected)
        })
    }

    fn word(&mut self, start: usize, raw: &str) -> Parsed {
        if let Some(stem) = raw.strip_suffix('*').filter(|stem| !ends_in_escape(stem)) {
            let text = unescape(stem);
            self.check_short(start, &text)?;
            self.check_words(start, &text)?;
            return Ok(Expression::Prefix(text));
        }
        let tilde = raw.rfind('~').filter(|at| !ends_in_escape(&raw[..*at]));
        if let Some(at) = tilde {
            let edits = match &raw[at + 1..] {
                "1" => 1,
                "2" => 2,
                _ => return Err(self.wrong(start + at + 1, "the edits are not told", "1 or 2")),
            };
            let text = unescape(&raw[..at]);
            self.check_short(start, &text)?;
            if self.check_words(start, &text)? > 1 {
                return Err(self.wrong(
                    start,
                    &format!("{text} is more than one word"),
                    "a single word before ~",
                ));
            }
            return Ok(Expression::Fuzzy(text, edits));
        }
        Ok(Expression::Word(unescape(raw)))
    }

    fn check_short(&self, start: usize, text: &str) -> Result<(), QueryError> {
        if text.chars().count() > Expression::MAX_WORD {
            let expected = format!("at most {} characters before * or ~", Expression::MAX_WORD);
            return Err(self.wrong(start, "the word is too long", &expected));
        }
        Ok(())
    }

    /// The number of words in a text, if there are any.
    fn check_words(&self, start: usize, text: &str) -> Result<usize, QueryError> {
        let mut count = 0;
        words(&fold(text), |_| count += 1);
        if count == 0 {
            return Err(self.wrong(start, "there is no word", "letters or digits"));
        }
        Ok(count)
    }

    /// Takes a text in quotes.
    fn quoted(&mut self) -> Result<String, QueryError> {
        let start = self.at;
        let inner = &self.text[start + 1..];
        let Some(end) = unescaped(inner, '"') else {
            return Err(self.wrong(self.text.len(), "a quotation is open", "\""));
        };
        self.at = start + 1 + end + 1;
        Ok(unescape(&inner[..end]))
    }

    /// What stands here without space, quotes or parentheses.
    fn bare(&self) -> &'t str {
        let rest = self.rest();
        let mut characters = rest.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => {
                    characters.next();
                }
                '"' | '(' | ')' => return &rest[..at],
                space if space.is_whitespace() => return &rest[..at],
                _ => {}
            }
        }
        rest
    }

    /// Takes a word in capitals that stands for itself.
    fn takes_operator(&mut self, operator: &str) -> bool {
        let before = self.at;
        self.skip_space();
        if self.bare() == operator {
            self.at += operator.len();
            return true;
        }
        self.at = before;
        false
    }

    fn takes(&mut self, sign: &str) -> bool {
        let there = self.rest().starts_with(sign);
        self.at += if there { sign.len() } else { 0 };
        there
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn wrong(&self, at: usize, problem: &str, expected: &str) -> QueryError {
        let position = self.text[..at].encode_utf16().count();
        QueryError::Syntax { position, problem: problem.to_owned(), expected: expected.to_owned() }
    }
}

/// Where `wanted` first stands in `raw` without a backslash before it.
fn unescaped(raw: &str, wanted: char) -> Option<usize> {
    let mut characters = raw.char_indices();
    while let Some((at, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == wanted {
            return Some(at);
        }
    }
    None
}

/// Whether what follows `raw` is escaped by its end.
fn ends_in_escape(raw: &str) -> bool {
    raw.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// What a text means in which a backslash takes its sense from the next character. The last one stands for itself.
fn unescape(raw: &str) -> String {
    let mut characters = raw.chars();
    let mut text = String::with_capacity(raw.len());
    while let Some(character) = characters.next() {
        text.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    text
}
