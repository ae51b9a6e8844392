//! HTTP: endpoints and their inputs, problems, the API document and its page, and the hardened
//! edge.
//!
//! An endpoint is one annotated function ([`Endpoint`]). Enforcement, JSON Schema, the security
//! requirement, the 4xx responses and the access matrix are all derived from it. The router is
//! opaque, so no route can bypass a declaration. This crate does not query the database: an
//! endpoint uses the data access handle (the *door*) that its policy provides.

mod answer;
mod api;
mod api_check;
mod app;
mod asset;
mod authenticate;
mod bodies;
mod certificate;
mod client;
mod conditions;
mod connections;
mod counted_page;
mod credentials;
mod declaration;
mod docs_page;
mod document;
mod edge;
mod failure;
mod frame;
mod framing;
mod health;
mod hosts;
mod input;
mod listener;
pub mod look;
mod management;
mod matrix;
mod module;
mod negotiation;
mod page;
mod pages;
mod personal;
mod policy;
mod problem;
mod problem_kinds;
mod problem_page;
mod reply;
mod request;
mod request_log;
mod router;
mod schemas;
mod security_headers;
mod serve_error;
mod server;
mod settings;
mod view;

pub use answer::{Accepted, Created, CreatedAt, Listing, NoContent, Output, PageOf, WithHeaders};
pub use api::Api;
pub use api_check::ApiError;
pub use app::{App, Parts};
pub use asset::Asset;
pub use authenticate::{Authenticator, PresentedCredential, Refusal};
pub use bodies::PUBLIC_BODY_LIMIT;
pub use certificate::Certificate;
pub use client::ForwardedBy;
pub use counted_page::{CountedPage, TotalView};
pub use credentials::SESSION_COOKIE;
pub use declaration::{
    Declaration, Endpoint, Endpoints, Location, Operation, Parameter, Requirement,
};
pub use document::Info;
pub use failure::{Failure, OnConstraint};
pub use health::Readiness;
pub use hosts::MISDIRECTED;
pub use http::{Method, StatusCode};
pub use input::{
    ClientBasic, Cookie, CookieValue, Form, Header, HeaderField, Input, Json, OAuthForm, Patch,
    Path, PathParameters, PathValue, Query, Shape, Shared, UserAgent,
};
pub use mainstay_macros::{choice, delete, get, input, part, patch, post, put, view};
pub use management::Management;
pub use matrix::{AccessRow, access_matrix, access_table};
pub use module::{Module, Recipient, SharedValue};
pub use page::{Content, WebPage};
pub use personal::{ErasureView, ExportPage, ExportView};
pub use policy::{Allowed, Caller, Fresh, FreshOrScoped, InPerson, Policy, Public, SignedIn};
pub use problem::{FieldError, Kind, Problem};
pub use problem_kinds::*;
pub use request::Request;
pub use serve_error::ServeError;
pub use server::Server;
pub use settings::Settings;
pub use view::View;

// Used by the code that the attributes expand to.
#[doc(hidden)]
pub use garde;
#[doc(hidden)]
pub use schemars;
#[doc(hidden)]
pub use serde;
