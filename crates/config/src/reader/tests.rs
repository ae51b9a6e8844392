//! Tests of reading settings.

use std::{fs, time::Duration};

use super::*;

fn reader<const N: usize>(variables: [(&str, &str); N]) -> Reader {
    Reader::new(variables.map(|(variable, value)| (variable.to_owned(), value.to_owned())))
}

fn problems(reader: &Reader) -> String {
    reader.finish().map_or_else(
        |error| error.to_string(),
        |()| "nothing is wrong".to_owned(),
    )
}

#[test]
fn the_environment_has_precedence_over_layers_and_layers_over_defaults() {
    let layer = || [("a", "layer".to_owned()), ("b", "layer".to_owned())];
    let mut reader = reader([("MAINSTAY_A", "variable"), ("HOME", "/root")])
        .with_layer("dev", layer())
        .with_layer("later", [("b", "later".to_owned())]);
    let default = || "default".to_owned();

    assert_eq!(reader.or("a", default(), ""), "variable");
    assert_eq!(reader.or("b", default(), ""), "layer");
    assert_eq!(reader.or("c", default(), ""), "default");

    let origins: Vec<_> = reader
        .entries()
        .iter()
        .map(|entry| entry.origin.clone())
        .collect();

    assert_eq!(
        origins,
        [
            SettingOrigin::Variable,
            SettingOrigin::Layer("dev"),
            SettingOrigin::Default
        ]
    );
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn all_problems_are_reported_together() {
    let mut reader = reader([
        ("MAINSTAY_HTTP_BIND", "localhost"),
        ("MAINSTAY_HTTP_TIMOUT", "5s"),
        ("MAINSTAY_UNRELATED_THING", "x"),
        ("MAINSTAY_KEY", ""),
    ]);

    let bind = "127.0.0.1:80".parse::<std::net::SocketAddr>().unwrap();
    assert_eq!(reader.or("http.bind", bind, ""), bind);
    assert_eq!(
        reader.or("http.timeout", Duration::from_secs(30), ""),
        Duration::from_secs(30)
    );
    assert_eq!(reader.required::<u16>("pool.size", ""), None);
    assert!(reader.secret("database.url", "").is_none());
    assert!(reader.secret("key", "").is_none());

    reader.refuse("http.timeout", "is shorter than the database's");

    let expected = "7 settings are wrong:
  MAINSTAY_HTTP_BIND: is not an IP address and a port; expected an IP address and a port such as 127.0.0.1:8080
  MAINSTAY_POOL_SIZE: is missing; expected a whole number from 0 to 65535
  MAINSTAY_DATABASE_URL: is missing; expected a secret here or in MAINSTAY_DATABASE_URL_FILE
  MAINSTAY_KEY: is empty; expected a secret
  MAINSTAY_HTTP_TIMEOUT: is shorter than the database's
  MAINSTAY_HTTP_TIMOUT: is not a setting; did you mean MAINSTAY_HTTP_TIMEOUT?
  MAINSTAY_UNRELATED_THING: is not a setting";

    assert_eq!(problems(&reader), expected);
    assert_eq!(
        problems(&reader),
        expected,
        "a second call must return the same"
    );
}

#[test]
fn a_secret_is_read_from_its_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "from-file\n").unwrap();

    let mut reader = reader([("MAINSTAY_KEY_FILE", file.path().to_str().unwrap())])
        .with_layer("dev", [("key", "from-layer".to_owned())]);
    assert_eq!(
        reader.secret("key", "").unwrap().expose_secret(),
        "from-file"
    );
    assert_eq!(
        reader.entries()[0].origin,
        SettingOrigin::File(file.path().to_owned())
    );
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn a_secret_in_both_places_is_refused() {
    let mut reader = reader([
        ("MAINSTAY_KEY", "here"),
        ("MAINSTAY_KEY_FILE", "/run/secrets/key"),
    ]);
    assert!(reader.secret("key", "").is_none());
    assert!(problems(&reader).contains("MAINSTAY_KEY: conflicts with MAINSTAY_KEY_FILE"));
}

#[test]
fn only_secrets_are_read_from_files() {
    let mut reader = reader([("MAINSTAY_NAME_FILE", "/etc/passwd")]);
    assert_eq!(reader.optional::<String>("name", ""), None);
    assert!(problems(&reader).contains("MAINSTAY_NAME_FILE: is not a setting"));
}

#[test]
fn no_secret_is_ever_printed() {
    const CANARY: &str = "correct-horse";

    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), CANARY).unwrap();

    let mut reader = reader([
        ("MAINSTAY_GOOD", CANARY),
        ("MAINSTAY_FROM_FILE", CANARY),
        ("MAINSTAY_FROM_FILE_FILE", file.path().to_str().unwrap()),
        ("MAINSTAY_FILED_FILE", file.path().to_str().unwrap()),
        ("MAINSTAY_PASTED_WRONGLY", CANARY),
        ("MAINSTAY_PORT", CANARY),
        ("MAINSTAY_LIST", "1,correct-horse"),
    ])
    .with_layer(
        "dev",
        [("port", CANARY.to_owned()), ("layered", CANARY.to_owned())],
    );

    assert!(reader.secret("good", "").is_some());
    assert!(reader.secret("layered", "").is_some());
    assert!(reader.secret("filed", "").is_some());
    assert!(reader.secret("from.file", "").is_none());

    reader.or("port", 80_u16, "");
    reader.optional::<Vec<u16>>("list", "");

    let printed = format!(
        "{reader:?}{}{:?}{}{}{:?}",
        problems(&reader),
        reader.finish(),
        crate::reference(reader.entries()),
        crate::table(reader.entries()),
        reader.warnings(),
    );

    assert!(printed.contains("MAINSTAY_PASTED_WRONGLY: is not a setting"));
    assert!(!printed.contains(CANARY), "{printed}");
}

#[test]
fn a_misspelt_name_in_a_layer_is_found() {
    let mut reader = reader([]).with_layer("dev", [("http.bnid", "x".to_owned())]);
    reader.optional::<String>("http.bind", "");
    assert!(problems(&reader).contains("did you mean MAINSTAY_HTTP_BIND?"));
}

#[test]
fn a_wrong_value_in_a_layer_names_the_layer() {
    let mut reader = reader([]).with_layer("dev", [("port", "x".to_owned())]);
    reader.optional::<u16>("port", "");
    assert!(
        problems(&reader)
            .contains("MAINSTAY_PORT: is not a whole number in range (from dev); expected")
    );
    assert_eq!(reader.entries()[0].value, "[wrong]");
}

#[test]
fn a_setting_that_is_read_twice_is_listed_and_reported_once() {
    let mut reader = reader([("MAINSTAY_ENVIRONMENT", "prod")]);
    assert_eq!(
        (reader.environment(), reader.environment()),
        (Environment::Production, Environment::Production)
    );
    assert_eq!(reader.entries().len(), 1);
    assert_eq!(reader.finish().unwrap_err().problems().len(), 1);
}

#[test]
fn the_name_of_a_variable_cannot_forge_a_line() {
    let reader = reader([("MAINSTAY_X\n  MAINSTAY_Y: is fine", "")]);
    assert_eq!(problems(&reader).lines().count(), 2);
}

#[cfg(unix)]
#[test]
fn values_that_are_not_unicode_are_reported() {
    use std::os::unix::ffi::OsStringExt;

    let invalid = || OsString::from_vec(vec![0xff]);
    let mut reader = Reader::of_os_variables([
        ("MAINSTAY_A".into(), invalid()),
        ("OTHER".into(), invalid()),
    ]);
    assert_eq!(reader.optional::<String>("a", ""), None);
    assert_eq!(
        problems(&reader),
        "1 setting is wrong:\n  MAINSTAY_A: is not Unicode text"
    );
}

#[cfg(unix)]
#[test]
fn a_world_readable_secret_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;

    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "s3cret").unwrap();
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();

    let mut reader = reader([("MAINSTAY_KEY_FILE", file.path().to_str().unwrap())]);
    assert!(reader.secret("key", "").is_some());
    assert_eq!(reader.finish(), Ok(()));
    assert!(reader.warnings()[0].starts_with("MAINSTAY_KEY_FILE: every user"));
}
