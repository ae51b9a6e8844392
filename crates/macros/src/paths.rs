//! The paths under which generated code finds the platform's crates.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

/// The path of the crate `mainstay-<name>`: through the façade in an app, directly in the
/// platform's own crates.
pub(crate) fn platform_crate(name: &str) -> TokenStream {
    let inner = Ident::new(name, Span::call_site());

    match crate_name("mainstay") {
        Ok(FoundCrate::Itself) => quote!(crate::#inner),
        Ok(FoundCrate::Name(facade)) => {
            let facade = Ident::new(&facade, Span::call_site());
            quote!(::#facade::#inner)
        }
        Err(_) => match crate_name(&format!("mainstay-{name}")) {
            Ok(FoundCrate::Itself) => quote!(crate),
            _ => {
                let name = Ident::new(&format!("mainstay_{name}"), Span::call_site());
                quote!(::#name)
            }
        },
    }
}
