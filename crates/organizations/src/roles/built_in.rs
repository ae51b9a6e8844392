//! The built-in roles that the platform itself gives to people.

use mainstay_database::Uuid;

/// Who may do everything, and makes others owners.
pub(crate) const OWNER: Uuid = Uuid::from_u128(0x7000_8000_0000_0000_0001);

/// Who manages members, but owns nothing.
pub(crate) const MANAGER: Uuid = Uuid::from_u128(0x7000_8000_0000_0000_0002);
