//! Writing XML: elements one behind the other, escaped, nothing left open.

use std::fmt::Write;

/// A document under construction.
#[derive(Debug)]
pub struct Document {
    out: String,
    open: Vec<&'static str>,
    /// Elements stand on lines of their own.
    lines: bool,
}

impl Default for Document {
    fn default() -> Self {
        Self::new()
    }
}

impl Document {
    /// Begins with the XML declaration, UTF-8.
    pub fn new() -> Self {
        let out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
        Self { out, open: Vec::new(), lines: true }
    }

    fn indent(&mut self) {
        if self.lines {
            self.out.extend(std::iter::repeat_n("  ", self.open.len()));
        }
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.indent();
        self.out.push('<');
        self.out.push_str(name);
        for (key, value) in attributes {
            let _ = write!(self.out, " {key}=\"");
            escape(value, &mut self.out);
            self.out.push('"');
        }
    }

    /// Opens an element.
    pub fn open(&mut self, name: &'static str) -> &mut Self {
        self.open_with(name, &[])
    }

    /// Opens an element with attributes.
    pub fn open_with(&mut self, name: &'static str, attributes: &[(&str, &str)]) -> &mut Self {
        self.tag(name, attributes);
        self.out.push_str(">\n");
        self.open.push(name);
        self
    }

    /// Closes the innermost open element.
    pub fn close(&mut self) -> &mut Self {
        if let Some(name) = self.open.pop() {
            self.indent();
            let _ = writeln!(self.out, "</{name}>");
        }
        self
    }

    /// An element that holds a text.
    pub fn leaf(&mut self, name: &str, text: &str) -> &mut Self {
        self.leaf_with(name, &[], text)
    }

    /// An element that holds a text, with attributes.
    pub fn leaf_with(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) -> &mut Self {
        self.tag(name, attributes);
        self.out.push('>');
        escape(text, &mut self.out);
        let _ = writeln!(self.out, "</{}>", name.split(' ').next().unwrap_or(name));
        self
    }

    /// The same where there is a text.
    pub fn leaf_if(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) if !text.is_empty() => self.leaf(name, text),
            _ => self,
        }
    }

    /// An element without content.
    pub fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) -> &mut Self {
        self.tag(name, attributes);
        self.out.push_str("/>\n");
        self
    }

    /// Closes what is open.
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.out
    }
}

/// Appends text with what XML gives a meaning escaped; characters that no XML may hold are left out.
pub fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(c),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_closed_and_texts_escaped() {
        let mut document = Document::new();
        document.open_with("A", &[("x", "1\"2")]).leaf("B", "a<b&c").leaf_if("C", None).empty("D", &[]);
        let text = document.finish();
        let expected = "<A x=\"1&quot;2\">\n  <B>a&lt;b&amp;c</B>\n  <D/>\n</A>\n";
        assert_eq!(text.split_once('\n').unwrap().1, expected);
    }
}
