//! Which rows a page may have.

/// Which rows a page may have, and whether it is recorded.
pub(crate) enum Part {
    /// All that the caller reaches.
    All,
    /// The same, with a record that has these filters.
    OnRecord(serde_json::Value),
    /// The public ones, which satisfy this condition.
    Public(&'static str),
}

impl Part {
    /// The condition for public rows.
    pub(crate) fn condition(&self) -> Option<&'static str> {
        match self {
            Self::Public(condition) => Some(condition),
            Self::All | Self::OnRecord(_) => None,
        }
    }

    /// The filters for the record.
    pub(crate) fn asked(self) -> Option<serde_json::Value> {
        match self {
            Self::OnRecord(asked) => Some(asked),
            Self::All | Self::Public(_) => None,
        }
    }
}
