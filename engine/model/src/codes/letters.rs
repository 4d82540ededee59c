//! Tables asked by codes of one to three capital letters, which every row does several times: the letters say where the
//! value stands, without a hash and without a comparison.

/// Letters, and none.
const LETTERS: usize = 27;

/// Values by their codes.
pub(super) struct ByLetters<T> {
    /// For each code the number of its value, from 1; zero where there is none.
    numbers: Vec<u16>,
    values: Vec<T>,
}

impl<T> ByLetters<T> {
    /// The value of a code.
    #[inline]
    pub(super) fn get(&self, code: &str) -> Option<&T> {
        let number = *self.numbers.get(place(code)?)?;
        self.values.get(usize::from(number).wrapping_sub(1))
    }

    /// The value of a code, unless it has one already. A code of other characters has none.
    pub(super) fn insert(&mut self, code: &str, value: T) {
        let Some(number) = place(code).and_then(|at| self.numbers.get_mut(at)).filter(|number| **number == 0) else {
            return;
        };
        self.values.push(value);
        *number = u16::try_from(self.values.len()).unwrap_or(0);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }
}

impl<'c, T> FromIterator<(&'c str, T)> for ByLetters<T> {
    fn from_iter<I: IntoIterator<Item = (&'c str, T)>>(codes: I) -> Self {
        let mut table = Self { numbers: vec![0; LETTERS.pow(3)], values: Vec::new() };
        codes.into_iter().for_each(|(code, value)| table.insert(code, value));
        table
    }
}

#[inline]
fn place(code: &str) -> Option<usize> {
    // Other bytes are beyond the letters, also those below `A`.
    let number = |letter: u8| usize::from(letter.wrapping_sub(b'A')) + 1;
    let (a, b, c) = match *code.as_bytes() {
        [a, b, c] => (number(a), number(b), number(c)),
        [a, b] => (number(a), number(b), 0),
        [a] => (number(a), 0, 0),
        _ => return None,
    };
    (a < LETTERS && b < LETTERS && c < LETTERS).then_some((a * LETTERS + b) * LETTERS + c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_codes_that_were_put_in_are_found() {
        let table: ByLetters<u32> =
            [("D", 1), ("DE", 2), ("DEU", 3), ("ZZZ", 4), ("A", 5), ("DE", 6), ("5K", 7)].into_iter().collect();
        for (code, value) in [("D", 1), ("DE", 2), ("DEU", 3), ("ZZZ", 4), ("A", 5)] {
            assert_eq!(table.get(code), Some(&value), "{code}");
        }
        for code in ["", "B", "DA", "de", "D E", "@", "@A", "D[", "5K", "DEUT", "\u{e9}", "A\u{0}"] {
            assert_eq!(table.get(code), None, "{code:?}");
        }
    }
}
