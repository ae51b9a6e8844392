//! Sessions: begun by a sign-in, refreshed, listed, moved and ended.

mod cookie;
mod device;
mod end;
mod list;
mod organization;
mod refresh;
mod short_password;
mod sign_in;
mod start;
mod step_up;

use mainstay_http::Module;

use crate::Identity;

pub(crate) use cookie::{CookieSecret, clearing_cookie};
pub(crate) use device::Device;
pub(crate) use refresh::{RefreshToken, exchange};
pub(crate) use sign_in::{
    INVALID_CREDENTIALS, SessionView, answer, moved_on, not_hashed, told_of_a_new_place,
};
pub(crate) use start::{Kind, NewSession, Started, start_session, start_session_by_code};

/// Sign-in, sign-out, and what lies between.
pub(crate) fn module() -> Module {
    Module::new("sessions")
        .awaits::<Identity>()
        .table(device::table())
        .private_column(refresh::SUCCESSOR)
        .endpoints((
            sign_in::create_session,
            refresh::refresh_session,
            step_up::step_up_session,
            organization::move_session,
            list::list_sessions,
            end::delete_current_session,
            end::delete_session,
            end::delete_other_sessions,
        ))
}
