//! The kinds of requests.

/// A kind of request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    Livez,
    Read,
    Page,
    Create,
    Login,
}

impl Endpoint {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Livez => "livez",
            Self::Read => "read one",
            Self::Page => "page of 50",
            Self::Create => "create + audit",
            Self::Login => "login",
        }
    }

    /// Number of connections that send it at once.
    pub const fn connections(self) -> usize {
        match self {
            Self::Login => 4,
            _ => 32,
        }
    }
}
