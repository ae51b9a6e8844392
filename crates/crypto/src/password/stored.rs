//! Password hashes as they are stored: PHC strings.

use argon2::{
    ARGON2ID_IDENT, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use mainstay_kernel::Random;

use super::{hash_error::HashError, parameters::Argon2Parameters};

/// The length of a new salt in bytes, as RFC 9106 §3.1 recommends.
pub(super) const SALT_LENGTH: usize = 16;
const OUTPUT_LENGTH: usize = 32;

/// The memory that a stored hash may use even if the current parameters use less: 64 MiB, as in the
/// second recommended option of RFC 9106.
const MEMORY_CAP_KIB: u32 = 65_536;
/// The same for the work, in KiB written over all passes: three passes over that memory.
const WORK_CAP_KIB: u64 = 3 * MEMORY_CAP_KIB as u64;

/// The parts of a password hash: Argon2id, version 1.3.
#[derive(Clone)]
pub(super) struct StoredHash {
    pub(super) parameters: Argon2Parameters,
    pub(super) salt: Vec<u8>,
    /// The output of Argon2 for the password. Before the computation, only its length matters.
    pub(super) output: Vec<u8>,
}

impl StoredHash {
    /// A hash whose output is still to be computed.
    pub(super) fn unfinished(parameters: Argon2Parameters, salt: [u8; SALT_LENGTH]) -> Self {
        Self {
            parameters,
            salt: salt.to_vec(),
            output: vec![0; OUTPUT_LENGTH],
        }
    }

    /// A hash that no password has: its salt and output are random, and it looks like any other
    /// hash.
    pub(super) fn dummy(parameters: Argon2Parameters, random: &Random) -> Self {
        Self {
            output: random.bytes::<OUTPUT_LENGTH>().to_vec(),
            ..Self::unfinished(parameters, random.bytes())
        }
    }

    /// Reads a PHC string and refuses one whose verification would cost too much: otherwise, an
    /// attacker with write access to the table could stop the service with a single login.
    pub(super) fn parse(text: &str, current: Argon2Parameters) -> Result<Self, HashError> {
        let hash = PasswordHash::new(text).map_err(|_| HashError::Stored)?;
        let (Some(salt), Some(output)) = (&hash.salt, &hash.hash) else {
            return Err(HashError::Stored);
        };
        if hash.algorithm != ARGON2ID_IDENT || hash.version != Some(Version::V0x13.into()) {
            return Err(HashError::Stored);
        }

        let params = Params::try_from(&hash).map_err(|_| HashError::Stored)?;
        if !params.keyid().is_empty() || !params.data().is_empty() {
            return Err(HashError::Stored);
        }

        let parameters = Argon2Parameters {
            memory_kib: params.m_cost(),
            iterations: params.t_cost(),
            parallelism: params.p_cost(),
        };
        if parameters.memory_kib > current.memory_kib.max(MEMORY_CAP_KIB)
            || work(parameters) > work(current).max(WORK_CAP_KIB)
        {
            return Err(HashError::Stored);
        }

        Ok(Self {
            parameters,
            salt: salt.to_vec(),
            output: output.as_bytes().to_vec(),
        })
    }

    /// The PHC string for the database.
    pub(super) fn to_phc(&self) -> Result<String, HashError> {
        let params = self.parameters.params()?;
        let hash = PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).map_err(|_| HashError::Parameters)?,
            salt: Some(Salt::new(&self.salt).map_err(|_| HashError::Parameters)?),
            hash: Some(Output::new(&self.output).map_err(|_| HashError::Parameters)?),
        };
        Ok(hash.to_string())
    }
}

fn work(parameters: Argon2Parameters) -> u64 {
    u64::from(parameters.memory_kib) * u64::from(parameters.iterations)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: &str = "$c2FsdHNhbHRzYWx0c2FsdA$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    fn parse(head: &str) -> Result<Argon2Parameters, HashError> {
        StoredHash::parse(&format!("{head}{TAIL}"), Argon2Parameters::default())
            .map(|hash| hash.parameters)
    }

    #[test]
    fn the_parameters_come_from_the_hash() {
        let parameters = Argon2Parameters {
            memory_kib: 65_536,
            iterations: 3,
            parallelism: 4,
        };
        assert_eq!(parse("$argon2id$v=19$m=65536,t=3,p=4"), Ok(parameters));
    }

    #[test]
    fn a_written_hash_is_read_back() {
        let written = StoredHash::dummy(Argon2Parameters::default(), &Random::default());
        let read =
            StoredHash::parse(&written.to_phc().unwrap(), Argon2Parameters::default()).unwrap();
        assert_eq!(
            (read.parameters, read.salt, read.output),
            (written.parameters, written.salt, written.output)
        );
    }

    #[test]
    fn a_hash_that_costs_too_much_is_refused() {
        // 8 GiB, one KiB over the cap, four billion passes, and just too much of both.
        for head in [
            "m=8388608,t=1,p=1",
            "m=65537,t=1,p=1",
            "m=8,t=4294967295,p=1",
            "m=65536,t=4,p=1",
        ] {
            assert_eq!(
                parse(&format!("$argon2id$v=19${head}")),
                Err(HashError::Stored),
                "{head}"
            );
        }

        assert!(parse("$argon2id$v=19$m=65536,t=3,p=1").is_ok());
    }

    #[test]
    fn other_algorithms_versions_and_forms_are_refused() {
        let heads = [
            "$argon2i$v=19$m=19456,t=2,p=1",
            "$argon2d$v=19$m=19456,t=2,p=1",
            "$argon2id$v=16$m=19456,t=2,p=1",
            "$argon2id$m=19456,t=2,p=1",
            "$argon2id$v=19$m=0,t=0,p=0",
            "$argon2id$v=19$m=19456,t=2,p=1,data=AAAA",
            "$pbkdf2-sha256$i=1",
            "plain text",
        ];

        for head in heads {
            assert_eq!(parse(head), Err(HashError::Stored), "{head}");
        }

        for text in [
            "",
            "$argon2id$v=19$m=19456,t=2,p=1",
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ",
        ] {
            assert_eq!(
                StoredHash::parse(text, Argon2Parameters::default()).err(),
                Some(HashError::Stored),
                "{text}"
            );
        }
    }
}
