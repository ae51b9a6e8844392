//! How the process uses memory.

/// Keeps the kernel from giving the heap huge pages, of 2 MiB each, as some do unasked: the
/// allocator touches many places of its arena, so that a service at rest would occupy 16 MiB more.
pub(super) fn without_huge_pages() {
    // Where a sandbox refuses this, the process occupies more memory and works as well.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
