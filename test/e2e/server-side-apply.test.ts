/** Server-side apply and the owners of fields, with the real kubectl and helm; what they cannot say, over HTTP. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { refusal, send } from "../tools/https.ts";

let test: TestCluster;
const run = (args: string | readonly string[], input?: string) => test.kubectl.run(args, input);
const apply = (input: string, flags = "") => run(`apply --server-side ${flags} -f -`.replace("  ", " "), input);
const applyFails = (input: string, flags = "") => test.kubectl.fail(`apply --server-side ${flags} -f -`.replace("  ", " "), input);

const advice = `Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the \`--force-conflicts\` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts
`;

const configMap = (name: string, data: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: ${data}\n`;

const deployment = (name: string, replicas: string, containers: string) => `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, labels: { app: ${name} } }
spec:
  ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers: ${containers}
`;

interface Owners {
	readonly manager: string;
	readonly operation: string;
	readonly subresource?: string;
	readonly fieldsV1: unknown;
}

async function ownersOf(resource: string): Promise<readonly Owners[]> {
	const object = JSON.parse(await run(`get ${resource} -o json --show-managed-fields`)) as { metadata: { managedFields?: Owners[] } };
	return object.metadata.managedFields ?? [];
}

const managersOf = async (resource: string) =>
	(await ownersOf(resource)).map(({ manager, operation, subresource }) => [manager, operation, subresource].filter(Boolean).join(" "));

beforeAll(async () => {
	test = await startTestCluster();
});
afterAll(() => test[Symbol.asyncDispose]());

describe("apply --server-side", () => {
	it("creates, changes and leaves alone", async () => {
		expect(await apply(configMap("one", "{ a: b }"))).toBe("configmap/one serverside-applied\n");
		const version = await run("get configmap one -o jsonpath={.metadata.resourceVersion}");
		expect(await apply(configMap("one", "{ a: b }"))).toBe("configmap/one serverside-applied\n");
		expect(await run("get configmap one -o jsonpath={.metadata.resourceVersion}")).toBe(version);
		expect(await apply(configMap("one", "{ c: d }"), "--dry-run=server")).toBe("configmap/one serverside-applied (server dry run)\n");
		expect(await run("get configmap one -o jsonpath={.data}")).toBe('{"a":"b"}');
		await apply(configMap("one", "{ c: d }"));
		expect(await run("get configmap one -o jsonpath={.data}")).toBe('{"c":"d"}');
	});

	it("refuses to change what others own, until it is forced", async () => {
		const manifest = deployment("web", "replicas: 0", "[{ name: nginx, image: nginx }]");
		await apply(manifest);
		await run("scale deployment web --replicas=1");
		await run("set image deployment/web nginx=httpd");
		expect(await managersOf("deployment web")).toEqual(
			expect.arrayContaining(["kubectl Apply", "kubectl Update scale", "kubectl-set Update"]),
		);
		expect(await applyFails(manifest)).toBe(
			`error: Apply failed with 2 conflicts: conflicts with "kubectl" with subresource "scale" using apps/v1:\n- .spec.replicas\nconflicts with "kubectl-set" using apps/v1:\n- .spec.template.spec.containers[name="nginx"].image\n${advice}`,
		);
		expect(await applyFails(deployment("web", "", "[{ name: nginx, image: nginx }]"))).toBe(
			`error: Apply failed with 1 conflict: conflict with "kubectl-set" using apps/v1: .spec.template.spec.containers[name="nginx"].image\n${advice}`,
		);
		await apply(manifest, "--force-conflicts");
		expect(await run(["get", "deployment", "web", "-o", "jsonpath={.spec.replicas} {.spec.template.spec.containers[0].image}"])).toBe(
			"0 nginx",
		);
		expect((await managersOf("deployment web")).filter((text) => !text.startsWith("kube-controller-manager"))).toEqual(["kubectl Apply"]);
	});

	it("lets two managers have their items in one list, and takes an item away with its last owner", async () => {
		const mine = (containers: string) => deployment("shared", "replicas: 0", containers);
		const theirs = `apiVersion: apps/v1
kind: Deployment
metadata: { name: shared }
spec: { template: { spec: { containers: [{ name: sidecar, image: busybox }, { name: main, image: nginx }] } } }
`;
		const names = () => run(["get", "deployment", "shared", "-o", "jsonpath={.spec.template.spec.containers[*].name}"]);
		await apply(mine("[{ name: main, image: nginx }, { name: extra, image: nginx }]"));
		await apply(theirs, "--field-manager=mesh");
		expect(await names()).toBe("sidecar main extra");
		await apply(mine("[{ name: main, image: nginx }]"));
		expect(await names()).toBe("sidecar main");
		await apply(theirs.replace("{ name: sidecar, image: busybox }, ", ""), "--field-manager=mesh");
		expect(await names()).toBe("main");
		expect(await applyFails(mine("[{ name: main, image: httpd }]"))).toBe(
			`error: Apply failed with 1 conflict: conflict with "mesh": .spec.template.spec.containers[name="main"].image\n${advice}`,
		);
	});

	it("shows the owners of a new Deployment as kube-apiserver does, if it is asked to", async () => {
		await apply(deployment("shown", "replicas: 0", "[{ name: nginx, image: nginx, ports: [{ containerPort: 80 }] }]"));
		await run("create deployment typed --image=nginx --replicas=0");
		expect(await run("get deployment shown -o yaml")).not.toContain("managedFields");
		const own = async (name: string, manager: string) => {
			const text = await run(`get deployment ${name} -o yaml --show-managed-fields`);
			const entries = text.slice(text.indexOf("  managedFields:\n"), text.indexOf("\n  name: ") + 1).split("\n  - ");
			const entry = entries.find((candidate) => candidate.includes(`\n    manager: ${manager}\n`));
			return `  - ${entry}`.trimEnd().replace(/"[-0-9]+T[:0-9]+Z"/, '"TIME"');
		};
		expect(await own("shown", "kubectl")).toBe(`  - apiVersion: apps/v1
    fieldsType: FieldsV1
    fieldsV1:
      f:metadata:
        f:labels:
          f:app: {}
      f:spec:
        f:replicas: {}
        f:selector: {}
        f:template:
          f:metadata:
            f:labels:
              f:app: {}
          f:spec:
            f:containers:
              k:{"name":"nginx"}:
                .: {}
                f:image: {}
                f:name: {}
                f:ports:
                  k:{"containerPort":80,"protocol":"TCP"}:
                    .: {}
                    f:containerPort: {}
    manager: kubectl
    operation: Apply
    time: "TIME"`);
		expect(await own("typed", "kubectl-create")).toBe(`  - apiVersion: apps/v1
    fieldsType: FieldsV1
    fieldsV1:
      f:metadata:
        f:labels:
          .: {}
          f:app: {}
      f:spec:
        f:progressDeadlineSeconds: {}
        f:replicas: {}
        f:revisionHistoryLimit: {}
        f:selector: {}
        f:strategy:
          f:rollingUpdate:
            .: {}
            f:maxSurge: {}
            f:maxUnavailable: {}
          f:type: {}
        f:template:
          f:metadata:
            f:labels:
              .: {}
              f:app: {}
          f:spec:
            f:containers:
              k:{"name":"nginx"}:
                .: {}
                f:image: {}
                f:imagePullPolicy: {}
                f:name: {}
                f:resources: {}
                f:terminationMessagePath: {}
                f:terminationMessagePolicy: {}
            f:dnsPolicy: {}
            f:restartPolicy: {}
            f:schedulerName: {}
            f:securityContext: {}
            f:terminationGracePeriodSeconds: {}
    manager: kubectl-create
    operation: Update
    time: "TIME"`);
	});

	it("takes over from client-side apply, and keeps the note that one may go back with", async () => {
		await run("apply -f -", configMap("moved", "{ a: '1', b: '2' }"));
		expect(await managersOf("configmap moved")).toEqual(["kubectl-client-side-apply Update"]);
		await apply(configMap("moved", "{ a: '3' }"));
		expect(await run("get configmap moved -o jsonpath={.data}")).toBe('{"a":"3"}');
		expect(await managersOf("configmap moved")).toEqual(["kubectl Apply", "kubectl-last-applied Apply"]);
		expect(await run("apply view-last-applied configmap/moved -o json")).toContain('"a": "3"');
		expect(await run("apply -f -", configMap("moved", "{ a: '4' }"))).toBe("configmap/moved configured\n");
	});

	it("finds mistakes with a path", async () => {
		expect(await applyFails(deployment("typo", "replicaz: 1", "[{ name: a, image: a, env: [{ name: A }, { name: A }] }]"))).toBe(
			`Error from server: failed to create typed patch object (default/typo; apps/v1, Kind=Deployment): errors:
  .spec.replicaz: field not declared in schema
  .spec.template.spec.containers[name="a"].env: duplicate entries for key [name="A"]
`,
		);
		expect(await applyFails(configMap("typo", "{ a: 1 }"))).toBe(
			"Error from server: failed to create typed patch object (default/typo; /v1, Kind=ConfigMap): .data.a: expected string, got &value.valueUnstructured{Value:1}\n",
		);
	});

	it("compares on the server", async () => {
		await apply(configMap("compared", "{ a: '1', b: '2' }"));
		const args = ["diff", "--server-side", "-f", "-"];
		expect(await test.kubectl.try(args, configMap("compared", "{ a: '1', b: '2' }"))).toEqual({ stdout: "", stderr: "", exitCode: 0 });
		const { stdout, exitCode } = await test.kubectl.try(args, configMap("compared", "{ a: '3' }"));
		expect([exitCode, stdout.split("\n").filter((line) => /^[-+] /.test(line))]).toEqual([1, ['-  a: "1"', '-  b: "2"', '+  a: "3"']]);
	});
});

describe("owners of fields", () => {
	it("are the components of the cluster, each for its part", async () => {
		await run("create deployment pair --image=nginx --replicas=1");
		await run("rollout status deployment pair");
		const deployed = (await managersOf("deployment pair")).sort();
		expect(deployed).toEqual(["kube-controller-manager Update status", "kubectl-create Update"]);
		const name = await run(["get", "pod", "-l", "app=pair", "-o", "jsonpath={.items[0].metadata.name}"]);
		expect((await managersOf(`pod ${name}`)).sort()).toEqual(["kube-controller-manager Update", "kubelet Update status"]);
		expect(await managersOf("namespace default")).toEqual(["kube-apiserver Update"]);
	});

	it("are forgotten on request, and begin anew with the next apply", async () => {
		await run("create configmap forgotten --from-literal=a=b");
		await run(["patch", "configmap", "forgotten", "--type=merge", "-p", '{"metadata":{"managedFields":[]}}']);
		expect(await ownersOf("configmap forgotten")).toEqual([]);
		await run("label configmap forgotten x=y");
		expect(await ownersOf("configmap forgotten")).toEqual([]);
		await apply(configMap("forgotten", "{ c: d }"));
		expect((await ownersOf("configmap forgotten")).map(({ manager, fieldsV1 }) => [manager, fieldsV1])).toEqual([
			["kubectl", { "f:data": { "f:c": {} } }],
			["before-first-apply", { "f:data": { ".": {}, "f:a": {} }, "f:metadata": { "f:labels": { ".": {}, "f:x": {} } } }],
		]);
	});
});

describe("an apply over HTTP", () => {
	const type = { "content-type": "application/apply-patch+yaml" };
	const patch = (body: string) => ({ method: "PATCH", headers: type, body });
	const configMaps = "/api/v1/namespaces/default/configmaps";

	it("answers 201 for a new object and 200 for one that is there", async () => {
		const path = `${configMaps}/raw?fieldManager=me`;
		expect((await send(test, path, patch(configMap("raw", "{ a: b }")))).code).toBe(201);
		expect((await send(test, path, patch(configMap("raw", "{ a: c }")))).code).toBe(200);
	});

	it.each([
		[
			"without a manager",
			"raw",
			configMap("raw", "{}"),
			422,
			'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
		],
		[
			"with owners in it",
			"raw?fieldManager=me",
			"apiVersion: v1\nkind: ConfigMap\nmetadata: { name: raw, managedFields: [{ manager: x }] }",
			400,
			"metadata.managedFields must be nil",
		],
		[
			"of another version",
			"raw?fieldManager=me",
			"apiVersion: v2\nkind: ConfigMap\nmetadata: { name: raw }",
			400,
			"invalid object type: /v2, Kind=ConfigMap",
		],
		["of no kind", "raw?fieldManager=me", "metadata: { name: raw }", 400, "invalid object type: /, Kind="],
		[
			"with another name",
			"raw?fieldManager=me",
			configMap("other", "{}"),
			400,
			"the name of the object (other) does not match the name on the URL (raw)",
		],
		[
			"to an older state",
			"raw?fieldManager=me",
			"apiVersion: v1\nkind: ConfigMap\nmetadata: { name: raw, resourceVersion: '1' }",
			409,
			'Operation cannot be fulfilled on configmaps "raw": the object has been modified; please apply your changes to the latest version and try again',
		],
		[
			"to an object that is gone",
			"gone?fieldManager=me",
			"apiVersion: v1\nkind: ConfigMap\nmetadata: { name: gone, uid: abc }",
			409,
			'Operation cannot be fulfilled on configmaps "gone": uid mismatch: the provided object specified uid abc, and no existing object was found',
		],
		["to the status of nothing", "", "", 404, 'deployments.apps "nothing" not found'],
	])("is refused %s", async (_, path, body, code, message) => {
		const status = "/apis/apps/v1/namespaces/default/deployments/nothing/status?fieldManager=me";
		const answer =
			path === ""
				? await refusal(test, status, patch("apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: nothing }"))
				: await refusal(test, `${configMaps}/${path}`, patch(body));
		expect(answer).toMatchObject({ code, message });
	});

	it("sets a status, and the replicas of a scale, as parts with owners of their own", async () => {
		await apply(deployment("parts", "replicas: 0", "[{ name: nginx, image: nginx }]"));
		const path = "/apis/apps/v1/namespaces/default/deployments/parts";
		const status = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: parts }\nspec: { replicas: 7 }\nstatus: { collisionCount: 3 }";
		expect((await send(test, `${path}/status?fieldManager=me`, patch(status))).code).toBe(200);
		const scale = (replicas: number) =>
			patch(`apiVersion: autoscaling/v1\nkind: Scale\nmetadata: { name: parts }\nspec: { replicas: ${replicas} }`);
		expect((await refusal(test, `${path}/scale?fieldManager=me`, scale(1))).message).toBe(
			'Apply failed with 1 conflict: conflict with "kubectl": .spec.replicas',
		);
		expect((await send(test, `${path}/scale?fieldManager=me&force=true`, scale(1))).code).toBe(200);
		const owners = await ownersOf("deployment parts");
		expect(owners.filter(({ manager }) => manager === "me").map(({ subresource, fieldsV1 }) => [subresource, fieldsV1])).toEqual([
			["scale", { "f:spec": { "f:replicas": {} } }],
			["status", { "f:status": { "f:collisionCount": {} } }],
		]);
		expect(await run("get deployment parts -o jsonpath={.spec.replicas}")).toBe("1");
	});
});

describe("helm", () => {
	it("applies on the server by default, and owns what it applied", async () => {
		const chart = join(test.directory, "chart");
		await test.helm.run(`create ${chart}`);
		await test.helm.run(`install release ${chart} --wait --timeout 20s`);
		expect((await managersOf("deployment release-chart"))[0]).toBe("helm Apply");
		await run("scale deployment release-chart --replicas=2");
		expect(await test.helm.fail(`upgrade release ${chart} --set replicaCount=3`)).toContain(
			'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas',
		);
		await test.helm.run(`upgrade release ${chart} --set replicaCount=3 --force-conflicts --wait --timeout 20s`);
		expect(await run("get deployment release-chart -o jsonpath={.status.readyReplicas}")).toBe("3");
		expect(await test.helm.run("uninstall release --wait --timeout 20s")).toBe('release "release" uninstalled\n');
	});
});
