//! What every page of ours looks like: served below `/look/`, for the pages here and those of modules.
//!
//! A page loads `/look/colours.css`, the colours in both schemes as custom properties, and perhaps `/look/shell.css`, the
//! bar, cards and buttons around it. These names stay; a build script that bundles a module's own files writes the names
//! that browsers keep for a year in their place.

use crate::{Asset, Page};

/// The colours, as custom properties of CSS, in both schemes.
pub const COLOURS: &str = "/look/colours.css";
/// The bar, cards, rows and buttons.
pub const SHELL: &str = "/look/shell.css";
/// The icon, as SVG.
pub const ICON: &str = "/look/icon.svg";

/// The files, under the names that change with their content.
pub(crate) static FILES: &[Asset] = include!(concat!(env!("OUT_DIR"), "/look.rs"));

/// Finds a file of the look by its name that stays.
pub(crate) fn named(path: &str) -> Option<&'static Asset> {
    let name = path.strip_prefix("/look/")?;
    FILES.iter().find(|file| file.name == name)
}

/// The name of a file of the look that changes with its content.
pub(crate) fn hashed(name: &'static str) -> &'static str {
    named(name).map_or(name, |file| file.path)
}

/// The policy of a page that is [`page`]: it loads the look, and nothing runs.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// A whole page: its title, the service's name in its bar, and the HTML of its `main`.
pub fn page(title: &str, service: &str, main: &str) -> String {
    let [colours, shell, icon] = [COLOURS, SHELL, ICON].map(hashed);
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
  <link rel="stylesheet" href="{colours}">
  <link rel="stylesheet" href="{shell}">
</head>
<body>
  <header class="bar"><a class="brand" href="/"><img src="{icon}" alt="" width="28" height="28"><span>{service}</span></a></header>
  {main}
</body>
</html>
"#
    )
}

/// A text in which no character means anything to HTML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The icon, where browsers look for one that no page names.
pub fn favicon() -> Option<Page> {
    named(ICON).map(|icon| Page::asset_at("/favicon.ico", icon))
}
