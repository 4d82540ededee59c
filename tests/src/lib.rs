//! See the sibling files.
