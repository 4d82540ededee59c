//! Where results go, one file each.

pub mod quarantine;

pub use quarantine::QuarantineFile;
