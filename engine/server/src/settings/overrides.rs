//! Settings from the environment: `HAECHI__SECTION__KEY=value`.

use toml::{Table, Value};

/// What the names of such variables begin with.
pub(super) const PREFIX: &str = "HAECHI__";

/// Puts the value of a variable into the table. The part after [`PREFIX`] is the path; of several sources or sinks the
/// name says which. Whether there is such a key is found out by whoever reads the table.
pub(super) fn apply(table: &mut Table, path: &str, value: &str) -> Result<(), String> {
    let parts: Vec<String> = path.split("__").map(str::to_lowercase).collect();
    if parts.iter().any(String::is_empty) {
        return Err("a name is empty; write HAECHI__SECTION__KEY".to_owned());
    }
    put(table, &parts, parse(value))
}

fn put(table: &mut Table, parts: &[String], value: Value) -> Result<(), String> {
    let [first, rest @ ..] = parts else { return Ok(()) };
    if rest.is_empty() {
        table.insert(first.clone(), value);
        return Ok(());
    }
    match table.entry(first.clone()).or_insert_with(|| Value::Table(Table::new())) {
        Value::Table(inner) => put(inner, rest, value),
        Value::Array(members) => {
            let named = members.iter_mut().filter_map(Value::as_table_mut);
            let is_it =
                |member: &Table| member.get("name").and_then(Value::as_str).is_some_and(|n| plain(n) == rest[0]);
            match named.into_iter().find(|member| is_it(member)) {
                Some(member) => put(member, &rest[1..], value),
                None => Err(format!("no {first} is named `{}`", rest[0])),
            }
        }
        _ => Err(format!("`{first}` is a value and no section")),
    }
}

/// A name as a variable can have it.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

/// TOML where it is TOML, text otherwise.
fn parse(text: &str) -> Value {
    match toml::from_str::<Table>(&format!("value = {text}")) {
        Ok(mut table) if table.len() == 1 => table.remove("value"),
        _ => None,
    }
    .unwrap_or_else(|| Value::String(text.to_owned()))
}
