//! The settings of the audit log.

use std::{path::PathBuf, time::Duration};

use mainstay_config::Reader;

use crate::{note_key::is_name, publish::CheckpointDestination};

/// Settings for sealing the audit log and publishing its checkpoints.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of the log in its checkpoints, fixed by the first one.
    pub origin: String,
    /// Where checkpoints are published.
    pub publish: Option<CheckpointDestination>,
    /// Minimum time between two published checkpoints.
    pub publish_every: Duration,
}

impl Settings {
    /// Reads the settings; `reader` collects the errors. By default, the log is named after the
    /// host of `public_url`.
    pub fn read(reader: &mut Reader, public_url: &str) -> Option<Self> {
        let origin: Option<String> = reader.optional(
            "audit.origin",
            "Name of the audit log in checkpoints, fixed by the first one; default: host of the public URL and /audit.",
        );
        let publish: Option<String> = reader.optional(
            "audit.publish",
            "Where checkpoints of the audit log are published: stdout, absolute path of a file, or s3://bucket/prefix.",
        );

        let publish_every = reader.or(
            "audit.publish_every",
            Duration::from_secs(5),
            "Minimum time between two published checkpoints.",
        );

        let origin = origin.unwrap_or_else(|| format!("{}/audit", host(public_url)));
        if !is_name(&origin) {
            reader.refuse("audit.origin", "must not contain spaces or plus signs");
        }

        let publish = match publish.as_deref().map(destination) {
            None => None,
            Some(Some(destination)) => Some(destination),
            Some(None) => {
                reader.refuse(
                    "audit.publish",
                    "must be stdout, an absolute path or s3://bucket/prefix",
                );
                return None;
            }
        };

        Some(Self {
            origin,
            publish,
            publish_every,
        })
    }
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

fn destination(text: &str) -> Option<CheckpointDestination> {
    if text == "stdout" {
        return Some(CheckpointDestination::StandardOutput);
    }

    if let Some(rest) = text.strip_prefix("s3://") {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_end_matches('/').to_owned();
        return (!bucket.is_empty()).then(|| CheckpointDestination::Bucket {
            bucket: bucket.to_owned(),
            prefix,
        });
    }

    let path = PathBuf::from(text);
    path.is_absolute()
        .then_some(CheckpointDestination::File(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_one_of_three() {
        assert_eq!(
            destination("stdout"),
            Some(CheckpointDestination::StandardOutput)
        );
        assert_eq!(
            destination("/var/log/checkpoints"),
            Some(CheckpointDestination::File("/var/log/checkpoints".into()))
        );

        let bucket = |bucket: &str, prefix: &str| CheckpointDestination::Bucket {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        };
        assert_eq!(destination("s3://log/a/b/"), Some(bucket("log", "a/b")));
        assert_eq!(destination("s3://log"), Some(bucket("log", "")));

        for wrong in ["", "checkpoints", "s3://", "https://bucket"] {
            assert_eq!(destination(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_log_is_named_after_the_host() {
        let settings = Settings::read(&mut Reader::new([]), "https://api.example.org/v1").unwrap();
        assert_eq!(
            (settings.origin.as_str(), settings.publish),
            ("api.example.org/audit", None)
        );
    }
}
