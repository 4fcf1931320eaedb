/** Declarative management: `apply` in all its forms, `diff`, and helm. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { maskedText } from "../tools/masked-text.ts";

let test: TestCluster;
const run = (args: string | readonly string[], input?: string) => test.kubectl.run(args, input);
const fail = (args: string | readonly string[], input?: string) => test.kubectl.fail(args, input);
const helm = (args: string) => test.helm.run(args);

/** Writes a file of the test's own, in folders as needed, and gives its path. */
function file(name: string, content: string): string {
	const path = join(test.directory, name);
	mkdirSync(dirname(path), { recursive: true });
	writeFileSync(path, content);
	return path;
}

const configMap = (name: string, data: string, metadata = "") =>
	`apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}${metadata} }\ndata: ${data}\n`;

const deployment = (name: string, replicas: string, containers: string) => `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, labels: { app: ${name} } }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers: ${containers}
`;

beforeAll(async () => {
	test = await startTestCluster();
});
afterAll(() => test[Symbol.asyncDispose]());

describe("apply", () => {
	it("takes a file, several files, a directory, a tree and stdin, and says what it did", async () => {
		const a = file("tree/a.yaml", configMap("a", "{ k: v, k2: v2 }"));
		const b = file("tree/sub/b.yaml", configMap("b", "{ k: v }"));
		const tree = dirname(a);
		expect(await run(`apply -f ${tree}`)).toBe("configmap/a created\n");
		expect(await run(`apply -R -f ${tree}`)).toBe("configmap/a unchanged\nconfigmap/b created\n");
		expect(await run(`apply -f ${a} -f ${b}`)).toBe("configmap/a unchanged\nconfigmap/b unchanged\n");
		expect(await run("apply -f -", configMap("a", "{ k: w }"))).toBe("configmap/a configured\n");
		expect(await run("get configmap a -o jsonpath={.data}")).toBe('{"k":"w"}');
		expect(await run(`apply --dry-run=server -f ${a}`)).toBe("configmap/a configured (server dry run)\n");
		expect(await run("get configmap a -o jsonpath={.data}")).toBe('{"k":"w"}');
		expect(await run(`delete -R -f ${tree}`)).toBe(
			'configmap "a" deleted from default namespace\nconfigmap "b" deleted from default namespace\n',
		);
	});

	it("keeps what it last applied in an annotation and shows it", async () => {
		await run("apply -f -", configMap("noted", "{ k: v }"));
		expect(await run(["get", "configmap", "noted", "-o", "jsonpath={.metadata.annotations}"])).toBe(
			JSON.stringify({
				"kubectl.kubernetes.io/last-applied-configuration":
					'{"apiVersion":"v1","data":{"k":"v"},"kind":"ConfigMap","metadata":{"annotations":{},"name":"noted","namespace":"default"}}\n',
			}),
		);
		expect(await run("apply view-last-applied configmap/noted")).toBe(`apiVersion: v1
data:
  k: v
kind: ConfigMap
metadata:
  annotations: {}
  name: noted
  namespace: default
`);
	});

	it("merges three ways: what the manifest lost goes, what others set stays", async () => {
		const both =
			'[{ name: main, image: nginx, args: [a, b], env: [{ name: A, value: "1" }, { name: B, value: "2" }], ports: [{ containerPort: 80 }, { containerPort: 81 }] }, { name: side, image: nginx }]';
		const one = '[{ name: main, image: nginx, env: [{ name: A, value: "3" }], ports: [{ containerPort: 80 }] }]';
		await run("apply -f -", deployment("three", "0", both));
		await run("set env deployment/three --containers=main C=by-hand");
		await run("label deployment three owner=me");
		await run("scale deployment three --replicas=0");
		const manifest = deployment("three", "0", one);
		expect(await run("apply -f -", manifest)).toBe("deployment.apps/three configured\n");
		const object = JSON.parse(await run("get deployment three -o json"));
		expect(object.metadata.labels).toEqual({ app: "three", owner: "me" });
		expect(object.spec.template.spec.containers).toEqual([
			{
				name: "main",
				image: "nginx",
				env: [
					{ name: "A", value: "3" },
					{ name: "C", value: "by-hand" },
				],
				ports: [{ containerPort: 80, protocol: "TCP" }],
				imagePullPolicy: "Always",
				resources: {},
				terminationMessagePath: "/dev/termination-log",
				terminationMessagePolicy: "File",
			},
		]);
		// kubectl sends its order of the list again, since the live one has an element more; nothing comes of it.
		expect(await run("apply -f -", manifest)).toBe("deployment.apps/three configured\n");
		expect(await run("get deployment three -o jsonpath={.metadata.generation}")).toBe(String(object.metadata.generation));
	});

	it("takes null for: let the server decide", async () => {
		await run("apply -f -", deployment("nulls", "3", "[{ name: main, image: nginx }]"));
		await run("apply -f -", deployment("nulls", "null", "[{ name: main, image: nginx }]"));
		expect(await run("get deployment nulls -o jsonpath={.spec.replicas}")).toBe("1");
	});

	it("warns about an object that it did not create, and adopts it", async () => {
		await run("create deployment bare --image=nginx --replicas=0");
		const manifest = deployment("bare", "0", "[{ name: nginx, image: httpd }]");
		expect(await test.kubectl.try(["apply", "-f", "-"], manifest)).toEqual({
			stdout: "deployment.apps/bare configured\n",
			stderr:
				"Warning: resource deployments/bare is missing the kubectl.kubernetes.io/last-applied-configuration annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.\n",
			exitCode: 0,
		});
		expect(await test.kubectl.try(["apply", "-f", "-"], manifest)).toMatchObject({
			stdout: "deployment.apps/bare unchanged\n",
			stderr: "",
		});
	});

	it("prunes what left the set", async () => {
		const labels = ", labels: { set: x }";
		const keep = file("keep.yaml", configMap("keep", "{ a: b }", labels));
		await run("apply -f -", configMap("drop", "{ a: b }", labels));
		await run("create configmap by-hand");
		await run("label configmap by-hand set=x");
		expect(await run(`apply -f ${keep} --prune -l set=x --prune-allowlist=core/v1/ConfigMap`)).toBe(
			"configmap/keep created\nconfigmap/drop pruned\n",
		);
		expect(await run("get configmap -l set=x -o name")).toBe("configmap/by-hand\nconfigmap/keep\n");
	});

	it("builds a kustomization", async () => {
		file("base/deployment.yaml", deployment("shop", "0", "[{ name: main, image: nginx }]"));
		file("base/kustomization.yaml", "resources: [deployment.yaml]\n");
		const overlay = dirname(
			file(
				"overlay/kustomization.yaml",
				"namePrefix: dev-\nresources: [../base]\nimages: [{ name: nginx, newTag: '1.28' }]\nconfigMapGenerator: [{ name: conf, literals: [a=b] }]\n",
			),
		);
		expect(maskedText(await run(`apply -k ${overlay}`))).toBe("configmap/dev-conf-HASH created\ndeployment.apps/dev-shop created\n");
		expect(maskedText(await run(`apply -k ${overlay}`))).toBe("configmap/dev-conf-HASH unchanged\ndeployment.apps/dev-shop unchanged\n");
		expect(await run(["get", "deployment", "dev-shop", "-o", "jsonpath={.spec.template.spec.containers[0].image}"])).toBe("nginx:1.28");
		expect(maskedText(await run(`delete -k ${overlay}`))).toBe(
			'configmap "dev-conf-HASH" deleted from default namespace\ndeployment.apps "dev-shop" deleted from default namespace\n',
		);
	});

	it("makes a namespace and what is in it from one file", async () => {
		const text = `apiVersion: v1\nkind: Namespace\nmetadata: { name: fresh }\n---\n${configMap("inside", "{ a: b }", ", namespace: fresh")}`;
		expect(await run("apply -f -", text)).toBe("namespace/fresh created\nconfigmap/inside created\n");
	});
});

describe("diff", () => {
	it("says with its exit code whether there is a difference, and changes nothing", async () => {
		const before = configMap("compared", "{ a: '1', b: '2' }");
		const after = configMap("compared", "{ a: '3' }");
		await run("apply -f -", before);
		expect(await test.kubectl.try(["diff", "-f", "-"], before)).toEqual({ stdout: "", stderr: "", exitCode: 0 });
		const difference = await test.kubectl.try(["diff", "-f", "-"], after);
		expect(difference).toMatchObject({ exitCode: 1, stderr: "" });
		const lines = difference.stdout.split("\n").filter((line) => /^[-+] /.test(line));
		expect(lines).toEqual(['-  a: "1"', '-  b: "2"', '+  a: "3"']);
		const created = await test.kubectl.try(["diff", "-f", "-"], configMap("new", "{ a: b }"));
		expect(created.exitCode).toBe(1);
		expect(created.stdout).toContain("\n+kind: ConfigMap\n");
		expect(await run("get configmap compared -o jsonpath={.data}")).toBe('{"a":"1","b":"2"}');
		expect(await fail("get configmap new")).toBe('Error from server (NotFound): configmaps "new" not found\n');
	});
});

describe("helm", () => {
	it("installs, upgrades, rolls back, tests and uninstalls the standard chart", async () => {
		const chart = join(test.directory, "chart");
		await helm(`create ${chart}`);
		expect(await helm(`template release ${chart}`)).toContain("# Source: chart/templates/deployment.yaml\n");
		expect(await helm(`install release ${chart} --wait --timeout 20s`)).toContain("STATUS: deployed\nREVISION: 1\n");
		const columns = (text: string) =>
			text
				.trimEnd()
				.split("\n")
				.map((line) => line.split("\t").map((cell) => cell.trim()));
		const [header, row = []] = columns(await helm("list"));
		expect(header).toEqual(["NAME", "NAMESPACE", "REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION"]);
		expect([row[0], row[1], row[2], row[4], row[5]]).toEqual(["release", "default", "1", "deployed", "chart-0.1.0"]);
		expect(await run("get deployment release-chart -o jsonpath={.status.readyReplicas}")).toBe("1");
		expect(await helm("test release")).toContain("Phase:          Succeeded\n");

		const upgraded = await helm(`upgrade release ${chart} --set replicaCount=2 --wait --timeout 20s`);
		expect(upgraded).toContain('Release "release" has been upgraded. Happy Helming!\n');
		expect(await helm("status release")).toContain("STATUS: deployed\nREVISION: 2\n");
		expect(await run("get deployment release-chart -o jsonpath={.status.readyReplicas}")).toBe("2");
		expect(await helm("rollback release 1 --wait --timeout 20s")).toBe("Rollback was a success! Happy Helming!\n");
		expect(columns(await helm("history release")).map((cells) => [cells[0], cells[2], cells[5]])).toEqual([
			["REVISION", "STATUS", "DESCRIPTION"],
			["1", "superseded", "Install complete"],
			["2", "superseded", "Upgrade complete"],
			["3", "deployed", "Rollback to 1"],
		]);
		expect(await run("get deployment release-chart -o jsonpath={.spec.replicas}")).toBe("1");
		expect(await helm("uninstall release --wait --timeout 20s")).toBe('release "release" uninstalled\n');
		// The pod of `helm test` is a hook's, which outlives the release.
		expect(await run("get all,serviceaccount -l app.kubernetes.io/instance=release -o name")).toBe("pod/release-chart-test-connection\n");
		expect(await run("get secret -l owner=helm -o name")).toBe("");
	});

	it("merges on its own side if it is told to", async () => {
		const chart = join(test.directory, "chart2");
		await helm(`create ${chart}`);
		await helm(`install client ${chart} --server-side=false --wait --timeout 20s`);
		await helm(`upgrade client ${chart} --set replicaCount=2 --server-side=false --wait --timeout 20s`);
		expect(await run("get deployment client-chart2 -o jsonpath={.status.readyReplicas}")).toBe("2");
		const managers = await run(["get", "deployment", "client-chart2", "-o", "jsonpath={.metadata.managedFields[*].operation}"]);
		expect(new Set(managers.split(" "))).toEqual(new Set(["Update"]));
	});
});
