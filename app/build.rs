//! Tells cargo to rebuild when a migration changes, because a macro embeds them.

fn main() {
    println!("cargo::rerun-if-changed=../migrations");
}
