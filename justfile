# The project's verbs. Each is one command that you could type yourself.

# List the verbs.
default:
    @just --list

# A private Postgres over TLS, migrations, sample data, the API and its docs page.
dev:
    cargo run -- dev

# Everything, against its own private Postgres.
test *arguments:
    cargo test --workspace {{ arguments }}

# Renew the committed files that are made from the app. Look at what `git diff` says then.
snapshots:
    UPDATE_SNAPSHOTS=1 cargo test --workspace --test app

# Renew those that are made from the platform, and the manifest of its files, after a change in crates/.
manifest:
    UPDATE_SNAPSHOTS=1 cargo test --workspace --test architecture -- --skip manifest
    UPDATE_SNAPSHOTS=1 cargo test --workspace --test architecture manifest

# What a reviewer should never have to say.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- --deny warnings

# Exactly what the CI runs.
ci:
    bash .ci/run

# The served routes, each with its policy.
routes:
    cargo run --quiet -- routes

# The OpenAPI document of the served routes.
openapi:
    cargo run --quiet -- openapi

# What audit and sealing cost, beside a plain table: throughput, latency, processor time, round trips.
bench-audit:
    cargo bench -p mainstay-tests --bench audit

# Logins and refreshes a second and core, and what a storm of logins does to a read.
bench-auth:
    cargo bench -p mainstay-tests --bench auth

# Whether the time of an answer tells who has an account.
bench-enumeration:
    cargo bench -p mainstay-tests --bench enumeration

# What a rotation of keys costs, and that nobody notices: on 100,000 customers, under load.
bench-rotation:
    cargo bench -p mainstay-tests --bench rotation

# Licences, banned crates, sources and advisories of the dependency tree.
deny:
    cargo deny check

# Build the container image, named by the commit.
image:
    docker build --build-arg REVISION="$(git rev-parse HEAD)" --tag mainstay:local .

# The production image on this machine: Postgres, migrations and API, all over TLS.
up:
    docker compose up --build --detach --wait

# Check what stands in deploy/.
manifests:
    sh deploy/check.sh
