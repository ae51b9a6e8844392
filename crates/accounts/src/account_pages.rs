//! The pages for signing in, and those that the links in e-mails lead to.
//!
//! Each page is static, with a script that calls the API like any other client. The API makes all
//! decisions. The token of a link follows a `#`, so that no server, proxy or log sees it, and the
//! script removes it from the address bar (OWASP ASVS 14.2.1). The styles are in
//! `mainstay_http::look` and `account.css`.

use mainstay_http::{Asset, WebPage};

use crate::Tenancy;

/// Scripts and styles are files of this origin, never inline, and requests go only to this origin
/// (W3C CSP Level 3; OWASP ASVS 3.4.3, 3.4.6). `form-action 'none'` keeps a password out of a URL
/// if a script fails to load.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The path and the file of each page.
const PAGES: [(&str, &str); 10] = [
    ("/oauth/authorize", "sign-in.html"),
    ("/account/sign-in", "sign-in.html"),
    ("/account/sign-up", "sign-up.html"),
    ("/account/confirm", "confirm.html"),
    ("/account/reset", "reset.html"),
    ("/account/forgot", "forgot.html"),
    ("/account/email", "email.html"),
    ("/account/invitation", "invitation.html"),
    ("/account/external", "external.html"),
    ("/account/security", "security.html"),
];

/// The files that `build.rs` generates from the templates and the folder `account_pages`.
static FILES: &[Asset] = include!(concat!(env!("OUT_DIR"), "/account_pages.rs"));

/// The page to sign up in an app with a single tenant.
const JOIN: (&str, &str) = ("/account/sign-up", "join.html");

/// The pages, and the files that they load.
pub fn pages(tenancy: Tenancy) -> impl Iterator<Item = WebPage> {
    let pages = PAGES.iter().filter_map(move |page| {
        let (path, name) = match tenancy {
            Tenancy::Single if page.0 == JOIN.0 => &JOIN,
            _ => page,
        };
        let file = FILES.iter().find(|file| file.name == *name)?;
        Some(WebPage::asset_at(path, file).policy(POLICY))
    });
    let loaded = FILES
        .iter()
        .filter(|file| file.is_hashed)
        .map(WebPage::asset);

    // `/account` shows who is signed in, or asks the visitor to sign in.
    pages
        .chain(loaded)
        .chain([WebPage::redirect("/account", "/account/sign-in")])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The served files with this extension.
    fn files(extension: &str) -> Vec<(&'static str, String)> {
        let wanted = FILES.iter().filter(|file| file.name.ends_with(extension));
        wanted
            .map(|file| {
                let text = String::from_utf8(file.plain().into_owned()).unwrap();
                (file.name, text)
            })
            .collect()
    }

    /// The strings between `opening` and the next quotation mark.
    fn named<'a>(text: &'a str, opening: &'a str) -> impl Iterator<Item = &'a str> {
        text.split(opening)
            .skip(1)
            .map(|rest| rest.split_once('"').unwrap().0)
    }

    #[test]
    fn every_page_has_its_file_and_every_file_that_it_names_is_served() {
        let served: Vec<_> = pages(Tenancy::Several).map(|page| page.path()).collect();
        for (path, name) in PAGES {
            assert!(served.contains(&path), "{name} is not served");
        }

        for (name, html) in files(".html") {
            let loaded: Vec<_> = named(&html, " src=\"")
                .chain(named(&html, " href=\""))
                .collect();

            assert!(loaded.len() >= 4, "{name}");

            for path in loaded.iter().filter(|path| !path.starts_with("/look/")) {
                let path = path.split('?').next().unwrap();
                assert!(
                    served.contains(&path) || ["/docs", "/"].contains(&path),
                    "{name}: {path} is not served"
                );
            }
        }

        for (name, script) in files(".js") {
            for import in named(&script, "from \"./") {
                let path = format!("/account/{import}");
                assert!(
                    served.contains(&path.as_str()),
                    "{name}: {import} is not served"
                );
            }
        }
    }

    #[test]
    fn no_page_needs_an_exception_from_its_policy() {
        assert!(!POLICY.contains("unsafe") && !POLICY.contains("http"));

        for (page, html) in files(".html") {
            for inline in [
                "<style",
                " style=",
                " onclick=",
                " onsubmit=",
                " onload=",
                "javascript:",
                "<base",
                "<script>",
            ] {
                assert!(!html.contains(inline), "{page} has {inline}");
            }
        }

        for (script, text) in files(".js") {
            for risky in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "localStorage",
            ] {
                assert!(!text.contains(risky), "{script} has {risky}");
            }
        }
    }

    /// WCAG 2.2, 1.3.1, 1.3.5, 3.3.2.
    #[test]
    fn every_field_has_a_label_and_a_purpose() {
        for (page, html) in files(".html") {
            for field in html
                .split("<input ")
                .skip(1)
                .map(|rest| rest.split_once('>').unwrap().0)
            {
                let id = named(field, "id=\"").next().unwrap();
                assert!(
                    html.contains(&format!("<label for=\"{id}\">")),
                    "{page}: {id} has no label"
                );
                assert!(
                    field.contains("autocomplete=\""),
                    "{page}: {id} does not state its purpose"
                );
            }
        }
    }
}
