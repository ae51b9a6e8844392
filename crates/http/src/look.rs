//! What every page of ours looks like: the docs page here, and the pages of modules.

/// The colours, as custom properties of CSS, in both schemes.
pub const COLOURS: &[u8] = include_bytes!("look/colours.css");
/// The icon, as SVG.
pub const ICON: &[u8] = include_bytes!("look/icon.svg");
