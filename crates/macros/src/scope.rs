//! Whose rows an entity has, and its public part.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, Ident, LitStr, Result};

/// Whose rows they are.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Scope {
    #[default]
    Organization,
    Person,
    Platform,
}

/// The public part of an entity. A sealed column is never in one.
pub(crate) fn public_part(
    entity: &Ident,
    condition: &LitStr,
    database: &TokenStream,
) -> TokenStream {
    quote! {
        const _: () = assert!(
            <#entity as #database::Entity>::SEALED.is_empty(),
            "a row with a public part has no sealed field: declare a second row type with the public fields only"
        );

        impl #database::PublicPart for #entity {
            const CONDITION: &'static str = #condition;

            fn statement() -> &'static ::std::sync::OnceLock<::std::string::String> {
                static STATEMENT: ::std::sync::OnceLock<::std::string::String> =
                    ::std::sync::OnceLock::new();
                &STATEMENT
            }
        }
    }
}

impl Scope {
    pub(crate) fn parse(name: &Ident) -> Result<Self> {
        match name.to_string().as_str() {
            "organization" => Ok(Self::Organization),
            "person" => Ok(Self::Person),
            "platform" => Ok(Self::Platform),
            _ => Err(Error::new_spanned(
                name,
                "expected `organization`, `person` or `platform`",
            )),
        }
    }

    /// The marker type.
    pub(crate) fn marker(self) -> Ident {
        format_ident!(
            "{}",
            match self {
                Self::Organization => "OrganizationScope",
                Self::Person => "PersonScope",
                Self::Platform => "PlatformScope",
            }
        )
    }
}

/// Parses the condition of a public part.
pub(crate) fn parse_condition(text: LitStr) -> Result<LitStr> {
    let mut depth = 0_i32;
    let mut closes_too_much = false;
    for letter in text.value().chars() {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        closes_too_much |= depth < 0;
    }

    if text.value().trim().is_empty() || depth != 0 || closes_too_much {
        return Err(Error::new_spanned(
            text,
            "expected an SQL condition, such as `\"published_at IS NOT NULL\"`",
        ));
    }

    Ok(text)
}
