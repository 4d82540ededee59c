//! Answers that we write to a message in an envelope: received, refused, here we are, this became of it.
//!
//! ```
//! use haechi_connectors::formats::ebxml::{Answer, Envelope, Opened, Purpose};
//!
//! let asked = Envelope { message_id: "m-1@example.com".into(), ..Envelope::default() };
//! let answer = Answer::Received.write(&asked, "a-1@example.org", 0).unwrap_or_default();
//! let read = Opened::new(answer.as_bytes());
//! assert_eq!(read.envelopes()[0].purpose, Purpose::Acknowledgment);
//! assert_eq!(read.envelopes()[0].ref_to_message_id.as_deref(), Some("m-1@example.com"));
//! ```
//!
//! An answer tells what became of the message and nothing of what we think of what is in it.

use haechi_model::intake::SetAside;

use super::envelope::{Digest, EBMS2_NAMESPACE, EBMS2_SERVICE, EBMS3_NAMESPACE, Envelope, Party, Protocol};
use crate::formats::xml::answers::stamp;
use crate::formats::xml::write::Document;

/// Namespace of the signed parts that a receipt repeats.
const SIGNALS_NAMESPACE: &str = "http://docs.oasis-open.org/ebxml-bp/ebbp-signals-2.0";
const SIGNATURE_NAMESPACE: &str = "http://www.w3.org/2000/09/xmldsig#";
const ERROR_CONTEXT: &str = "urn:oasis:names:tc:ebxml-msg:service:errors";

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The message is in the journal: `Acknowledgment`, or in AS4 a `Receipt`.
    Received,
    /// The message, or a part of it, was not taken: `MessageError`, or in AS4 an `Error` signal.
    Refused(Vec<Fault>),
    /// To a ping; AS4 answers one with a receipt.
    Pong,
    /// To a question about a message; AS4 has none.
    Status(Status),
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// No such message came.
    NotRecognized,
    /// It came at this time, UTC milliseconds, and waits.
    Received(i64),
    /// It came at this time and was taken.
    Processed(i64),
    /// The asker is not told.
    UnAuthorized,
}

/// Something wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Of what kind.
    pub kind: FaultKind,
    /// What about: `cid:payload-1@example.com`.
    pub location: Option<String>,
    /// In words, with what to do.
    pub text: String,
    /// The message is taken all the same.
    pub warning: bool,
}

/// Kinds of faults, by the codes that both standards give them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A value that we do not know.
    ValueNotRecognized,
    /// Something that we do not do.
    NotSupported,
    /// Values that contradict each other.
    Inconsistent,
    /// A payload that is missing or is not as its MIME header says.
    Mime,
    /// A header that cannot be read.
    Header,
    /// A payload that cannot be unpacked.
    Decompression,
    /// A payload that stands elsewhere.
    External,
    /// A signature or who sent it.
    Security,
    /// It came too late.
    TimeToLiveExpired,
    /// It cannot be handed on.
    Delivery,
    /// Anything else.
    Other,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::ValueNotRecognized,
        Self::NotSupported,
        Self::Inconsistent,
        Self::Mime,
        Self::Header,
        Self::Decompression,
        Self::External,
        Self::Security,
        Self::TimeToLiveExpired,
        Self::Delivery,
        Self::Other,
    ];

    /// errorCode of ebMS 2.0.
    pub fn ebms2(self) -> &'static str {
        match self {
            Self::ValueNotRecognized => "ValueNotRecognized",
            Self::NotSupported => "NotSupported",
            Self::Inconsistent => "Inconsistent",
            Self::Mime | Self::Decompression | Self::External => "MimeProblem",
            Self::Header => "OtherXml",
            Self::Security => "SecurityFailure",
            Self::TimeToLiveExpired => "TimeToLiveExpired",
            Self::Delivery => "DeliveryFailure",
            Self::Other => "Unknown",
        }
    }

    /// errorCode, category and shortDescription of ebMS 3.0.
    pub fn as4(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::ValueNotRecognized => ("EBMS:0001", "Content", "ValueNotRecognized"),
            Self::NotSupported => ("EBMS:0002", "Content", "FeatureNotSupported"),
            Self::Inconsistent => ("EBMS:0003", "Content", "ValueInconsistent"),
            Self::Mime => ("EBMS:0007", "Unpackaging", "MimeInconsistency"),
            Self::Header => ("EBMS:0009", "Unpackaging", "InvalidHeader"),
            Self::Decompression => ("EBMS:0303", "Communication", "DecompressionFailure"),
            Self::External => ("EBMS:0011", "Content", "ExternalPayloadError"),
            Self::Security => ("EBMS:0101", "Processing", "FailedAuthentication"),
            Self::Delivery => ("EBMS:0202", "Communication", "DeliveryFailure"),
            Self::TimeToLiveExpired | Self::Other => ("EBMS:0004", "Content", "Other"),
        }
    }

    /// Of a unit that the reader of envelopes set aside; `None` where a payload's own reader did, which is nothing that
    /// an answer to the envelope tells.
    fn of(code: &str) -> Option<Self> {
        Some(match code {
            "missing_part" | "transfer_encoding" | "part_header" | "empty_payload" | "nested" | "unreferenced" => {
                Self::Mime
            }
            "compression" | "too_large" => Self::Decompression,
            "external_payload" => Self::External,
            "encrypted" => Self::Security,
            "envelope" | "no_envelope" => Self::Header,
            "unknown_content" => Self::NotSupported,
            "too_many_parts" | "too_many_references" => Self::Delivery,
            _ => return None,
        })
    }
}

impl Answer {
    /// What a message of whose reading this was set aside is answered at once: received, or what is wrong with its envelope and
    /// parts. What is wrong inside of payloads is told by the business answer.
    pub fn to(set_aside: &[SetAside]) -> Self {
        let fault = |unit: &SetAside| {
            let kind = FaultKind::of(unit.code)?;
            Some(Fault { kind, location: None, text: unit.reason.clone(), warning: false })
        };
        let faults: Vec<Fault> = set_aside.iter().filter_map(fault).take(100).collect();
        if faults.is_empty() { Self::Received } else { Self::Refused(faults) }
    }

    /// Writes it as the answer to a message, under an id of our own, at a time (UTC milliseconds). `None` where the
    /// protocol of the message has no such answer.
    pub fn write(&self, to: &Envelope, message_id: &str, at: i64) -> Option<String> {
        match to.protocol {
            Protocol::Ebms2 => Some(self.ebms2(to, message_id, at)),
            Protocol::As4 => self.as4(to, message_id, at),
        }
    }

    fn ebms2(&self, to: &Envelope, message_id: &str, at: i64) -> String {
        let mut xml = Document::new();
        xml.open_with(
            "soap:Envelope",
            &[
                ("xmlns:soap", "http://schemas.xmlsoap.org/soap/envelope/"),
                ("xmlns:eb", EBMS2_NAMESPACE),
                ("xmlns:xlink", "http://www.w3.org/1999/xlink"),
            ],
        );
        xml.open("soap:Header");
        let action = match self {
            Self::Received => "Acknowledgment",
            Self::Refused(_) => "MessageError",
            Self::Pong => "Pong",
            Self::Status(_) => "StatusResponse",
        };
        xml.open_with("eb:MessageHeader", &[("soap:mustUnderstand", "1"), ("eb:version", "2.0")]);
        for (name, party) in [("eb:From", &to.to), ("eb:To", &to.from)] {
            xml.open(name);
            for_party(&mut xml, party, "eb:type");
            xml.close();
        }
        xml.leaf_if("eb:CPAId", to.agreement.as_deref())
            .leaf_if("eb:ConversationId", to.conversation_id.as_deref())
            .leaf("eb:Service", EBMS2_SERVICE)
            .leaf("eb:Action", action)
            .open("eb:MessageData")
            .leaf("eb:MessageId", message_id)
            .leaf("eb:Timestamp", &time(at))
            .leaf("eb:RefToMessageId", &to.message_id)
            .close()
            .close();
        match self {
            Self::Received => {
                let actor = "urn:oasis:names:tc:ebxml-msg:actor:toPartyMSH";
                let attributes = [("soap:mustUnderstand", "1"), ("soap:actor", actor), ("eb:version", "2.0")];
                xml.open_with("eb:Acknowledgment", &attributes)
                    .leaf("eb:Timestamp", &time(at))
                    .leaf("eb:RefToMessageId", &to.message_id)
                    .open("eb:From");
                for_party(&mut xml, &to.to, "eb:type");
                xml.close().close();
            }
            Self::Refused(faults) => ebms2_errors(&mut xml, faults),
            Self::Pong | Self::Status(_) => {}
        }
        xml.close();
        match self {
            Self::Status(status) => {
                let about = match &to.purpose {
                    super::Purpose::StatusRequest { about } => about.as_str(),
                    _ => "",
                };
                let (word, at) = status.word();
                xml.open("soap:Body")
                    .open_with("eb:StatusResponse", &[("eb:version", "2.0"), ("eb:messageStatus", word)])
                    .leaf("eb:RefToMessageId", about)
                    .leaf_if("eb:Timestamp", at.map(time).as_deref());
            }
            _ => drop(xml.empty("soap:Body", &[])),
        }
        xml.finish()
    }

    fn as4(&self, to: &Envelope, message_id: &str, at: i64) -> Option<String> {
        let mut xml = Document::new();
        xml.open_with(
            "env:Envelope",
            &[("xmlns:env", "http://www.w3.org/2003/05/soap-envelope"), ("xmlns:eb", EBMS3_NAMESPACE)],
        );
        xml.open("env:Header").open_with("eb:Messaging", &[("env:mustUnderstand", "true")]).open("eb:SignalMessage");
        xml.open("eb:MessageInfo")
            .leaf("eb:Timestamp", &time(at))
            .leaf("eb:MessageId", message_id)
            .leaf_if("eb:RefToMessageId", Some(&to.message_id))
            .close();
        match self {
            Self::Received | Self::Pong => {
                xml.open("eb:Receipt");
                if to.digests.is_empty() {
                    // What was not signed is repeated itself.
                    user_message(&mut xml, to);
                } else {
                    non_repudiation(&mut xml, &to.digests);
                }
                xml.close();
            }
            Self::Refused(faults) => {
                for fault in faults {
                    let (code, category, short) = fault.kind.as4();
                    xml.open_with(
                        "eb:Error",
                        &[
                            ("category", category),
                            ("errorCode", code),
                            ("origin", "ebMS"),
                            ("refToMessageInError", &to.message_id),
                            ("severity", if fault.warning { "warning" } else { "failure" }),
                            ("shortDescription", short),
                        ],
                    );
                    xml.leaf_with("eb:Description", &[("xml:lang", "en")], &fault.said()).close();
                }
            }
            Self::Status(_) => return None,
        }
        xml.close().close().close().empty("env:Body", &[]);
        Some(xml.finish())
    }
}

impl Fault {
    /// Its words, with the place where the standard has no room for it.
    fn said(&self) -> String {
        match &self.location {
            Some(location) => format!("{location}: {}", self.text),
            None => self.text.clone(),
        }
    }
}

impl Status {
    fn word(self) -> (&'static str, Option<i64>) {
        match self {
            Self::NotRecognized => ("NotRecognized", None),
            Self::Received(at) => ("Received", Some(at)),
            Self::Processed(at) => ("Processed", Some(at)),
            Self::UnAuthorized => ("UnAuthorized", None),
        }
    }
}

fn time(at: i64) -> String {
    stamp(at, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

fn for_party(xml: &mut Document, party: &Party, kind_attribute: &str) {
    for (id, kind) in &party.ids {
        match kind {
            Some(kind) => xml.leaf_with("eb:PartyId", &[(kind_attribute, kind)], id),
            None => xml.leaf("eb:PartyId", id),
        };
    }
}

fn ebms2_errors(xml: &mut Document, faults: &[Fault]) {
    let highest = if faults.iter().all(|fault| fault.warning) { "Warning" } else { "Error" };
    xml.open_with(
        "eb:ErrorList",
        &[("soap:mustUnderstand", "1"), ("eb:version", "2.0"), ("eb:highestSeverity", highest)],
    );
    for fault in faults {
        let severity = if fault.warning { "Warning" } else { "Error" };
        let mut attributes =
            vec![("eb:codeContext", ERROR_CONTEXT), ("eb:errorCode", fault.kind.ebms2()), ("eb:severity", severity)];
        attributes.extend(fault.location.as_deref().map(|location| ("eb:location", location)));
        xml.open_with("eb:Error", &attributes).leaf_with("eb:Description", &[("xml:lang", "en")], &fault.text).close();
    }
    xml.close();
}

fn user_message(xml: &mut Document, to: &Envelope) {
    xml.open("eb:UserMessage").open("eb:MessageInfo");
    xml.leaf_if("eb:Timestamp", to.issued_at.map(time).as_deref())
        .leaf("eb:MessageId", &to.message_id)
        .leaf_if("eb:RefToMessageId", to.ref_to_message_id.as_deref())
        .close()
        .open("eb:PartyInfo");
    for (name, party) in [("eb:From", &to.from), ("eb:To", &to.to)] {
        xml.open(name);
        for_party(xml, party, "type");
        xml.leaf_if("eb:Role", party.role.as_deref()).close();
    }
    xml.close()
        .open("eb:CollaborationInfo")
        .leaf_if("eb:AgreementRef", to.agreement.as_deref())
        .leaf("eb:Service", &to.service)
        .leaf("eb:Action", &to.action)
        .leaf_if("eb:ConversationId", to.conversation_id.as_deref())
        .close();
    if !to.properties.is_empty() {
        xml.open("eb:MessageProperties");
        for (name, value) in &to.properties {
            xml.leaf_with("eb:Property", &[("name", name)], value);
        }
        xml.close();
    }
    if !to.references.is_empty() {
        xml.open("eb:PayloadInfo");
        for reference in &to.references {
            xml.open_with("eb:PartInfo", &[("href", &reference.href)]).open("eb:PartProperties");
            for (name, value) in &reference.properties {
                xml.leaf_with("eb:Property", &[("name", name)], value);
            }
            xml.close().close();
        }
        xml.close();
    }
    xml.close();
}

fn non_repudiation(xml: &mut Document, digests: &[Digest]) {
    xml.open_with(
        "ebbp:NonRepudiationInformation",
        &[("xmlns:ebbp", SIGNALS_NAMESPACE), ("xmlns:ds", SIGNATURE_NAMESPACE)],
    );
    for digest in digests {
        xml.open("ebbp:MessagePartNRInformation").open_with("ds:Reference", &[("URI", &digest.uri)]);
        if !digest.transforms.is_empty() {
            xml.open("ds:Transforms");
            for transform in &digest.transforms {
                xml.empty("ds:Transform", &[("Algorithm", transform)]);
            }
            xml.close();
        }
        xml.empty("ds:DigestMethod", &[("Algorithm", &digest.method)]).leaf("ds:DigestValue", &digest.value);
        xml.close().close();
    }
    xml.close();
}
