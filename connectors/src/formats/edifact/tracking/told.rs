//! What a group of segments tells of an event, of a consignment or of a message: numbers, containers, times and places.
//!
//! The groups lie in each other, and the innermost that says something is believed: [`Levels`].

use haechi_model::ids::ContainerId;
use haechi_model::intake::Warning;

use super::super::dates::{Century, Moment, clock, parse};
use super::super::equipment::container_id;
use super::super::interchange::{Message, leading_number};
use super::super::measure::{self, Measure};
use super::super::places::{short, upper, zone_of_port};
use super::super::segments::{Arena, Segment};

/// More places, or times, than one group tells: each event behind a header asks for them again.
const LISTED_MAX: usize = 200;
/// Most bytes of the words of one event.
const WORDS_BYTES_MAX: usize = 500;

/// A LOC.
#[derive(Clone, Debug)]
pub struct Place {
    /// 3227.
    qualifier: String,
    /// C517 3225; without it that of the place in it, C519.
    pub code: Option<String>,
    /// C517 3224, else what C519 says: the terminal.
    pub name: Option<String>,
}

/// A DTM.
#[derive(Clone, Debug)]
pub struct Time {
    qualifier: String,
    moment: Moment,
}

/// A LOC or DTM of the carriage (under TDT), where it differs from the event's own.
#[derive(Debug, Default)]
struct Carriage {
    places: Vec<Place>,
    times: Vec<Time>,
}

/// What a group tells.
#[derive(Debug, Default)]
pub struct Told {
    /// RFF BH, HWB.
    houses: Vec<String>,
    /// RFF BM, AWB, AAM.
    bills: Vec<String>,
    /// RFF MB, MWB.
    master: Option<String>,
    /// RFF AFB.
    manifest: Option<String>,
    /// RFF UCN.
    control: Option<String>,
    /// RFF BN.
    pub booking: Option<String>,
    /// RFF SRN, CU, CW: the shipment as its carrier or consignor numbers it.
    shipment: Option<String>,
    /// RFF ABT, AAE.
    pub declaration: Option<String>,
    /// EQD.
    equipment: Vec<String>,
    /// RFF EQ.
    referred: Vec<String>,
    places: Vec<Place>,
    times: Vec<Time>,
    carriage: Carriage,
    /// GID 7224.
    pub packages: Option<f64>,
    /// MEA G; without one that of the container with what is in it.
    pub gross_mass_kg: Option<f64>,
    verified_mass_kg: Option<f64>,
    /// STS, FTX.
    pub words: String,
    /// TDT C222 name and 8028, of the main carriage.
    pub voyage: String,
    /// CNI 1004.
    number: Option<String>,
    /// CNT 16.
    pub equipment_counted: Option<u64>,
}

impl Told {
    /// Reads the beginning of a message: what it says of the carriage is what it says of all.
    pub fn header(arena: &Arena<'_>, message: &Message<'_>, warnings: &mut Vec<Warning>) -> Self {
        Self::read(arena, false, message, warnings)
    }

    /// Reads a group, in which what stands under a TDT is of the carriage.
    pub fn group(arena: &Arena<'_>, message: &Message<'_>, warnings: &mut Vec<Warning>) -> Self {
        Self::read(arena, true, message, warnings)
    }

    fn read(arena: &Arena<'_>, of_carriage: bool, message: &Message<'_>, warnings: &mut Vec<Warning>) -> Self {
        let mut told = Self::default();
        let mut carried = false;
        for s in arena.iter() {
            let mut warn = |code, text: String| warnings.push(Warning { code, path: message.path(s.number()), text });
            match s.tag() {
                "RFF" => told.reference(s),
                // The time of the day, behind the day.
                "DTM" if clock(s.get(0, 1), s.get(0, 2)).is_some() => {
                    let times = if carried { &mut told.carriage.times } else { &mut told.times };
                    let day = times.iter_mut().rev().find(|t| t.qualifier == s.get(0, 0) && t.moment.time.is_none());
                    match day {
                        Some(day) => day.moment.time = clock(s.get(0, 1), s.get(0, 2)),
                        None => warn("bad_date", format!("DTM {} without its day", short(s.get(0, 0)))),
                    }
                }
                "DTM" => match parse(s.get(0, 1), s.get(0, 2), Century::Recent) {
                    Ok(moment) => {
                        let time = Time { qualifier: s.get(0, 0).to_owned(), moment };
                        let times = if carried { &mut told.carriage.times } else { &mut told.times };
                        list(times, time, "DTM", &mut warn);
                    }
                    // An empty one says nothing.
                    Err(_) if s.value(0, 1).is_none() => {}
                    Err(_) => warn("bad_date", format!("DTM {}", short(s.get(0, 0)))),
                },
                "LOC" => {
                    let places = if carried { &mut told.carriage.places } else { &mut told.places };
                    list(places, Place::read(s), "LOC", &mut warn);
                }
                "TDT" => {
                    carried = of_carriage;
                    told.transport(s);
                }
                "EQD" => {
                    carried = false;
                    told.equipment(s, &mut warn);
                }
                "CNI" => told.number = s.value(1, 0).map(|number| upper(number).into_owned()),
                "STS" => told.say(s.components(1).skip(3).chain(s.components(2).skip(3))),
                "FTX" => told.say(s.components(3)),
                "GID" => told.packages = told.packages.or_else(|| measure::number(s.value(1, 0)?)),
                "MEA" => match measure::read(s) {
                    Ok(Measure::GrossMassKg(mass)) if s.get(1, 0) == "VGM" => told.verified_mass_kg = Some(mass),
                    Ok(Measure::GrossMassKg(mass)) => told.gross_mass_kg = told.gross_mass_kg.or(Some(mass)),
                    Ok(_) => {}
                    Err((code, text)) => warn(code, text),
                },
                "CNT" if s.get(0, 0) == "16" => told.equipment_counted = leading_number(s.get(0, 1)),
                // Read and kept in the bytes.
                "BGM" | "NAD" | "CTA" | "COM" | "CNT" | "TSR" | "TMD" | "SEL" | "DIM" | "TMP" | "RNG" | "DGS"
                | "HAN" | "DAM" | "COD" | "PCI" | "GIN" | "SGP" | "PIA" | "GDS" | "EQA" | "EQN" | "TPL" | "DOC"
                | "PCD" | "QTY" | "IMD" | "MOA" | "GOR" | "CUX" | "AUT" | "PAC" | "CED" | "GIS" | "GEI" => {}
                tag => warn("unknown_segment", format!("{tag} in a message of tracking")),
            }
        }
        told.gross_mass_kg = told.gross_mass_kg.or(told.verified_mass_kg);
        told
    }

    /// Whether a LOC of this qualifier is in it.
    pub fn has_place(&self, qualifier: &str) -> bool {
        self.places.iter().any(|place| place.qualifier == qualifier)
    }

    fn reference(&mut self, rff: Segment<'_, '_>) {
        let Some(number) = rff.value(0, 1).map(|number| upper(number).into_owned()) else { return };
        let first = |place: &mut Option<String>, number| {
            place.get_or_insert(number);
        };
        match rff.get(0, 0) {
            "BH" | "HWB" => add(&mut self.houses, number),
            "BM" | "AWB" | "AAM" => add(&mut self.bills, number),
            "MB" | "MWB" => first(&mut self.master, number),
            "AFB" => first(&mut self.manifest, number),
            "UCN" => first(&mut self.control, number),
            "BN" => first(&mut self.booking, number),
            "SRN" | "CU" | "CW" => first(&mut self.shipment, number),
            "ABT" | "AAE" => first(&mut self.declaration, number),
            "EQ" => add(&mut self.referred, container_id(&number)),
            _ => {}
        }
    }

    fn transport(&mut self, tdt: Segment<'_, '_>) {
        if !self.voyage.is_empty() && tdt.get(0, 0) != "20" {
            return;
        }
        let words: Vec<&str> = [tdt.value(7, 3), tdt.value(1, 0)].into_iter().flatten().collect();
        self.voyage = words.join(" ");
    }

    fn equipment(&mut self, eqd: Segment<'_, '_>, warn: &mut impl FnMut(&'static str, String)) {
        let Some(sent) = eqd.value(1, 0) else { return };
        if is_chassis(eqd.get(0, 0)) {
            return warn("other_equipment", format!("EQD {} `{}`", eqd.get(0, 0), short(sent)));
        }
        let id = container_id(sent);
        if eqd.get(0, 0) == "CN" && ContainerId::parse(&id).is_err() {
            warn("check_digit", format!("container {}", &id[..id.floor_char_boundary(15)]));
        }
        add(&mut self.equipment, id);
    }

    /// Adds to the words, as far as there is room.
    fn say<'w>(&mut self, words: impl Iterator<Item = &'w str>) {
        for word in words.filter(|word| !word.is_empty()) {
            let room = WORDS_BYTES_MAX.saturating_sub(self.words.len() + 1);
            let word = &word[..word.floor_char_boundary(room)];
            if !self.words.is_empty() && !word.is_empty() {
                self.words.push(' ');
            }
            self.words.push_str(word);
        }
    }
}

/// Whether an EQD of this qualifier is what a container is moved on.
pub fn is_chassis(qualifier: &str) -> bool {
    matches!(qualifier, "CH" | "CZ")
}

/// Adds to a list, as far as anybody looks.
fn list<T>(list: &mut Vec<T>, item: T, tag: &str, warn: &mut impl FnMut(&'static str, String)) {
    match list.len() {
        ..LISTED_MAX => list.push(item),
        LISTED_MAX => {
            warn("value_cut", format!("more than {LISTED_MAX} {tag} in one group"));
            list.push(item);
        }
        _ => {}
    }
}

/// Adds what is not there yet. Such lists are short, and what makes them long is refused before their rows are made.
fn add(list: &mut Vec<String>, value: String) {
    if list.len() > super::rows::ROWS_MIN || !list.contains(&value) {
        list.push(value);
    }
}

impl Place {
    fn read(loc: Segment<'_, '_>) -> Self {
        let value = |element, component| loc.value(element, component).map(str::trim).filter(|text| !text.is_empty());
        let code = value(1, 0).or_else(|| value(2, 0)).map(|code| upper(code).into_owned());
        let inner = || value(2, 3).or_else(|| value(2, 0).filter(|_| value(1, 0).is_some()));
        let name = value(1, 3).or_else(inner).map(str::to_owned);
        Self { qualifier: loc.get(0, 0).to_owned(), code, name }
    }
}

/// The groups that tell of an event: its own, that of its consignment, that of its message.
#[derive(Clone, Copy)]
pub struct Levels<'l>(pub &'l [&'l Told]);

/// What an event is told by: qualifiers of LOC and DTM that belong to its kind, the surest first.
pub struct Marks {
    places: &'static [&'static str],
    actual: &'static [&'static str],
    planned: &'static [&'static str],
}

/// Where things are and happen, of whatever kind.
const HERE: &[&str] = &["175", "165", "14", "18"];
/// When things happened, of whatever kind.
const HAPPENED: &[&str] = &["334", "78", "7", "203"];
/// What was planned, asked for or promised, what expires; when something was written, lodged or made out; when the goods
/// were made, and their container weighed (798).
const NOT_HAPPENED: &[&str] = &[
    "132", "133", "17", "137", "10", "2", "36", "37", "38", "61", "63", "64", "67", "69", "71", "72", "74", "75", "76",
    "79", "171", "180", "182", "189", "191", "192", "200", "231", "232", "233", "234", "235", "358", "359", "3", "4",
    "42", "92", "93", "94", "95", "97", "99", "124", "148", "150", "157", "273", "360", "361", "798",
];

impl Marks {
    /// By the kind of an event.
    pub fn of(kind: &str) -> Self {
        const REACHED: &[&str] = &["11", "60", "8", "7"];
        const DELIVERED: &[&str] = &["7", "8", "60", "11"];
        // Where a container goes on to is told beside it, and its port in the header alone.
        const UNLOADED: &[&str] = &["11", "60"];
        const LEFT: &[&str] = &["9", "5", "60"];
        let (places, actual, planned): (_, &[&str], &[&str]) = match kind {
            "departed" => (LEFT, &["186", "136"], &["133", "189"]),
            "loaded" | "loading_ordered" | "carried_in" => (LEFT, &[], &[]),
            "unloaded" | "unloading_ordered" | "short_landed" | "over_landed" | "carried_out" => (UNLOADED, &[], &[]),
            "arrived" => (REACHED, &["178"], &["132", "232"]),
            "delivered" => (DELIVERED, &["35"], &["17", "191", "76"]),
            _ => (REACHED, &[], &[]),
        };
        Self { places, actual, planned }
    }
}

impl<'l> Levels<'l> {
    fn find<T>(&self, of: impl Fn(&'l Told) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(|told| of(told))
    }

    /// RFF BN.
    pub fn booking(&self) -> Option<&'l str> {
        self.find(|told| told.booking.as_deref())
    }

    /// RFF ABT, AAE.
    pub fn declaration(&self) -> Option<&'l str> {
        self.find(|told| told.declaration.as_deref())
    }

    /// The containers that the innermost group names.
    pub fn containers(&self) -> &'l [String] {
        let equipment = |told: &'l Told| Some(told.equipment.as_slice()).filter(|ids| !ids.is_empty());
        let referred = |told: &'l Told| Some(told.referred.as_slice()).filter(|ids| !ids.is_empty());
        self.find(|told| equipment(told).or_else(|| referred(told))).unwrap_or_default()
    }

    /// How many consignments there are, without naming them.
    pub fn consignments_named(&self) -> usize {
        let named = |told: &Told| if told.houses.is_empty() { told.bills.len() } else { told.houses.len() };
        let control = self.find(|told| told.control.as_ref());
        if control.is_some() { 1 } else { self.find(|told| Some(named(told)).filter(|n| *n > 0)).unwrap_or(1) }
    }

    /// The consignments, as a manifest would name them: by the cargo control number, else by manifest, master and bill,
    /// as far as they are told. Without a bill the booking stands for the consignment; without one, and without a container
    /// that could, the number that somebody gave the shipment.
    pub fn consignments(&self) -> Vec<String> {
        if let Some(control) = self.find(|told| told.control.clone()) {
            return vec![control];
        }
        let level = self.find(|told| (!(told.houses.is_empty() && told.bills.is_empty())).then_some(told));
        let manifest = self.find(|told| told.manifest.as_deref());
        let master = self.find(|told| told.master.as_deref());
        let named = |master: Option<&str>, bill: &str| {
            [manifest, master, Some(bill)].into_iter().flatten().collect::<Vec<_>>().join("/")
        };
        match level {
            Some(told) if told.houses.is_empty() => told.bills.iter().map(|bill| named(None, bill)).collect(),
            Some(told) => {
                let master = master.or_else(|| told.bills.first().map(String::as_str));
                told.houses.iter().map(|house| named(master, house)).collect()
            }
            None => {
                let number = master.or_else(|| self.find(|told| told.number.as_deref()));
                let bill = number.map(|number| named(None, number));
                let shipment = || self.find(|told| told.shipment.clone()).filter(|_| self.containers().is_empty());
                bill.or_else(|| self.booking().map(str::to_owned)).or_else(shipment).into_iter().collect()
            }
        }
    }

    /// Where it happened.
    pub fn place(&self, marks: &Marks) -> Option<&'l Place> {
        let first = |places: &'l [Place], qualifiers: &[&str]| {
            qualifiers.iter().find_map(|q| places.iter().find(|place| place.qualifier == *q))
        };
        let here = self.find(|told| first(&told.places, HERE));
        let of_kind = || self.find(|told| first(&told.places, marks.places));
        let carried = || self.find(|told| first(&told.carriage.places, marks.places));
        // Whatever the sender calls it, a port that we know; a cell of a ship is none.
        let known = |place: &&Place| place.code.as_deref().is_some_and(|code| zone_of_port(code).is_some());
        let own = || self.0.first()?.places.iter().find(known);
        here.or_else(of_kind).or_else(carried).or_else(own)
    }

    /// When it happened, and whether that was only planned. An order did not happen at whatever time is told beside it.
    pub fn time(&self, marks: &Marks, order: bool) -> Option<(Moment, bool)> {
        let first = |times: &'l [Time], qualifiers: &[&str]| {
            qualifiers.iter().find_map(|q| times.iter().find(|time| time.qualifier == *q)).map(|time| time.moment)
        };
        let own = self.0.first()?;
        let other = || own.times.iter().find(|time| !order && !NOT_HAPPENED.contains(&time.qualifier.as_str()));
        let actual = first(&own.times, HAPPENED)
            .or_else(|| first(&own.times, marks.actual))
            .or_else(|| other().map(|time| time.moment))
            .or_else(|| first(&own.carriage.times, marks.actual))
            .or_else(|| self.find(|told| first(&told.times, HAPPENED)))
            .or_else(|| self.find(|told| first(&told.times, marks.actual)));
        let planned = || {
            self.find(|told| first(&told.times, marks.planned).or_else(|| first(&told.carriage.times, marks.planned)))
        };
        actual.map(|moment| (moment, false)).or_else(|| planned().map(|moment| (moment, true)))
    }

    /// When the message was written.
    pub fn written(&self) -> Option<Moment> {
        self.of_message(&["137"])
    }

    /// When its ship was to call.
    pub fn call(&self) -> Option<Moment> {
        self.of_message(&["132", "133"])
    }

    fn of_message(&self, qualifiers: &[&str]) -> Option<Moment> {
        let times = &self.0.last()?.times;
        let found = qualifiers.iter().find_map(|q| times.iter().find(|time| time.qualifier == *q));
        found.map(|time| time.moment)
    }
}
