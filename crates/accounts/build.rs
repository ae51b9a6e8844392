//! Prepares the account pages: their scripts and styles are named after their content and compressed.

use std::{env, error::Error, path::PathBuf};

use mainstay_assets::Bundle;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let target = PathBuf::from(env::var("OUT_DIR")?);
    Bundle::new("/account")
        .folder("src/account_pages")?
        .write(&target, "account_pages")?;
    Ok(())
}
