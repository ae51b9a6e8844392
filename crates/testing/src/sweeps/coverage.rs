//! Which operations a sweep attacks.

/// The operations that an expensive sweep attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Every operation.
    All,
    /// The operations of the app's modules. The platform's own tests attack the others.
    App,
}
