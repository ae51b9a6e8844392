//! The files of the interactive API page at `/docs`, and their content security policy.
//!
//! The page itself is ours (`docs_page/`); Swagger UI renders the OpenAPI document inside it.
//! `build.rs` extracts Swagger UI from a crate, names each file after its content and compresses
//! it. The binary contains everything, so the page works offline and loads nothing from another
//! origin. Routes, cache headers and the document are defined elsewhere.

use crate::Asset;

/// The policy of each response below `/docs` (W3C CSP Level 3; OWASP ASVS 3.4.3, 3.4.6).
///
/// Scripts and styles are files of this origin, never inline, and calls go only to this origin.
/// `data:` allows the small icons in Swagger UI's style sheet. `form-action 'none'` keeps the
/// password out of a URL if the script that handles the form fails to load: the browser cannot
/// submit the form by itself.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Finds a file of the docs page by its path; `/docs` is the page itself.
pub(crate) fn asset(path: &str) -> Option<&'static Asset> {
    match path {
        "/docs" => named("index.html"),
        _ => ASSETS
            .iter()
            .find(|asset| asset.is_hashed && asset.path == path),
    }
}

fn named(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/docs_page.rs"));

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::look;

    fn text(name: &str) -> String {
        let asset = named(name).unwrap_or_else(|| panic!("{name} is not part of the page"));
        String::from_utf8(asset.plain().into_owned()).unwrap()
    }

    /// The values of every `name="value"` in `html`.
    fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
        let opening = format!(" {name}=\"");
        html.split(&opening)
            .skip(1)
            .map(|rest| rest.split_once('"').unwrap().0)
            .collect()
    }

    #[test]
    fn every_file_that_the_page_refers_to_is_served() {
        let html = text("index.html");
        let links = [attributes(&html, "src"), attributes(&html, "href")].concat();
        let files: Vec<_> = links
            .iter()
            .filter(|link| link.starts_with("/docs/") || link.starts_with("/look/"))
            .collect();

        assert!(files.len() >= 9, "{files:?}");

        for file in files {
            let is_look = look::FILES.iter().any(|look| look.path == *file);
            assert!(is_look || asset(file).is_some(), "{file} is not served");
        }

        for script in ["docs.js", "session.js", "operations.js"].map(text) {
            for import in script.split("from \"./").skip(1) {
                let file = import.split_once('"').unwrap().0;
                assert!(
                    asset(&format!("/docs/{file}")).is_some(),
                    "{file} is not served"
                );
            }
        }
    }

    #[test]
    fn nothing_else_is_served() {
        for path in [
            "",
            "/",
            "/docs/",
            "/docs/docs.js",
            "/docs/index.html",
            "/docs/swagger-ui-bundle.js.map",
            "/docs/../x",
        ] {
            assert!(asset(path).is_none(), "{path:?} is served");
        }
    }

    #[test]
    fn the_page_needs_no_exception_from_its_policy() {
        assert!(!CONTENT_SECURITY_POLICY.contains("unsafe"));
        assert!(!CONTENT_SECURITY_POLICY.contains("http"));

        let html = text("index.html");
        assert_eq!(
            html.matches("<script").count(),
            attributes(&html, "src").len() - html.matches("<img").count()
        );

        for inline in [
            "<style",
            " style=",
            " onclick=",
            " onsubmit=",
            " onload=",
            "javascript:",
            "<base",
        ] {
            assert!(!html.contains(inline), "the page has {inline}");
        }
    }

    #[test]
    fn our_own_files_refer_to_no_other_origin() {
        for path in [
            "index.html",
            "docs.css",
            "operations.css",
            "docs.js",
            "session.js",
            "operations.js",
        ] {
            let content = text(path);
            assert!(
                !content.contains("http:") && !content.contains("https:"),
                "{path} names another origin"
            );
            assert!(
                !content.contains("\"//") && !content.contains("url(//"),
                "{path} names another origin"
            );
        }
    }

    #[test]
    fn large_files_are_compressed_and_named_after_their_content() {
        let paths: HashSet<_> = ASSETS.iter().map(|asset| asset.path).collect();
        assert_eq!(paths.len(), ASSETS.len());

        for name in ["swagger-ui-bundle.js", "swagger-ui.css", "docs.js"] {
            let asset = named(name).unwrap();
            assert!(asset.is_hashed && asset.path.contains(asset.tag), "{name}");
            assert!(asset.is_gzip, "{name}");
            assert!(asset.content.len() * 2 < asset.plain().len(), "{name}");
        }
    }

    #[test]
    fn swagger_ui_is_complete_and_includes_its_licence() {
        assert!(text("swagger-ui-bundle.js").contains("SwaggerUIBundle"));
        assert!(text("swagger-ui.css").contains("html.dark-mode"));
        assert!(text("swagger-ui-license.txt").contains("Apache License"));
        assert!(text("swagger-ui-notice.txt").contains("SmartBear"));
    }
}
