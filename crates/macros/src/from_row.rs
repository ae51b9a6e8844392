//! The derive of row types that are read by name.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Field, Fields, LitStr, Result, ext::IdentExt as _};

use crate::paths;

/// How a field is read.
enum Source {
    /// From the column of this name.
    Column(String),
    /// From the columns of its own type.
    Flattened,
}

pub(crate) fn expand(item: &DeriveInput) -> Result<TokenStream> {
    let refused = || Error::new_spanned(&item.ident, "a row must be a struct with named fields");
    let Data::Struct(data) = &item.data else {
        return Err(refused());
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(refused());
    };

    let database = paths::platform_crate("database");
    let (mut columns, mut reads) = (TokenStream::new(), TokenStream::new());

    for field in &fields.named {
        let (name, ty) = (&field.ident, &field.ty);
        match source(field)? {
            Source::Column(column) => {
                columns.extend(
                    quote!(columns.push(#database::ExpectedColumn::named::<#ty>(#column));),
                );
                reads.extend(quote!(#name: fields.take()?,));
            }
            Source::Flattened => {
                columns.extend(quote!(<#ty as #database::FromRow>::columns(columns);));
                reads.extend(quote!(#name: #database::FromRow::read(fields)?,));
            }
        }
    }

    let name = &item.ident;

    Ok(quote! {
        impl #database::FromRow for #name {
            fn columns(columns: &mut ::std::vec::Vec<#database::ExpectedColumn>) {
                #columns
            }

            fn read(
                fields: &mut #database::Fields<'_>,
            ) -> ::std::result::Result<Self, #database::Error> {
                ::std::result::Result::Ok(Self { #reads })
            }
        }
    })
}

fn source(field: &Field) -> Result<Source> {
    let name = field.ident.as_ref().map(|name| name.unraw().to_string());
    let mut source = Source::Column(name.unwrap_or_default());

    for attribute in &field.attrs {
        if !attribute.path().is_ident("from_row") {
            continue;
        }

        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("column") {
                source = Source::Column(meta.value()?.parse::<LitStr>()?.value());
            } else if meta.path.is_ident("flatten") {
                source = Source::Flattened;
            } else {
                return Err(meta.error("expected `column = \"…\"` or `flatten`"));
            }

            Ok(())
        })?;
    }

    Ok(source)
}
