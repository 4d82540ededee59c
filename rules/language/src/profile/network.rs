//! What joins entities of a kind: those that share a phone, an address or a card are one network for a while.

use super::key::{EntityKey, read_keys};
use super::window::{DAYS_MAX, Window};
use crate::load::form::{Form, head};
use crate::load::rules::find;
use crate::yaml::{Entry, Value};

/// What joins entities of a kind.
///
/// Two of them are joined where records of the last days gave both the same value of a link. What they share with others
/// joins those too, and so on: that is their network at that moment.
#[derive(Clone, Debug)]
pub struct Network {
    /// What can be shared, each by its name.
    pub links: Vec<Link>,
    /// For how many days a record joins.
    pub days: u32,
    /// A value shared by more than so many joins nobody: a hotel, a booking agency's phone.
    pub hub: u32,
}

/// Something that several may share.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its name: values under one name are compared, whatever stream they are from.
    pub name: String,
    /// Where its values stand, by stream.
    pub keys: Vec<EntityKey>,
}

const KEYS: &[&str] = &["links", "window", "hub"];
const HUB: u32 = 20;
/// Every value is followed to all who share it.
const HUB_MAX: u32 = 100;
const HELP: &str = "write `network: {links: {phone: {traveller: {each: phones}}}, window: 180d, hub: 20}`";

pub(super) fn read_network(form: &mut Form<'_>, entry: &Entry, keys: &[EntityKey]) -> Option<Network> {
    let node = &entry.value;
    let entries = form.map(node, "`network`", KEYS)?;
    if keys.iter().any(|key| key.each.is_some()) {
        let message = "a network of entities of which a row has several";
        form.error("E0812", entry.key_at.clone(), message, "join those that the key of a row tells apart");
    }
    let days = match find(entries, "window") {
        None => {
            form.missing("E0812", node, "a network without a window", "add `window:`, days such as `180d`");
            return None;
        }
        Some(entry) => {
            let window = form.text(&entry.value, "window").as_deref().and_then(Window::parse);
            let Some(Window::Days(days)) = window else {
                let help = format!("days, such as `180d`, up to `{DAYS_MAX}d`");
                form.error("E0812", entry.value.at.clone(), "a network looks back for days", help);
                return None;
            };
            days
        }
    };
    let hub = match find(entries, "hub") {
        None => HUB,
        Some(entry) => {
            let text = form.text(&entry.value, "hub")?;
            let hub = text.parse::<u32>().ok().filter(|hub| (2..=HUB_MAX).contains(hub));
            if hub.is_none() {
                let message = format!("`{text}` is no number from 2 to {HUB_MAX}");
                let help = "what more than so many share joins nobody";
                form.error("E0812", entry.value.at.clone(), message, help);
            }
            hub?
        }
    };
    let links = match find(entries, "links").map(|entry| (entry, &entry.value.value)) {
        Some((_, Value::Map(links))) if !links.is_empty() => {
            let read = |entry: &Entry| {
                let of = read_keys(form, entry, "E0812", HELP);
                let unknown = of.iter().find(|link| keys.iter().all(|key| key.stream != link.stream));
                if let Some(link) = unknown {
                    let message = format!("`keys` does not say whom a record of `{}` is about", link.stream.name);
                    form.error(
                        "E0812",
                        entry.key_at.clone(),
                        message,
                        format!("add `{}:` to `keys:`", link.stream.name),
                    );
                }
                Link { name: entry.key.clone(), keys: of }
            };
            links.iter().map(read).collect()
        }
        Some((entry, _)) => {
            form.error("E0812", entry.key_at.clone(), "a network of nothing that is shared", HELP);
            return None;
        }
        None => {
            form.error("E0812", head(node), "a network of nothing that is shared", HELP);
            return None;
        }
    };
    Some(Network { links, days, hub })
}
