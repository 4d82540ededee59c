//! Message formats: one folder or file each, and the list of them.

use crate::format::MessageFormat;

/// Every message format we read, in the order they are tried.
pub const FORMATS: &[MessageFormat] = &[];
