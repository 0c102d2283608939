//! Encoders of the host: what a neural network, say, makes of the vectors of a tier is kept in their place.
//!
//! The engine names the vectors and keeps the answers; the host asks its encoder in between. Until then a vector is kept
//! as the configuration says. What an encoder has made is compared with what it makes of a question.

use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::check::unit;
use crate::engine::train::{SAMPLE, Training, nothing_held};
use crate::error::CommandError;
use crate::index::vector::{Map, Projection, compare, quantise};
use crate::model::{Kept, RecordId, Tier, Timestamp};
use crate::persist::Change;

/// Vectors for an encoder of the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Unencoded {
    /// The name of the encoder.
    pub encoder: String,
    /// The records that the vectors are of.
    pub ids: Vec<RecordId>,
    /// Their versions.
    pub versions: Vec<u32>,
    /// Their unit vectors, as far as they are kept, one after the other.
    pub vectors: Vec<f32>,
    /// The commit since which the memory has been of the space that they are of; 0 if always.
    pub since: u64,
}

/// What an encoder of the host has made of the vectors of records.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// The records, as [`Unencoded`] named them.
    pub ids: Vec<RecordId>,
    /// Their versions then.
    pub versions: Vec<u32>,
    /// Components of each.
    pub width: usize,
    /// What was made, one row of `width` components after the other.
    pub rows: Vec<f32>,
    /// As [`Unencoded`] said: what was made of vectors of another space is not kept.
    pub since: u64,
}

impl Encoded {
    /// The records with their versions and their rows at length 1, if there is a row for each that has a length.
    fn checked(&self) -> Result<Vec<(RecordId, u32, Vec<f32>)>, CommandError> {
        let Encoded { ids, versions, width, rows, .. } = self;
        let count = ids.len();
        if *width == 0 || rows.len() != count * width || versions.len() != count {
            let problem = format!("made {} numbers for {count} vectors of {width} components", rows.len());
            return Err(CommandError::invalid("encoder", problem));
        }
        let mut checked = Vec::with_capacity(count);
        for (at, (id, (version, row))) in
            ids.iter().zip(versions.iter().zip(rows.chunks_exact(*width))).enumerate()
        {
            let mut row = row.to_vec();
            unit(&mut row, &format!("encoder/{at}"))?;
            checked.push((*id, *version, row));
        }
        Ok(checked)
    }
}

impl Engine {
    /// The encoders that have made some of the vectors that are kept: a question by vector wants what each makes of it.
    pub fn encoders(&self) -> Vec<&str> {
        let Some(index) = &self.state.vectors else { return Vec::new() };
        let known = index.projections().iter().filter(|(number, _)| index.is_used(*number));
        known.filter_map(|(_, projection)| projection.encoder()).collect()
    }

    /// Vectors of `tier` for [`Engine::train_encoder`].
    ///
    /// # Errors
    /// [`CommandError::Invalid`] naming `tier` if it holds none; [`CommandError::Poisoned`].
    pub fn sample(&mut self, tier: Tier, encoder: &str) -> Result<Unencoded, CommandError> {
        self.check_writable()?;
        let held: Vec<RecordId> = self
            .state
            .store
            .tier_after(tier, None)
            .map(|record| record.id)
            .filter(|id| self.state.kept(*id).is_some_and(|kept| !self.is_encoded(kept)))
            .collect();
        if held.is_empty() {
            return Err(nothing_held());
        }
        let count = held.len().min(SAMPLE);
        self.begin_reading();
        let sample =
            self.unencoded(encoder.into(), (0..count).map(|at| held[at * held.len() / count]).collect());
        self.end_reading()?;
        Ok(sample)
    }

    /// Has what the encoder of that name makes of the vectors of `tier` kept in their place from now on: those that come
    /// and those that are there, as [`Engine::next_unencoded`] names them. `sample` is what it has made of
    /// [`Engine::sample`]; from it comes what its products are worth beside those of whole vectors.
    ///
    /// # Errors
    /// [`CommandError::Invalid`] naming `encoder` or `tier`; [`CommandError::Poisoned`].
    pub fn train_encoder(
        &mut self,
        tier: Tier,
        encoder: &str,
        sample: &Encoded,
        now: Timestamp,
    ) -> Result<Training, CommandError> {
        self.check_writable()?;
        self.begin_reading();
        let since = self.since();
        let index = self.state.vectors.as_ref().filter(|_| sample.since == since);
        let Some(index) = index else { return Err(nothing_held()) };
        let (mut before, mut whole, mut made) = (0usize, Vec::new(), Vec::new());
        for (id, version, row) in sample.checked()? {
            let unchanged = self.state.store.get(id).is_some_and(|record| record.version == version);
            if let (true, Some(vector), Some(kept)) = (unchanged, self.state.vector(id), self.state.kept(id))
            {
                let (precision, components) = index.shape(kept);
                before += precision.bytes(components);
                whole.push(vector);
                made.push(row);
            }
        }
        self.end_reading()?;
        let dimensions = self.state.space.as_ref().map_or(0, |space| space.dimensions as usize);
        if whole.is_empty() {
            return Err(nothing_held());
        }
        if sample.width > dimensions {
            let problem = format!("makes {} components of {dimensions}, which is more", sample.width);
            return Err(CommandError::invalid("encoder", problem));
        }
        let Some(index) = &self.state.vectors else { return Err(nothing_held()) };
        let (factor, recall_loss) = compare(&whole, &made);
        let same = |projection: &Projection| {
            projection.encoder() == Some(encoder) && projection.width() == sample.width
        };
        let known = index.projections().iter().find(|(_, projection)| same(projection));
        let numbered = match known {
            Some((number, projection)) => (number, projection.clone()),
            None => {
                let number = self.free_projection()?;
                let map = Map::Encoder(encoder.into(), sample.width);
                let projection = Projection::new(factor, dimensions, map).ok_or_else(|| {
                    CommandError::invalid("encoder", "makes nothing that vectors can be compared by")
                })?;
                (number, Arc::new(projection))
            }
        };
        let ratio = before as f64 / (made.len() * sample.width) as f64;
        self.record(vec![Change::Train(tier, Some(numbered))], Vec::new(), now);
        self.look_for_unencoded();
        Ok(Training { dimensions: sample.width as u32, ratio, loss: None, recall_loss })
    }

    /// Vectors for one of the encoders named, `limit` at most; nothing if there are none.
    ///
    /// # Errors
    /// [`CommandError::VectorsUnread`] if some of them are in storage.
    pub fn next_unencoded(
        &mut self,
        encoders: &[&str],
        limit: usize,
    ) -> Result<Option<Unencoded>, CommandError> {
        let (mut chosen, mut gone) = (None, Vec::new());
        let mut ids = Vec::new();
        for id in &self.unencoded {
            let Some((number, encoder)) = self.encoding_due(*id) else {
                gone.push(*id);
                continue;
            };
            if !encoders.contains(&encoder) || *chosen.get_or_insert(number) != number {
                continue;
            }
            ids.push(*id);
            if ids.len() >= limit {
                break;
            }
        }
        gone.iter().for_each(|id| {
            self.unencoded.remove(id);
        });
        let named = chosen.and_then(|number| self.state.projection(number)?.encoder());
        let Some(encoder) = named.map(str::to_owned) else { return Ok(None) };
        self.begin_reading();
        let unencoded = self.unencoded(encoder, ids);
        self.end_reading()?;
        Ok(Some(unencoded))
    }

    /// Keeps what the encoder of that name has made of vectors that [`Engine::next_unencoded`] named. Records that have
    /// changed since are left as they are. Answers how many were kept.
    ///
    /// # Errors
    /// [`CommandError::Invalid`] naming `encoder`; [`CommandError::Poisoned`].
    pub fn keep_encoded(
        &mut self,
        encoder: &str,
        encoded: &Encoded,
        now: Timestamp,
    ) -> Result<u32, CommandError> {
        self.check_writable()?;
        let mut codes = Vec::new();
        let mut number = None;
        let made = if encoded.since == self.since() { encoded.checked()? } else { Vec::new() };
        for (id, version, row) in made {
            let Some((due, _)) = self.encoding_due(id).filter(|(_, name)| *name == encoder) else { continue };
            let width = self.state.projection(due).map_or(0, Projection::width);
            if width != encoded.width {
                let problem =
                    format!("made {} components, but the tier was trained to {width}", encoded.width);
                return Err(CommandError::invalid("encoder", problem));
            }
            if self.state.store.get(id).is_some_and(|record| record.version == version) {
                number = Some(due);
                codes.push((id, quantise(&row)));
            }
        }
        let kept = codes.len() as u32;
        codes.iter().for_each(|(id, _)| {
            self.unencoded.remove(id);
        });
        if let Some(number) = number {
            self.record(vec![Change::Encode(number, codes)], Vec::new(), now);
        }
        Ok(kept)
    }

    /// Notes which of the records that `changes` have moved or made an encoder is to be asked about.
    pub(super) fn note_unencoded(&mut self, changes: &[Change]) {
        if Tier::ALL.into_iter().all(|tier| self.state.encoder_of(tier).is_none()) {
            return;
        }
        for change in changes {
            match change {
                Change::Moved(id, _) if self.encoding_due(*id).is_some() => {
                    self.unencoded.insert(*id);
                }
                Change::Put(record, Some(_)) if self.encoding_due(record.id).is_some() => {
                    self.unencoded.insert(record.id);
                }
                Change::Embed(codes) => {
                    let due = codes.iter().map(|(id, _)| *id).filter(|id| self.encoding_due(*id).is_some());
                    let due: Vec<RecordId> = due.collect();
                    self.unencoded.extend(due);
                }
                _ => {}
            }
        }
    }

    /// Notes all records that an encoder is to be asked about.
    pub(super) fn look_for_unencoded(&mut self) {
        for tier in Tier::ALL.into_iter().filter(|tier| self.state.encoder_of(*tier).is_some()) {
            let ids = self.state.store.tier_after(tier, None).map(|record| record.id);
            let due: Vec<RecordId> = ids.filter(|id| self.encoding_due(*id).is_some()).collect();
            self.unencoded.extend(due);
        }
    }

    /// Who is to be asked about the vector of a record, if anybody is: less is kept of it then.
    fn encoding_due(&self, id: RecordId) -> Option<(u32, &str)> {
        let (number, encoder) = self.state.encoder_of(self.state.store.get(id)?.tier)?;
        let kept = self.state.kept(id)?;
        (self.state.lesser(kept, Kept::Projected(number)) != kept).then_some((number, encoder))
    }

    /// The commit since which the memory has been of its space.
    fn since(&self) -> u64 {
        self.journal.manifest.switched.map_or(0, |switch| switch.commit)
    }

    fn is_encoded(&self, kept: Kept) -> bool {
        self.state.vectors.as_ref().is_some_and(|index| index.is_encoded(kept))
    }

    fn unencoded(&self, encoder: String, ids: Vec<RecordId>) -> Unencoded {
        let since = self.since();
        let mut chosen =
            Unencoded { encoder, ids: Vec::new(), versions: Vec::new(), vectors: Vec::new(), since };
        for id in ids {
            if let (Some(record), Some(vector)) = (self.state.store.get(id), self.state.vector(id)) {
                chosen.ids.push(id);
                chosen.versions.push(record.version);
                chosen.vectors.extend(vector);
            }
        }
        chosen
    }
}
