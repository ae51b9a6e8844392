//! Sessions: started by a sign-in, refreshed, listed, moved and ended.

pub mod answer;
pub mod device;
mod end;
mod list;
mod organization;
pub mod refresh;
pub mod refresh_token;
pub mod sign_in;
pub mod start;
mod step_up;

use mainstay_http::Module;

use crate::{Tenancy, accounts::Accounts, passwords};

/// The endpoints that start, refresh, list, move and end sessions.
pub fn module(tenancy: Tenancy) -> Module {
    let module = Module::new("sessions")
        .keeping("mainstay.sessions", "a day longer than it can be used")
        .keeping(
            "mainstay.refresh_tokens",
            "as long as their session; used ones 30 days",
        )
        .keeping(
            "mainstay.throttles",
            "a day after the last count; counters that last for weeks, until they reach zero",
        )
        .keeping(
            "mainstay.refusals",
            "an hour after the last one that the audit log records",
        )
        .keeping(
            "mainstay.sign_in_places",
            "a year after the last sign-in from the network",
        )
        .awaits::<Accounts>()
        .table(device::table())
        .private_column(refresh::SUCCESSOR)
        .endpoints((
            passwords::sign_in::create_session,
            refresh::refresh_session,
            step_up::step_up_session,
        ));

    let module = match tenancy {
        Tenancy::Several => module.endpoints((organization::move_session,)),
        Tenancy::Single => module,
    };

    module.endpoints((
        list::list_sessions,
        end::delete_current_session,
        end::delete_session,
        end::delete_other_sessions,
    ))
}
