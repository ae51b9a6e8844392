# syntax=docker/dockerfile:1
#
# The image of the service: one binary and the C library; no shell, no package manager, not root.
#
# Base images are named by tag. Before a release, pin each to the tested digest, so that a moved tag cannot change what you
# ship:
#
#     docker buildx imagetools inspect rust:1.95-slim-trixie --format '{{.Manifest.Digest}}'
#     docker build --build-arg RUST_IMAGE=rust:1.95-slim-trixie@sha256:… --build-arg RUNTIME_IMAGE=… .
#
# Builder and runtime are both Debian 13, so that the binary runs with the glibc it was linked against.
ARG RUST_IMAGE=rust:1.95-slim-trixie
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian13:nonroot

FROM ${RUST_IMAGE} AS tools
RUN cargo install --locked cargo-chef@0.1.78 cargo-auditable@0.7.7
WORKDIR /build

# Extracts only the part of the checkout that determines the dependencies.
FROM tools AS recipe
COPY . .
RUN cargo chef prepare --bin app --recipe-path recipe.json

# The dependencies are a layer that is reused while the recipe is unchanged. The target directory is not a cache mount:
# it would be shared by all checkouts on the machine, and because cargo compares modification times, an image could
# contain code of another checkout.
# `--no-default-features` leaves out the private Postgres of `app dev`; `cargo auditable` writes the list of crates into
# the binary, where scanners and SBOM generators find it.
FROM tools AS build
COPY --from=recipe /build/recipe.json recipe.json
RUN cargo chef cook --locked --release --bin app --no-default-features --recipe-path recipe.json
COPY . .
RUN cargo auditable build --locked --release --bin app --no-default-features \
    && install -D --mode=0755 target/release/app /image/usr/local/bin/app \
    && install -D --mode=0644 --target-directory=/image/usr/share/doc/mainstay LICENSE-MIT LICENSE-APACHE

FROM ${RUNTIME_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="Mainstay" \
      org.opencontainers.image.description="The API service, its migrations and its operator commands" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
COPY --from=build /image /

# The `nonroot` user of distroless, by number: Kubernetes can only verify `runAsNonRoot` for a number.
USER 65532:65532

# The image contains no settings. The ports are those of MAINSTAY_HTTP_BIND and MAINSTAY_MANAGEMENT_BIND, which listen on
# the container's loopback interface by default.
EXPOSE 8000 9000

# `app` drains on SIGTERM and then exits 0.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["/usr/local/bin/app", "healthcheck"]

ENTRYPOINT ["/usr/local/bin/app"]
CMD ["serve"]
