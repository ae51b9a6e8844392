#!/bin/sh
# Runs one operator command in the cluster, in a pod of the template `operator` (components/operator), and prints its
# output. The exit status is that of the command.
#
#     sh deploy/kubernetes/operate.sh mainstay key-ring status
#     sh deploy/kubernetes/operate.sh NAMESPACE COMMAND [ARGUMENT…]
set -eu

[ $# -ge 2 ] || { echo "usage: $0 NAMESPACE COMMAND [ARGUMENT…]" >&2; exit 2; }
namespace=$1
shift
job="operator-$(date +%s)-$$"

# The arguments as a JSON array, with escaped backslashes and quotes. Arguments cannot contain line breaks.
arguments=
for argument in "$@"; do
    escaped=$(printf '%s' "$argument" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g')
    arguments="$arguments${arguments:+, }\"$escaped\""
done

kubectl --namespace "$namespace" create job "$job" --from=cronjob/operator --dry-run=client --output=json |
    kubectl patch --local --filename=- --type=json --output=json \
        --patch="[{\"op\": \"replace\", \"path\": \"/spec/template/spec/containers/0/args\", \"value\": [$arguments]}]" |
    kubectl --namespace "$namespace" create --filename=- >/dev/null

trap 'kubectl --namespace "$namespace" delete job "$job" --wait=false >/dev/null' EXIT
kubectl --namespace "$namespace" wait --for=create --timeout=30s pod --selector="job-name=$job" >/dev/null
kubectl --namespace "$namespace" wait --for=jsonpath='{.status.containerStatuses[0].started}' --timeout=120s \
    pod --selector="job-name=$job" >/dev/null 2>&1 || true
kubectl --namespace "$namespace" logs --follow "job/$job"

# The log may end shortly before the pod's state is available.
for _ in 1 2 3 4 5 6 7 8 9 10; do
    code=$(kubectl --namespace "$namespace" get pod --selector="job-name=$job" \
        --output=jsonpath='{.items[0].status.containerStatuses[0].state.terminated.exitCode}')
    [ -z "$code" ] || exit "$code"
    sleep 1
done
echo "could not read the command's exit status" >&2
exit 1
