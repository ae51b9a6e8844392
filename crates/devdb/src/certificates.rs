//! The server's certificate, and the authority that signed it and nothing else.
//!
//! The authority's key is forgotten as soon as it has signed: nobody can make a second certificate that clients of
//! this cluster would believe. A renewal makes both anew.

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

/// Makes the certificate if there is none or its end is near, and notes its end in `state`.
pub(crate) fn ensure(
    site: &Site<'_>,
    state: &mut State,
    now: Timestamp,
) -> Result<(), ClusterError> {
    if (now + RENEWED_BEFORE_THE_END).unix_timestamp() < state.certificate_ends {
        return Ok(());
    }

    let Site { layout, user, .. } = site;
    let made = Certificates::make(now)?;
    for (path, text) in [
        (layout.certificate(), &made.certificate),
        (layout.key(), &made.key),
    ] {
        let failed = || ClusterError::io("write", &path);
        create_private(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(failed())?;
        user.give(&path)?;
    }

    let authority = layout.authority();
    fs::write(&authority, &made.authority)
        .and_then(|()| fs::set_permissions(&authority, Permissions::from_mode(0o644)))
        .map_err(ClusterError::io("write", &authority))?;
    state.certificate_ends = (now + LIFETIME).unix_timestamp();

    Ok(())
}

/// In PEM.
struct Certificates {
    authority: String,
    certificate: String,
    key: String,
}

impl Certificates {
    /// ECDSA keys on P-256, rcgen's default.
    fn make(now: Timestamp) -> Result<Self, rcgen::Error> {
        let mut authority = lasting("Mainstay development authority", now);
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];

        let issuer = Issuer::new(authority.clone(), KeyPair::generate()?);

        let mut server = lasting("localhost", now);
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

fn lasting(name: &str, now: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    // A clock that was set back a little must not lock us out.
    params.not_before = (now - Duration::DAY).inner();
    params.not_after = (now + LIFETIME).inner();
    params
}
