//! What reads bodies, one for each stream that has selections.

use chrono_tz::Tz;
use haechi_connectors::{Documents, ReadOptions};
use haechi_model::Stream;
use haechi_model::streams::{CONSIGNMENT, DECLARATION, TRAVELLER};

/// Readers of bodies.
pub struct Readers([Documents; 3]);

impl Readers {
    /// Reads wall times without a zone in this one.
    pub fn new(zone: Tz) -> Self {
        let options = ReadOptions { zone, threads: 1, ..ReadOptions::default() };
        let reader =
            |stream| Documents::new(stream, None, options.clone()).expect("no mapping, so none for another stream");
        Self([&DECLARATION, &CONSIGNMENT, &TRAVELLER].map(reader))
    }

    /// The reader of a stream; streams without selections are read by none.
    pub fn of(&self, stream: &Stream) -> &Documents {
        self.0.iter().find(|reader| reader.stream().name == stream.name).unwrap_or(&self.0[0])
    }

    /// The stream of that name, if it is read.
    pub fn stream(&self, name: &str) -> Option<&'static Stream> {
        self.0.iter().map(Documents::stream).find(|stream| stream.name == name)
    }
}
