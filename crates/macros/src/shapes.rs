use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Field, Fields, Result, Type, parse_quote};

use crate::paths;

pub(crate) fn input(mut item: DeriveInput) -> Result<TokenStream> {
    named_fields(&item)?;
    if let Data::Struct(data) = &mut item.data {
        data.fields.iter_mut().for_each(complete);
    }
    let http = paths::room("http");
    let (name, serde, schemars) = (&item.ident, quoted(&http, "serde"), quoted(&http, "schemars"));
    Ok(quote! {
        #[derive(Debug, #http::serde::Deserialize, #http::schemars::JsonSchema, #http::garde::Validate)]
        #[serde(crate = #serde, deny_unknown_fields)]
        #[schemars(crate = #schemars)]
        #item

        impl #http::Shape for #name {}
    })
}

/// Adds what a field leaves unsaid: its type knows the rules, unless the field names some; a patch's field may be absent,
/// and so may a limit.
fn complete(field: &mut Field) {
    let says = |name: &str| field.attrs.iter().any(|attribute| attribute.path().is_ident(name));
    let (ruled, read) = (says("garde"), says("serde"));
    if !ruled {
        field.attrs.push(parse_quote!(#[garde(dive)]));
    }
    if !read && ["Patch", "Limit"].iter().any(|name| is_named(&field.ty, name)) {
        field.attrs.push(parse_quote!(#[serde(default)]));
    }
}

fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == name))
}

pub(crate) fn view(item: DeriveInput) -> Result<TokenStream> {
    let fields = named_fields(&item)?;
    let http = paths::room("http");
    let (serde, schemars) = (quoted(&http, "serde"), quoted(&http, "schemars"));
    let has = |wanted: &str| fields.iter().any(|field| field.ident.as_ref().is_some_and(|name| name == wanted));
    let id = has("id").then(|| {
        quote! {
            fn id(&self) -> ::std::option::Option<::std::string::String> {
                ::std::option::Option::Some(::std::string::ToString::to_string(&self.id))
            }
        }
    });
    let version = has("version").then(|| {
        quote! {
            fn version(&self) -> ::std::option::Option<i64> {
                ::std::option::Option::Some(self.version)
            }
        }
    });
    let has_version = has("version");
    let name = &item.ident;
    Ok(quote! {
        #[derive(Debug, #http::serde::Serialize, #http::schemars::JsonSchema)]
        #[serde(crate = #serde)]
        #[schemars(crate = #schemars, deny_unknown_fields)]
        #item

        impl #http::View for #name {
            const VERSIONED: bool = #has_version;
            #id
            #version
        }
    })
}

pub(crate) fn choice(item: DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &item.data else {
        return Err(Error::new_spanned(&item.ident, "a choice is an enumeration"));
    };
    if let Some(variant) = data.variants.iter().find(|variant| !matches!(variant.fields, Fields::Unit)) {
        return Err(Error::new_spanned(variant, "a variant of a choice holds nothing"));
    }
    let (http, database) = (paths::room("http"), paths::room("database"));
    let (serde, schemars) = (quoted(&http, "serde"), quoted(&http, "schemars"));
    let name = &item.ident;
    let variants: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    let words: Vec<_> = variants.iter().map(|variant| snake_case(&variant.to_string())).collect();
    Ok(quote! {
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq,
            #http::serde::Serialize, #http::serde::Deserialize, #http::schemars::JsonSchema,
        )]
        #[serde(crate = #serde, rename_all = "snake_case")]
        #[schemars(crate = #schemars)]
        #item

        impl #http::garde::Validate for #name {
            type Context = ();

            /// One of the words is all that it has to be.
            fn validate_into(
                &self,
                (): &(),
                _: &mut dyn FnMut() -> #http::garde::Path,
                _: &mut #http::garde::Report,
            ) {
            }
        }

        impl #database::TextColumn for #name {
            fn as_text(&self) -> &str {
                match self {
                    #(Self::#variants => #words),*
                }
            }

            fn from_text(text: &str) -> ::std::option::Option<Self> {
                match text {
                    #(#words => ::std::option::Option::Some(Self::#variants),)*
                    _ => ::std::option::Option::None,
                }
            }
        }
    })
}

fn named_fields(item: &DeriveInput) -> Result<&Fields> {
    match &item.data {
        Data::Struct(data) if matches!(data.fields, Fields::Named(_)) => Ok(&data.fields),
        _ => Err(Error::new_spanned(&item.ident, "expected a struct with named fields")),
    }
}

/// `serde(crate = "…")` wants its path as text.
fn quoted(http: &TokenStream, library: &str) -> String {
    format!("{http}::{library}").replace(' ', "")
}

fn snake_case(name: &str) -> String {
    let mut word = String::new();
    for (position, letter) in name.char_indices() {
        if letter.is_uppercase() && position > 0 {
            word.push('_');
        }
        word.extend(letter.to_lowercase());
    }
    word
}
