//! IN lists of constants, kept from tokenizer and parser: in rules that programs write they are most of the text, and
//! the parser tries each constant as the name of a type first. Of `x IN ('a', 'b', 'c')` those two see `x IN ('a')`.
//!
//! The constants stay text until they are lowered, or are put back into the tree wherever it is read as a tree.
//! Whatever the text, tree and places are in the end those that the parser makes of the whole: where it is not plain
//! what a character means (comments, quoted identifiers, `E'...'`), the rest of the text is left as it is.

use std::borrow::Cow;
use std::ops::Range;

use datafusion_sql::sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};
use datafusion_sql::sqlparser::dialect::GenericDialect;
use datafusion_sql::sqlparser::tokenizer::{Location, Span, TokenWithSpan, Tokenizer, TokenizerError};
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::planned::children;

/// What a token, blanks included, is at least long on average: room for too many costs less than room made again.
const TOKEN_BYTES: usize = 2;

/// Constants taken out of a text, by where the first one of their list stands.
#[derive(Debug, Default)]
pub(super) struct ConstantLists<'t> {
    text: &'t str,
    lists: FxHashMap<Location, List>,
}

/// `(constant, constant, ...)`, by bytes of the text.
#[derive(Debug)]
struct List {
    /// Two or more; the first stands in the tree.
    constants: Vec<Range<usize>>,
    /// Where the parenthesis closes.
    close: usize,
}

impl<'t> ConstantLists<'t> {
    /// The tokens of a text, but of every `IN (constant, constant, ...)` only the first constant. Whether that is a
    /// list indeed, the tree will tell.
    ///
    /// Errors: the tokenizer's, and the places in them are not those of the whole text.
    pub fn taken_from(text: &'t str) -> Result<(Vec<TokenWithSpan>, Self), TokenizerError> {
        let found = lists_in(text);
        let taken: usize = found.iter().map(|list| list.close - list.constants[0].end).sum();
        let mut tokens = Vec::with_capacity((text.len() - taken) / TOKEN_BYTES);
        let mut lists = FxHashMap::with_capacity_and_hasher(found.len(), FxBuildHasher);
        let (mut start, mut at) = (0, Location::new(1, 1));
        for list in found {
            let first_end = list.constants[0].end;
            tokenize(&text[start..first_end], at, &mut tokens)?;
            let Some(first) = tokens.last() else { break };
            start = list.close;
            at = after(first.span.end, &text[first_end..start]);
            lists.insert(first.span.start, list);
        }
        tokenize(&text[start..], at, &mut tokens)?;
        Ok((tokens, Self { text, lists }))
    }

    /// Whether none was taken.
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// Puts constants back where they came from, except into lists that stand in the logic of the condition itself:
    /// what holds those is taken apart and never read as a whole. `false` where some belong to no IN list that is
    /// found.
    pub fn put_back(&self, expr: &mut Expr) -> bool {
        self.put_back_but(expr, true)
    }

    /// Puts all constants back.
    #[cfg(test)]
    pub fn put_back_all(&self, expr: &mut Expr) -> bool {
        self.put_back_but(expr, false)
    }

    fn put_back_but(&self, expr: &mut Expr, in_logic: bool) -> bool {
        let mut found = 0;
        let mut open = vec![(expr, in_logic)];
        while let Some((expr, in_logic)) = open.pop() {
            let in_logic = in_logic && is_logic(expr);
            if let Expr::InList { list, .. } = expr {
                found += usize::from(self.find(list).is_some());
                if !in_logic && let Some(all) = self.all(list) {
                    *list = all;
                }
            } else {
                open.extend(children(expr).into_iter().map(|child| (child, in_logic)));
            }
        }
        self.lists.len() == found
    }

    /// The constants of a list in the tree as they are written, if some of them were taken.
    pub fn written(&self, list: &[Expr]) -> Option<impl ExactSizeIterator<Item = &'t str> + use<'_, 't>> {
        let (_, list) = self.find(list)?;
        Some(list.constants.iter().map(|constant| &self.text[constant.clone()]))
    }

    /// The constants of a list in the tree as the parser makes them, if some of them were taken.
    pub fn all(&self, list: &[Expr]) -> Option<Vec<Expr>> {
        let (mut at, list) = self.find(list)?;
        let mut end = list.constants[0].start;
        let constants = list.constants.iter().map(|constant| {
            let start = after(at, &self.text[end..constant.start]);
            let written = &self.text[constant.clone()];
            (at, end) = (after(start, written), constant.end);
            let value = match quoted(written) {
                Some(text) => Value::SingleQuotedString(text.into_owned()),
                None => Value::Number(written.to_owned(), false),
            };
            Expr::Value(value.with_span(Span::new(start, at)))
        });
        Some(constants.collect())
    }

    fn find(&self, list: &[Expr]) -> Option<(Location, &List)> {
        let [Expr::Value(first)] = list else { return None };
        self.lists.get(&first.span.start).map(|found| (first.span.start, found))
    }
}

/// The text that a constant is, if it stands in quotes.
pub(super) fn quoted(written: &str) -> Option<Cow<'_, str>> {
    let text = written.strip_prefix('\'')?.strip_suffix('\'')?;
    Some(if text.contains('\'') { text.replace("''", "'").into() } else { text.into() })
}

/// Whether lowering takes this form apart into conditions.
fn is_logic(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(_) | Expr::InList { .. } => true,
        Expr::UnaryOp { op, .. } => *op == UnaryOperator::Not,
        Expr::BinaryOp { op, .. } => matches!(op, BinaryOperator::And | BinaryOperator::Or),
        _ => false,
    }
}

/// Appends the tokens of a piece of text that begins at this place.
fn tokenize(piece: &str, at: Location, tokens: &mut Vec<TokenWithSpan>) -> Result<(), TokenizerError> {
    let place = |within: Location| match within.line {
        1 => Location::new(at.line, at.column + within.column - 1),
        line => Location::new(at.line + line - 1, within.column),
    };
    Tokenizer::new(&GenericDialect {}, piece).tokenize_with_location_into_buf_with_mapper(tokens, |token| {
        let Span { start, end } = token.span;
        TokenWithSpan::new(token.token, Span::new(place(start), place(end)))
    })
}

/// The place after a text that begins at this one.
fn after(at: Location, text: &str) -> Location {
    match text.rsplit_once('\n') {
        None => Location::new(at.line, at.column + text.chars().count() as u64),
        Some((before, last)) => {
            let lines = 1 + before.matches('\n').count() as u64;
            Location::new(at.line + lines, 1 + last.chars().count() as u64)
        }
    }
}

/// Every `IN (constant, constant, ...)`, up to the first character that may begin something in which others mean
/// something else: a comment, a quoted identifier, a literal such as `E'...'`.
fn lists_in(text: &str) -> Vec<List> {
    let bytes = text.as_bytes();
    let mut lists = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at = match byte {
            b'\'' => match quote_end(bytes, at) {
                Some(end) => end,
                None => break,
            },
            byte if is_word(*byte) => {
                let end = end_of(bytes, at, is_word);
                if bytes.get(end) == Some(&b'\'') {
                    break;
                }
                lists.extend(bytes[at..end].eq_ignore_ascii_case(b"IN").then(|| list_at(bytes, end)).flatten());
                lists.last().map_or(end, |list| list.close.max(end))
            }
            b'-' if bytes.get(at + 1) == Some(&b'-') => break,
            b'/' if matches!(bytes.get(at + 1), Some(b'*' | b'/')) => break,
            byte if is_blank(*byte) || b"(),.+-*/%<>=!|".contains(byte) => at + 1,
            _ => break,
        };
    }
    lists
}

/// The list of two constants or more that begins here, blanks before it, if one does.
fn list_at(bytes: &[u8], at: usize) -> Option<List> {
    let mut at = end_of(bytes, at, is_blank);
    let mut constants = Vec::new();
    if bytes.get(at) != Some(&b'(') {
        return None;
    }
    loop {
        let start = end_of(bytes, at + 1, is_blank);
        let end = constant_end(bytes, start)?;
        constants.push(start..end);
        at = end_of(bytes, end, is_blank);
        match bytes.get(at)? {
            b',' => {}
            b')' => return (constants.len() > 1).then_some(List { constants, close: at }),
            _ => return None,
        }
    }
}

/// The end of the text or plain number that begins here.
fn constant_end(bytes: &[u8], start: usize) -> Option<usize> {
    if bytes.get(start)? == &b'\'' {
        return quote_end(bytes, start);
    }
    let digits = |from| Some(end_of(bytes, from, |byte| byte.is_ascii_digit())).filter(|end| *end > from);
    let whole = digits(start)?;
    let end = if bytes.get(whole) == Some(&b'.') { digits(whole + 1)? } else { whole };
    (!bytes.get(end).is_some_and(|byte| is_word(*byte))).then_some(end)
}

/// The end of the text in quotes that begins here; a doubled quote stands for one.
fn quote_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == b'\'')? + 1;
        if bytes.get(at) != Some(&b'\'') {
            return Some(at);
        }
        at += 1;
    }
}

fn end_of(bytes: &[u8], start: usize, belongs: impl Fn(u8) -> bool) -> usize {
    bytes[start..].iter().position(|byte| !belongs(*byte)).map_or(bytes.len(), |length| start + length)
}

/// Of names, keywords and numbers; what is not ASCII may be.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests;
