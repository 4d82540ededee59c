//! `haechi demo`: the service on an embedded store, a generated day fed to it, selections as they arrive.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono::{DateTime, Utc};
use clap::Args;
use haechi_datasets::{Format, Spec, write};
use haechi_model::{Stream, SubjectKind};
use haechi_pipeline::Finding;
use haechi_pipeline::replay::Replayer;
use haechi_pipeline::stream::{entities_of, recent_records, wall_ms};
use haechi_server::profiles::Profile;
use haechi_server::{Service, Settings};
use haechi_store::{Position, Store};
use serde_json::{Value, json};

use crate::commands::{DONE, profile};
use crate::error::CommandError;
use crate::output::{Output, count, counted, table};
use crate::rules;

pub const EXAMPLE: &str = "\
Example:
  haechi demo
  haechi demo --scale 0.1 --out /tmp/demo";

/// Selections explained at the end.
const EXPLAINED: usize = 5;
/// Selections of each stream shown as they arrive.
const SHOWN: usize = 4;
/// Pause between two looks at what has arrived.
const LOOK: Duration = Duration::from_millis(250);
/// Says that a folder is a demonstration's.
const MARKER: &str = ".haechi-demo";
/// The settings it writes.
const SETTINGS: &str = "haechi.toml";
/// The secret that they name, in a file of its own.
const SECRET: &str = "secret";
/// The demonstration's own service listens where nobody else does. A service started later on the settings listens
/// where every service does, so that commands find it.
const LISTEN: (&str, &str) = ("HAECHI__HTTP__LISTEN", "127.0.0.1:0");
/// What the demonstration keeps, below its folder.
const FOLDERS: [&str; 4] = ["store", "in", "selections", "day"];

/// Whose profiles are shown behind a selection: by stream, the first of these that its rows name.
const PORTRAYED: [(&str, &[&str]); 2] =
    [("declaration", &["importer", "parcel_order", "exporter"]), ("traveller", &["document", "person", "agency"])];
/// Days of history in them.
const PORTRAYED_DAYS: u16 = 7;
/// Rules over what officers found before; they are about all streams.
const FINDINGS: &str = "findings";

/// Streams, their files, packs, and how many of the selections explained are theirs if they have as many.
const STREAMS: [(&str, &str, &str, usize); 3] = [
    ("declaration", "declarations.parquet", "import", 2),
    ("consignment", "consignments.parquet", "cargo", 1),
    ("traveller", "travellers.parquet", "traveller", 2),
];

/// Arguments of `haechi demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder for the day, the store and the selections; what a demonstration left there is replaced
    #[arg(long, default_value = ".demo", value_name = "DIR")]
    out: PathBuf,
    /// Folder that holds the packs import, cargo, traveller and findings
    #[arg(long, default_value = "rules/packs", value_name = "DIR")]
    packs: PathBuf,
    /// Size of the day: 1 is 118,000 declarations, 3,000 house bills, 200 flights
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Another seed, another day
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

/// Runs it.
pub fn run(args: &DemoArgs, out: &Output) -> Result<ExitCode, CommandError> {
    clear(&args.out)?;
    // Records of today: the service dates what it decides by the clock.
    let spec = Spec { day: Utc::now().date_naive(), ..Spec::day(args.seed).scaled(args.scale) };
    let day = args.out.join("day");
    let start = Instant::now();
    write(&spec, &day, Format::Parquet)?;
    if !out.json {
        out.line(format!(
            "A day of border traffic, {}: {} declarations, {} house bills, {} flights (generated in {:.1} s, seed {})\n",
            spec.day,
            count(spec.declarations),
            count(spec.house_bills),
            count(spec.flights),
            start.elapsed().as_secs_f64(),
            spec.seed
        ))?;
    }
    let secret_file = args.out.join(SECRET);
    write_private(&secret_file, &rules::secret_hex(out)?)
        .map_err(|source| CommandError::File { path: secret_file, source })?;
    let settings_file = args.out.join(SETTINGS);
    let text = settings(args);
    fs::write(&settings_file, &text).map_err(|source| CommandError::File { path: settings_file.clone(), source })?;
    let listen = [(LISTEN.0.to_owned(), LISTEN.1.to_owned())];
    let settings = Settings::parse(&settings_file.display().to_string(), &text, listen)?;
    let runtime = tokio::runtime::Runtime::new().map_err(|e| CommandError::Bug(e.to_string()))?;
    let demo = Demo { args, out, settings, settings_file };
    runtime.block_on(demo.run(&day))
}

/// Removes what an earlier demonstration left, and nobody else's.
fn clear(out: &Path) -> Result<(), CommandError> {
    let marker = out.join(MARKER);
    let left: Vec<PathBuf> = FOLDERS.iter().map(|folder| out.join(folder)).filter(|path| path.exists()).collect();
    let written = [SETTINGS, SECRET].map(|file| out.join(file)).into_iter().find(|path| path.exists());
    if let (Some(path), false) = (left.first().or(written.as_ref()), marker.exists()) {
        let found = path.display();
        let reason =
            format!("`{found}` is of no demonstration, which would replace it; name another folder with --out");
        return Err(CommandError::Usage(reason));
    }
    for path in left {
        fs::remove_dir_all(&path).map_err(|source| CommandError::File { path, source })?;
    }
    make_folder(out)?;
    let note = "`haechi demo` made this folder, and replaces what is in it when it runs again.\n";
    fs::write(&marker, note).map_err(|source| CommandError::File { path: marker, source })
}

/// The settings of the demonstration, as a user would write them.
fn settings(args: &DemoArgs) -> String {
    let shown = |path: &Path| toml_text(&path.display().to_string());
    let packs = STREAMS.iter().map(|(_, _, pack, _)| *pack).chain([FINDINGS]);
    let packs: Vec<String> = packs.map(|pack| shown(&args.packs.join(pack))).collect();
    let mut text = format!(
        "[store]\npath = {}\n\n[engine]\nzone = \"Asia/Seoul\"\n\n[rules]\npaths = [{}]\n\
         secret_file = {}\n",
        shown(&args.out.join("store")),
        packs.join(", "),
        shown(&args.out.join(SECRET))
    );
    let source = |stream: &str| {
        let folder = shown(&args.out.join("in").join(stream));
        format!(
            "\n[[source]]\nname = \"{stream}s\"\nkind = \"folder\"\npath = {folder}\nstream = \"{stream}\"\n\
             zone = \"Asia/Seoul\"\npoll_ms = 100\nsettle_ms = 100\n"
        )
    };
    text.extend(STREAMS.map(|(stream, ..)| source(stream)));
    let selections = shown(&args.out.join("selections"));
    text + &format!("\n[[sink]]\nname = \"officers\"\nkind = \"files\"\npath = {selections}\nformat = \"ndjson\"\n")
}

fn toml_text(text: &str) -> String {
    // A JSON string is a TOML string.
    Value::from(text).to_string()
}

struct Demo<'a> {
    args: &'a DemoArgs,
    out: &'a Output,
    settings: Settings,
    settings_file: PathBuf,
}

/// What has arrived of a stream.
#[derive(Default)]
struct Arrived {
    lanes: BTreeMap<usize, u64>,
    subjects: u64,
    shown: usize,
    /// Those worth an explanation: readable, strict, with many points.
    notable: Vec<Notable>,
}

struct Notable {
    /// A reader takes in two or three reasons at a glance.
    readable: bool,
    rank: usize,
    score: f64,
    id: String,
    reasons: String,
}

impl Demo<'_> {
    async fn run(&self, day: &Path) -> Result<ExitCode, CommandError> {
        let secret = self.settings.rules.secret(None)?;
        for (stream, ..) in STREAMS {
            make_folder(&self.args.out.join("in").join(stream))?;
        }
        let began = Instant::now();
        let service = Service::start(self.settings.clone(), secret.clone()).await?;
        self.say(format!(
            "service ready after {:.2} s on http://{}",
            began.elapsed().as_secs_f64(),
            service.address()
        ))?;
        let began = Instant::now();
        for (stream, file, ..) in STREAMS {
            let (from, to) = (day.join(file), self.args.out.join("in").join(stream).join(file));
            drop_into(&from, &to).map_err(|source| CommandError::File { path: from, source })?;
        }
        self.say("the day's files are dropped into its folders; selections arrive:\n")?;
        let mut arrived: BTreeMap<&'static str, Arrived> = BTreeMap::new();
        let mut after = 0;
        loop {
            let taken =
                STREAMS.iter().all(|(stream, file, ..)| !self.args.out.join("in").join(stream).join(file).exists());
            let before = after;
            after = self.look(service.engine().store(), after, &mut arrived)?;
            if before != after {
                let subjects: u64 = arrived.values().map(|a| a.subjects).sum();
                let seconds = began.elapsed().as_secs_f64();
                self.say(format!("{seconds:6.2} s  {:>9} selections", count(subjects)))?;
            } else if taken {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        let seconds = began.elapsed().as_secs_f64();
        let posted = self.post(&service).await?;
        let position = service.engine().status().position;
        service.stop().await;

        let again = Instant::now();
        let service = Service::start(self.settings.clone(), secret.clone()).await?;
        self.say(format!(
            "\nstopped and started again: ready after {:.2} s, at position {} of {}",
            again.elapsed().as_secs_f64(),
            count(service.engine().status().position),
            count(position)
        ))?;
        let store = service.engine().store().clone();
        let over_time = over_time(&service);
        let explained = explained(&store, &secret, &self.settings, &mut arrived, &over_time)?;
        let profiles = profiles(&service, &explained)?;
        service.stop().await;
        self.report(&arrived, &explained, &profiles, &posted, seconds)?;
        Ok(DONE)
    }

    /// Takes in what has arrived since; how far it came.
    fn look(
        &self,
        store: &Store,
        mut after: Position,
        arrived: &mut BTreeMap<&'static str, Arrived>,
    ) -> Result<Position, CommandError> {
        for decisions in store.decisions(after) {
            let decisions = decisions?;
            after = decisions.last_position();
            let Some(kind) = decisions.stream.lanes else { continue };
            let of_stream = arrived.entry(decisions.stream.name).or_default();
            let lines = of_stream.take(kind, &decisions.selections)?;
            for line in lines {
                self.say(line)?;
            }
        }
        Ok(after)
    }

    /// One declaration over HTTP, as a clearance system sends it.
    async fn post(&self, service: &Service) -> Result<(String, Value), CommandError> {
        let declared_at: DateTime<Utc> = Utc::now();
        let body = json!({
            "declaration_id": "DEMO-0001",
            "declared_at": declared_at.to_rfc3339(),
            "flow": "import",
            "office": "020",
            "importer_id": "I0000001",
            "items": [{
                "item_no": 1, "hs_code": "6402991000", "origin_country": "CN", "departure_country": "CN",
                "description": "shoes with plastic soles", "quantity": 2400, "quantity_unit": "PR",
                "customs_value_usd": 2100.0, "net_mass_kg": 1900.0
            }],
        });
        let failed = |error: reqwest::Error| CommandError::Bug(format!("the service does not answer: {error}"));
        let url = format!("http://{}/v1/declarations", service.address());
        let answer = reqwest::Client::new().post(url).json(&body).send().await.map_err(failed)?;
        Ok((body.to_string(), answer.json().await.map_err(failed)?))
    }

    fn report(
        &self,
        arrived: &BTreeMap<&'static str, Arrived>,
        explained: &[(&'static str, Finding)],
        profiles: &[Portrayed],
        posted: &(String, Value),
        seconds: f64,
    ) -> Result<(), CommandError> {
        if self.out.json {
            let streams = arrived.iter().map(|(stream, of_stream)| {
                let lanes: serde_json::Map<String, Value> = of_stream
                    .by_lane(stream)
                    .into_iter()
                    .map(|(lane, subjects)| (lane.to_owned(), subjects.into()))
                    .collect();
                json!({"stream": stream, "subjects": of_stream.subjects, "lanes": lanes})
            });
            let findings: Vec<_> = explained.iter().map(|(_, finding)| finding).collect();
            let report = json!({
                "streams": streams.collect::<Vec<_>>(), "answer": posted.1, "explained": findings,
                "profiles": profiles.iter().map(|of| &of.profile).collect::<Vec<_>>(), "seconds": seconds
            });
            self.out.document(&report)?;
            return Ok(());
        }
        let total: u64 = arrived.values().map(|a| a.subjects).sum();
        self.say(format!("\n{} selections in {seconds:.1} s, each on disk before it was published", count(total)))?;
        for (stream, of_stream) in arrived {
            let all = of_stream.subjects.max(1) as f64;
            let lanes = of_stream.by_lane(stream).into_iter();
            let lanes =
                lanes.map(|(lane, n)| vec![lane.to_owned(), count(n), format!("{:.2} %", n as f64 / all * 100.0)]);
            self.say(format!("\n{stream}: {}", counted(of_stream.subjects, "subject")))?;
            self.say(table(&["lane", "subjects", "share"], &[1, 2], lanes).to_string())?;
        }
        self.say(format!("\none declaration posted:\n{}\nis answered:", posted.0))?;
        self.say(serde_json::to_string_pretty(&posted.1).unwrap_or_default())?;
        self.say(format!("\n{}, explained", counted(explained.len() as u64, "selection")))?;
        for (stream, finding) in explained {
            self.say(format!("\n[{stream}] {}", finding.text(None).trim_end()))?;
        }
        for Portrayed { subject, key, profile } in profiles {
            self.say(format!("\nbehind {subject}:"))?;
            profile::show(key, PORTRAYED_DAYS, profile, self.out)?;
        }
        let (program, settings) = (program(), self.settings_file.display());
        self.say(format!(
            "\nSelections were delivered to {}.\nMore: {program} serve --config {settings}\n      \
             {program} inspect --config {settings}      (from another shell)\n      \
             {program} features --rules {}",
            self.args.out.join("selections").display(),
            self.args.packs.join("import").display()
        ))
    }

    fn say(&self, line: impl Into<String>) -> Result<(), CommandError> {
        if !self.out.json {
            self.out.line(line.into())?;
        }
        Ok(())
    }
}

impl Arrived {
    /// Takes selections; the lines to show of them.
    fn take(&mut self, kind: SubjectKind, selections: &RecordBatch) -> Result<Vec<String>, CommandError> {
        let unreadable = |e: &dyn std::fmt::Display| CommandError::Bug(format!("cannot read selections: {e}"));
        let column = |name: &str| selections.column_by_name(name).ok_or_else(|| unreadable(&"a column is missing"));
        let text = |name: &str| cast(column(name)?, &DataType::Utf8).map_err(|e| unreadable(&e));
        let (ids, lanes) = (text("subject_id")?, text("lane")?);
        let (ids, lanes) = (ids.as_string::<i32>(), lanes.as_string::<i32>());
        let scores = column("score")?.as_primitive::<arrow::datatypes::Float64Type>();
        let reasons = column("reasons")?.as_list::<i32>();
        let mut lines = Vec::new();
        for row in 0..selections.num_rows() {
            self.subjects += 1;
            let Some(lane) = kind.lane(lanes.value(row)) else { continue };
            *self.lanes.entry(lane.rank()).or_default() += 1;
            let names = reasons.value(row);
            if lane.rank() == 0 || names.is_empty() {
                continue;
            }
            let names: Vec<String> = names.as_string::<i32>().iter().flatten().map(str::to_owned).collect();
            let (id, reasons) = (ids.value(row).to_owned(), names.join(" "));
            if self.shown < SHOWN && lane.rank() >= 2.min(kind.lanes().len() - 1) {
                self.shown += 1;
                lines.push(format!("          {:<12} {:<13} {id}  {reasons}", kind.stream(), lane.name()));
            }
            let readable = (2..=3).contains(&names.len());
            self.notable.push(Notable { readable, rank: lane.rank(), score: scores.value(row), id, reasons });
        }
        Ok(lines)
    }

    fn by_lane(&self, stream: &str) -> Vec<(&'static str, u64)> {
        let kind = Stream::find(stream).and_then(|stream| stream.lanes);
        let lanes = kind.map(SubjectKind::lanes).unwrap_or_default();
        lanes.iter().enumerate().map(|(rank, lane)| (*lane, self.lanes.get(&rank).copied().unwrap_or(0))).collect()
    }
}

/// What is known of one behind a selection.
struct Portrayed {
    subject: String,
    key: String,
    profile: Profile,
}

/// The rules that ask for features over time.
fn over_time(service: &Service) -> HashSet<String> {
    let catalogue = service.engine().rules().current().value.catalogue();
    catalogue.into_iter().flat_map(|entity| entity.features).flat_map(|feature| feature.rules).collect()
}

/// The profiles behind the first explained selection of some streams.
fn profiles(service: &Service, explained: &[(&'static str, Finding)]) -> Result<Vec<Portrayed>, CommandError> {
    let (engine, at_ms) = (service.engine(), wall_ms());
    let rules = engine.rules().current();
    let bug = |error: &dyn std::fmt::Display| CommandError::Bug(error.to_string());
    let mut portrayed = Vec::new();
    for (name, wanted) in PORTRAYED {
        let finding = explained.iter().find(|(stream, _)| *stream == name);
        let (Some((_, finding)), Some(stream)) = (finding, Stream::find(name)) else { continue };
        let subject = &finding.decision.subject_id;
        let about = entities_of(engine.store(), &rules.value, stream, subject).map_err(|error| bug(&error))?;
        let about = wanted.iter().find_map(|entity| about.iter().find(|(known, _)| known == entity));
        let Some((entity, key)) = about else { continue };
        let portrait = engine.portrait(entity, key, at_ms, PORTRAYED_DAYS).map_err(|error| bug(&error))?;
        let Some(portrait) = portrait else { continue };
        let recent = recent_records(engine.store(), &portrait.positions)?;
        let profile = Profile { portrait, recent, at_ms };
        portrayed.push(Portrayed { subject: format!("{name} {subject}"), key: key.clone(), profile });
    }
    Ok(portrayed)
}

/// Explanations from the journal: of each stream a few strict ones, no two for the same reasons; first one by a rule over
/// time, where there is one.
fn explained(
    store: &Store,
    secret: &haechi_select::Secret,
    settings: &Settings,
    arrived: &mut BTreeMap<&'static str, Arrived>,
    over_time: &HashSet<String>,
) -> Result<Vec<(&'static str, Finding)>, CommandError> {
    let mut replayer = Replayer::new(store.clone(), settings.release_context(secret.clone()));
    let (mut chosen, mut spare) = (Vec::new(), Vec::new());
    for (name, _, _, examples) in STREAMS {
        let Some(of_stream) = arrived.get_mut(name) else { continue };
        let notable = &mut of_stream.notable;
        let order = |n: &Notable| (n.readable, n.rank);
        notable.sort_by(|a, b| order(b).cmp(&order(a)).then(b.score.total_cmp(&a.score)).then_with(|| a.id.cmp(&b.id)));
        let by_history = |n: &Notable| n.reasons.split(' ').any(|rule| over_time.contains(rule));
        if let Some(place) = notable.iter().position(by_history) {
            notable[..=place].rotate_right(1);
        }
        let mut seen = HashSet::new();
        let mut ids = notable.iter().filter(|n| seen.insert(&n.reasons)).map(|n| (name, n.id.clone()));
        chosen.extend(ids.by_ref().take(examples));
        spare.extend(ids.take(EXPLAINED));
    }
    // On a small day one stream may have little to show; the others fill the places.
    let missing = EXPLAINED.saturating_sub(chosen.len());
    chosen.extend(spare.into_iter().take(missing));
    let mut findings = Vec::new();
    for (name, id) in chosen {
        let Some(stream) = Stream::find(name) else { continue };
        let finding = replayer.explain(stream, &id, None, None).map_err(|e| CommandError::Bug(e.to_string()))?;
        findings.extend(finding.map(|finding| (name, finding)));
    }
    Ok(findings)
}

/// Has a file appear in a folder, all at once; the file itself stays where it is.
fn drop_into(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::hard_link(from, to).or_else(|_| {
        // Another file system: a name that sources leave alone until it is whole.
        let part = to.with_extension("part");
        fs::copy(from, &part)?;
        fs::rename(part, to)
    })
}

/// A file for its owner only.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    // The rights of one that is there would stay.
    if let Err(error) = fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(format!("{text}\n").as_bytes())
}

/// How this program is called from here: by its name if that is what the search path finds, else by its path.
fn program() -> String {
    let name = format!("haechi{}", std::env::consts::EXE_SUFFIX);
    let Ok(running) = std::env::current_exe().and_then(fs::canonicalize) else { return name };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(&name)).find(|file| file.is_file());
    if found.and_then(|file| fs::canonicalize(file).ok()).as_ref() == Some(&running) {
        return name;
    }
    let here = std::env::current_dir().and_then(fs::canonicalize);
    let below = here.ok().and_then(|here| running.strip_prefix(here).ok().map(Path::to_owned));
    below.unwrap_or(running).display().to_string()
}

fn make_folder(path: &Path) -> Result<(), CommandError> {
    fs::create_dir_all(path).map_err(|source| CommandError::File { path: path.to_owned(), source })
}
