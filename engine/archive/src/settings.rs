//! What can be set about the archive.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What stands under `[archive]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArchiveSettings {
    /// Where the archive is: a folder, `file:///folder` or `s3://bucket/prefix`, which takes credentials, region and
    /// endpoint from the usual variables (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL` and so on). Nothing is archived
    /// where it is empty.
    pub url: String,
    /// How long new rows wait at most until they are written, in seconds.
    pub every_secs: u64,
    /// Rows written at once at most; more are not waited for.
    pub rows_max: u64,
    /// How long after the end of a day its files are merged into one a stream, in hours.
    pub compact_after_hours: u32,
    /// Days that stay in the store after they were archived and delivered; 0 keeps all of them. Units set aside before
    /// those days go with them where they were resolved; what waits stays.
    pub keep_days_in_store: u32,
}

impl Default for ArchiveSettings {
    fn default() -> Self {
        Self { url: String::new(), every_secs: 300, rows_max: 1_000_000, compact_after_hours: 1, keep_days_in_store: 0 }
    }
}

impl ArchiveSettings {
    /// Whether anything is to be archived.
    pub fn is_on(&self) -> bool {
        !self.url.is_empty()
    }

    pub(crate) fn every(&self) -> Duration {
        Duration::from_secs(self.every_secs.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_written_is_as_it_always_is_and_what_is_unknown_is_refused() {
        let read = |text: &str| toml::from_str::<ArchiveSettings>(text);
        assert_eq!(read("").unwrap(), ArchiveSettings::default());
        assert!(!ArchiveSettings::default().is_on());
        assert_eq!(read("url = 's3://bucket'\nrows_max = 10").unwrap().rows_max, 10);
        assert!(read("row_max = 10").unwrap_err().to_string().contains("row_max"));
    }
}
