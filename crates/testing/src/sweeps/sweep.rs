//! The base of every family of attacks: the service, its operations and its rows.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use mainstay_access::BuiltInRole;
use mainstay_database::Scope;
use serde_json::Value;

use super::{coverage::Coverage, operations::Operation, platform_rows};
use crate::{Actor, Answer, Builder, Call, Client, Contents, Schemas, TestApp};

/// A service under attack.
pub(super) struct Sweep {
    pub(super) app: TestApp,
    pub(super) schemas: Schemas,
    pub(super) operations: Vec<Operation>,
    /// One actor for each role.
    actors: BTreeMap<BuiltInRole, Actor>,
    /// Ids of example rows by collection.
    rows: BTreeMap<String, String>,
    contents: Contents,
    /// Attacks since the contents were last compared.
    uncompared: Vec<String>,
    failures: Vec<String>,
    pub(super) attacks: usize,
    must_attack: bool,
}

/// Number of attacks before the contents are compared, since reading every table costs more than an
/// attack.
const BATCH: usize = 25;

impl Sweep {
    /// Starts the service and signs in one actor of each role.
    pub(super) async fn start(builder: Builder) -> Self {
        Self::of(builder.start().await).await
    }

    /// Signs in one actor of each role.
    pub(super) async fn of(app: TestApp) -> Self {
        let document = app
            .platform()
            .api()
            .unwrap_or_else(|error| panic!("{error}"))
            .document();

        let mut actors = BTreeMap::new();
        for role in BuiltInRole::ALL {
            actors.insert(role, app.actor(role).await);
        }

        let mut sweep = Self {
            schemas: Schemas::of(&document),
            operations: Operation::all(app.platform(), &document),
            contents: app.contents().await,
            app,
            actors,
            rows: BTreeMap::new(),
            uncompared: Vec::new(),
            failures: Vec::new(),
            attacks: 0,
            must_attack: true,
        };

        sweep.make_referenced_rows().await;

        sweep
    }

    /// Creates a row of each resource that a body or a required parameter refers to, in order of
    /// their own references. They are separate from the rows in paths, since the sweeps delete
    /// those.
    async fn make_referenced_rows(&mut self) {
        let bodies = self
            .operations
            .iter()
            .filter_map(|it| Some(&it.body.as_ref()?.1));
        let parameters = self
            .operations
            .iter()
            .flat_map(|it| it.required_query().map(|(_, schema)| schema));
        let mut wanted: BTreeSet<_> = bodies
            .chain(parameters)
            .flat_map(|schema| self.schemas.references(schema))
            .collect();

        let mut makers = Vec::new();
        for resource in &wanted {
            makers.extend(
                self.maker_of(resource)
                    .map(|(creating, schema)| (resource.clone(), creating, schema)),
            );
        }

        // A resource that no operation creates is taken as available.
        wanted.retain(|resource| makers.iter().any(|(made, ..)| made == resource));

        while let Some(next) = makers
            .iter()
            .position(|(_, _, schema)| self.schemas.references(schema).is_disjoint(&wanted))
        {
            let (resource, creating, schema) = makers.swap_remove(next);
            let answer = self
                .caller(&creating)
                .post(&creating.path, self.schemas.least(&schema))
                .await;
            let id = answer.assert_status(201).json()["id"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            self.schemas.refer_to(&resource, &id);
            wanted.remove(&resource);
        }

        self.rebase_contents().await;
    }

    /// The operation that creates a row of a resource, and the schema of its body.
    fn maker_of(&self, resource: &str) -> Option<(Operation, Value)> {
        let makes = |it: &&Operation| {
            let id = &self.schemas.plain(&it.created)["properties"]["id"];
            it.method == Method::POST
                && !it.path.contains('{')
                && self.schemas.plain(id)["x-resource"] == resource
        };
        let creating = self.operations.iter().find(makes)?;
        Some((creating.clone(), creating.body.as_ref()?.1.clone()))
    }

    /// The operations in `coverage`. An app may have none that the sweep can attack.
    pub(super) fn operations_in(&mut self, coverage: Coverage) -> Vec<Operation> {
        self.must_attack = coverage == Coverage::All;

        let platform = self.app.platform();
        let attacked = |it: &&Operation| coverage == Coverage::All || it.is_of_app(platform);

        self.operations.iter().filter(attacked).cloned().collect()
    }

    pub(super) fn actor(&self, role: BuiltInRole) -> &Actor {
        &self.actors[&role]
    }

    /// A client that may call the operation.
    pub(super) fn caller(&self, operation: &Operation) -> Client {
        if operation.is_public() {
            self.app.anonymous()
        } else {
            (**self.actor(operation.allowed_role())).clone()
        }
    }

    /// The operation's path with the id of an existing row in place of each parameter. A missing
    /// row is created by a POST to its collection.
    pub(super) async fn path_to_a_row(&mut self, operation: &Operation) -> String {
        let mut path = String::new();
        for segment in operation.path.split('/').skip(1) {
            path = if let Some(name) = segment.strip_prefix('{') {
                let resource = operation.rows.get(name.trim_end_matches('}'));
                let id = self.row_in(&path, resource, operation).await;
                format!("{path}/{id}")
            } else {
                format!("{path}/{segment}")
            };
        }
        path
    }

    /// Whose the rows of a resource are, if a module registered it.
    pub(super) fn scope_of(&self, resource: &str) -> Option<Scope> {
        let tables = self.app.platform().tables();
        let table = tables.iter().find(|table| table.resource == resource);
        table.map(|table| table.scope)
    }

    /// Whether each row in the operation's path is one of the platform, which everyone may read.
    pub(super) fn is_on_the_platform(&self, operation: &Operation) -> bool {
        let mut rows = operation.rows.values();
        !operation.rows.is_empty() && rows.all(|it| self.scope_of(it) == Some(Scope::Platform))
    }

    /// Forgets the row of a path that was deleted.
    pub(super) fn forget_row(&mut self, path: &str) {
        self.rows
            .retain(|collection, id| !path.starts_with(&format!("{collection}/{id}")));
    }

    /// ID of a row in a collection. A collection without a `POST`, such as one of published rows,
    /// takes one of another collection with the same resource.
    async fn row_in(
        &mut self,
        collection: &str,
        resource: Option<&String>,
        wanted_by: &Operation,
    ) -> String {
        if let Some(id) = self.rows.get(collection) {
            return id.clone();
        }

        self.compare_batch().await;

        let caller = self.actor(wanted_by.allowed_role());
        if let Some(id) = platform_rows::make(&self.app, caller, collection).await {
            self.rows.insert(collection.to_owned(), id.clone());
            self.contents = self.app.contents().await;
            return id;
        }

        let Some((creating, schema, path)) = self.creator_of(collection, resource, wanted_by)
        else {
            panic!(
                "{}: there is no POST {collection} to create a row with",
                wanted_by.name()
            )
        };

        let answer = self
            .caller(&creating)
            .post(&path, self.schemas.least(&schema))
            .await;
        let location = answer.assert_status(201).location();
        let id = location.rsplit('/').next().unwrap_or_default().to_owned();

        self.rows.insert(collection.to_owned(), id.clone());
        self.contents = self.app.contents().await;

        id
    }

    /// The operation that creates a row in `collection`, which is the start of the operation's path,
    /// or elsewhere a row of the same resource; the schema of its body; and the path to call.
    pub(super) fn creator_of(
        &self,
        collection: &str,
        resource: Option<&String>,
        wanted_by: &Operation,
    ) -> Option<(Operation, Value, String)> {
        let depth = collection.split('/').count();
        let template = || wanted_by.path.split('/').take(depth);
        let creates =
            |it: &&Operation| it.method == Method::POST && template().eq(it.path.split('/'));

        if let Some(beside) = self.operations.iter().find(creates)
            && let Some((_, schema)) = &beside.body
        {
            return Some((beside.clone(), schema.clone(), collection.to_owned()));
        }

        let (creating, schema) = self.maker_of(resource?)?;
        let path = creating.path.clone();
        Some((creating, schema, path))
    }

    /// Sends an attack and checks that the response is one of `expected` (status and code), and
    /// that nothing was written.
    pub(super) async fn attack(
        &mut self,
        operation: &Operation,
        what: &str,
        call: Call,
        expected: &[(u16, &str)],
    ) {
        self.attack_in_batch(operation, what, call, expected).await;
        self.compare_batch().await;
    }

    /// Like [`attack`](Self::attack), but compares the contents once per batch. For families whose
    /// own calls write nothing.
    pub(super) async fn attack_in_batch(
        &mut self,
        operation: &Operation,
        what: &str,
        call: Call,
        expected: &[(u16, &str)],
    ) {
        let answer = call.send().await;
        let code = code_of(&answer);
        let name = format!("{}: {what}", operation.name());
        if !expected.contains(&(answer.status.as_u16(), &code)) {
            self.fail(format!(
                "{name}: expected {expected:?}, got {}",
                answer.described()
            ));
        }

        // 405 belongs to the path, so no operation documents it.
        if answer.status != 405 && !operation.documents(answer.status.as_u16(), &code) {
            self.fail(format!(
                "{name}: the document does not list {} {code}",
                answer.status
            ));
        }

        self.check_shape(&name, &answer);
        self.uncompared.push(name);
        if self.uncompared.len() >= BATCH {
            self.compare_batch().await;
        }
    }

    async fn compare_batch(&mut self) {
        if !self.uncompared.is_empty() {
            let names = std::mem::take(&mut self.uncompared).join("; ");
            self.check_nothing_written(&names).await;
        }
    }

    pub(super) async fn check_nothing_written(&mut self, name: &str) {
        let now = self.app.contents().await;
        let changed = now.changed_since(&self.contents).join(", ");
        if !changed.is_empty() {
            self.fail(format!("{name}: this changed {changed}"));
        }
        self.contents = now;
    }

    /// Takes the current contents as the baseline.
    pub(super) async fn rebase_contents(&mut self) {
        self.contents = self.app.contents().await;
    }

    pub(super) fn fail(&mut self, message: String) {
        self.failures.push(message);
    }

    /// Ends the sweep.
    ///
    /// # Panics
    /// With all failures, or when nothing was tried.
    pub(super) async fn finish(mut self) {
        self.compare_batch().await;

        assert!(
            self.attacks > 0 || !self.must_attack,
            "the sweep tried nothing"
        );
        let (count, lines) = (self.failures.len(), self.failures.join("\n"));
        assert!(
            self.failures.is_empty(),
            "{count} failures in {} attacks:\n{lines}",
            self.attacks
        );
    }
}

pub(super) fn code_of(answer: &Answer) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if answer.status.is_success() {
        String::new()
    } else {
        body["code"].as_str().unwrap_or_default().to_owned()
    }
}
