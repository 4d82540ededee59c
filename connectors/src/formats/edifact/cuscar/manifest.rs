//! What a manifest says before its bills: which one it is, what it does, the voyage, the equipment, the totals.

use haechi_model::intake::Warning;

use super::super::carriage::{flight, mode};
use super::super::dates::{Century, Moment, clock, parse};
use super::super::equipment::{Equipment, container_id};
use super::super::interchange::Message;
use super::super::measure::{self, Measure};
use super::super::party::{Party, Ranked};
use super::super::places::{country, short, to_utc_in, upper, zone_of_port};
use super::super::segments::{Arena, Segment};
use super::totals::Totals;

/// Everything before the first CNI.
#[derive(Debug, Default)]
pub struct Manifest {
    /// BGM 1004, else RFF CN, SS, ABO.
    pub id: Option<String>,
    /// BGM 1225.
    pub function: String,
    /// DTM 137.
    pub manifested_at: Option<i64>,
    /// DTM 136, else 133, 253.
    pub departed_at: Option<i64>,
    /// DTM 132, else 232, 252.
    pub arrival_expected_at: Option<i64>,
    /// DTM 178.
    pub arrived_at: Option<i64>,
    /// NAD CA, TDT C040, NAD CG, NAD MS.
    pub carrier: Option<String>,
    /// NAD FW.
    pub forwarder: Option<String>,
    /// TDT 8028; of an aircraft that has none its flight.
    pub voyage_no: Option<String>,
    /// TDT C220.
    pub mode: Option<&'static str>,
    /// TDT C222 8213; of a road vehicle its plate, else its chassis; of an aircraft its flight.
    pub conveyance_id: Option<String>,
    /// TDT C222 8212.
    pub conveyance_name: Option<String>,
    /// TDT C222 8453.
    pub conveyance_country: Option<String>,
    /// LOC 60 of the customs office list, LOC 22, 41.
    pub office: Option<String>,
    /// LOC 9, 5, 94, 76.
    pub loading_port: Option<String>,
    /// LOC 11, 60.
    pub unloading_port: Option<String>,
    /// GIS or GEI.
    pub nature: Option<&'static str>,
    /// EQD groups.
    pub equipment: Vec<Equipment>,
    /// CNT 7, 8 or 11, 10, 16.
    pub totals: Totals,
}

/// A time as sent, and the place it stands behind.
type At = (Moment, Option<String>);

/// Times as sent, until the ports are known.
#[derive(Default)]
struct Times {
    departed: Option<At>,
    departs: Option<At>,
    arrives: Option<At>,
    arrived: Option<At>,
    /// The LOC before: its qualifier and code.
    place: (String, Option<String>),
    /// LOC 35, 36: where the ports are not known, their countries may be.
    from: Option<String>,
    to: Option<String>,
}

impl Times {
    /// Where a DTM of this qualifier is kept.
    fn of(&mut self, qualifier: &str) -> Option<&mut Option<At>> {
        match qualifier {
            "136" => Some(&mut self.departed),
            "133" | "189" | "253" => Some(&mut self.departs),
            "132" | "232" | "252" => Some(&mut self.arrives),
            "178" => Some(&mut self.arrived),
            _ => None,
        }
    }

    fn read(&mut self, qualifier: &str, moment: Moment) {
        let (place, code) = self.place.clone();
        let Some(kept) = self.of(qualifier) else { return };
        // Behind the next port it is when that is reached; another word for what was sent stays behind it.
        let second = place == "61" || matches!(qualifier, "232" | "252" | "253");
        if !second || kept.is_none() {
            *kept = Some((moment, code));
        }
    }
}

impl Manifest {
    /// Column `change_kind`.
    pub fn change_kind(&self) -> &'static str {
        match self.function.as_str() {
            "1" | "3" => "cancel",
            // 20 and 21: its heading, its bills anew.
            "4" | "5" | "20" | "21" => "amend",
            _ => "new",
        }
    }

    /// Whether it repeats only what of the manifest changes.
    pub fn is_part(&self) -> bool {
        matches!(self.function.as_str(), "4" | "20" | "21")
    }

    /// Reads the header.
    pub fn read(arena: &Arena<'_>, message: &Message<'_>, zone: chrono_tz::Tz, warnings: &mut Vec<Warning>) -> Self {
        let mut manifest = Self { function: "9".to_owned(), ..Self::default() };
        let mut times = Times::default();
        let mut references: [Option<String>; 3] = [None, None, None];
        let mut carrier = Ranked::default();
        let mut tdt_carrier = None;
        let mut main: Option<&str> = None;
        let mut first_port = None;
        let mut numberless = Vec::new();
        for s in arena.iter() {
            let path = || message.path(s.number());
            let mut warn = |code, text: String| warnings.push(Warning { code, path: path(), text });
            match s.tag() {
                "BGM" => manifest.begin(s, &mut warn),
                // The plate of equipment that has no other number.
                "RFF" if s.get(0, 0) == "ABZ" => {
                    if let Some(equipment) = manifest.equipment.last_mut().filter(|e| e.id.is_empty()) {
                        equipment.id = container_id(s.get(0, 1));
                    }
                }
                "RFF" => {
                    if let Some(i) = ["CN", "SS", "ABO"].iter().position(|q| *q == s.get(0, 0)) {
                        references[i] = s.value(0, 1).map(|r| upper(r).into_owned());
                    }
                }
                "DTM" => manifest.time(s, zone, &mut times, &mut warn),
                "NAD" => {
                    let party = || Party::read(s, &path, &mut Vec::new());
                    if s.get(0, 0) == "FW" {
                        manifest.forwarder = party().id;
                    } else {
                        carrier.offer(&["CA", "CG", "MS"], s.get(0, 0), party);
                    }
                }
                // A road vehicle by another of its numbers.
                "TDT" if main == Some(s.get(0, 0)) && number_of_vehicle(s).is_some() => {
                    manifest.vehicle(s, &path, warnings);
                }
                // Carriage before and behind the main one has a TDT of its own.
                "TDT" if main.is_some_and(|stage| stage == "20" || s.get(0, 0) != "20") => {}
                "TDT" => {
                    main = Some(s.get(0, 0));
                    manifest.transport(s, &path, warnings);
                    tdt_carrier = s.value(4, 0).map(|c| upper(c).into_owned());
                }
                "LOC" => {
                    let code = s.value(1, 0).map(|code| upper(code).into_owned());
                    match s.get(0, 0) {
                        "35" => times.from.clone_from(&code),
                        "36" => times.to.clone_from(&code),
                        "76" => first_port.clone_from(&code),
                        _ => {}
                    }
                    times.place = (s.get(0, 0).to_owned(), code);
                    manifest.place(s);
                }
                "GIS" | "GEI" => manifest.nature = manifest.nature.or(nature_of(s)),
                "EQD" => {
                    manifest.equipment.push(equipment(s, &mut warn));
                    numberless.push(s.number());
                }
                "MEA" | "SEL" => equip(manifest.equipment.last_mut(), s, &mut warn),
                "CNT" => manifest.totals.read(s),
                "TSR" | "DIM" | "TMP" | "RNG" | "FTX" | "CTA" | "COM" | "QTY" | "AUT" | "EQN" | "DGS" | "PAC"
                | "UNS" => {}
                tag => warn("unknown_segment", format!("{tag} in the header of a manifest")),
            }
        }
        // What has no number may have a plate behind it.
        for (_, segment) in manifest.equipment.iter().zip(numberless).filter(|(e, _)| e.id.is_empty()) {
            warnings.push(no_number(message.path(segment)));
        }
        let named = carrier.party().and_then(|p| p.id.clone().or_else(|| p.name.clone()));
        manifest.carrier = if carrier.is_best() { named.or(tdt_carrier) } else { tdt_carrier.or(named) };
        manifest.id = manifest.id.take().or_else(|| references.into_iter().flatten().next());
        // Where the goods were first loaded, where it is not told where this conveyance took them.
        manifest.loading_port = manifest.loading_port.take().or(first_port);
        manifest.settle_times(&times, message, warnings);
        if manifest.manifested_at.is_none() {
            manifest.manifested_at = message.envelope.issued_at;
            warnings.push(Warning {
                code: "no_manifest_time",
                path: message.path(1),
                text: "no usable DTM 137".into(),
            });
        }
        manifest
    }

    fn begin(&mut self, bgm: Segment<'_, '_>, warn: &mut dyn FnMut(&'static str, String)) {
        self.id = bgm.value(1, 0).map(|id| upper(id).into_owned());
        let function = bgm.get(2, 0);
        if !function.is_empty() {
            function.clone_into(&mut self.function);
        }
        if !matches!(self.function.as_str(), "1" | "2" | "3" | "4" | "5" | "6" | "7" | "9" | "20" | "21" | "22" | "35")
        {
            warn("unknown_code", format!("BGM 1225 {}", short(&self.function)));
        }
        if !matches!(bgm.get(0, 0), "85" | "785" | "788" | "833" | "") {
            warn("unknown_code", format!("BGM {}", short(bgm.get(0, 0))));
        }
    }

    fn time(
        &mut self,
        dtm: Segment<'_, '_>,
        zone: chrono_tz::Tz,
        times: &mut Times,
        warn: &mut dyn FnMut(&'static str, String),
    ) {
        let qualifier = dtm.get(0, 0);
        if let Some(time) = clock(dtm.get(0, 1), dtm.get(0, 2)) {
            if let Some((moment, _)) = times.of(qualifier).and_then(Option::as_mut) {
                moment.time = moment.time.or(Some(time));
            }
            return;
        }
        // An empty one says nothing.
        if dtm.value(0, 1).is_none() {
            return;
        }
        let Ok(moment) = parse(dtm.get(0, 1), dtm.get(0, 2), Century::Recent) else {
            return warn("bad_date", format!("DTM {}", short(qualifier)));
        };
        if qualifier == "137" {
            self.manifested_at = to_utc_in(moment, zone);
        } else {
            times.read(qualifier, moment);
        }
    }

    fn transport(&mut self, tdt: Segment<'_, '_>, path: &dyn Fn() -> String, warnings: &mut Vec<Warning>) {
        self.voyage_no = tdt.value(1, 0).map(|v| upper(v).into_owned());
        self.mode = mode(tdt);
        if self.mode.is_none() {
            warnings.push(Warning { code: "no_mode", path: path(), text: format!("TDT `{}`", short(tdt.get(2, 0))) });
        }
        if number_of_vehicle(tdt).is_some() {
            return self.vehicle(tdt, path, warnings);
        }
        // An aircraft is known by its flight, whatever else is told of it.
        let flight = if self.mode == Some("air") { flight(tdt) } else { None };
        self.voyage_no = self.voyage_no.take().or_else(|| flight.clone());
        self.conveyance_name = tdt.value(7, 3).filter(|name| flight.as_deref() != Some(*name)).map(str::to_owned);
        self.conveyance_id = flight.or_else(|| tdt.value(7, 0).map(|c| upper(c).into_owned()));
        self.conveyance_country = tdt.value(7, 4).map(|c| country(c, path, warnings).into_owned());
    }

    /// A vehicle has a TDT for each of its numbers: its plate, and where it is registered, before its chassis.
    fn vehicle(&mut self, tdt: Segment<'_, '_>, path: &dyn Fn() -> String, warnings: &mut Vec<Warning>) {
        let Some((list, number)) = number_of_vehicle(tdt) else { return };
        let number = Some(upper(number).into_owned());
        match list {
            PLATE => {
                self.conveyance_id = number;
                self.conveyance_country = tdt.value(7, 4).map(|c| country(c, path, warnings).into_owned());
            }
            CHASSIS => self.conveyance_id = self.conveyance_id.take().or(number),
            _ => {}
        }
    }

    fn place(&mut self, loc: Segment<'_, '_>) {
        let Some(code) = loc.value(1, 0).map(|c| upper(c).into_owned()) else { return };
        match loc.get(0, 0) {
            // List 77: a customs office, as road carriers write it.
            "60" if loc.get(1, 1) == "77" => self.office = Some(code),
            "22" | "41" => self.office = Some(code),
            "9" => self.loading_port = Some(code),
            "5" | "94" => self.loading_port = self.loading_port.take().or(Some(code)),
            "11" => self.unloading_port = Some(code),
            "12" | "60" => self.unloading_port = self.unloading_port.take().or(Some(code)),
            _ => {}
        }
    }

    fn settle_times(&mut self, times: &Times, message: &Message<'_>, warnings: &mut Vec<Warning>) {
        // The clock of the port of the voyage, else of the place behind which the time stands, else of the country.
        let at = |sent: Option<&At>, port: Option<&String>, country: Option<&String>, warnings: &mut Vec<Warning>| {
            let (moment, behind) = sent?;
            // Codes of three letters may be of a list of offices.
            let behind = behind.as_ref().filter(|place| place.len() == 5);
            let places = [port, behind, country];
            let known = || places.into_iter().flatten().find_map(|place| zone_of_port(place));
            let zone = if moment.offset_minutes.is_some() { Some(chrono_tz::UTC) } else { known() };
            if zone.is_none() {
                let place = places.into_iter().flatten().next();
                let text = match place {
                    Some(place) => format!("`{}` has no time zone we know; its times are left NULL", short(place)),
                    None => "no place is told on whose clock a time is; it is left NULL".to_owned(),
                };
                warnings.push(Warning { code: "unknown_port", path: message.path(1), text });
            }
            to_utc_in(*moment, zone?)
        };
        let (from, to) = (self.loading_port.as_ref(), self.unloading_port.as_ref());
        let departed = times.departed.as_ref().or(times.departs.as_ref());
        self.departed_at = at(departed, from, times.from.as_ref(), warnings);
        self.arrival_expected_at = at(times.arrives.as_ref(), to, times.to.as_ref(), warnings);
        self.arrived_at = at(times.arrived.as_ref(), to, times.to.as_ref(), warnings);
    }
}

/// Lists of C222 1131 for a road vehicle.
const PLATE: &str = "215";
const CHASSIS: &str = "146";

/// A number of a road vehicle, which stands where others have the name of a ship: `:146::1M8GDM9AXKP042788`.
fn number_of_vehicle<'a>(tdt: Segment<'a, '_>) -> Option<(&'a str, &'a str)> {
    let list = tdt.get(7, 1);
    let known = matches!(list, PLATE | CHASSIS | "8" | "109" | "172" | "274");
    (known && tdt.value(7, 0).is_none()).then_some((list, tdt.value(7, 3)?))
}

/// Column `nature` of a GIS or GEI.
pub fn nature_of(s: Segment<'_, '_>) -> Option<&'static str> {
    match s.get(usize::from(s.tag() == "GEI"), 0) {
        "22" => Some("export"),
        "23" => Some("import"),
        "24" | "27" | "29" => Some("transit"),
        "28" => Some("transhipment"),
        _ => None,
    }
}

/// That a container has no number, so that no bill can be in it.
pub fn no_number(path: String) -> Warning {
    Warning { code: "no_container_number", path, text: "EQD names no container; send it again with its number".into() }
}

/// An EQD, its check digit looked at.
pub fn equipment(eqd: Segment<'_, '_>, warn: &mut dyn FnMut(&'static str, String)) -> Equipment {
    let equipment = Equipment::read(eqd);
    if equipment.check_digit_ok == Some(false) {
        warn("check_digit", format!("container {}", short_id(&equipment.id)));
    }
    equipment
}

/// More seals than one container has; every bill in it repeats them.
const SEALS_MAX: usize = 20;

/// MEA and SEL under an EQD.
pub fn equip(equipment: Option<&mut Equipment>, s: Segment<'_, '_>, warn: &mut dyn FnMut(&'static str, String)) {
    let Some(equipment) = equipment else { return };
    if s.tag() == "SEL" {
        match s.value(0, 0) {
            Some(_) if equipment.seals.len() >= SEALS_MAX => warn("value_cut", "more seals than are kept".to_owned()),
            seal => equipment.seals.extend(seal.map(|seal| upper(seal).into_owned())),
        }
        return;
    }
    match measure::read(s) {
        Ok(Measure::GrossMassKg(mass)) => equipment.gross_mass_kg = Some(mass),
        Ok(_) => {}
        Err((code, text)) => warn(code, text),
    }
}

/// As much of an equipment number as a warning needs.
pub fn short_id(id: &str) -> &str {
    &id[..id.floor_char_boundary(17)]
}
