//! What is sent: subjects with a story each. Declared once, sent again, amended, taken back, counted and overtaken,
//! contradicted. A message says by its description which subject and which content it is, so that it is known again
//! wherever it turns up.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use crate::dice::Dice;

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Declaration,
    Consignment,
    Traveller,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Declaration, Self::Consignment, Self::Traveller];

    /// What ids of its subjects begin with. Ids are upper case, as readers keep them.
    pub fn initial(self) -> char {
        match self {
            Self::Declaration => 'D',
            Self::Consignment => 'C',
            Self::Traveller => 'T',
        }
    }

    pub fn stream(self) -> &'static str {
        match self {
            Self::Declaration => "declaration",
            Self::Consignment => "consignment",
            Self::Traveller => "traveller",
        }
    }
}

/// One subject in one state, as a sender sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub kind: Kind,
    pub subject: String,
    /// Which content: the same letter says the same.
    pub letter: char,
    /// The version, where the sender counts.
    pub version: Option<i32>,
    /// The envelope, where there is one.
    pub envelope: Option<String>,
    /// Whether other senders send the very same.
    pub shared: bool,
}

impl Message {
    /// What it is known by.
    pub fn mark(&self) -> String {
        mark(&self.subject, self.letter)
    }

    /// How many rows it has.
    pub fn n_rows(&self) -> usize {
        if self.kind == Kind::Declaration { self.content().between(1, 3) } else { 1 }
    }

    /// Its rows, by column.
    pub fn rows(&self) -> Vec<Map<String, Value>> {
        let mut content = self.content();
        let n_rows = self.n_rows();
        content.roll();
        let importer = *content.pick(&["I1", "I2", "I3", "I4", "I5"]);
        let exporter = *content.pick(&["S1", "S2", "S3", "S4", "S5", "S6"]);
        let container = *content.pick(&["MSKU1234565", "MSKU7654326", "TGHU0000001", "TGHU0000016"]);
        let rows = (1..=n_rows).map(|item| {
            let value = content.below(100_000) as f64 / 100.0;
            let mut row = match self.kind {
                Kind::Declaration => json!({
                    "declaration_id": self.subject, "item_no": item, "description": self.mark(),
                    "customs_value_usd": value, "hs_code": content.pick(&["850440", "610910", "220830"]),
                    "importer_id": importer, "exporter_id": exporter, "container_ids": [container],
                }),
                Kind::Consignment => json!({
                    "consignment_id": self.subject, "description": self.mark(), "value_usd": value,
                    "transport_mode": content.pick(&["air", "sea"]),
                }),
                Kind::Traveller => json!({
                    "traveller_id": self.subject, "carrier": "ZZ", "flight_no": 421, "departure_airport": "BKK",
                    "arrival_airport": "ICN", "departure_scheduled_at": "2027-03-13T18:05:00Z",
                    "carrier_pax_ref": self.subject, "seat": self.seat(),
                }),
            };
            if let Some(version) = self.version {
                row["version"] = version.into();
            }
            if let Some(envelope) = &self.envelope {
                row["message_id"] = envelope.as_str().into();
            }
            let Value::Object(row) = row else { unreachable!("made as an object above") };
            row
        });
        rows.collect()
    }

    /// A traveller's content is the seat.
    pub fn seat(&self) -> String {
        format!("{}{}", 10 + self.content().below(30), self.letter)
    }

    fn content(&self) -> Dice {
        Dice::of(0, &self.mark())
    }
}

/// How a subject and a content of it are marked in text.
pub fn mark(subject: &str, letter: char) -> String {
    format!("#{subject}{letter}#")
}

/// The mark in a text.
pub fn marked(text: &str) -> Option<&str> {
    let start = text.find('#')?;
    let end = start + 1 + text[start + 1..].find('#')?;
    Some(&text[start..=end])
}

/// What senders put beside the record itself. Rows of a table have the same columns, so what stands in one table is of
/// one style.
#[derive(Clone, Copy, Debug)]
enum Style {
    /// Nothing.
    Plain,
    /// The version.
    Counted,
    /// The envelope.
    Enveloped,
}

/// The stories of one sender about one kind of subject.
pub struct Stories {
    kind: Kind,
    /// Begins the ids of its subjects: no two senders speak of the same, but for those that are shared.
    prefix: String,
    dice: Dice,
    n_begun: usize,
    n_shared: usize,
    /// Stories that are not told to their end, by style.
    open: [Vec<VecDeque<Message>>; 3],
}

impl Stories {
    pub fn new(kind: Kind, prefix: &str, seed: u64) -> Self {
        let dice = Dice::of(seed, &format!("{} {prefix}", kind.stream()));
        Self { kind, prefix: prefix.to_uppercase(), dice, n_begun: 0, n_shared: 0, open: Default::default() }
    }

    /// The next messages, all of different subjects and of one style.
    pub fn next(&mut self, n: usize) -> Vec<Message> {
        let style = *self.dice.pick(&[Style::Plain, Style::Plain, Style::Plain, Style::Counted, Style::Enveloped]);
        let mut open = std::mem::take(&mut self.open[style as usize]);
        while open.len() < n.max(12) {
            open.push(self.begin(style));
        }
        // Those that go on are taken from anywhere, so that a story stretches over time.
        for place in 0..n {
            let other = self.dice.between(place, open.len() - 1);
            open.swap(place, other);
        }
        let next = open[..n].iter_mut().filter_map(VecDeque::pop_front).collect();
        open.retain(|story| !story.is_empty());
        self.open[style as usize] = open;
        next
    }

    fn begin(&mut self, style: Style) -> VecDeque<Message> {
        let initial = self.kind.initial();
        let chance = self.dice.below(100);
        if matches!(style, Style::Plain) && chance < 10 && self.kind != Kind::Traveller {
            self.n_shared += 1;
            let subject = format!("{initial}-SHARED-{:06}-", self.n_shared);
            return [self.message(&subject, 'A', None, None, true)].into();
        }
        self.n_begun += 1;
        let subject = format!("{initial}-{}-{:06}-", self.prefix, self.n_begun);
        let plain = |letter| self.message(&subject, letter, None, None, false);
        let counted = |letter, version| self.message(&subject, letter, Some(version), None, false);
        let within = |letter, n| self.message(&subject, letter, None, Some(format!("{subject}{n}")), false);
        match (style, chance) {
            // Once; twice; amended; and amended again, with the first state sent again between, which changes nothing.
            (Style::Plain, 0..60) => [plain('A')].into(),
            (Style::Plain, 60..75) => [plain('A'), plain('A')].into(),
            (Style::Plain, 75..88) => [plain('A'), plain('B')].into(),
            (Style::Plain, _) => [plain('A'), plain('B'), plain('A'), plain('C'), plain('C')].into(),
            // Counted; overtaken on the way; one number for two contents.
            (Style::Counted, 0..40) => [counted('A', 1), counted('B', 2)].into(),
            (Style::Counted, 40..70) => {
                [counted('A', 1), counted('C', 3), counted('B', 2), counted('B', 2), counted('C', 3)].into()
            }
            (Style::Counted, _) => [counted('A', 1), counted('B', 1), counted('C', 2)].into(),
            // Changed; changed and taken back, in envelopes that tell a change from a repeat.
            (Style::Enveloped, 0..50) => [within('A', 1), within('B', 2)].into(),
            (Style::Enveloped, _) => {
                [within('A', 1), within('B', 2), within('A', 3), within('A', 1), within('A', 3)].into()
            }
        }
    }

    fn message(
        &self,
        subject: &str,
        letter: char,
        version: Option<i32>,
        envelope: Option<String>,
        shared: bool,
    ) -> Message {
        Message { kind: self.kind, subject: subject.to_owned(), letter, version, envelope, shared }
    }
}
