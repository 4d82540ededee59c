//! What can go wrong while evaluating.

use arrow::error::ArrowError;

/// Why a batch could not be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// A column cannot be read as the stream's type.
    #[error("column `{column}` is {found}, which cannot be read as {wanted}; convert it when reading")]
    ColumnType {
        /// Its name.
        column: String,
        /// The batch's type.
        found: String,
        /// The stream's type.
        wanted: String,
    },
    /// An expression failed on every way of computing it.
    #[error("the expression `{expression}` failed: {source}")]
    Expression {
        /// As the author wrote it.
        expression: String,
        /// What DataFusion said.
        source: datafusion_common::DataFusionError,
    },
    /// A pattern that the checker should have refused.
    #[error("the pattern `{pattern}` cannot be used: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why.
        reason: String,
    },
    /// Arrow refused.
    #[error("{0}")]
    Arrow(#[from] ArrowError),
}
