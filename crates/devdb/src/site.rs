//! What the steps of a start have in common. It has no behaviour of its own.

use crate::{Durability, Programs, layout::Layout, owner::ServerUser};

/// All that is settled about a cluster before it is made or started.
pub(crate) struct Site<'a> {
    pub(crate) programs: &'a Programs,
    pub(crate) user: ServerUser,
    pub(crate) layout: Layout,
    pub(crate) durability: Durability,
}
