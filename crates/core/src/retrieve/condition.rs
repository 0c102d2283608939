//! What an expression asks of records: which of them can be found, and which patterns rank them.

use crate::index::text::{Ending, Found, Pattern};
use crate::index::{Slot, SlotSet};
use crate::model::{Filter, Record};
use crate::retrieve::recall::Sources;
use crate::syntax::Expression;

/// A condition over the visible records.
#[derive(Debug)]
enum Condition<'e> {
    /// To be one of these.
    Among(SlotSet),
    Filter(&'e Filter),
    Not(Box<Condition<'e>>),
    All(Vec<Condition<'e>>),
    Any(Vec<Condition<'e>>),
}

impl Condition<'_> {
    fn holds(&self, slot: Slot, record: &Record) -> bool {
        match self {
            Condition::Among(slots) => slots.contains(slot),
            Condition::Filter(filter) => filter.matches(record),
            Condition::Not(inner) => !inner.holds(slot, record),
            Condition::All(parts) => parts.iter().all(|part| part.holds(slot, record)),
            Condition::Any(parts) => parts.iter().any(|part| part.holds(slot, record)),
        }
    }
}

/// What an expression comes to.
#[derive(Debug)]
pub(crate) struct Demand<'e> {
    condition: Option<Condition<'e>>,
    /// Whether the condition alone says what an answer is: whether no words stand beside it.
    pub(crate) decides: bool,
    /// What was found of the patterns that rank.
    pub(crate) found: Vec<Found>,
}

impl Demand<'_> {
    /// Whether a record can be found.
    pub(crate) fn allows(&self, slot: Slot, record: &Record) -> bool {
        self.condition.as_ref().is_none_or(|condition| condition.holds(slot, record))
    }
}

/// Works out what an expression asks of the visible records. Words rank; everything else is also a condition.
pub(crate) fn demand<'e>(expression: &'e Expression, sources: &Sources<'_>, visible: &SlotSet) -> Demand<'e> {
    let mut compiler = Compiler { sources, visible, known: Vec::new() };
    let condition = match expression {
        optional if optional.is_optional() => None,
        Expression::Sequence(parts) => compiler.all_of(parts, |part| !part.is_optional()),
        whole => compiler.condition(whole),
    };
    let words = match expression {
        Expression::Sequence(parts) => {
            parts.iter().any(|part| part.is_optional() && compiler.condition(part).is_some())
        }
        whole => whole.is_optional(),
    };
    let mut found = Vec::new();
    expression.each_term(&mut |term| found.extend(compiler.found(term).cloned()));
    Demand { decides: condition.is_some() && !words, condition, found }
}

struct Compiler<'s, 'e> {
    sources: &'s Sources<'s>,
    visible: &'s SlotSet,
    /// The patterns that have been looked for.
    known: Vec<(&'e Expression, Found)>,
}

impl<'e> Compiler<'_, 'e> {
    /// The condition that an expression is; nothing if it says nothing, as a stop word does.
    fn condition(&mut self, expression: &'e Expression) -> Option<Condition<'e>> {
        match expression {
            Expression::Word(text) => self.sources.text.having(text, self.visible).map(Condition::Among),
            Expression::Prefix(_) | Expression::Fuzzy(..) | Expression::Phrase(_) => {
                let found = self.found(expression)?;
                Some(Condition::Among(found.slots().collect()))
            }
            Expression::Field(field) => Some(Condition::Filter(field.filter())),
            Expression::Must(inner) => self.condition(inner),
            Expression::Not(inner) => Some(Condition::Not(Box::new(self.condition(inner)?))),
            Expression::All(parts) => self.all_of(parts, |_| true),
            Expression::Any(parts) => self.any_of(parts),
            Expression::Sequence(parts) if parts.iter().all(Expression::is_optional) => self.any_of(parts),
            Expression::Sequence(parts) => self.all_of(parts, |part| !part.is_optional()),
        }
    }

    fn all_of(&mut self, parts: &'e [Expression], counts: fn(&Expression) -> bool) -> Option<Condition<'e>> {
        let parts = parts.iter().filter(|part| counts(part));
        let all: Vec<Condition<'e>> = parts.filter_map(|part| self.condition(part)).collect();
        (!all.is_empty()).then_some(Condition::All(all))
    }

    fn any_of(&mut self, parts: &'e [Expression]) -> Option<Condition<'e>> {
        let any: Vec<Condition<'e>> = parts.iter().filter_map(|part| self.condition(part)).collect();
        (!any.is_empty()).then_some(Condition::Any(any))
    }

    /// The documents of a pattern, if the expression is one.
    fn found(&mut self, expression: &'e Expression) -> Option<&Found> {
        if let Some(at) = self.known.iter().position(|(known, _)| *known == expression) {
            return Some(&self.known[at].1);
        }
        let pattern = match expression {
            Expression::Prefix(text) => Pattern::read(text, &Ending::Prefix, format!("{text}*")),
            Expression::Fuzzy(text, edits) => {
                Pattern::read(text, &Ending::Fuzzy(*edits), format!("{text}~{edits}"))
            }
            Expression::Phrase(text) => Pattern::read(text, &Ending::Whole, format!("\"{text}\"")),
            _ => None,
        }?;
        let store = self.sources.store;
        let fields = |slot: Slot, see: &mut dyn FnMut(&str)| {
            let Some(record) = store.record(slot) else { return };
            record.keyword_fields().iter().map(|field| &**field).for_each(see);
        };
        let found = self.sources.text.find(&pattern, self.visible, &fields);
        self.known.push((expression, found));
        self.known.last().map(|(_, found)| found)
    }
}
