"""What Debian's python3-kubernetes sees of a cluster, as one line of JSON. Usage: python-client.py KUBECONFIG"""

import json
import sys
import time

from kubernetes import client, config, dynamic, utils, watch
from kubernetes.client.rest import ApiException
from kubernetes.stream import portforward, stream

config.load_kube_config(config_file=sys.argv[1])
core = client.CoreV1Api()
apps = client.AppsV1Api()
namespace = "default"
seen = {}


def config_map(name, data, labels=None):
    return client.V1ConfigMap(
        api_version="v1", kind="ConfigMap", metadata=client.V1ObjectMeta(name=name, labels=labels), data=data
    )


def failure(call):
    try:
        call()
    except ApiException as error:
        status = json.loads(error.body)
        return [error.status, status["reason"], status["message"]]
    return None


# Typed objects: create, read, list, replace, patch, delete.
core.create_namespaced_config_map(namespace, config_map("py", {"a": "1"}, {"of": "python"}))
read = core.read_namespaced_config_map("py", namespace)
seen["created"] = read.metadata.creation_timestamp.tzinfo is not None
read.data = {"a": "2"}
seen["replaced"] = core.replace_namespaced_config_map("py", namespace, read).data
seen["stale"] = failure(lambda: core.replace_namespaced_config_map("py", namespace, read))
seen["patched"] = core.patch_namespaced_config_map("py", namespace, {"data": {"b": "3"}}).data
seen["json patched"] = core.patch_namespaced_config_map(
    "py", namespace, [{"op": "remove", "path": "/data/a"}]
).data
seen["listed"] = [item.metadata.name for item in core.list_namespaced_config_map(namespace, label_selector="of=python").items]
seen["missing"] = failure(lambda: core.read_namespaced_pod("nobody", namespace))
seen["invalid"] = failure(lambda: core.create_namespaced_config_map(namespace, config_map("A_b", {})))
seen["deleted"] = core.delete_namespaced_config_map("py", namespace).status

# Every group of the server, and a manifest with several kinds.
seen["groups"] = sorted(group.name for group in client.ApisApi().get_api_versions().groups)
seen["version"] = client.VersionApi().get_code().git_version
utils.create_from_dict(
    client.ApiClient(),
    {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "py"}, "spec": {"ports": [{"port": 80}], "selector": {"app": "py"}}},
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "py"},
                "spec": {
                    "replicas": 1,
                    "selector": {"matchLabels": {"app": "py"}},
                    "template": {
                        "metadata": {"labels": {"app": "py"}},
                        "spec": {"containers": [{"name": "web", "image": "nginx"}]},
                    },
                },
            },
        ],
    },
)

# A watch until the Deployment is available.
for event in watch.Watch().stream(apps.list_namespaced_deployment, namespace, field_selector="metadata.name=py", timeout_seconds=30):
    if event["object"].status.available_replicas == 1:
        seen["available"] = event["type"] in ("ADDED", "MODIFIED")
        break
scale = apps.patch_namespaced_deployment_scale("py", namespace, {"spec": {"replicas": 2}})
seen["scaled"] = scale.spec.replicas

# Streams.
pod = core.list_namespaced_pod(namespace, label_selector="app=py").items[0].metadata.name
deadline = time.monotonic() + 20
while core.read_namespaced_pod(pod, namespace).status.phase != "Running" and time.monotonic() < deadline:
    time.sleep(0.05)
command = ["sh", "-c", "echo out; exit 4"]
shell = stream(
    core.connect_get_namespaced_pod_exec, pod, namespace, command=command, stdout=True, stderr=True, stdin=False, tty=False, _preload_content=False
)
shell.run_forever(timeout=20)
seen["exec"] = [shell.read_stdout(), shell.returncode]
seen["logs"] = len(core.read_namespaced_pod_log(pod, namespace, tail_lines=1).splitlines())
forward = portforward(core.connect_get_namespaced_pod_portforward, pod, namespace, ports="80")
socket = forward.socket(80)
socket.setblocking(True)
socket.sendall(b"GET / HTTP/1.0\r\nHost: py\r\n\r\n")
answer = b""
while b"</html>" not in answer:
    chunk = socket.recv(4096)
    if not chunk:
        break
    answer += chunk
seen["forwarded"] = answer.split(b"\r\n")[0].decode().split(" ")[1:]

# The dynamic client: discovery, server-side apply and its conflicts.
resources = dynamic.DynamicClient(client.ApiClient())
maps = resources.resources.get(api_version="v1", kind="ConfigMap")


def apply(manager, data, force=False):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": data}
    return maps.server_side_apply(body=json.dumps(body), name="applied", namespace=namespace, field_manager=manager, force_conflicts=force)


apply("one", {"a": "1", "b": "1"})
seen["conflict"] = failure(lambda: apply("two", {"a": "2"}))
apply("two", {"a": "2"}, force=True)
seen["applied"] = apply("one", {"b": "2"}).to_dict()["data"]

print(json.dumps(seen))
