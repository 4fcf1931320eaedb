/** helm 4 against a cluster: the life of a release with hooks and a test, and what a chart meets that is not there yet. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";

let test: TestCluster;
let chart: string;
const helm = (args: string) => test.helm.run(args);
const run = (args: string) => test.run(args);
const wait = "--wait --timeout 30s";

/** A pod that says something, for a while or not, and ends. */
const hookPod = (name: string, hooks: string, script: string, weight = 0, policy = "before-hook-creation") => `apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-${name}
  annotations:
    helm.sh/hook: ${hooks}
    helm.sh/hook-weight: "${weight}"
    helm.sh/hook-delete-policy: ${policy}
spec:
  restartPolicy: Never
  containers:
    - name: main
      image: busybox
      command: [sh, -c, "${script}"]
`;

const files = {
	"Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\nappVersion: '1.0'\n",
	"values.yaml": "replicas: 1\ngreeting: hello\nfail: false\n",
	"templates/configmap.yaml": `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-settings
  labels: { app.kubernetes.io/managed-by: {{ .Release.Service }} }
data:
  greeting: {{ .Values.greeting | quote }}
  # Set once, then kept: the function asks the cluster.
  {{- $old := lookup "v1" "ConfigMap" .Release.Namespace (printf "%s-settings" .Release.Name) }}
  first: {{ if $old }}{{ $old.data.first | quote }}{{ else }}{{ .Values.greeting | quote }}{{ end }}
`,
	"templates/deployment.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }}-web }
spec:
  replicas: {{ .Values.replicas }}
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec: { containers: [{ name: web, image: nginx }] }
`,
	"templates/service.yaml": `apiVersion: v1
kind: Service
metadata: { name: {{ .Release.Name }}-web }
spec: { selector: { app: {{ .Release.Name }} }, ports: [{ port: 80 }] }
`,
	"templates/hooks.yaml": [
		hookPod("before", "pre-install,pre-upgrade", "{{ if .Values.fail }}exit 1{{ else }}echo ready{{ end }}", -5),
		hookPod("after", "post-install,post-upgrade", "echo installed"),
		hookPod("gone", "post-delete", "echo bye"),
		hookPod("cleaned", "pre-install", "echo brief", 5, "hook-succeeded"),
	].join("---\n"),
	"templates/tests/web.yaml": hookPod("test", "test", "wget -qO- http://{{ .Release.Name }}-web"),
	"templates/NOTES.txt": "{{ .Values.greeting }} from {{ .Release.Name }}, revision {{ .Release.Revision }}\n",
};

function writeChart(name: string, content: Readonly<Record<string, string>>): string {
	const root = join(test.directory, name);
	for (const [path, body] of Object.entries(content)) {
		mkdirSync(dirname(join(root, path)), { recursive: true });
		writeFileSync(join(root, path), body);
	}
	return root;
}

beforeAll(async () => {
	test = await startTestCluster();
	chart = writeChart("shop", files);
});
afterAll(() => test[Symbol.asyncDispose]());

const column = (table: string, name: string): string[] => {
	const [header = "", ...rows] = table.trimEnd().split("\n");
	const index = header.split("\t").findIndex((title) => title.trim() === name);
	return rows.map((row) => row.split("\t")[index]?.trim() ?? "");
};
const pods = async () => (await run("get pods -o name")).split("\n").filter((name) => !name.includes("-web-"));
const settings = (field: string) => run(`get configmap shop-settings -o jsonpath={.data.${field}}`);

describe("a release", () => {
	it("can be tried out first", async () => {
		expect(await helm(`install shop ${chart} --dry-run=server`)).toContain('greeting: "hello"');
		expect(await helm("list -q")).toBe("");
		expect(await run("get deployments -o name")).toBe("");
	});

	it("is installed with its hooks, and says what it notes", async () => {
		expect(await helm(`install shop ${chart} ${wait}`)).toMatch(/STATUS: deployed[\s\S]*NOTES:\nhello from shop, revision 1\n/);
		expect(column(await helm("list"), "STATUS")).toEqual(["deployed"]);
		expect(await run("get deployment shop-web -o jsonpath={.status.readyReplicas}")).toBe("1");
		expect((await pods()).filter(Boolean)).toEqual(["pod/shop-after", "pod/shop-before"]);
		expect(await run("logs shop-before")).toBe("ready\n");
		expect(await run("get secrets -o name")).toContain("secret/sh.helm.release.v1.shop.v1");
		expect(await test.helm.fail(`install shop ${chart}`)).toContain("cannot reuse a name that is still in use");
	});

	it("passes its test", async () => {
		expect(await helm("test shop --logs")).toMatch(/TEST SUITE:\s+shop-test[\s\S]*Phase:\s+Succeeded[\s\S]*<h1>Welcome to nginx!<\/h1>/);
	});

	it("is upgraded, and keeps what its templates look up", async () => {
		await helm(`upgrade shop ${chart} --set replicas=2,greeting=hi ${wait}`);
		expect([await settings("greeting"), await settings("first")]).toEqual(["hi", "hello"]);
		expect(await run("get deployment shop-web -o jsonpath={.status.readyReplicas}")).toBe("2");
		expect(await helm("get values shop")).toBe("USER-SUPPLIED VALUES:\ngreeting: hi\nreplicas: 2\n");
		expect(await helm("get notes shop")).toContain("hi from shop, revision 2");
	});

	it("fails with a hook that fails, and is what it was", async () => {
		expect(await test.helm.fail(`upgrade shop ${chart} --reuse-values --set fail=true ${wait}`)).toMatch(/pre-upgrade hooks? failed/);
		expect(column(await helm("history shop"), "STATUS")).toEqual(["superseded", "deployed", "failed"]);
		expect(await run("get pod shop-before -o jsonpath={.status.phase}")).toBe("Failed");
	});

	it("is rolled back", async () => {
		expect(await helm(`rollback shop 1 ${wait}`)).toContain("Rollback was a success! Happy Helming!");
		expect(await settings("greeting")).toBe("hello");
		expect(await run("get deployment shop-web -o jsonpath={.spec.replicas}")).toBe("1");
		const history = await helm("history shop");
		expect(column(history, "STATUS")).toEqual(["superseded", "superseded", "failed", "deployed"]);
		expect(column(history, "DESCRIPTION").at(-1)).toBe("Rollback to 1");
	});

	it("is put back by itself when an upgrade does not come up in time", async () => {
		const command = `upgrade shop ${chart} --set image=none,replicas=1 --rollback-on-failure --wait --timeout 3s`;
		writeFileSync(
			join(chart, "templates/stuck.yaml"),
			"apiVersion: v1\nkind: Pod\nmetadata: { name: stuck }\nspec: { nodeName: node-1, containers: [{ name: c, image: nginx, readinessProbe: { exec: { command: [false] } } }] }\n".replace(
				"[false]",
				'["false"]',
			),
		);
		expect(await test.helm.fail(command)).toContain("release shop failed, and has been rolled back due to rollback-on-failure being set");
		expect(await test.kubectl.fail("get pod stuck")).toContain("NotFound");
		expect(column(await helm("list"), "STATUS")).toEqual(["deployed"]);
	});

	it("is uninstalled, with its hook and without a trace in the cluster", async () => {
		expect(await helm("uninstall shop --keep-history --wait --timeout 30s")).toBe('release "shop" uninstalled\n');
		expect(column(await helm("history shop"), "STATUS").at(-1)).toBe("uninstalled");
		expect(await run("get pod shop-gone -o jsonpath={.status.phase}")).toBe("Succeeded");
		expect(await run("get deployments,services -l app.kubernetes.io/managed-by=Helm -o name")).toBe("");
		expect(await test.kubectl.fail("get deployment shop-web")).toContain("NotFound");
		await helm("uninstall shop");
		expect(await helm("list -q")).toBe("");
	});
});

describe("a chart that asks for more", () => {
	it("is installed with its CustomResourceDefinition, which stays when it is uninstalled", async () => {
		const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.example.com }
spec:
  group: example.com
  scope: Namespaced
  names: { plural: widgets, kind: Widget }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, properties: { spec: { type: object, properties: { size: { type: integer } } } } } }
`;
		const withCrd = writeChart("crd", {
			"Chart.yaml": "apiVersion: v2\nname: crd\nversion: 1.0.0\n",
			"crds/widget.yaml": definition,
			"templates/widget.yaml":
				"apiVersion: example.com/v1\nkind: Widget\nmetadata: { name: {{ .Release.Name }}-one }\nspec: { size: {{ .Values.size | default 1 }} }\n",
		});
		expect(await helm(`install crd ${withCrd} ${wait}`)).toContain("STATUS: deployed");
		expect(await run("get widget crd-one -o jsonpath={.spec.size}")).toBe("1");
		await helm(`upgrade crd ${withCrd} --set size=2 ${wait}`);
		expect(await run("get widget crd-one -o jsonpath={.spec.size}")).toBe("2");
		await helm("uninstall crd --wait --timeout 30s");
		expect(await run("get widgets -o name")).toBe("");
		expect(await run("get crd widgets.example.com -o name")).toBe("customresourcedefinition.apiextensions.k8s.io/widgets.example.com\n");
	});

	it("is refused with a field that no type has", async () => {
		const typo = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: typo }\ndatas: {}\n";
		const wrong = writeChart("wrong", { "Chart.yaml": "apiVersion: v2\nname: wrong\nversion: 1.0.0\n", "templates/typo.yaml": typo });
		expect(await test.helm.fail(`install wrong ${wrong}`)).toContain(".datas: field not declared in schema");
	});
});
