//! The attributes of shapes: `#[input]`, `#[view]` and `#[choice]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Data, DeriveInput, Error, Field, Fields, GenericArgument, PathArguments, Result, Type,
    parse_quote, parse_quote_spanned, spanned::Spanned as _,
};

use crate::paths;

pub(crate) fn input(mut item: DeriveInput) -> Result<TokenStream> {
    named_fields(&item)?;

    let errors = complete_fields(&mut item);

    let http = paths::platform_crate("http");
    let (name, serde, schemars) = (
        &item.ident,
        quoted(&http, "serde"),
        quoted(&http, "schemars"),
    );

    Ok(quote! {
        #errors

        #[derive(Debug, #http::serde::Deserialize, #http::schemars::JsonSchema, #http::garde::Validate)]
        #[serde(crate = #serde, deny_unknown_fields)]
        #[schemars(crate = #schemars)]
        #item

        impl #http::Shape for #name {}
    })
}

pub(crate) fn part(mut item: DeriveInput) -> Result<TokenStream> {
    named_fields(&item)?;

    let errors = complete_fields(&mut item);

    let http = paths::platform_crate("http");
    let (name, serde, schemars) = (
        &item.ident,
        quoted(&http, "serde"),
        quoted(&http, "schemars"),
    );

    Ok(quote! {
        #errors

        #[derive(
            Clone, Debug, PartialEq, #http::serde::Deserialize, #http::serde::Serialize, #http::schemars::JsonSchema,
            #http::garde::Validate,
        )]
        #[serde(crate = #serde, deny_unknown_fields)]
        #[schemars(crate = #schemars)]
        #item

        impl #http::Shape for #name {}

        impl #http::View for #name {
            const VERSIONED: bool = false;
        }
    })
}

/// Adds missing attributes to all fields, and returns the errors of those without rules.
fn complete_fields(item: &mut DeriveInput) -> TokenStream {
    let mut errors = TokenStream::new();
    if let Data::Struct(data) = &mut item.data {
        for field in &mut data.fields {
            errors.extend(complete(field).map_err(Error::into_compile_error).err());
        }
    }

    errors
}

/// Adds missing attributes to a field: a field without rules has those of its type, and `Patch` and
/// `Limit` are optional.
///
/// # Errors
/// Fails if neither the field nor its type has a rule.
fn complete(field: &mut Field) -> Result<()> {
    let has = |name: &str| {
        field
            .attrs
            .iter()
            .any(|attribute| attribute.path().is_ident(name))
    };

    let (has_rule, has_serde) = (has("garde"), has("serde"));
    if !has_serde
        && ["Patch", "Limit"]
            .iter()
            .any(|name| is_named(&field.ty, name))
    {
        field.attrs.push(parse_quote!(#[serde(default)]));
    }

    if has_rule {
        return Ok(());
    }

    let rule = rule_to_write(innermost(&field.ty));
    field.attrs.push(match rule {
        Rule::OfItsType => parse_quote_spanned!(field.ty.span()=> #[garde(dive)]),
        Rule::None | Rule::Missing(_) => parse_quote!(#[garde(skip)]),
    });

    match (rule, &field.ident) {
        (Rule::Missing(example), Some(name)) => Err(Error::new_spanned(
            &field.ty,
            format!(
                "the field `{name}` has no rule: write `#[garde({example})]` above it, or `#[garde(skip)]` if any \
                 value is valid"
            ),
        )),
        _ => Ok(()),
    }
}

/// The rule of a field without a `garde` attribute.
enum Rule {
    /// The rule of its type.
    OfItsType,
    /// None is needed: every value is valid.
    None,
    /// The rule is missing. Contains an example.
    Missing(&'static str),
}

/// The rule for a type. Types of the standard library have no rules of their own.
fn rule_to_write(ty: &Type) -> Rule {
    let Type::Path(path) = ty else {
        return Rule::OfItsType;
    };
    let Some(last) = path.path.segments.last() else {
        return Rule::OfItsType;
    };

    match last.ident.to_string().as_str() {
        // JSON (`serde_json::Value`) may have any form.
        "bool" | "Uuid" | "Value" => Rule::None,
        "String" | "char" => Rule::Missing("length(chars, max = 200)"),
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8" | "i16" | "i32" | "i64" | "i128"
        | "isize" | "f32" | "f64" => Rule::Missing("range(min = 0, max = 100)"),
        "Vec" | "HashSet" | "BTreeSet" => {
            Rule::Missing("length(max = 20), inner(length(chars, max = 200))")
        }
        "HashMap" | "BTreeMap" => Rule::Missing("length(max = 20)"),
        _ => Rule::OfItsType,
    }
}

/// The type inside `Patch<…>`, `Option<…>` and `Sealed<…>`.
fn innermost(ty: &Type) -> &Type {
    let Type::Path(path) = ty else { return ty };
    let Some(last) = path.path.segments.last().filter(|last| {
        ["Patch", "Option", "Sealed"]
            .iter()
            .any(|name| last.ident == name)
    }) else {
        return ty;
    };

    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => match arguments.args.first() {
            Some(GenericArgument::Type(inner)) => innermost(inner),
            _ => ty,
        },
        _ => ty,
    }
}

fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == name))
}

pub(crate) fn view(item: DeriveInput) -> Result<TokenStream> {
    let fields = named_fields(&item)?;
    let http = paths::platform_crate("http");
    let (serde, schemars) = (quoted(&http, "serde"), quoted(&http, "schemars"));
    let has = |wanted: &str| {
        fields
            .iter()
            .any(|field| field.ident.as_ref().is_some_and(|name| name == wanted))
    };

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
        return Err(Error::new_spanned(&item.ident, "a choice must be an enum"));
    };

    if let Some(variant) = data
        .variants
        .iter()
        .find(|variant| !matches!(variant.fields, Fields::Unit))
    {
        return Err(Error::new_spanned(
            variant,
            "a variant of a choice must not have fields",
        ));
    }

    let (http, database) = (
        paths::platform_crate("http"),
        paths::platform_crate("database"),
    );
    let (serde, schemars) = (quoted(&http, "serde"), quoted(&http, "schemars"));
    let name = &item.ident;
    let variants: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    let words: Vec<_> = variants
        .iter()
        .map(|variant| snake_case(&variant.to_string()))
        .collect();

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

            /// Accepts every value: parsing has checked it already.
            fn validate_into(
                &self,
                (): &(),
                _: &mut dyn FnMut() -> #http::garde::Path,
                _: &mut #http::garde::Report,
            ) {
            }
        }

        impl #http::View for #name {
            const VERSIONED: bool = false;
        }

        impl #database::Personal for #name {
            fn to_plaintext(&self) -> #database::Zeroizing<::std::vec::Vec<u8>> {
                #database::Zeroizing::new(#database::TextColumn::as_text(self).as_bytes().to_vec())
            }

            fn from_plaintext(bytes: &[u8]) -> ::std::option::Option<Self> {
                #database::TextColumn::from_text(::std::str::from_utf8(bytes).ok()?)
            }

            fn mask(&self) -> ::std::string::String {
                "•••".to_owned()
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
        _ => Err(Error::new_spanned(
            &item.ident,
            "expected a struct with named fields",
        )),
    }
}

/// The path of a library as text, for `serde(crate = "…")`.
fn quoted(http: &TokenStream, library: &str) -> String {
    format!("{http}::{library}").replace(' ', "")
}

fn snake_case(name: &str) -> String {
    let mut word = String::new();
    for (position, character) in name.char_indices() {
        if character.is_uppercase() && position > 0 {
            word.push('_');
        }
        word.extend(character.to_lowercase());
    }

    word
}
