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
        let rows = (1..=n_rows).map(|item| {
            let value = content.below(100_000) as f64 / 100.0;
            let mut row = match self.kind {
                Kind::Declaration => json!({
                    "declaration_id": self.subject, "item_no": item, "description": self.mark(),
                    "customs_value_usd": value, "hs_code": ["850440", "610910", "220830"][content.below(3)],
                }),
                Kind::Consignment => json!({
                    "consignment_id": self.subject, "description": self.mark(), "value_usd": value,
                    "transport_mode": ["air", "sea"][content.below(2)],
                }),
                Kind::Traveller => json!({
                    "carrier": "ZZ", "flight_no": 421, "departure_airport": "BKK", "arrival_airport": "ICN",
                    "departure_scheduled_at": "2027-03-13T18:05:00Z", "carrier_pax_ref": self.subject,
                    "seat": self.seat(),
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

/// The stories of one sender about one kind of subject.
pub struct Stories {
    kind: Kind,
    /// Begins the ids of its subjects: no two senders speak of the same, but for those that are shared.
    prefix: String,
    dice: Dice,
    n_begun: usize,
    n_shared: usize,
    open: Vec<VecDeque<Message>>,
}

impl Stories {
    pub fn new(kind: Kind, prefix: &str, seed: u64) -> Self {
        let dice = Dice::of(seed, &format!("{} {prefix}", kind.stream()));
        Self { kind, prefix: prefix.to_owned(), dice, n_begun: 0, n_shared: 0, open: Vec::new() }
    }

    /// The next messages, all of different subjects.
    pub fn next(&mut self, n: usize) -> Vec<Message> {
        while self.open.len() < n.max(12) {
            let story = self.begin();
            self.open.push(story);
        }
        // Those that go on are taken from anywhere, so that a story stretches over time.
        for place in 0..n {
            let other = self.dice.between(place, self.open.len() - 1);
            self.open.swap(place, other);
        }
        let next = self.open[..n].iter_mut().filter_map(VecDeque::pop_front).collect();
        self.open.retain(|story| !story.is_empty());
        next
    }

    fn begin(&mut self) -> VecDeque<Message> {
        let initial = &self.kind.stream()[..1];
        let chance = self.dice.below(100);
        if chance < 6 && self.kind != Kind::Traveller {
            self.n_shared += 1;
            let subject = format!("{initial}-shared-{:06}-", self.n_shared);
            return [self.message(&subject, 'A', None, None, true)].into();
        }
        self.n_begun += 1;
        let subject = format!("{initial}-{}-{:06}-", self.prefix, self.n_begun);
        let plain = |letter, version| self.message(&subject, letter, version, None, false);
        let within = |letter, n| self.message(&subject, letter, None, Some(format!("{subject}{n}")), false);
        match chance {
            // Once, and once more.
            0..45 => [plain('A', None)].into(),
            45..58 => [plain('A', None), plain('A', None)].into(),
            // Amended; the first state sent again, which changes nothing; amended again.
            58..68 => [plain('A', None), plain('B', None)].into(),
            68..76 => [plain('A', None), plain('B', None), plain('A', None), plain('C', None), plain('C', None)].into(),
            // Counted, and overtaken on the way.
            76..86 => [plain('A', Some(1)), plain('C', Some(3)), plain('B', Some(2)), plain('B', Some(2)), plain('C', Some(3))]
                .into(),
            // One number for two contents.
            86..91 => [plain('A', Some(1)), plain('B', Some(1)), plain('C', Some(2))].into(),
            // Changed and taken back, in envelopes that tell a change from a repeat.
            _ => [within('A', 1), within('B', 2), within('A', 3), within('A', 1), within('A', 3)].into(),
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
