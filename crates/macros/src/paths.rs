//! The paths under which generated code finds the platform's crates.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

/// The path to the room `mainstay-<room>`: through the façade in an app, directly in the platform's own crates.
pub(crate) fn room(room: &str) -> TokenStream {
    let inner = Ident::new(room, Span::call_site());
    match crate_name("mainstay") {
        Ok(FoundCrate::Itself) => quote!(crate::#inner),
        Ok(FoundCrate::Name(facade)) => {
            let facade = Ident::new(&facade, Span::call_site());
            quote!(::#facade::#inner)
        }
        Err(_) => match crate_name(&format!("mainstay-{room}")) {
            Ok(FoundCrate::Itself) => quote!(crate),
            _ => {
                let name = Ident::new(&format!("mainstay_{room}"), Span::call_site());
                quote!(::#name)
            }
        },
    }
}
