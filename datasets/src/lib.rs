//! Seeded generators of border traffic, with planted schemes and the outcomes an inspection would have found.
