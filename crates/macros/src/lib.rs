//! The attributes that declare endpoints, their bodies, and rows.
//!
//! They contain no logic: each expands a declaration into an implementation of a trait of
//! `mainstay-http` or `mainstay-database`, which contain the logic and its documentation.

mod endpoint;
mod entity;
mod from_row;
mod paths;
mod scope;
mod shapes;
mod unique;

use proc_macro::TokenStream;
use syn::{DeriveInput, ItemFn, parse_macro_input};

macro_rules! method {
    ($name:ident, $method:literal) => {
        #[doc = concat!("Declares an endpoint for `", $method, "`.")]
        ///
        /// The attribute has the path, and the problems that the function returns in addition to
        /// those of its arguments: `#[get("/v1/notes/{id}", problems(NOT_FOUND))]`. The first
        /// argument of the function is the policy.
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

/// Declares a type of a request. It is parsed, checked and documented from the same rules. Unknown
/// fields are refused.
///
/// A field has the rules of its type. A plain `String` or number has none, so its field must: write
/// `#[garde(length(chars, max = 50))]`, or `#[garde(skip)]` if any value is valid. The rules of a
/// `Patch` or an `Option` are those of its value. `Patch` and `Limit` are optional.
#[proc_macro_attribute]
pub fn input(_: TokenStream, item: TokenStream) -> TokenStream {
    shapes::input(parse_macro_input!(item as DeriveInput))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Declares a type of a response. A field `id` determines the `Location` of `Created`, a field
/// `version` the `ETag`.
#[proc_macro_attribute]
pub fn view(_: TokenStream, item: TokenStream) -> TokenStream {
    shapes::view(parse_macro_input!(item as DeriveInput))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Declares a type that requests, responses and JSON columns (`JsonOf<T>`) represent alike, such as
/// the lines of an order. Its fields need rules, as those of `#[input]` do.
///
/// Unknown fields are refused, also in stored rows: to remove a field, rewrite the rows in a
/// migration. A new field must be an `Option`, or have a default.
#[proc_macro_attribute]
pub fn part(_: TokenStream, item: TokenStream) -> TokenStream {
    shapes::part(parse_macro_input!(item as DeriveInput))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Declares an enum that requests, responses and the database represent by the same snake_case
/// word.
#[proc_macro_attribute]
pub fn choice(_: TokenStream, item: TokenStream) -> TokenStream {
    shapes::choice(parse_macro_input!(item as DeriveInput))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Declares a row of a table: see `mainstay_database::Entity`.
#[proc_macro_derive(Entity, attributes(entity))]
pub fn entity(item: TokenStream) -> TokenStream {
    entity::expand(&parse_macro_input!(item as DeriveInput))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Declares a struct that is read from a row by the names of its columns: see
/// `mainstay_database::FromRow`.
#[proc_macro_derive(FromRow, attributes(from_row))]
pub fn from_row(item: TokenStream) -> TokenStream {
    from_row::expand(&parse_macro_input!(item as DeriveInput))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
