//! A writer of files into watched folders.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::book::Book;
use crate::dice::Dice;
use crate::encode::{Format, Row, passenger_list};
use crate::stories::{Kind, Message, Stories};

/// Files that wait at most, so that a run ends soon after it stops writing.
const WAITING_MAX: usize = 4;

pub struct Writer {
    pub kind: Kind,
    pub folder: PathBuf,
    pub seed: u64,
    pub book: Arc<Mutex<Book>>,
    pub messages_max: usize,
}

impl Writer {
    pub async fn run(self, stop: CancellationToken) {
        let mut dice = Dice::of(self.seed, &format!("files of {}", self.kind.stream()));
        let mut stories = Stories::new(self.kind, "f", self.seed);
        let mut last_list: Option<(i32, Vec<Message>)> = None;
        let mut number = 0;
        while !stop.is_cancelled() {
            tokio::time::sleep(Duration::from_millis(20) + dice.pause(200)).await;
            if waiting(&self.folder).len() >= WAITING_MAX {
                continue;
            }
            number += 1;
            let (extension, content) = if self.kind == Kind::Traveller {
                ("edi", self.list(number, &mut dice, &mut stories, &mut last_list))
            } else {
                self.table(&mut dice, &mut stories)
            };
            self.put(&format!("{number:06}.{extension}"), &content);
        }
    }

    fn table(&self, dice: &mut Dice, stories: &mut Stories) -> (&'static str, Vec<u8>) {
        let mut book = self.book.lock().unwrap();
        if dice.percent(2) {
            return ("dat", format!("nothing that anybody reads {}\n", book.bad()).into_bytes());
        }
        let messages = stories.next(dice.between(1, self.messages_max));
        for message in &messages {
            book.expect(message);
        }
        let mut rows: Vec<Row> = messages.iter().flat_map(Message::rows).collect();
        if dice.percent(15) {
            let mut row = Row::new();
            row.insert("description".to_owned(), book.bad().into());
            rows.insert(rows.len() / 2, row);
            // Rows of a subject stay together.
            rows.sort_by_key(|row| row.get(key(self.kind)).is_none());
        }
        let formats = [Format::Ndjson, Format::NdjsonGzip, Format::Csv, Format::Parquet];
        let format = *dice.pick(&formats);
        let mut content = format.encode(&rows);
        if format == Format::Ndjson && dice.percent(15) {
            content.extend_from_slice(format!("{{\"description\": \"{}\", \"item_no\": \n", book.bad()).as_bytes());
        }
        (format.extension(), content)
    }

    /// A passenger list, or the last one once more.
    fn list(
        &self,
        number: i32,
        dice: &mut Dice,
        stories: &mut Stories,
        last: &mut Option<(i32, Vec<Message>)>,
    ) -> Vec<u8> {
        let again = last.take().filter(|_| dice.percent(20));
        let (number, travellers) = again.unwrap_or_else(|| {
            let mut travellers = stories.next(dice.between(1, 20));
            for traveller in &mut travellers {
                (traveller.version, traveller.envelope) = (Some(number), Some(number.to_string()));
            }
            (number, travellers)
        });
        let mut book = self.book.lock().unwrap();
        for traveller in &travellers {
            book.expect(traveller);
        }
        let content = passenger_list(number, &travellers);
        *last = Some((number, travellers));
        content
    }

    /// As a careful sender does it: written under another name, then moved.
    fn put(&self, name: &str, content: &[u8]) {
        let unfinished = self.folder.join(format!(".{name}"));
        fs::write(&unfinished, content).unwrap();
        fs::rename(&unfinished, self.folder.join(name)).unwrap();
    }
}

fn key(kind: Kind) -> &'static str {
    match kind {
        Kind::Declaration => "declaration_id",
        Kind::Consignment => "consignment_id",
        Kind::Traveller => "carrier_pax_ref",
    }
}

/// Files that nobody has taken yet.
pub fn waiting(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}
