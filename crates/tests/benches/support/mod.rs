//! What the benches of whole requests share: Postgres, a server, a caller, and its figures.

pub mod caller;
pub mod database;
pub mod endpoint;
pub mod figures;
#[path = "../../tests/support/http.rs"]
pub mod http;
pub mod load;
pub mod process;
#[path = "../../tests/support/program.rs"]
pub mod program;
pub mod service;

/// A number from the environment.
pub fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| {
        text.parse().expect("the variable is a number")
    })
}

/// The median of the values; 0 if there is none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
