//! mainstay-testing
