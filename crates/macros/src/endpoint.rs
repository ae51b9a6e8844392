//! The attributes of endpoints: `#[get]`, `#[post]` and the others.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{
    Error, Expr, FnArg, Ident, ItemFn, LitStr, Meta, Result, ReturnType, Token, Type,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
    spanned::Spanned as _,
};

use crate::paths;

const POLICY: &str = "the first argument of an endpoint is its policy; write one of\n  \
    by: Allowed<SomePermission>   the caller's role must grant the permission\n  \
    by: SignedIn                  any signed-in caller\n  \
    by: Public                    anyone, without a credential";

/// The arguments of the attribute: `("/v1/notes/{id}", problems(NOT_FOUND, …), body_limit =
/// 65_536)`.
pub(crate) struct Attribute {
    path: LitStr,
    body_limit: Option<Expr>,
    problems: Punctuated<syn::Path, Token![,]>,
}

impl Parse for Attribute {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let path: LitStr = input.parse()?;
        if !path.value().starts_with('/') {
            return Err(Error::new(path.span(), "a path must start with `/`"));
        }

        let mut attribute = Self {
            path,
            body_limit: None,
            problems: Punctuated::new(),
        };

        while input.parse::<Option<Token![,]>>()?.is_some() && !input.is_empty() {
            attribute.option(input)?;
        }

        Ok(attribute)
    }
}

impl Attribute {
    fn option(&mut self, input: ParseStream<'_>) -> Result<()> {
        let keyword: Ident = input.parse()?;
        if keyword == "problems" {
            let list;
            syn::parenthesized!(list in input);
            self.problems = Punctuated::parse_terminated(&list)?;
        } else if keyword == "body_limit" {
            input.parse::<Token![=]>()?;
            self.body_limit = Some(input.parse()?);
        } else {
            return Err(Error::new(
                keyword.span(),
                "expected `problems(…)` or `body_limit = …`",
            ));
        }

        Ok(())
    }
}

pub(crate) fn expand(
    method: &str,
    attribute: &Attribute,
    function: &ItemFn,
) -> Result<TokenStream> {
    let signature = &function.sig;
    if signature.asyncness.is_none() {
        return Err(Error::new(
            signature.fn_token.span,
            "an endpoint must be an `async fn`",
        ));
    }

    let mut types = signature.inputs.iter().map(argument_type);
    let policy = types
        .next()
        .ok_or_else(|| Error::new(signature.ident.span(), POLICY))??;
    let inputs = types.collect::<Result<Vec<_>>>()?;

    let ReturnType::Type(_, answer) = &signature.output else {
        return Err(Error::new(
            signature.ident.span(),
            "an endpoint must return `Result<…, Problem>`",
        ));
    };

    let http = paths::platform_crate("http");
    let (name, visibility, path) = (&signature.ident, &function.vis, &attribute.path);
    let operation = name.to_string();
    let documentation = documentation(function);
    if documentation.is_empty() {
        return Err(Error::new(
            name.span(),
            "an endpoint needs documentation: write `/// What it does.` above it",
        ));
    }

    let body_limit = match &attribute.body_limit {
        Some(limit) => quote! { ::core::option::Option::Some(#limit) },
        None => quote! { ::core::option::Option::None },
    };
    let problems: Vec<_> = attribute.problems.iter().collect();
    let expected = path_parameters(path)?;
    let method = Ident::new(method, Span::call_site());

    let bindings: Vec<_> = (0..inputs.len())
        .map(|n| Ident::new(&format!("input_{n}"), Span::call_site()))
        .collect();

    let admitted =
        quote_spanned! {policy.span()=> <#policy as #http::Policy>::admit(&mut request).await? };
    let described_policy =
        quote_spanned! {policy.span()=> <#policy as #http::Policy>::describe(operation); };

    let extracted = inputs
        .iter()
        .map(|ty| quote_spanned! {ty.span()=> <#ty as #http::Input>::take(&mut request).await? });
    let described_inputs = inputs
        .iter()
        .map(|ty| quote_spanned! {ty.span()=> <#ty as #http::Input>::describe(operation); });

    let answered = quote_spanned! {answer.span()=>
        <#answer as #http::Output>::answer(#name(policy, #(#bindings),*).await, &request)
    };
    let described_answer =
        quote_spanned! {answer.span()=> <#answer as #http::Output>::describe(operation); };

    let attributes = function
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"));

    Ok(quote! {
        #(#attributes)*
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, Debug)]
        #visibility struct #name;

        impl #http::Endpoint for #name {
            fn declaration(&self) -> #http::Declaration {
                #function

                #http::Declaration {
                    method: #http::Method::#method,
                    path: #path,
                    operation: #operation,
                    documentation: #documentation,
                    path_parameters: &[#(#expected),*],
                    problems: &[#(#problems),*],
                    body_limit: #body_limit,
                    describe: |operation| {
                        #described_policy
                        #(#described_inputs)*
                        #described_answer
                    },
                    call: |mut request| ::std::boxed::Box::pin(async move {
                        let policy = #admitted;
                        #(let #bindings = #extracted;)*
                        #answered
                    }),
                }
            }
        }
    })
}

fn argument_type(argument: &FnArg) -> Result<&Type> {
    match argument {
        FnArg::Typed(argument) => Ok(&argument.ty),
        FnArg::Receiver(receiver) => Err(Error::new(
            receiver.span(),
            "an endpoint must be a free function",
        )),
    }
}

/// The text of the doc comment.
fn documentation(function: &ItemFn) -> String {
    let lines = function
        .attrs
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(syn::ExprLit {
                    lit: syn::Lit::Str(line),
                    ..
                }) => Some(line.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        });

    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The names of the parameters, which are in braces.
fn path_parameters(path: &LitStr) -> Result<Vec<String>> {
    let text = path.value();
    let segments = text
        .split('/')
        .filter(|segment| segment.contains(['{', '}']));

    segments
        .map(|segment| {
            let name = segment
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            match name {
                Some(name) if !name.is_empty() && !name.contains(['{', '}']) => Ok(name.to_owned()),
                _ => Err(Error::new(
                    path.span(),
                    "a parameter must be a whole segment, such as `{id}`",
                )),
            }
        })
        .collect()
}
