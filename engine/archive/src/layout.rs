//! How an archive is laid out.
//!
//! ```text
//! journal/stream=declaration/day=2026-11-22/00000000000000000001-00000000000000250000.parquet
//! selections/stream=declaration/day=2026-11-22/00000000000000000001-00000000000000250000.parquet
//! hits/...
//! ```
//!
//! The day is that of `known_at` in UTC. A name says for which positions the file speaks, both included: it holds
//! **every** row of its dataset, stream and day among them, sorted by position. All else follows from two sentences:
//!
//! - Files appear whole, and are never changed.
//! - **A file whose positions lie within those of another of the same folder is superseded**, and nobody reads it.
//!
//! So merging files is: write one that speaks for all of their positions, then delete them. Before the first step
//! ends, only the old ones are there; after it, only the new one counts, whether the old ones are deleted, half
//! deleted, or kept for queries that began before. Names that overlap otherwise are never written, and are an error
//! to a reader.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use haechi_model::Stream;
use haechi_store::Position;
use object_store::ObjectMeta;
use object_store::path::Path;
use tokio_stream::StreamExt;

use crate::{ArchiveError, Place};

const MS_PER_DAY: i64 = 86_400_000;

/// A day in UTC, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// The day of an instant, in ms since 1970 UTC.
    pub fn of_ms(ms: i64) -> Self {
        Self(ms.div_euclid(MS_PER_DAY) as i32)
    }

    fn parse(text: &str) -> Option<Self> {
        let date: NaiveDate = text.parse().ok()?;
        Some(Self(date.signed_duration_since(NaiveDate::default()).num_days() as i32))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NaiveDate::from_epoch_days(self.0) {
            Some(date) => date.fmt(f),
            None => write!(f, "{}", self.0),
        }
    }
}

/// What kind of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dataset {
    /// What came in.
    Journal,
    /// What was decided.
    Selections,
    /// Why.
    Hits,
}

impl Dataset {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Journal, Self::Selections, Self::Hits];

    /// Its folder.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Selections => "selections",
            Self::Hits => "hits",
        }
    }
}

/// The rows of a dataset, stream and day: what is in one folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// What kind of rows.
    pub dataset: Dataset,
    /// Name of their stream.
    pub stream: &'static str,
    /// When they were known.
    pub day: Day,
}

/// Positions, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first.
    pub first: Position,
    /// The last.
    pub last: Position,
}

impl Partition {
    /// Where its file for these positions is.
    pub fn path(&self, span: Span) -> Path {
        let Self { dataset, stream, day } = self;
        let Span { first, last } = span;
        Path::from(format!("{}/stream={stream}/day={day}/{first:020}-{last:020}.parquet", dataset.folder()))
    }

    /// What a path says; `None` where it is no file of an archive, or of a stream we do not know.
    fn parse(path: &Path) -> Option<(Self, Span)> {
        let mut parts = path.as_ref().split('/');
        let folder = parts.next()?;
        let dataset = Dataset::ALL.into_iter().find(|dataset| dataset.folder() == folder)?;
        let stream = Stream::find(parts.next()?.strip_prefix("stream=")?)?.name;
        let day = Day::parse(parts.next()?.strip_prefix("day=")?)?;
        let (first, last) = parts.next()?.strip_suffix(".parquet")?.split_once('-')?;
        let span = Span { first: first.parse().ok()?, last: last.parse().ok()? };
        (parts.next().is_none() && span.first <= span.last).then_some((Self { dataset, stream, day }, span))
    }
}

/// A file of an archive.
#[derive(Clone, Debug)]
pub(crate) struct ArchivedFile {
    pub partition: Partition,
    pub span: Span,
    pub meta: ObjectMeta,
}

/// What an archive has.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// The files that count, by partition, then position.
    pub current: Vec<ArchivedFile>,
    /// Those that another speaks for, with the instant since when it does.
    pub superseded: Vec<(ArchivedFile, DateTime<Utc>)>,
}

/// Lists a dataset, or one stream of it.
pub(crate) async fn list(
    place: &Place,
    dataset: Dataset,
    stream: Option<&'static str>,
) -> Result<Listing, ArchiveError> {
    let folder = match stream {
        Some(stream) => Path::from(format!("{}/stream={stream}", dataset.folder())),
        None => Path::from(dataset.folder()),
    };
    let mut partitions: BTreeMap<Partition, Vec<ArchivedFile>> = BTreeMap::new();
    let mut metas = place.store().list(Some(&folder));
    while let Some(meta) = metas.next().await {
        let meta = meta.map_err(ArchiveError::storage(folder.as_ref()))?;
        if let Some((partition, span)) = Partition::parse(&meta.location) {
            partitions.entry(partition).or_default().push(ArchivedFile { partition, span, meta });
        }
    }
    let mut listing = Listing::default();
    for files in partitions.into_values() {
        listing.settle(files)?;
    }
    Ok(listing)
}

impl Listing {
    /// Tells the files of a partition that count from those that another speaks for.
    fn settle(&mut self, mut files: Vec<ArchivedFile>) -> Result<(), ArchiveError> {
        files.sort_by_key(|file| (file.span.first, std::cmp::Reverse(file.span.last)));
        let mut speaks: Option<ArchivedFile> = None;
        for file in files {
            match &speaks {
                Some(by) if file.span.last <= by.span.last => {
                    self.superseded.push((file, by.meta.last_modified));
                }
                Some(by) if file.span.first <= by.span.last => {
                    return Err(ArchiveError::Overlap {
                        one: by.meta.location.to_string(),
                        other: file.meta.location.to_string(),
                    });
                }
                _ => self.current.extend(speaks.replace(file)),
            }
        }
        self.current.extend(speaks);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTITION: Partition = Partition { dataset: Dataset::Journal, stream: "declaration", day: Day(20_000) };

    fn file(first: Position, last: Position) -> ArchivedFile {
        let span = Span { first, last };
        let location = PARTITION.path(span);
        let meta = ObjectMeta { location, last_modified: DateTime::default(), size: 1, e_tag: None, version: None };
        ArchivedFile { partition: PARTITION, span, meta }
    }

    #[test]
    fn a_path_says_what_is_in_the_file() {
        let span = Span { first: 7, last: 250_000 };
        let path = PARTITION.path(span);
        assert_eq!(
            path.as_ref(),
            "journal/stream=declaration/day=2024-10-04/00000000000000000007-00000000000000250000.parquet"
        );
        assert_eq!(Partition::parse(&path), Some((PARTITION, span)));
        for wrong in [
            "journal/stream=declaration/day=2024-10-04/7-6.parquet",
            "journal/stream=declaration/day=2024-10-04/7-9.parquet.tmp",
            "journal/stream=nobody/day=2024-10-04/7-9.parquet",
            "other/stream=declaration/day=2024-10-04/7-9.parquet",
            "journal/stream=declaration/day=2024-10-04/more/7-9.parquet",
        ] {
            assert_eq!(Partition::parse(&Path::from(wrong)), None, "{wrong}");
        }
        assert_eq!([Day::of_ms(-1), Day::of_ms(0), Day::of_ms(MS_PER_DAY)], [Day(-1), Day(0), Day(1)]);
    }

    #[test]
    fn a_file_within_another_is_superseded() {
        type Spans = &'static [(Position, Position)];
        let cases: [(Spans, Spans); 4] = [
            (&[(1, 5), (6, 9)], &[(1, 5), (6, 9)]),
            (&[(1, 5), (1, 9), (6, 9)], &[(1, 9)]),
            (&[(6, 9), (10, 12), (1, 9), (1, 5)], &[(1, 9), (10, 12)]),
            (&[(1, 20), (2, 3), (1, 9), (10, 20), (21, 21)], &[(1, 20), (21, 21)]),
        ];
        for (files, expected) in cases {
            let mut listing = Listing::default();
            listing.settle(files.iter().map(|(first, last)| file(*first, *last)).collect()).unwrap();
            let current: Vec<_> = listing.current.iter().map(|f| (f.span.first, f.span.last)).collect();
            assert_eq!(current, expected, "{files:?}");
            assert_eq!(listing.superseded.len() + current.len(), files.len(), "{files:?}");
        }
        let overlap = Listing::default().settle(vec![file(1, 5), file(5, 9)]);
        assert!(matches!(overlap, Err(ArchiveError::Overlap { .. })));
    }
}
