//! Tests that run builds: declarations that must not compile, and an app after its adoption.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod adoption;
mod checkout;
mod declarations;
mod tutorial;
