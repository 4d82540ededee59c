//! What begins with an element: which of our messages, or which piece of one.

use quick_xml::events::Event;
use quick_xml::reader::Reader;

use super::attributes;
use super::dirt;
use super::input::encoding_of;
use super::tree::unescape;

/// A unit that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Korean import declaration, GOVCBR929.
    Govcbr929,
    /// Korean export declaration, GOVCBR830.
    Govcbr830,
    /// Answer of UNI-PASS about a cargo.
    Tracking,
    /// WCO `MetaData` with a declaration or a response in it, or a bare `Declaration`.
    Wco,
    /// IE315, IE313.
    Ens,
    /// IE351.
    Intervention,
    /// IE328 and other answers to an ENS.
    EnsAnswer,
    /// IE029, IE051.
    TransitRelease,
    /// ASYCUDA SAD.
    Sad,
    /// Head of an ASYCUDA manifest.
    ManifestHead,
    /// One bill of an ASYCUDA manifest.
    ManifestBill,
    /// Cargo-XML master waybill.
    Waybill,
    /// Cargo-XML house waybill.
    HouseWaybill,
    /// Cargo-XML flight manifest.
    FlightManifest,
    /// The flight of a PNRGOV push.
    PnrFlight,
    /// One booking of a PNRGOV push.
    Pnr,
    /// One of our own selection notices.
    Notice,
    /// A part of a SOAP envelope, which [`of`] never gives: readers of envelopes look for it themselves.
    Soap,
}

/// Namespaces of the two Korean declarations hold these.
const KOREA_IMPORT: &str = "KCS_DeclarationOfIMP_929";
const KOREA_EXPORT: &str = "KCS_DeclarationOfEXP_830";

/// What gateways answer to a poll: messages, links to them, or nothing.
pub const POLLS: [&str; 4] =
    ["entryDeclarationResponses", "advancedNotifications", "outcomeResponse", "interventionResponse"];

/// The kind of unit that an element begins.
pub fn of<P: AsRef<str>>(local: &str, namespace: &str, path: &[P]) -> Option<Kind> {
    let inside = |name: &str| path.iter().any(|outer| outer.as_ref() == name);
    Some(match local {
        "Declaration" if namespace.contains(KOREA_IMPORT) => Kind::Govcbr929,
        "Declaration" if namespace.contains(KOREA_EXPORT) => Kind::Govcbr830,
        "MetaData" | "DocumentMetaData" | "DocumentMetadata" if namespace.is_empty() || is_wco(namespace) => Kind::Wco,
        // Gateways answer questions about a declaration with pieces of it.
        "Declaration" | "Response" if is_wco(namespace) || namespace.is_empty() => {
            let asked = path.first().is_some_and(|root| root.as_ref().ends_with("Response"));
            if asked || (local == "Response" && namespace.is_empty()) {
                return None;
            }
            Kind::Wco
        }
        "cargCsclPrgsInfoQryRtnVo" => Kind::Tracking,
        "CC315A" | "CC313A" => Kind::Ens,
        "CC351A" => Kind::Intervention,
        "CC328A" | "CC316A" | "CC304A" | "CC305A" => Kind::EnsAnswer,
        "CC029A" | "CC029B" | "CC029C" | "CC051A" | "CC051B" => Kind::TransitRelease,
        "ASYCUDA" => Kind::Sad,
        "General_segment" | "Master_bol" | "Manifest_identification"
            if super::awmds::ROOTS.iter().any(|root| inside(root)) =>
        {
            Kind::ManifestHead
        }
        "Bol_segment" if super::awmds::ROOTS.iter().any(|root| inside(root)) => Kind::ManifestBill,
        "Waybill" => Kind::Waybill,
        "HouseWaybill" => Kind::HouseWaybill,
        "FlightManifest" => Kind::FlightManifest,
        "FlightLeg" => Kind::PnrFlight,
        "PNR" => Kind::Pnr,
        "SelectionNotice" if namespace.starts_with(super::notice::NAMESPACE) => Kind::Notice,
        _ => return None,
    })
}

/// Names of the parts of a unit, none of which stands in another.
pub fn parts(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Govcbr929 | Kind::Govcbr830 | Kind::Wco => &["GovernmentAgencyGoodsItem"],
        Kind::Ens => &["GOOITEGDS"],
        Kind::Sad => &["Item"],
        Kind::Tracking => &["cargCsclPrgsInfoQryVo", "cargCsclPrgsInfoDtlQryVo"],
        _ => &[],
    }
}

/// Whether units of a kind have this name and no element in them has it.
pub fn stands_alone(kind: Kind, name: &str) -> bool {
    match kind {
        Kind::Govcbr929 | Kind::Govcbr830 => name == "Declaration",
        Kind::Wco => matches!(name, "MetaData" | "DocumentMetaData" | "DocumentMetadata" | "Declaration"),
        Kind::Ens => matches!(name, "CC315A" | "CC313A"),
        Kind::Sad => name == "ASYCUDA",
        Kind::ManifestBill => name == "Bol_segment",
        _ => false,
    }
}

/// Whether a namespace is of the WCO Data Model: it begins with `urn:wco:datamodel:`. Some tools lose the colons.
fn is_wco(namespace: &str) -> bool {
    let letters = namespace.bytes().filter(u8::is_ascii_alphabetic);
    letters.take(WCO.len()).eq(WCO.bytes())
}

/// What the namespaces of the WCO Data Model begin with, without colons.
const WCO: &str = "urnwcodatamodel";

/// What a document is, as far as its first bytes tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Its first unit.
    pub kind: Option<Kind>,
    /// Local names of the elements that begin in there.
    pub names: Vec<String>,
    /// The text of a `WCOTypeName`: DEC or RES.
    pub type_name: String,
}

/// Elements at the beginning that are looked at.
const HEAD_ELEMENTS_MAX: usize = 200;

/// Looks at the first bytes of a document; where they are an envelope, at those of the document that it holds as text.
pub fn head(bytes: &[u8]) -> Head {
    let (encoding, mark) = encoding_of(bytes);
    let (text, _) = encoding.decode_without_bom_handling(&bytes[mark..]);
    let Some((at, _)) = dirt::begins(&text) else { return Head::default() };
    let text = &text[at..];
    let head = head_of(text);
    if head.kind.is_some() {
        return head;
    }
    let inner = match (text.split_once("<![CDATA["), text.find("&lt;")) {
        (Some((_, inner)), _) => head_of(inner.trim_start()),
        (None, Some(at)) => head_of(&unescape(&text[at..])),
        (None, None) => return head,
    };
    if inner.kind.is_some() { inner } else { head }
}

fn head_of(text: &str) -> Head {
    let mut head = Head::default();
    if !text.starts_with('<') {
        return head;
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    let mut prefixes: Vec<(String, String)> = Vec::new();
    let mut path: Vec<String> = Vec::new();
    while head.names.len() < HEAD_ELEMENTS_MAX {
        match reader.read_event() {
            Ok(event @ (Event::Start(_) | Event::Empty(_))) => {
                let (Event::Start(tag) | Event::Empty(tag)) = &event else { continue };
                let raw = std::str::from_utf8(tag.attributes_raw()).unwrap_or_default();
                for (key, uri) in attributes::all(raw).take(100) {
                    if let Some(prefix) = key.strip_prefix("xmlns") {
                        prefixes.push((prefix.trim_start_matches(':').to_owned(), uri.trim().to_owned()));
                    }
                }
                let name = tag.name();
                let name = std::str::from_utf8(name.as_ref()).unwrap_or_default();
                let (prefix, local) = name.split_once(':').unwrap_or(("", name));
                let namespace = prefixes.iter().rev().find(|(p, _)| p == prefix).map_or("", |(_, uri)| uri.as_str());
                head.kind = head.kind.or_else(|| of(local, namespace, &path));
                head.names.push(local.to_owned());
                if matches!(event, Event::Start(_)) && path.len() < 64 {
                    path.push(local.to_owned());
                }
            }
            Ok(Event::Text(text)) if path.last().is_some_and(|name| name == "WCOTypeName") => {
                String::from_utf8_lossy(&text).trim().clone_into(&mut head.type_name);
            }
            Ok(Event::End(_)) => drop(path.pop()),
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    head
}

impl Head {
    /// Whether an element of this name begins in there.
    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|n| n == name)
    }

    /// Whether it is a response in the WCO Data Model.
    pub fn is_response(&self) -> bool {
        self.type_name == "RES" || (self.has("Response") && !self.has("GoodsShipment"))
    }
}
