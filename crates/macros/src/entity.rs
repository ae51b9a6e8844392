//! The derive of entities.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Error, Field, Fields, Ident, LitStr, Result, Type};

use crate::{
    paths,
    scope::{Scope, parse_condition, public_part},
    unique,
};

/// The attribute of a struct: `#[entity(table = "…", resource = "…", scope = …, write = …, public = "…",
/// erasure = "…", reveal = …, search = "…", language = "…")]`.
struct Table {
    table: LitStr,
    resource: LitStr,
    erasure: Option<Ident>,
    reveal: Option<Type>,
    scope: Scope,
    write: Option<Type>,
    public: Option<LitStr>,
    search: Option<LitStr>,
    language: Option<LitStr>,
}

/// A field with its `#[entity(…)]` attributes.
struct Column<'a> {
    name: &'a Ident,
    ty: &'a Type,
    blind_index: Option<LitStr>,
    /// The name of the unique constraint.
    unique: Option<LitStr>,
    subject: bool,
}

pub(crate) fn expand(item: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &item.data else {
        return Err(Error::new_spanned(&item.ident, "a row must be a struct"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new_spanned(
            &item.ident,
            "a row must have named fields",
        ));
    };

    let Table {
        table,
        resource,
        erasure,
        reveal,
        scope,
        write,
        public,
        search,
        language,
    } = table(item)?;

    let columns = fields
        .named
        .iter()
        .map(|field| column(field, scope))
        .collect::<Result<Vec<_>>>()?;
    if columns.first().is_none_or(|first| first.name != "id") {
        return Err(Error::new_spanned(
            &item.ident,
            "the first field of a row must be `id: Id<Self>`",
        ));
    }

    let database = paths::platform_crate("database");
    let (entity, visibility) = (&item.ident, &item.vis);
    let names: Vec<_> = columns.iter().map(|column| column.name).collect();
    let texts: Vec<_> = names.iter().map(ToString::to_string).collect();
    let types: Vec<_> = columns.iter().map(|column| column.ty).collect();
    let positions = 0..columns.len();

    let indexed: Vec<_> = columns
        .iter()
        .filter_map(|column| Some((column, column.blind_index.as_ref()?)))
        .collect();
    let index_columns: Vec<_> = indexed.iter().map(|(_, index)| index).collect();
    let index_fields: Vec<_> = indexed.iter().map(|(column, _)| column.name).collect();
    let index_lengths: Vec<_> = indexed
        .iter()
        .map(|(column, _)| length(column, &database))
        .collect();
    let index_sources: Vec<_> = index_fields.iter().map(ToString::to_string).collect();
    let index_types: Vec<_> = indexed.iter().map(|(column, _)| column.ty).collect();
    let uniqueness = indexed.iter().map(|(column, _)| match &column.unique {
        Some(constraint) => quote!(#database::Uniqueness::Constraint(#constraint)),
        None => quote!(#database::Uniqueness::None),
    });
    let unique: Vec<_> = indexed
        .iter()
        .filter(|(column, _)| column.unique.is_some())
        .map(|(column, index)| (column.name, *index))
        .collect();
    let claims = unique::claims(&unique, &database);

    let subject = columns
        .iter()
        .find(|column| column.subject)
        .unwrap_or(&columns[0])
        .name;
    let subject_text = match scope {
        Scope::Person => "user_id".to_owned(),
        Scope::Organization | Scope::Platform => subject.to_string(),
    };

    // A row that only describes a person has no purpose without them, so it is deleted by default.
    let erasure = erasure.unwrap_or_else(|| {
        format_ident!(
            "{}",
            if subject_text == "id" {
                "Empty"
            } else {
                "Delete"
            }
        )
    });

    let constants = columns
        .iter()
        .map(|column| constant(column, entity, visibility, &database));

    let versioned = names.iter().any(|name| *name == "version").then(|| {
        quote! {
            impl #database::Versioned for #entity {
                fn version(&self) -> i64 {
                    self.version
                }
            }
        }
    });

    let revealable = reveal.map(|permission| {
        quote! {
            impl #database::Revealable for #entity {
                type Permission = #permission;
            }
        }
    });

    let written =
        write.map(|permission| quote!(impl #database::WrittenWith<#permission> for #entity {}));
    let public = public.map(|condition| public_part(entity, &condition, &database));
    let scope = scope.marker();
    let search = search.map(|column| {
        let language = language.map_or_else(|| "simple".to_owned(), |language| language.value());
        quote! {
            /// The words of a row, for full-text search.
            #[allow(dead_code)]
            #visibility const SEARCH: #database::TextSearch<#entity> =
                #database::TextSearch::new(#column, #language);
        }
    });

    Ok(quote! {
        impl #entity {
            #(#constants)*
            #search
        }

        impl #database::Entity for #entity {
            type Scope = #database::#scope;

            const TABLE: &'static str = #table;
            const RESOURCE: &'static str = #resource;
            const COLUMNS: &'static [&'static str] = &[#(#texts),*];
            const BLIND_INDEXES: &'static [&'static str] = &[#(#index_columns),*];
            const SEALED: &'static [&'static str] =
                #database::sealed_columns!(#(#texts: #types),*);
            const SUBJECT: &'static str = #subject_text;
            const INDEXES: &'static [#database::SealedIndex] = &[#(#database::SealedIndex {
                column: #index_columns,
                source: #index_sources,
                bound_to: (#table, #index_columns),
                scope: <#database::#scope as #database::EntityScope>::SCOPE,
                length: #index_lengths,
                uniqueness: #uniqueness,
                normalised: <#index_types as #database::Indexable>::normalised,
            }),*];
            const ERASURE: #database::Erasure = #database::Erasure::#erasure;

            fn id(&self) -> #database::Id<Self> {
                self.id
            }

            fn subject(&self) -> #database::Uuid {
                self.#subject.uuid()
            }

            fn values(
                &self,
                sealing: &#database::Sealing<'_>,
            ) -> ::std::result::Result<::std::vec::Vec<#database::Value>, #database::Error> {
                ::std::result::Result::Ok(::std::vec![
                    #(#database::Column::write(&self.#names, sealing, #texts)?,)*
                    #(#database::Indexable::write_index(
                        &self.#index_fields, sealing, #index_columns, #index_lengths,
                    ),)*
                ])
            }

            #claims

            fn read(
                row: &#database::Row,
                opening: &#database::Opening<'_>,
            ) -> ::std::result::Result<Self, #database::Error> {
                ::std::result::Result::Ok(Self {
                    #(#names: #database::Column::read(row, #positions, opening, #texts)?,)*
                })
            }

            fn statements() -> &'static ::std::sync::OnceLock<#database::Statements> {
                static STATEMENTS: ::std::sync::OnceLock<#database::Statements> = ::std::sync::OnceLock::new();
                &STATEMENTS
            }
        }

        #versioned

        #revealable

        #written

        #public
    })
}

fn constant(
    column: &Column<'_>,
    entity: &Ident,
    visibility: &syn::Visibility,
    database: &TokenStream,
) -> TokenStream {
    let (name, ty) = (column.name, column.ty);
    let constant = format_ident!("{}", name.to_string().to_uppercase());
    let text = name.to_string();
    let documentation = format!("The column `{name}`.");
    let get = quote!(|row: &#entity| &row.#name);

    let value = match &column.blind_index {
        None => quote!(#database::Field::new(#text, #get)),
        Some(index) => {
            let length = length(column, database);
            quote!(#database::Field::indexed(#text, #get, #database::BlindIndexColumn::new(#index, #length)))
        }
    };

    quote! {
        #[doc = #documentation]
        #[allow(dead_code)]
        #visibility const #constant: #database::Field<#entity, #ty> = #value;
    }
}

fn length(column: &Column<'_>, database: &TokenStream) -> TokenStream {
    if column.unique.is_some() {
        quote!(#database::IndexLength::Unique)
    } else {
        quote!(#database::IndexLength::Truncated)
    }
}

fn table(item: &DeriveInput) -> Result<Table> {
    let (mut table, mut resource, mut erasure, mut reveal) = (None, None, None, None);
    let (mut scope, mut write, mut public) = (Scope::default(), None, None);
    let (mut search, mut language) = (None, None);

    for attribute in item
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("entity"))
    {
        attribute.parse_nested_meta(|meta| {
            match () {
                () if meta.path.is_ident("table") => table = Some(meta.value()?.parse()?),
                () if meta.path.is_ident("resource") => resource = Some(meta.value()?.parse()?),
                () if meta.path.is_ident("erasure") => erasure = Some(parse_erasure(&meta.value()?.parse()?)?),
                () if meta.path.is_ident("reveal") => reveal = Some(meta.value()?.parse()?),
                () if meta.path.is_ident("scope") => scope = Scope::parse(&meta.value()?.parse()?)?,
                () if meta.path.is_ident("write") => write = Some(meta.value()?.parse()?),
                () if meta.path.is_ident("public") => public = Some(parse_condition(meta.value()?.parse()?)?),
                () if meta.path.is_ident("search") => search = Some(meta.value()?.parse()?),
                () if meta.path.is_ident("language") => language = Some(meta.value()?.parse()?),
                () => {
                    return Err(meta.error(
                        "expected `table = \"…\"`, `resource = \"…\"`, `scope = …`, `write = SomePermission`, \
                         `public = \"…\"`, `erasure = \"…\"`, `reveal = SomePermission`, `search = \"…\"` or \
                         `language = \"…\"`",
                    ));
                }
            }

            Ok(())
        })?;
    }

    if let Some(permission) = &write
        && scope != Scope::Platform
    {
        return Err(Error::new_spanned(
            permission,
            "`write` names the permission for rows of the platform: add `scope = platform`, or leave it out",
        ));
    }

    match (table, resource) {
        (Some(table), Some(resource)) => Ok(Table {
            table,
            resource,
            erasure,
            reveal,
            scope,
            write,
            public,
            search,
            language,
        }),
        _ => Err(Error::new_spanned(
            &item.ident,
            "write `#[entity(table = \"notes\", resource = \"note\")]`",
        )),
    }
}

/// Parses the effect of an erasure on a row.
fn parse_erasure(text: &LitStr) -> Result<Ident> {
    match text.value().as_str() {
        "empty" => Ok(format_ident!("Empty")),
        "delete" => Ok(format_ident!("Delete")),
        _ => Err(Error::new_spanned(
            text,
            "expected `\"empty\"` or `\"delete\"`",
        )),
    }
}

fn column(field: &Field, scope: Scope) -> Result<Column<'_>> {
    let name = field
        .ident
        .as_ref()
        .ok_or_else(|| Error::new_spanned(field, "a row must have named fields"))?;

    if scope == Scope::Person && name == "user_id" {
        return Err(Error::new_spanned(
            name,
            format!("leave out `{name}`: the door sets it, and limits every statement to it"),
        ));
    }

    let mut column = Column {
        name,
        ty: &field.ty,
        blind_index: None,
        unique: None,
        subject: false,
    };

    for attribute in field
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("entity"))
    {
        attribute.parse_nested_meta(|meta| {
            match () {
                () if meta.path.is_ident("blind_index") => {
                    column.blind_index = Some(meta.value()?.parse()?)
                }
                () if meta.path.is_ident("unique") => {
                    column.unique = Some(unique::parse_constraint(meta.value()?.parse()?)?)
                }
                () if meta.path.is_ident("subject") => column.subject = true,
                () => {
                    return Err(
                        meta.error("expected `blind_index = \"…\"`, `unique = \"…\"` or `subject`")
                    );
                }
            }
            Ok(())
        })?;
    }

    unique::check(column.unique.as_ref(), column.blind_index.as_ref())?;

    if column.subject && scope == Scope::Person {
        return Err(Error::new_spanned(
            name,
            "a person's own rows describe that person: leave out `subject`",
        ));
    }

    Ok(column)
}
