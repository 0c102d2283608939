//! Columns of the fields that filters have asked for, so that a filter over many records reads a few bytes of each
//! instead of the records themselves, which lie all over the memory.
//!
//! A column holds the values of one field by slot: sets of the slots of each value while there are few, else numbers of
//! entries in a dictionary, so that a comparison is made once for each different value, or plain numbers where they are all
//! different. It is made when a filter first names the
//! field, and caught up before each further one. A column says exactly what the records say; fields that change with every
//! use, and those that are different in every record without being numbers, have none, and filters then ask the records.

use std::collections::BTreeMap;

use crate::index::{Slot, SlotSet};
use crate::model::{Comparison, FieldPath, Filter, Record, RecordField, Value};

/// Records below which filters ask the records themselves.
const LEAST: usize = 1_000;
/// Columns at most; the one that was not asked for longest makes room.
const MOST: usize = 16;
/// Different values of a field, at most, as a share of the records; and how many there may be in any case.
const VARIETY: (usize, usize) = (8, 256);
/// Different values of a field whose slots are kept in sets: at most what numbers in a dictionary would take.
const SETS: usize = 32;

/// The record of a slot, if it lives.
type Read<'a> = dyn Fn(Slot) -> Option<&'a Record> + 'a;

/// The columns of one store.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    columns: Vec<Column>,
    /// Filters that have been prepared for.
    asked: u64,
}

/// The values of one field.
#[derive(Debug)]
struct Column {
    path: FieldPath,
    cells: Cells,
    /// Slots below this one have been read.
    filled: usize,
    /// Some of these, whose records have changed since.
    stale: Vec<Slot>,
    asked: u64,
    /// Different values that it could have when it was last caught up, or given up.
    most: usize,
}

/// The dictionary of a column: different values, in the order in which they came, and the position of each by its [`key`].
#[derive(Debug, Default)]
struct Dictionary {
    values: Vec<Value>,
    known: BTreeMap<Vec<u8>, u32>,
    /// Bytes that the values and their keys take, about.
    bytes: usize,
}

/// By slot.
#[derive(Debug)]
enum Cells {
    /// For each value of the dictionary, the slots that have it. For few values: a filter then joins words of bits.
    Sets { sets: Vec<SlotSet>, dictionary: Dictionary },
    /// 0 where there is no value, else the number of the value from 1.
    Ids { ids: Vec<u32>, dictionary: Dictionary },
    /// NaN where there is no value; values are finite.
    Numbers(Vec<f64>),
    /// Too varied.
    None,
}

impl Columns {
    /// Makes and catches up the columns of the fields that a filter names, for a store of so many slots, `live` of them in
    /// use.
    pub(crate) fn prepare(&mut self, filter: &Filter, slots: usize, live: usize, read: &Read<'_>) {
        if live < LEAST {
            return;
        }
        self.asked += 1;
        // Of a filter with more fields, the first ones: otherwise each would make room for the next.
        let mut paths: Vec<&FieldPath> = Vec::new();
        filter.each_path(&mut |path| {
            if paths.len() < MOST && is_kept(path) && !paths.contains(&path) {
                paths.push(path);
            }
        });
        for path in paths {
            let at = self.columns.iter().position(|column| column.path == *path).unwrap_or_else(|| {
                if self.columns.len() >= MOST {
                    let oldest = (0..MOST).min_by_key(|at| self.columns[*at].asked).unwrap_or_default();
                    self.columns.swap_remove(oldest);
                }
                self.columns.push(Column::new(path.clone()));
                self.columns.len() - 1
            });
            self.columns[at].asked = self.asked;
            self.columns[at].catch_up(slots, live, read);
        }
    }

    /// Bytes held, about.
    pub(crate) fn bytes(&self) -> usize {
        self.columns.iter().map(Column::bytes).sum()
    }

    /// The record of a slot has been changed where it is.
    pub(crate) fn changed(&mut self, slot: Slot) {
        self.columns.iter_mut().for_each(|column| column.changed(slot));
    }

    /// The record of a slot has come to another tier.
    pub(crate) fn moved(&mut self, slot: Slot) {
        let tier = FieldPath::Record(RecordField::Tier);
        self.columns.iter_mut().filter(|column| column.path == tier).for_each(|column| column.changed(slot));
    }

    /// Those of the slots whose records pass a filter, in a store of so many slots. What was not prepared for is read off
    /// the records.
    pub(crate) fn select(&self, filter: &Filter, within: &SlotSet, slots: usize, read: &Read<'_>) -> SlotSet {
        let by_records = |filter: &Filter, within: &SlotSet| -> SlotSet {
            within.iter().filter(|slot| read(*slot).is_some_and(|record| filter.matches(record))).collect()
        };
        match filter {
            Filter::And(parts) => {
                // What the columns say first, so that few records are left to be asked.
                let (quick, slow): (Vec<_>, Vec<_>) = parts.iter().partition(|part| self.covers(part, slots));
                let narrowed = |set: Option<SlotSet>, part: &&Filter| {
                    Some(self.select(part, set.as_ref().unwrap_or(within), slots, read))
                };
                let left = quick.iter().chain(&slow).fold(None, narrowed);
                left.unwrap_or_else(|| within.clone())
            }
            Filter::Or(parts) => {
                let mut all = SlotSet::default();
                parts.iter().for_each(|part| all.unite(&self.select(part, within, slots, read)));
                all
            }
            Filter::Not(inner) => within.without(&self.select(inner, within, slots, read)),
            Filter::Field(path, comparison) => match self.column(path, slots) {
                Some(column) => column.select(comparison, within),
                None => by_records(filter, within),
            },
        }
    }

    /// Whether a filter can be answered without the records.
    fn covers(&self, filter: &Filter, slots: usize) -> bool {
        let mut all = true;
        filter.each_path(&mut |path| all &= self.column(path, slots).is_some());
        all
    }

    fn column(&self, path: &FieldPath, slots: usize) -> Option<&Column> {
        let known = self.columns.iter().find(|column| column.path == *path)?;
        let is_current = known.filled == slots && known.stale.is_empty();
        (is_current && !matches!(known.cells, Cells::None)).then_some(known)
    }
}

/// Whether there may be a column of a field.
fn is_kept(path: &FieldPath) -> bool {
    use RecordField::{AccessCount, Id, LastAccess, Text};
    !matches!(path, FieldPath::Record(Id | Text | AccessCount | LastAccess))
}

impl Column {
    fn new(path: FieldPath) -> Self {
        let cells = Cells::Sets { sets: Vec::new(), dictionary: Dictionary::default() };
        Column { path, cells, filled: 0, stale: Vec::new(), asked: 0, most: 0 }
    }

    /// Has it read anew as a whole.
    fn restart(&mut self) {
        *self = Column { asked: self.asked, ..Column::new(self.path.clone()) };
    }

    fn changed(&mut self, slot: Slot) {
        if (slot as usize) < self.filled {
            self.stale.push(slot);
        }
        // Nobody has asked for it for long: it is then read anew as a whole.
        if self.stale.len() > self.filled {
            self.restart();
        }
    }

    fn catch_up(&mut self, slots: usize, live: usize, read: &Read<'_>) {
        let most = (live / VARIETY.0).max(VARIETY.1);
        // What was too varied among few records need not be among many.
        if matches!(self.cells, Cells::None) && most >= 2 * self.most {
            self.restart();
        }
        if !matches!(self.cells, Cells::None) {
            self.most = most;
        }
        let fresh = self.filled as Slot..slots as Slot;
        for slot in std::mem::take(&mut self.stale).into_iter().chain(fresh) {
            if matches!(self.cells, Cells::None) {
                break;
            }
            let value = read(slot).and_then(|record| self.path.of(record));
            self.cells.put(slot as usize, value.as_deref(), most);
        }
        self.filled = slots;
    }

    fn bytes(&self) -> usize {
        let cells = match &self.cells {
            Cells::Sets { sets, dictionary } => {
                sets.iter().map(SlotSet::bytes).sum::<usize>() + dictionary.bytes
            }
            Cells::Ids { ids, dictionary } => 4 * ids.capacity() + dictionary.bytes,
            Cells::Numbers(numbers) => 8 * numbers.capacity(),
            Cells::None => 0,
        };
        size_of::<Column>() + cells + 4 * self.stale.capacity()
    }

    fn select(&self, comparison: &Comparison, within: &SlotSet) -> SlotSet {
        match &self.cells {
            Cells::Sets { sets, dictionary } => {
                let of = |wanted: bool| {
                    let mut all = SlotSet::default();
                    let values = dictionary.values.iter().zip(sets);
                    let chosen = values.filter(|(value, _)| comparison.holds(Some(value)) == wanted);
                    chosen.for_each(|(_, set)| all.unite(set));
                    all
                };
                // Where there is no value, there is no set: those slots are left by the sets that do not pass.
                if comparison.holds(None) { within.without(&of(false)) } else { within.shared(&of(true)) }
            }
            Cells::Ids { ids, dictionary } => {
                let values = dictionary.values.iter().map(Some);
                let holds: Vec<bool> =
                    std::iter::once(None).chain(values).map(|value| comparison.holds(value)).collect();
                within.keep(|slot| holds[ids.get(slot as usize).copied().unwrap_or(0) as usize])
            }
            Cells::Numbers(numbers) => within.keep(|slot| {
                let number = numbers[slot as usize];
                let value = (!number.is_nan()).then_some(Value::Number(number));
                comparison.holds(value.as_ref())
            }),
            Cells::None => SlotSet::default(),
        }
    }
}

impl Cells {
    /// Puts the value of a slot. `most` different ones may be held.
    fn put(&mut self, slot: usize, value: Option<&Value>, most: usize) {
        match self {
            Cells::Sets { sets, dictionary } => {
                sets.iter_mut().for_each(|set| {
                    set.remove(slot as Slot);
                });
                if let Some(value) = value {
                    let at = dictionary.position(value);
                    sets.resize_with(dictionary.values.len(), SlotSet::default);
                    sets[at as usize].insert(slot as Slot);
                }
                if sets.len() > SETS {
                    let mut ids = Vec::new();
                    for (id, own) in (1..).zip(std::mem::take(sets)) {
                        own.iter().for_each(|slot| set(&mut ids, slot as usize, id, 0));
                    }
                    *self = Cells::Ids { ids, dictionary: std::mem::take(dictionary) };
                }
            }
            Cells::Ids { ids, dictionary } => {
                set(ids, slot, value.map_or(0, |value| dictionary.position(value) + 1), 0);
                let values = &dictionary.values;
                if values.len() > most {
                    let number =
                        |value: &Value| if let Value::Number(number) = value { *number } else { f64::NAN };
                    let numbers: Vec<f64> = values.iter().map(number).collect();
                    *self = if numbers.iter().any(|number| number.is_nan()) {
                        Cells::None
                    } else {
                        let of = |id: &u32| id.checked_sub(1).map_or(f64::NAN, |at| numbers[at as usize]);
                        Cells::Numbers(ids.iter().map(of).collect())
                    };
                }
            }
            Cells::Numbers(numbers) => match value {
                None => set(numbers, slot, f64::NAN, f64::NAN),
                Some(Value::Number(number)) => set(numbers, slot, *number, f64::NAN),
                Some(_) => *self = Cells::None,
            },
            Cells::None => {}
        }
    }
}

impl Dictionary {
    /// The position of a value, which it is given if it is new.
    fn position(&mut self, value: &Value) -> u32 {
        let key = key(value);
        if let Some(at) = self.known.get(&key) {
            return *at;
        }
        let at = self.values.len() as u32;
        self.bytes += size_of::<Value>() + size_of::<(Vec<u8>, u32)>() + value.bytes() + key.len();
        self.values.push(value.clone());
        self.known.insert(key, at);
        at
    }
}

fn set<T: Copy>(cells: &mut Vec<T>, at: usize, cell: T, none: T) {
    if cells.len() <= at {
        cells.resize(at + 1, none);
    }
    cells[at] = cell;
}

/// Bytes that are the same for the same value alone: its type, then what it is, with its length where that varies.
fn key(value: &Value) -> Vec<u8> {
    fn write(value: &Value, bytes: &mut Vec<u8>) {
        let text = |text: &str, bytes: &mut Vec<u8>| {
            bytes.extend((text.len() as u64).to_le_bytes());
            bytes.extend(text.as_bytes());
        };
        match value {
            Value::Null => bytes.push(0),
            Value::Bool(flag) => bytes.extend([1, u8::from(*flag)]),
            Value::Number(number) => {
                bytes.push(2);
                bytes.extend(number.to_bits().to_le_bytes());
            }
            Value::Text(own) => {
                bytes.push(3);
                text(own, bytes);
            }
            Value::List(items) => {
                bytes.push(4);
                bytes.extend((items.len() as u64).to_le_bytes());
                items.iter().for_each(|item| write(item, bytes));
            }
            Value::Map(entries) => {
                bytes.push(5);
                bytes.extend((entries.len() as u64).to_le_bytes());
                for (name, value) in entries {
                    text(name, bytes);
                    write(value, bytes);
                }
            }
        }
    }
    let mut bytes = Vec::new();
    write(value, &mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: usize, metadata: impl IntoIterator<Item = (String, Value)>) -> Record {
        Record { metadata: metadata.into_iter().collect(), ..Record::plain(number as u128) }
    }

    fn is(name: &str, value: impl Into<Value>) -> Filter {
        Filter::Field(FieldPath::Metadata(vec![name.into()]), Comparison::Eq(value.into()))
    }

    #[test]
    fn what_was_too_varied_among_few_records_is_kept_among_many() {
        let place = |number: usize| Value::Text(format!("place {}", number % 300));
        let records: Vec<Record> =
            (0..5_000).map(|number| record(number, [("place".to_owned(), place(number))])).collect();
        let read = |slot: Slot| records.get(slot as usize);
        let filter = is("place", "place 7");
        let mut columns = Columns::default();
        for (count, covers) in [(1_000, false), (1_500, false), (5_000, true)] {
            columns.prepare(&filter, count, count, &read);
            assert_eq!(columns.covers(&filter, count), covers, "{count}");
            let all: SlotSet = (0..count as Slot).collect();
            let found: Vec<Slot> = columns.select(&filter, &all, count, &read).iter().collect();
            assert_eq!(found, (7..count as Slot).step_by(300).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_fields_of_a_long_filter_do_not_make_room_for_each_other() {
        let fields =
            |number: usize| (0..20).map(move |name| (format!("f{name}"), Value::from(number as f64)));
        let records: Vec<Record> = (0..LEAST).map(|number| record(number, fields(number))).collect();
        let read = |slot: Slot| records.get(slot as usize);
        let filter = Filter::And((0..20).map(|name| is(&format!("f{name}"), 5.0)).collect());
        let mut columns = Columns::default();
        columns.prepare(&filter, LEAST, LEAST, &read);
        let first = is("f0", 5.0);
        assert!(columns.covers(&first, LEAST) && !columns.covers(&filter, LEAST));
        let all: SlotSet = (0..LEAST as Slot).collect();
        assert_eq!(columns.select(&filter, &all, LEAST, &read).iter().collect::<Vec<_>>(), [5]);
    }
}
