//! An ebXML envelope around any message, as gateways send them: what goes around the messages of this dataset on their way
//! to a Single Window.

use std::io::Write;

/// How an envelope is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EbxmlKind {
    /// ebMS 2.0, SOAP 1.1 with the payload as it is.
    Ebms2,
    /// ebMS 3.0 as AS4 profiles it, SOAP 1.2 with the payload compressed.
    As4Gzip,
}

impl EbxmlKind {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Ebms2, Self::As4Gzip];
}

/// What an envelope says.
#[derive(Clone, Copy, Debug)]
pub struct EbxmlEnvelope<'a> {
    /// Id of the message.
    pub message_id: &'a str,
    /// Who sends.
    pub sender: &'a str,
    /// To whom.
    pub recipient: &'a str,
    /// Code of the document.
    pub action: &'a str,
    /// Time on it, RFC 3339.
    pub sent_at: &'a str,
    /// What the payload is: `application/xml`, `application/edifact`.
    pub media_type: &'a str,
}

impl EbxmlEnvelope<'_> {
    /// The message with `payload` in it, from its MIME header to its last boundary.
    pub fn around(&self, kind: EbxmlKind, payload: &[u8]) -> Vec<u8> {
        let payload = match kind {
            EbxmlKind::Ebms2 => payload.to_vec(),
            EbxmlKind::As4Gzip => gzip(payload),
        };
        // A boundary is one by not standing in what it bounds.
        let boundary = (0..=payload.len()).map(|n| format!("=haechi-{n}")).find(|boundary| {
            let bytes = boundary.as_bytes();
            !payload.windows(bytes.len()).any(|window| window == bytes)
        });
        let boundary = boundary.unwrap_or_default();
        let (soap, kind_header, part_type) = match kind {
            EbxmlKind::Ebms2 => (self.ebms2(), "text/xml", self.media_type),
            EbxmlKind::As4Gzip => (self.as4(), "application/soap+xml", "application/gzip"),
        };
        let mut out = Vec::with_capacity(payload.len() + soap.len() + 1024);
        let head = format!(
            "MIME-Version: 1.0\r\nContent-Type: multipart/related; type=\"{kind_header}\"; boundary=\"{boundary}\"; \
             start=\"<envelope@example.com>\"\r\n\r\n--{boundary}\r\nContent-Type: {kind_header}; charset=UTF-8\r\n\
             Content-ID: <envelope@example.com>\r\n\r\n{soap}\r\n--{boundary}\r\nContent-Type: {part_type}\r\n\
             Content-ID: <payload-1@example.com>\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&payload);
        out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        out
    }

    fn ebms2(&self) -> String {
        let [id, sender, recipient, action, at] = self.escaped();
        format!(
            "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:eb=\"http://www.oasis-open.org/committees/ebxml-msg/schema/msg-header-2_0.xsd\" \
             xmlns:xlink=\"http://www.w3.org/1999/xlink\">\n<soap:Header>\n\
             <eb:MessageHeader soap:mustUnderstand=\"1\" eb:version=\"2.0\">\n\
             <eb:From><eb:PartyId eb:type=\"urn:example:party\">{sender}</eb:PartyId></eb:From>\n\
             <eb:To><eb:PartyId eb:type=\"urn:example:party\">{recipient}</eb:PartyId></eb:To>\n\
             <eb:CPAId>CPA-{sender}-{recipient}</eb:CPAId>\n<eb:ConversationId>c-{id}</eb:ConversationId>\n\
             <eb:Service>urn:example:gateway</eb:Service>\n<eb:Action>{action}</eb:Action>\n\
             <eb:MessageData><eb:MessageId>{id}</eb:MessageId><eb:Timestamp>{at}</eb:Timestamp></eb:MessageData>\n\
             <eb:DuplicateElimination/>\n</eb:MessageHeader>\n\
             <eb:AckRequested soap:mustUnderstand=\"1\" eb:version=\"2.0\" eb:signed=\"false\"/>\n</soap:Header>\n\
             <soap:Body><eb:Manifest eb:version=\"2.0\">\
             <eb:Reference xlink:type=\"simple\" xlink:href=\"cid:payload-1@example.com\"/></eb:Manifest></soap:Body>\n\
             </soap:Envelope>"
        )
    }

    fn as4(&self) -> String {
        let [id, sender, recipient, action, at] = self.escaped();
        let media_type = escape(self.media_type);
        format!(
            "<env:Envelope xmlns:env=\"http://www.w3.org/2003/05/soap-envelope\" \
             xmlns:eb=\"http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/\">\n<env:Header>\n\
             <eb:Messaging env:mustUnderstand=\"true\">\n<eb:UserMessage>\n\
             <eb:MessageInfo><eb:Timestamp>{at}</eb:Timestamp><eb:MessageId>{id}</eb:MessageId></eb:MessageInfo>\n\
             <eb:PartyInfo><eb:From><eb:PartyId>{sender}</eb:PartyId><eb:Role>Declarant</eb:Role></eb:From>\
             <eb:To><eb:PartyId>{recipient}</eb:PartyId><eb:Role>Customs</eb:Role></eb:To></eb:PartyInfo>\n\
             <eb:CollaborationInfo><eb:Service>urn:example:gateway</eb:Service><eb:Action>{action}</eb:Action>\
             <eb:ConversationId>c-{id}</eb:ConversationId></eb:CollaborationInfo>\n\
             <eb:MessageProperties><eb:Property name=\"originalSender\">{sender}</eb:Property>\
             <eb:Property name=\"finalRecipient\">{recipient}</eb:Property></eb:MessageProperties>\n\
             <eb:PayloadInfo><eb:PartInfo href=\"cid:payload-1@example.com\"><eb:PartProperties>\
             <eb:Property name=\"MimeType\">{media_type}</eb:Property>\
             <eb:Property name=\"CompressionType\">application/gzip</eb:Property>\
             </eb:PartProperties></eb:PartInfo></eb:PayloadInfo>\n</eb:UserMessage>\n</eb:Messaging>\n</env:Header>\n\
             <env:Body/>\n</env:Envelope>"
        )
    }

    fn escaped(&self) -> [String; 5] {
        [self.message_id, self.sender, self.recipient, self.action, self.sent_at].map(escape)
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    packed.expect("memory takes what is written")
}
