//! The settings of HTTP.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use http::HeaderValue;
use ipnet::IpNet;
use mainstay_config::{BaseUrl, ByteSize, Environment, Reader, Setting as _, WebOrigin};

use crate::{
    Certificate, PUBLIC_BODY_LIMIT, ServeError,
    client::{ForwardedBy, Proxies},
};

/// The settings of the HTTP server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address and port of the API.
    pub bind: SocketAddr,
    /// Address and port of the health probes and metrics.
    pub management: SocketAddr,
    /// The API's public URL: issuer and audience of its tokens.
    pub public_url: BaseUrl,
    /// PEM files of the certificate chain and key; `None` if a proxy terminates TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Origins whose pages may call the API.
    pub cors_origins: Vec<HeaderValue>,
    /// Networks of trusted proxies, whose forwarding header determines the client's address.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which trusted proxies forward the client's address.
    pub forwarded_by: ForwardedBy,
    /// The hosts that are served, without ports. Empty means any.
    pub allowed_hosts: Vec<String>,
    /// Largest body, in bytes.
    pub body_limit: usize,
    /// Memory for the bodies of all requests together, in bytes; half of it for public operations.
    pub body_budget: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// How long a request's head may take to arrive, and how long a connection may be idle.
    pub header_timeout: Duration,
    /// How long a peer may read nothing of a response.
    pub write_timeout: Duration,
    /// How long an endpoint may take to answer.
    pub deadline: Duration,
    /// Concurrent connections. Further ones wait to be accepted.
    pub max_connections: usize,
    /// Concurrent connections from one address that is not a trusted proxy. Further ones are
    /// closed. An IPv6 host counts by its /64 network.
    pub max_connections_per_address: usize,
    /// How long a shutdown reports "not ready" before it stops accepting connections.
    pub readiness_grace: Duration,
    /// How long a shutdown then waits for requests in flight.
    pub drain: Duration,
    /// Whether `/docs` is served.
    pub docs: bool,
}

impl Settings {
    /// The trusted proxies, and the header that they set.
    pub(crate) fn proxies(&self) -> Proxies<'_> {
        Proxies {
            trusted: &self.trusted_proxies,
            header: self.forwarded_by,
        }
    }

    /// Reads the settings. `reader` collects the errors.
    pub fn read(reader: &mut Reader) -> Self {
        let seconds = Duration::from_secs;
        let environment = reader.environment();
        let bind = reader.or(
            "http.bind",
            ([127, 0, 0, 1], 8000).into(),
            "Address and port of the API.",
        );

        let management = reader.or(
            "management.bind",
            ([127, 0, 0, 1], 9000).into(),
            "Address and port of the health probes and metrics.",
        );

        let local = BaseUrl::of_loopback(8000);
        let public_url = reader.or(
            "http.public_url",
            local,
            "The API's public URL: issuer and audience of its tokens.",
        );

        let certificate: Option<PathBuf> = reader.optional(
            "http.tls_certificate",
            "PEM file of the certificate chain; leave it out if a proxy terminates TLS.",
        );
        let key: Option<PathBuf> =
            reader.optional("http.tls_key", "PEM file of the certificate's private key.");
        let origins: Vec<String> = reader.or(
            "http.cors_origins",
            Vec::new(),
            "Origins whose pages may call the API, separated by commas.",
        );

        let proxies: Vec<String> = reader.or(
            "http.trusted_proxies",
            Vec::new(),
            "Networks (CIDR) of trusted proxies, whose forwarding header determines the client's address.",
        );

        let ByteSize(body_limit) = reader.or(
            "http.body_limit",
            ByteSize(1 << 20),
            "Largest request body.",
        );

        let ByteSize(body_budget) = reader.or(
            "http.body_budget",
            ByteSize(64 << 20),
            "Memory for all request bodies together, half of it for public operations; beyond it requests get 503.",
        );

        let max_connections = reader.or(
            "http.max_connections",
            10_000_usize,
            "Concurrent connections; further ones wait.",
        );

        let settings = Self {
            bind,
            management,
            public_url,
            tls: tls(reader, certificate, key),
            cors_origins: cors_origins(reader, environment, &origins),
            trusted_proxies: trusted_proxies(reader, &proxies),
            forwarded_by: reader.or(
                "http.forwarded_by",
                ForwardedBy::default(),
                "The header in which trusted proxies forward the client's address.",
            ),
            allowed_hosts: reader.or(
                "http.allowed_hosts",
                Vec::new(),
                "Host names and addresses that the service serves, separated by commas; empty means any.",
            ),
            body_limit: usize::try_from(body_limit).unwrap_or(usize::MAX),
            body_budget: usize::try_from(body_budget).unwrap_or(usize::MAX),
            body_timeout: reader.or("http.body_timeout", seconds(10), "How long a body may take to arrive."),
            header_timeout: reader.or(
                "http.header_timeout",
                seconds(15),
                "How long a request's head may take to arrive, and how long a connection may be idle.",
            ),
            write_timeout: reader.or(
                "http.write_timeout",
                seconds(30),
                "How long a peer may read nothing of a response before its connection is closed.",
            ),
            deadline: reader.or("http.deadline", seconds(15), "How long an endpoint may take to answer."),
            max_connections,
            max_connections_per_address: reader.or(
                "http.max_connections_per_address",
                max_connections.div_ceil(10),
                "Concurrent connections from one address, proxies aside; further ones are closed; a tenth by default.",
            ),
            readiness_grace: reader.or(
                "http.readiness_grace",
                if environment == Environment::Production { seconds(3) } else { Duration::ZERO },
                "How long a shutdown reports \"not ready\" before it stops accepting connections.",
            ),
            drain: reader.or("http.drain", seconds(20), "How long a shutdown waits for requests in flight."),
            docs: reader.or("http.docs", true, "Whether the API reference at /docs is served."),
        };

        if environment == Environment::Production
            && !settings.public_url.as_str().starts_with("https://")
        {
            reader.refuse(
                "http.public_url",
                "must start with https:// in production, because tokens are sent to it",
            );
        }

        settings.check_limits(reader);

        settings
    }

    fn check_limits(&self, reader: &mut Reader) {
        if self.body_limit == 0 {
            reader.refuse("http.body_limit", "must be at least 1");
        }

        if self.max_connections == 0 {
            reader.refuse("http.max_connections", "must be at least 1");
        }

        if self.max_connections_per_address == 0 {
            reader.refuse("http.max_connections_per_address", "must be at least 1");
        }

        if self.write_timeout.is_zero() {
            reader.refuse("http.write_timeout", "must be longer than 0s");
        }

        if self.body_budget / 2 < self.body_limit.max(PUBLIC_BODY_LIMIT) {
            reader.refuse(
                "http.body_budget",
                "must be at least twice http.body_limit, and at least 64KiB",
            );
        }
    }
}

fn tls(
    reader: &mut Reader,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
) -> Option<(PathBuf, PathBuf)> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => {
            if let Err(ServeError::Tls { file, cause }) = Certificate::read(&certificate, &key) {
                let name = if file == key.display().to_string() {
                    "http.tls_key"
                } else {
                    "http.tls_certificate"
                };
                reader.refuse(name, format!("cannot use the file {file:?}: {cause}"));
            }

            Some((certificate, key))
        }
        (None, None) => None,
        (Some(_), None) => {
            reader.refuse(
                "http.tls_key",
                "is required together with http.tls_certificate",
            );
            None
        }
        (None, Some(_)) => {
            reader.refuse(
                "http.tls_certificate",
                "is required together with http.tls_key",
            );
            None
        }
    }
}

/// Reads the allowed origins. `*` exposes no session, because browsers never send credentials
/// cross-origin here (scripts send tokens), but it is only for development (OWASP ASVS 3.4.2).
fn cors_origins(
    reader: &mut Reader,
    environment: Environment,
    origins: &[String],
) -> Vec<HeaderValue> {
    let mut parsed = Vec::new();
    for origin in origins {
        if origin == "*" && environment == Environment::Production {
            reader.refuse(
                "http.cors_origins",
                "* is not allowed in production: list the origins",
            );
            continue;
        }

        let normal = if origin == "*" {
            Some(origin.clone())
        } else {
            browser_origin(origin)
        };

        match normal.and_then(|origin| HeaderValue::try_from(origin).ok()) {
            Some(value) => parsed.push(value),
            None => reader.refuse(
                "http.cors_origins",
                format!("{origin} is not an origin such as https://app.example"),
            ),
        }
    }

    parsed
}

fn browser_origin(text: &str) -> Option<String> {
    WebOrigin::parse(text)
        .ok()
        .map(|origin| origin.as_str().to_owned())
}

fn trusted_proxies(reader: &mut Reader, proxies: &[String]) -> Vec<IpNet> {
    let mut parsed = Vec::new();
    for proxy in proxies {
        match proxy.parse() {
            Ok(network) => parsed.push(network),
            Err(_) => reader.refuse(
                "http.trusted_proxies",
                format!("{proxy} is not a network such as 10.0.0.0/8"),
            ),
        }
    }
    parsed
}
