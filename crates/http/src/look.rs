//! The look that all pages share: files below `/look/`, for the pages of this crate and of modules.
//!
//! A page loads `/look/base.css` (the colours of both schemes as custom properties, the font, the
//! focus ring) and, if it wants, `/look/shell.css` (bar, cards and buttons). These names are
//! stable. A build script that bundles a module's own files replaces them by names that contain a
//! hash of the content, which browsers cache for a year.

use crate::{Asset, WebPage};

/// The colours of both schemes, as custom properties of CSS, the font and the focus ring.
pub const BASE: &str = "/look/base.css";
/// The bar, cards, rows and buttons.
pub const SHELL: &str = "/look/shell.css";
/// The icon, as SVG.
pub const ICON: &str = "/look/icon.svg";

/// The files, with paths that contain a hash of the content.
pub(crate) static FILES: &[Asset] = include!(concat!(env!("OUT_DIR"), "/look.rs"));

/// Finds a file of the look by its stable name.
pub(crate) fn named(path: &str) -> Option<&'static Asset> {
    let name = path.strip_prefix("/look/")?;
    FILES.iter().find(|file| file.name == name)
}

/// The path of a file of the look that contains a hash of the content.
pub(crate) fn hashed(name: &'static str) -> &'static str {
    named(name).map_or(name, |file| file.path)
}

/// The content security policy of a [`page`]: it may load the look, and run no script.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// Renders a page: its title, the service's name in the bar, and the HTML of its `main` element.
pub fn page(title: &str, service: &str, main: &str) -> String {
    let [base, shell, icon] = [BASE, SHELL, ICON].map(hashed);
    let [title, service] = [title, service].map(escaped);

    format!(
        r#"<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>{title}</title>
  <link rel="icon" href="{icon}" type="image/svg+xml">
  <link rel="stylesheet" href="{base}">
  <link rel="stylesheet" href="{shell}">
</head>
<body>
  <header class="bar">
    <a class="brand" href="/"><img src="{icon}" alt="" width="28" height="28"><span>{service}</span></a>
  </header>
  {main}
</body>
</html>
"#
    )
}

/// Escapes a text for HTML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The icon at `/favicon.ico`, where browsers look for it by default.
pub fn favicon() -> Option<WebPage> {
    named(ICON).map(|icon| WebPage::asset_at("/favicon.ico", icon))
}
