//! The whole path: read, derive, evaluate, select, write.
