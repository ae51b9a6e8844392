//! The service's program; `lib.rs` assembles the service.

use std::process::ExitCode;

fn main() -> ExitCode {
    app::platform().run()
}
