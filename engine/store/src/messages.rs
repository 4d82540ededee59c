//! Messages as they came, and what they were answered, so that a hit leads back to the bytes it came from, and a message
//! that comes again gets the answer it had.
//!
//! ```text
//! 't' | received at u64 | digest [8]           head: its JSON; body: the message
//! 'i' | id | 0 | received at u64 | digest [8]  empty
//! ```
//!
//! They are personal data like the rows, and go with them.

use fjall::Slice;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::database::{Put, Table, View};
use crate::{Encoded, Store, StoreError, envelope};

const BY_TIME: u8 = b't';
const BY_ID: u8 = b'i';
/// Longer ids are kept by their hash.
const ID_BYTES_MAX: usize = 512;
/// When a message came, and the beginning of its hash.
const STAMP_BYTES: usize = 16;
/// How many are forgotten at once.
const AT_ONCE: usize = 1_000;

/// A message that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptMessage {
    /// What it is known by: its own id, and that of the request it came with.
    pub ids: Vec<String>,
    /// Name of its format.
    pub format: String,
    /// Where it came from.
    pub source: String,
    /// When it came, in ms since 1970 UTC.
    pub received_at_ms: i64,
    /// All of it.
    pub bytes: Vec<u8>,
    /// What it was answered in the manner of its format.
    pub answer: Option<KeptAnswer>,
}

/// What a message was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// Media type.
    pub content_type: String,
    /// All of it.
    pub text: String,
}

/// What is written before the bytes of a message.
#[derive(Serialize, Deserialize)]
struct Head {
    ids: Vec<String>,
    format: String,
    source: String,
    answer: Option<KeptAnswer>,
}

impl Store {
    /// Keeps a message. When it returns it is durable.
    pub fn keep_message(&self, message: &KeptMessage) -> Result<(), StoreError> {
        self.write([Encoded { puts: puts(message)?, ..Encoded::default() }])
    }

    /// The messages known by an id, newest first.
    pub fn messages(&self, id: &str, limit: usize) -> Result<Vec<KeptMessage>, StoreError> {
        let prefix = id_prefix(id);
        self.read(|view| {
            let newest = view.keys_back(Table::Messages, &prefix).take(limit);
            let message = |key: Result<Slice, StoreError>| read(view, &[&[BY_TIME], &key?[prefix.len()..]].concat());
            newest.filter_map(|key| message(key).transpose()).collect()
        })
    }

    /// Forgets what came before a time.
    pub(crate) fn forget_messages(&self, before_ms: i64) -> Result<(), StoreError> {
        let end = time_key(before_ms);
        loop {
            let puts = self.read(|view| {
                let keys = view.keys_from(Table::Messages, &[BY_TIME]);
                let old = keys.take_while(|key| key.as_ref().map_or(true, |key| **key < end[..])).take(AT_ONCE);
                let mut puts = Vec::new();
                for key in old {
                    let key = key?;
                    let ids = read(view, &key)?.map_or_else(Vec::new, |message| message.ids);
                    puts.extend(ids.iter().map(|id| Put::remove(Table::Messages, id_key(id, &key[1..]))));
                    puts.push(Put::remove(Table::Messages, key));
                }
                Ok(puts)
            })?;
            if puts.is_empty() {
                return Ok(());
            }
            self.note(&puts)?;
        }
    }
}

fn puts(message: &KeptMessage) -> Result<Vec<Put>, StoreError> {
    let KeptMessage { ids, format, source, received_at_ms, bytes, answer } = message;
    let mut stamp = time_key(*received_at_ms)[1..].to_vec();
    // The same bytes may come with two requests in one millisecond.
    let mut digest = Sha256::new();
    for id in ids {
        digest.update(id_prefix(id));
    }
    digest.update(bytes);
    stamp.extend_from_slice(&digest.finalize()[..8]);
    let head = Head { ids: ids.clone(), format: format.clone(), source: source.clone(), answer: answer.clone() };
    let head = serde_json::to_vec(&head).map_err(|error| StoreError::Inconsistent { reason: error.to_string() })?;
    // The head of an envelope is short; an answer may not be.
    let mut body = (head.len() as u64).to_le_bytes().to_vec();
    body.extend_from_slice(&head);
    body.extend_from_slice(bytes);
    let mut puts = vec![Put::new(
        Table::Messages,
        [&[BY_TIME], stamp.as_slice()].concat(),
        envelope::seal(&received_at_ms.to_le_bytes(), &body),
    )];
    puts.extend(ids.iter().map(|id| Put::new(Table::Messages, id_key(id, &stamp), Vec::new())));
    Ok(puts)
}

/// Whether a value is a message, or names one that is there.
pub(crate) fn check(view: &View<'_>, key: &[u8]) -> Result<(), StoreError> {
    if key.first() == Some(&BY_TIME) {
        return read(view, key).map(drop);
    }
    let stamp = key.len().checked_sub(STAMP_BYTES).map(|at| &key[at..]);
    let message = stamp.map(|stamp| [&[BY_TIME], stamp].concat());
    match message.map(|key| view.contains(Table::Messages, &key)).transpose()? {
        Some(true) => Ok(()),
        _ => Err(view.corrupt(Table::Messages, key, "it names a message that is not there")),
    }
}

/// The message under a key; `None` where it was forgotten.
fn read(view: &View<'_>, key: &[u8]) -> Result<Option<KeptMessage>, StoreError> {
    let Some(value) = view.get(Table::Messages, key)? else { return Ok(None) };
    view.sealed(Table::Messages, key, &value, |at, mut body| {
        let short = || "it ends too early".to_owned();
        let received_at_ms = i64::from_le_bytes(at.try_into().map_err(|_| short())?);
        let (size, rest) = body.split_first_chunk::<8>().ok_or_else(short)?;
        let size = usize::try_from(u64::from_le_bytes(*size)).map_err(|_| short())?;
        let head: Head =
            serde_json::from_slice(rest.get(..size).ok_or_else(short)?).map_err(|error| error.to_string())?;
        let bytes = body.split_off(8 + size);
        let Head { ids, format, source, answer } = head;
        Ok(KeptMessage { ids, format, source, received_at_ms, bytes, answer })
    })
    .map(Some)
}

fn time_key(at_ms: i64) -> [u8; 9] {
    let mut key = [BY_TIME; 9];
    key[1..].copy_from_slice(&at_ms.max(0).to_be_bytes());
    key
}

fn id_prefix(id: &str) -> Vec<u8> {
    // Nothing else ends an id. A long one is told from others by its hash.
    let id = id.replace('\0', " ");
    if id.len() > ID_BYTES_MAX {
        return [&[BY_ID], &Sha256::digest(&id)[..], &[0, 0]].concat();
    }
    [&[BY_ID], id.as_bytes(), &[0]].concat()
}

fn id_key(id: &str, stamp: &[u8]) -> Vec<u8> {
    [id_prefix(id).as_slice(), stamp].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreOptions;

    fn message(id: &str, at_ms: i64, text: &str) -> KeptMessage {
        KeptMessage {
            ids: vec![id.to_owned(), format!("request-{at_ms}")],
            format: "edifact".to_owned(),
            source: "http".to_owned(),
            received_at_ms: at_ms,
            bytes: text.as_bytes().to_vec(),
            answer: Some(KeptAnswer { content_type: "text/plain".to_owned(), text: "received ".repeat(20_000) }),
        }
    }

    #[test]
    fn messages_are_found_by_each_of_their_ids_newest_first_also_after_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &StoreOptions::default()).unwrap();
        for (id, at_ms, text) in [("A", 5, "first"), ("AB", 6, "other"), ("A", 900, "second"), ("A", 7, "between")] {
            store.keep_message(&message(id, at_ms, text)).unwrap();
        }
        // The same once more is the same, with what it is answered now.
        store.keep_message(&message("A", 900, "second")).unwrap();
        // The same bytes in the same millisecond with another request are another message.
        let mut twin = message("B", 5, "first");
        twin.ids = vec!["B".to_owned(), "x".repeat(2_000)];
        store.keep_message(&twin).unwrap();
        drop(store);
        let store = Store::open(folder.path(), &StoreOptions::default()).unwrap();
        let texts = |id: &str, limit: usize| -> Vec<String> {
            let found = store.messages(id, limit).unwrap();
            found.into_iter().map(|m| String::from_utf8(m.bytes).unwrap()).collect()
        };
        assert_eq!(texts("A", 10), ["second", "between", "first"]);
        assert_eq!(texts("A", 1), ["second"]);
        assert_eq!(texts("request-6", 10), ["other"]);
        assert!(texts("", 10).is_empty() && texts("C", 10).is_empty());
        assert_eq!(
            (texts("B", 10), texts(&"x".repeat(2_000), 10)),
            (vec!["first".to_owned()], vec!["first".to_owned()])
        );
        assert!(texts(&"x".repeat(2_001), 10).is_empty(), "long ids are told apart");
        assert_eq!(store.messages("AB", 1).unwrap(), [message("AB", 6, "other")]);
    }

    #[test]
    fn what_is_old_is_forgotten_with_all_its_ids() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &StoreOptions::default()).unwrap();
        for at_ms in 0..2_500 {
            store.keep_message(&message("A", at_ms, "text")).unwrap();
        }
        store.forget_messages(2_498).unwrap();
        let left: Vec<i64> = store.messages("A", 10).unwrap().iter().map(|m| m.received_at_ms).collect();
        assert_eq!(left, [2_499, 2_498]);
        assert!(store.messages("request-3", 10).unwrap().is_empty());
        let keys = store.read(|view| Ok(view.keys_from(Table::Messages, b"").count())).unwrap();
        assert_eq!(keys, 2 * 3);
        assert!(store.verify(|_| {}).unwrap().is_sound());
        let first =
            store.read(|view| Ok(view.keys_from(Table::Messages, &[BY_TIME]).next().unwrap())).unwrap().unwrap();
        store.note(&[Put::remove(Table::Messages, first)]).unwrap();
        let report = store.verify(|_| {}).unwrap();
        assert_eq!(report.faulty, 2, "both its ids name nothing: {:?}", report.faults);
    }
}
