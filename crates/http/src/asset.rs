//! Files that pages load, plain and compressed.

use std::{
    borrow::Cow,
    io::{Read as _, Write as _},
    sync::OnceLock,
};

use axum::body::Body;
use bytes::Bytes;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use http::{HeaderValue, StatusCode, header, request::Parts};

use crate::{conditions::is_known, negotiation::takes_gzip, reply::Reply};

/// A file that pages load, written by a build script with `mainstay_assets::Bundle`. The binary
/// contains it once, compressed if that is shorter.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// The name of its source file.
    pub name: &'static str,
    /// The path at which it is served.
    pub path: &'static str,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// A hash of the content.
    pub tag: &'static str,
    /// The content, compressed with gzip if `is_gzip`.
    pub content: &'static [u8],
    /// Whether `content` is compressed.
    pub is_gzip: bool,
    /// Whether the path changes with the content, so that clients may cache it indefinitely.
    pub is_hashed: bool,
}

impl Asset {
    /// The content as it was before the build compressed it.
    pub fn plain(&self) -> Cow<'static, [u8]> {
        if self.is_gzip {
            inflated(self.content).into()
        } else {
            self.content.into()
        }
    }
}

/// Content that does not change while the process runs, plain and compressed.
pub(crate) struct Representations {
    content_type: &'static str,
    tag: String,
    /// Made of `gzip` when first asked for, if only that was given.
    plain: OnceLock<Bytes>,
    /// Compressed on first use, unless the build did so; `None` if gzip does not make it shorter.
    gzip: OnceLock<Option<Bytes>>,
    is_hashed: bool,
}

/// The smallest content that is compressed, in bytes: anything shorter fits into one packet.
const MIN_COMPRESSED: usize = 1_024;

impl Representations {
    pub(crate) fn new(content_type: &'static str, plain: Bytes) -> Self {
        let tag = format!("{:016x}", fingerprint(&plain));
        Self {
            content_type,
            tag,
            plain: plain.into(),
            gzip: OnceLock::new(),
            is_hashed: false,
        }
    }

    /// Answers a read; with 304 if the client has the current content.
    pub(crate) fn answer(&self, request: &Parts) -> Reply {
        let gzip = self.gzip().filter(|_| takes_gzip(&request.headers));
        // Strong validators tell codings apart (RFC 9110 §8.8.3.3).
        let tag = format!(
            "\"{}{}\"",
            self.tag,
            if gzip.is_some() { "-gzip" } else { "" }
        );

        let is_known = is_known(&request.headers, &tag);

        let mut reply = match (is_known, gzip) {
            (true, _) => Reply::new(Body::empty()),
            (false, Some(gzip)) => Reply::new(Body::from(gzip.clone())),
            (false, None) => Reply::new(Body::from(self.plain().clone())),
        };

        if is_known {
            *reply.status_mut() = StatusCode::NOT_MODIFIED;
        }

        let headers = reply.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(self.content_type),
        );
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static(self.cache_control()),
        );

        if self.gzip().is_some() {
            headers.insert(
                header::VARY,
                HeaderValue::from_name(header::ACCEPT_ENCODING),
            );
        }

        if gzip.is_some() && !is_known {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }

        if let Ok(tag) = HeaderValue::try_from(tag) {
            headers.insert(header::ETAG, tag);
        }

        reply
    }

    /// Clients keep files named after their content, and revalidate all others.
    fn cache_control(&self) -> &'static str {
        if self.is_hashed {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        }
    }

    fn gzip(&self) -> Option<&Bytes> {
        let made = self.gzip.get_or_init(|| {
            let is_text = ["text/", "application/json", "image/svg"]
                .iter()
                .any(|it| self.content_type.starts_with(it));
            (is_text && self.plain().len() >= MIN_COMPRESSED)
                .then(|| compressed(self.plain()))
                .flatten()
        });
        made.as_ref()
    }

    fn plain(&self) -> &Bytes {
        self.plain.get_or_init(|| {
            let gzip = self.gzip.get().and_then(Option::as_ref);
            gzip.map(|gzip| inflated(gzip).into()).unwrap_or_default()
        })
    }

    /// Serves a file at a path: its own, or one that does not change with its content.
    pub(crate) fn under(path: &str, asset: &Asset) -> Self {
        let content = Bytes::from_static(asset.content);
        let (plain, gzip) = match asset.is_gzip {
            true => (OnceLock::new(), Some(content)),
            false => (content.into(), None),
        };

        Self {
            content_type: asset.content_type,
            tag: asset.tag.to_owned(),
            plain,
            gzip: gzip.into(),
            is_hashed: asset.is_hashed && asset.path == path,
        }
    }
}

/// Compresses content with gzip; `None` if that does not make it shorter.
fn compressed(content: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).ok()?;
    let compressed = encoder.finish().ok()?;
    (compressed.len() < content.len()).then(|| compressed.into())
}

/// The content that `compressed`, or a build script, made `gzip` of.
fn inflated(gzip: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    if let Err(error) = GzDecoder::new(gzip).read_to_end(&mut content) {
        tracing::error!(%error, "compressed content could not be read");
    }

    content
}

/// FNV-1a. An `ETag` must be the same in all replicas of a build; it needs no cryptographic hash.
pub(crate) fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
