//! Elements one behind the other.

use std::fmt::Write;

/// A document under construction. Names may have a prefix; an element without content is left out.
pub(crate) struct Document {
    out: String,
    open: Vec<&'static str>,
    prefix: &'static str,
}

impl Document {
    /// Begins with the XML declaration; every name gets the prefix.
    pub(crate) fn new(prefix: &'static str) -> Self {
        let out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
        Self { out, open: Vec::new(), prefix }
    }

    /// Opens an element; `attributes` as written.
    pub(crate) fn open_with(&mut self, name: &'static str, attributes: &str) {
        let space = if attributes.is_empty() { "" } else { " " };
        let _ = writeln!(self.out, "<{}{name}{space}{attributes}>", self.prefix);
        self.open.push(name);
    }

    /// Opens elements, each in the one before.
    pub(crate) fn open(&mut self, path: &'static str) {
        for name in path.split('/') {
            self.open_with(name, "");
        }
    }

    /// Closes the innermost `n` elements.
    pub(crate) fn close(&mut self, n: usize) {
        for _ in 0..n {
            if let Some(name) = self.open.pop() {
                let _ = writeln!(self.out, "</{}{name}>", self.prefix);
            }
        }
    }

    /// An element with a text; without one, none.
    pub(crate) fn leaf(&mut self, name: &str, text: &str) {
        self.leaf_with(name, "", "", text);
    }

    /// An element with a text and an attribute, where that has a value.
    pub(crate) fn leaf_with(&mut self, name: &str, attribute: &str, value: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        let _ = write!(self.out, "<{}{name}", self.prefix);
        if !value.is_empty() {
            let _ = write!(self.out, " {attribute}=\"");
            escape(value, &mut self.out);
            self.out.push('"');
        }
        self.out.push('>');
        escape(text, &mut self.out);
        let _ = writeln!(self.out, "</{}{name}>", self.prefix);
    }

    /// A text in elements in each other: `A/B/C`.
    pub(crate) fn at(&mut self, path: &'static str, text: &str) {
        if text.is_empty() {
            return;
        }
        match path.rsplit_once('/') {
            None => self.leaf(path, text),
            Some((outer, name)) => {
                self.open(outer);
                self.leaf(name, text);
                self.close(outer.split('/').count());
            }
        }
    }

    /// Anything, as written.
    pub(crate) fn raw(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = self.out.write_fmt(text);
        self.out.push('\n');
    }

    /// Closes what is open.
    pub(crate) fn finish(mut self) -> String {
        self.close(self.open.len());
        self.out
    }
}

/// Appends text with what XML gives a meaning escaped.
pub(crate) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
}

/// The same by itself.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape(text, &mut out);
    out
}
