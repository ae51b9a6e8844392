"""Checks built manifests for rules that their schemas do not express.

    python3 manifests.py MANIFEST ROLES_SQL POSTGRESQL_CONF

- Each pod complies with the restricted Pod Security Standard (https://kubernetes.io/docs/concepts/security/
  pod-security-standards/). The namespace enforces it too, but a Deployment that violates it is applied without an error
  and then never gets a pod.
- The settings name the trusted proxies.
- The replicas fit into the database's connections, and client connections into the pod's memory.
"""

import math
import re
import sys

import yaml

# Connections of one `serve` besides its pool: health and revocations. With queued work also the worker's pool (its
# concurrency, from 2 to 8), its listener and the sealer. `app config` prints the sums. The code generates
# connections.json for some settings.
SERVING = 2
WORKING = 2
# A `worker` also has connections for measurements and health.
WATCHING = 2

# Memory of one `serve`, in MiB: idle with its pools and caches; one password hash for every two cores; one idle
# connection including TLS (27.7 KB measured). Bodies have their own budget. A fifth stays free for responses in progress
# and the allocator.
AT_REST = 48
HASH = 19
CONNECTION = 28 / 1024
USABLE = 0.8

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
}


def pods(resource):
    """The pod specifications in a resource, at any depth."""
    if resource.get("kind") == "Pod":
        yield resource["spec"]
    spec = resource.get("spec") or {}
    if "jobTemplate" in spec:
        spec = spec["jobTemplate"]["spec"]
    if "template" in spec and "containers" in (spec["template"].get("spec") or {}):
        yield spec["template"]["spec"]


def breaches(pod):
    """Violations of the restricted standard, or of stricter rules of this project, in a pod."""
    context = pod.get("securityContext") or {}
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield f"{field} is set"
    if pod.get("hostUsers") is True:
        yield "hostUsers is true"
    for volume in pod.get("volumes") or []:
        kinds = set(volume) - {"name"}
        if kinds - VOLUMES:
            yield f"volume {volume['name']} is of kind {', '.join(kinds - VOLUMES)}"
    for sysctl in context.get("sysctls") or []:
        if sysctl["name"] not in SYSCTLS:
            yield f"sysctl {sysctl['name']}"
    if pod.get("automountServiceAccountToken") is not False:
        yield "automountServiceAccountToken is not false"
    if pod.get("enableServiceLinks") is not False:
        yield "enableServiceLinks is not false"
    for group in ("initContainers", "containers", "ephemeralContainers"):
        for container in pod.get(group) or []:
            for breach in container_breaches(context, container):
                yield f"container {container['name']}: {breach}"


def container_breaches(pod, container):
    """Violations in a container; `pod` is the security context that it inherits."""
    own = container.get("securityContext") or {}
    effective = {**pod, **own}
    if own.get("privileged"):
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    if own.get("readOnlyRootFilesystem") is not True:
        yield "readOnlyRootFilesystem is not true"
    if effective.get("runAsNonRoot") is not True:
        yield "runAsNonRoot is not true"
    if effective.get("runAsUser") == 0:
        yield "runAsUser is 0"
    capabilities = own.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drop") or []):
        yield "capabilities are not dropped"
    if set(capabilities.get("add") or []) - {"NET_BIND_SERVICE"}:
        yield f"capabilities are added: {capabilities['add']}"
    if own.get("procMount", "Default") != "Default":
        yield f"procMount is {own['procMount']}"
    if (effective.get("seccompProfile") or {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "seccompProfile is neither RuntimeDefault nor Localhost"
    if (effective.get("appArmorProfile") or {}).get("type", "RuntimeDefault") == "Unconfined":
        yield "appArmorProfile is Unconfined"
    selinux = effective.get("seLinuxOptions") or {}
    if selinux.get("type", "") not in ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"):
        yield f"seLinuxOptions.type is {selinux['type']}"
    if selinux.get("user") or selinux.get("role"):
        yield "seLinuxOptions name a user or a role"
    if (effective.get("windowsOptions") or {}).get("hostProcess"):
        yield "windowsOptions.hostProcess is set"
    if any(port.get("hostPort") for port in container.get("ports") or []):
        yield "hostPort is set"
    for handler in probes_and_hooks(container):
        for action in ("httpGet", "tcpSocket"):
            if (handler.get(action) or {}).get("host"):
                yield f"{action} sets a host"


def probes_and_hooks(container):
    lifecycle = container.get("lifecycle") or {}
    for handler in (
        container.get("livenessProbe"),
        container.get("readinessProbe"),
        container.get("startupProbe"),
        lifecycle.get("preStop"),
        lifecycle.get("postStart"),
    ):
        if handler:
            yield handler


def one(resources, kind, name):
    """The resource with this kind and name; generated names end with a hash."""
    for resource in resources:
        if resource["kind"] == kind and re.fullmatch(rf"{name}(-[a-z0-9]{{10}})?", resource["metadata"]["name"]):
            return resource
    return None


def proxies(settings):
    if not settings.get("MAINSTAY_HTTP_TRUSTED_PROXIES"):
        yield "MAINSTAY_HTTP_TRUSTED_PROXIES is not set: every client would have the ingress controller's address"


def environment(deployment, settings):
    """The settings of a deployment's first container."""
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    return settings | {entry["name"]: entry.get("value") for entry in container.get("env") or []}


def held(settings):
    """The maximum number of connections of one `serve` and one `worker`; connections.json contains test cases."""
    pool = int(settings.get("MAINSTAY_DATABASE_POOL_SIZE", 10))
    work = min(max(int(settings.get("MAINSTAY_JOBS_CONCURRENCY", 4)), 2), 8) + WORKING
    in_process = settings.get("MAINSTAY_JOBS_IN_PROCESS", "true") == "true"
    return pool + SERVING + (work if in_process else 0), work + WATCHING


def connections(resources, settings, roles, server):
    """Yields an error if the maximum number of replicas needs more connections than the database allows."""
    api, worker = one(resources, "Deployment", "api"), one(resources, "Deployment", "worker")
    told = environment(api, settings)
    each, working = held(told)

    # One more during a rollout, and one for an operator command.
    most = one(resources, "HorizontalPodAutoscaler", "api")["spec"]["maxReplicas"]
    wanted = (most + api["spec"]["strategy"]["rollingUpdate"]["maxSurge"] + 1) * each
    if worker:
        wanted += (worker["spec"]["replicas"] + worker["spec"]["strategy"]["rollingUpdate"]["maxSurge"]) * working

    limits = dict(re.findall(r"ALTER ROLE (\w+) LOGIN [^;]*?CONNECTION LIMIT (\d+)", roles))
    given = int(limits["mainstay_server"])
    if wanted > given:
        yield f"the replicas need {wanted} connections ({each} each), mainstay_server has {given}"
    limit = int(re.search(r"^max_connections = (\d+)", server, re.MULTILINE).group(1))
    promised = sum(map(int, limits.values()))
    if promised >= limit:
        yield f"the roles may open {promised} connections in total, Postgres allows {limit}"


def mebibytes(text):
    """Parses a size of Kubernetes (`256Mi`) or of the settings (`64MiB`)."""
    number, unit = re.fullmatch(r"(\d+)\s*(Ki|Mi|Gi)B?", text).groups()
    return int(number) * {"Ki": 1 / 1024, "Mi": 1, "Gi": 1024}[unit]


def memory(resources, settings):
    """Yields an error if the accepted connections do not fit into the pod's memory limit."""
    api = one(resources, "Deployment", "api")
    told = environment(api, settings)
    limits = api["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    hashes = HASH * math.ceil(int(limits["cpu"]) / 2)
    bodies = mebibytes(told.get("MAINSTAY_HTTP_BODY_BUDGET", "64MiB"))
    room = mebibytes(limits["memory"]) * USABLE - AT_REST - hashes - bodies
    most = int(told.get("MAINSTAY_HTTP_MAX_CONNECTIONS", 10000))
    if most * CONNECTION > room:
        yield (
            f"MAINSTAY_HTTP_MAX_CONNECTIONS allows {most} connections, "
            f"a memory limit of {limits['memory']} has room for {int(room / CONNECTION)}"
        )


def main(manifest, roles, server):
    resources = [resource for resource in yaml.safe_load_all(open(manifest)) if resource]
    found, checked = [], 0
    for resource in resources:
        for pod in pods(resource):
            checked += 1
            name = f"{resource['kind']} {resource['metadata']['name']}"
            found += [f"{name}: {breach}" for breach in breaches(pod)]
    if checked == 0:
        found.append("the manifest contains no pod")

    settings = (one(resources, "ConfigMap", "settings") or {}).get("data") or {}
    if one(resources, "Namespace", ".*"):  # an overlay, not the base
        found += proxies(settings)
        found += connections(resources, settings, open(roles).read(), open(server).read())
        found += memory(resources, settings)

    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
