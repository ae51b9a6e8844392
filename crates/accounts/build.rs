//! Prepares the account pages: they are written from their templates, and their scripts and styles are named after their
//! content and compressed.

use std::{env, error::Error, path::PathBuf};

use askama::Template;
use mainstay_assets::Bundle;

/// Pages that fill in `templates/layout.html`: the template of each, its title in HTML, and its script.
macro_rules! pages {
    ($($page:ident = $template:tt, $title:literal, $script:literal;)+) => {
        $(
            #[derive(Template)]
            #[template(path = $template)]
            struct $page {
                title: &'static str,
                script: &'static str,
            }
        )+

        /// The pages as they are served, but for the names of what they load.
        fn pages() -> askama::Result<Vec<(&'static str, String)>> {
            Ok(vec![$({
                let page = $page { title: $title, script: $script };
                ($template, page.render()?)
            }),+])
        }
    };
}

pages! {
    Confirm = "confirm.html", "Finish your sign-up", "confirm.js";
    Email = "email.html", "Confirm your e&#8209;mail address", "email.js";
    External = "external.html", "Sign in", "external.js";
    Forgot = "forgot.html", "Forgot your password?", "forgot.js";
    Invitation = "invitation.html", "You are invited", "invitation.js";
    Reset = "reset.html", "Choose a new password", "reset.js";
    Security = "security.html", "Security", "security.js";
    SignIn = "sign-in.html", "Sign in", "sign-in.js";
    SignUp = "sign-up.html", "Create an account", "sign-up.js";
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");

    let target = PathBuf::from(env::var("OUT_DIR")?);
    let files = Bundle::new("/account").folder("src/account_pages")?;

    pages()?
        .iter()
        .fold(files, |files, (name, page)| {
            files.file(name, page.as_bytes())
        })
        .write(&target, "account_pages")?;
    Ok(())
}
