//! The fixture's program, which tests start as a process.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Allocates and frees small blocks in fewer instructions than the C library.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    fixture::platform().run()
}
