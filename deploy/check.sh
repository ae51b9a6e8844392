#!/bin/sh
# Checks everything in deploy/. The tools are listed in checks/requirements.txt (PyPI) and checks/package.json (npm), plus
# the Debian packages prometheus and shellcheck:
#
#     python3 -m venv checks && . checks/bin/activate && pip install -r deploy/checks/requirements.txt
#     npm ci --prefix deploy/checks
#
# If a tool is missing, its check is skipped and reported. With STRICT=1, as in CI, that is a failure.
set -u

cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

# check NAME COMMAND…: runs the command and counts the result; shows its output if it fails.
check() {
    what=$1
    shift
    if "$@" >"$work/output" 2>&1; then
        echo "ok       $what"
        passed=$((passed + 1))
    else
        echo "FAILED   $what"
        sed 's/^/         /' "$work/output"
        failed=$((failed + 1))
    fi
}

skip() { # NAME MISSING
    echo "skipped  $1: $2 is not installed"
    skipped=$((skipped + 1))
}

have() { command -v "$1" >/dev/null 2>&1; }

have_yaml() { python3 -c 'import yaml' 2>/dev/null; }

build() { # PATH
    kubectl kustomize "deploy/kubernetes/$1" >"$work/$(basename "$1").yaml"
}

# The tag of the image and the migration's name must contain the same version: `0.1.0` and `mainstay-migrate-0-1-0`.
versions_agree() { # OVERLAY
    file="deploy/kubernetes/overlays/$1/kustomization.yaml"
    tag=$(sed -n 's/^ *newTag: *//p' "$file" | tr '.' '-')
    grep -q "value: mainstay-migrate-$tag }" "$file" || {
        echo "$file: newTag says $tag, the migration another version"
        return 1
    }
}

fits() { # FILE
    python3 deploy/checks/manifests.py "$1" deploy/database/roles.sql deploy/database/postgresql.conf
}

checks_find_breaches() { # FILE
    MANIFEST=$1 python3 -m unittest discover --start-directory deploy/checks --pattern '*_test.py'
}

# Builds all optional components together, so that each is checked. In a copy, because kustomize only accepts
# relative paths.
build_everything() {
    cp -r deploy "$work/deploy"
    mkdir "$work/deploy/everything"
    {
        echo 'apiVersion: kustomize.config.k8s.io/v1beta1'
        echo 'kind: Kustomization'
        echo 'namespace: mainstay'
        echo 'resources: [../kubernetes/overlays/production]'
        echo 'components:'
        for component in deploy/kubernetes/components/*/; do
            component=$(basename "$component")
            [ "$component" = tls ] || echo "  - ../kubernetes/components/$component"
        done
        echo 'images: [{ name: mainstay, newName: registry.example.com/mainstay, newTag: 0.1.0 }]'
    } >"$work/deploy/everything/kustomization.yaml"
    kubectl kustomize "$work/deploy/everything" >"$work/everything.yaml"
}

# check_manifest PATH COMMAND…: builds the manifest with the command, then checks the result.
check_manifest() {
    path=$1
    manifest="$work/$(basename "$1").yaml"
    shift
    if ! have kubectl; then
        skip "$path" kubectl
        return
    fi
    check "$path builds" "$@"
    if have kubernetes-validate; then
        check "$path matches the schemas" kubernetes-validate --strict --quiet --no-warn "$manifest"
    else
        skip "$path matches the schemas" kubernetes-validate
    fi
    if have_yaml; then
        check "$path: restricted pods, trusted proxies, enough connections" fits "$manifest"
    else
        skip "$path: restricted pods, trusted proxies, enough connections" PyYAML
    fi
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

for path in base overlays/staging overlays/production; do check_manifest "$path" build "$path"; done
check_manifest everything build_everything

if have kubectl && have_yaml; then
    check "each forbidden change is found" checks_find_breaches "$work/everything.yaml"
else
    skip "each forbidden change is found" "kubectl or PyYAML"
fi
if have checkov && have kubectl; then
    # The image's digest is set at a release; until then the tag is used (see README.md).
    check "checkov" checkov --quiet --compact --skip-download --framework kubernetes --file "$work/everything.yaml" \
        --skip-check CKV_K8S_15,CKV_K8S_43
else
    skip "checkov" "checkov or kubectl"
fi
if [ -d deploy/checks/node_modules ] && have kubectl; then
    check "resources of the Prometheus Operator" node deploy/checks/operator-resources.mjs "$work/production.yaml"
else
    skip "resources of the Prometheus Operator" "deploy/checks/node_modules or kubectl"
fi
if have promtool; then check "alerts" alerts; else skip "alerts" promtool; fi
if have python3; then
    check "dashboard is JSON" python3 -m json.tool deploy/observability/dashboard.json
else
    skip "dashboard is JSON" python3
fi
if have check-jsonschema; then
    check "docker-compose.yml" check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
else
    skip "docker-compose.yml" check-jsonschema
fi
if have actionlint; then check "workflows" actionlint; else skip "workflows" actionlint; fi
if have zizmor; then
    check "workflows are safe" zizmor --offline --quiet .github/workflows
else
    skip "workflows are safe" zizmor
fi
if have hadolint; then check "Dockerfile" hadolint Dockerfile; else skip "Dockerfile" hadolint; fi
if have shellcheck; then
    check "scripts" shellcheck deploy/check.sh deploy/kubernetes/operate.sh deploy/compose/*.sh
else
    skip "scripts" shellcheck
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && { [ "${STRICT:-0}" != 1 ] || [ "$skipped" -eq 0 ]; }
