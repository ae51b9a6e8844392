//! Output of commands: wrapped at words on a terminal, whole lines in a pipe, and no panic when the
//! reader closes it.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use mainstay::kernel::ExposeSecret as _;
use mainstay_testing::TestApp;

use crate::program::{finish, program, secrets};

const URL: &str = "postgres://mainstay_server:p@localhost:5432/app?sslmode=verify-full";

/// Runs a command on a terminal of this many columns, created with `script` of util-linux.
fn at_terminal(columns: usize, arguments: &str) -> String {
    let service = env!("CARGO_BIN_EXE_service");
    let line = format!("stty rows 24 cols {columns} && exec {service} {arguments}");
    let mut command = Command::new("script");

    command
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .stdin(Stdio::null());

    let output = command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(secrets(URL));
    let (code, text) = finish(output);

    assert_eq!(code, Some(0), "{text}");

    text.replace('\r', "")
}

#[test]
fn lines_are_wrapped_at_words_to_the_width_of_the_terminal() {
    for arguments in ["config", "routes", "--help"] {
        let (_, piped) = finish(program(arguments.split(' ')).envs(secrets(URL)));
        let whole: Vec<&str> = piped.split_whitespace().collect();
        assert!(
            arguments == "--help" || piped.lines().any(|line| line.chars().count() > 100),
            "{piped}"
        );

        for columns in [80, 100] {
            let shown = at_terminal(columns, arguments);
            for line in shown.lines() {
                let is_one_word = line.split_whitespace().count() == 1;
                assert!(
                    line.chars().count() <= columns || is_one_word,
                    "{columns}: {line}"
                );
            }

            let words: Vec<&str> = shown.split_whitespace().collect();
            assert!(
                arguments == "--help" || words == whole,
                "{columns}: {shown}"
            );
        }
    }
}

/// Reads the first line of a command's output and closes the pipe, as `head -1` does.
fn head(command: &mut Command) -> (Option<i32>, String) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");

    let mut line = String::new();
    let mut output =
        BufReader::with_capacity(64, child.stdout.take().expect("standard output is piped"));
    output
        .read_line(&mut line)
        .expect("the command writes a line");
    drop(output);

    let ended = child.wait_with_output().expect("the task ends");

    (
        ended.status.code(),
        String::from_utf8_lossy(&ended.stderr).into_owned(),
    )
}

#[tokio::test]
async fn a_closed_pipe_is_not_an_error() {
    let app = TestApp::start(fixture::platform()).await;
    // More than a pipe buffers.
    let insert = r"
        INSERT INTO audit_events (id, occurred_at, action, operation, resource, request_id)
        SELECT (
            lpad(
                to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0'
            ) || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15)
        )::uuid, clock_timestamp(), 'filled', 'test', 'nothing', gen_random_uuid()
        FROM generate_series(1, 1000) AS n
    ";

    let mut owner = app.owner().await;
    owner
        .run(insert, [])
        .await
        .expect("the owner's statement runs");

    let sealed = async {
        while owner
            .run("SELECT FROM audit_checkpoints", [])
            .await
            .expect("the row is read")
            .is_empty()
        {
            tokio::task::yield_now().await;
        }
    };

    tokio::time::timeout(crate::http::PATIENCE, sealed)
        .await
        .expect("the log is sealed");

    let environment = secrets(app.database_url().expose_secret());

    for arguments in [
        "config",
        "routes",
        "openapi",
        "data-map",
        "data-map --json",
        "audit export",
        "--help",
    ] {
        let (code, complaint) = head(program(arguments.split(' ')).envs(environment.clone()));
        assert_eq!((code, complaint.as_str()), (Some(0), ""), "{arguments}");
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full exists on Linux");
    let output = program(["openapi"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .expect("the program starts");

    assert_eq!(output.status.code(), Some(1));

    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        complaint.starts_with("error: cannot write to standard output: "),
        "{complaint}"
    );
}
