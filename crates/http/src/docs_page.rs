//! The files of the interactive API page at `/docs`, and the content security policy they are served under.
//!
//! The page is ours (`docs_page/`); Swagger UI, which renders the OpenAPI document inside it, is taken out of a crate
//! by `build.rs`. Everything is part of the binary, so the page works offline and loads nothing from another origin.
//! Routes, cache headers and the document itself are not made here.

use std::{
    hash::{DefaultHasher, Hasher},
    sync::LazyLock,
};

use bytes::Bytes;

use crate::look;

/// The policy of each answer below `/docs` (W3C CSP Level 3; OWASP ASVS 3.4.3, 3.4.6).
///
/// Scripts and styles come as files from this origin, never inline, and calls go to this origin alone. `data:` is for
/// the small icons in Swagger UI's style sheet. `form-action 'none'` keeps the password out of a URL should the script
/// that handles the form fail to load: the form cannot be submitted by the browser itself.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// One file of the docs page.
#[derive(Clone)]
pub(crate) struct Asset {
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The content; a clone shares it.
    pub bytes: Bytes,
    /// The value of `ETag` (RFC 9110, section 8.8.3): strong, quoted, equal in every replica of one build.
    pub etag: String,
}

/// Finds a file of the docs page by its name below `/docs/`; the page itself is `index.html`.
pub(crate) fn asset(path: &str) -> Option<Asset> {
    ASSETS.iter().find(|(name, _)| *name == path).map(|(_, asset)| asset.clone())
}

/// A file that `build.rs` took from Swagger UI.
macro_rules! swagger_ui {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name))
    };
}

static ASSETS: LazyLock<[(&str, Asset); 12]> = LazyLock::new(|| {
    [
        ("index.html", Asset::new(HTML, include_bytes!("docs_page/index.html"))),
        ("colours.css", Asset::new(CSS, look::COLOURS)),
        ("docs.css", Asset::new(CSS, include_bytes!("docs_page/docs.css"))),
        ("operations.css", Asset::new(CSS, include_bytes!("docs_page/operations.css"))),
        ("docs.js", Asset::new(JAVASCRIPT, include_bytes!("docs_page/docs.js"))),
        ("session.js", Asset::new(JAVASCRIPT, include_bytes!("docs_page/session.js"))),
        ("client.js", Asset::new(JAVASCRIPT, include_bytes!("docs_page/client.js"))),
        ("favicon.svg", Asset::new(SVG, look::ICON)),
        ("swagger-ui.css", Asset::new(CSS, swagger_ui!("swagger-ui.css"))),
        ("swagger-ui-bundle.js", Asset::new(JAVASCRIPT, swagger_ui!("swagger-ui-bundle.js"))),
        ("swagger-ui-license.txt", Asset::new(TEXT, swagger_ui!("swagger-ui-license.txt"))),
        ("swagger-ui-notice.txt", Asset::new(TEXT, swagger_ui!("swagger-ui-notice.txt"))),
    ]
});

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

impl Asset {
    fn new(content_type: &'static str, content: &'static [u8]) -> Self {
        // The hash tells builds apart; it guards nothing, so that the standard library's will do. `new` seeds it alike
        // in each process.
        let mut hasher = DefaultHasher::new();
        hasher.write(content);
        Self { content_type, bytes: Bytes::from_static(content), etag: format!("\"{:016x}\"", hasher.finish()) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn text(path: &str) -> String {
        let asset = asset(path).unwrap_or_else(|| panic!("{path} is not served"));
        String::from_utf8(asset.bytes.to_vec()).unwrap()
    }

    /// The values of every `name="value"` in `html`.
    fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
        let opening = format!(" {name}=\"");
        html.split(&opening).skip(1).map(|rest| rest.split_once('"').unwrap().0).collect()
    }

    #[test]
    fn every_file_that_the_page_names_is_served() {
        let html = text("index.html");
        let links = [attributes(&html, "src"), attributes(&html, "href")].concat();
        let files: Vec<_> = links.iter().filter_map(|link| link.strip_prefix("/docs/")).collect();
        assert!(files.contains(&"swagger-ui-bundle.js") && files.contains(&"docs.js"), "{files:?}");
        for file in files {
            assert!(asset(file).is_some(), "{file} is not served");
        }
        for script in ["docs.js", "session.js", "client.js"].map(text) {
            for import in script.split("from \"./").skip(1) {
                let file = import.split_once('"').unwrap().0;
                assert!(asset(file).is_some(), "{file} is not served");
            }
        }
    }

    #[test]
    fn nothing_else_is_served() {
        for path in ["", "/", "Docs.js", "swagger-ui-bundle.js.map", "../docs_page.rs", "./docs.js", "docs.js/"] {
            assert!(asset(path).is_none(), "{path:?} is served");
        }
    }

    #[test]
    fn the_page_needs_no_exception_from_its_policy() {
        assert!(!CONTENT_SECURITY_POLICY.contains("unsafe"));
        assert!(!CONTENT_SECURITY_POLICY.contains("http"));
        let html = text("index.html");
        assert_eq!(html.matches("<script").count(), attributes(&html, "src").len() - html.matches("<img").count());
        for inline in ["<style", " style=", " onclick=", " onsubmit=", " onload=", "javascript:", "<base"] {
            assert!(!html.contains(inline), "the page has {inline}");
        }
    }

    #[test]
    fn our_own_files_name_no_other_origin() {
        for path in ["index.html", "docs.css", "operations.css", "docs.js", "session.js", "client.js"] {
            let content = text(path);
            assert!(!content.contains("http:") && !content.contains("https:"), "{path} names another origin");
            assert!(!content.contains("\"//") && !content.contains("url(//"), "{path} names another origin");
        }
    }

    #[test]
    fn an_etag_is_a_quoted_name_for_the_content() {
        let etags: HashSet<_> = ASSETS.iter().map(|(_, asset)| asset.etag.as_str()).collect();
        assert_eq!(etags.len(), ASSETS.len());
        assert!(etags.iter().all(|etag| etag.len() == 18 && etag.starts_with('"') && etag.ends_with('"')));
        assert_ne!(Asset::new(TEXT, b"one").etag, Asset::new(TEXT, b"two").etag);
        assert_eq!(Asset::new(TEXT, b"one").etag, Asset::new(HTML, b"one").etag);
    }

    #[test]
    fn swagger_ui_is_whole_and_brings_its_licence() {
        assert!(text("swagger-ui-bundle.js").contains("SwaggerUIBundle"));
        assert!(text("swagger-ui.css").contains("html.dark-mode"));
        assert!(text("swagger-ui-license.txt").contains("Apache License"));
        assert!(text("swagger-ui-notice.txt").contains("SmartBear"));
    }
}
