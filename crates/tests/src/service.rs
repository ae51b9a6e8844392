//! The fixture's program, which tests start as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    fixture::platform().run()
}
