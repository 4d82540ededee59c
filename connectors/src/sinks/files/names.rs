//! Names of files: they say what a file holds and how far it has come.

use super::Format;

/// What a file in the folder is, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// Finished: holds selections up to this one.
    Finished { last: u64 },
    /// Being written: lines of NDJSON, or frames that become Parquet.
    Growing { stream: String, first: u64, format: Format },
    /// A Parquet file that is whole; its frames may still be there.
    Whole { stream: String, first: u64, last: u64 },
    /// A Parquet file that was being made from frames.
    Half,
}

const UNFINISHED: &str = ".unfinished";
const LINES: &str = ".ndjson.unfinished";
const FRAMES: &str = ".frames.unfinished";
const WHOLE: &str = ".parquet.whole.unfinished";

/// A file being written.
pub fn growing(stream: &str, first: u64, format: Format) -> String {
    let ending = match format {
        Format::Ndjson => LINES,
        Format::Parquet => FRAMES,
    };
    format!("{stream}-{first:020}{ending}")
}

/// A Parquet file that is whole.
pub fn whole(stream: &str, first: u64, last: u64) -> String {
    format!("{stream}-{first:020}-{last:020}{WHOLE}")
}

/// A finished file.
pub fn finished(stream: &str, first: u64, last: u64, format: Format) -> String {
    let ending = match format {
        Format::Ndjson => "ndjson",
        Format::Parquet => "parquet",
    };
    format!("{stream}-{first:020}-{last:020}.{ending}")
}

/// What a name says; nothing for files of others.
pub fn parse(name: &str) -> Option<Named> {
    if let Some(stem) = name.strip_suffix(UNFINISHED)
        && stem.ends_with(WHOLE)
    {
        return Some(Named::Half);
    }
    if let Some(stem) = name.strip_suffix(WHOLE) {
        let (stream, [first, last]) = positions(stem)?;
        return Some(Named::Whole { stream, first, last });
    }
    for (ending, format) in [(LINES, Format::Ndjson), (FRAMES, Format::Parquet)] {
        if let Some(stem) = name.strip_suffix(ending) {
            let (stream, [first]) = positions(stem)?;
            return Some(Named::Growing { stream, first, format });
        }
    }
    let stem = name.strip_suffix(".ndjson").or_else(|| name.strip_suffix(".parquet"))?;
    let (_, [_, last]) = positions(stem)?;
    Some(Named::Finished { last })
}

/// A stream and the positions after it.
fn positions<const N: usize>(stem: &str) -> Option<(String, [u64; N])> {
    let mut parts = stem.split('-');
    let stream = parts.next().filter(|stream| haechi_model::Stream::find(stream).is_some())?;
    let numbers: Option<Vec<u64>> = parts.map(|part| (part.len() == 20).then(|| part.parse().ok()).flatten()).collect();
    Some((stream.to_owned(), numbers?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let stream = || "traveller".to_owned();
        for format in [Format::Ndjson, Format::Parquet] {
            assert_eq!(parse(&finished("traveller", 7, 9, format)), Some(Named::Finished { last: 9 }));
            let named = Named::Growing { stream: stream(), first: 7, format };
            assert_eq!(parse(&growing("traveller", 7, format)), Some(named));
        }
        let whole = whole("traveller", 7, 9);
        assert_eq!(parse(&format!("{whole}.unfinished")), Some(Named::Half));
        assert_eq!(parse(&whole), Some(Named::Whole { stream: stream(), first: 7, last: 9 }));
    }

    #[test]
    fn files_of_others_are_left_alone() {
        for name in [
            "notes.ndjson",
            "traveller-7-9.ndjson",
            "x.unfinished",
            "visitor-00000000000000000007-00000000000000000009.ndjson",
            ".lock",
        ] {
            assert_eq!(parse(name), None, "{name}");
        }
    }
}
