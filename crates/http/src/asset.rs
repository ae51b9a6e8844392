use std::{io::Write as _, sync::OnceLock};

use axum::body::Body;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderValue, StatusCode, header, request::Parts};

use crate::{conditions::is_known, negotiation::takes_gzip, page::fingerprint, request::Reply};

/// A file that pages load, as a build script wrote it with `mainstay_assets::Bundle`: its content is part of the binary,
/// and so is what gzip makes of it.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// What its source is called.
    pub name: &'static str,
    /// Where it is served.
    pub path: &'static str,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// What tells its content from another.
    pub tag: &'static str,
    /// The content.
    pub bytes: &'static [u8],
    /// The content in gzip, where that is shorter.
    pub gzip: Option<&'static [u8]>,
    /// Whether the path changes with the content, so that clients may keep it for good.
    pub is_hashed: bool,
}

/// Content that stays the same as long as the process runs, in the codings that it is served in.
pub(crate) struct Representations {
    content_type: &'static str,
    tag: String,
    plain: Bytes,
    /// Made when it is first asked for, unless the build made it; `None` where it would not be shorter.
    gzip: OnceLock<Option<Bytes>>,
    is_hashed: bool,
}

/// Less than this is not worth a second form: it fits into one packet as it is.
const WORTH_IT: usize = 1_024;

impl Representations {
    pub(crate) fn new(content_type: &'static str, plain: Bytes) -> Self {
        let tag = format!("{:016x}", fingerprint(&plain));
        Self {
            content_type,
            tag,
            plain,
            gzip: OnceLock::new(),
            is_hashed: false,
        }
    }

    /// The answer to a request that reads it. A client that has it gets 304.
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
            (false, None) => Reply::new(Body::from(self.plain.clone())),
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

    /// A client keeps what is named after its content, and asks again about everything else.
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
            (is_text && self.plain.len() >= WORTH_IT)
                .then(|| compressed(&self.plain))
                .flatten()
        });
        made.as_ref()
    }
}

impl Representations {
    /// A file under a path: its own, or one that does not change with its content.
    pub(crate) fn under(path: &str, asset: &Asset) -> Self {
        let gzip = asset
            .gzip
            .filter(|_| asset.bytes.len() >= WORTH_IT)
            .map(Bytes::from_static);
        Self {
            content_type: asset.content_type,
            tag: asset.tag.to_owned(),
            plain: Bytes::from_static(asset.bytes),
            gzip: OnceLock::from(gzip),
            is_hashed: asset.is_hashed && asset.path == path,
        }
    }
}

/// What gzip makes of it, if that is shorter. Writing to memory does not fail.
fn compressed(content: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).ok()?;
    let compressed = encoder.finish().ok()?;
    (compressed.len() < content.len()).then(|| compressed.into())
}
