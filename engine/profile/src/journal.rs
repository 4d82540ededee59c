//! What entities were before they changed, so that what was passed can be taken back, whatever it was.

use crate::shard::KeyHash;

/// Which pass it was since the profiler began.
pub(crate) type PassNumber = u64;

/// Entities as they were, in the order in which they were touched.
#[derive(Default)]
pub(crate) struct Journal {
    images: Vec<Image>,
    /// Their bytes, one after the other.
    bytes: Vec<u8>,
    /// Passes, and how many images there were before each.
    passes: Vec<(PassNumber, usize)>,
}

/// One entity before a pass.
struct Image {
    key: KeyHash,
    /// Where its bytes begin.
    from: usize,
    kind: ImageKind,
    /// Whether the shelf had it as it was.
    shelved: bool,
}

#[derive(Clone, Copy)]
enum ImageKind {
    Unknown,
    Packed,
    Open,
}

/// An entity as it was.
#[derive(Clone, Copy)]
pub(crate) enum Before<'j> {
    /// Not in memory.
    Unknown,
    /// Packed, as these bytes.
    Packed(&'j [u8]),
    /// Open: its series know what they were, and these bytes the rest.
    Open(&'j [u8]),
}

impl Journal {
    pub fn note(&mut self, pass: PassNumber, key: KeyHash, shelved: bool, before: Before<'_>) {
        if self.passes.last().is_none_or(|(last, _)| *last != pass) {
            self.passes.push((pass, self.images.len()));
        }
        let (kind, bytes) = match before {
            Before::Unknown => (ImageKind::Unknown, &[][..]),
            Before::Packed(bytes) => (ImageKind::Packed, bytes),
            Before::Open(bytes) => (ImageKind::Open, bytes),
        };
        self.images.push(Image { key, from: self.bytes.len(), kind, shelved });
        self.bytes.extend_from_slice(bytes);
    }

    /// Gives all that was touched in passes after this one to `back`, the last first, with whether the shelf had it.
    pub fn undo(&mut self, after: PassNumber, mut back: impl FnMut(KeyHash, bool, Before<'_>)) {
        while let Some((_, images)) = self.passes.pop_if(|(pass, _)| *pass > after) {
            for Image { key, from, kind, shelved } in self.images.drain(images..).rev() {
                let bytes = &self.bytes[from..];
                let before = match kind {
                    ImageKind::Unknown => Before::Unknown,
                    ImageKind::Packed => Before::Packed(bytes),
                    ImageKind::Open => Before::Open(bytes),
                };
                back(key, shelved, before);
                self.bytes.truncate(from);
            }
        }
    }

    /// How many entities were noted, each as often as it was.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Nothing of it is needed any more.
    pub fn clear(&mut self) {
        self.images.clear();
        self.bytes.clear();
        self.passes.clear();
    }
}
