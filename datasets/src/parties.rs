//! Who takes part: importers, exporters, brokers, carriers, couriers, people. All invented: companies say
//! so in their names (`EXAMPLE`, `SAMPLE`, `MOCK`), people's names are put together from syllables.

use std::fmt::Write;

use crate::dice::{Dice, Skewed, Use, mix};
use crate::ids::{personal_code, push_base36, push_decimal};
use crate::spec::Spec;
use crate::tables::{TABLES, Tables};

/// Marketplaces that parcels are ordered on.
pub(crate) const PLATFORMS: [&str; 8] =
    ["MKTNARAE01", "MKTBYEOL02", "MKTOCEAN03", "MKTLANTN04", "MKTPRAIR05", "MKTFJORD06", "MKTPAMPA07", "MKTATOLL08"];

/// Invented shipping lines, four letters as their codes go.
pub(crate) const SEA_CARRIERS: [&str; 8] = ["ZZLX", "ZZMO", "ZZBY", "ZZHN", "ZZAR", "ZZTD", "ZZKO", "ZZPL"];

/// Designators of invented airlines.
pub(crate) const AIRLINES: [&str; 6] = ["ZZ", "XX", "YY", "XZ", "0X", "0Z"];

const WORDS: [&str; 32] = [
    "NARAE", "BYEOL", "MARU", "HANEUL", "NURI", "BORAM", "DASOM", "RAON", "MIREU", "SAEBYEOK", "ARA", "YUNSEUL",
    "CHOROK", "HANBIT", "HARAM", "GAON", "OCEAN", "LANTERN", "PRAIRIE", "FJORD", "ATOLL", "MERIDIAN", "CEDAR", "HERON",
    "BASALT", "AURORA", "TUNDRA", "SAFFRON", "COBALT", "WILLOW", "HARBOR", "MONSOON",
];
const HANGUL: [&str; 16] = [
    "나래", "별솔", "마루", "하늘", "누리", "보람", "다솜", "라온", "미르", "새벽", "아라", "윤슬", "초록", "한빛",
    "하람", "가온",
];
const HANGUL_INVENTED: [&str; 4] = ["시험", "예제", "견본", "모의"];
const INVENTED: [&str; 4] = ["EXAMPLE", "SAMPLE", "MOCK", "SPECIMEN"];
const BUSINESS: [&str; 12] = [
    "TRADING",
    "CORP",
    "INDUSTRIES",
    "STORE",
    "LOGISTICS",
    "FOODS",
    "TECH",
    "MATERIALS",
    "PARTS",
    "LIVING",
    "GLOBAL",
    "SUPPLY",
];
const SUPPLIER: [&str; 8] =
    ["MANUFACTURING CO", "EXPORT LTD", "FACTORY", "INDUSTRIAL CO", "TRADING LTD", "WORKS", "PRODUCTS INC", "GROUP LTD"];

/// Headings a company deals in.
const SECTOR_SIZE: usize = 4;

/// A company that imports.
#[derive(Debug)]
pub(crate) struct Importer {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) aeo: bool,
    /// What it deals in, the main line first.
    pub(crate) headings: [u16; SECTOR_SIZE],
    pub(crate) declarant: u32,
    pub(crate) exporters: u64,
    /// What it pays compared with others, where it buys well or badly.
    pub(crate) price: f64,
}

/// All parties of a dataset.
#[derive(Debug)]
pub(crate) struct Parties {
    seed: u64,
    pub(crate) importers: Vec<Importer>,
    pub(crate) by_size: Skewed,
    /// Customs brokers, five characters as customs numbers them.
    pub(crate) declarants: Vec<String>,
    pub(crate) couriers: Vec<String>,
    pub(crate) courier_size: Skewed,
    pub(crate) forwarders: Vec<String>,
    pub(crate) forwarder_size: Skewed,
    /// Importers of the undervaluation ring.
    pub(crate) ring: Vec<u32>,
    /// Importers that ship through a third country.
    pub(crate) transhippers: Vec<u32>,
    /// Consignees of the smuggling crew.
    pub(crate) smugglers: Vec<u32>,
    pub(crate) people: u64,
}

/// What the ring undervalues.
pub(crate) const RING_GOODS: [&str; SECTOR_SIZE] = ["640299", "420222", "611030", "210690"];
/// What is shipped through a third country: goods under anti-dumping duty or high tariffs.
pub(crate) const TRANSHIPPED_GOODS: [&str; SECTOR_SIZE] = ["690721", "441233", "401110", "610910"];
/// What the smuggling crew says is in the box.
pub(crate) const COVER_GOODS: [&str; SECTOR_SIZE] = ["440290", "940360", "470790", "630900"];

impl Parties {
    pub(crate) fn new(spec: &Spec) -> Self {
        let tables = &*TABLES;
        // A year's traffic knows more companies than a day's, but not a hundred times more.
        let companies = (spec.declarations / 3).clamp(600, 60_000) as usize;
        let broker_count = (companies / 20).clamp(40, 1_200);
        let broker_size = Skewed::zipf(broker_count, 0.9);
        let mut importers: Vec<Importer> =
            (0..companies as u64).map(|n| importer(spec.seed, n, tables, &broker_size)).collect();
        let crews = [(&RING_GOODS, 8), (&TRANSHIPPED_GOODS, 6), (&COVER_GOODS, 5)];
        let mut next = companies / 12;
        let mut members = crews.into_iter().map(|(goods, size)| {
            let crew: Vec<u32> = (0..size).map(|i| (next + 3 * i) as u32).collect();
            next += 3 * size + 1;
            for &member in &crew {
                let member = &mut importers[member as usize];
                member.aeo = false;
                member.price = 1.0;
                member.headings = goods.map(|hs6| tables.heading_of(hs6).expect("a crew's goods stand in the table"));
            }
            crew
        });
        let ring = members.next().unwrap_or_default();
        let transhippers = members.next().unwrap_or_default();
        let smugglers = members.next().unwrap_or_default();
        Self {
            seed: spec.seed,
            importers,
            by_size: Skewed::zipf(companies, 1.05),
            declarants: (0..broker_count as u64).map(|n| numbered("", 10_007 + 71 * n, 5)).collect(),
            couriers: (0..24).map(|n| numbered("X", 301 + 17 * n, 5)).collect(),
            courier_size: Skewed::zipf(24, 1.1),
            forwarders: (0..400).map(|n| format!("ZF{}", numbered("", 11 * n + 3, 4))).collect(),
            forwarder_size: Skewed::zipf(400, 0.8),
            ring,
            transhippers,
            smugglers,
            people: (spec.declarations * 4).clamp(5_000, 8_000_000),
        }
    }

    /// The `slot`-th supplier of an importer.
    pub(crate) fn exporter(&self, importer: u32, slot: u64) -> Exporter {
        let mut dice = Dice::new(self.seed, Use::Exporter, u64::from(importer) * 64 + slot);
        let heading = TABLES.heading(self.importers[importer as usize].headings[(slot % 2) as usize]);
        let country = heading.origin(&mut dice);
        Exporter { number: dice.bits(), country }
    }
}

/// A foreign supplier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exporter {
    pub(crate) number: u64,
    pub(crate) country: u16,
}

impl Exporter {
    /// Appends its number: country, four letters, five digits, a check letter.
    pub(crate) fn push_id(self, out: &mut String) {
        out.push_str(TABLES.country(self.country).code);
        for shift in [0, 5, 10, 15] {
            out.push(char::from(b'A' + ((self.number >> shift) % 26) as u8));
        }
        push_decimal(out, self.number >> 20, 5);
        out.push(char::from(b'A' + ((self.number >> 40) % 26) as u8));
    }

    /// Appends its name.
    pub(crate) fn push_name(self, out: &mut String) {
        push_company(out, self.number, SUPPLIER[(self.number >> 50) as usize % SUPPLIER.len()]);
    }
}

fn importer(seed: u64, number: u64, tables: &Tables, broker_size: &Skewed) -> Importer {
    let mut dice = Dice::new(seed, Use::Importer, number);
    let main = tables.trade.draw(&mut dice) as u16;
    // The rest of a sector lies near the main line in the tariff, so in the table.
    let near = |dice: &mut Dice| {
        let step = 1 + dice.below(4) as i64;
        let at = i64::from(main) + if dice.chance(0.5) { step } else { -step };
        at.clamp(0, tables.goods.len() as i64 - 1) as u16
    };
    let headings = [main, near(&mut dice), near(&mut dice), tables.trade.draw(&mut dice) as u16];
    let mut id = String::with_capacity(19);
    id.push_str(dice.one(&HANGUL));
    id.push_str(dice.one(&HANGUL_INVENTED));
    push_decimal(&mut id, 1_000_000 + number * 83 % 8_999_993, 7);
    let mut name = String::with_capacity(32);
    push_company(&mut name, dice.bits(), dice.clone().one(&BUSINESS));
    // The largest are trusted traders; a few others too.
    let aeo = if number < 60 { dice.chance(0.55) } else { dice.chance(0.02) };
    Importer {
        id,
        name,
        aeo,
        headings,
        declarant: broker_size.draw(&mut dice) as u32,
        exporters: 1 + dice.below(6),
        price: dice.factor(0.1),
    }
}

/// Appends a company's name: two words, the mark of the invented, what it does.
pub(crate) fn push_company(out: &mut String, bits: u64, business: &str) {
    let word = |shift: u64| WORDS[(bits >> shift) as usize % WORDS.len()];
    out.push_str(word(0));
    if bits >> 5 & 3 != 0 {
        out.push(' ');
        out.push_str(word(7));
    }
    out.push(' ');
    out.push_str(INVENTED[(bits >> 12) as usize % INVENTED.len()]);
    out.push(' ');
    out.push_str(business);
}

fn numbered(prefix: &str, number: u64, width: usize) -> String {
    let mut id = prefix.to_owned();
    push_decimal(&mut id, number, width - prefix.len());
    id
}

/// Syllables that names of one language area are put together from: surname first and last, given first and last.
struct Syllables {
    area: &'static str,
    surname: ([&'static str; 8], [&'static str; 8]),
    given: ([&'static str; 8], [&'static str; 8]),
}

const SYLLABLES: [Syllables; 13] = [
    Syllables {
        area: "ko",
        surname: (
            ["SAE", "MA", "NA", "BYEO", "HAN", "DO", "RI", "GU"],
            ["BYEOK", "RU", "RAE", "SEOL", "BIT", "DAM", "NARU", "REUM"],
        ),
        given: (
            ["HA", "SEO", "JI", "DA", "YU", "NU", "BO", "RA"],
            [" EUN", " JUN", " WOO", " SOM", " NA", " RI", " RAM", " ON"],
        ),
    },
    Syllables {
        area: "zh",
        surname: (
            ["SHI", "LAN", "QU", "ZHE", "MO", "YAN", "TUO", "BAI"],
            ["YAN", "XI", "HE", "MU", "LIN", "ZHOU", "SHAN", "QI"],
        ),
        given: (
            ["LI", "XIAO", "MEI", "JIA", "YU", "ZI", "WEI", "TIAN"],
            ["", "LAN", "HAO", "RUI", "QING", "YI", "NAN", "CHEN"],
        ),
    },
    Syllables {
        area: "ja",
        surname: (
            ["AZU", "KUMO", "NARI", "TOBI", "SORA", "MIZU", "HOSHI", "KAZE"],
            ["MORI", "GAWA", "SAWA", "NO", "ZAKI", "HATA", "MINE", "DORI"],
        ),
        given: (
            ["HARU", "AKI", "YU", "NAO", "RE", "MI", "SHO", "KA"],
            ["TO", "KO", "KI", "MI", "NA", "RA", "YA", "HO"],
        ),
    },
    Syllables {
        area: "en",
        surname: (
            ["TEST", "SAMPLE", "MOCK", "ELDER", "BRAM", "THORN", "WREN", "HOLLO"],
            ["FORD", "WELL", "TON", "MERE", "SHAW", "LEY", "WICK", "BURN"],
        ),
        given: (
            ["AL", "BREN", "COR", "DEL", "EL", "FAR", "GAR", "HAR"],
            ["LAN", "DA", "WIN", "MA", "LEN", "RICK", "ETTE", "LY"],
        ),
    },
    Syllables {
        area: "vi",
        surname: (
            ["THU", "LAM", "CHAU", "KHE", "VAN", "DOI", "SUOI", "MAY"],
            ["", " THI", " VAN", " DUC", " HUU", " NGOC", " MINH", " QUANG"],
        ),
        given: (
            ["AN", "BINH", "CHI", "DAO", "GIANG", "HOA", "KHANH", "LINH"],
            ["", "H", " ANH", " MY", " VY", " SON", " TU", " NHI"],
        ),
    },
    Syllables {
        area: "th",
        surname: (
            ["SAWANG", "THONG", "PHET", "RUNG", "CHAN", "SIRI", "WANA", "MEKHA"],
            ["WATTANA", "CHAI", "PORN", "SUK", "RUANG", "THEP", "WONG", "DEE"],
        ),
        given: (
            ["SOM", "KAN", "NAT", "PRA", "WAN", "TA", "MA", "CHA"],
            ["CHAI", "YA", "PHON", "SIT", "NEE", "WIT", "LEE", "NON"],
        ),
    },
    Syllables {
        area: "ms",
        surname: (
            ["CONTOH", "BUDI", "SURYA", "LANGIT", "BINTANG", "LAUT", "AWAN", "RIMBA"],
            ["WAN", "MAN", "NATA", "PUTRA", "DI", "JAYA", "SARI", "TAMA"],
        ),
        given: (["AD", "BAY", "CIT", "DEW", "EK", "FAR", "GIL", "IND"], ["I", "U", "RA", "AN", "IA", "O", "AH", "ANG"]),
    },
    Syllables {
        area: "es",
        surname: (
            ["EJEM", "MONTA", "RIBE", "SALVA", "FERRA", "QUIN", "VALDI", "OLMO"],
            ["PLAR", "NERO", "RALTA", "TIERRA", "MONTE", "TANAR", "VIESO", "SETO"],
        ),
        given: (
            ["AL", "BEA", "CAR", "DA", "EU", "FE", "GRE", "IR"],
            ["TRIZ", "MEN", "NIEL", "LISA", "ENE", "GORIO", "BA", "GENIA"],
        ),
    },
    Syllables {
        area: "in",
        surname: (
            ["NAMU", "KIRA", "TARA", "MEGH", "VAYU", "JALA", "SURA", "ARAN"],
            ["NI", "NATH", "WAL", "PUR", "RAJ", "DHAR", "VAT", "KUL"],
        ),
        given: (
            ["AR", "DI", "KA", "ME", "NI", "PRA", "RO", "SU"],
            ["JUN", "VYA", "RAN", "HA", "SHA", "NAV", "HIT", "MAN"],
        ),
    },
    Syllables {
        area: "ru",
        surname: (
            ["PROBAN", "OBRAZ", "LESO", "GORO", "STEPA", "SNEZH", "ZIMO", "RECHA"],
            ["SKI", "TSOV", "VICH", "DIN", "NOV", "KOV", "RIN", "LEV"],
        ),
        given: (
            ["AL", "BO", "DA", "EK", "IL", "KA", "MI", "OL"],
            ["EN", "RIS", "RIA", "ATA", "YA", "LINA", "RON", "GA"],
        ),
    },
    Syllables {
        area: "de",
        surname: (
            ["MUSTER", "TEST", "PROBE", "WALD", "STEIN", "NEBEL", "LINDEN", "FALKEN"],
            ["MANN", "HOFF", "BERG", "FELD", "BACH", "THAL", "WEG", "HORST"],
        ),
        given: (
            ["AN", "BER", "CLA", "DIR", "EL", "FRIE", "GRE", "HAN"],
            ["NA", "THA", "RA", "K", "KE", "DA", "TE", "NES"],
        ),
    },
    Syllables {
        area: "tr",
        surname: (
            ["ORNEK", "DENIZ", "GOK", "YILDIZ", "KAYA", "BULUT", "AKSU", "SAHIL"],
            ["OGLU", "CI", "LI", "SOY", "ALP", "MAN", "DAG", "GIL"],
        ),
        given: (
            ["AY", "BER", "CEM", "DIL", "EM", "FER", "GUL", "SEL"],
            ["LIN", "KE", "IL", "ARA", "RE", "HAT", "SEN", "IM"],
        ),
    },
    Syllables {
        area: "ar",
        surname: (
            ["AL MITH", "BEN SAH", "EL NAJ", "AL BAH", "BIN WAD", "AL QAM", "EL RIM", "AL GHAY"],
            ["ALI", "RAWI", "MI", "RANI", "DANI", "ARI", "ALA", "THI"],
        ),
        given: (
            ["KA", "LA", "NA", "SA", "YA", "RA", "HA", "MA"],
            ["RIM", "YLA", "DIR", "MIR", "SIR", "NIA", "LIM", "JED"],
        ),
    },
];

/// Appends `surname`, `separator` and given names of a person from that language area.
pub(crate) fn push_person(out: &mut String, area: &str, bits: u64, separator: &str) {
    let set = SYLLABLES.iter().find(|s| s.area == area).unwrap_or(&SYLLABLES[3]);
    let pick = |of: &[&'static str; 8], shift: u32| of[(bits >> shift) as usize & 7];
    out.push_str(pick(&set.surname.0, 0));
    out.push_str(pick(&set.surname.1, 3));
    out.push_str(separator);
    out.push_str(pick(&set.given.0, 6));
    out.push_str(pick(&set.given.1, 9));
    // A second given name now and then keeps namesakes apart.
    if (bits >> 12).trailing_zeros() >= 2 && area != "ko" {
        out.push(' ');
        out.push_str(pick(&set.given.0, 14));
        out.push_str(pick(&set.given.1, 17));
    }
}

/// A person who orders parcels: personal customs code and name.
pub(crate) fn push_resident(id: &mut String, name: &mut String, seed: u64, person: u64) {
    personal_code(id, seed.wrapping_mul(31).wrapping_add(person));
    name.clear();
    push_person(name, "ko", mix(seed ^ person), " ");
}

/// A courier's parcel number.
pub(crate) fn push_parcel(out: &mut String, courier: &str, number: u64) {
    out.push_str(courier);
    push_base36(out, number, 8);
}

/// An address of a party abroad or at home; streets are example streets.
pub(crate) fn address(bits: u64, place: &str, country: &str) -> String {
    let mut out = String::with_capacity(40);
    let street = ["EXAMPLE ROAD", "SAMPLE STREET", "SPECIMEN AVENUE", "MOCK LANE"][(bits & 3) as usize];
    let _ = write!(out, "{} {street}, {place}, {country}", 1 + (bits >> 8) % 400);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn companies_say_that_they_are_invented_and_ids_do_not_repeat() {
        let parties = Parties::new(&Spec::day(7));
        let mut ids: Vec<&str> = parties.importers.iter().map(|i| i.id.as_str()).collect();
        let invented = |name: &str| INVENTED.iter().any(|word| name.contains(word));
        assert!(parties.importers.iter().all(|i| invented(&i.name)));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), parties.importers.len());
    }

    #[test]
    fn crews_do_not_overlap_and_none_is_trusted() {
        let parties = Parties::new(&Spec::day(7).scaled(0.001));
        let mut crews = [parties.ring.clone(), parties.transhippers.clone(), parties.smugglers.clone()].concat();
        assert!(crews.iter().all(|&m| !parties.importers[m as usize].aeo));
        let members = crews.len();
        crews.sort_unstable();
        crews.dedup();
        assert_eq!(crews.len(), members);
    }

    #[test]
    fn every_language_area_of_the_countries_has_syllables() {
        for country in &TABLES.countries {
            assert!(SYLLABLES.iter().any(|s| s.area == country.names), "{}", country.names);
        }
    }
}
