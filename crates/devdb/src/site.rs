//! The parameters that the steps of a start share.

use crate::{Durability, Programs, layout::Layout, owner::ServerUser};

/// The parameters of a cluster, before it is created or started.
pub(crate) struct Site<'a> {
    pub(crate) programs: &'a Programs,
    pub(crate) user: ServerUser,
    pub(crate) layout: Layout,
    pub(crate) durability: Durability,
}
