//! Builds the account pages: renders the templates, names scripts and styles by their content, and
//! compresses them.

use std::{env, error::Error, path::PathBuf};

use askama::Template;
use mainstay_assets::Bundle;

/// Pages that extend `templates/layout.html`: the template, the title in HTML, and the script of
/// each.
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

        /// Renders the pages. The names of the files that they load are not final yet.
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
    Join = "join.html", "Create an account", "sign-up.js";
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
