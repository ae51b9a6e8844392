//! The declaration of an endpoint: its method, path, policy, inputs and answers.

use std::any::TypeId;

use futures_util::future::BoxFuture;
use http::{Method, StatusCode};
use mainstay_access::Declared;
use schemars::{JsonSchema, Schema};

use crate::{Kind, Problem, Request, reply::Reply, schemas::Schemas};

/// An endpoint: a function under `#[get(…)]`, `#[post(…)]` or another method's attribute. Never
/// implemented by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an endpoint",
    note = "write `#[get(\"/v1/…\")]`, or another method, above the function"
)]
pub trait Endpoint {
    /// The endpoint's declaration.
    fn declaration(&self) -> Declaration;
}

/// What the attribute and the signature of an endpoint's function declare.
#[derive(Clone)]
pub struct Declaration {
    /// The method.
    pub method: Method,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// The function's name: the document's `operationId`.
    pub operation: &'static str,
    /// The function's doc comment: its first line is the summary, all of it the description.
    pub documentation: &'static str,
    /// The path's parameters, in order.
    pub path_parameters: &'static [&'static str],
    /// The problems named in the attribute.
    pub problems: &'static [Kind],
    /// The largest body, in bytes, if the attribute sets one. The service's own limit may be lower.
    pub body_limit: Option<usize>,
    /// Makes policy, inputs and answer describe themselves.
    pub describe: fn(&mut Operation<'_>),
    /// Checks the policy, extracts the inputs and runs the function.
    pub call: fn(Request) -> BoxFuture<'static, Result<Reply, Problem>>,
}

impl Declaration {
    /// Collects what policy, inputs and answer declare.
    pub(crate) fn operation<'a>(&self, schemas: &'a mut Schemas) -> Operation<'a> {
        let mut operation = Operation {
            schemas,
            method: self.method.clone(),
            requirement: Requirement::Public,
            fresh: false,
            scoped_machines: false,
            speaks_oauth: false,
            client_may_authenticate: false,
            parameters: Vec::new(),
            path_parameters: self.path_parameters,
            body: None,
            body_limit: self.body_limit,
            shared: Vec::new(),
            success: Vec::new(),
            problems: self.problems.to_vec(),
        };

        (self.describe)(&mut operation);

        operation
    }
}

/// A tuple of endpoints.
pub trait Endpoints {
    /// Their declarations, in order.
    fn declarations(&self) -> Vec<Declaration>;
}

macro_rules! tuples {
    ($($name:ident)*) => {
        impl<$($name: Endpoint),*> Endpoints for ($($name,)*) {
            #[allow(non_snake_case)]
            fn declarations(&self) -> Vec<Declaration> {
                let ($($name,)*) = self;
                vec![$($name.declaration()),*]
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
tuples!(A B C D E F G H I);
tuples!(A B C D E F G H I J);
tuples!(A B C D E F G H I J K);
tuples!(A B C D E F G H I J K L);

/// What a policy requires of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Nothing.
    Public,
    /// A valid credential.
    SignedIn,
    /// A person's own session.
    InPerson,
    /// A role that grants this permission.
    Permission(Declared),
}

/// The location of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// In the path.
    Path,
    /// In the query string.
    Query,
    /// In a header.
    Header,
    /// In a cookie.
    Cookie,
}

impl Location {
    /// The name that OpenAPI and problems use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
        }
    }
}

/// A parameter of an operation.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its location.
    pub location: Location,
    /// Its name.
    pub name: String,
    /// Whether a request without it is refused.
    pub required: bool,
    /// What it means.
    pub description: Option<String>,
    /// What it must look like.
    pub schema: Schema,
}

/// The inputs and responses of an operation. Policy, inputs and answer fill it in; the API document
/// is made from it.
pub struct Operation<'a> {
    /// The schemas of the whole document.
    pub(crate) schemas: &'a mut Schemas,
    /// Its method.
    pub method: Method,
    /// What it requires of the caller.
    pub requirement: Requirement,
    /// Whether it requires a recent re-authentication.
    pub fresh: bool,
    /// Whether a machine with the permission among its scopes may call it too.
    pub scoped_machines: bool,
    /// Whether its problems also have the members of OAuth 2 (RFC 6749 §5.2).
    pub speaks_oauth: bool,
    /// Whether an OAuth client may authenticate with `Authorization: Basic …` (RFC 6749 §2.3.1).
    pub client_may_authenticate: bool,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// The names of the path's parameters, in order.
    pub path_parameters: &'static [&'static str],
    /// The content types and schema of its body.
    pub body: Option<(&'static [&'static str], Schema)>,
    /// The largest body, in bytes, if it differs from the service's.
    pub body_limit: Option<usize>,
    /// The types that a module must share with it, and their names.
    pub shared: Vec<(TypeId, &'static str)>,
    /// Its successful responses.
    pub success: Vec<Success>,
    /// The problems it may return.
    pub problems: Vec<Kind>,
}

/// A successful response.
#[derive(Clone, Debug)]
pub struct Success {
    /// The status.
    pub status: StatusCode,
    /// The content type and schema of the body, if there is one.
    pub body: Option<(&'static str, Schema)>,
    /// The names and descriptions of the headers that it always has.
    pub headers: Vec<(&'static str, &'static str)>,
}

impl Operation<'_> {
    /// Adds problems that the operation may return.
    pub fn answers(&mut self, problems: &[Kind]) {
        for kind in problems {
            if !self.problems.contains(kind) {
                self.problems.push(*kind);
            }
        }
    }

    /// The number of path parameters that the function takes.
    pub(crate) fn taken_from_path(&self) -> usize {
        self.parameters
            .iter()
            .filter(|parameter| parameter.location == Location::Path)
            .count()
    }

    /// The schema of a type in a request.
    pub fn input_schema<T: JsonSchema>(&mut self) -> Schema {
        self.schemas.input::<T>()
    }

    /// The schema of a type in a response.
    pub fn output_schema<T: JsonSchema>(&mut self) -> Schema {
        self.schemas.output::<T>()
    }
}
