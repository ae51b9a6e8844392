//! The attributes in which endpoints, their bodies and their rows are declared.
//!
//! They write no logic: each turns a declaration into an implementation of a trait of `mainstay-http` or
//! `mainstay-database`, where the logic stands and is documented.

mod endpoint;
mod entity;
mod paths;
mod shapes;

use proc_macro::TokenStream;
use syn::{DeriveInput, ItemFn, parse_macro_input};

macro_rules! method {
    ($name:ident, $method:literal) => {
        #[doc = concat!("Declares an endpoint that answers `", $method, "`.")]
        ///
        /// The attribute names the path once, and the problems that the function answers beside those that follow
        /// from its arguments: `#[get("/v1/notes/{id}", problems(NOT_FOUND))]`. The first argument is the policy.
        #[proc_macro_attribute]
        pub fn $name(attribute: TokenStream, item: TokenStream) -> TokenStream {
            let attribute = parse_macro_input!(attribute as endpoint::Attribute);
            let function = parse_macro_input!(item as ItemFn);
            endpoint::expand($method, &attribute, &function)
                .unwrap_or_else(syn::Error::into_compile_error)
                .into()
        }
    };
}

method!(get, "GET");
method!(post, "POST");
method!(put, "PUT");
method!(patch, "PATCH");
method!(delete, "DELETE");

/// A type that a request holds: read, checked and documented from the same rules. Fields that it does not have are
/// refused.
///
/// A field is checked by the rules of its type; a plain `String` or number has none and names them:
/// `#[garde(length(chars, max = 50))]`, or `#[garde(skip)]` if anything will do. The rule of a `Patch` or an `Option` is that
/// of its value. `Patch` and `Limit` may be absent.
#[proc_macro_attribute]
pub fn input(_: TokenStream, item: TokenStream) -> TokenStream {
    shapes::input(parse_macro_input!(item as DeriveInput))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// A type that an answer holds. A field `id` gives `Created` its `Location`, a field `version` gives the `ETag`.
#[proc_macro_attribute]
pub fn view(_: TokenStream, item: TokenStream) -> TokenStream {
    shapes::view(parse_macro_input!(item as DeriveInput))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// An enumeration that requests, answers and the database write as the same snake_case word.
#[proc_macro_attribute]
pub fn choice(_: TokenStream, item: TokenStream) -> TokenStream {
    shapes::choice(parse_macro_input!(item as DeriveInput))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// A row of a table: see `mainstay_database::Entity`.
#[proc_macro_derive(Entity, attributes(entity))]
pub fn entity(item: TokenStream) -> TokenStream {
    entity::expand(&parse_macro_input!(item as DeriveInput))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
