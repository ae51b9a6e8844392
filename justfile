# The project's recipes. Each runs one or two commands that you can also type yourself.

# List the recipes.
default:
    @just --list

# Run a private Postgres over TLS, migrations, sample data, the API and its docs page.
dev:
    cargo run -- dev

# Run all tests against their own private Postgres.
test *arguments:
    cargo test --workspace {{ arguments }}

# Update the committed files that are generated from the app. Review `git diff` afterwards.
snapshots:
    UPDATE_SNAPSHOTS=1 cargo test --workspace --test app

# Update the files that are generated from the platform, and the manifest of its files, after a change in crates/.
manifest:
    UPDATE_SNAPSHOTS=1 cargo test --workspace --test architecture -- --skip manifest
    UPDATE_SNAPSHOTS=1 cargo test --workspace --test architecture manifest

# Check format and lints.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- --deny warnings

# Run what CI runs.
ci:
    bash .ci/run

# Print the access matrix.
routes:
    cargo run --quiet -- routes

# Print the OpenAPI document.
openapi:
    cargo run --quiet -- openapi

# Measure whole requests beside bare axum and sqlx: processor time, latency, memory, start.
bench:
    cargo bench -p mainstay-tests --bench requests

# Measure the cost of audit and sealing compared with a plain table: throughput, latency, CPU time, round trips.
bench-audit:
    cargo bench -p mainstay-tests --bench audit

# Measure sign-ins and refreshes per second and core, and the effect of a burst of sign-ins on reads.
bench-auth:
    cargo bench -p mainstay-tests --bench auth

# Measure whether response times reveal who has an account.
bench-enumeration:
    cargo bench -p mainstay-tests --bench enumeration

# Measure requests with a thousand to a million rows, and with 1 to 64 replicas that listen.
bench-growth:
    cargo bench -p mainstay-tests --bench growth

# Measure a key rotation on 100,000 customers under load.
bench-rotation:
    cargo bench -p mainstay-tests --bench rotation

# Check licenses, banned crates, sources and advisories of the dependencies.
deny:
    cargo deny check

# Build the container image, labeled with the commit.
image:
    docker build --build-arg REVISION="$(git rev-parse HEAD)" --tag mainstay:local .

# Run the production image on this machine: Postgres, migrations and API, all over TLS.
up:
    docker compose up --build --detach --wait

# Check the files in deploy/.
manifests:
    sh deploy/check.sh
