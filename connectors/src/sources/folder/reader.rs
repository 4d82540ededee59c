//! Reading a file, which blocks, on a thread of its own: two steps ahead of who hands over.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use haechi_model::Stream;
use haechi_model::intake::{Intake, SetAside};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::spawn_blocking;

use super::stand::FileStand;
use crate::mapping::Mapping;
use crate::options::ReadOptions;
use crate::tabular::{in_full, open_file};

/// Steps that wait to be taken.
const AHEAD: usize = 2;

/// What is read of a file, step by step. [`Step::Refused`], [`Step::Failed`] and [`Step::Done`] come last.
pub enum Step {
    /// Rows, and what was set aside.
    Intake(Intake),
    /// What cannot be read: the file, or its rest.
    Fault {
        /// Stable reason code.
        code: &'static str,
        /// Why.
        reason: String,
        /// Its first bytes, where none of it could be read.
        text: Vec<u8>,
    },
    /// The system would not let us read, which may pass.
    Refused(io::Error),
    /// A fault was given, now or before a restart.
    Failed,
    /// All of it was given.
    Done,
}

/// A file to be read from where it stands.
pub struct Reads {
    /// For the column `source`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// What its rows are.
    pub stream: &'static Stream,
    /// How they are read.
    pub mapping: Option<Arc<Mapping>>,
    /// How they are read.
    pub options: ReadOptions,
    /// What is committed of it.
    pub from: FileStand,
}

impl Reads {
    /// Begins; it ends when nobody takes any more.
    pub fn start(self) -> Receiver<Step> {
        let (steps, taken) = channel(AHEAD);
        spawn_blocking(move || self.read(&steps));
        taken
    }

    fn read(mut self, steps: &Sender<Step>) -> Option<()> {
        let put = |step: Step| steps.blocking_send(step).ok();
        let reader = match open_file(&self.name, self.path.clone(), self.stream, self.mapping.as_deref(), &self.options)
        {
            Ok(reader) => reader,
            Err(error) => {
                if let Some(refused) = error.system() {
                    return put(Step::Refused(again(refused)));
                }
                let reason = in_full(&error).replacen(&format!("{}: ", self.name), "", 1);
                return self.fault(error.code(), reason, head(&self.path), steps);
            }
        };
        for intake in reader {
            let intake = match intake {
                Ok(intake) => self.beyond(intake),
                Err(error) => {
                    if let Some(refused) = error.system() {
                        return put(Step::Refused(again(refused)));
                    }
                    let reason = in_full(&error).replacen(&format!("{}: ", self.name), "", 1);
                    let reason = format!("{reason}; what comes before is read, send the rest again");
                    return self.fault(error.code(), reason, Vec::new(), steps);
                }
            };
            if intake.batch.num_rows() > 0 || !intake.set_aside.is_empty() || !intake.warnings.is_empty() {
                put(Step::Intake(intake))?;
            }
        }
        put(Step::Done)
    }

    /// A fault is one more unit set aside, which may be committed already.
    fn fault(&self, code: &'static str, reason: String, text: Vec<u8>, steps: &Sender<Step>) -> Option<()> {
        if self.from.set_aside == 0 {
            steps.blocking_send(Step::Fault { code, reason, text }).ok()?;
        }
        steps.blocking_send(Step::Failed).ok()
    }

    /// What is not committed of it; counts down what is.
    fn beyond(&mut self, intake: Intake) -> Intake {
        let Intake { batch, mut warnings, mut set_aside } = intake;
        let FileStand { rows, set_aside: n_set_aside, .. } = &mut self.from;
        // What was tolerated in rows that are committed was said then.
        if *rows > 0 || *n_set_aside > 0 {
            warnings.clear();
        }
        let n = (batch.num_rows() as u64).min(*rows) as usize;
        *rows -= n as u64;
        let batch = batch.slice(n, batch.num_rows() - n);
        let n = (set_aside.len() as u64).min(*n_set_aside) as usize;
        *n_set_aside -= n as u64;
        set_aside.drain(..n);
        Intake { batch, warnings, set_aside }
    }
}

fn again(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

fn head(path: &Path) -> Vec<u8> {
    let mut head = Vec::new();
    if let Ok(file) = File::open(path) {
        let _ = file.take(SetAside::TEXT_BYTES_MAX as u64).read_to_end(&mut head);
    }
    head
}
