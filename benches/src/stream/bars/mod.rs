//! What is measured, one file each. Bars are those the stream has to hold on two cores.

pub mod backlog;
pub mod features;
pub mod folder;
pub mod fsync;
pub mod kafka;
pub mod post;
pub mod restart;
pub mod swap;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::service::Place;
use super::{Failure, rules};
use crate::source::Source;

/// What all measurements are given.
#[derive(Clone, Debug, clap::Args)]
pub struct Common {
    /// The `haechi` binary to measure
    #[arg(long, value_name = "PATH")]
    pub haechi: PathBuf,
    /// Folder of a workload made by `benches/peers/workload.py`; without it, rows and rules are made from seed 7
    #[arg(long, value_name = "DIR")]
    pub workload: Option<PathBuf>,
    /// How many of its rules
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub rules: usize,
    /// Folder on the disk to measure on; everything is made in a new folder in it, which goes afterwards
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
}

impl Common {
    /// Where rows and rules come from.
    fn source(&self) -> Source {
        Source::new(self.workload.clone())
    }

    /// A new folder with the rules in it.
    fn place(&self) -> Result<(TempDir, Place), Failure> {
        let folder = tempfile::Builder::new().prefix("haechi-stream-").tempdir_in(&self.dir)?;
        let place = Place(fs::canonicalize(folder.path())?);
        self.lay_rules(&place)?;
        Ok((folder, place))
    }

    /// A folder that stays, with the rules in it.
    fn kept_place(&self, folder: &Path) -> Result<Place, Failure> {
        fs::create_dir_all(folder)?;
        let place = Place(fs::canonicalize(folder)?);
        self.lay_rules(&place)?;
        Ok(place)
    }

    fn lay_rules(&self, place: &Place) -> Result<(), Failure> {
        rules::write(&place.pack(), &self.source().rules(self.rules).map_err(|error| error.to_string())?)
    }
}
