//! What an envelope says: who sends what to whom, in answer to what. ebMS 2.0 and ebMS 3.0 (AS4) become one thing here.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime};

use super::mime::bare_id;
use crate::formats::xml::{self, Element, Handler, Kind, Place, Unit};

/// References of one envelope that are read.
pub const REFERENCES_MAX: usize = 1000;
/// Messages of one envelope (AS4 may bundle a receipt with a question), errors of one answer, and the like.
const SEVERAL_MAX: usize = 100;

/// The service of ebMS 2.0 to which its signals belong.
pub const EBMS2_SERVICE: &str = "urn:oasis:names:tc:ebxml-msg:service";
/// The namespace of ebMS 2.0 headers.
pub const EBMS2_NAMESPACE: &str = "http://www.oasis-open.org/committees/ebxml-msg/schema/msg-header-2_0.xsd";
/// The namespace of ebMS 3.0 headers.
pub const EBMS3_NAMESPACE: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/";

/// Which of the two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// ebXML Message Service 2.0: SOAP 1.1 with attachments.
    #[default]
    Ebms2,
    /// ebXML Messaging 3.0 as AS4 profiles it: SOAP 1.2.
    As4,
}

impl Protocol {
    /// As a reading names its version.
    pub fn version(self) -> &'static str {
        match self {
            Self::Ebms2 => "2.0",
            Self::As4 => "3.0",
        }
    }

    /// Content-Type of an answer of one part.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Ebms2 => "text/xml; charset=UTF-8",
            Self::As4 => "application/soap+xml; charset=UTF-8",
        }
    }
}

/// One end of an exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Party {
    /// PartyIds, each with its type.
    pub ids: Vec<(String, Option<String>)>,
    /// What it acts as.
    pub role: Option<String>,
}

impl Party {
    /// The first id, empty where there is none.
    pub fn id(&self) -> &str {
        self.ids.first().map_or("", |(id, _)| id.as_str())
    }
}

/// A payload, as the envelope names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference {
    /// As sent; empty where the payload stands in the SOAP body.
    pub href: String,
    /// PartProperties: `MimeType`, `CharacterSet`, `CompressionType`.
    pub properties: BTreeMap<String, String>,
}

/// What was signed: a part and its digest, as the signature names them. A receipt repeats it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// Of what.
    pub uri: String,
    /// Algorithms by which it was made ready.
    pub transforms: Vec<String>,
    /// Algorithm.
    pub method: String,
    /// Base64.
    pub value: String,
}

/// An error that a partner tells, or that we do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorItem {
    /// `MimeProblem`, `EBMS:0007`.
    pub code: String,
    /// `Error`, `Warning`; `failure`, `warning`.
    pub severity: String,
    /// Where, or what about.
    pub location: Option<String>,
    /// In words.
    pub description: Option<String>,
}

/// What a message is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// Brings payloads.
    #[default]
    Payloads,
    /// ebMS 2.0: received, at this time.
    Acknowledgment,
    /// AS4: received; what was signed of it.
    Receipt(Vec<Digest>),
    /// Something is wrong with the message that is referred to.
    Errors(Vec<ErrorItem>),
    /// Are you there?
    Ping,
    /// I am.
    Pong,
    /// What became of a message?
    StatusRequest {
        /// Its id.
        about: String,
    },
    /// This did.
    StatusResponse {
        /// Id of the message.
        about: String,
        /// `Received`, `Processed`, `Forwarded`, `NotRecognized`, `UnAuthorized`.
        status: String,
    },
    /// AS4: what have you for me, on this channel?
    PullRequest {
        /// Message partition channel, where it is not the default one.
        channel: Option<String>,
    },
}

impl Purpose {
    /// What readings count it as.
    pub fn counted(&self) -> &'static str {
        match self {
            Self::Payloads => "user_messages",
            Self::Acknowledgment => "acknowledgments",
            Self::Receipt(_) => "receipts",
            Self::Errors(_) => "error_messages",
            Self::Ping => "pings",
            Self::Pong => "pongs",
            Self::StatusRequest { .. } => "status_requests",
            Self::StatusResponse { .. } => "status_responses",
            Self::PullRequest { .. } => "pull_requests",
        }
    }
}

/// What an envelope says of its message.
///
/// The same [`message_id`](Self::message_id) from the same party is the same message: whoever takes messages answers it
/// as it did before and takes no second row of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "what an envelope says yes or no to, each by itself")]
pub struct Envelope {
    /// Which standard it keeps to.
    pub protocol: Protocol,
    /// What it is for.
    pub purpose: Purpose,
    /// Empty where the sender gives none.
    pub message_id: String,
    /// The message it answers.
    pub ref_to_message_id: Option<String>,
    /// The conversation it belongs to.
    pub conversation_id: Option<String>,
    /// CPAId of ebMS 2.0, AgreementRef of ebMS 3.0.
    pub agreement: Option<String>,
    /// What is asked of the receiver.
    pub service: String,
    /// Which step of it: often the code of the document.
    pub action: String,
    /// Who sends.
    pub from: Party,
    /// To whom.
    pub to: Party,
    /// Time on it, UTC milliseconds.
    pub issued_at: Option<i64>,
    /// Not to be taken after this time, UTC milliseconds.
    pub valid_until: Option<i64>,
    /// The sender may send it again and counts on its being taken once.
    pub duplicate_elimination: bool,
    /// The sender waits for an acknowledgement (always so in AS4, as agreed).
    pub ack_requested: bool,
    /// Signed. No signature is checked here.
    pub signed: bool,
    /// Encrypted, all or in part.
    pub encrypted: bool,
    /// What a receipt for it has to repeat.
    pub digests: Vec<Digest>,
    /// MessageProperties of AS4: `originalSender`, `finalRecipient`.
    pub properties: Vec<(String, String)>,
    /// Its payloads.
    pub references: Vec<Reference>,
    /// More payloads were named than are read.
    pub references_cut: bool,
}

impl Envelope {
    /// Who sent it in the end: `originalSender` where a corner of a network only passed it on, else From.
    pub fn sender(&self) -> &str {
        let original = self.properties.iter().find(|(name, _)| name.eq_ignore_ascii_case("originalSender"));
        original.map_or(self.from.id(), |(_, value)| value.as_str())
    }
}

/// What was found in the part that is the envelope.
#[derive(Debug, Default)]
pub struct Found {
    /// The messages it tells of, mostly one.
    pub envelopes: Vec<Envelope>,
    /// A root `Envelope` is there.
    pub is_soap: bool,
    /// The SOAP body holds something that is not part of the envelope.
    pub body_payload: bool,
    /// Why it cannot be read.
    pub broken: Option<String>,
    /// Code and place of what was tolerated.
    pub oddities: Vec<(&'static str, String)>,
}

/// Reads an envelope.
pub fn find(bytes: &[u8]) -> Found {
    let mut reader = Reader::default();
    xml::scan_for(bytes, &mut reader);
    let Reader { mut found, header, manifest, .. } = reader;
    let Some(mut header) = header else {
        if found.is_soap && found.broken.is_none() {
            found.broken = Some("the SOAP envelope has no ebXML header".to_owned());
        }
        return found;
    };
    if let Some(first) = header.first_mut() {
        manifest.into(first);
    }
    found.envelopes = header;
    found
}

#[derive(Default)]
struct Reader {
    found: Found,
    header: Option<Vec<Envelope>>,
    manifest: InBody,
}

/// What ebMS 2.0 puts into the SOAP body.
#[derive(Default)]
struct InBody {
    references: Vec<Reference>,
    cut: bool,
    about: Option<String>,
    status: Option<String>,
    fault: Option<String>,
    encrypted: bool,
}

impl InBody {
    fn into(self, envelope: &mut Envelope) {
        let mut several = self.references;
        envelope.references.append(&mut several);
        envelope.references_cut |= self.cut;
        envelope.encrypted |= self.encrypted;
        match &mut envelope.purpose {
            Purpose::StatusRequest { about } => *about = self.about.unwrap_or_default(),
            Purpose::StatusResponse { about, status } => {
                *about = self.about.unwrap_or_default();
                *status = self.status.unwrap_or_default();
            }
            Purpose::Payloads if self.fault.is_some() => {
                let error = ErrorItem { code: "Fault".into(), description: self.fault, ..ErrorItem::default() };
                envelope.purpose = Purpose::Errors(vec![error]);
            }
            _ => {}
        }
    }
}

impl Handler for Reader {
    fn begins(&mut self, local: &str, _namespace: &str, _attributes: &str, path: &[String]) -> Option<Kind> {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match (path.as_slice(), local) {
            ([], "Envelope") => self.found.is_soap = true,
            (["Envelope"], "Header") => return self.found.is_soap.then_some(Kind::Soap),
            (["Envelope", "Body"], "Manifest" | "StatusRequest" | "StatusResponse" | "Fault") => {
                return Some(Kind::Soap);
            }
            (["Envelope", "Body"], "EncryptedData") => self.manifest.encrypted = true,
            (["Envelope", "Body"], _) => self.found.body_payload = true,
            _ => {}
        }
        None
    }

    fn unit(&mut self, unit: &Unit<'_>) {
        let element = unit.element;
        if let Some(fault) = unit.faults.iter().find(|fault| fault.breaks()) {
            let says = format!("line {}, column {}: {}", fault.line, fault.column, fault.reason);
            self.found.broken.get_or_insert(says);
        }
        for fault in unit.faults.iter().filter(|fault| !fault.breaks()) {
            self.found.oddities.push(("envelope", format!("line {}: {}", fault.line, fault.reason)));
        }
        let about = || element.get("RefToMessageId").map(str::to_owned);
        match element.name() {
            "Header" if self.header.is_none() => self.header = Some(header(element)).filter(|all| !all.is_empty()),
            "Manifest" => {
                for reference in element.all("Reference") {
                    if self.manifest.references.len() == REFERENCES_MAX {
                        self.manifest.cut = true;
                        break;
                    }
                    let href = reference.attribute("href").unwrap_or_default().trim().to_owned();
                    self.manifest.references.push(Reference { href, ..Reference::default() });
                }
            }
            "StatusRequest" => self.manifest.about = about(),
            "StatusResponse" => {
                self.manifest.about = about();
                self.manifest.status = element.attribute("messageStatus").map(std::borrow::Cow::into_owned);
            }
            "Fault" => {
                let text = element.descendants().find(|e| matches!(e.name(), "faultstring" | "Text"));
                self.manifest.fault = Some(text.and_then(Element::value).unwrap_or("SOAP fault").to_owned());
            }
            _ => {}
        }
    }

    fn outside(&mut self, code: &'static str, place: Place, reason: &'static str, _raw: &str) {
        match code {
            "charset" => self.found.oddities.push(("charset", reason.to_owned())),
            "no_message" | "transport_dirt" => {}
            _ if self.found.oddities.len() < SEVERAL_MAX => {
                self.found.oddities.push(("envelope", format!("line {}: {reason}", place.line)));
            }
            _ => {}
        }
    }
}

/// The messages of which a SOAP header tells.
fn header(header: Element<'_>) -> Vec<Envelope> {
    let mut envelopes: Vec<Envelope> = header.all("MessageHeader").take(1).map(|mh| ebms2(header, mh)).collect();
    if envelopes.is_empty() {
        let messages = header.all("Messaging").flat_map(Element::children);
        let messages = messages.filter_map(|message| match message.name() {
            "UserMessage" => Some(user_message(message)),
            "SignalMessage" => Some(signal(message)),
            _ => None,
        });
        envelopes.extend(messages.take(SEVERAL_MAX));
    }
    let signature = header.descendants().find(|e| e.name() == "SignedInfo");
    let encrypted = header.descendants().any(|e| matches!(e.name(), "EncryptedKey" | "EncryptedData"));
    for envelope in &mut envelopes {
        envelope.signed = signature.is_some();
        envelope.encrypted = encrypted;
        envelope.digests = signature.map(digests).unwrap_or_default();
    }
    envelopes
}

fn owned(element: Element<'_>, path: &str) -> Option<String> {
    element.get(path).map(str::to_owned)
}

fn ebms2(header: Element<'_>, message: Element<'_>) -> Envelope {
    let data = message.at("MessageData");
    let of_data = |name: &str| data.and_then(|data| owned(data, name));
    let action = owned(message, "Action").unwrap_or_default();
    let service = owned(message, "Service").unwrap_or_default();
    let signal = service == EBMS2_SERVICE;
    let errors = header.at("ErrorList");
    let purpose = match action.as_str() {
        "Acknowledgment" if signal => Purpose::Acknowledgment,
        "Ping" if signal => Purpose::Ping,
        "Pong" if signal => Purpose::Pong,
        "StatusRequest" if signal => Purpose::StatusRequest { about: String::new() },
        "StatusResponse" if signal => Purpose::StatusResponse { about: String::new(), status: String::new() },
        _ => match errors {
            Some(list) => Purpose::Errors(list.all("Error").take(SEVERAL_MAX).map(ebms2_error).collect()),
            None => Purpose::Payloads,
        },
    };
    let acknowledged = header.at("Acknowledgment").and_then(|a| owned(a, "RefToMessageId"));
    Envelope {
        protocol: Protocol::Ebms2,
        message_id: of_data("MessageId").unwrap_or_default(),
        ref_to_message_id: of_data("RefToMessageId").or(acknowledged),
        conversation_id: owned(message, "ConversationId"),
        agreement: owned(message, "CPAId"),
        from: message.at("From").map(party).unwrap_or_default(),
        to: message.at("To").map(party).unwrap_or_default(),
        issued_at: of_data("Timestamp").as_deref().and_then(instant),
        valid_until: of_data("TimeToLive").as_deref().and_then(instant),
        duplicate_elimination: message.at("DuplicateElimination").is_some(),
        ack_requested: header.at("AckRequested").is_some(),
        purpose,
        service,
        action,
        ..Envelope::default()
    }
}

fn ebms2_error(error: Element<'_>) -> ErrorItem {
    let attribute = |name: &str| error.attribute_value(name).map(std::borrow::Cow::into_owned);
    ErrorItem {
        code: attribute("errorCode").unwrap_or_default(),
        severity: attribute("severity").unwrap_or_default(),
        location: attribute("location"),
        description: owned(error, "Description"),
    }
}

fn user_message(message: Element<'_>) -> Envelope {
    let mut references: Vec<Reference> = Vec::new();
    let mut cut = false;
    for info in message.all("PayloadInfo").flat_map(Element::children).filter(|info| info.name() == "PartInfo") {
        if references.len() == REFERENCES_MAX {
            cut = true;
            break;
        }
        let properties = info.all("PartProperties").flat_map(Element::children).take(SEVERAL_MAX).filter_map(property);
        let href = info.attribute("href").unwrap_or_default().trim().to_owned();
        references.push(Reference { href, properties: properties.collect() });
    }
    let properties = message.all("MessageProperties").flat_map(Element::children).take(SEVERAL_MAX);
    Envelope {
        protocol: Protocol::As4,
        conversation_id: owned(message, "CollaborationInfo/ConversationId"),
        agreement: owned(message, "CollaborationInfo/AgreementRef"),
        service: owned(message, "CollaborationInfo/Service").unwrap_or_default(),
        action: owned(message, "CollaborationInfo/Action").unwrap_or_default(),
        from: message.at("PartyInfo/From").map(party).unwrap_or_default(),
        to: message.at("PartyInfo/To").map(party).unwrap_or_default(),
        // AS4 asks for both by agreement, not in the message.
        duplicate_elimination: true,
        ack_requested: true,
        properties: properties.filter_map(property).collect(),
        references,
        references_cut: cut,
        ..message_info(message)
    }
}

fn signal(message: Element<'_>) -> Envelope {
    let errors: Vec<ErrorItem> = message.all("Error").take(SEVERAL_MAX).map(as4_error).collect();
    let purpose = if let Some(receipt) = message.at("Receipt") {
        Purpose::Receipt(digests(receipt))
    } else if let Some(pull) = message.at("PullRequest") {
        Purpose::PullRequest { channel: pull.attribute_value("mpc").map(std::borrow::Cow::into_owned) }
    } else {
        Purpose::Errors(errors)
    };
    let own = message_info(message);
    // An error may name the message it is about in itself only.
    let named = message.at("Error").and_then(|error| error.attribute_value("refToMessageInError"));
    let ref_to_message_id = own.ref_to_message_id.clone().or(named.map(std::borrow::Cow::into_owned));
    Envelope { purpose, ref_to_message_id, ..own }
}

fn message_info(message: Element<'_>) -> Envelope {
    Envelope {
        protocol: Protocol::As4,
        message_id: owned(message, "MessageInfo/MessageId").unwrap_or_default(),
        ref_to_message_id: owned(message, "MessageInfo/RefToMessageId"),
        issued_at: message.get("MessageInfo/Timestamp").and_then(instant),
        ..Envelope::default()
    }
}

fn as4_error(error: Element<'_>) -> ErrorItem {
    let attribute = |name: &str| error.attribute_value(name).map(std::borrow::Cow::into_owned);
    ErrorItem {
        code: attribute("errorCode").unwrap_or_default(),
        severity: attribute("severity").unwrap_or_default(),
        location: attribute("refToMessageInError"),
        description: owned(error, "Description").or_else(|| owned(error, "ErrorDetail")),
    }
}

fn party(party: Element<'_>) -> Party {
    let id = |id: Element<'_>| {
        let kind = id.attribute_value("type").map(std::borrow::Cow::into_owned);
        id.value().map(|value| (value.to_owned(), kind))
    };
    Party { ids: party.all("PartyId").take(SEVERAL_MAX).filter_map(id).collect(), role: owned(party, "Role") }
}

fn property(property: Element<'_>) -> Option<(String, String)> {
    let name = property.attribute_value("name")?.into_owned();
    Some((name, property.text().to_owned()))
}

/// The signed parts that `ds:Reference` elements below name.
fn digests(within: Element<'_>) -> Vec<Digest> {
    let algorithm = |e: Element<'_>| e.attribute("Algorithm").unwrap_or_default().into_owned();
    let references = within.descendants().filter(|e| e.name() == "Reference" && e.at("DigestValue").is_some());
    let digest = |reference: Element<'_>| Digest {
        uri: reference.attribute("URI").unwrap_or_default().into_owned(),
        transforms: reference.all("Transforms").flat_map(Element::children).take(20).map(algorithm).collect(),
        method: reference.at("DigestMethod").map(algorithm).unwrap_or_default(),
        value: owned(reference, "DigestValue").unwrap_or_default(),
    };
    references.take(REFERENCES_MAX).map(digest).collect()
}

/// A time with its zone; without one, as both standards say, UTC.
fn instant(text: &str) -> Option<i64> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.timestamp_millis());
    }
    let naive = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    Some(naive.and_utc().timestamp_millis())
}

/// The Content-ID that a reference names, and whether it says `cid:`.
pub fn content_id(href: &str) -> (String, bool) {
    let href = href.trim();
    let scheme = href.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("cid:"));
    let id = if scheme { &href[4..] } else { href };
    (percent_decoded(bare_id(id)), scheme)
}

fn percent_decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| *first == b'%').and_then(|d| str::from_utf8(d).ok());
        if let Some(byte) = digits.filter(|d| !d.starts_with('+')).and_then(|d| u8::from_str_radix(d, 16).ok()) {
            out.push(byte);
            rest = &behind[2..];
        } else {
            out.push(*first);
            rest = behind;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
