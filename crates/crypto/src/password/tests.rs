//! Password hashing: cost and concurrency are counted rather than timed.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::mpsc,
    task::Poll,
};

use tokio::{runtime, task::JoinSet};

use super::*;

/// Cheap parameters, for fast tests; the tested behaviour does not depend on the cost.
const CHEAP: Argon2Parameters = Argon2Parameters {
    memory_kib: 64,
    iterations: 1,
    parallelism: 1,
};

fn hasher(parameters: Argon2Parameters, concurrency: usize, waiting: usize) -> PasswordHasher {
    PasswordHasher::new(parameters, concurrency, waiting, Random::default())
}

#[tokio::test]
async fn every_byte_of_a_password_counts() {
    let hasher = hasher(CHEAP, 1, 1);
    // Longer than the 72 bytes that bcrypt would compare.
    let password = "correct horse battery staple ".repeat(4);
    let stored = hasher.hash(&password.clone().into()).await.unwrap();
    let verdict = async |text: &str| hasher.verify(&text.into(), Some(&stored)).await.unwrap();

    assert_eq!(verdict(&password).await, Verdict::Right);
    assert_eq!(verdict(&password.to_uppercase()).await, Verdict::Wrong);
    assert_eq!(verdict(password.trim_end()).await, Verdict::Wrong);
    assert_eq!(verdict(&format!("{password}\0")).await, Verdict::Wrong);
    assert_eq!(verdict("").await, Verdict::Wrong);

    for at in [0, 72, password.len() - 1] {
        let mut other = password.clone();
        other.replace_range(at..=at, "#");
        assert_eq!(verdict(&other).await, Verdict::Wrong, "byte {at}");
    }
}

#[tokio::test]
async fn each_hash_of_a_password_has_its_own_salt() {
    let hasher = hasher(CHEAP, 1, 1);
    let password = "password".into();
    let (first, second) = (
        hasher.hash(&password).await.unwrap(),
        hasher.hash(&password).await.unwrap(),
    );
    assert!(first.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{first}");
    assert_ne!(first, second);
}

/// The hash is from the reference implementation's tests; the only test vector in RFC 9106 uses a
/// secret.
#[tokio::test]
async fn a_hash_of_the_reference_implementation_is_verified() {
    let stored =
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let verdict = hasher(CHEAP, 1, 1)
        .verify(&"password".into(), Some(stored))
        .await;
    assert_eq!(verdict, Ok(Verdict::RightButOutdated));
}

#[tokio::test]
async fn a_hash_of_other_parameters_is_outdated() {
    let stored = hasher(CHEAP, 1, 1).hash(&"password".into()).await.unwrap();

    let today = hasher(
        Argon2Parameters {
            iterations: 2,
            ..CHEAP
        },
        1,
        1,
    );

    assert_eq!(
        today.verify(&"password".into(), Some(&stored)).await,
        Ok(Verdict::RightButOutdated)
    );
    assert_eq!(
        today.verify(&"other".into(), Some(&stored)).await,
        Ok(Verdict::Wrong)
    );
}

#[tokio::test]
async fn an_unknown_account_costs_the_same_work() {
    let hasher = hasher(CHEAP, 1, 1);
    let stored = hasher.hash(&"password".into()).await.unwrap();
    let before = hasher.statistics().computations;
    hasher.verify(&"guess".into(), Some(&stored)).await.unwrap();
    let known = hasher.statistics().computations - before;
    assert_eq!(
        hasher.verify(&"guess".into(), None).await,
        Ok(Verdict::Wrong)
    );
    assert_eq!(hasher.statistics().computations - before - known, known);
    assert_eq!((known, hasher.dummy.parameters), (1, CHEAP));
}

#[tokio::test]
async fn a_password_that_matches_the_dummy_is_wrong() {
    let mut hasher = hasher(CHEAP, 1, 1);
    let password = "password".into();
    hasher.dummy = StoredHash::parse(&hasher.hash(&password).await.unwrap(), CHEAP).unwrap();
    assert_eq!(hasher.verify(&password, None).await, Ok(Verdict::Wrong));
}

#[tokio::test]
async fn an_eight_gibibyte_hash_is_refused_before_any_work() {
    let hasher = hasher(CHEAP, 1, 1);
    let stored =
        "$argon2id$v=19$m=8388608,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    assert_eq!(
        hasher.verify(&"password".into(), Some(stored)).await,
        Err(HashError::Stored)
    );
    assert_eq!(
        (
            hasher.statistics().computations,
            hasher.statistics().buffers
        ),
        (0, 0)
    );
}

#[tokio::test]
async fn parameters_out_of_range_are_an_error() {
    for parameters in [
        Argon2Parameters {
            memory_kib: 0,
            ..CHEAP
        },
        Argon2Parameters {
            parallelism: 9,
            ..CHEAP
        },
    ] {
        assert_eq!(
            hasher(parameters, 1, 1).hash(&"password".into()).await,
            Err(HashError::Parameters)
        );
        assert!(!parameters.meet_owasp());
    }
}

#[test]
fn the_recommended_settings_meet_owasp_and_lower_ones_do_not() {
    assert!(Argon2Parameters::default().meet_owasp());
    assert!(
        Argon2Parameters {
            memory_kib: 12_288,
            iterations: 3,
            parallelism: 1
        }
        .meet_owasp()
    );

    assert!(
        !Argon2Parameters {
            memory_kib: 19_455,
            ..Argon2Parameters::default()
        }
        .meet_owasp()
    );

    assert!(
        !Argon2Parameters {
            iterations: 1,
            ..Argon2Parameters::default()
        }
        .meet_owasp()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrency_is_limited_and_memory_is_reused() {
    let hasher = hasher(
        Argon2Parameters {
            memory_kib: 1_024,
            ..CHEAP
        },
        2,
        100,
    );

    let mut logins = JoinSet::new();
    for _ in 0..100 {
        let hasher = hasher.clone();
        logins.spawn(async move { hasher.verify(&"guess".into(), None).await });
    }

    assert!(
        logins
            .join_all()
            .await
            .iter()
            .all(|verdict| *verdict == Ok(Verdict::Wrong))
    );

    let statistics = hasher.statistics();
    assert_eq!((statistics.computations, statistics.running), (100, 0));
    assert!(
        statistics.peak <= 2 && statistics.buffers <= 2,
        "{statistics:?}"
    );
}

#[tokio::test]
async fn memory_is_freed_when_nobody_has_signed_in() {
    let hasher = hasher(CHEAP, 1, 1);
    hasher.hash(&"password".into()).await.unwrap();
    assert_eq!(hasher.statistics().buffers, 1);

    let shared = &hasher.computer.shared;
    assert!(!shared.free_unless_used(0), "there was a computation since");
    assert!(shared.free_unless_used(1));
    assert_eq!(hasher.statistics().buffers, 0);

    hasher.hash(&"password".into()).await.unwrap();
    assert_eq!(hasher.statistics().buffers, 1);
}

/// A runtime whose only blocking thread is held until the sender is dropped: no computation starts
/// before that.
fn held_runtime() -> (runtime::Runtime, mpsc::Sender<()>) {
    let runtime = runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .enable_time()
        .build()
        .unwrap();
    let (release, held) = mpsc::channel();
    runtime.spawn_blocking(move || held.recv());
    (runtime, release)
}

/// Polls a future once.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(Pin::new(&mut *future).poll(context))).await
}

#[test]
fn a_caller_is_turned_away_at_once_when_the_queue_is_full() {
    let (runtime, release) = held_runtime();
    runtime.block_on(async {
        let hasher = hasher(CHEAP, 1, 1);
        let password = "password".into();
        let (mut running, mut waiting) = (
            Box::pin(hasher.hash(&password)),
            Box::pin(hasher.hash(&password)),
        );

        assert!(poll_once(&mut running).await.is_pending());
        assert!(poll_once(&mut waiting).await.is_pending());
        assert_eq!(
            poll_once(&mut pin!(hasher.hash(&password))).await,
            Poll::Ready(Err(HashError::Busy))
        );
        assert_eq!(
            poll_once(&mut pin!(hasher.verify(&password, None))).await,
            Poll::Ready(Err(HashError::Busy))
        );

        drop(release);
        assert!(running.await.is_ok());
        assert!(waiting.await.is_ok());
        assert!(hasher.hash(&password).await.is_ok());
    });
}

#[test]
fn a_caller_who_gives_up_frees_a_waiting_place_but_not_a_running_computation() {
    let (runtime, release) = held_runtime();
    runtime.block_on(async {
        let hasher = hasher(CHEAP, 1, 1);
        let password = "password".into();
        let mut running = Box::pin(hasher.hash(&password));
        let mut waiting = Box::pin(hasher.hash(&password));

        assert!(poll_once(&mut running).await.is_pending());
        assert!(poll_once(&mut waiting).await.is_pending());
        assert_eq!(hasher.statistics().waiting, 1);

        drop(running);
        assert_eq!(
            poll_once(&mut pin!(hasher.hash(&password))).await,
            Poll::Ready(Err(HashError::Busy))
        );

        drop(waiting);
        let mut next = Box::pin(hasher.hash(&password));
        assert!(poll_once(&mut next).await.is_pending());

        drop(release);
        assert!(next.await.is_ok());
        assert_eq!(
            (hasher.statistics().computations, hasher.statistics().peak),
            (2, 1)
        );
        assert_eq!(
            (hasher.statistics().running, hasher.statistics().waiting),
            (0, 0)
        );
    });
}

#[tokio::test]
async fn debug_shows_neither_salt_nor_hash() {
    let hasher = hasher(CHEAP, 1, 1);
    assert_eq!(
        format!("{hasher:?}"),
        "PasswordHasher { parameters: Argon2Parameters { memory_kib: 64, iterations: 1, parallelism: 1 }, .. }"
    );
}
