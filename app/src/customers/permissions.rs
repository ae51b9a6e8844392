//! The permissions over customers.

use mainstay::prelude::*;

permission! {
    /// See customers with masked personal fields.
    pub CustomersRead = "customers.read", for [Owner, Manager, Agent, Auditor];
    /// Create and change customers.
    pub CustomersWrite = "customers.write", for [Owner, Manager, Agent];
    /// Delete customers.
    pub CustomersDelete = "customers.delete", for [Owner, Manager];
    /// Reveal customers' personal fields; each reveal is recorded.
    pub CustomersReveal = "customers.reveal", for [Owner, Manager];
    /// Export everything known about a customer; each export is recorded.
    pub CustomersExport = "customers.export", for [Owner, Manager];
    /// Erase a customer permanently.
    pub CustomersErase = "customers.erase", for [Owner];
}
