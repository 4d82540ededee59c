//! JSON documents that come one by one, for ever: posted bodies, messages of a topic. Each is one object, nested or
//! not; what is read of many goes into one batch.
//!
//! A document stands alone: a subject may come again in a later one, as its next version. Since no subject comes twice
//! in a batch, the batch then ends before that document. So it does before a document that cannot be read here (of
//! several lines, very large, or no object at all), which [`read`](crate::read) reads by itself.
//!
//! A reader of a file learns its columns from the first lines and makes room for all others that may come. Here every
//! request would pay for that room, so there is room for the columns met so far, and more of it once another is met.

use std::sync::Arc;

use bytes::Bytes;
use haechi_model::intake::Intake;
use haechi_model::{Stream, StreamBuilder};
use rustc_hash::FxHashSet;

use super::ndjson::{Objects, cut_bom, object};
use super::plan::{Inputs, Plan, PlanError, READER_OWNED, Wanted};
use super::rows::{Position, RowSink};
use crate::mapping::Mapping;
use crate::options::ReadOptions;

/// Larger documents are read by themselves.
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
/// Units set aside in one batch: what bounds their memory.
const SET_ASIDE_MAX: usize = 1_024;

/// A document, and what its rows say of where it came from.
#[derive(Clone, Debug)]
pub struct Document {
    /// For the column `source`.
    pub source: Arc<str>,
    /// Where it stands in its source, `offset 17`; may be empty. The column `source_position` begins with it.
    pub position: String,
    /// All of it.
    pub bytes: Bytes,
}

/// Reads documents of one stream.
pub struct Desk {
    stream: &'static Stream,
    mapping: Option<Arc<Mapping>>,
    options: ReadOptions,
    /// Fields met that are columns of ours or inputs of the mapping.
    met: Vec<String>,
    sink: RowSink,
    objects: Objects,
    /// Columns of ours that there is no room for yet.
    unmet: FxHashSet<String>,
}

impl Desk {
    /// Reads rows of a stream.
    pub fn new(
        stream: &'static Stream,
        mapping: Option<Arc<Mapping>>,
        options: &ReadOptions,
    ) -> Result<Self, PlanError> {
        // Where a batch ends is decided between documents.
        let options = ReadOptions { batch_rows: usize::MAX, ..options.clone() };
        Self::with(stream, mapping, options, Vec::new())
    }

    fn with(
        stream: &'static Stream,
        mapping: Option<Arc<Mapping>>,
        options: ReadOptions,
        met: Vec<String>,
    ) -> Result<Self, PlanError> {
        let wanted = Wanted { columns: None, keys: true };
        let plan = Plan::new(Inputs::SoFar(&met), stream, mapping.as_deref(), wanted, options.zone)?;
        let fed: FxHashSet<&str> = plan.columns().map(|column| column.name).collect();
        let has = |name: &str| fed.contains(name) || READER_OWNED.contains(&name);
        let names: Vec<&str> = stream.all_columns().map(|column| column.name).filter(|name| has(name)).collect();
        let reads = |name: &str| plan.inputs.iter().any(|input| input == name);
        // What a mapping fills from elsewhere is not taken under our name.
        let unmet = stream.all_columns().map(|column| column.name).filter(|name| !has(name) && !reads(name));
        let unmet = unmet.map(str::to_owned).collect();
        let builder = StreamBuilder::with_columns(stream, &names).expect("columns of the stream, each once");
        let sink = RowSink::new(stream, builder, &options);
        let objects = Objects::new(sink.wire(plan));
        Ok(Self { stream, mapping, options, met, sink, objects, unmet })
    }

    /// Reads documents from the first on, and says how many it read: none where the first cannot be read here. A batch
    /// has about `rows` rows at most.
    pub fn read(&mut self, documents: &[Document], rows: usize) -> Result<(Intake, usize), PlanError> {
        let mut n_read = 0;
        let mut mark = self.sink.mark();
        while let Some(document) = documents.get(n_read) {
            if mark.rows() >= rows || self.sink.n_set_aside() >= SET_ASIDE_MAX {
                break;
            }
            let mut met = Vec::new();
            if !self.take(document, &mut met) {
                break;
            }
            if !met.is_empty() {
                if n_read > 0 {
                    break;
                }
                self.sink.cut(&mark);
                self.grow(met)?;
                mark = self.sink.mark();
                continue;
            }
            if self.sink.is_at_odds() {
                break;
            }
            mark = self.sink.mark();
            n_read += 1;
        }
        Ok((self.sink.cut(&mark), n_read))
    }

    /// Takes a document, if it can be read here, and says which of its fields there is no room for yet.
    fn take(&mut self, document: &Document, met: &mut Vec<String>) -> bool {
        let bytes = cut_bom(&document.bytes);
        if document.bytes.len() > DOCUMENT_BYTES_MAX || bytes.trim_ascii_start().first() != Some(&b'{') {
            return false;
        }
        let Self { sink, objects, unmet, .. } = self;
        sink.within.clone_from(&document.position);
        if let Some(gate) = &mut sink.gate {
            gate.begin_document();
        }
        match object(bytes) {
            Ok(object) => {
                let mut other = |sink: &mut RowSink, name: &str| match unmet.contains(name) {
                    true if met.iter().any(|known| known == name) => {}
                    true => met.push(name.to_owned()),
                    false => sink.unknown_field(name),
                };
                objects.take(sink, &document.source, 1, &object, bytes, &mut other);
            }
            Err(_) if is_several(bytes) => return false,
            Err(fault) => sink.refuse(&document.source, Position::Line(1), &fault, bytes),
        }
        true
    }

    fn grow(&mut self, met: Vec<String>) -> Result<(), PlanError> {
        let met = self.met.iter().cloned().chain(met).collect();
        *self = Self::with(self.stream, self.mapping.clone(), self.options.clone(), met)?;
        Ok(())
    }
}

/// Whether a text that is no JSON object is rather several, one a line: its first line ends as an object does, or its
/// second begins as one and not as part of the first.
fn is_several(text: &[u8]) -> bool {
    let mut lines = text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let (Some(first), Some(second)) = (lines.next(), lines.next()) else { return false };
    first.ends_with(b"}") || (second.starts_with(b"{") && !first.last().is_some_and(|last| b"[,:{".contains(last)))
}
