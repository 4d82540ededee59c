use haechi_model::streams::DECLARATION;
use haechi_model::{Cell, StreamBuilder};

use super::*;

/// A declaration with one item a number; `set` gives further cells.
fn rows(items: &[i32], set: &[(&str, Cell<'_>)]) -> RecordBatch {
    let mut builder = StreamBuilder::new(&DECLARATION);
    for item in items {
        let mut put = |name: &str, cell: Cell<'_>| builder.set(builder.index(name).unwrap(), cell).unwrap();
        put("declaration_id", Cell::Text("24KR0001"));
        put("item_no", Cell::I32(*item));
        for (name, cell) in set {
            put(name, cell.clone());
        }
        builder.finish_row();
    }
    builder.finish()
}

fn hash(batch: &RecordBatch) -> (Content, u64) {
    Hasher::new(batch).unwrap().hash(0..batch.num_rows())
}

#[test]
fn what_is_said_counts() {
    let base = hash(&rows(&[1], &[("hs_code", Cell::Text("640299"))])).0;
    for other in [
        rows(&[2], &[("hs_code", Cell::Text("640299"))]),
        rows(&[1], &[("hs_code", Cell::Text("640291"))]),
        rows(&[1], &[("origin_country", Cell::Text("640299"))]),
        rows(&[1], &[("hs_code", Cell::Text("640299")), ("customs_value_usd", Cell::F64(0.0))]),
        rows(&[1, 2], &[("hs_code", Cell::Text("640299"))]),
        rows(&[1], &[]),
    ] {
        assert_ne!(hash(&other).0, base, "{other:?}");
    }
}

#[test]
fn how_it_came_does_not_count() {
    let base = hash(&rows(&[1], &[]));
    for name in ["source", "source_position", "message_id"] {
        assert_eq!(hash(&rows(&[1], &[(name, Cell::Text("x"))])).0, base.0, "{name}");
    }
    assert_eq!(hash(&rows(&[1], &[("version", Cell::I32(3))])).0, base.0);
    assert_eq!(base.1, 0, "no envelope");
    let in_one = |id: &str| hash(&rows(&[1], &[("message_id", Cell::Text(id))])).1;
    assert_ne!(in_one("A"), 0);
    assert_ne!(in_one("A"), in_one("B"));
    assert_eq!(in_one("A"), in_one("A"));
}

/// The same values hash alike whatever columns stand beside them, empty, and in whatever order and type.
#[test]
fn the_form_of_a_batch_does_not_count() {
    let full = rows(&[1, 2], &[("hs_code", Cell::Text("640299")), ("description", Cell::Text("shoes"))]);
    let names = ["description", "hs_code", "item_no", "declaration_id"];
    let places: Vec<usize> = names.iter().map(|name| full.schema().index_of(name).unwrap()).collect();
    let narrow = full.project(&places).unwrap();
    assert_eq!(hash(&narrow), hash(&full));
    let plain: Vec<_> = narrow
        .columns()
        .iter()
        .map(|array| if array.data_type().is_numeric() { array.clone() } else { cast(array, &DataType::Utf8).unwrap() })
        .collect();
    let plain = RecordBatch::try_from_iter(names.into_iter().zip(plain)).unwrap();
    assert_eq!(hash(&plain), hash(&full));
    assert_eq!(Hasher::new(&full).unwrap().hash(1..2), hash(&full.slice(1, 1)));
}

/// Stores keep these: a change of the form would make every resend look new.
#[test]
fn the_form_is_fixed() {
    let (content, envelope) = hash(&rows(
        &[1],
        &[("hs_code", Cell::Text("640299")), ("customs_value_usd", Cell::F64(12.5)), ("message_id", Cell::Text("M1"))],
    ));
    let content = u128::from_be_bytes(content);
    assert_eq!((content, envelope), (0xff6e_5938_ffaf_9fd5_5acd_5f22_c64a_e245, 17_400_929_007_479_880_917));
}
