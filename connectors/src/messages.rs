//! Messages of any size, a reading at a time.
//!
//! Formats that read what comes hold one unit; what they read is taken by whoever asks, one reading ahead at most, so
//! that a file larger than memory is read in little of it.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use crate::format::{MessageFormat, MessageReading};
use crate::options::ReadOptions;

/// The readings of an input, in order. The thread that reads it ends when this is dropped.
pub struct Messages {
    readings: Option<Receiver<io::Result<MessageReading>>>,
    reader: Option<JoinHandle<()>>,
    given_up: Arc<AtomicBool>,
}

impl Messages {
    /// Begins to read an input under that name.
    pub fn begin(
        format: &'static MessageFormat,
        source: Arc<str>,
        content: Box<dyn Read + Send>,
        options: &ReadOptions,
    ) -> io::Result<Self> {
        let (to, readings) = sync_channel(1);
        let given_up = Arc::new(AtomicBool::new(false));
        let content = Abandoned { content, given_up: given_up.clone() };
        let options = options.clone();
        let read = move || read(format, &source, content, &options, &to);
        let reader = thread::Builder::new().name("messages".to_owned()).spawn(read)?;
        Ok(Self { readings: Some(readings), reader: Some(reader), given_up })
    }
}

fn read(
    format: &MessageFormat,
    source: &str,
    mut content: Abandoned,
    options: &ReadOptions,
    to: &SyncSender<io::Result<MessageReading>>,
) {
    let given_up = content.given_up.clone();
    let ended = format.read_from(source, &mut content, options, &mut |reading| {
        if to.send(Ok(reading)).is_err() {
            given_up.store(true, Ordering::Relaxed);
        }
    });
    if let Err(error) = ended {
        // Nobody may be waiting for it any more.
        let _ = to.send(Err(error));
    }
}

impl Iterator for Messages {
    type Item = io::Result<MessageReading>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.readings.as_ref()?.recv().ok();
        if next.is_none()
            && let Some(Err(panic)) = self.reader.take().map(JoinHandle::join)
        {
            std::panic::resume_unwind(panic);
        }
        next
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        self.given_up.store(true, Ordering::Relaxed);
        // It may be waiting for its reading to be taken.
        self.readings = None;
        if let Some(reader) = self.reader.take() {
            // What went wrong in it matters to nobody now.
            let _ = reader.join();
        }
    }
}

/// An input that ends with an error once nobody wants more of it.
struct Abandoned {
    content: Box<dyn Read + Send>,
    given_up: Arc<AtomicBool>,
}

impl Read for Abandoned {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given_up.load(Ordering::Relaxed) {
            return Err(io::Error::other("nobody wants more of it"));
        }
        self.content.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::formats::FORMATS;

    fn edifact() -> &'static MessageFormat {
        FORMATS.iter().find(|format| format.name == "edifact").unwrap()
    }

    /// A passenger list without end.
    struct Endless {
        n: usize,
        text: Vec<u8>,
        bytes: Arc<AtomicU64>,
    }

    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.text.is_empty() {
                let mut text = String::new();
                if self.n == 0 {
                    text.push_str("UNB+UNOA:4+ZZ+KR+270313:2200+R1'");
                }
                let n = self.n;
                write!(text, "UNH+{n}+PAXLST:D:15B:UN'BGM+745'TDT+20+ZZ{n}+++ZZ'LOC+125+BKK'").unwrap();
                write!(text, "DTM+189:2703140105:201'LOC+87+ICN'DTM+232:2703140830:201'").unwrap();
                write!(text, "NAD+FL+++KIM:A{n}'CNT+42:1'UNT+10+{n}'").unwrap();
                self.n += 1;
                self.text = text.into_bytes();
            }
            let n = buffer.len().min(self.text.len());
            buffer[..n].copy_from_slice(&self.text[..n]);
            self.text.drain(..n);
            self.bytes.fetch_add(n as u64, Ordering::Relaxed);
            Ok(n)
        }
    }

    #[test]
    fn what_nobody_takes_is_not_read() {
        let bytes = Arc::new(AtomicU64::new(0));
        let endless = Endless { n: 0, text: Vec::new(), bytes: bytes.clone() };
        let options = ReadOptions::default();
        let mut messages = Messages::begin(edifact(), "endless.edi".into(), Box::new(endless), &options).unwrap();
        let rows = |reading: io::Result<MessageReading>| reading.unwrap().records[0].1.num_rows();
        assert!(messages.by_ref().take(3).map(rows).sum::<usize>() > 10_000);
        drop(messages);
        let read = bytes.load(Ordering::Relaxed);
        assert!(read < 64 << 20, "{read} bytes were read");
    }

    #[test]
    fn an_input_that_breaks_off_is_told_behind_what_came_before() {
        let whole = "UNB+UNOA:4+ZZ+KR+270313:2200+R1'UNH+1+PAXLST:D:15B:UN'BGM+745'TDT+20+ZZ1+++ZZ'LOC+125+BKK'\
                     DTM+189:2703140105:201'LOC+87+ICN'DTM+232:2703140830:201'NAD+FL+++KIM:A'CNT+42:1'UNT+10+1'";
        struct Breaks;
        impl Read for Breaks {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the line is dead"))
            }
        }
        let content = Box::new(whole.as_bytes().chain(Breaks));
        let messages = Messages::begin(edifact(), "a.edi".into(), content, &ReadOptions::default()).unwrap();
        let readings: Vec<io::Result<MessageReading>> = messages.collect();
        assert_eq!(readings.last().unwrap().as_ref().unwrap_err().to_string(), "the line is dead");
    }

    #[test]
    fn what_came_before_damage_is_read_in_every_format() {
        let table = |name: &str| FORMATS.iter().find(|format| format.name == name).unwrap();
        let bill = "<Bol_segment><Bol_id><Bol_reference>B1</Bol_reference></Bol_id></Bol_segment>";
        let list = "UNB+UNOA:4+ZZ+KR+270313:2200+R1'UNH+1+PAXLST:D:15B:UN'BGM+745'TDT+20+ZZ1+++ZZ'LOC+125+BKK'\
                    DTM+189:2703140105:201'LOC+87+ICN'DTM+232:2703140830:201'NAD+FL+++KIM:A'CNT+42:1'UNT+10+1'";
        for (name, text) in [
            ("awmds", format!("<Awmds><General_segment/>{bill}<Bol_segment><Bol_id>")),
            ("edifact", format!("{list}UNH+2+PAXLST")),
            ("cargo_imp", "FFM/8\n1/ZZ123/12MAR1230/ICN\nLAX\n999-12345675ICNLAX/T10K250.5MC1.2/SHOES\n".to_owned()),
        ] {
            for (kind, is_read) in [(io::ErrorKind::UnexpectedEof, true), (io::ErrorKind::TimedOut, false)] {
                struct Breaks(io::ErrorKind);
                impl Read for Breaks {
                    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                        Err(self.0.into())
                    }
                }
                let mut n_rows = 0;
                let mut content = text.as_bytes().chain(Breaks(kind));
                let ended = table(name).read_from("a", &mut content, &ReadOptions::default(), &mut |reading| {
                    n_rows += reading.records.iter().map(|(_, batch)| batch.num_rows()).sum::<usize>();
                });
                assert_eq!(ended.unwrap_err().kind(), kind, "{name}");
                // What is read as it comes has given what came, whatever ends it.
                assert!(n_rows > 0 || !is_read, "{name}");
            }
        }
    }
}
