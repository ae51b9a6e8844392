//! Invented customers for development.

use futures_util::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use mainstay::{
    Sample, SampleProgress,
    database::Database,
    kernel::{OrganizationId, Random, UserId},
    operator,
    prelude::*,
};
use time::Duration;

use super::{
    fields::{FullName, NationalId, Notes, Phone, PostalAddress},
    permissions::CustomersWrite,
    row::{CustomerRow, Status},
};

/// Number of rows per statement, and number of concurrent statements.
const BATCH: u64 = 500;
const AT_ONCE: usize = 4;

const FIRST_NAMES: [&str; 16] = [
    "Ada",
    "Alan",
    "Barbara",
    "Claude",
    "Donald",
    "Edsger",
    "Frances",
    "Grace",
    "Hedy",
    "John",
    "Katherine",
    "Linus",
    "Margaret",
    "Niklaus",
    "Radia",
    "Tim",
];
const LAST_NAMES: [&str; 16] = [
    "Allen",
    "Berners-Lee",
    "Dijkstra",
    "Goldberg",
    "Hamilton",
    "Hopper",
    "Johnson",
    "Knuth",
    "Lamarr",
    "Liskov",
    "Lovelace",
    "Perlman",
    "Shannon",
    "Turing",
    "von Neumann",
    "Wirth",
];
const CITIES: [&str; 6] = [
    "Berlin",
    "Lisbon",
    "Nairobi",
    "Osaka",
    "Porto Alegre",
    "Toronto",
];
const TAGS: [&str; 5] = ["newsletter", "partner", "retail", "trial", "vip"];

/// A few hundred customers for `dev`, and any number for `seed`.
pub fn sample() -> Sample {
    Sample {
        name: "customers",
        count: 300,
        make,
    }
}

fn make<'a>(
    database: &'a Database,
    organization: OrganizationId,
    user: UserId,
    count: u64,
    progress: SampleProgress<'a>,
) -> BoxFuture<'a, anyhow::Result<()>> {
    Box::pin(async move {
        let by = operator::<CustomersWrite>(database, "seed", organization, user)?;
        let batches = (0..count)
            .step_by(BATCH as usize)
            .map(|start| BATCH.min(count - start));

        stream::iter(batches)
            .map(async |size| {
                let customers: Vec<_> = (0..size).filter_map(|_| invent(by.runtime())).collect();
                by.insert_many(&customers).await?;
                progress(size);
                anyhow::Ok(())
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await
    })
}

fn invent(runtime: &Runtime) -> Option<CustomerRow> {
    let random = &runtime.random;
    let (first, last) = (pick(random, &FIRST_NAMES), pick(random, &LAST_NAMES));
    let number = u32::from_be_bytes(random.bytes());
    let created_at = runtime.clock.now() - Duration::minutes(i64::from(number % 500_000));
    let email = format!(
        "{}.{}.{number}@example.com",
        first.to_lowercase(),
        last.replace(' ', "").to_lowercase()
    );

    let born = format!(
        "{}-{:02}-{:02}",
        1940 + number % 65,
        1 + number % 12,
        1 + number % 28
    );

    Some(CustomerRow {
        id: runtime.new_id(),
        full_name: Sealed::new(FullName::new(format!("{first} {last}"))),
        email: Sealed::new(EmailAddress::parse(&email)?),
        phone: Some(Sealed::new(Phone::new(format!(
            "+49 30 {:07}",
            number % 10_000_000
        )))),
        date_of_birth: Date::parse(&born).map(Sealed::new),
        national_id: Some(Sealed::new(NationalId::new(format!("ID{number:010}")))),
        postal_address: Some(Sealed::new(PostalAddress::new(format!(
            "{} Sample Street\n{}",
            number % 200,
            pick(random, &CITIES)
        )))),
        notes: number
            .is_multiple_of(3)
            .then(|| Sealed::new(Notes::new("Asked to be called in the afternoon."))),
        status: pick(
            random,
            &[
                Status::Lead,
                Status::Active,
                Status::Active,
                Status::Inactive,
            ],
        ),
        tags: vec![pick(random, &TAGS).to_owned()],
        version: 1,
        created_at,
        updated_at: created_at,
    })
}

fn pick<T: Copy>(random: &Random, from: &[T]) -> T {
    let [byte] = random.bytes();
    from[usize::from(byte) % from.len()]
}
