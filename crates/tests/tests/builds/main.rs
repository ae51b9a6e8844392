//! What a build says: of declarations that must not compile, and of an app that an adopter made their own.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod adoption;
mod checkout;
mod declarations;
mod tutorial;
