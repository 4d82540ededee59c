//! IN lists of constants, kept from the parser: it tries each constant as the name of a type first, and a rule may have
//! a thousand. Of `x IN ('a', 'b', 'c')` it sees `x IN ('a')`; the others are put back into its tree.

use datafusion_sql::sqlparser::ast::{Expr, Value, ValueWithSpan};
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};
use rustc_hash::FxHashMap;

use super::planned::children;

/// Constants taken out, by where the first one of their list stands.
#[derive(Debug, Default)]
pub(super) struct ConstantLists(FxHashMap<Location, Vec<ValueWithSpan>>);

impl ConstantLists {
    /// Takes all constants but the first out of every `IN (constant, constant, ...)`. Whether that is a list indeed,
    /// the tree will tell.
    pub fn taken_from(tokens: Vec<TokenWithSpan>) -> (Vec<TokenWithSpan>, Self) {
        let mut lists = Self::default();
        let mut kept = Vec::new();
        let mut tokens = tokens.into_iter();
        while let Some(token) = tokens.next() {
            let opens = matches!(&token.token, Token::Word(word) if word.keyword == Keyword::IN);
            kept.push(token);
            if let Some((first, end)) = opens.then(|| constants(tokens.as_slice())).flatten() {
                let at = tokens.as_slice()[first].span.start;
                kept.extend(tokens.by_ref().take(first + 1));
                lists.0.insert(at, tokens.by_ref().take(end - first - 1).filter_map(constant).collect());
            }
        }
        (kept, lists)
    }

    /// Whether none was taken.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts the constants back where they came from; `false` where some belong to no IN list that is found.
    pub fn put_back(mut self, expr: &mut Expr) -> bool {
        let mut open = vec![expr];
        while let Some(expr) = open.pop() {
            match expr {
                Expr::InList { list, .. } => {
                    if let [Expr::Value(first)] = list.as_slice()
                        && let Some(others) = self.0.remove(&first.span.start)
                    {
                        list.extend(others.into_iter().map(Expr::Value));
                    }
                }
                expr => open.extend(children(expr)),
            }
        }
        self.0.is_empty()
    }
}

/// The places of the first constant and of the closing parenthesis, where the tokens begin with `(constant, constant)`.
fn constants(tokens: &[TokenWithSpan]) -> Option<(usize, usize)> {
    let mut written = tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| !matches!(token.token, Token::Whitespace(_)))
        .map(|(i, token)| (i, &token.token));
    let (_, Token::LParen) = written.next()? else { return None };
    let mut first = None;
    loop {
        let (at, Token::SingleQuotedString(_) | Token::Number(..)) = written.next()? else { return None };
        let first = *first.get_or_insert(at);
        match written.next()? {
            (_, Token::Comma) => {}
            (end, Token::RParen) => return (first < at).then_some((first, end)),
            _ => return None,
        }
    }
}

fn constant(token: TokenWithSpan) -> Option<ValueWithSpan> {
    let value = match token.token {
        Token::SingleQuotedString(text) => Value::SingleQuotedString(text),
        Token::Number(digits, long) => Value::Number(digits, long),
        _ => return None,
    };
    Some(value.with_span(token.span))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::parse::parse;
    use datafusion_sql::sqlparser::dialect::GenericDialect;
    use datafusion_sql::sqlparser::parser::Parser;
    use datafusion_sql::sqlparser::tokenizer::Tokenizer;

    fn tokenized(text: &str) -> Vec<TokenWithSpan> {
        Tokenizer::new(&GenericDialect {}, text).tokenize_with_location().unwrap()
    }

    /// The tree with every span, as the parser makes it of the whole text.
    fn whole(text: &str) -> Option<String> {
        let mut parser = Parser::new(&GenericDialect {}).with_tokens_with_locations(tokenized(text));
        let expr = parser.parse_expr().ok().filter(|_| parser.peek_token() == Token::EOF)?;
        Some(format!("{expr:?}"))
    }

    #[test]
    fn the_tree_is_the_one_of_the_whole_text() {
        for (text, taken) in [
            ("a IN ('x', 'y', 'z')", 1),
            ("a NOT IN ( 1 ,2.5, 'it''s' ) AND b IN\n('x','y')", 2),
            ("NOT (a IN ('x', 'y') OR f(b IN (1, 2))) AND c + 1 > 2", 2),
            ("CASE WHEN a IN ('x', 'y') THEN 1 ELSE 2 END = 1", 1),
            ("(a IN ('x', 'y')) IS NOT TRUE", 1),
            ("position('a' IN ('b', 'c')) > 1", 1),
            ("f.in ('a', 'b')", 1),
            ("a IN ('x')", 0),
            ("a IN ('x', NULL, 'y')", 0),
            ("a IN ('x', -1)", 0),
            ("a IN ('x', 'y',)", 0),
            ("a IN (SELECT b)", 0),
            ("a IN ('x', 'y' b)", 0),
            ("a IN ('x', 'y'", 0),
            ("a IN ('x', 'y') b IN ('x', 'y')", 2),
        ] {
            assert_eq!(ConstantLists::taken_from(tokenized(text)).1.0.len(), taken, "{text}");
            let ours = parse(text).ok().map(|expr| format!("{expr:?}"));
            assert_eq!(ours, whole(text), "{text}");
        }
    }

    #[test]
    fn the_parser_sees_one_constant_of_a_list() {
        let (kept, _) = ConstantLists::taken_from(tokenized("a IN ('x', 'y', 'z') AND b"));
        assert_eq!(kept.iter().map(|token| token.token.to_string()).collect::<String>(), "a IN ('x') AND b");
    }
}
