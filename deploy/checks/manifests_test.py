"""Each forbidden change of a manifest is found: python3 -m unittest discover -s deploy/checks -p '*_test.py'.

The manifest is the built production overlay, named by the environment variable MANIFEST.
"""

import copy
import os
import pathlib
import unittest

import yaml

import manifests

DEPLOY = pathlib.Path(__file__).parent.parent
BUILT = list(yaml.safe_load_all(open(os.environ["MANIFEST"])))
SERVER = (DEPLOY / "database/postgresql.conf").read_text()
ROLES = (DEPLOY / "database/roles.sql").read_text()

PODS = [
    lambda pod, container: pod.update(hostNetwork=True),
    lambda pod, container: pod.update(hostPID=True),
    lambda pod, container: pod.update(hostIPC=True),
    lambda pod, container: pod["volumes"].append({"name": "root", "hostPath": {"path": "/"}}),
    lambda pod, container: pod["containers"].append({"name": "sidecar", "securityContext": {"privileged": True}}),
    lambda pod, container: pod.update(initContainers=[{"name": "first"}]),
    lambda pod, container: pod["securityContext"].update(sysctls=[{"name": "kernel.msgmax", "value": "1"}]),
    lambda pod, container: pod["securityContext"].update(runAsUser=0),
    lambda pod, container: pod["securityContext"].pop("runAsNonRoot"),
    lambda pod, container: pod["securityContext"].pop("seccompProfile"),
    lambda pod, container: pod.pop("automountServiceAccountToken"),
    lambda pod, container: container["securityContext"].update(privileged=True),
    lambda pod, container: container["securityContext"].update(allowPrivilegeEscalation=True),
    lambda pod, container: container["securityContext"].pop("readOnlyRootFilesystem"),
    lambda pod, container: container["securityContext"].update(runAsNonRoot=False),
    lambda pod, container: container["securityContext"].update(seccompProfile={"type": "Unconfined"}),
    lambda pod, container: container["securityContext"].update(procMount="Unmasked"),
    lambda pod, container: container["securityContext"]["capabilities"].update(add=["SYS_ADMIN"]),
    lambda pod, container: container["securityContext"].pop("capabilities"),
    lambda pod, container: container.setdefault("ports", []).append({"containerPort": 1, "hostPort": 1}),
    lambda pod, container: container.update(livenessProbe={"httpGet": {"host": "example.org", "port": 1}}),
]


class Manifests(unittest.TestCase):
    def setUp(self):
        self.resources = copy.deepcopy(BUILT)
        self.settings = manifests.one(self.resources, "ConfigMap", "settings")["data"]

    def test_each_breach_of_each_pod_is_found(self):
        for resource in self.resources:
            for pod in manifests.pods(resource):
                self.assertEqual(list(manifests.breaches(pod)), [])
                for number, change in enumerate(PODS):
                    with self.subTest(resource=resource["metadata"]["name"], change=number):
                        changed = copy.deepcopy(pod)
                        change(changed, changed["containers"][0])
                        self.assertNotEqual(list(manifests.breaches(changed)), [])

    def test_missing_proxies_are_found(self):
        self.assertEqual(list(manifests.proxies(self.settings)), [])
        del self.settings["MAINSTAY_HTTP_TRUSTED_PROXIES"]
        self.assertEqual(len(list(manifests.proxies(self.settings))), 1)

    def test_replicas_beyond_the_connections_are_found(self):
        def wrong():
            return list(manifests.connections(self.resources, self.settings, ROLES, SERVER))

        self.assertEqual(wrong(), [])
        manifests.one(self.resources, "HorizontalPodAutoscaler", "api")["spec"]["maxReplicas"] *= 2
        self.assertEqual(len(wrong()), 1)
        self.assertEqual(len(list(manifests.connections(self.resources, self.settings, ROLES, "max_connections = 100"))), 2)

    def test_connections_beyond_the_memory_are_found(self):
        def wrong():
            return list(manifests.memory(self.resources, self.settings))

        self.assertEqual(wrong(), [])
        self.settings["MAINSTAY_HTTP_MAX_CONNECTIONS"] = "10000"
        self.assertEqual(len(wrong()), 1)
        del self.settings["MAINSTAY_HTTP_MAX_CONNECTIONS"]
        self.assertEqual(len(wrong()), 1)
        self.settings["MAINSTAY_HTTP_MAX_CONNECTIONS"] = "1000"
        self.settings["MAINSTAY_HTTP_BODY_BUDGET"] = "1GiB"
        self.assertEqual(len(wrong()), 1)


if __name__ == "__main__":
    unittest.main()
