use std::any::TypeId;

use futures_util::future::BoxFuture;
use http::{Method, StatusCode};
use mainstay_access::Declared;
use schemars::{JsonSchema, Schema};

use crate::{Kind, Problem, Request, request::Reply, schemas::Schemas};

/// An endpoint: made of a function by `#[get(…)]`, `#[post(…)]` and their like, never written by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an endpoint",
    note = "write `#[get(\"/v1/…\")]`, or another method, above the function"
)]
pub trait Endpoint {
    /// Everything that is known of it.
    fn declaration(&self) -> Declaration;
}

/// What the attribute above a function says, and what follows from the function's signature.
#[derive(Clone)]
pub struct Declaration {
    /// The method.
    pub method: Method,
    /// The path, parameters in braces.
    pub path: &'static str,
    /// The function's name: the document's `operationId`.
    pub operation: &'static str,
    /// The function's doc comment: its first line is the summary, all of it the description.
    pub documentation: &'static str,
    /// The path's parameters, in order.
    pub path_parameters: &'static [&'static str],
    /// The problems named in the attribute.
    pub problems: &'static [Kind],
    /// The largest body, in bytes, where the attribute names one; less where the service takes less.
    pub body_limit: Option<usize>,
    /// Asks policy, inputs and answer to describe themselves.
    pub describe: fn(&mut Operation<'_>),
    /// Checks the policy, takes the inputs, runs the function.
    pub call: fn(Request) -> BoxFuture<'static, Result<Reply, Problem>>,
}

impl Declaration {
    /// What policy, inputs and answer say of themselves.
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

/// Several endpoints: a tuple of them.
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

/// What must be true of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Nothing.
    Public,
    /// A valid credential.
    SignedIn,
    /// A session of one's own.
    InPerson,
    /// A role that grants this permission.
    Permission(Declared),
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// In the path.
    Path,
    /// In the query string.
    Query,
    /// Among the headers.
    Header,
    /// Among the cookies.
    Cookie,
}

impl Location {
    /// The word that OpenAPI and problems use.
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
    /// Where it stands.
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

/// What an operation takes and answers: filled by its policy, its inputs and its answer, read by the document.
pub struct Operation<'a> {
    /// The types that the whole document shares.
    pub(crate) schemas: &'a mut Schemas,
    /// Its method.
    pub method: Method,
    /// What must be true of the caller.
    pub requirement: Requirement,
    /// Whether the caller must have proved a short while ago who it is.
    pub fresh: bool,
    /// Whether a machine may call it, too, whose scopes name the permission.
    pub scoped_machines: bool,
    /// Whether its problems carry the members of OAuth 2 (RFC 6749 §5.2), too.
    pub speaks_oauth: bool,
    /// Whether an OAuth client may show who it is in `Authorization: Basic …` (RFC 6749 §2.3.1).
    pub client_may_authenticate: bool,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// The names of the path's parameters, in order.
    pub path_parameters: &'static [&'static str],
    /// The body it takes: content types and schema.
    pub body: Option<(&'static [&'static str], Schema)>,
    /// The largest body, in bytes, where it is not the service's.
    pub body_limit: Option<usize>,
    /// The types that a module must share with it, and their names.
    pub shared: Vec<(TypeId, &'static str)>,
    /// What it answers when it succeeds.
    pub success: Vec<Success>,
    /// The problems it may answer.
    pub problems: Vec<Kind>,
}

/// An answer of a successful operation.
#[derive(Clone, Debug)]
pub struct Success {
    /// The status.
    pub status: StatusCode,
    /// The body, where there is one: its content type and schema.
    pub body: Option<(&'static str, Schema)>,
    /// Headers that it always carries, and what they mean.
    pub headers: Vec<(&'static str, &'static str)>,
}

impl Operation<'_> {
    /// Adds problems that the operation may answer.
    pub fn answers(&mut self, problems: &[Kind]) {
        for kind in problems {
            if !self.problems.contains(kind) {
                self.problems.push(*kind);
            }
        }
    }

    /// How many of the path's parameters the function takes.
    pub(crate) fn taken_from_path(&self) -> usize {
        self.parameters
            .iter()
            .filter(|parameter| parameter.location == Location::Path)
            .count()
    }

    /// The schema of a type that a request holds.
    pub fn input_schema<T: JsonSchema>(&mut self) -> Schema {
        self.schemas.input::<T>()
    }

    /// The schema of a type that an answer holds.
    pub fn output_schema<T: JsonSchema>(&mut self) -> Schema {
        self.schemas.output::<T>()
    }
}
