//! The server's certificate, and the certificate authority that signed it.
//!
//! The authority's key is dropped after signing, so no one can create another certificate that
//! clients of this cluster would trust. A renewal creates both again.

use std::{
    fs::{self, Permissions},
    io::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::unix::fs::PermissionsExt,
};

use mainstay_kernel::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use time::Duration;

use crate::{
    ClusterError,
    site::Site,
    state::{State, create_private},
};

const LIFETIME: Duration = Duration::days(3650);
const RENEWED_BEFORE_THE_END: Duration = Duration::days(365);

/// Creates the certificate if there is none or it expires soon, and stores its expiry in `state`.
pub(crate) fn ensure(
    site: &Site<'_>,
    state: &mut State,
    now: Timestamp,
) -> Result<(), ClusterError> {
    if (now + RENEWED_BEFORE_THE_END).unix_timestamp() < state.certificate_ends {
        return Ok(());
    }

    let Site { layout, user, .. } = site;
    let certificates = Certificates::generate(now)?;

    for (path, text) in [
        (layout.certificate(), &certificates.certificate),
        (layout.key(), &certificates.key),
    ] {
        let failed = || ClusterError::io("write", &path);
        create_private(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(failed())?;
        user.give(&path)?;
    }

    let authority = layout.authority();
    fs::write(&authority, &certificates.authority)
        .and_then(|()| fs::set_permissions(&authority, Permissions::from_mode(0o644)))
        .map_err(ClusterError::io("write", &authority))?;

    state.certificate_ends = (now + LIFETIME).unix_timestamp();

    Ok(())
}

/// Certificates and key in PEM.
struct Certificates {
    authority: String,
    certificate: String,
    key: String,
}

impl Certificates {
    /// Generates certificates with ECDSA keys on P-256, rcgen's default.
    fn generate(now: Timestamp) -> Result<Self, rcgen::Error> {
        let mut authority = parameters("Mainstay development authority", now);
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = Issuer::new(authority.clone(), KeyPair::generate()?);

        let mut server = parameters("localhost", now);
        server.subject_alt_names = vec![
            SanType::DnsName("localhost".try_into()?),
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ];
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;

        Ok(Self {
            authority: authority.self_signed(issuer.key())?.pem(),
            certificate: server.signed_by(&key, &issuer)?.pem(),
            key: key.serialize_pem(),
        })
    }
}

fn parameters(name: &str, now: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    // Valid since yesterday, in case the clock is set back a little.
    params.not_before = (now - Duration::DAY).inner();
    params.not_after = (now + LIFETIME).inner();
    params
}
