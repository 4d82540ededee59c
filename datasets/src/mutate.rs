//! Damaged bytes: what senders and lines do to messages, and what attackers do. For the tests of readers and for fuzzing
//! where nothing better is at hand.

/// More than that is not made of an input.
const BYTES_MAX: usize = 64 * 1024;

/// Bytes and pieces that mean something to some reader.
const PIECES: &[&[u8]] = &[
    b"'",
    b"+",
    b":",
    b"?",
    b"*",
    b"<",
    b">",
    b"</",
    b"/>",
    b"&",
    b";",
    b"\"",
    b"=",
    b"\r\n",
    b"\n",
    b"\t",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"--",
    b"\r\n\r\n",
    b"-",
    b"0",
    b"9",
    b".",
    b",",
    b"99999999999999999999",
    b"-1",
    b"1e999",
    b"NaN",
    b"UNA:+.? '",
    b"UNB+UNOA:4+A+B+270301:0905+1'",
    b"UNH+1+PAXLST:D:15B:UN'",
    b"UNT+1'",
    b"UNZ'",
    b"UNG+",
    b"UNE'",
    b"UNS+D'",
    b"CNI+1'",
    b"NAD+FL'",
    b"TDT+20'",
    b"DTM+189:",
    b":203'",
    b"EQD+CN'",
    b"CST+1'",
    b"UNS+S'",
    b"ERP+2'",
    b"UCM+1'",
    b"TVL+140327:0105+BKK+ICN+ZZ+1'",
    b"TRI++1:::1'",
    b"ABI'",
    b"STS+1+24'",
    "\u{d55c}".as_bytes(),
    "\u{e9}".as_bytes(),
    "e\u{301}".as_bytes(),
    "\u{df}".as_bytes(),
    "\u{1f4e6}".as_bytes(),
    b"#",
    b"\x02",
    b"\x03",
    b"\x1c",
    b"\x1d",
    b"\x1f",
    b"SRC'",
    b"TIF+A+B'",
    b"RCI+",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<!DOCTYPE x [",
    b"&#0;",
    b"&lol;",
    b"xmlns=''",
    b"<Declaration>",
    b"</Declaration>",
    b"<PNR>",
    b"<Bol_segment>",
    b"<Item>",
    b"<eb:Messaging>",
    b"<eb:UserMessage>",
    b"<eb:MessageHeader>",
    b"<eb:PartInfo href='cid:p'/>",
    b"cid:",
    b"\r\n--=haechi-1\r\n",
    b"\r\n--=haechi-2--\r\n",
    b"Content-Type: multipart/related; boundary=\"b\"\r\n",
    b"Content-ID: <p>\r\n",
    b"Content-ID: <payload-1@example.com>\r\n",
    b"<soap:Body>",
    b"</eb:MessageHeader>",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
    b"FFM/8\n",
    b"FWB/17\n",
    b"FHL/4\n",
    b"ULD/",
    b"OCI/",
    b"/T10K250.5MC1.2/",
];

/// Numbers that look random, the same ones for the same seed (SplitMix64): enough for picking places and bytes.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    /// One of the first `n` numbers from 0 on.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}

/// Makes damaged bytes of whole ones.
#[derive(Debug)]
pub struct Mutator {
    corpus: Vec<Vec<u8>>,
    random: Random,
}

impl Mutator {
    /// Of these; none at all is nothing to begin with.
    pub fn new(corpus: Vec<Vec<u8>>, seed: u64) -> Self {
        let corpus = if corpus.is_empty() { vec![Vec::new()] } else { corpus };
        Self { corpus, random: Random(seed) }
    }

    /// One of them, damaged.
    pub fn any(&mut self) -> Vec<u8> {
        let at = self.random.below(self.corpus.len());
        let original = self.corpus[at].clone();
        self.damaged(&original)
    }

    /// `original` with a few damages, among them pieces of the others; at most 64 KiB, or what it had.
    pub fn damaged(&mut self, original: &[u8]) -> Vec<u8> {
        let mut bytes = original.to_vec();
        for _ in 0..=self.random.below(8) {
            self.mutate(&mut bytes);
        }
        bytes.truncate(BYTES_MAX.max(original.len()));
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let random = &mut self.random;
        let at = random.below(bytes.len() + 1);
        let reach = 1 << random.below(12);
        let to = (at + random.below(reach)).min(bytes.len());
        match random.below(9) {
            0 if at < bytes.len() => bytes[at] = random.below(256) as u8,
            1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 => drop(bytes.drain(at..to)),
            3 => {
                let again = bytes[at..to].repeat(1 + random.below(4));
                let into = random.below(bytes.len() + 1);
                bytes.splice(into..into, again);
            }
            4 => bytes.truncate(at),
            5 => {
                let other = &self.corpus[random.below(self.corpus.len())];
                let from = random.below(other.len() + 1);
                let end = (from + random.below(reach)).min(other.len());
                bytes.splice(at..to, other[from..end].iter().copied());
            }
            6 if at < bytes.len() => {
                // A number that is larger than anybody counts.
                let digits = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
                bytes.splice(at..at + digits, b"4294967296".iter().copied().take(random.below(11)));
            }
            _ => {
                let piece = PIECES[random.below(PIECES.len())];
                let times = if random.below(16) == 0 { random.below(1500) } else { 1 };
                bytes.splice(at..at, piece.repeat(times));
            }
        }
        // Damage upon damage doubles.
        bytes.truncate(64 * BYTES_MAX);
    }
}
