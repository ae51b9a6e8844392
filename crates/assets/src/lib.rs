//! Preparation of the files that pages load, at build time: names that contain a hash of the
//! content, and compression with gzip. A build script describes a [`Bundle`] and writes it as a
//! list of `mainstay_http::Asset`.
//!
//! This crate is for build scripts only and serves nothing.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    hash::{DefaultHasher, Hasher as _},
    io::{self, Write as _},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};

/// The files of the look that all pages share, served below `/look/`.
pub const LOOK: [(&str, &[u8]); 3] = [
    ("base.css", include_bytes!("../look/base.css")),
    ("shell.css", include_bytes!("../look/shell.css")),
    ("icon.svg", include_bytes!("../look/icon.svg")),
];

/// The smallest content that is compressed, in bytes: anything shorter fits into one packet.
const MIN_COMPRESSED: usize = 1_024;

/// The path of the look.
pub const LOOK_BASE: &str = "/look";

/// Files that are served below one path and refer to each other: a script imports `"./other.js"`, a
/// page loads `"/base/other.js"`.
pub struct Bundle {
    base: &'static str,
    files: BTreeMap<String, Vec<u8>>,
    /// Paths that files may quote, and their replacements.
    names: BTreeMap<String, String>,
}

/// A file with its final path and content.
struct Finished {
    path: String,
    content: Vec<u8>,
    is_hashed: bool,
}

impl Bundle {
    /// Creates a bundle below `base`, such as `/account`. Its files may refer to the look's files
    /// too.
    pub fn new(base: &'static str) -> Self {
        let look = LOOK.iter().map(|(name, content)| {
            (
                format!("{LOOK_BASE}/{name}"),
                format!("{LOOK_BASE}/{}", hashed(name, content)),
            )
        });

        let names = if base == LOOK_BASE {
            BTreeMap::new()
        } else {
            look.collect()
        };

        Self {
            base,
            files: BTreeMap::new(),
            names,
        }
    }

    /// Adds the files of a folder, and makes cargo run the build script again when one changes.
    ///
    /// # Errors
    /// Fails if the folder or a file cannot be read.
    pub fn folder(mut self, folder: impl AsRef<Path>) -> io::Result<Self> {
        let mut cargo = io::stdout().lock();
        writeln!(
            cargo,
            "cargo::rerun-if-changed={}",
            folder.as_ref().display()
        )?;

        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            writeln!(cargo, "cargo::rerun-if-changed={}", path.display())?;
            self.files.insert(name, fs::read(path)?);
        }

        Ok(self)
    }

    /// Adds one file.
    #[must_use]
    pub fn file(mut self, name: &str, content: &[u8]) -> Self {
        self.files.insert(name.to_owned(), content.to_owned());
        self
    }

    /// Writes the files into `target`, and `<name>.rs`, an expression of type `&[Asset]`.
    ///
    /// # Errors
    /// Fails if files refer to each other in a cycle, or a file cannot be written.
    pub fn write(mut self, target: &Path, name: &str) -> io::Result<()> {
        let folder = target.join(name);
        fs::create_dir_all(&folder)?;

        let mut list = String::from("&[\n");
        for file in self.files.keys().cloned().collect::<Vec<_>>() {
            let finished = self.finished(&file, &mut Vec::new())?;
            describe(&mut list, &folder, &file, &finished)?;
        }
        list.push(']');

        fs::write(target.join(format!("{name}.rs")), list)
    }

    /// Replaces the names in a file by final names. `above` are the files through which it was
    /// reached.
    fn finished(&mut self, file: &str, above: &mut Vec<String>) -> io::Result<Finished> {
        if above.iter().any(|other| other == file) {
            return Err(io::Error::other(format!(
                "{file} refers to itself: {}",
                above.join(", ")
            )));
        }

        let mut content = self.files.get(file).cloned().unwrap_or_default();
        if is_text(file) {
            above.push(file.to_owned());
            content = self
                .renamed(&String::from_utf8_lossy(&content), above)?
                .into_bytes();
            above.pop();
        }

        // A page keeps its path, because people and other pages link to it.
        let is_hashed = !file.ends_with(".html");
        let served = if is_hashed {
            hashed(file, &content)
        } else {
            file.to_owned()
        };

        Ok(Finished {
            path: format!("{}/{served}", self.base),
            content,
            is_hashed,
        })
    }

    fn renamed(&mut self, text: &str, above: &mut Vec<String>) -> io::Result<String> {
        let mut renamed = text.to_owned();
        for (name, served) in &self.names {
            renamed = renamed.replace(&format!("\"{name}\""), &format!("\"{served}\""));
        }

        for other in self.files.keys().cloned().collect::<Vec<_>>() {
            let (imported, loaded) = (
                format!("\"./{other}\""),
                format!("\"{}/{other}\"", self.base),
            );
            if other.ends_with(".html")
                || !(renamed.contains(&imported) || renamed.contains(&loaded))
            {
                continue;
            }

            let path = self.finished(&other, above)?.path;
            let below = path.strip_prefix(self.base).unwrap_or(&path);
            renamed = renamed
                .replace(&imported, &format!("\".{below}\""))
                .replace(&loaded, &format!("\"{path}\""));
        }

        Ok(renamed)
    }
}

/// Writes one file, compressed if that is shorter, and appends its `Asset` expression to `list`.
fn describe(list: &mut String, folder: &Path, name: &str, file: &Finished) -> io::Result<()> {
    let compressed = compressed(&file.content)?;
    let is_gzip = file.content.len() >= MIN_COMPRESSED && compressed.len() < file.content.len();
    let stored = folder.join(name);
    fs::write(&stored, if is_gzip { &compressed } else { &file.content })?;

    let Finished {
        path, is_hashed, ..
    } = file;
    let tag = format!("{:016x}", fingerprint(&file.content));
    let content_type = content_type(name);

    writeln!(
        list,
        "    Asset {{ name: {name:?}, path: {path:?}, content_type: {content_type:?}, tag: {tag:?}, \
         content: include_bytes!({stored:?}), is_gzip: {is_gzip}, is_hashed: {is_hashed} }},"
    )
    .map_err(io::Error::other)
}

/// `name.<fingerprint>.extension`. Changed content gets another name, so caches are never stale.
fn hashed(name: &str, content: &[u8]) -> String {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "bin"));
    format!("{stem}.{:016x}.{extension}", fingerprint(content))
}

/// A hash of the content. It has no security purpose, so the standard library's suffices.
fn fingerprint(content: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(content);
    hasher.finish()
}

fn compressed(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    encoder.finish()
}

fn is_text(name: &str) -> bool {
    [".html", ".css", ".js"]
        .iter()
        .any(|extension| name.ends_with(extension))
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(files: &[(&str, &str)], name: &str) -> io::Result<(String, String)> {
        let bundle = Bundle::new("/base");
        let mut bundle = files.iter().fold(bundle, |bundle, (name, text)| {
            bundle.file(name, text.as_bytes())
        });
        let Finished { path, content, .. } = bundle.finished(name, &mut Vec::new())?;

        Ok((path, String::from_utf8_lossy(&content).into_owned()))
    }

    #[test]
    fn references_are_replaced_by_names_with_fingerprints() {
        let page = (
            "page.html",
            r#"<link href="/look/icon.svg"><script src="/base/a.js"></script>"#,
        );
        let (path, html) = finished(
            &[page, ("a.js", r#"import "./b.js";"#), ("b.js", "1")],
            "page.html",
        )
        .unwrap();

        assert_eq!(path, "/base/page.html");
        assert!(
            html.contains("\"/look/icon.") && !html.contains("icon.svg\""),
            "{html}"
        );

        let (first, script) =
            finished(&[("a.js", r#"import "./b.js";"#), ("b.js", "1")], "a.js").unwrap();
        let (second, _) =
            finished(&[("a.js", r#"import "./b.js";"#), ("b.js", "2")], "a.js").unwrap();

        assert!(
            script.starts_with("import \"./b.") && script.ends_with(".js\";"),
            "{script}"
        );
        assert!(html.contains(&first), "{html}");
        assert_ne!(
            first, second,
            "a script whose import changed must have another name"
        );
    }

    #[test]
    fn a_cycle_is_refused() {
        assert!(
            finished(
                &[
                    ("a.js", r#"import "./b.js";"#),
                    ("b.js", r#"import "./a.js";"#)
                ],
                "a.js"
            )
            .is_err()
        );
    }
}
