//! Unique sealed columns of entities.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Ident, LitStr, Result};

/// The method that returns the unique values of a row, from the fields and their index columns;
/// empty if no column is unique.
pub(crate) fn claims(unique: &[(&Ident, &LitStr)], database: &TokenStream) -> TokenStream {
    if unique.is_empty() {
        return TokenStream::new();
    }

    let (fields, columns): (Vec<_>, Vec<_>) = unique.iter().copied().unzip();
    quote! {
        fn claims(&self, sealing: &#database::Sealing<'_>) -> ::std::vec::Vec<#database::Claim> {
            [#(
                #database::BlindIndexColumn::new(#columns, #database::IndexLength::Unique)
                    .claim(&self.#fields, sealing)
            ),*].into_iter().flatten().collect()
        }
    }
}

/// Refuses a unique column without a blind index.
pub(crate) fn check(unique: Option<&LitStr>, blind_index: Option<&LitStr>) -> Result<()> {
    match (unique, blind_index) {
        (Some(constraint), None) => Err(Error::new_spanned(
            constraint,
            "a unique sealed column needs `blind_index = \"…\"`; for other columns, the constraint is enough",
        )),
        _ => Ok(()),
    }
}

/// Parses the name of a unique constraint, which becomes part of statements.
pub(crate) fn parse_constraint(name: LitStr) -> Result<LitStr> {
    let text = name.value();
    let is_name = |letter: char| letter == '_' || letter.is_ascii_alphanumeric();
    if text.is_empty() || !text.chars().all(is_name) {
        return Err(Error::new_spanned(
            name,
            "expected the name of the unique constraint, such as `\"badges_email_key\"`",
        ));
    }

    Ok(name)
}
