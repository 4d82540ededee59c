//! Rules as JSON lines, `{"id": ..., "when": ...}` each: the form in which programs hand over many rules.

use std::borrow::Cow;

use haechi_model::{Lane, Stream};
use serde::Deserialize;

use super::form::Form;
use super::rules::{id_is_fine, subject_stream};
use crate::rule::{Origin, Rule, SqlText};
use crate::yaml::flatten;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    when: Cow<'a, str>,
    #[serde(borrow, default)]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    title: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    lane: Option<Cow<'a, str>>,
    #[serde(default)]
    score: Option<f64>,
}

/// Reads every line. Rules without `stream` read the default one; they need neither lane nor score.
pub(crate) fn read(form: &mut Form<'_>, default_stream: Option<&'static Stream>, rules: &mut Vec<Rule>) {
    let text = form.source;
    let mut start = 0;
    for whole in text.split_inclusive('\n') {
        let line_start = start;
        start += whole.len();
        let line = whole.trim_start_matches('\u{feff}').trim();
        if line.is_empty() {
            continue;
        }
        let at = line_start + offset_in(whole, line);
        match serde_json::from_str::<Line<'_>>(line) {
            Ok(parsed) => rules.extend(read_line(form, &parsed, line, at, default_stream)),
            Err(error) => {
                let column = error.column().saturating_sub(1).min(line.len());
                let message = error.to_string();
                let message = message.split(" at line ").next().unwrap_or_default();
                let help = "a line is `{\"id\": \"...\", \"when\": \"...\"}`";
                form.error("E0110", at + column..at + column, message, help);
            }
        }
    }
}

fn read_line(
    form: &mut Form<'_>,
    parsed: &Line<'_>,
    line: &str,
    at: usize,
    default_stream: Option<&'static Stream>,
) -> Option<Rule> {
    let whole = at..at + line.len();
    let id = parsed.id.to_string();
    form.rule = Some(id.clone());
    let place = |text: &Cow<'_, str>, key: &str| match text {
        Cow::Borrowed(text) => at + offset_in(line, text),
        Cow::Owned(_) => at + value_start(line, key),
    };
    let id_start = place(&parsed.id, "id");
    let id_at = id_start..(id_start + id.len()).min(whole.end);
    if !id_is_fine(&id) {
        form.error("E0315", id_at.clone(), format!("`{id}` cannot be an id"), "1 to 128 characters without blanks");
    }
    let stream = match &parsed.stream {
        Some(name) => {
            let start = place(name, "stream");
            subject_stream(form, name, start..(start + name.len()).min(whole.end))
        }
        None if default_stream.is_some() => default_stream,
        None => {
            let help = "add `\"stream\": \"declaration\"`, or name the stream with `--stream`";
            form.error("E0311", id_at.clone(), "a rule without a stream", help);
            None
        }
    };
    let lane = parsed.lane.as_ref().and_then(|name| lane(form, name, stream?, place(name, "lane")));
    let score = parsed.score.filter(|score| *score >= 0.0);
    if score != parsed.score {
        form.error("E0314", id_at.clone(), "the score is below zero", "zero or more");
    }
    let when_start = place(&parsed.when, "when");
    let origin = match &parsed.when {
        Cow::Borrowed(_) => Origin::At(when_start),
        Cow::Owned(text) => Origin::Map(unescape_map(form.source, when_start, text)),
    };
    let mut when = SqlText { text: parsed.when.to_string(), file: form.file, origin };
    if matches!(parsed.when, Cow::Owned(_)) {
        // Only an escape can bring a line break in.
        flatten(&mut when.text);
    }
    if when.text.trim().is_empty() {
        form.error("E0304", whole.clone(), "an empty condition", "write an SQL condition after `\"when\"`");
    }
    form.rule = None;
    Some(Rule {
        title: parsed.title.as_ref().map_or_else(|| id.clone(), ToString::to_string),
        id,
        at: form.span(id_at),
        stream: stream?,
        when,
        lane,
        score,
        lower_to: None,
        instruction: None,
        owner: None,
        legal_basis: None,
        valid_from: None,
        valid_until: None,
        share: 1.0,
        mandatory: false,
        tags: Vec::new(),
        tests: Vec::new(),
    })
}

fn lane(form: &mut Form<'_>, name: &str, stream: &Stream, start: usize) -> Option<Lane> {
    let lanes = stream.lanes?;
    let lane = lanes.lane(name);
    if lane.is_none() {
        let help = super::form::listed(lanes.lanes().iter().copied());
        let message = format!("unknown lane `{name}`");
        form.error("E0305", start..start + name.len(), message, format!("lanes of a {}: {help}", stream.name));
    }
    lane
}

/// Where a text that is part of the line begins in it.
fn offset_in(line: &str, text: &str) -> usize {
    (text.as_ptr() as usize).wrapping_sub(line.as_ptr() as usize).min(line.len())
}

/// Where the text of a key's value begins in the line, for texts that were not borrowed since they hold escapes.
fn value_start(line: &str, key: &str) -> usize {
    let bytes = line.as_bytes();
    let mut i = 0;
    let mut is_key = true;
    let mut last_key = "";
    while i < bytes.len() {
        match bytes[i] {
            b'"' => {
                let start = i + 1;
                let end = string_end(bytes, start);
                if is_key {
                    last_key = line.get(start..end).unwrap_or("");
                } else if last_key == key {
                    return start;
                }
                i = end;
            }
            b':' => is_key = false,
            b',' => is_key = true,
            _ => {}
        }
        i += 1;
    }
    0
}

fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut i = start;
    while i < bytes.len() && bytes[i] != b'"' {
        i += if bytes[i] == b'\\' { 2 } else { 1 };
    }
    i.min(bytes.len())
}

/// The byte each byte of a JSON string came from.
fn unescape_map(source: &str, start: usize, text: &str) -> Vec<usize> {
    let bytes = source.as_bytes();
    let mut map = Vec::with_capacity(text.len() + 1);
    let mut at = start;
    for c in text.chars() {
        if bytes.get(at) == Some(&b'\\') {
            map.extend(std::iter::repeat_n(at, c.len_utf8()));
            // A character beyond the first plane is written as two `\u` escapes.
            at += match bytes.get(at + 1) {
                Some(b'u') if c.len_utf16() == 2 => 12,
                Some(b'u') => 6,
                _ => 2,
            };
        } else {
            map.extend((0..c.len_utf8()).map(|byte| at + byte));
            at += c.len_utf8();
        }
    }
    map.push(at);
    map
}
