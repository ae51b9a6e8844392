//! The pages in a real browser: passkeys, fragments and layout.
//!
//! It runs where the machine has Chromium, Node.js, and what `npm install --prefix
//! crates/tests/browser` installs.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use mainstay::access::BuiltInRole::Owner;
use mainstay_testing::{PASSWORD, TestApp};

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a skipped check must be visible")]
async fn the_pages_work_in_a_browser() {
    let Some(chromium) = in_path(&["chromium", "chromium-browser", "google-chrome"]) else {
        return eprintln!("skipped: Chromium is missing");
    };

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/pages.js");
    let (Some(node), true) = (
        in_path(&["node"]),
        script
            .with_file_name("node_modules/playwright-core")
            .exists(),
    ) else {
        return eprintln!(
            "skipped: Node.js is missing, or `npm install --prefix crates/tests/browser` was not run"
        );
    };

    // Passkeys belong to the host name that the browser uses, and to the port.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();

    let url = format!("http://localhost:{port}");
    let app = TestApp::builder(fixture::platform())
        .setting("http.bind", format!("127.0.0.1:{port}"))
        .setting("http.public_url", url.as_str())
        .start()
        .await;

    let owner = app.actor(Owner).await;
    let mut driver = Command::new(node);
    driver
        .arg(script)
        .args([url.as_str(), owner.email(), PASSWORD])
        .arg(chromium);

    let driven = tokio::task::spawn_blocking(move || driver.output())
        .await
        .unwrap()
        .unwrap();
    let output = [driven.stdout, driven.stderr].concat();

    assert!(
        driven.status.success(),
        "{}",
        String::from_utf8_lossy(&output)
    );
}

fn in_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    names.iter().find_map(|name| {
        std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|it| it.is_file())
    })
}
