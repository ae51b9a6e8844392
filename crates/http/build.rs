//! Takes the files of Swagger UI that the docs page serves out of the archive that `utoipa-swagger-ui-vendored`
//! carries, so that the binary holds those few and a file that is missing stops the build, not a request.

use std::{env, error::Error, fs, io::Cursor, path::PathBuf};

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

/// Where each file stands below the archive's one folder (`swagger-ui-<version>/`), and its name in `OUT_DIR`.
///
/// Its licence (Apache-2.0, section 4) travels with the code.
const FILES: [(&str, &str); 4] = [
    ("dist/swagger-ui-bundle.js", "swagger-ui-bundle.js"),
    ("dist/swagger-ui.css", "swagger-ui.css"),
    ("LICENSE", "swagger-ui-license.txt"),
    ("NOTICE", "swagger-ui-notice.txt"),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let target = PathBuf::from(env::var("OUT_DIR")?);
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for (wanted, name) in FILES {
        let path = archive
            .file_names()
            .filter_map(Result::ok)
            .find(|path| path.split_once('/').is_some_and(|(_, below)| below == wanted))
            .ok_or_else(|| format!("the Swagger UI archive has no {wanted}"))?
            .into_owned();
        let mut source = archive.by_name(&path)?;
        std::io::copy(&mut source, &mut fs::File::create(target.join(name))?)?;
    }
    Ok(())
}
