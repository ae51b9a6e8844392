//! Invalid settings: the service does not start, reports all errors together, and quotes no secret
//! (OWASP ASVS 13.2.3, 13.3.1).

use mainstay::kernel::ExposeSecret as _;
use mainstay_testing::TestApp;

use crate::program::{beside, finish, program, secrets};

const URL: &str = "postgres://mainstay_server:canary-password@localhost:5432/app";

/// 32 zero bytes.
const WEAK_KEYS: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Runs `serve` with these variables and nothing else.
fn refused<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let (code, text) = finish(program(["serve"]).envs(variables));
    assert_eq!(code, Some(1), "{text}");
    text
}

#[test]
fn all_invalid_settings_are_reported_together_without_secrets() {
    let text = refused([
        ("MAINSTAY_DATABASE_URL", &*format!("{URL}?sslmode=require")),
        ("MAINSTAY_CRYPTO_KEYS", WEAK_KEYS),
        // A setting of earlier versions is refused, not ignored.
        ("MAINSTAY_IDENTITY_SIGNING_KEY", "canary-signing-key"),
        ("MAINSTAY_IDENTITY_SIGNING_KEY_LIFETIME", "10m"),
        (
            "MAINSTAY_IDENTITY_OIDC_PROVIDERS",
            r#"[{"name":"acme","issuer":"http://127.0.0.1:9","client_id":"x","client_secret":"canary-client"}]"#,
        ),
        ("MAINSTAY_HTTP_PUBLIC_URL", "http://api.example"),
        ("MAINSTAY_HTTP_CORS_ORIGINS", "*"),
        ("MAINSTAY_HTTP_DEADLINE", "soon"),
        ("MAINSTAY_DATABASE_POOL_SIZE", "0"),
        ("MAINSTAY_HTTP_BYND", "127.0.0.1:8000"),
        ("MAINSTAY_SECRET_CANARY", "canary-unknown"),
    ]);

    for (variable, what) in [
        ("MAINSTAY_DATABASE_URL", "verify-full"),
        ("MAINSTAY_CRYPTO_KEYS", "weak"),
        ("MAINSTAY_IDENTITY_SIGNING_KEY", "is not a setting"),
        ("MAINSTAY_IDENTITY_SIGNING_KEY_LIFETIME", "must be from 60m"),
        (
            "MAINSTAY_IDENTITY_OIDC_PROVIDERS",
            "provider 1 has a URL that is not https",
        ),
        ("MAINSTAY_HTTP_PUBLIC_URL", "https://"),
        ("MAINSTAY_HTTP_CORS_ORIGINS", "*"),
        ("MAINSTAY_HTTP_DEADLINE", "expected"),
        ("MAINSTAY_DATABASE_POOL_SIZE", "at least 1"),
        ("MAINSTAY_HTTP_BYND", "MAINSTAY_HTTP_BIND"),
        ("MAINSTAY_SECRET_CANARY", ""),
    ] {
        let line = text
            .lines()
            .find(|line| line.trim_start().starts_with(&format!("{variable}:")));
        assert!(
            line.is_some_and(|line| line.contains(what)),
            "{variable} {what:?}: {text}"
        );
    }

    for secret in ["canary-", "AAAA"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[test]
fn missing_secrets_are_reported() {
    let text = refused([]);
    for variable in ["MAINSTAY_DATABASE_URL", "MAINSTAY_CRYPTO_KEYS"] {
        assert!(text.contains(&format!("{variable}: is missing")), "{text}");
    }
}

/// OWASP ASVS 12.2.1, 12.3.1: no URL allows an unauthenticated server.
#[test]
fn a_database_url_without_full_verification_is_refused() {
    let socket = "postgres:///app?host=/var/run/postgresql&user=u&password=canary-password&sslmode=verify-full";

    let weaker = [
        "",
        "?sslmode=disable",
        "?sslmode=prefer",
        "?sslmode=verify-ca",
        "?SSLMODE=verify-full",
    ];

    let mut urls: Vec<String> = weaker.iter().map(|query| format!("{URL}{query}")).collect();
    urls.extend([
        socket.to_owned(),
        format!("{URL}?sslmode=verify-full&sslmode=disable"),
        "canary-password".to_owned(),
    ]);

    for url in urls {
        let mut variables = secrets("");
        variables.retain(|(name, _)| *name != "MAINSTAY_DATABASE_URL");
        variables.push(("MAINSTAY_DATABASE_URL", url.clone()));

        let text = refused(
            variables
                .iter()
                .map(|(name, value)| (*name, value.as_str())),
        );

        assert!(
            text.contains("1 setting is wrong:\n  MAINSTAY_DATABASE_URL: "),
            "{url}: {text}"
        );
        assert!(!text.contains("canary"), "{url}: {text}");
    }
}

/// OWASP ASVS 12.3.1: no setting allows mail in clear text.
#[test]
fn a_mail_server_without_tls_cannot_be_configured() {
    for url in [
        "http://canary@mail.example",
        "smtp://user:canary@mail.example?tls=none",
        "smtps://canary",
    ] {
        let mut variables = secrets(&format!("{URL}?sslmode=verify-full"));
        variables.push((
            "MAINSTAY_MAIL_SMTP_URL",
            url.replace("smtps://canary", "smtps://canary@mail.example"),
        ));
        variables.push(("MAINSTAY_MAIL_FROM", "canary".to_owned()));

        let text = refused(
            variables
                .iter()
                .map(|(name, value)| (*name, value.as_str())),
        );

        for variable in ["MAINSTAY_MAIL_SMTP_URL", "MAINSTAY_MAIL_FROM"] {
            assert!(text.contains(&format!("\n  {variable}: ")), "{url}: {text}");
        }

        assert!(!text.contains("canary"), "{url}: {text}");
    }
}

/// Mail in memory is visible to its own process only.
#[test]
fn a_separate_worker_needs_a_mail_server() {
    let (code, text) =
        finish(program(["worker"]).envs(secrets(&format!("{URL}?sslmode=verify-full"))));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("MAINSTAY_MAIL_SMTP_URL"), "{text}");
}

/// OWASP ASVS 3.4.2, 12.2.1: production refuses what development allows.
#[test]
fn production_is_the_default_and_is_strict() {
    let mut variables = secrets(&format!("{URL}?sslmode=verify-full"));
    variables.retain(|(name, _)| *name != "MAINSTAY_ENVIRONMENT");

    let text = refused(
        variables
            .iter()
            .map(|(name, value)| (*name, value.as_str())),
    );

    assert!(
        text.contains("3 settings are wrong:\n  MAINSTAY_HTTP_PUBLIC_URL: "),
        "{text}"
    );

    for variable in ["MAINSTAY_MAIL_SMTP_URL", "MAINSTAY_MAIL_FROM"] {
        assert!(
            text.contains(&format!("\n  {variable}: is required")),
            "{text}"
        );
    }
}

/// An unsupported parameter or a second host is reported by name, not ignored.
#[test]
fn an_unsupported_database_parameter_is_refused() {
    for (query, named) in [
        ("target_session_attrs=read-write", "target_session_attrs"),
        ("tcp_user_timeout=5000", "tcp_user_timeout"),
        ("options=-csearch_path%3Dx", "options"),
        ("pass?canary", "unknown parameter"),
    ] {
        let text = refused([(
            "MAINSTAY_DATABASE_URL",
            &*format!("{URL}?sslmode=verify-full&{query}"),
        )]);
        let line = text
            .lines()
            .find(|line| line.contains("MAINSTAY_DATABASE_URL: "))
            .expect("the URL is refused");
        assert!(line.contains(named) && !line.contains("canary"), "{line}");
    }

    let several = URL.replace("localhost:5432", "one:5432,two:5432") + "?sslmode=verify-full";
    let text = refused([("MAINSTAY_DATABASE_URL", &*several)]);
    assert!(
        text.contains("MAINSTAY_DATABASE_URL: names several hosts"),
        "{text}"
    );
}

/// `config` finds the same errors as `serve`: files that are missing or do not match, and retention
/// for tables without a rule.
#[test]
fn config_checks_the_files_and_tables_that_settings_name() {
    let directory = tempfile::tempdir().expect("the temporary file is created");
    let [one, other] = [(); 2].map(|()| {
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("the key is present")
    });
    let file = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("the write succeeds");
        path.display().to_string()
    };

    let certificate = file("one.crt", one.cert.pem());
    let [own, others] = [
        file("one.key", one.signing_key.serialize_pem()),
        file("other.key", other.signing_key.serialize_pem()),
    ];
    let text = file("text", "no certificate".to_owned());

    let config = |variables: &[(&str, &str)]| {
        let mut settings = secrets(&format!("{URL}?sslmode=verify-full"));
        settings.retain(|(name, _)| variables.iter().all(|(other, _)| name != other));
        finish(
            program(["config"])
                .envs(settings)
                .envs(variables.iter().copied()),
        )
    };

    let tls = |certificate: &str, key: &str| {
        config(&[
            ("MAINSTAY_HTTP_TLS_CERTIFICATE", certificate),
            ("MAINSTAY_HTTP_TLS_KEY", key),
        ])
    };

    assert_eq!(tls(&certificate, &own).0, Some(0));

    let url = |authority: &str| format!("{URL}?sslmode=verify-full&sslrootcert={authority}");

    for ((code, output), variable, what) in [
        (
            tls("/nowhere/tls.crt", &own),
            "HTTP_TLS_CERTIFICATE",
            "/nowhere/tls.crt",
        ),
        (
            tls(&text, &own),
            "HTTP_TLS_CERTIFICATE",
            "contains no certificate",
        ),
        (
            tls(&certificate, "/nowhere/tls.key"),
            "HTTP_TLS_KEY",
            "/nowhere/tls.key",
        ),
        (tls(&certificate, &others), "HTTP_TLS_KEY", "does not match"),
        (
            config(&[("MAINSTAY_DATABASE_URL", &url("/nowhere/ca.pem"))]),
            "DATABASE_URL",
            "sslrootcert names",
        ),
        (
            config(&[("MAINSTAY_DATABASE_URL", &url(&text))]),
            "DATABASE_URL",
            "sslrootcert names",
        ),
        (
            config(&[("MAINSTAY_DATABASE_OWNER_URL", URL)]),
            "DATABASE_OWNER_URL",
            "verify-full",
        ),
        (
            config(&[("MAINSTAY_RETENTION_RULES", "typos=3d")]),
            "RETENTION_RULES",
            "typos",
        ),
    ] {
        let line = output
            .lines()
            .find(|line| line.contains(&format!("MAINSTAY_{variable}")) && line.contains(what));
        assert!(
            code == Some(1) && line.is_some(),
            "{variable} {what}: {output}"
        );
    }
}

/// With `--connect` it also asks the server.
#[tokio::test]
async fn config_connect_finds_a_wrong_database_password() {
    let (app, environment) = beside(TestApp::builder(fixture::platform())).await;
    let url = app.database_url();
    let (start, rest) = url
        .expose_secret()
        .split_once('@')
        .expect("the URL has a host");
    let (user, _) = start.rsplit_once(':').expect("the URL has a password");
    let wrong = format!("{user}:canary@{rest}");

    let (code, output) = finish(program(["config", "--connect"]).envs(environment.clone()));
    assert!(
        code == Some(0) && output.contains("MAINSTAY_DATABASE_URL: connected as mainstay_server"),
        "{output}"
    );

    let owner = app.owner_url();
    let command = |variable: &str, url: &str| {
        let mut command = program(["config", "--connect"]);
        finish(
            command
                .envs(environment.clone())
                .env("MAINSTAY_DATABASE_OWNER_URL", owner.expose_secret())
                .env(variable, url),
        )
    };

    for variable in ["MAINSTAY_DATABASE_URL", "MAINSTAY_DATABASE_OWNER_URL"] {
        let (code, output) = command(variable, &wrong);
        assert!(
            code == Some(1) && output.contains(&format!("error: {variable}: ")),
            "{output}"
        );
        assert!(
            output.contains("password authentication failed") && !output.contains("canary"),
            "{output}"
        );
    }

    // Without it, the server is not asked, and the output says so.
    let (code, output) = finish(
        program(["config"])
            .envs(environment.clone())
            .env("MAINSTAY_DATABASE_URL", &wrong),
    );

    assert!(
        code == Some(0) && output.contains("connection to Postgres was not tested"),
        "{output}"
    );
}

/// OWASP ASVS 13.3.1: `config` shows where each value comes from, and no secret.
#[test]
fn the_table_of_settings_hides_secrets() {
    let variables = secrets(&format!("{URL}?sslmode=verify-full"));
    let (code, text) = finish(program(["config"]).envs(variables.clone()));
    assert_eq!(code, Some(0), "{text}");

    let url = text
        .lines()
        .find(|line| line.starts_with("MAINSTAY_DATABASE_URL "));
    assert!(
        url.is_some_and(|line| line.contains("[secret]") && line.contains("environment")),
        "{text}"
    );

    for (name, value) in variables
        .iter()
        .filter(|(name, _)| *name != "MAINSTAY_ENVIRONMENT")
    {
        for line in value.lines().filter(|line| !line.starts_with('-')) {
            assert!(!text.contains(line), "{name}: {text}");
        }
    }

    assert!(!text.contains("canary"), "{text}");
}
