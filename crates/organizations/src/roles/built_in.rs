//! The built-in roles that the platform itself assigns.

use mainstay_database::Uuid;

/// Has all permissions, and can make other members owners.
pub(crate) const OWNER: Uuid = Uuid::from_u128(0x7000_8000_0000_0000_0001);

/// Manages members. A previous owner becomes a manager.
pub(crate) const MANAGER: Uuid = Uuid::from_u128(0x7000_8000_0000_0000_0002);
