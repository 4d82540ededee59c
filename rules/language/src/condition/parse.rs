//! Text of a condition to sqlparser's tree, within bounds, and the way back from the tree to bytes of the text.

use std::ops::Range;

use datafusion_sql::sqlparser::ast::{Expr, Spanned};
use datafusion_sql::sqlparser::dialect::GenericDialect;
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::parser::{Parser, ParserError};
use datafusion_sql::sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer};

use super::constant_lists::ConstantLists;

/// Longest condition, in bytes: room for an IN of some ten thousand keys; more belongs in a list.
const TEXT_BYTES_MAX: usize = 256 * 1024;
/// Most operators in one condition. The parser chains them to a tree this deep, and a tree is dropped recursively.
const OPERATORS_MAX: usize = 2_000;
/// Deepest nesting of parentheses, functions and CASE.
const NESTING_MAX: usize = 48;
/// Most operators one inside the other, as in `a + b + c`, where each is a level of a tree that is walked recursively
/// for every block of rows. AND and OR do not count: what they join is kept as one list.
const LEVELS_MAX: usize = 100;
/// Most tokens, blanks included, of a tree that any thread can walk.
const SHALLOW_TOKENS_MAX: usize = 500;
/// Most parentheses, NOTs and CASEs of a tree that any thread can walk.
const SHALLOW_OPENING_MAX: usize = 8;

/// Why a condition could not be parsed.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub code: &'static str,
    pub message: String,
    pub range: Range<usize>,
    pub help: Option<String>,
}

/// Finds bytes for the parser's lines and columns (both from 1, columns in characters).
#[derive(Debug)]
pub(super) struct Positions<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Positions<'a> {
    pub fn new(text: &'a str) -> Self {
        let starts = text.match_indices('\n').map(|(newline, _)| newline + 1);
        Self { text, line_starts: std::iter::once(0).chain(starts).collect() }
    }

    fn byte(&self, at: Location) -> usize {
        let Some(start) = (at.line as usize).checked_sub(1).and_then(|line| self.line_starts.get(line)) else {
            return 0;
        };
        let rest = self.text.get(*start..).unwrap_or_default();
        let column = (at.column as usize).saturating_sub(1);
        rest.char_indices().nth(column).map_or(self.text.len(), |(i, _)| start + i)
    }

    /// The bytes of a span; the whole text where the parser kept none.
    pub fn range(&self, span: Span) -> Range<usize> {
        if span == Span::empty() {
            return 0..self.text.len();
        }
        let (start, end) = (self.byte(span.start), self.byte(span.end));
        start..end.max((start + 1).min(self.text.len()))
    }

    /// The tokens of the whole text.
    fn tokenize(&self) -> Result<Vec<TokenWithSpan>, SyntaxError> {
        Tokenizer::new(&GenericDialect {}, self.text).tokenize_with_location().map_err(|e| SyntaxError {
            code: "E0201",
            message: format!("cannot read the condition: {}", lower_first(&e.message)),
            range: self.range(Span::new(e.location, e.location)),
            help: e.message.to_ascii_lowercase().contains("unterminated").then(|| "close the quote with `'`".into()),
        })
    }

    /// The bytes of an expression.
    pub fn of(&self, expr: &Expr) -> Range<usize> {
        self.range(expr.span())
    }
}

/// A condition as far as it can be read without knowing its stream.
#[derive(Debug)]
pub(super) struct Reading<'t> {
    pub positions: Positions<'t>,
    pub read: Read<'t>,
}

/// What a text was read to.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are the large one")]
pub(super) enum Read<'t> {
    Parsed(Result<Parsed<'t>, SyntaxError>),
    /// The tree may be too deep for the stack at hand: to be made and walked where there is enough.
    Deep(Tokenized<'t>),
}

/// A condition's tree, and the constants that it leaves out.
#[derive(Debug)]
pub(super) struct Parsed<'t> {
    pub expr: Expr,
    pub lists: ConstantLists<'t>,
}

/// The tokens of a condition, within bounds.
#[derive(Debug, Default)]
pub(super) struct Tokenized<'t> {
    tokens: Vec<TokenWithSpan>,
    lists: ConstantLists<'t>,
}

impl<'t> Reading<'t> {
    /// Reads a condition.
    pub fn of(text: &'t str) -> Self {
        let positions = Positions::new(text);
        let read = match tokens(&positions) {
            Ok(tokens) if tokens.may_be_deep() => Read::Deep(tokens),
            tokens => Read::Parsed(tokens.and_then(|tokens| tokens.parse(&positions))),
        };
        Self { positions, read }
    }
}

/// Takes the text apart. Nothing here recurses, whatever the text.
pub(super) fn tokens<'t>(positions: &Positions<'t>) -> Result<Tokenized<'t>, SyntaxError> {
    let text = positions.text;
    if text.trim().is_empty() {
        return Err(SyntaxError {
            code: "E0201",
            message: "the condition is empty".into(),
            range: 0..text.len(),
            help: Some("write a condition such as `hs4 = '6402' AND net_mass_kg > 100`".into()),
        });
    }
    let too_long = |message: String, range| SyntaxError {
        code: "E0211",
        message,
        range,
        help: Some("split the rule, or move the keys into a list and use in_list()".into()),
    };
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the condition has {} bytes, more than {TEXT_BYTES_MAX}", text.len());
        return Err(too_long(message, 0..80.min(text.len())));
    }
    let (tokens, lists) = match ConstantLists::taken_from(text) {
        Ok(taken) => taken,
        // The place of a mistake is that in the whole text.
        Err(_) => (positions.tokenize()?, ConstantLists::default()),
    };
    if let Some(range) = beyond_bounds(&tokens, positions) {
        return Err(too_long(
            format!(
                "more than {OPERATORS_MAX} operators, {LEVELS_MAX} of them in each other, or {NESTING_MAX} levels of nesting"
            ),
            range,
        ));
    }
    if let Some(range) = bare_interval(&tokens, positions) {
        return Err(SyntaxError {
            code: "E0201",
            message: "syntax error: expected text in quotes behind INTERVAL".into(),
            range,
            help: Some("write the span as text, such as INTERVAL '7 days'".into()),
        });
    }
    Ok(Tokenized { tokens, lists })
}

/// An INTERVAL without its text. The parser would try whatever stands there in two ways, another INTERVAL too, and so
/// on: twice the time for each, and without a bound on its depth.
fn bare_interval(tokens: &[TokenWithSpan], positions: &Positions<'_>) -> Option<Range<usize>> {
    let mut written = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).peekable();
    while let Some(token) = written.next() {
        let text_follows = written.peek().is_some_and(|next| matches!(next.token, Token::SingleQuotedString(_)));
        if matches!(&token.token, Token::Word(word) if word.keyword == Keyword::INTERVAL) && !text_follows {
            return Some(positions.range(token.span));
        }
    }
    None
}

impl<'t> Tokenized<'t> {
    /// Whether the tree may be deep: by the parentheses, signs, NOTs and CASEs that might stand inside each other, and
    /// the tests that might stand in a row. What IS DISTINCT FROM compares with is read like a condition of its own.
    fn may_be_deep(&self) -> bool {
        let opens = |token: &&TokenWithSpan| match &token.token {
            Token::LParen | Token::LBracket | Token::Tilde | Token::Minus | Token::Plus => true,
            Token::Word(word) => matches!(word.keyword, Keyword::NOT | Keyword::CASE | Keyword::DISTINCT),
            _ => false,
        };
        self.tokens.len() > SHALLOW_TOKENS_MAX || self.tokens.iter().filter(opens).count() > SHALLOW_OPENING_MAX
    }

    /// Parses one expression and nothing after it.
    pub fn parse(self, positions: &Positions<'_>) -> Result<Parsed<'t>, SyntaxError> {
        let Self { tokens, lists } = self;
        if lists.is_empty() {
            return Ok(Parsed { expr: parse_all(tokens, positions)?, lists });
        }
        if let Ok(mut expr) = parse_all(tokens, positions)
            && lists.put_back(&mut expr)
        {
            return Ok(Parsed { expr, lists });
        }
        // What is no IN list after all, or stands beside a mistake, the parser gets to see whole.
        Ok(Parsed { expr: parse_all(positions.tokenize()?, positions)?, lists: ConstantLists::default() })
    }
}

#[cfg(test)]
pub(super) fn parse(text: &str) -> Result<Expr, SyntaxError> {
    let positions = Positions::new(text);
    let Parsed { mut expr, lists } = tokens(&positions)?.parse(&positions)?;
    lists.put_back_all(&mut expr);
    Ok(expr)
}

fn parse_all(tokens: Vec<TokenWithSpan>, positions: &Positions<'_>) -> Result<Expr, SyntaxError> {
    let mut parser =
        Parser::new(&GenericDialect {}).with_recursion_limit(NESTING_MAX * 8).with_tokens_with_locations(tokens);
    let expr = parser.parse_expr().map_err(|e| syntax_error(e, positions))?;
    let next = parser.peek_token();
    if next.token != Token::EOF {
        let help = match next.token {
            Token::SemiColon => Some("a condition has no `;`".into()),
            _ => Some("join conditions with AND or OR".into()),
        };
        return Err(SyntaxError {
            code: "E0201",
            message: format!("the condition should end before `{}`", next.token),
            range: positions.range(next.span),
            help,
        });
    }
    Ok(expr)
}

/// Where the text is too deep or too long for the recursive descent that follows.
fn beyond_bounds(tokens: &[TokenWithSpan], positions: &Positions<'_>) -> Option<Range<usize>> {
    use Keyword as K;
    let (mut depth, mut cases, mut operators, mut prefix_run) = (0usize, 0usize, 0usize, 0usize);
    // For each open parenthesis or CASE: levels of the operand that is being read, and the most of those before it.
    let mut open = vec![(0usize, 0usize)];
    for token in tokens {
        let mut prefix = false;
        let before = operators;
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            Token::Word(word) => match word.keyword {
                K::CASE => cases += 1,
                K::END => cases = cases.saturating_sub(1),
                K::NOT => {
                    operators += 1;
                    prefix = true;
                }
                K::AND | K::OR | K::IS | K::LIKE | K::ILIKE | K::BETWEEN | K::IN | K::COLLATE | K::AT | K::WHEN => {
                    operators += 1;
                }
                _ => {}
            },
            Token::Whitespace(_) => continue,
            Token::Comma | Token::Number(..) | Token::SingleQuotedString(_) | Token::Period => {}
            Token::Plus | Token::Minus => {
                operators += 1;
                prefix = true;
            }
            _ => operators += 1,
        }
        prefix_run = if prefix { prefix_run + 1 } else { 0 };
        while open.len() > depth + cases + 1 {
            let inner = open.pop().map_or(0, |(levels, most)| levels.max(most) + 1);
            if let Some((levels, _)) = open.last_mut() {
                *levels = inner.max(*levels);
            }
        }
        open.resize(depth + cases + 1, (0, 0));
        let anew = match &token.token {
            Token::Comma => true,
            Token::Word(word) => matches!(word.keyword, K::AND | K::OR | K::WHEN | K::THEN | K::ELSE),
            _ => false,
        };
        let (levels, most) = &mut open[depth + cases];
        if anew {
            *most = (*most).max(std::mem::take(levels));
        } else {
            *levels += operators - before;
        }
        if depth + cases + prefix_run > NESTING_MAX || *levels > LEVELS_MAX || operators > OPERATORS_MAX {
            return Some(positions.range(token.span));
        }
    }
    None
}

/// The parser writes the place into its message; take it out again.
fn syntax_error(error: ParserError, positions: &Positions<'_>) -> SyntaxError {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
        ParserError::RecursionLimitExceeded => {
            return SyntaxError {
                code: "E0211",
                message: "the condition is nested too deeply".into(),
                range: 0..positions.text.len(),
                help: Some("split the rule, or compare with IN".into()),
            };
        }
    };
    let (message, at) = match text.rsplit_once(" at Line: ") {
        Some((message, place)) => (message.to_owned(), location(place)),
        None => (text, None),
    };
    // At the end of the text, for which the parser gives no place, there is nothing to underline: point at the last
    // word.
    let end_of_text = positions.text.len()..positions.text.len();
    let range = at.map_or(end_of_text, |at| positions.range(Span::new(at, at)));
    let end = positions.text.trim_end().len();
    let range = if range.start >= end { last_word(positions.text, end)..end } else { range };
    let range = floor_boundary(positions.text, range.start)..range.end;
    SyntaxError { code: "E0201", message: format!("syntax error: {}", lower_first(&message)), range, help: None }
}

fn last_word(text: &str, end: usize) -> usize {
    text[..end].rfind(char::is_whitespace).map_or(0, |blank| blank + 1)
}

fn floor_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn location(place: &str) -> Option<Location> {
    let (line, column) = place.split_once(", Column: ")?;
    Some(Location::new(line.trim().parse().ok()?, column.trim().parse().ok()?))
}

fn lower_first(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails_at(text: &str, code: &str, at: &str) {
        let error = parse(text).expect_err("should not parse");
        assert_eq!(error.code, code, "{}", error.message);
        assert_eq!(&text[error.range.clone()], at, "{}", error.message);
    }

    #[test]
    fn mistakes_are_found_where_they_stand() {
        fails_at("a = 1 AND", "E0201", "AND");
        fails_at("a = 1; b = 2", "E0201", ";");
        fails_at("a = 'x", "E0201", "'");
        fails_at("설명 = 1\n  AND b c", "E0201", "c");
        fails_at("", "E0201", "");
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let deep = format!("{}a{}", "(".repeat(5_000), ")".repeat(5_000));
        assert_eq!(parse(&deep).expect_err("too deep").code, "E0211");
        let nots = format!("{} a", "NOT ".repeat(60_000));
        assert_eq!(parse(&nots).expect_err("too deep").code, "E0211");
        let long = vec!["a = 1"; 5_000].join(" AND ");
        assert_eq!(parse(&long).expect_err("too long").code, "E0211");
        let minus = format!("a = {}1", "- ".repeat(60_000));
        assert_eq!(parse(&minus).expect_err("too deep").code, "E0211");
        let intervals = format!("a = {}'1'", "INTERVAL ".repeat(20_000));
        fails_at(&intervals, "E0201", "INTERVAL");
        fails_at(&format!("a = {}+", "INTERVAL (".repeat(40)), "E0201", "INTERVAL");
        let plus = format!("{} > 1", vec!["a"; 500].join(" + "));
        assert_eq!(parse(&plus).expect_err("too long a row").code, "E0211");
        let nested = (0..40).fold("a".to_owned(), |inner, _| format!("({inner} + 1 + 2 + 3)"));
        assert_eq!(parse(&nested).expect_err("too deep a tree").code, "E0211");
        assert!(parse(&vec!["a + 1 > b"; 500].join(" OR ")).is_ok());
        assert!(parse(&format!("f({}) > 1", vec!["a + 1"; 500].join(", "))).is_ok());
    }
}
