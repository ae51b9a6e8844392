//! mainstay-audit
