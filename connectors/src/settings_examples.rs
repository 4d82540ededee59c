//! The settings of sources and sinks, all of them, as a person reads them.

/// A commented example of each kind of source and sink, with every setting and its default, in the form of the
/// service's settings file. Lines that begin with `#` and no blank are TOML.
pub const SETTINGS_EXAMPLES: &str = include_str!("settings-examples.toml");

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use serde::de::{DeserializeOwned, Deserializer, Error, Visitor, value};
    use serde::forward_to_deserialize_any;
    use toml::{Table, Value};

    use super::SETTINGS_EXAMPLES;
    use crate::sinks::only::Only;
    use crate::{SinkSettings, SourceSettings, sink, sinks, source, sources};

    /// Hears which fields a type asks for.
    struct Fields<'a>(&'a Cell<&'static [&'static str]>);

    impl<'de> Deserializer<'de> for Fields<'_> {
        type Error = value::Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(Error::custom("is no struct"))
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Self::Error> {
            self.0.set(fields);
            Err(Error::custom("heard"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    fn fields<T: DeserializeOwned>() -> Vec<&'static str> {
        let heard = Cell::new(&[][..]);
        assert!(T::deserialize(Fields(&heard)).is_err());
        sorted(heard.get().iter().copied())
    }

    fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        names
    }

    /// The examples of a section by kind, without what every one has.
    fn examples(section: &str) -> Vec<(String, Table)> {
        let is_toml = |line: &&str| line.strip_prefix('#').is_some_and(|rest| !rest.starts_with(' '));
        let lines: Vec<_> = SETTINGS_EXAMPLES.lines().filter(is_toml).map(|line| &line[1..]).collect();
        let mut all: Table = lines.join("\n").parse().unwrap();
        let Some(Value::Array(examples)) = all.remove(section) else { panic!("there is no [[{section}]]") };
        let of_kind = |example: Value| {
            let Value::Table(mut example) = example else { panic!("[[{section}]] is a table") };
            assert!(example.remove("name").is_some());
            (example["kind"].as_str().unwrap().to_owned(), example)
        };
        examples.into_iter().map(of_kind).collect()
    }

    fn example(section: &str, kind: &str) -> Table {
        examples(section).into_iter().find(|(of, _)| of == kind).unwrap().1
    }

    /// Whether an example has every field of its type, and, where there is one, its default. `needed` is what has none.
    fn check<T: DeserializeOwned + serde::Serialize>(mut example: Table, needed: &[&str]) {
        example.remove("kind");
        assert_eq!(sorted(example.keys().map(String::as_str)), fields::<T>());
        let mut least = Table::new();
        for key in needed {
            least.insert((*key).to_owned(), example[*key].clone());
        }
        let defaults = Table::try_from(least.try_into::<T>().unwrap()).unwrap();
        for (key, default) in &defaults {
            // Tables of tables are checked one by one.
            if !default.is_table() {
                assert_eq!(&example[key], default, "{key}");
            }
        }
    }

    fn inner(example: &Table, path: &[&str]) -> Table {
        path.iter().fold(example.clone(), |table, key| table[*key].as_table().unwrap().clone())
    }

    #[test]
    fn every_setting_is_shown_with_its_default() {
        check::<sources::folder::Settings>(example("source", "folder"), &["path", "stream"]);
        let kafka = example("source", "kafka");
        check::<sources::kafka::Topic>(inner(&kafka, &["topics", "declarations"]), &["stream"]);
        check::<sources::kafka::RegistrySettings>(inner(&kafka, &["registry"]), &["url"]);
        check::<sources::kafka::Settings>(kafka, &["brokers", "topics"]);

        let kafka = example("sink", "kafka");
        check::<sinks::kafka::Topics>(inner(&kafka, &["topics"]), &[]);
        check::<sinks::kafka::Create>(inner(&kafka, &["create"]), &[]);
        let webhook = example("sink", "webhook");
        let files = example("sink", "files");
        for sink in [&kafka, &webhook, &files] {
            check::<Only>(inner(sink, &["only"]), &[]);
        }
        check::<sinks::kafka::Settings>(kafka, &["brokers"]);
        check::<sinks::webhook::Settings>(webhook, &["url"]);
        check::<sinks::files::Settings>(files, &["path"]);
    }

    #[test]
    fn the_examples_are_settings_that_open() {
        // What they name is not on this machine.
        let open = |mut example: Table| {
            for elsewhere in ["mapping", "secret_file", "registry"] {
                example.remove(elsewhere);
            }
            if let Some(Value::Table(topics)) = example.get_mut("topics") {
                topics.iter_mut().filter_map(|(_, topic)| topic.as_table_mut()).for_each(|topic| {
                    topic.remove("mapping");
                });
            }
            if example.contains_key("secret_env") {
                example.insert("secret_env".to_owned(), "PATH".into());
            }
            example
        };
        let kinds = |section: &str| examples(section).into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
        assert_eq!(
            (kinds("source"), kinds("sink")),
            (
                ["folder", "kafka"].map(str::to_owned).to_vec(),
                ["kafka", "webhook", "files"].map(str::to_owned).to_vec()
            )
        );
        for (kind, example) in examples("source") {
            example.clone().try_into::<SourceSettings>().unwrap_or_else(|error| panic!("{kind}: {error}"));
            let mut example = open(example);
            // Only a build with OpenSSL takes TLS.
            example.remove("properties");
            source::open("in", &example.try_into().unwrap()).unwrap_or_else(|error| panic!("{error}")).name();
        }
        for (kind, example) in examples("sink") {
            example.clone().try_into::<SinkSettings>().unwrap_or_else(|error| panic!("{kind}: {error}"));
            let mut example = open(example);
            example.remove("properties");
            sink::open("out", &example.try_into().unwrap()).unwrap_or_else(|error| panic!("{error}")).name();
        }
    }
}
