use std::{marker::PhantomData, sync::Arc};

use mainstay::access::{Principal, Proof};
use mainstay::prelude::*;

permission! {
    /// See notes.
    pub NotesRead = "notes.read", for [Owner];
}

fn by_hand(principal: Arc<Principal>) -> Proof<NotesRead> {
    Proof {
        principal,
        permission: PhantomData,
    }
}

fn main() {}
