//! What is told at the end of a long reading: a few values stay in memory, many go to a file that nobody else sees.

use std::cell::RefCell;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};

use serde::ser::{Error, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use tempfile::{SpooledTempFile, spooled_tempfile};

/// As much as stays in memory.
const MEMORY_BYTES: usize = 1 << 20;

/// Values in the order they came, each kept as a line of JSON.
#[derive(Debug)]
pub struct Spool {
    file: RefCell<BufWriter<SpooledTempFile>>,
    len: usize,
}

impl Spool {
    /// Keeps nothing yet.
    pub fn new() -> Self {
        Self { file: RefCell::new(BufWriter::new(spooled_tempfile(MEMORY_BYTES))), len: 0 }
    }

    /// Keeps a value.
    pub fn push(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.len += 1;
        self.file.get_mut().write_all(&line)
    }

    /// Whether nothing was kept.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Tells each value once more. What `each` refuses ends it.
    pub fn tell<E>(&self, mut each: impl FnMut(&RawValue) -> Result<(), E>) -> io::Result<Result<(), E>> {
        let mut file = self.file.borrow_mut();
        // Writes what is still in the buffer.
        file.rewind()?;
        let mut told = Ok(());
        for line in BufReader::new(file.get_mut()).lines().take(self.len) {
            told = each(&RawValue::from_string(line?)?);
            if told.is_err() {
                break;
            }
        }
        // What is kept from now on stands behind.
        file.seek(SeekFrom::End(0))?;
        Ok(told)
    }
}

/// The list of them.
impl Serialize for Spool {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.len))?;
        self.tell(|value| list.serialize_element(value)).map_err(S::Error::custom)??;
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_stay_in_memory_is_told_in_order() {
        let mut spool = Spool::new();
        assert_eq!((spool.is_empty(), serde_json::to_string(&spool).unwrap()), (true, "[]".to_owned()));
        let long = "\n\u{d55c}".repeat(1000);
        for n in 0..1000 {
            spool.push(&(n, &long)).unwrap();
        }
        assert!(spool.file.borrow().get_ref().is_rolled(), "more than a megabyte");
        let told: Vec<(usize, String)> = serde_json::from_str(&serde_json::to_string(&spool).unwrap()).unwrap();
        assert!(told.len() == 1000 && told.iter().enumerate().all(|(n, told)| told.0 == n && told.1 == long));
        assert!(spool.tell(|_| Err(())).unwrap().is_err(), "and told again");
        spool.push(&(1000, "")).unwrap();
        let mut last = 0;
        let count = |value: &RawValue| serde_json::from_str::<(usize, String)>(value.get()).map(|told| last = told.0);
        spool.tell(count).unwrap().unwrap();
        assert_eq!(last, 1000, "and goes on");
    }
}
