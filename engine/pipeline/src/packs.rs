//! Rule packs from files to something that can run: rulesets, policies, and everything that is wrong with them.

use std::path::{Path, PathBuf};

use haechi_model::{Stream, SubjectKind};
use haechi_rules::condition::{Catalog, Compiler};
use haechi_rules::load::load_with;
use haechi_rules::profile::Profiles;
use haechi_rules::rule::{Day, Origin, SqlText};
use haechi_rules::source::FileId;
use haechi_rules::{
    Diagnostic, LoadOptions, Program, RawRuleset, Ruleset, Sources, compile, formula_lints, lints, profile, ruleset,
};
use haechi_select::{Policy, RuleEffect};

/// Rule packs, loaded, compiled and checked.
#[derive(Debug)]
pub struct Packs {
    /// The files, for showing mistakes.
    pub sources: Sources,
    /// What the files say.
    pub raw: RawRuleset,
    /// One ruleset a stream that has rules.
    pub rulesets: Vec<Ruleset>,
    /// Features over time.
    pub profiles: Profiles,
    /// Policies by file.
    pub policies: Vec<(PathBuf, Policy)>,
    /// Everything found, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
    catalog: Catalog,
}

impl Packs {
    /// Loads and checks packs. `today` is for the lint that finds expired rules.
    pub fn load(paths: &[PathBuf], default_stream: Option<&'static Stream>, today: Option<Day>) -> Self {
        let mut sources = Sources::default();
        let (raw, mut diagnostics) = load_with(paths, &LoadOptions { default_stream }, &mut sources);
        let catalog = Catalog::of(&raw);
        let mut streams: Vec<&'static Stream> = Vec::new();
        for rule in &raw.rules {
            if streams.iter().all(|known| known.name != rule.stream.name) {
                streams.push(rule.stream);
            }
        }
        let mut rulesets = Vec::new();
        for stream in streams {
            let ruleset = compile(&raw, &catalog, stream, &mut diagnostics);
            diagnostics.extend(formula_lints::lint(&ruleset));
            rulesets.push(ruleset);
        }
        diagnostics.extend(lints::lint(&raw, &sources, today));
        let profiles = profile::compile(&raw.profiles, &catalog, &mut diagnostics);
        let mut packs = Self { sources, raw, rulesets, profiles, policies: Vec::new(), diagnostics, catalog };
        packs.read_policies();
        let order = |d: &Diagnostic| (d.span.file, d.span.range.start);
        packs.diagnostics.sort_by_key(order);
        packs
    }

    /// Whether nothing forbids using them.
    pub fn usable(&self) -> bool {
        !ruleset::has_errors(&self.diagnostics)
    }

    /// The rules of a stream.
    pub fn ruleset(&self, stream: &Stream) -> Option<&Ruleset> {
        self.rulesets.iter().find(|r| r.stream.name == stream.name)
    }

    /// The policy of a kind of subject: the first that speaks of it, or one that asks for nothing.
    pub fn policy(&self, kind: SubjectKind) -> Policy {
        let found = self.policies.iter().find(|(_, policy)| policy.kind() == kind);
        found.map_or_else(|| Policy::none(kind), |(_, policy)| policy.clone())
    }

    /// The strata conditions of a policy, in order; a stratum without one gives no root.
    pub fn strata(&self, stream: &'static Stream, policy: &Policy) -> (Program, Vec<usize>) {
        let mut compiler = Compiler::new(stream, &self.catalog);
        let mut with_condition = Vec::new();
        for (index, stratum) in policy.strata().iter().enumerate() {
            let Some(when) = &stratum.when else { continue };
            let sql = SqlText { text: when.clone(), file: FileId(0), origin: Origin::At(0) };
            if let Some(node) = compiler.condition(&stratum.name, &sql, &mut Vec::new()) {
                compiler.add_root(node);
                with_condition.push(index);
            }
        }
        (compiler.finish(), with_condition)
    }

    /// What follows from each rule, by its place in the ruleset.
    pub fn effects(ruleset: &Ruleset) -> Vec<RuleEffect> {
        let effect = |rule: &haechi_rules::Rule| RuleEffect {
            id: rule.id.clone(),
            lane: rule.lane,
            score: rule.score,
            lower_to: rule.lower_to,
            mandatory: rule.mandatory,
            share: rule.share,
            instruction: rule.instruction.clone(),
        };
        ruleset.rules.iter().map(effect).collect()
    }

    fn read_policies(&mut self) {
        for path in self.raw.policies.clone() {
            let Some(file) = self.sources.find(&path) else { continue };
            let text = self.sources.file(file).text.clone();
            let kind = self.pack_kind(&path);
            match Policy::parse(&path.display().to_string(), &text, kind) {
                Ok(policy) => {
                    self.check_strata(file, &policy);
                    let other = self.policies.iter().find(|(_, known)| known.kind() == policy.kind());
                    if let Some((first, _)) = other {
                        let message = format!("a second policy for stream `{}`", policy.kind().stream());
                        let help = format!("`{}` is used; remove one", first.display());
                        self.diagnostics.push(Diagnostic::error("E0503", self.at(file, 1, 1), message).help(help));
                    }
                    self.policies.push((path, policy));
                }
                Err(errors) => {
                    for mistake in errors.mistakes {
                        let span = self.at(file, mistake.line, mistake.column);
                        let problem = &mistake.problem;
                        self.diagnostics.push(Diagnostic::error(problem.code(), span, problem.to_string()));
                    }
                }
            }
        }
    }

    /// The kind of subject that the rules beside a policy are about.
    fn pack_kind(&self, policy: &Path) -> Option<SubjectKind> {
        let folder = policy.parent()?;
        let beside = self.raw.rules.iter().find(|rule| self.sources.file(rule.at.file).path.starts_with(folder));
        beside.and_then(|rule| rule.stream.lanes)
    }

    fn check_strata(&mut self, file: FileId, policy: &Policy) {
        let Some(stream) = Stream::find(policy.kind().stream()) else { return };
        let mut compiler = Compiler::new(stream, &self.catalog);
        let mut found = Vec::new();
        for stratum in policy.strata() {
            let (Some(when), Some((line, column))) = (&stratum.when, stratum.when_at) else { continue };
            let start = self.at(file, line, column).range.start;
            let quoted = self.sources.file(file).text[start..].starts_with(['\'', '"']);
            let origin = Origin::At(start + usize::from(quoted));
            let sql = SqlText { text: when.clone(), file, origin };
            compiler.condition(&stratum.name, &sql, &mut found);
        }
        self.diagnostics.extend(found);
    }

    fn at(&self, file: FileId, line: usize, column: usize) -> haechi_rules::diagnostic::Span {
        let source = self.sources.file(file);
        let start = source.line_start(line);
        let rest = source.text.get(start..).unwrap_or_default();
        let offset = rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(i, _)| i);
        let end = rest[offset..].find(['\n', ':', ',']).map_or(rest.len(), |n| offset + n.max(1));
        haechi_rules::diagnostic::Span { file, range: start + offset..start + end }
    }
}
