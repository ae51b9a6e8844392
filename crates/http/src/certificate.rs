//! The server's TLS certificate, which can be replaced while the server runs: each handshake uses
//! the current one.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use mainstay_kernel::Timestamp;
use rustls::{
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;
use x509_cert::{Certificate as Parsed, der::Decode as _};

use crate::ServeError;

/// A certificate chain and its key, read from two PEM files. Clones share the certificate.
#[derive(Clone, Debug)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Current>,
}

/// The certificate in use.
#[derive(Clone)]
struct Current {
    pair: Arc<CertifiedKey>,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// [`ServeError::Tls`] if a file cannot be read or the key does not match the certificate. An
    /// expired certificate is accepted, because a running service is better than none; see
    /// [`ends`](Self::ends).
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, ServeError> {
        let current = RwLock::new(Current::read(certificate, key)?);

        Ok(Self(Arc::new(Inner {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            current,
        })))
    }

    /// Reads the files again and uses their certificate from the next handshake on. Returns `false`
    /// if it is unchanged.
    ///
    /// # Errors
    /// [`ServeError::Tls`] if a file cannot be read, the key does not match, or the certificate is
    /// not valid at `now`. The old certificate stays in use.
    pub fn reload(&self, now: Timestamp) -> Result<bool, ServeError> {
        let new = Current::read(&self.0.certificate, &self.0.key)?;
        let invalid = |why: String| self.error(&self.0.certificate, why);

        if new.pair.cert == self.current().pair.cert {
            return Ok(false);
        }
        if new.not_after <= now {
            return Err(invalid(format!("it expired at {}", new.not_after)));
        }
        if new.not_before > now {
            return Err(invalid(format!(
                "it is not valid before {}",
                new.not_before
            )));
        }

        *self
            .0
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner) = new;

        Ok(true)
    }

    /// When the certificate in use expires.
    pub fn ends(&self) -> Timestamp {
        self.current().not_after
    }

    /// Creates the acceptor: TLS 1.2 and 1.3 with AEAD suites, all that this build of rustls
    /// supports (OWASP ASVS 12.1.1, 12.1.2).
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, ServeError> {
        let mut config =
            rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|error| self.error(&self.0.certificate, error.to_string()))?
                .with_no_client_auth()
                .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];

        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    fn current(&self) -> Current {
        self.0
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn error(&self, file: &Path, cause: String) -> ServeError {
        ServeError::Tls {
            file: file.display().to_string(),
            cause,
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current().pair)
    }
}

impl Current {
    fn read(certificate: &Path, key: &Path) -> Result<Self, ServeError> {
        let failed = |file: &Path, cause: String| ServeError::Tls {
            file: file.display().to_string(),
            cause,
        };

        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| failed(certificate, error.to_string()))?;
        let leaf = chain
            .first()
            .ok_or_else(|| failed(certificate, "the file contains no certificate".to_owned()))?;
        let validity = Parsed::from_der(leaf)
            .map(|parsed| *parsed.tbs_certificate().validity())
            .map_err(|error| failed(certificate, error.to_string()))?;

        let secret =
            PrivateKeyDer::from_pem_file(key).map_err(|error| failed(key, error.to_string()))?;
        let pair = CertifiedKey::from_der(chain, secret, &aws_lc_rs::default_provider()).map_err(
            |error| match error {
                rustls::Error::InconsistentKeys(_) => {
                    failed(key, format!("it does not match {}", certificate.display()))
                }
                other => failed(certificate, other.to_string()),
            },
        )?;

        let timestamp = |time: x509_cert::time::Time| Timestamp::from(time.to_system_time());

        Ok(Self {
            pair: Arc::new(pair),
            not_before: timestamp(validity.not_before),
            not_after: timestamp(validity.not_after),
        })
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("certificate", &self.certificate)
            .field("key", &self.key)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A temporary folder for a certificate and its key.
    struct Files(TempDir);

    impl Files {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn paths(&self) -> (PathBuf, PathBuf) {
            (
                self.0.path().join("certificate.pem"),
                self.0.path().join("key.pem"),
            )
        }

        fn write(&self, from: i32, until: i32) {
            let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
            parameters.not_before = rcgen::date_time_ymd(from, 1, 1);
            parameters.not_after = rcgen::date_time_ymd(until, 1, 1);
            let key = rcgen::KeyPair::generate().unwrap();
            let certificate = parameters.self_signed(&key).unwrap();
            let (certificate_path, key_path) = self.paths();
            std::fs::write(certificate_path, certificate.pem()).unwrap();
            std::fs::write(key_path, key.serialize_pem()).unwrap();
        }

        fn read(&self) -> Result<Certificate, ServeError> {
            let (certificate, key) = self.paths();
            Certificate::read(&certificate, &key)
        }
    }

    fn year(year: i32) -> Timestamp {
        Timestamp::parse(&format!("{year}-01-01T00:00:00Z")).unwrap()
    }

    #[test]
    fn reload_uses_a_new_certificate_and_reports_an_unchanged_one() {
        let files = Files::new();
        files.write(2020, 2030);
        let certificate = files.read().unwrap();
        assert_eq!(
            (certificate.ends(), certificate.reload(year(2026)).unwrap()),
            (year(2030), false)
        );

        files.write(2026, 2031);
        assert!(certificate.reload(year(2026)).unwrap());
        assert_eq!(certificate.ends(), year(2031));
    }

    #[test]
    fn an_invalid_certificate_leaves_the_old_one_in_use() {
        let files = Files::new();
        files.write(2020, 2030);

        let certificate = files.read().unwrap();
        let (certificate_path, key_path) = files.paths();
        let old_key = std::fs::read(&key_path).unwrap();

        let wrong: [(&str, &dyn Fn()); 5] = [
            ("expired", &|| files.write(2020, 2025)),
            ("not valid before", &|| files.write(2027, 2030)),
            ("it does not match", &|| {
                files.write(2020, 2031);
                std::fs::write(&key_path, &old_key).unwrap();
            }),
            ("", &|| {
                std::fs::write(&certificate_path, "no certificate").unwrap()
            }),
            ("", &|| std::fs::remove_file(&key_path).unwrap()),
        ];

        for (expected, write_invalid) in wrong {
            write_invalid();
            let error = certificate.reload(year(2026)).unwrap_err().to_string();
            assert!(
                error.to_lowercase().contains(expected),
                "{expected}: {error}"
            );
            assert_eq!(certificate.ends(), year(2030), "{error}");
        }
    }

    /// Log and metrics report it, and clients refuse it.
    #[test]
    fn an_expired_certificate_does_not_prevent_the_start() {
        let files = Files::new();
        files.write(2020, 2025);
        assert_eq!(files.read().unwrap().ends(), year(2025));
    }
}
