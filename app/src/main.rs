//! The service's program; `lib.rs` assembles the service.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Allocates and frees small blocks in fewer instructions than the C library.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    app::platform().run()
}
