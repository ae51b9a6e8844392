//! The pages on which people sign in, and to which the links of our mails lead.
//!
//! Each is a static file and a script that calls the API like any other client; what is decided, the API decides. A
//! mail's token stands behind `#` in its link, so that no server, proxy or log ever sees it, and the script takes it out
//! of the address bar (OWASP ASVS 14.2.1). What the pages look like is `mainstay_http::look` and `account.css`.

use mainstay_http::{Page, look};

/// Scripts and styles come as files from this origin, never inline, and calls go to this origin alone (W3C CSP Level 3;
/// OWASP ASVS 3.4.3, 3.4.6). `form-action 'none'` keeps a password out of a URL should a script fail to load.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// A page: its path, and its file.
macro_rules! html {
    ($path:literal, $file:literal) => {
        Page::file($path, HTML, include_bytes!(concat!("account_pages/", $file))).policy(POLICY)
    };
}

/// A file that the pages load, below `/account/` under its own name.
macro_rules! part {
    ($content_type:ident, $file:literal) => {
        Page::file(concat!("/account/", $file), $content_type, include_bytes!(concat!("account_pages/", $file)))
    };
}

/// The pages, and what they load.
pub(crate) fn pages() -> [Page; 27] {
    [
        html!("/oauth/authorize", "sign-in.html"),
        html!("/account/sign-in", "sign-in.html"),
        html!("/account/sign-up", "sign-up.html"),
        html!("/account/confirm", "confirm.html"),
        html!("/account/reset", "reset.html"),
        html!("/account/forgot", "forgot.html"),
        html!("/account/email", "email.html"),
        html!("/account/invitation", "invitation.html"),
        html!("/account/external", "external.html"),
        Page::file("/account/colours.css", CSS, look::COLOURS),
        Page::file("/account/icon.svg", SVG, look::ICON),
        part!(CSS, "account.css"),
        part!(JAVASCRIPT, "api.js"),
        part!(JAVASCRIPT, "page.js"),
        part!(JAVASCRIPT, "sign-in-form.js"),
        part!(JAVASCRIPT, "strength.js"),
        part!(JAVASCRIPT, "sign-in.js"),
        part!(JAVASCRIPT, "consent.js"),
        part!(JAVASCRIPT, "applications.js"),
        part!(JAVASCRIPT, "sign-up.js"),
        part!(JAVASCRIPT, "confirm.js"),
        part!(JAVASCRIPT, "reset.js"),
        part!(JAVASCRIPT, "forgot.js"),
        part!(JAVASCRIPT, "email.js"),
        part!(JAVASCRIPT, "invitation.js"),
        part!(JAVASCRIPT, "external.js"),
        part!(JAVASCRIPT, "providers.js"),
    ]
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn files(extension: &str) -> Vec<(String, String)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/account_pages");
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let wanted = entries.filter(|path| path.extension().is_some_and(|found| found == extension));
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        wanted.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
    }

    /// The values between `opening` and the next quotation mark.
    fn named<'a>(text: &'a str, opening: &'a str) -> impl Iterator<Item = &'a str> {
        text.split(opening).skip(1).map(|rest| rest.split_once('"').unwrap().0)
    }

    #[test]
    fn every_file_that_a_page_names_is_served() {
        let served: Vec<_> = pages().iter().map(Page::path).collect();
        for (page, html) in files("html") {
            let loaded: Vec<_> = named(&html, " src=\"").chain(named(&html, " href=\"")).collect();
            assert!(loaded.len() >= 4, "{page}");
            for path in loaded {
                assert!(served.contains(&path) || path == "/docs", "{page}: {path} is not served");
            }
        }
        for (script, text) in files("js") {
            for import in named(&text, "from \"./") {
                assert!(served.contains(&format!("/account/{import}").as_str()), "{script}: {import} is not served");
            }
        }
    }

    #[test]
    fn no_page_needs_an_exception_from_its_policy() {
        assert!(!POLICY.contains("unsafe") && !POLICY.contains("http"));
        for (page, html) in files("html") {
            for inline in
                ["<style", " style=", " onclick=", " onsubmit=", " onload=", "javascript:", "<base", "<script>"]
            {
                assert!(!html.contains(inline), "{page} has {inline}");
            }
        }
        for (script, text) in files("js") {
            for risky in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "localStorage"] {
                assert!(!text.contains(risky), "{script} has {risky}");
            }
        }
    }

    /// WCAG 2.2, 1.3.1, 1.3.5, 3.3.2: each field has a label of its own and says what it is for.
    #[test]
    fn every_field_has_a_label() {
        for (page, html) in files("html") {
            for field in html.split("<input ").skip(1).map(|rest| rest.split_once('>').unwrap().0) {
                let id = named(field, "id=\"").next().unwrap();
                assert!(html.contains(&format!("<label for=\"{id}\">")), "{page}: {id} has no label");
                assert!(field.contains("autocomplete=\""), "{page}: {id} does not say what it is for");
            }
        }
    }
}
