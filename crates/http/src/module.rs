use crate::{Declaration, Endpoints};

/// A feature: its name and its endpoints.
///
/// ```ignore
/// pub fn module() -> Module {
///     Module::new("customers").endpoints((list_customers, create_customer, get_customer))
/// }
/// ```
pub struct Module {
    name: &'static str,
    declarations: Vec<Declaration>,
}

impl Module {
    /// A feature without endpoints yet. Its name is a heading of the document.
    pub fn new(name: &'static str) -> Self {
        Self { name, declarations: Vec::new() }
    }

    /// Adds endpoints.
    #[must_use]
    pub fn endpoints(mut self, endpoints: impl Endpoints) -> Self {
        self.declarations.extend(endpoints.declarations());
        self
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its endpoints.
    pub fn declarations(&self) -> &[Declaration] {
        &self.declarations
    }
}
