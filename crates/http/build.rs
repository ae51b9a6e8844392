//! Prepares the files of the docs page and of the look. Swagger UI's files are extracted from the
//! archive in `utoipa-swagger-ui-vendored`: the binary contains only the few it needs, and a
//! missing file fails the build.

use std::{env, error::Error, io::Cursor, path::PathBuf};

use mainstay_assets::{Bundle, LOOK, LOOK_BASE};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

/// The path of each file below the archive's top folder (`swagger-ui-<version>/`), and its name
/// here.
///
/// Apache-2.0, section 4, requires that the licence is distributed with the code.
const FILES: [(&str, &str); 4] = [
    ("dist/swagger-ui-bundle.js", "swagger-ui-bundle.js"),
    ("dist/swagger-ui.css", "swagger-ui.css"),
    ("LICENSE", "swagger-ui-license.txt"),
    ("NOTICE", "swagger-ui-notice.txt"),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let target = PathBuf::from(env::var("OUT_DIR")?);

    let look = LOOK
        .iter()
        .fold(Bundle::new(LOOK_BASE), |bundle, (name, content)| {
            bundle.file(name, content)
        });

    look.write(&target, "look")?;

    let docs = Bundle::new("/docs").folder("src/docs_page")?;
    with_swagger_ui(docs)?.write(&target, "docs_page")?;

    Ok(())
}

fn with_swagger_ui(mut docs: Bundle) -> Result<Bundle, Box<dyn Error>> {
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for (wanted, name) in FILES {
        let path = archive
            .file_names()
            .filter_map(Result::ok)
            .find(|path| {
                path.split_once('/')
                    .is_some_and(|(_, below)| below == wanted)
            })
            .ok_or_else(|| format!("the Swagger UI archive has no {wanted}"))?
            .into_owned();

        let mut content = Vec::new();
        std::io::copy(&mut archive.by_name(&path)?, &mut content)?;
        docs = docs.file(name, &content);
    }

    Ok(docs)
}
