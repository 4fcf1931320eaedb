/** Reading a cluster with kubectl: `get` in all its shapes, watches, `describe` of every kind, and who one is. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";
import { maskedLines, maskedText } from "../tools/masked-text.ts";
import { RunningTool } from "../tools/running-tool.ts";
import { type Sample, samples } from "./manifests.ts";

const shop = `
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: v1
kind: Pod
metadata: { name: cart, namespace: shop, labels: { tier: front, app: cart } }
spec: { nodeName: node-1, containers: [{ name: main, image: nginx }] }
---
apiVersion: v1
kind: Pod
metadata: { name: stock, namespace: shop, labels: { tier: back, app: stock } }
spec: { nodeName: node-2, containers: [{ name: main, image: nginx }, { name: cache, image: redis }] }
---
apiVersion: v1
kind: Pod
metadata: { name: audit, namespace: shop, labels: { tier: back, app: audit } }
spec: { nodeName: node-1, containers: [{ name: main, image: busybox, command: [sleep, 1d] }] }
---
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { selector: { app: cart }, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: prices, namespace: shop }
data: { apple: "3", pear: "4" }
`;

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 2 });
	await cluster.kubectl.run("wait --for=create serviceaccount/default");
	await cluster.kubectl.run("apply -f -", shop);
	await cluster.kubectl.run("create -f -", samples.map(({ yaml }) => yaml).join("\n---\n"));
	await cluster.run("wait --for=condition=Ready pod --all -n shop");
	await cluster.run("wait --for=condition=Ready pod/web");
});
afterAll(() => cluster[Symbol.asyncDispose]());

const run = (args: string | readonly string[]) => cluster.kubectl.run(args);
const fail = (args: string | readonly string[]) => cluster.kubectl.fail(args);
const masked = async (args: string | readonly string[]) => maskedLines(await run(args));
describe("kubectl get prints", () => {
	it("a table", async () => {
		expect(await masked("get pods -n shop")).toEqual([
			"NAME READY STATUS RESTARTS AGE",
			"audit 1/1 Running 0 AGE",
			"cart 1/1 Running 0 AGE",
			"stock 2/2 Running 0 AGE",
		]);
	});

	it("-o wide", async () => {
		expect(await masked("get pods -n shop -o wide")).toEqual([
			"NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES",
			"audit 1/1 Running 0 AGE POD-IP node-1 <none> <none>",
			"cart 1/1 Running 0 AGE POD-IP node-1 <none> <none>",
			"stock 2/2 Running 0 AGE POD-IP node-2 <none> <none>",
		]);
	});

	it("-o name, --no-headers, --show-labels, -L and --show-kind", async () => {
		expect(await run("get pods,services -n shop -o name")).toBe("pod/audit\npod/cart\npod/stock\nservice/cart\n");
		expect(await masked("get pods -n shop --no-headers")).toEqual([
			"audit 1/1 Running 0 AGE",
			"cart 1/1 Running 0 AGE",
			"stock 2/2 Running 0 AGE",
		]);
		expect(await masked("get pod cart -n shop --show-labels")).toEqual([
			"NAME READY STATUS RESTARTS AGE LABELS",
			"cart 1/1 Running 0 AGE app=cart,tier=front",
		]);
		expect(await masked("get pod cart -n shop -L tier,colour")).toEqual([
			"NAME READY STATUS RESTARTS AGE TIER COLOUR",
			"cart 1/1 Running 0 AGE front",
		]);
		expect(await masked("get pod cart -n shop --show-kind")).toEqual(["NAME READY STATUS RESTARTS AGE", "pod/cart 1/1 Running 0 AGE"]);
	});

	it("-o yaml and -o json", async () => {
		const yaml = (await run("get configmap prices -n shop -o yaml")).replace(/resourceVersion: "\d+"/, "").replace(/uid: \S+/, "");
		expect(yaml.replace(/creationTimestamp: "[^"]+"/, "").replace(/^ {2,}\n/gm, "")).toBe(`apiVersion: v1
data:
  apple: "3"
  pear: "4"
kind: ConfigMap
metadata:
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {"apiVersion":"v1","data":{"apple":"3","pear":"4"},"kind":"ConfigMap","metadata":{"annotations":{},"name":"prices","namespace":"shop"}}
  name: prices
  namespace: shop
`);
		const { kind, items } = JSON.parse(await run("get pods -n shop -o json")) as { readonly kind: string; readonly items: unknown[] };
		expect([kind, items.length]).toEqual(["List", 3]);
	});

	it("-o jsonpath, go-template and custom-columns", async () => {
		const each = '{range .items[*]}{.metadata.name}{"="}{.spec.containers[*].image}{"\\n"}{end}';
		expect(await run(["get", "pods", "-n", "shop", "-o", `jsonpath=${each}`])).toBe("audit=busybox\ncart=nginx\nstock=nginx redis\n");
		expect(await run(["get", "pods", "-n", "shop", "-o", 'jsonpath={.items[?(@.metadata.labels.tier=="front")].metadata.name}'])).toBe(
			"cart",
		);
		expect(await run(["get", "pods", "-n", "shop", "-o", "go-template={{range .items}}{{.metadata.name}} {{end}}"])).toBe(
			"audit cart stock ",
		);
		expect(await run(["get", "pods", "-n", "shop", "-o", "custom-columns=NAME:.metadata.name,IMAGES:.spec.containers[*].image"])).toBe(
			"NAME    IMAGES\naudit   busybox\ncart    nginx\nstock   nginx,redis\n",
		);
		expect(await fail("get pods -o nonsense")).toMatch(
			/^error: unable to match a printer suitable for the output format "nonsense", allowed formats are: /,
		);
	});

	it("several kinds at once, and all", async () => {
		expect(await masked("get pods/cart services/cart -n shop")).toEqual([
			"NAME READY STATUS RESTARTS AGE",
			"pod/cart 1/1 Running 0 AGE",
			"",
			"NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE",
			"service/cart ClusterIP CLUSTER-IP <none> 80/TCP AGE",
		]);
		expect(await masked("get all -n shop")).toEqual([
			"NAME READY STATUS RESTARTS AGE",
			"pod/audit 1/1 Running 0 AGE",
			"pod/cart 1/1 Running 0 AGE",
			"pod/stock 2/2 Running 0 AGE",
			"",
			"NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE",
			"service/cart ClusterIP CLUSTER-IP <none> 80/TCP AGE",
		]);
	});

	it("all namespaces", async () => {
		expect(await masked("get pods -A -l tier")).toEqual([
			"NAMESPACE NAME READY STATUS RESTARTS AGE",
			"shop audit 1/1 Running 0 AGE",
			"shop cart 1/1 Running 0 AGE",
			"shop stock 2/2 Running 0 AGE",
		]);
	});

	it("subresources and other versions", async () => {
		await run("wait --for=condition=Available deployment/site");
		expect(await masked("get deployment site --subresource=scale")).toEqual(["NAME DESIRED AVAILABLE AGE", "site 1 1 AGE"]);
		expect(await masked("get deployments.v1.apps site")).toEqual(["NAME READY UP-TO-DATE AVAILABLE AGE", "site 1/1 1 1 AGE"]);
		expect(
			await run([
				"get",
				"horizontalpodautoscalers.v1.autoscaling",
				"site",
				"-o",
				"jsonpath={.apiVersion} {.spec.targetCPUUtilizationPercentage}",
			]),
		).toBe("autoscaling/v1 50");
		expect((await masked("get events.events.k8s.io sample"))[1]).toMatch(/^\S+ Normal Sampled pod\/web a sample$/);
	});
});

describe("kubectl get chooses", () => {
	it.each([
		["-l tier=back", "audit stock"],
		["-l tier!=back", "cart"],
		["-l app in (cart,audit),tier=back", "audit"],
		["-l app notin (cart)", "audit stock"],
		["-l !tier", ""],
		["--field-selector metadata.name=cart", "cart"],
		["--field-selector spec.nodeName=node-1,status.phase=Running", "audit cart"],
		["--field-selector status.phase!=Running", ""],
	])("%s", async (flag, names) => {
		const [name = "", ...value] = flag.split(" ");
		expect((await run(["get", "pods", "-n", "shop", "-o", "jsonpath={.items[*].metadata.name}", name, value.join(" ")])).trim()).toBe(
			names,
		);
	});

	it("and refuses selectors that mean nothing", async () => {
		expect(await fail("get pods --field-selector colour=blue")).toBe(
			'Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label selector "", field selector "colour=blue": field label not supported: colour\n',
		);
		expect(await fail(["get", "pods", "-l", "app=("])).toBe(
			'Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label selector "app=(", field selector "": unable to parse requirement: found \'(\', expected: identifier\n',
		);
	});

	it("an order", async () => {
		expect(await run("get pods -n shop --sort-by=.metadata.labels.tier -o name")).toBe("pod/audit\npod/stock\npod/cart\n");
		expect((await masked("get pods -n shop --sort-by=.spec.nodeName")).at(-1)).toBe("stock 2/2 Running 0 AGE");
	});

	it("pages, which say the same as the whole", async () => {
		const { stdout, stderr } = await cluster.kubectl.try(["get", "pods", "-n", "shop", "--chunk-size=2", "-v=6", "-o", "name"]);
		expect(stdout).toBe("pod/audit\npod/cart\npod/stock\n");
		expect(stderr.match(/pods\?\S*limit=2/g)?.length).toBe(2);
		expect(stderr).toMatch(/pods\?continue=\S+&limit=2/);
	});
});

describe("kubectl get does not find", () => {
	it("what is not there", async () => {
		expect(await fail("get pod absent")).toBe('Error from server (NotFound): pods "absent" not found\n');
		expect(await fail("get deployment absent")).toBe('Error from server (NotFound): deployments.apps "absent" not found\n');
		expect(await cluster.kubectl.try(["get", "pod", "absent", "--ignore-not-found"])).toEqual({ stdout: "", stderr: "", exitCode: 0 });
		const { stdout, stderr, exitCode } = await cluster.kubectl.try(["get", "pods", "-n", "shop", "cart", "absent"]);
		expect([maskedLines(stdout)[1], stderr, exitCode]).toEqual([
			"cart 1/1 Running 0 AGE",
			'Error from server (NotFound): pods "absent" not found\n',
			1,
		]);
	});

	it("kinds that are not there", async () => {
		expect(await fail("get nonsense")).toBe('error: the server doesn\'t have a resource type "nonsense"\n');
		expect(await fail("get pods.v9.apps")).toBe('error: the server doesn\'t have a resource type "pods"\n');
	});

	it("anything, and says so without failing", async () => {
		const empty = { stdout: "", exitCode: 0 };
		expect(await cluster.kubectl.try(["get", "jobs", "-n", "shop"])).toEqual({
			...empty,
			stderr: "No resources found in shop namespace.\n",
		});
		expect(await cluster.kubectl.try(["get", "pods", "-n", "nowhere"])).toEqual({
			...empty,
			stderr: "No resources found in nowhere namespace.\n",
		});
		expect(await cluster.kubectl.try(["get", "crontabs", "-A"])).toEqual({ ...empty, stderr: "No resources found\n" });
	});
});

describe("kubectl get -w", () => {
	it("shows what is there, then every change", async () => {
		await using watch = new RunningTool(cluster.kubectl, "get configmaps -n shop -w --output-watch-events");
		await watch.sees(/ADDED +prices/);
		await run("create configmap brief -n shop --from-literal=a=1");
		await watch.sees(/ADDED +brief +1/);
		await run(["patch", "configmap", "brief", "-n", "shop", "--type=merge", "-p", '{"data":{"b":"2"}}']);
		await watch.sees(/MODIFIED +brief +2/);
		await run("delete configmap brief -n shop");
		await watch.sees(/DELETED +brief +2/);
		expect(maskedLines(watch.stdout)).toEqual([
			"EVENT NAME DATA AGE",
			"ADDED kube-root-ca.crt 1 AGE",
			"ADDED prices 2 AGE",
			"ADDED brief 1 AGE",
			"MODIFIED brief 2 AGE",
			"DELETED brief 2 AGE",
		]);
	});

	it("--watch-only leaves out what is there", async () => {
		await using watch = new RunningTool(cluster.kubectl, "get pods -A --watch-only -o name -v=6");
		await eventually(() => /watch=true/.test(watch.stderr) || undefined);
		await run("label pod cart -n shop seen=yes");
		await watch.sees(/pod\/cart/);
		expect(watch.stdout).toBe("pod/cart\n");
	});

	it("follows one object", async () => {
		await using watch = new RunningTool(cluster.kubectl, "get deployment site -w");
		await watch.sees(/site +1\/1/);
		await run("scale deployment site --replicas=2");
		await watch.sees(/site +2\/2 +2 +2/);
	});
});

describe("every kind", () => {
	/** Header rows of `kubectl get` of all samples, in their order; columns two blanks apart. */
	async function headers(...flags: string[]): Promise<string[]> {
		const text = await run(["get", samples.map(({ resource }) => resource).join(","), ...flags]);
		return text.split("\n\n").map((table) => (table.split("\n")[0] ?? "").trim().replace(/ {2,}/g, "  "));
	}

	it("prints the columns of a real cluster", async () => {
		const [plain, wide] = [await headers(), await headers("-o", "wide")];
		const shown = samples.map(({ resource }, index) => [resource, plain[index], wide[index]]);
		expect(shown).toEqual(samples.map((sample) => [sample.resource, sample.columns, wideColumns(sample)]));
	});

	it("is covered", async () => {
		const listed = (await run("api-resources --verbs=list -o name")).trim().split("\n");
		const covered = new Set(samples.map(({ resource }) => resource));
		expect(listed.filter((name) => !covered.has(name))).toEqual([
			"componentstatuses",
			"events.events.k8s.io",
			"nodes.metrics.k8s.io",
			"pods.metrics.k8s.io",
			"crontabs.stable.example.com",
		]);
	});

	it("can be described", async () => {
		const text = await cluster.kubectl.run("describe -f -", samples.map(({ yaml }) => yaml).join("\n---\n"));
		expect(text).not.toMatch(/<error|%!|<nil>|<invalid>|0001-01-01|panic/);
		const names = [...text.matchAll(/^Name: +(\S+)$/gm)].map(([, name]) => name);
		expect(names).toEqual(samples.map(({ name }) => name));
	});
});

function wideColumns({ columns, wide }: Sample): string {
	if (wide === undefined) return columns;
	return wide.startsWith("LAST SEEN") ? wide : `${columns}  ${wide}`;
}

describe("kubectl describe", () => {
	const described = async (args: string) => maskedText(await run(`describe ${args}`));

	it("tells a pod's story", async () => {
		await eventually(async () => ((await run("describe pod web")).includes("Container started") ? true : undefined));
		const text = (await described("pod web"))
			.replace(/node-\d\/172\.18\.0\.\d/, "NODE")
			.replace(/to node-\d/, "to NODE")
			.replace(/\d+ms/g, "DURATION");
		await expect(text).toMatchFileSnapshot("describe-pod.txt");
	});

	it("shows a deployment with its conditions, sets and events", async () => {
		await run("scale deployment site --replicas=1");
		await run("rollout status deployment site");
		const text = await described("deployment site");
		expect(text).toContain("Replicas: 1 desired | 1 updated | 1 total | 1 available | 0 unavailable\nStrategyType: RollingUpdate\n");
		expect(text).toContain("Conditions:\n Type Status Reason\n ---- ------ ------\n");
		expect(text).toContain("OldReplicaSets: <none>\nNewReplicaSet: site-HASH (1/1 replicas created)\n");
		expect(text).toContain("deployment-controller Scaled up replica set site-HASH from 0 to 1\n");
	});

	it("shows where a service leads", async () => {
		expect(await described("service cart -n shop")).toBe(`Name: cart
Namespace: shop
Labels: <none>
Annotations: <none>
Selector: app=cart
Type: ClusterIP
IP Family Policy: SingleStack
IP Families: IPv4
IP: CLUSTER-IP
IPs: CLUSTER-IP
Port: <unset> 80/TCP
TargetPort: 80/TCP
Endpoints: POD-IP:80
Session Affinity: None
Internal Traffic Policy: Cluster
Events: <none>
`);
	});

	it("shows a node with its pods", async () => {
		const text = await described("node node-1");
		expect(text).toContain("Taints: <none>\nUnschedulable: false\nLease:\n HolderIdentity: node-1\n");
		expect(text).toContain("Ready True TIME TIME KubeletReady kubelet is posting ready status\n");
		expect(text).toMatch(/Non-terminated Pods: \(\d+ in total\)\n/);
		expect(text).toContain(" shop cart 0 (0%) 0 (0%) 0 (0%) 0 (0%) ");
	});

	it("does not find what is not there", async () => {
		expect(await fail("describe pod absent")).toBe('Error from server (NotFound): pods "absent" not found\n');
		expect(await fail("describe nonsense")).toBe('error: the server doesn\'t have a resource type "nonsense"\n');
		expect(await cluster.kubectl.try(["describe", "jobs", "-n", "shop"])).toMatchObject({
			stderr: "No resources found in shop namespace.\n",
		});
	});
});

describe("the cluster", () => {
	it("tells its version", async () => {
		expect(await run("version")).toMatch(/^Client Version: v1\.35\.\d+\nKustomize Version: v\d\.\d+\.\d+\nServer Version: v1\.36\.\d+\n$/);
		const { serverVersion } = JSON.parse(await run("version -o json")) as { readonly serverVersion: Record<string, string> };
		expect(serverVersion).toMatchObject({ major: "1", minor: "36", emulationMinor: "36", minCompatibilityMinor: "35" });
	});

	it("tells where it is, and dumps itself", async () => {
		expect(await run("cluster-info")).toBe(
			`Kubernetes control plane is running at ${cluster.url}\n\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n`,
		);
		const dump = await run("cluster-info dump --namespaces=shop");
		expect(dump).toContain("==== START logs for container main of pod shop/cart ====\n");
		expect(dump).toContain('"kind": "NodeList"');
	});

	it("knows who asks, and what they may", async () => {
		expect((await run("auth whoami")).replace(/[0-9a-f]{64}/, "HASH").replace(/ {2,}/g, "  ")).toBe(
			"ATTRIBUTE  VALUE\nUsername  kubernetes-admin\nGroups  [system:masters system:authenticated]\nExtra: authentication.kubernetes.io/credential-id  [X509SHA256=HASH]\n",
		);
		expect(await run("auth can-i delete nodes")).toBe("yes\n");
		expect((await run("auth can-i --list")).replace(/ {2,}/g, "  ")).toMatch(
			/^Resources {2}Non-Resource URLs {2}Resource Names {2}Verbs\n\*\.\* {2}\[\] {2}\[\] {2}\[\*\]\n/,
		);
		// One of the objects in this cluster binds jane to the role view.
		expect(await run("auth can-i list pods --as jane")).toBe("yes\n");
		expect(await cluster.kubectl.try(["auth", "can-i", "list", "pods", "--as", "bob"])).toMatchObject({ stdout: "no\n", exitCode: 1 });
	});

	it("has components that are well", async () => {
		const { stdout, stderr } = await cluster.kubectl.try(["get", "componentstatuses"]);
		expect(stderr).toBe("Warning: v1 ComponentStatus is deprecated in v1.19+\n");
		expect(maskedLines(stdout)).toEqual([
			"NAME STATUS MESSAGE ERROR",
			"scheduler Healthy ok",
			"controller-manager Healthy ok",
			"etcd-0 Healthy ok",
		]);
		expect(await run(["get", "cs", "scheduler", "-o", "jsonpath={.conditions}"])).toBe(
			'[{"message":"ok","status":"True","type":"Healthy"}]',
		);
		expect(await fail("get cs nonsense")).toContain('Error from server (NotFound): componentstatuses "nonsense" not found\n');
	});

	it("records events", async () => {
		const lines = await masked("get events -n shop --field-selector involvedObject.name=cart");
		expect(lines).toEqual([
			"LAST SEEN TYPE REASON OBJECT MESSAGE",
			'AGE Normal Pulling pod/cart Pulling image "nginx"',
			expect.stringMatching(
				/^AGE Normal Pulled pod\/cart Successfully pulled image "nginx" in \d+ms \(\d+ms including waiting\)\. Image size: \d+ bytes\.$/,
			),
			"AGE Normal Created pod/cart Container created",
			"AGE Normal Started pod/cart Container started",
		]);
		expect((await masked("events -n shop --for pod/cart --types=Normal"))[0]).toBe("LAST SEEN TYPE REASON OBJECT MESSAGE");
	});

	it("leaves the kubeconfig alone", async () => {
		expect(await run("config current-context")).toBe("kubesim\n");
		expect(await run("config view -o jsonpath={.clusters[0].cluster.server}")).toBe(cluster.url);
	});
});
