//! The certificate that the API shows, and its exchange while connections go on: a handshake takes the one of its moment.

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

/// A certificate chain and its key, from two PEM files. A clone is the same certificate.
#[derive(Clone, Debug)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    certificate: PathBuf,
    key: PathBuf,
    shown: RwLock<Shown>,
}

/// What is shown now.
#[derive(Clone)]
struct Shown {
    pair: Arc<CertifiedKey>,
    begins: Timestamp,
    ends: Timestamp,
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// [`ServeError::Tls`] when one cannot be read or they do not belong together. An expired certificate is none: a service
    /// that does not start helps nobody, and [`ends`](Self::ends) tells.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, ServeError> {
        let shown = RwLock::new(Shown::read(certificate, key)?);
        Ok(Self(Arc::new(Inner {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            shown,
        })))
    }

    /// Reads the files again, and shows what they hold from the next handshake on; `false` when that is shown already.
    ///
    /// # Errors
    /// [`ServeError::Tls`] when they cannot be read, do not belong together, or hold what is not valid at `now`. Then what
    /// is shown stays.
    pub fn reload(&self, now: Timestamp) -> Result<bool, ServeError> {
        let new = Shown::read(&self.0.certificate, &self.0.key)?;
        let invalid = |why: String| self.wrong(&self.0.certificate, why);

        if new.pair.cert == self.shown().pair.cert {
            return Ok(false);
        }
        if new.ends <= now {
            return Err(invalid(format!("it expired at {}", new.ends)));
        }
        if new.begins > now {
            return Err(invalid(format!("it is not valid before {}", new.begins)));
        }

        *self.0.shown.write().unwrap_or_else(PoisonError::into_inner) = new;

        Ok(true)
    }

    /// When the certificate that is shown expires.
    pub fn ends(&self) -> Timestamp {
        self.shown().ends
    }

    /// Shows it: TLS 1.2 and 1.3 with AEAD suites, all that this build of rustls has (OWASP ASVS 12.1.1, 12.1.2).
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, ServeError> {
        let mut config =
            rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|error| self.wrong(&self.0.certificate, error.to_string()))?
                .with_no_client_auth()
                .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    fn shown(&self) -> Shown {
        self.0
            .shown
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn wrong(&self, file: &Path, cause: String) -> ServeError {
        ServeError::Tls {
            file: file.display().to_string(),
            cause,
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.shown().pair)
    }
}

impl Shown {
    fn read(certificate: &Path, key: &Path) -> Result<Self, ServeError> {
        let wrong = |file: &Path, cause: String| ServeError::Tls {
            file: file.display().to_string(),
            cause,
        };
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| wrong(certificate, error.to_string()))?;

        let leaf = chain
            .first()
            .ok_or_else(|| wrong(certificate, "it holds no certificate".to_owned()))?;
        let validity = Parsed::from_der(leaf)
            .map(|parsed| *parsed.tbs_certificate().validity())
            .map_err(|error| wrong(certificate, error.to_string()))?;

        let secret =
            PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, error.to_string()))?;
        let pair = CertifiedKey::from_der(chain, secret, &aws_lc_rs::default_provider()).map_err(
            |error| match error {
                rustls::Error::InconsistentKeys(_) => wrong(
                    key,
                    format!("it is not the key of {}", certificate.display()),
                ),
                other => wrong(certificate, other.to_string()),
            },
        )?;

        let moment = |time: x509_cert::time::Time| Timestamp::from(time.to_system_time());

        Ok(Self {
            pair: Arc::new(pair),
            begins: moment(validity.not_before),
            ends: moment(validity.not_after),
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

    /// A folder with a pair that is valid for these years.
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
    fn a_new_pair_is_shown_and_the_same_one_is_no_news() {
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
    fn what_cannot_be_shown_leaves_the_old_one() {
        let files = Files::new();
        files.write(2020, 2030);

        let certificate = files.read().unwrap();
        let (certificate_path, key_path) = files.paths();
        let old_key = std::fs::read(&key_path).unwrap();

        let wrong: [(&str, &dyn Fn()); 5] = [
            ("expired", &|| files.write(2020, 2025)),
            ("not valid before", &|| files.write(2027, 2030)),
            ("it is not the key of", &|| {
                files.write(2020, 2031);
                std::fs::write(&key_path, &old_key).unwrap();
            }),
            ("", &|| {
                std::fs::write(&certificate_path, "no certificate").unwrap()
            }),
            ("", &|| std::fs::remove_file(&key_path).unwrap()),
        ];

        for (says, happens) in wrong {
            happens();
            let error = certificate.reload(year(2026)).unwrap_err().to_string();
            assert!(error.to_lowercase().contains(says), "{says}: {error}");
            assert_eq!(certificate.ends(), year(2030), "{error}");
        }
    }

    /// It is told by log and metric; clients refuse it in any case.
    #[test]
    fn an_expired_one_is_shown_at_the_start() {
        let files = Files::new();
        files.write(2020, 2025);
        assert_eq!(files.read().unwrap().ends(), year(2025));
    }
}
