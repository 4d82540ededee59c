//! Writing interchanges: envelope, messages, segments, counts and released values.
//!
//! ```
//! use haechi_connectors::formats::edifact::write::{Envelope, Writer};
//!
//! let envelope = Envelope { sender: "KRCUSTOMS".into(), recipient: "99901".into(), ..Envelope::new("CTL270001") };
//! let mut edi = Writer::new(&envelope);
//! edi.message("CT1", "CONTRL:D:3:UN", "");
//! edi.segment("UCI").value("DEC'1").empty().code("7");
//! assert_eq!(
//!     edi.finish(),
//!     "UNB+UNOA:2+KRCUSTOMS+99901+700101:0000+CTL270001'\nUNH+CT1+CONTRL:D:3:UN'\nUCI+DEC?'1++7'\nUNT+3+CT1'\nUNZ+1+CTL270001'\n"
//! );
//! ```

use std::fmt::Write;

use chrono::NaiveDateTime;

/// What stands around the messages of an interchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// S001: character set and version, `UNOA:4`. `UNOW` and `UNOY` carry any script, `UNOC` Latin-1; where the set is
    /// narrower than a text, what does not fit becomes `.`.
    pub syntax: String,
    /// S002.
    pub sender: String,
    /// S003.
    pub recipient: String,
    /// S004, on the clock of the office.
    pub at: NaiveDateTime,
    /// 0020.
    pub reference: String,
    /// 0026, `IAPI`; empty for none.
    pub application: String,
    /// Messages are put into a functional group (UNG), as carriers expect.
    pub group: Option<Group>,
}

/// A functional group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// 0048.
    pub reference: String,
    /// `D:05B`.
    pub version: String,
}

impl Envelope {
    /// An envelope with this reference and nothing else.
    pub fn new(reference: impl Into<String>) -> Self {
        Self {
            syntax: "UNOA:2".to_owned(),
            sender: String::new(),
            recipient: String::new(),
            at: NaiveDateTime::default(),
            reference: reference.into(),
            application: String::new(),
            group: None,
        }
    }
}

/// An interchange under construction: default service characters, a segment a line.
#[derive(Debug)]
pub struct Writer {
    out: String,
    envelope: Envelope,
    messages: usize,
    /// The group was opened.
    grouped: bool,
    /// Reference of the open message, and segments in it.
    open: Option<(String, usize)>,
}

/// A segment under construction; it ends when it is dropped.
#[derive(Debug)]
pub struct SegmentWriter<'w> {
    out: &'w mut String,
    ascii: bool,
    /// Separators that are written only if something follows.
    pending: String,
}

impl Writer {
    /// Opens with UNB.
    pub fn new(envelope: &Envelope) -> Self {
        let mut writer = Self {
            out: String::with_capacity(4 * 1024),
            envelope: envelope.clone(),
            messages: 0,
            grouped: false,
            open: None,
        };
        let at = envelope.at.format("%y%m%d:%H%M").to_string();
        let mut unb = writer.raw("UNB");
        unb.codes(&envelope.syntax.split(':').collect::<Vec<_>>()).value(&envelope.sender).value(&envelope.recipient);
        unb.codes(&at.split(':').collect::<Vec<_>>()).value(&envelope.reference).empty().value(&envelope.application);
        drop(unb);
        writer
    }

    /// Opens a message: its reference, `CONTRL:D:3:UN`, its common access reference or nothing.
    pub fn message(&mut self, reference: &str, kind: &str, common_reference: &str) {
        self.end_message();
        if let Some(group) = self.envelope.group.clone().filter(|_| !self.grouped) {
            self.grouped = true;
            let at = self.envelope.at.format("%y%m%d:%H%M").to_string();
            let (sender, recipient) = (self.envelope.sender.clone(), self.envelope.recipient.clone());
            let mut ung = self.raw("UNG");
            ung.value(kind.split(':').next().unwrap_or_default()).value(&sender).value(&recipient);
            ung.codes(&at.split(':').collect::<Vec<_>>()).value(&group.reference).code("UN");
            ung.codes(&group.version.split(':').collect::<Vec<_>>());
        }
        self.messages += 1;
        self.open = Some((reference.to_owned(), 0));
        let mut unh = self.segment("UNH");
        unh.value(reference).codes(&kind.split(':').collect::<Vec<_>>()).value(common_reference);
    }

    /// Begins a segment of the open message.
    pub fn segment(&mut self, tag: &str) -> SegmentWriter<'_> {
        if let Some((_, segments)) = &mut self.open {
            *segments += 1;
        }
        self.raw(tag)
    }

    fn raw(&mut self, tag: &str) -> SegmentWriter<'_> {
        self.out.push_str(tag);
        let ascii = matches!(self.envelope.syntax.get(..4), Some("UNOA" | "UNOB"));
        SegmentWriter { out: &mut self.out, ascii, pending: String::new() }
    }

    fn end_message(&mut self) {
        if let Some((reference, segments)) = self.open.take() {
            let mut unt = self.raw("UNT");
            unt.number(segments + 1).value(&reference);
        }
    }

    /// Closes message, group and interchange.
    pub fn finish(mut self) -> String {
        self.end_message();
        let mut units = self.messages;
        if let Some(group) = self.envelope.group.clone().filter(|_| self.grouped) {
            let mut une = self.raw("UNE");
            une.number(units).value(&group.reference);
            drop(une);
            units = 1;
        }
        let reference = self.envelope.reference.clone();
        let mut unz = self.raw("UNZ");
        unz.number(units).value(&reference);
        drop(unz);
        self.out
    }
}

impl SegmentWriter<'_> {
    /// An element of one value, released.
    pub fn value(&mut self, value: &str) -> &mut Self {
        self.values(&[value])
    }

    /// The same, for a code: nothing in it needs releasing, or it is released all the same.
    pub fn code(&mut self, code: &str) -> &mut Self {
        self.values(&[code])
    }

    /// An element of several codes.
    pub fn codes(&mut self, codes: &[&str]) -> &mut Self {
        self.values(codes)
    }

    /// An element of several components; empty ones at the end are left off.
    pub fn values(&mut self, components: &[&str]) -> &mut Self {
        self.pending.push('+');
        for (i, component) in components.iter().enumerate() {
            if i > 0 {
                self.pending.push(':');
            }
            if !component.is_empty() {
                self.out.push_str(&self.pending);
                self.pending.clear();
                for c in component.chars() {
                    match c {
                        '?' | '+' | ':' | '\'' => self.out.extend(['?', c]),
                        c if c.is_control() => self.out.push(' '),
                        c if self.ascii && !c.is_ascii() => self.out.push('.'),
                        c => self.out.push(c),
                    }
                }
            }
        }
        // Separators of components at the end of an element go, those of elements stay.
        while self.pending.ends_with(':') {
            self.pending.pop();
        }
        self
    }

    /// An element of a number.
    pub fn number(&mut self, number: impl std::fmt::Display) -> &mut Self {
        let mut text = String::new();
        let _ = write!(text, "{number}");
        self.value(&text)
    }

    /// An element left empty.
    pub fn empty(&mut self) -> &mut Self {
        self.pending.push('+');
        self
    }
}

impl Drop for SegmentWriter<'_> {
    fn drop(&mut self) {
        self.out.push_str("'\n");
    }
}
