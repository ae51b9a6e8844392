#!/bin/sh
# Generates what the compose stack needs to start: certificates, passwords and keys, new on each machine.
#
# There are no defaults, and nothing leaves the volumes. Every service mounts only its own folder: the API never sees the
# database owner's password. Running it again keeps the secrets, because the database and the sealed data depend on them,
# and renews the certificates in their last month.
set -eu
umask 077

root="${1:-/volumes}"
postgres_user=999  # `postgres` in the official image
app_user=65532     # `nonroot` in ours

# publish OWNER MODE FILE DIRECTORY: moves one file into place. An existing file may already belong to its owner; in this
# stack we can replace such a file, but not write to it.
publish() {
    cp "$3" "$4/.new"
    chmod "$2" "$4/.new"
    chown "$1:$1" "$4/.new"
    mv -f "$4/.new" "$4/$(basename "$3")"
}

issue_certificate() { # NAME
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc \
        -keyout "$work/server.key" -out "$work/request.pem" -subj "/CN=$1"
    cat >"$work/extensions" <<EOF
subjectAltName=DNS:$1,DNS:localhost,IP:127.0.0.1
extendedKeyUsage=serverAuth
basicConstraints=critical,CA:FALSE
EOF
    openssl x509 -req -in "$work/request.pem" -CA "$work/ca.crt" -CAkey "$work/ca.key" -days 397 \
        -extfile "$work/extensions" -out "$work/server.crt"
}

make_certificates() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 397 \
        -keyout "$work/ca.key" -out "$work/ca.crt" -subj "/CN=Mainstay compose stack" \
        -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign"
    issue_certificate postgres
    publish "$postgres_user" 0400 "$work/server.key" "$root/postgres-tls"
    publish "$postgres_user" 0444 "$work/server.crt" "$root/postgres-tls"
    issue_certificate api
    publish "$app_user" 0400 "$work/server.key" "$root/api-tls"
    publish "$app_user" 0444 "$work/server.crt" "$root/api-tls"
    issue_certificate mail
    publish "$app_user" 0400 "$work/server.key" "$root/mail-tls"
    publish "$app_user" 0444 "$work/server.crt" "$root/mail-tls"
    # The authority's key is not kept; the next renewal creates a new authority.
    publish 0 0444 "$work/ca.crt" "$root/authority"
}

make_secrets() {
    # Hexadecimal, so that passwords need no escaping in URLs.
    owner_password=$(openssl rand -hex 32)
    server_password=$(openssl rand -hex 32)
    query='sslmode=verify-full&sslrootcert=/run/mainstay/authority/ca.crt'

    printf '%s' "postgres://mainstay_owner:$owner_password@postgres:5432/mainstay?$query" >"$work/database-owner-url"
    publish "$app_user" 0400 "$work/database-owner-url" "$root/migrate-secrets"

    printf '%s' "postgres://mainstay_server:$server_password@postgres:5432/mainstay?$query" >"$work/database-url"
    printf 'k1:%s\n' "$(openssl rand -base64 32)" >"$work/crypto-keys"
    for secret in database-url crypto-keys; do
        publish "$app_user" 0400 "$work/$secret" "$root/api-secrets"
    done

    openssl rand -hex 32 >"$work/superuser-password"
    printf '%s' "$owner_password" >"$work/owner-password"
    printf '%s' "$server_password" >"$work/server-password"
    # Written last: if it exists, all other files are in place.
    for secret in superuser-password owner-password server-password; do
        publish "$postgres_user" 0400 "$work/$secret" "$root/postgres-secrets"
    done
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -e "$root/postgres-secrets/server-password" ]; then
    make_secrets
    echo "made new secrets"
fi
if [ ! -e "$root/mail-tls/server.crt" ] ||
    ! openssl x509 -checkend $((30 * 24 * 3600)) -noout -in "$root/authority/ca.crt" >/dev/null 2>&1; then
    make_certificates
    echo "made new certificates"
fi
