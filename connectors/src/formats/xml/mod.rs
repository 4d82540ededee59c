//! XML messages: one scanner for all, a table and a little code for each format.
//!
//! [`input`] makes text of bytes behind what transport put before them ([`dirt`]), [`scan`] finds the units in it and keeps the limits, [`tree`] is one unit ([`attributes`] of its tags), [`map`]
//! turns elements to columns by tables, [`kind`] says what begins with an element. Each format then has a file:
//! [`korea`], [`tracking`], [`wco`], [`ens`], [`ncts`], [`asycuda`], [`awmds`], [`cargo`], [`pnrgov`]. What is tolerated and
//! refused, by code: [`codes`]; the pages of documentation, made from the tables: [`pages`]; answers that we write:
//! [`answers`] and [`notice`], and [`reply`] which of them to what.
//!
//! A document in memory is read by [`read`] (through the list of formats), one that comes as a stream by [`stream`]:
//! of it no more is held than the largest unit.

pub mod answers;
pub mod codes;
pub mod notice;
pub mod pages;
pub mod write;

mod asycuda;
mod attributes;
mod awmds;
mod cargo;
mod consignment;
mod convert;
mod declaration;
mod dirt;
mod ens;
mod input;
mod kind;
mod korea;
mod map;
mod ncts;
mod output;
mod pnrgov;
mod reply;
mod scan;
mod tracking;
mod tree;
mod unit;
mod value;
mod wco;

use std::io::{self, Read};

use encoding_rs::Encoding;

use crate::format::{MessageFormat, MessageInput, MessageReading};
use crate::options::ReadOptions;
use input::Input;
pub(super) use kind::Kind;
use output::Output;
pub(super) use scan::{Handler, Place, Unit};
pub(super) use tree::Element;

/// Name of a reading whose messages are of several formats or none.
pub const NAME: &str = "xml";

/// Every XML format, in the order they are tried.
pub const FORMATS: &[MessageFormat] = &[
    MessageFormat {
        name: korea::IMPORT,
        title: "Korean import declaration, GOVCBR929",
        versions: &["1:0"],
        recognise: |head| is(head, &["KCS_DeclarationOfIMP_929"], &[Kind::Govcbr929]),
        read,
        stream: Some(stream),
        answer: Some(reply::answer),
    },
    MessageFormat {
        name: korea::EXPORT,
        title: "Korean export declaration, GOVCBR830",
        versions: &["1:0"],
        recognise: |head| is(head, &["KCS_DeclarationOfEXP_830"], &[Kind::Govcbr830]),
        read,
        stream: Some(stream),
        answer: Some(reply::answer),
    },
    MessageFormat {
        name: tracking::NAME,
        title: "UNI-PASS cargo tracking response (API001)",
        versions: &["API001"],
        recognise: |head| is(head, &["cargCsclPrgsInfoQryRtnVo"], &[Kind::Tracking]),
        read,
        stream: Some(stream),
        answer: None,
    },
    MessageFormat {
        name: wco::RESPONSE,
        title: "WCO Data Model response (RES)",
        versions: &["3.x"],
        recognise: |head| {
            has(head, &["Response"]) && {
                let head = kind::head(head);
                head.kind == Some(Kind::Wco) && head.is_response()
            }
        },
        read,
        stream: Some(stream),
        answer: None,
    },
    MessageFormat {
        name: wco::DECLARATION,
        title: "WCO Data Model goods declaration (DEC)",
        versions: &["3.x"],
        recognise: |head| is(head, &["MetaData", "Declaration"], &[Kind::Wco]),
        read,
        stream: Some(stream),
        answer: Some(reply::answer),
    },
    MessageFormat {
        name: ens::NAME,
        title: "EU entry summary declaration and its amendment (IE315, IE313)",
        versions: &["CC315A", "CC313A"],
        recognise: |head| is(head, &["CC315A", "CC313A"], &[Kind::Ens]),
        read,
        stream: Some(stream),
        answer: Some(reply::answer),
    },
    MessageFormat {
        name: ens::ANSWER,
        title: "EU answers to an entry summary declaration (IE351, IE328, IE316, IE304, IE305)",
        versions: &["CC351A", "CC328A", "CC316A", "CC304A", "CC305A"],
        recognise: |head| {
            is(head, &["CC351A", "CC328A", "CC316A", "CC304A", "CC305A"], &[Kind::Intervention, Kind::EnsAnswer])
        },
        read,
        stream: Some(stream),
        answer: None,
    },
    MessageFormat {
        name: ncts::NAME,
        title: "NCTS release for transit (IE029), and its refusal (IE051)",
        versions: &["CC029C", "CC029B", "CC051B"],
        recognise: |head| is(head, &["CC029", "CC051"], &[Kind::TransitRelease]),
        read,
        stream: Some(stream),
        answer: None,
    },
    MessageFormat {
        name: asycuda::NAME,
        title: "ASYCUDA World single administrative document (SAD)",
        versions: &["SAD"],
        recognise: |head| is(head, &["ASYCUDA"], &[Kind::Sad]),
        read,
        stream: Some(stream),
        answer: None,
    },
    MessageFormat {
        name: awmds::NAME,
        title: "ASYCUDA World manifest (AWMDS)",
        versions: &["AWMDS", "AWBOLDS", "AWMCDS", "AWBOLEGMDS"],
        recognise: |head| is(head, &awmds::ROOTS, &[Kind::ManifestHead, Kind::ManifestBill]),
        read,
        stream: Some(stream),
        answer: None,
    },
    MessageFormat {
        name: cargo::WAYBILL,
        title: "Cargo-XML master air waybill (XFWB)",
        versions: &["3.00"],
        recognise: |head| is(head, &["Waybill"], &[Kind::Waybill]),
        read,
        stream: Some(stream),
        answer: None,
    },
    MessageFormat {
        name: cargo::HOUSE,
        title: "Cargo-XML house air waybill (XFZB)",
        versions: &["3.00"],
        recognise: |head| is(head, &["HouseWaybill"], &[Kind::HouseWaybill]),
        read,
        stream: Some(stream),
        answer: None,
    },
    MessageFormat {
        name: cargo::MANIFEST,
        title: "Cargo-XML flight manifest (XFFM)",
        versions: &["2.00"],
        recognise: |head| is(head, &["FlightManifest"], &[Kind::FlightManifest]),
        read,
        stream: Some(stream),
        answer: None,
    },
    MessageFormat {
        name: pnrgov::NAME,
        title: "Bookings of a flight (PNRGOV XML)",
        versions: &["IATA 2007/00"],
        recognise: |head| is(head, &["FlightLeg", "PNR"], &[Kind::PnrFlight, Kind::Pnr]),
        read,
        stream: Some(stream),
        answer: None,
    },
    MessageFormat {
        name: notice::NAME,
        title: "Selection notice in the GOVCBR manner (023, 5EM)",
        versions: &["1:0"],
        recognise: |head| is(head, &["SelectionNotice"], &[Kind::Notice]),
        read,
        stream: Some(stream),
        answer: None,
    },
];

fn is(head: &[u8], names: &[&str], kinds: &[Kind]) -> bool {
    has(head, names) && kind::head(head).kind.is_some_and(|kind| kinds.contains(&kind))
}

/// Whether one of these may stand in there: a look before the head is read, once for each format.
fn has(head: &[u8], names: &[&str]) -> bool {
    let wide = head.iter().take(4).any(|byte| *byte == 0) || head.starts_with(b"\xFE\xFF");
    wide || names.iter().any(|name| memchr::memmem::find(head, name.as_bytes()).is_some())
}

/// Reads a document in memory, whatever messages are in it.
pub fn read(message: MessageInput<'_>) -> MessageReading {
    let mut input = Input::whole(message.bytes, told(message.options));
    let mut reader = Reader::new(message.source, message.options, None);
    // Memory does not fail to be read.
    let _ = scan::scan(&mut input, &mut reader);
    reader.manifest.end(&mut reader.out);
    reader.bookings.end(&mut reader.out);
    reader.out.finish()
}

/// Reads a document as it comes. `each` is given rows, warnings and what was set aside a batch at a time; counts are
/// to be added up. Holds one unit, at most 64 MiB of text, and one batch. Where reading fails (a broken connection, a
/// gzip that is cut off), what came before has been given.
pub fn stream(
    source: &str,
    bytes: &mut dyn Read,
    options: &ReadOptions,
    each: &mut dyn FnMut(MessageReading),
) -> io::Result<()> {
    let mut input = Input::stream(bytes, told(options))?;
    let mut reader = Reader::new(source, options, Some(each));
    let scanned = scan::scan(&mut input, &mut reader);
    reader.manifest.end(&mut reader.out);
    reader.bookings.end(&mut reader.out);
    let Reader { out, each, .. } = reader;
    if let Some(each) = each {
        each(out.finish());
    }
    scanned
}

/// The encoding that what stands around a message tells of it.
fn told(options: &ReadOptions) -> Option<&'static Encoding> {
    options.around.as_ref().and_then(|around| around.charset)
}

/// Hands each unit of a document to `each`, for those who ask for no rows.
fn each_unit(bytes: &[u8], each: &mut dyn FnMut(&Unit<'_>)) {
    struct Each<'e>(&'e mut dyn FnMut(&Unit<'_>));
    impl Handler for Each<'_> {
        fn begins(&mut self, local: &str, namespace: &str, _: &str, path: &[String]) -> Option<Kind> {
            kind::of(local, namespace, path)
        }
        fn unit(&mut self, unit: &Unit<'_>) {
            (self.0)(unit);
        }
        fn outside(&mut self, _: &'static str, _: Place, _: &'static str, _: &str) {}
    }
    // Memory does not fail to be read.
    let _ = scan::scan(&mut Input::whole(bytes, None), &mut Each(each));
}

/// Scans a document for whoever looks for units of his own: readers of envelopes.
pub(super) fn scan_for(bytes: &[u8], handler: &mut dyn Handler) {
    // Memory does not fail to be read.
    let _ = scan::scan(&mut Input::whole(bytes, None), handler);
}

/// An encoding by its name in a header.
pub(super) fn charset(name: &str) -> Option<&'static Encoding> {
    input::by_name(name.trim())
}

/// The first bytes of a document as text.
pub(super) fn decoded(head: &[u8]) -> String {
    let (encoding, mark) = input::encoding_of(head);
    encoding.decode_without_bom_handling(&head[mark..]).0.into_owned()
}

/// Whether one of our messages begins in these first bytes.
pub(super) fn begins_any(head: &[u8]) -> bool {
    kind::head(head).kind.is_some()
}

/// Whether it begins as what a gateway answers to a poll: around its messages, or links to them.
pub(crate) fn is_poll(head: &[u8]) -> bool {
    kind::head(head).names.first().is_some_and(|root| kind::POLLS.contains(&root.as_str()))
}

/// Gives each unit to the reader of its format.
struct Reader<'r> {
    out: Output<'r>,
    each: Option<&'r mut dyn FnMut(MessageReading)>,
    manifest: awmds::State,
    bookings: pnrgov::State,
}

impl<'r> Reader<'r> {
    fn new(source: &'r str, options: &'r ReadOptions, each: Option<&'r mut dyn FnMut(MessageReading)>) -> Self {
        let out = Output::new(source, options);
        Self { out, each, manifest: awmds::State::default(), bookings: pnrgov::State::default() }
    }
}

impl Handler for Reader<'_> {
    fn begins(&mut self, local: &str, namespace: &str, attributes: &str, path: &[String]) -> Option<Kind> {
        let kind = kind::of(local, namespace, path);
        if kind.is_none() {
            self.bookings.passes(local, attributes, path.is_empty(), &mut self.out);
            self.manifest.passes(local, &mut self.out);
        }
        kind
    }

    fn unit(&mut self, unit: &Unit<'_>) {
        let out = &mut self.out;
        match unit.kind {
            Kind::Govcbr929 => korea::read(unit, unit.element, true, out),
            Kind::Govcbr830 => korea::read(unit, unit.element, false, out),
            Kind::Wco => wco::read(unit, out),
            Kind::Tracking => tracking::read(unit, out),
            Kind::Ens => ens::read(unit, out),
            Kind::Intervention | Kind::EnsAnswer => ens::answer(unit, out),
            Kind::TransitRelease => ncts::read(unit, out),
            Kind::Sad => asycuda::read(unit, out),
            Kind::ManifestHead => self.manifest.head(unit, out),
            Kind::ManifestBill => self.manifest.bill(unit, out),
            Kind::Waybill => cargo::waybill(unit, out),
            Kind::HouseWaybill => cargo::house(unit, out),
            Kind::FlightManifest => cargo::manifest::read(unit, out),
            Kind::PnrFlight => self.bookings.flight(unit, out),
            Kind::Pnr => self.bookings.booking(unit, out),
            Kind::Notice => notice::count(unit, out),
            Kind::Soap => {}
        }
        if let Some(each) = &mut self.each
            && self.out.waiting() > 0
        {
            each(self.out.take());
        }
    }

    fn outside(&mut self, code: &'static str, place: Place, reason: &'static str, raw: &str) {
        let Place { byte, line, column } = place;
        if code == "truncated" {
            self.bookings.cut_off();
        }
        if codes::REASONS.iter().any(|(known, _)| *known == code) && code != "truncated" {
            self.out.set_aside(code, &format!("byte {byte}, line {line}, column {column}"), reason, raw);
        } else {
            let path = if line > 0 { format!("line {line}") } else { String::new() };
            self.out.warn(code, path, reason);
        }
    }
}

#[cfg(test)]
mod senders;
#[cfg(test)]
mod tests;
