//! What a passenger list says before and after its people: what kind of list it is, of which flight, and how many.

use chrono_tz::Tz;
use haechi_model::intake::Warning;

use super::super::interchange::{Message, leading_number};
use super::super::places::{short, upper};
use super::super::segments::{Arena, Segment};
use super::flight::{Leg, Legs, scheduled};

/// What a list is, and what it does to the people on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// 745, 655, 10, the US variant: passengers are on it.
    Passengers(Change),
    /// 250: crew are on it.
    Crew(Change),
    /// 266 CLOB: closed, these are on board.
    OnBoard,
    /// 266 CLNB: closed, these are not on board.
    NotOnBoard,
    /// 266 CL: closed.
    Closed,
    /// 266 XF: cancelled.
    FlightCancelled,
    /// 266 CF, or another status: changed.
    FlightChanged,
    /// 336: people without a flight.
    MasterCrew,
}

/// What a list does to the people on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// First sent.
    New,
    /// CP, or a second C on a crew list: replaces them.
    Replace,
    /// XR, RP: takes them off the flight.
    Cancel,
}

impl List {
    /// Column `state`.
    pub fn state(self) -> &'static str {
        match self {
            Self::OnBoard => "boarded",
            Self::NotOnBoard => "no_show",
            Self::FlightCancelled | Self::Passengers(Change::Cancel) | Self::Crew(Change::Cancel) => "cancelled",
            _ => "listed",
        }
    }

    /// Column `change_kind`.
    pub fn change_kind(self) -> &'static str {
        match self {
            Self::Passengers(Change::New) | Self::Crew(Change::New) | Self::MasterCrew => "new",
            Self::Passengers(Change::Cancel) | Self::Crew(Change::Cancel) | Self::FlightCancelled => "cancel",
            _ => "amend",
        }
    }

    /// A status of a flight, not a list of who is on it.
    pub fn is_status(self) -> bool {
        matches!(self, Self::OnBoard | Self::NotOnBoard | Self::Closed | Self::FlightCancelled | Self::FlightChanged)
    }
}

/// Everything around the people.
#[derive(Debug)]
pub struct Header {
    /// BGM.
    pub list: List,
    /// BGM 1004, where it is a code and not the number of the message.
    pub change_reason: Option<String>,
    /// RFF TN.
    pub request_ref: Option<String>,
    /// Component 5 of RFF TN, which of two messages is newer; 1 where not sent.
    pub revision: i32,
    /// BGM 1004 of a road carrier: the trip.
    trip: Option<String>,
    /// TDT groups.
    pub legs: Vec<Leg>,
    /// CNT 42: passengers on the flight.
    pub passengers: Option<u64>,
    /// CNT 41: crew on the flight.
    pub crew: Option<u64>,
}

impl Header {
    /// Reads everything of a message but its people; `zone` is that of the office.
    pub fn read(arena: &Arena<'_>, message: &Message<'_>, zone: Tz, warnings: &mut Vec<Warning>) -> Self {
        let mut header = Self {
            list: List::Passengers(Change::New),
            change_reason: None,
            request_ref: None,
            revision: 1,
            trip: None,
            legs: Vec::new(),
            passengers: None,
            crew: None,
        };
        let mut legs = Legs::default();
        for s in arena.iter() {
            let path = || message.path(s.number());
            let warn = |warnings: &mut Vec<Warning>, code, text: String| {
                warnings.push(Warning { code, path: path(), text });
            };
            match s.tag() {
                "BGM" => {
                    legs.on_road = s.get(0, 0) == "10";
                    header.begin(s, |text| warn(warnings, "unknown_code", text));
                }
                "RFF" => header.reference(s),
                "TDT" => legs.flight(s),
                "LOC" => {
                    if !legs.stop(s, &path, warnings) {
                        warn(warnings, "unknown_code", format!("LOC {} of a flight", short(s.get(0, 0))));
                    }
                }
                "DTM" => time(s, &mut legs, |code, text| warn(warnings, code, text)),
                "CNT" => header.control(s, |code, text| warn(warnings, code, text)),
                "NAD" if s.get(0, 0) == "MS" => {}
                "NAD" => warn(warnings, "unknown_party", format!("NAD {}", short(s.get(0, 0)))),
                "CTA" | "COM" | "AUT" | "UNS" | "FTX" => {}
                tag => warn(warnings, "unknown_segment", format!("{tag} outside the group of a person")),
            }
        }
        let mut of_legs = Vec::new();
        if let Some(trip) = &header.trip {
            legs.trip(trip);
        }
        header.legs = legs.finish(message, zone, &mut of_legs);
        // A master crew list names no flight, whatever its TDT says.
        if header.list != List::MasterCrew {
            warnings.append(&mut of_legs);
        }
        header
    }

    /// The day of the flight, for two-digit years.
    pub fn day(&self) -> Option<chrono::NaiveDate> {
        self.legs.iter().find_map(|l| l.arrives.or(l.departs)).map(|m| m.date)
    }

    /// Whether CNT says that everybody is listed: so many, `crew` of them crew. `None` where there is no CNT. A list of both
    /// may count them one by one.
    pub fn is_complete(&self, listed: u64, crew: impl FnOnce() -> u64) -> Option<bool> {
        if self.declared()? == listed {
            return Some(true);
        }
        let (Some(passengers), Some(said)) = (self.passengers, self.crew) else { return Some(false) };
        let crew = crew();
        Some(said == crew && passengers == listed - crew)
    }

    /// How many people CNT says are on the flight, of the kind listed.
    pub fn declared(&self) -> Option<u64> {
        match self.list {
            List::Crew(_) | List::MasterCrew => self.crew.or(self.passengers),
            _ => self.passengers.or(self.crew),
        }
    }

    fn begin(&mut self, bgm: Segment<'_, '_>, mut unknown: impl FnMut(String)) {
        let reason = upper(bgm.get(1, 0)).into_owned();
        if bgm.get(0, 0) == "10" && !matches!(reason.as_str(), "" | "CP" | "XR" | "RP") {
            // A road carrier numbers the trip here, and says behind it what happens to the list.
            let function = bgm.get(2, 0);
            self.list = List::Passengers(match function {
                "1" | "3" => Change::Cancel,
                "4" | "5" => Change::Replace,
                _ => Change::New,
            });
            self.change_reason = (self.list != List::Passengers(Change::New)).then(|| function.to_owned());
            self.trip = Some(reason);
            return;
        }
        self.list = match (bgm.get(0, 0), reason.as_str()) {
            ("266", "CLOB") => List::OnBoard,
            ("266", "CLNB") => List::NotOnBoard,
            ("266", "CL") => List::Closed,
            ("266", "XF") => List::FlightCancelled,
            ("266", _) => List::FlightChanged,
            ("336", _) => List::MasterCrew,
            ("250", reason) if is_changed_crew(reason) => List::Crew(Change::Replace),
            ("250", "CP") => List::Crew(Change::Replace),
            ("250", "XR" | "RP") => List::Crew(Change::Cancel),
            ("250", _) => List::Crew(Change::New),
            (_, "CP") => List::Passengers(Change::Replace),
            (_, "XR" | "RP") => List::Passengers(Change::Cancel),
            (_, _) => List::Passengers(Change::New),
        };
        let of_people = matches!(reason.as_str(), "" | "CP" | "XR" | "RP");
        let is_known = match bgm.get(0, 0) {
            "745" | "655" | "10" => of_people,
            "266" => of_people || matches!(reason.as_str(), "CL" | "CLOB" | "CLNB" | "XF" | "CF"),
            "250" => of_people || is_kind_of_crew(&reason) || is_changed_crew(&reason),
            "336" => of_people || matches!(reason.as_str(), "G" | "H" | "I"),
            _ => {
                unknown(format!("BGM {} {}", short(bgm.get(0, 0)), short(&reason)));
                of_people
            }
        };
        if is_known {
            self.change_reason = (!reason.is_empty()).then_some(reason);
        } else if bgm.get(0, 0) == "266" || is_like_a_code(&reason) {
            unknown(format!("BGM {} {}", short(bgm.get(0, 0)), short(&reason)));
        }
    }

    fn reference(&mut self, rff: Segment<'_, '_>) {
        if rff.get(0, 0) == "TN" {
            self.request_ref = rff.value(0, 1).map(|r| upper(r).into_owned());
            self.revision = rff.get(0, 4).parse().ok().filter(|r| *r > 0).unwrap_or(1);
        }
    }

    fn control(&mut self, cnt: Segment<'_, '_>, mut warn: impl FnMut(&'static str, String)) {
        let qualifier = cnt.get(0, 0);
        let value = if cnt.get(0, 1).is_empty() && !cnt.get(1, 0).is_empty() {
            warn("cnt_format", format!("CNT {}: `+` for `:`", short(qualifier)));
            cnt.get(1, 0)
        } else {
            cnt.get(0, 1)
        };
        let Some(count) = leading_number(value) else {
            return warn("bad_number", format!("CNT {}", short(qualifier)));
        };
        match qualifier {
            "42" => self.passengers = Some(count),
            "41" => self.crew = Some(count),
            other => warn("unknown_code", format!("CNT {}", short(other))),
        }
    }
}

/// `C`, `B`, `E` ... of a list of crew: what flight it is of.
fn is_kind_of_crew(reason: &str) -> bool {
    matches!(reason.as_bytes(), [b'A'..=b'F'])
}

/// The same with a C behind it, which says change.
fn is_changed_crew(reason: &str) -> bool {
    reason.strip_suffix('C').is_some_and(is_kind_of_crew)
}

/// What stands where some number their messages, and is hardly a number.
fn is_like_a_code(reason: &str) -> bool {
    reason.len() <= 4 && reason.bytes().all(|b| b.is_ascii_uppercase())
}

/// `189:2703140105:201`, or of the US variant `136+270314+0105+Z07`.
fn time(dtm: Segment<'_, '_>, legs: &mut Legs, mut warn: impl FnMut(&'static str, String)) {
    let qualifier = dtm.get(0, 0);
    let departure = match qualifier {
        "189" | "136" => true,
        "232" | "132" => false,
        _ => return,
    };
    let moment = if dtm.len() > 1 && dtm.get(0, 1).is_empty() {
        let zone = dtm.get(3, 0);
        // Z east, M west of Greenwich.
        let offset = match zone.split_at_checked(1) {
            Some(("Z" | "P", hours)) => format!("+{hours}"),
            Some(("M", hours)) => format!("-{hours}"),
            _ => String::new(),
        };
        scheduled(&format!("{}{}{offset}", dtm.get(1, 0), dtm.get(2, 0)), "201")
    } else if dtm.get(0, 2).len() == 4 && !dtm.get(0, 3).is_empty() {
        // Some cut the time off the day: `189:20270314:0105:203`.
        scheduled(&format!("{}{}", dtm.get(0, 1), dtm.get(0, 2)), dtm.get(0, 3))
    } else if dtm.get(1, 1) == "205" && !dtm.get(1, 0).is_empty() {
        // A plus that was not released.
        warn("short_composite", format!("DTM {}: the offset stands in an element of its own", short(qualifier)));
        scheduled(&format!("{}+{}", dtm.get(0, 1), dtm.get(1, 0)), "205")
    } else {
        scheduled(dtm.get(0, 1), dtm.get(0, 2))
    };
    match moment {
        Ok(moment) => legs.time(departure, moment),
        Err(_) => warn("bad_date", format!("DTM {}", short(qualifier))),
    }
}
