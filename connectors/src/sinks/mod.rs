//! Where results go, one file each.

pub mod parquet;
pub mod quarantine;

pub use quarantine::QuarantineFile;
