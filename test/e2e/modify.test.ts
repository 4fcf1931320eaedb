/** Changing and deleting what is there: edit, patch, replace, label, annotate, scale, set, delete, and what may not change. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fastClock, startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { kubectlPath, Tool } from "../tools/kubectl.ts";
import { maskedText } from "../tools/masked-text.ts";

let test: TestCluster;
const run = (args: string | readonly string[], input?: string) => test.kubectl.run(args, input);
const fail = (args: string | readonly string[], input?: string) => test.kubectl.fail(args, input);
const patch = (what: string, document: unknown, ...more: string[]) => [
	"patch",
	...what.split(" "),
	"-p",
	JSON.stringify(document),
	...more,
];
const read = (what: string, path: string) => run(["get", ...what.split(" "), "-o", `jsonpath={${path}}`]);
const notFound = (resource: string, name: string) => `Error from server (NotFound): ${resource} "${name}" not found\n`;

beforeAll(async () => {
	test = await startTestCluster({ clock: fastClock(10) });
	await run("create deployment web --image=nginx:1.27 --replicas=2");
	await run("rollout status deployment/web --timeout=20s");
});
afterAll(() => test[Symbol.asyncDispose]());

describe("edit", () => {
	/** kubectl with an editor that makes one substitution. */
	function editing(expression: string): Tool {
		const editor = join(test.directory, "editor.sh");
		writeFileSync(editor, '#!/bin/sh\nsed -i "$EXPRESSION" "$1"\n', { mode: 0o755 });
		return new Tool(kubectlPath(), { KUBECONFIG: test.kubeconfig, HOME: test.directory, KUBE_EDITOR: editor, EXPRESSION: expression });
	}

	it("sends what the editor changed", async () => {
		await run("create deployment edited --image=nginx --replicas=0");
		expect(await editing("s/replicas: 0/replicas: 1/").run("edit deployment edited")).toBe("deployment.apps/edited edited\n");
		expect(await read("deployment edited", ".spec.replicas")).toBe("1");
		expect((await editing("s/nothing/x/").try(["edit", "deployment", "edited"])).stderr).toBe("Edit cancelled, no changes made.\n");
	});

	it("opens the file again with what is wrong, and keeps a copy", async () => {
		const text = await editing("s/replicas: 1/replicas: -2/").fail("edit deployment edited");
		const [, saved = ""] = /A copy of your changes has been stored to "(.*)"/.exec(text) ?? [];
		expect(text).toBe(
			`error: deployments.apps "edited" is invalid\nA copy of your changes has been stored to "${saved}"\nerror: Edit cancelled, no valid changes were saved.\n`,
		);
		expect(readFileSync(saved, "utf8")).toContain(
			'# deployments.apps "edited" was not valid:\n# * spec.replicas: Invalid value: -2: must be greater than or equal to 0\n#\n',
		);
		expect(await read("deployment edited", ".spec.replicas")).toBe("1");
	});
});

describe("patch", () => {
	it("merges strategically, by merge key, with directives", async () => {
		await run("create deployment patched --image=nginx --replicas=0");
		const containers = (list: unknown) => ({ spec: { template: { spec: { containers: list } } } });
		const addSide = containers([{ name: "side", image: "busybox" }]);
		expect(await run(patch("deployment patched", addSide))).toBe("deployment.apps/patched patched\n");
		expect(await run(patch("deployment patched", addSide))).toBe("deployment.apps/patched patched (no change)\n");
		expect(await read("deployment patched", ".spec.template.spec.containers[*].name")).toBe("side nginx");
		await run(patch("deployment patched", containers([{ name: "nginx", $patch: "delete" }])));
		expect(await read("deployment patched", ".spec.template.spec.containers[*].name")).toBe("side");
	});

	it("merges plainly: null removes, a list takes the place of a list", async () => {
		await run(patch("deployment patched", { metadata: { labels: { x: "y", app: null } } }, "--type=merge"));
		expect(await read("deployment patched", ".metadata.labels")).toBe('{"x":"y"}');
		const list = { spec: { template: { spec: { containers: [{ name: "only", image: "nginx" }] } } } };
		await run(patch("deployment patched", list, "--type=merge"));
		expect(await read("deployment patched", ".spec.template.spec.containers[*].name")).toBe("only");
	});

	it("carries out JSON patch operations, or none of them", async () => {
		const add = { op: "add", path: "/metadata/labels/z", value: "1" };
		await run(patch("deployment patched", [add, { op: "remove", path: "/metadata/labels/x" }], "--type=json"));
		expect(await read("deployment patched", ".metadata.labels")).toBe('{"z":"1"}');
		const test = [
			{ op: "remove", path: "/metadata/labels/z" },
			{ op: "test", path: "/spec/replicas", value: 33 },
		];
		expect(await fail(patch("deployment patched", test, "--type=json"))).toBe(
			"The request is invalid: the server rejected our request due to an error in our request\n",
		);
		expect(await read("deployment patched", ".metadata.labels")).toBe('{"z":"1"}');
	});

	it("goes to the status or the scale alone", async () => {
		const gpus = { status: { capacity: { "example.com/gpu": "2" } }, spec: { unschedulable: true } };
		expect(await run(patch("node node-1", gpus, "--subresource=status", "--type=merge"))).toBe("node/node-1 patched\n");
		expect(await read("node node-1", ".status.capacity.example\\.com/gpu")).toBe("2");
		expect(await read("node node-1", ".spec.unschedulable")).toBe("");
		const scale = { spec: { replicas: 3 } };
		expect(await run(patch("deployment edited", scale, "--subresource=scale", "--type=merge"))).toBe("scale.autoscaling/edited patched\n");
		expect(await read("deployment edited", ".spec.replicas")).toBe("3");
		expect(await run("get deployment edited --subresource=scale -o jsonpath={.kind}/{.spec.replicas}/{.status.selector}")).toBe(
			"Scale/3/app=edited",
		);
	});

	it("says what is wrong with a patch", async () => {
		expect(await fail("patch deployment patched -p nonsense")).toBe(
			"Error from server (BadRequest): json: cannot unmarshal string into Go value of type map[string]interface {}\n",
		);
		expect(await fail(patch("deployment patched", { spec: { replicas: "two" } }))).toBe(
			'The request is invalid: patch: Invalid value: "map[spec:map[replicas:two]]": unrecognized type: int32\n',
		);
		expect(await fail(patch("deployment nobody", {}))).toBe(notFound("deployments.apps", "nobody"));
		expect(await fail(patch("deployment patched", { metadata: { name: "renamed" } }))).toBe(
			"Error from server (BadRequest): the name of the object (renamed) does not match the name on the URL (patched)\n",
		);
		expect(await fail(patch("deployment patched", { metadata: { namespace: "kube-system" } }))).toBe(
			"Error from server (BadRequest): the namespace of the provided object does not match the namespace sent on the request\n",
		);
	});
});

describe("what may not change", () => {
	it.each([
		[
			"deployment web",
			{ spec: { selector: { matchLabels: { z: "z" } }, template: { metadata: { labels: { z: "z" } } } } },
			'The Deployment "web" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"web","z":"z"}}: field is immutable\n',
		],
		[
			"service kubernetes",
			{ spec: { clusterIP: "10.96.0.77" } },
			'The Service "kubernetes" is invalid: spec.clusterIPs[0]: Invalid value: ["10.96.0.77"]: may not change once set\n',
		],
		[
			"configmap kube-root-ca.crt",
			{ metadata: { creationTimestamp: "2020-01-01T00:00:00Z" } },
			'The ConfigMap "kube-root-ca.crt" is invalid: metadata.creationTimestamp: Invalid value: "2020-01-01T00:00:00Z": field is immutable\n',
		],
	])("%s %j", async (what, document, text) => {
		expect(await fail(patch(what, document))).toBe(text);
	});

	it("a job's completions, a class's value, a secret's type, a binding's role, an immutable config map", async () => {
		await run("create job fixed --image=busybox -- true");
		expect(await fail(patch("job fixed", { spec: { completions: 4 } }))).toBe(
			'The Job "fixed" is invalid: spec.completions: Invalid value: 4: field is immutable\n',
		);
		await run("create priorityclass fixed --value=1000");
		expect(await fail(patch("priorityclass fixed", { value: 5 }))).toBe(
			'The PriorityClass "fixed" is invalid: value: Forbidden: may not be changed in an update.\n',
		);
		await run("create secret generic fixed --from-literal=a=b");
		expect(await fail(patch("secret fixed", { type: "example.com/other" }))).toBe(
			'The Secret "fixed" is invalid: type: Invalid value: "example.com/other": field is immutable\n',
		);
		await run("create rolebinding fixed --clusterrole=view --user=jane");
		expect(await fail(patch("rolebinding fixed", { roleRef: { name: "edit" } }))).toBe(
			'The RoleBinding "fixed" is invalid: roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"ClusterRole","Name":"edit"}: cannot change roleRef\n',
		);
		await run("create configmap fixed --from-literal=a=b");
		await run(patch("configmap fixed", { immutable: true }));
		const text = "Forbidden: field is immutable when `immutable` is set\n";
		expect(await fail(patch("configmap fixed", { data: { a: "c" } }))).toBe(`The ConfigMap "fixed" is invalid: data: ${text}`);
		expect(await fail(patch("configmap fixed", { immutable: false }))).toBe(`The ConfigMap "fixed" is invalid: immutable: ${text}`);
	});
});

describe("replace", () => {
	it("refuses a stale object, takes one without a version, and makes a new one by force", async () => {
		await run("create configmap replaced --from-literal=a=1");
		const stale = JSON.parse(await run("get configmap replaced -o json"));
		await run("label configmap replaced newer=yes");
		expect(await fail("replace -f -", JSON.stringify(stale))).toBe(
			'Error from server (Conflict): error when replacing "STDIN": Operation cannot be fulfilled on configmaps "replaced": the object has been modified; please apply your changes to the latest version and try again\n',
		);
		const { resourceVersion: _, uid, ...metadata } = stale.metadata;
		const fresh = JSON.stringify({ ...stale, metadata, data: { b: "2" } });
		expect(await run("replace -f -", fresh)).toBe("configmap/replaced replaced\n");
		expect(await read("configmap replaced", ".data")).toBe('{"b":"2"}');
		expect(await read("configmap replaced", ".metadata.labels")).toBe("");
		expect(await read("configmap replaced", ".metadata.uid")).toBe(uid);
		expect(await run("replace --force -f -", fresh)).toBe(
			'configmap "replaced" deleted from default namespace\nconfigmap/replaced replaced\n',
		);
		expect(await read("configmap replaced", ".metadata.uid")).not.toBe(uid);
		const unknown = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "nobody" } });
		expect(await fail("replace -f -", unknown)).toBe(
			'Error from server (NotFound): error when replacing "STDIN": configmaps "nobody" not found\n',
		);
	});
});

describe("label and annotate", () => {
	it("adds, refuses to overwrite, overwrites, removes", async () => {
		await run("create configmap marked");
		await run("label configmap marked always=there");
		expect(await run("label configmap marked x=1")).toBe("configmap/marked labeled\n");
		expect(await fail("label configmap marked x=2")).toBe("error: 'x' already has a value (1), and --overwrite is false\n");
		expect(await run("label configmap marked x=2 --overwrite")).toBe("configmap/marked labeled\n");
		expect(await run("get configmap -l x=2 -L x --no-headers -o custom-columns=:.metadata.name,:.metadata.labels.x")).toBe("marked   2\n");
		expect(await run("label configmap marked x-")).toBe("configmap/marked unlabeled\n");
		expect(await run("label configmap marked x-")).toBe('label "x" not found.\nconfigmap/marked not labeled\n');
		expect(await fail("label configmap marked k=v --resource-version=1")).toBe(
			'Error from server (Conflict): Operation cannot be fulfilled on configmaps "marked": the object has been modified; please apply your changes to the latest version and try again\n',
		);
		expect(await run("annotate configmap marked n=1")).toBe("configmap/marked annotated\n");
		expect(await fail("annotate configmap marked n=2")).toBe(
			"error: --overwrite is false but found the following declared annotation(s): 'n' already has a value (1)\n",
		);
		expect(await run("annotate configmap marked n-")).toBe("configmap/marked annotated\n");
		expect(await run("label node --all disk=ssd")).toBe("node/node-1 labeled\nnode/node-2 labeled\nnode/node-3 labeled\n");
	});
});

describe("scale, autoscale, set", () => {
	it("scales one or several, under a precondition or not", async () => {
		expect(await run("scale deployment web patched --replicas=1")).toBe("deployment.apps/web scaled\ndeployment.apps/patched scaled\n");
		expect(await fail("scale deployment web --current-replicas=9 --replicas=2")).toBe("error: Expected replicas to be 9, was 1\n");
		expect(await run("scale deployment web --current-replicas=1 --replicas=2")).toBe("deployment.apps/web scaled\n");
		expect(await fail("scale deployment web --resource-version=1 --replicas=3")).toMatch(
			/^error: Expected resource version to be 1, was \d+\n$/,
		);
		expect(await fail("scale replicaset nobody --replicas=2")).toBe(notFound("replicasets.apps", "nobody"));
		await run("rollout status deployment/web --timeout=20s");
	});

	it("makes an autoscaler", async () => {
		expect(await run("autoscale deployment web --min=1 --max=4 --cpu=50%")).toBe("horizontalpodautoscaler.autoscaling/web autoscaled\n");
		expect(maskedText(await run("get hpa web"))).toBe(
			"NAME REFERENCE TARGETS MINPODS MAXPODS REPLICAS AGE\nweb Deployment/web cpu: <unknown>/50% 1 4 0 AGE\n",
		);
		expect(maskedText(await run("describe hpa web"))).toContain("\nReference: Deployment/web\n");
	});

	it("sets images, environments, resources, service accounts and selectors", async () => {
		await run("create configmap settings --from-literal=colour=blue");
		expect(await run("set image deployment/web nginx=nginx:1.28")).toBe("deployment.apps/web image updated\n");
		expect(await fail("set image deployment/web nobody=nginx")).toBe('error: unable to find container named "nobody"\n');
		expect(await run("set env deployment/web X=1")).toBe("deployment.apps/web env updated\n");
		await run("set env deployment/web --from=configmap/settings");
		expect(await run("set env deployment/web --list")).toBe(
			"# Deployment web, container nginx\nX=1\n# COLOUR from configmap settings, key colour\n",
		);
		expect(await run("set resources deployment/web --requests=cpu=100m --limits=cpu=200m,memory=64Mi")).toBe(
			"deployment.apps/web resource requirements updated\n",
		);
		expect(await fail("set resources deployment/web --limits=cpu=50m")).toBe(
			'error: failed to patch resources update to pod template Deployment.apps "web" is invalid: spec.template.spec.containers[0].resources.requests: Invalid value: "100m": must be less than or equal to cpu limit of 50m\n',
		);
		await run("create serviceaccount runner");
		expect(await run("set serviceaccount deployment/web runner")).toBe("deployment.apps/web serviceaccount updated\n");
		await run("rollout status deployment/web --timeout=20s");
		expect(await run(["get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].spec.serviceAccountName}"])).toContain("runner");
		await run("create service clusterip chosen --tcp=80");
		expect(await run("set selector service chosen app=web")).toBe("service/chosen selector updated\n");
		await run(["wait", "--for=jsonpath={.subsets[0].addresses[1].ip}", "endpoints/chosen", "--timeout=10s"]);
	});
});

describe("delete", () => {
	it("deletes by name, label, file and all", async () => {
		for (const name of ["d1", "d2", "d3", "d4"]) await run(`create configmap ${name}`);
		await run("label configmap d2 d3 group=x");
		expect(await run("delete configmap d1 --dry-run=server")).toBe('configmap "d1" deleted from default namespace (server dry run)\n');
		expect(await run("delete configmap d1")).toBe('configmap "d1" deleted from default namespace\n');
		expect(await fail("delete configmap d1")).toBe(notFound("configmaps", "d1"));
		expect(await run("delete configmap d1 --ignore-not-found")).toBe("");
		expect(await run("delete configmap -l group=x")).toBe(
			'configmap "d2" deleted from default namespace\nconfigmap "d3" deleted from default namespace\n',
		);
		expect(await run("delete -f -", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: d4 }\n")).toBe(
			'configmap "d4" deleted from default namespace\n',
		);
		await run("create namespace all");
		await run("create quota q1 -n all");
		expect(await run("delete quota --all -n all")).toBe('resourcequota "q1" deleted from all namespace\n');
	});

	it("ends pods with grace, now, or by force", async () => {
		for (const name of ["p1", "p2", "p3"]) await run(`run ${name} --image=nginx`);
		await run("wait --for=condition=Ready pod/p1 pod/p2 pod/p3 --timeout=20s");
		expect(await run("delete pod p1")).toBe('pod "p1" deleted from default namespace\n');
		expect(await run("delete pod p2 --now")).toBe('pod "p2" deleted from default namespace\n');
		expect(await test.kubectl.try(["delete", "pod", "p3", "--grace-period=0", "--force"])).toEqual({
			stdout: 'pod "p3" force deleted from default namespace\n',
			stderr:
				"Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n",
			exitCode: 0,
		});
		expect(await run("get pods p1 p2 p3 --ignore-not-found")).toBe("");
	});

	it("leaves, deletes before or deletes after what an object owns", async () => {
		for (const name of ["orphaning", "foreground", "background"]) await run(`create deployment ${name} --image=nginx`);
		await run("wait --for=condition=Available deployment/orphaning deployment/foreground deployment/background --timeout=20s");
		await run("delete deployment orphaning --cascade=orphan");
		expect(await read("replicaset -l app=orphaning", ".items[*].metadata.ownerReferences")).toBe("");
		expect(await read("pod -l app=orphaning", ".items[*].status.phase")).toBe("Running");
		await run("delete deployment foreground --cascade=foreground");
		expect(await run("get replicaset,pod -l app=foreground -o name")).toBe("");
		await run("delete deployment background --cascade=background");
		await run("wait --for=delete replicaset,pod -l app=background --timeout=10s");
		await run("delete replicaset -l app=orphaning");
		await run("wait --for=delete pod -l app=orphaning --timeout=10s");
	});

	it("collects what owners leave behind", async () => {
		await run("create configmap owner");
		const uid = await read("configmap owner", ".metadata.uid");
		const child = (ownerUid: string, finalizers = "[]") =>
			`apiVersion: v1\nkind: ConfigMap\nmetadata: { name: child, finalizers: ${finalizers}, ownerReferences: [{ apiVersion: v1, kind: ConfigMap, name: owner, uid: ${ownerUid}, blockOwnerDeletion: true }] }\n`;
		await run("create -f -", child("11111111-1111-1111-1111-111111111111"));
		await run("wait --for=delete configmap/child --timeout=10s");
		await run("create -f -", child(uid, "[example.com/hold]"));
		await run("delete configmap owner --cascade=foreground --wait=false");
		await run(["wait", "--for=jsonpath={.metadata.deletionTimestamp}", "configmap/child", "--timeout=10s"]);
		expect(await read("configmap owner", ".metadata.finalizers")).toBe('["foregroundDeletion"]');
		await run(patch("configmap child", { metadata: { finalizers: null } }));
		await run("wait --for=delete configmap/child configmap/owner --timeout=10s");
	});

	it("waits for finalizers", async () => {
		await run("create -f -", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: held, finalizers: [example.com/hold] }\n");
		const { stdout, stderr, exitCode } = await test.kubectl.try(["delete", "configmap", "held", "--timeout=300ms"]);
		// On a slow machine client-go remarks on its own watch that lasted less than a second.
		const said = stderr.replace(/^I\d{4} .*very short watch.*\n/gm, "");
		expect([stdout, said, exitCode]).toEqual([
			'configmap "held" deleted from default namespace\n',
			"error: timed out waiting for the condition on configmaps/held\n",
			1,
		]);
		const another = [{ op: "add", path: "/metadata/finalizers/-", value: "example.com/another" }];
		expect(await fail(patch("configmap held", another, "--type=json"))).toBe(
			'The ConfigMap "held" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/another"}\n',
		);
		await run("label configmap held still=here");
		await run(patch("configmap held", { metadata: { finalizers: null } }));
		expect(await fail("get configmap held")).toBe(notFound("configmaps", "held"));
		expect(await fail("create -f -", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: bad, finalizers: [hold] }\n")).toBe(
			'The ConfigMap "bad" is invalid: metadata.finalizers[0]: Invalid value: "hold": name is neither a standard finalizer name nor is it fully qualified\n',
		);
	});

	it("empties a namespace before it goes, and keeps those that must stay", async () => {
		await run("create namespace full");
		await run("create deployment web --image=nginx --replicas=2 -n full");
		await run("expose deployment web --port=80 -n full");
		expect(await run("delete namespace full")).toBe('namespace "full" deleted\n');
		expect(await run("get all -n full -o name")).toBe("");
		expect(await fail("create configmap late -n full")).toBe('error: failed to create configmap: namespaces "full" not found\n');
		expect(await fail("delete namespace default")).toBe(
			'Error from server (Forbidden): namespaces "default" is forbidden: this namespace may not be deleted\n',
		);
	});

	it("says why a namespace hangs and what may not be made in it", async () => {
		await run("create namespace stuck");
		await run("create -n stuck -f -", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: held, finalizers: [example.com/hold] }\n");
		await run("delete namespace stuck --wait=false");
		await run("wait --for=condition=NamespaceFinalizersRemaining namespace/stuck --timeout=10s");
		expect(await read("namespace stuck", ".status.phase")).toBe("Terminating");
		expect(await read("namespace stuck", '.status.conditions[?(@.type=="NamespaceFinalizersRemaining")].message')).toBe(
			"Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
		);
		expect(await fail("create configmap late -n stuck")).toBe(
			'error: failed to create configmap: configmaps "late" is forbidden: unable to create new content in namespace stuck because it is being terminated\n',
		);
		await run(["patch", "configmap", "held", "-n", "stuck", "-p", '{"metadata":{"finalizers":null}}']);
		await run("wait --for=delete namespace/stuck --timeout=20s");
	});
});
