//! What the file sink has written, as who takes the files reads it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::seen::Seen;

pub const OBSERVER: &str = "files";

/// Lines in all files.
pub fn n_lines(folder: &Path) -> usize {
    names(folder).iter().map(|name| lines(&folder.join(name)).len()).sum()
}

/// Takes note of all selections in the files, in the order of their names.
pub fn read_back(folder: &Path, seen: &Seen) {
    for name in names(folder) {
        let range = name.strip_suffix(".ndjson").and_then(|name| {
            let mut parts = name.rsplit('-');
            let (last, first) = (parts.next()?.parse::<u64>().ok()?, parts.next()?.parse::<u64>().ok()?);
            Some(first..=last)
        });
        for line in lines(&folder.join(&name)) {
            let Ok(selection) = serde_json::from_str::<Value>(&line) else {
                seen.fault(format!("files: {name} has a line that is no JSON: {line}"));
                continue;
            };
            let position = seen.selection(OBSERVER, &selection);
            if let (Some(range), Some(position)) = (&range, position)
                && !range.contains(&position)
            {
                seen.fault(format!("files: {name} holds {position}"));
            }
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name.contains(".ndjson")).collect();
    names.sort();
    names
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}
