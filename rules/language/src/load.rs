//! Rule files and folders to rules, lists and tables whose form is checked. What a condition means is checked later.
//!
//! Files are data from outside: their size is bounded, any bytes are read without a panic, and all mistakes of all
//! files are reported at once. Begin at [`load`].

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use haechi_model::Stream;
use rustc_hash::FxHashMap;

use crate::diagnostic::{Diagnostic, Span};
use crate::lists::List;
use crate::profile::{self, Profile};
use crate::rule::Rule;
use crate::source::{FileId, Sources};
use crate::tables::ReferenceTable;
use crate::yaml::{self, Node, Value};
use crate::{decision, lists, tables};

pub(crate) mod form;
pub(crate) mod given;
mod jsonl;
pub(crate) mod rules;

use form::{Form, listed};
use rules::{Defaults, find};

/// Bytes of one file.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Folders inside one another.
const FOLDER_DEPTH_MAX: usize = 16;
/// Mistakes shown of one file.
const FILE_MISTAKES_MAX: usize = 200;

/// What the files say, before any condition is compiled.
#[derive(Debug, Default)]
pub struct RawRuleset {
    /// Rules in the order of the files.
    pub rules: Vec<Rule>,
    /// Lists.
    pub lists: Vec<List>,
    /// Reference tables.
    pub tables: Vec<ReferenceTable>,
    /// Features over time.
    pub profiles: Vec<Profile>,
    /// Every `policy.yaml`; its text is among the sources, and whoever selects reads it.
    pub policies: Vec<PathBuf>,
    /// All files read, in order.
    pub files: Vec<FileId>,
    /// Files read only because a file named needs them: lists and tables of its pack.
    pub context: Vec<FileId>,
}

/// What the caller knows better than the files.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoadOptions {
    /// The stream of rules that name none, and whose folder names none.
    pub default_stream: Option<&'static Stream>,
}

/// Reads files and folders, and reports every mistake of every one, in the order in which they stand.
pub fn load(paths: &[PathBuf], sources: &mut Sources) -> (RawRuleset, Vec<Diagnostic>) {
    load_with(paths, &LoadOptions::default(), sources)
}

/// [`load`] with options.
pub fn load_with(paths: &[PathBuf], options: &LoadOptions, sources: &mut Sources) -> (RawRuleset, Vec<Diagnostic>) {
    let raw = RawRuleset::default();
    let mut loader = Loader { options: *options, sources, raw, out: Vec::new(), seen: HashSet::new() };
    let mut packs = Vec::new();
    for path in paths {
        let defaults = Defaults { stream: options.default_stream, owner: None };
        if path.is_dir() {
            loader.folder(path, &defaults, 0);
        } else {
            let (defaults, pack) = loader.pack_around(path, defaults);
            packs.extend(pack);
            loader.file(path, &defaults, true);
        }
    }
    for pack in packs {
        loader.context(&pack);
    }
    loader.names_stand_once();
    let Loader { raw, mut out, .. } = loader;
    out.sort_by_key(|diagnostic| (diagnostic.span.file, diagnostic.span.range.start));
    (raw, out)
}

/// What a file is, by its name and folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Pack,
    Policy,
    Tests,
    Profile,
    Yaml,
    List,
    Table,
    Decisions,
    JsonLines,
    Stray,
    Other,
}

impl Role {
    fn of(path: &Path) -> Self {
        let lower = |part: Option<&std::ffi::OsStr>| part.map(|p| p.to_string_lossy().to_lowercase());
        let name = lower(path.file_name()).unwrap_or_default();
        let folder = lower(path.parent().and_then(Path::file_name)).unwrap_or_default();
        let extension = lower(path.extension()).unwrap_or_default();
        match (folder.as_str(), name.as_str(), extension.as_str()) {
            (_, "pack.yaml" | "pack.yml", _) => Self::Pack,
            (_, "policy.yaml" | "policy.yml", _) => Self::Policy,
            (_, name, "yaml" | "yml") if tested(name).is_some() => Self::Tests,
            ("profiles", _, "yaml" | "yml") => Self::Profile,
            (_, _, "yaml" | "yml") => Self::Yaml,
            (_, _, "jsonl" | "ndjson") => Self::JsonLines,
            ("lists", _, "txt" | "csv") => Self::List,
            ("tables", _, "csv") => Self::Table,
            ("decisions", _, "csv") => Self::Decisions,
            (_, _, "csv") => Self::Stray,
            _ => Self::Other,
        }
    }
}

/// `NAME` of `NAME.tests.yaml`.
fn tested(name: &str) -> Option<&str> {
    name.strip_suffix(".tests.yaml").or_else(|| name.strip_suffix(".tests.yml"))
}

struct Loader<'a> {
    options: LoadOptions,
    sources: &'a mut Sources,
    raw: RawRuleset,
    out: Vec<Diagnostic>,
    seen: HashSet<PathBuf>,
}

impl Loader<'_> {
    /// Whether the path is met for the first time, by whatever name.
    fn first_time(&mut self, path: &Path) -> bool {
        self.seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))
    }

    fn folder(&mut self, folder: &Path, defaults: &Defaults, depth: usize) {
        if depth > FOLDER_DEPTH_MAX || !self.first_time(folder) {
            return;
        }
        let mut paths: Vec<PathBuf> = match fs::read_dir(folder) {
            Ok(entries) => entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect(),
            Err(error) => return self.unreadable(folder, &error.to_string()),
        };
        let hidden = |path: &PathBuf| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
        paths.retain(|path| !hidden(path));
        paths.sort();
        let mut defaults = defaults.clone();
        for pack in paths.iter().filter(|path| Role::of(path) == Role::Pack) {
            self.pack(pack, &mut defaults);
        }
        for path in &paths {
            if path.is_dir() {
                self.folder(path, &defaults, depth + 1);
            } else {
                self.file(path, &defaults, false);
            }
        }
    }

    /// Reads a file in its role. `named`: the caller asked for this very file.
    fn file(&mut self, path: &Path, defaults: &Defaults, named: bool) {
        let role = Role::of(path);
        if role == Role::Other && !named {
            return;
        }
        if role == Role::Tests && tests_table(path).is_some_and(|table| table.is_file()) {
            // Read together with its table, which a folder holds anyway.
            if named && let Some(table) = tests_table(path) {
                self.decisions(&table, defaults);
            }
            return;
        }
        if role == Role::Decisions {
            return self.decisions(path, defaults);
        }
        if !self.first_time(path) {
            return;
        }
        let Some(file) = self.read(path) else { return };
        let before = self.out.len();
        let start = Span { file, range: 0..0 };
        match role {
            Role::Pack => {}
            Role::Policy => self.raw.policies.push(path.to_owned()),
            Role::Profile => {
                let profiles = profile::read_file(file, self.sources, defaults.owner.as_deref(), &mut self.out);
                self.raw.profiles.extend(profiles);
            }
            Role::Yaml => self.yaml(file, defaults),
            Role::List => {
                let mut list = lists::read_file(file, self.sources, &mut self.out);
                list.owner = list.owner.or_else(|| defaults.owner.clone());
                self.raw.lists.push(list);
            }
            Role::Table => self.raw.tables.extend(tables::read_file(file, self.sources, &mut self.out)),
            Role::JsonLines => {
                let mut form = Form::new(file, &self.sources.file(file).text, &mut self.out);
                jsonl::read(&mut form, defaults.stream, &mut self.raw.rules);
            }
            Role::Tests => {
                let help = "`decisions/NAME.tests.yaml` stands beside `decisions/NAME.csv`";
                self.out.push(Diagnostic::error("E0426", start, "tests of no decision table").help(help));
            }
            Role::Stray if !named => {
                let help =
                    "tables with `lookup` stand in `tables/`, lists in `lists/`, decision tables in `decisions/`";
                self.out.push(Diagnostic::warning("W0711", start, "a CSV file that is not read").help(help));
            }
            Role::Stray | Role::Decisions | Role::Other => {
                let help = "rule files are YAML or JSON lines; CSV stands in `lists/`, `tables/` or `decisions/`";
                self.out.push(Diagnostic::error("E0108", start, "not a rule file").help(help));
            }
        }
        self.bound_mistakes(file, before);
    }

    fn decisions(&mut self, path: &Path, defaults: &Defaults) {
        if !self.first_time(path) {
            return;
        }
        let Some(file) = self.read(path) else { return };
        let before = self.out.len();
        let tests = ["tests.yaml", "tests.yml"].map(|extension| path.with_extension(extension));
        let tests = tests.iter().find(|tests| tests.is_file()).and_then(|tests| self.read(tests));
        let rules = decision::read_file(file, tests, self.sources, defaults, &mut self.out);
        self.raw.rules.extend(rules);
        self.bound_mistakes(file, before);
    }

    /// Reads a file among the sources; says why where it cannot.
    fn read(&mut self, path: &Path) -> Option<FileId> {
        let bytes = match read_bounded(path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                let span = Span { file: self.sources.add(path, ""), range: 0..0 };
                let message = format!("`{}` has more than {} MiB", path.display(), FILE_BYTES_MAX >> 20);
                self.out.push(Diagnostic::error("E0102", span, message).help("split it"));
                return None;
            }
            Err(error) => {
                self.unreadable(path, &error.to_string());
                return None;
            }
        };
        let (text, bad) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let bad = error.utf8_error().valid_up_to();
                (String::from_utf8_lossy(error.as_bytes()).into_owned(), Some(bad))
            }
        };
        let file = self.sources.add(path, text);
        self.raw.files.push(file);
        let Some(bad) = bad else { return Some(file) };
        let span = Span { file, range: bad..bad + char::REPLACEMENT_CHARACTER.len_utf8() };
        let diagnostic = Diagnostic::error("E0103", span, "the file is not UTF-8 from here on")
            .help("save it as UTF-8 (in a spreadsheet: `CSV UTF-8`)");
        self.out.push(diagnostic);
        None
    }

    fn unreadable(&mut self, path: &Path, why: &str) {
        let span = Span { file: self.sources.add(path, ""), range: 0..0 };
        let why = why.split(" (os error").next().unwrap_or(why).to_lowercase();
        let message = format!("cannot read `{}`: {why}", path.display());
        self.out.push(Diagnostic::error("E0101", span, message).help("check the path and its permissions"));
    }

    fn bound_mistakes(&mut self, file: FileId, before: usize) {
        let more = (self.out.len() - before).saturating_sub(FILE_MISTAKES_MAX);
        if more > 0 {
            self.out.truncate(before + FILE_MISTAKES_MAX);
            let end = self.sources.file(file).text.len();
            let message = format!("and {more} more mistakes in this file");
            let span = Span { file, range: end..end };
            self.out.push(Diagnostic::error("E0112", span, message).help("correct the first ones and check again"));
        }
    }

    /// A file of rules, lists, or one of either.
    fn yaml(&mut self, file: FileId, defaults: &Defaults) {
        let text = &self.sources.file(file).text;
        let (documents, mistakes) = yaml::parse(file, text);
        let broken = !mistakes.is_empty();
        self.out.extend(mistakes);
        let mut form = Form::new(file, text, &mut self.out);
        if !broken && documents.iter().all(Node::is_null) {
            let help = "write a rule, or delete the file";
            form.report(Diagnostic::warning("W0711", form.span(0..0), "the file holds no rule").help(help));
        }
        for document in &documents {
            match &document.value {
                Value::Map(entries) if find(entries, "rules").or(find(entries, "lists")).is_some() => {
                    form.map(document, "a rule file", &["rules", "lists"]);
                    if let Some(entry) = find(entries, "lists") {
                        read_lists(&mut form, &entry.value, defaults, &mut self.raw.lists);
                    }
                    if let Some(entry) = find(entries, "rules") {
                        rules::read_list(&mut form, &entry.value, defaults, &mut self.raw.rules);
                    }
                }
                Value::Map(entries) if find(entries, "entries").is_some() => {
                    self.raw.lists.extend(lists::read_yaml(&mut form, document, defaults.owner.as_deref()));
                }
                Value::Map(entries) if entries.iter().any(|entry| rules::KEYS.contains(&entry.key.as_str())) => {
                    self.raw.rules.extend(rules::read_node(&mut form, document, defaults));
                }
                Value::List(_) => {
                    let help = "put `rules:` above the first `-`, and indent the rest";
                    form.error("E0108", form::head(document), "a list at the top of a rule file", help);
                    rules::read_list(&mut form, document, defaults, &mut self.raw.rules);
                }
                _ if document.is_null() || (document.cut && broken) => {}
                Value::Map(_) | Value::Scalar(_) => {
                    let help = "a file holds one rule (`id:`, `when:`, ...), `rules:`, or `lists:`";
                    form.error("E0108", form::head(document), "neither rules nor lists", help);
                }
            }
        }
    }

    /// `pack.yaml`: what the rules of its folder need not repeat.
    fn pack(&mut self, path: &Path, defaults: &mut Defaults) {
        if !self.first_time(path) {
            return;
        }
        let Some(file) = self.read(path) else { return };
        let text = &self.sources.file(file).text;
        let (documents, mistakes) = yaml::parse(file, text);
        self.out.extend(mistakes);
        let mut form = Form::new(file, text, &mut self.out);
        for document in documents.iter().filter(|document| !document.is_null()) {
            let keys = ["name", "title", "stream", "owner"];
            let Some(entries) = form.map(document, "`pack.yaml`", &keys) else { continue };
            if let Some(entry) = find(entries, "stream")
                && let Some(name) = form.text(&entry.value, "stream")
            {
                defaults.stream = rules::subject_stream(&mut form, &name, entry.value.at.clone());
            }
            if let Some(entry) = find(entries, "owner") {
                defaults.owner = form.text(&entry.value, "owner");
            }
        }
    }

    /// The pack a file belongs to: its `pack.yaml` stands beside it, or one folder up.
    fn pack_around(&mut self, path: &Path, mut defaults: Defaults) -> (Defaults, Option<PathBuf>) {
        let folders = path.ancestors().skip(1).take(2);
        let root = folders.map(Path::to_owned).find(|folder| folder.join("pack.yaml").is_file());
        if let Some(root) = &root {
            let pack = root.join("pack.yaml");
            // Several files of one pack may be named: its defaults hold for each of them.
            self.seen.remove(&fs::canonicalize(&pack).unwrap_or_default());
            let known = self.sources.find(&pack).is_some();
            let (before, files) = (self.out.len(), self.raw.files.len());
            self.pack(&pack, &mut defaults);
            if known {
                self.out.truncate(before);
                self.raw.files.truncate(files);
            }
        }
        (defaults, root)
    }

    /// Lists and tables of the pack whose rules were named one by one.
    fn context(&mut self, pack: &Path) {
        let (n_files, n_rules) = (self.raw.files.len(), self.raw.rules.len());
        for folder in ["lists", "tables", "profiles"].map(|name| pack.join(name)) {
            if folder.is_dir() {
                self.folder(&folder, &Defaults { stream: self.options.default_stream, owner: None }, 0);
            }
        }
        self.raw.rules.truncate(n_rules);
        self.raw.context.extend_from_slice(&self.raw.files[n_files..]);
    }

    fn names_stand_once(&mut self) {
        let Self { raw, sources, out, .. } = self;
        let rules = raw.rules.iter().filter(|rule| !rule.id.is_empty());
        stand_once("E0308", "id", rules.map(|rule| (rule.id.as_str(), &rule.at)), sources, out);
        let lists = raw.lists.iter().map(|list| (list.name.as_str(), &list.at));
        stand_once("E0401", "list", lists, sources, out);
        let tables = raw.tables.iter().map(|table| (table.name.as_str(), &table.at));
        stand_once("E0401", "table", tables, sources, out);
        let entities = raw.profiles.iter().map(|profile| (profile.entity.as_str(), &profile.at));
        stand_once("E0802", "entity", entities, sources, out);
    }
}

fn stand_once<'n>(
    code: &'static str,
    what: &str,
    names: impl Iterator<Item = (&'n str, &'n Span)>,
    sources: &Sources,
    out: &mut Vec<Diagnostic>,
) {
    let mut first: FxHashMap<&str, &Span> = FxHashMap::default();
    for (name, at) in names {
        if let Some(first) = first.get(name) {
            let help = format!("the first one stands at {}", sources.position(first));
            out.push(Diagnostic::error(code, at.clone(), format!("{what} `{name}` stands twice")).help(help));
        } else {
            first.insert(name, at);
        }
    }
}

/// `None` if the file is larger than allowed.
fn read_bounded(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    let file = fs::File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(std::io::Error::other("not a file"));
    }
    let mut bytes = Vec::with_capacity(metadata.len().min(FILE_BYTES_MAX) as usize + 1);
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= FILE_BYTES_MAX).then_some(bytes))
}

/// The decision table that a `NAME.tests.yaml` belongs to.
fn tests_table(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    Some(path.with_file_name(format!("{}.csv", tested(&name)?)))
}

fn read_lists(form: &mut Form<'_>, node: &Node, defaults: &Defaults, lists: &mut Vec<List>) {
    match &node.value {
        Value::List(nodes) => {
            for node in nodes {
                lists.extend(lists::read_yaml(form, node, defaults.owner.as_deref()));
            }
        }
        _ if node.is_null() => {}
        _ => {
            let help =
                format!("every list begins with `- name:`; its keys are {}", listed(["name", "kind", "entries"]));
            form.error("E0302", form::head(node), format!("`lists` is {}, not a list", node.kind()), help);
        }
    }
}

#[cfg(test)]
mod tests;
