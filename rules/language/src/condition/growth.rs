//! What a short expression may grow to. Text from outside may cost what it is long, not what it unfolds to: COALESCE
//! becomes a CASE that holds its arguments twice, and REPLACE can multiply a text as often as it is nested.

use datafusion_sql::sqlparser::ast::{BinaryOperator, Expr, Value as SqlValue, ValueWithSpan};

use super::planned::children;

/// Most parts of an expression once it is unfolded.
const PARTS_MAX: f64 = 10_000.0;
/// How many times longer a text may become.
const TEXT_GROWTH_MAX: f64 = 1_000.0;

/// Refuses an expression of allowed forms that would unfold beyond bounds.
pub(super) fn bounded(expr: &mut Expr) -> Result<(), String> {
    let size = size(expr);
    if size.parts > PARTS_MAX {
        return Err("COALESCE is nested too deeply: every level doubles it".to_owned());
    }
    if size.text > TEXT_GROWTH_MAX {
        return Err(format!("text may become more than {TEXT_GROWTH_MAX} times as long here"));
    }
    Ok(())
}

/// Doubles, since they do not overflow.
struct Size {
    parts: f64,
    text: f64,
}

fn size(expr: &mut Expr) -> Size {
    let name = match expr {
        Expr::Function(function) => function.name.to_string().to_ascii_lowercase(),
        Expr::BinaryOp { op: BinaryOperator::StringConcat, .. } => "concat".to_owned(),
        _ => String::new(),
    };
    let mut inside = children(expr);
    let factor = if name == "replace" { replacing(&inside) } else { 1.0 };
    let sizes: Vec<Size> = inside.iter_mut().map(|child| size(child)).collect();
    let parts: f64 = sizes.iter().map(|size| size.parts).sum();
    let texts = sizes.iter().map(|size| size.text);
    let text: f64 = if name == "concat" { texts.sum() } else { texts.fold(1.0, f64::max) };
    Size { parts: 1.0 + if name == "coalesce" { 2.0 * parts } else { parts }, text: text * factor }
}

/// How many times longer `replace(text, from, to)` makes a text at most; without bound where the two are not written
/// out.
fn replacing(arguments: &[&mut Expr]) -> f64 {
    let length = |argument: &Expr| match argument {
        Expr::Value(ValueWithSpan { value: SqlValue::SingleQuotedString(text), .. }) => Some(text.len() as f64),
        _ => None,
    };
    match arguments {
        [_, from, to] => match (length(from), length(to)) {
            // Nothing stands between all characters, and at both ends.
            (Some(0.0), Some(to)) => 2.0 * to + 1.0,
            (Some(from), Some(to)) => (to / from).max(1.0),
            _ => f64::INFINITY,
        },
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::parse::parse;

    fn refused(text: &str) -> bool {
        bounded(&mut parse(text).expect("parses")).is_err()
    }

    fn nested(times: usize, wrap: impl Fn(&str) -> String) -> String {
        (0..times).fold("x".to_owned(), |inner, _| wrap(&inner))
    }

    #[test]
    fn what_doubles_at_every_level_is_refused() {
        assert!(refused(&nested(20, |x| format!("coalesce({x}, 1)"))));
        assert!(!refused(&nested(8, |x| format!("coalesce({x}, 1)"))));
        assert!(!refused(&nested(12, |x| format!("abs({x})"))));
    }

    #[test]
    fn texts_grow_by_what_replaces() {
        assert!(refused(&nested(4, |x| format!("replace({x}, 'a', 'aaaaaaaaaa')"))));
        assert!(refused("replace(x, 'a', y)") && refused(&format!("replace(x, '', '{}')", "a".repeat(600))));
        assert!(!refused(&nested(12, |x| format!("replace({x}, '-', '')"))));
        assert!(!refused("concat(x, y, x) || replace(x, 'Co', 'Company')"));
    }
}
