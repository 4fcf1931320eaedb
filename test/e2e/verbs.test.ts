/** Verbs of kubectl that no other file is about, each with what it prints. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { kubectlPath, Tool } from "../tools/kubectl.ts";
import { samples } from "./manifests.ts";

let test: TestCluster;
const run = (args: string | readonly string[], input?: string) => test.kubectl.run(args, input);
const fail = (args: string | readonly string[], input?: string) => test.kubectl.fail(args, input);
const file = (name: string, content: string) => {
	const path = join(test.directory, name);
	writeFileSync(path, content);
	return path;
};
/** An editor that replaces one text by another. */
const editor = (from: string, to: string) => `sed -i 's/${from}/${to}/'`;
const withEditor = (command: string) => new Tool(kubectlPath(), { ...test.env, KUBE_EDITOR: command });

beforeAll(async () => {
	test = await startTestCluster();
});
afterAll(() => test[Symbol.asyncDispose]());

const configMap = (name: string, data: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: ${data}\n`;

describe("apply's note", () => {
	it("is set, viewed and edited", async () => {
		await run("create configmap noted --from-literal=a=1");
		const manifest = file("noted.yaml", configMap("noted", "{ a: '1' }"));
		expect(await fail(`apply set-last-applied -f ${manifest}`)).toBe(
			"error: no last-applied-configuration annotation found on resource: noted, to create the annotation, run the command with --create-annotation\n",
		);
		expect(await run(`apply set-last-applied -f ${manifest} --create-annotation`)).toBe("configmap/noted configured\n");
		expect(await run("apply view-last-applied configmap noted")).toBe(
			'apiVersion: v1\ndata:\n  a: "1"\nkind: ConfigMap\nmetadata:\n  name: noted\n  namespace: default\n',
		);
		expect(await withEditor(editor('a: "1"', 'b: "2"')).run("apply edit-last-applied configmap noted")).toBe("configmap/noted edited\n");
		expect(await run("apply view-last-applied configmap noted")).toContain('  b: "2"\n');
		// The note is what the next apply takes away.
		expect(await run("apply -f -", configMap("noted", "{ a: '1' }"))).toBe("configmap/noted configured\n");
		expect(await run("get configmap noted -o jsonpath={.data}")).toBe('{"a":"1"}');
	});
});

describe("apply --applyset", () => {
	it("prunes what left the set, and only that", async () => {
		const tool = new Tool(kubectlPath(), { ...test.env, KUBECTL_APPLYSET: "true" });
		const args = ["apply", "--prune", "--applyset=configmaps/fleet", "-n", "default", "-f", "-"];
		await run("create configmap stranger");
		expect(await tool.run(args, [configMap("one", "{ a: b }"), configMap("two", "{ a: b }")].join("---\n"))).toBe(
			"configmap/one created\nconfigmap/two created\n",
		);
		expect(await tool.run(args, configMap("two", "{ a: b }"))).toBe("configmap/two unchanged\nconfigmap/one pruned\n");
		expect(await run("get configmaps -o name -l applyset.kubernetes.io/part-of")).toBe("configmap/two\n");
		expect(await run("get configmap fleet -o jsonpath={.metadata.annotations}")).toContain(
			'"applyset.kubernetes.io/contains-group-kinds":"ConfigMap"',
		);
		expect(await run("get configmap stranger -o name")).toBe("configmap/stranger\n");
	});
});

describe("RBAC", () => {
	it("subjects are set, and roles reconciled", async () => {
		await run("create role reader --verb=get --resource=pods");
		await run("create rolebinding readers --role=reader --user=ann");
		expect(await run("set subject rolebinding readers --user=bob --group=staff")).toBe(
			"rolebinding.rbac.authorization.k8s.io/readers subjects updated\n",
		);
		expect(await run(["get", "rolebinding", "readers", "-o", "jsonpath={range .subjects[*]}{.kind}={.name} {end}"])).toBe(
			"User=ann User=bob Group=staff ",
		);
		const manifest = `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader, namespace: default }
rules: [{ apiGroups: [""], resources: [pods], verbs: [list] }]
`;
		expect(await run("auth reconcile -f -", manifest)).toBe("role.rbac.authorization.k8s.io/reader reconciled\n");
		expect(await run(["get", "role", "reader", "-o", "jsonpath={.rules[*].verbs}"])).toBe('["get"] ["list"]');
	});
});

describe("certificate", () => {
	it("requests are approved and denied once", async () => {
		const sample = samples.find(({ resource }) => resource.startsWith("certificatesigningrequests"));
		if (sample === undefined) throw new Error("no sample");
		await run("apply -f -", sample.yaml);
		await run("apply -f -", sample.yaml.replaceAll(`name: ${sample.name}`, "name: other"));
		expect(await run(`certificate approve ${sample.name}`)).toBe(`certificatesigningrequest.certificates.k8s.io/${sample.name} approved\n`);
		expect(await run("certificate deny other")).toBe("certificatesigningrequest.certificates.k8s.io/other denied\n");
		expect(await run(["get", "csr", "other", "-o", "jsonpath={.status.conditions[*].type} {.status.conditions[*].reason}"])).toBe(
			"Denied KubectlDeny",
		);
		expect(await fail("certificate approve other")).toBe('error: certificate signing request "other" is already Denied\n');
	});
});

describe("delete", () => {
	it("takes everything of a kind, or what a selector picks, and is silent about what is not there if told to be", async () => {
		await run("create namespace crowd");
		for (const name of ["a", "b", "c"]) await run(`create secret generic ${name} -n crowd`);
		await run("label secret a x=1 -n crowd");
		expect(await run("delete secrets -l x=1 -n crowd")).toBe('secret "a" deleted from crowd namespace\n');
		expect(await run("delete secrets --all -n crowd")).toBe(
			'secret "b" deleted from crowd namespace\nsecret "c" deleted from crowd namespace\n',
		);
		expect(await run("delete secret a -n crowd --ignore-not-found")).toBe("");
		expect(await run("delete secrets --all -n crowd")).toBe("No resources found\n");
		expect(await fail("delete secret a -n crowd")).toBe('Error from server (NotFound): secrets "a" not found\n');
		expect(await run("delete namespace crowd")).toBe('namespace "crowd" deleted\n');
	});
});

describe("get", () => {
	beforeAll(async () => {
		await run("create configmap shown --from-literal=a=1 --from-literal=b=2");
		await run("label configmap shown tier=front");
	});

	it("prints in every form", async () => {
		const get = (...args: string[]) => run(["get", "configmap", "shown", ...args]);
		expect(await get("-o", "name")).toBe("configmap/shown\n");
		expect(await get("-o", "jsonpath={.data.a}{'\\n'}")).toBe("1\n");
		// Go goes through a map in any order.
		expect((JSON.parse(await get("-o", "jsonpath-as-json={.data.*}")) as string[]).sort()).toEqual(["1", "2"]);
		expect(await get("-o", `jsonpath-file=${file("path", "{.metadata.name}")}`)).toBe("shown");
		expect(await get("-o", "go-template={{range $k, $v := .data}}{{$k}}={{$v}};{{end}}")).toBe("a=1;b=2;");
		expect(await get("-o", `go-template-file=${file("template", "{{.kind}}")}`)).toBe("ConfigMap");
		expect(await get("-o", "custom-columns=NAME:.metadata.name,A:.data.a,NONE:.data.c")).toBe("NAME    A     NONE\nshown   1     <none>\n");
		expect(await get("-o", `custom-columns-file=${file("columns", "N          B\n.metadata.name .data.b\n")}`)).toBe(
			"N       B\nshown   2\n",
		);
		expect(await get("-o", "kyaml")).toMatch(/^---\n\{\n {2}apiVersion: "v1",\n {2}data: \{\n {4}a: "1",\n {4}b: "2",\n {2}\},\n/);
		expect(await get("--no-headers")).toMatch(/^shown {3}2 +\d+s\n$/);
		expect(await get("-L", "tier")).toMatch(/^NAME {4}DATA +AGE +TIER\nshown {3}2 +\d+s +front\n$/);
		expect(await get("--show-kind")).toMatch(/^NAME {14}DATA {3}AGE\nconfigmap\/shown {3}2 +\d+s\n$/);
	});

	it("goes through all namespaces, several kinds, and says what is not there", async () => {
		const all = await run("get configmaps -A");
		expect(all).toMatch(/^NAMESPACE {9}NAME {33}DATA {3}AGE\n/);
		expect(all).toMatch(/\nkube-system {7}kube-root-ca.crt {21}1 +\d+s\n/);
		expect(await run("get configmap,service -o name")).toBe(
			"configmap/fleet\nconfigmap/kube-root-ca.crt\nconfigmap/noted\nconfigmap/shown\nconfigmap/stranger\nconfigmap/two\nservice/kubernetes\n",
		);
		expect(await run("get configmap/shown service/kubernetes -o name")).toBe("configmap/shown\nservice/kubernetes\n");
		expect(await run("get secrets -n kube-public")).toBe("");
		expect(await run("get configmap nobody --ignore-not-found")).toBe("");
		expect(await fail("get gadgets")).toBe('error: the server doesn\'t have a resource type "gadgets"\n');
		expect(await fail("get configmap shown -A")).toBe("error: a resource cannot be retrieved by name across all namespaces\n");
		expect(await run("get --raw /api/v1/namespaces/default/configmaps/shown")).toContain('"data":{"a":"1","b":"2"}');
	});
});

describe("files", () => {
	it("are created with an editor, replaced by force, and put together by kustomize", async () => {
		const manifest = file("made.yaml", configMap("made", "{ a: before }"));
		expect(await withEditor(editor("before", "after")).run(`create --edit -f ${manifest}`)).toBe("configmap/made created\n");
		expect(await run("get configmap made -o jsonpath={.data.a}")).toBe("after");
		expect(await run(`replace --force -f ${manifest}`)).toBe('configmap "made" deleted from default namespace\nconfigmap/made replaced\n');
		expect(await run("get configmap made -o jsonpath={.data.a}")).toBe("before");
		file(
			"kustomization.yaml",
			"resources: [made.yaml]\nnamePrefix: over-\nlabels: [{ pairs: { of: kustomize } }]\nconfigMapGenerator: [{ name: gen, literals: [x=y] }]\n",
		);
		expect(await run(`kustomize ${test.directory}`)).toContain("name: over-made\n");
		expect(await run(`apply -k ${test.directory}`)).toMatch(/^configmap\/over-gen-[0-9a-z]{10} created\nconfigmap\/over-made created\n$/);
		expect(await run(`diff -k ${test.directory}`)).toBe("");
		expect(await run(`delete -k ${test.directory}`)).toMatch(/configmap "over-made" deleted from default namespace\n/);
	});

	it("are labelled and annotated in bulk, and listed", async () => {
		const manifest = file("bulk.yaml", [configMap("bulk-1", "{}"), configMap("bulk-2", "{}")].join("---\n"));
		await run(`apply -f ${manifest}`);
		expect(await run(`label -f ${manifest} a=b`)).toBe("configmap/bulk-1 labeled\nconfigmap/bulk-2 labeled\n");
		expect(await fail("label configmap bulk-1 a=c")).toBe("error: 'a' already has a value (b), and --overwrite is false\n");
		expect(await run("label configmap bulk-1 --overwrite a=c")).toBe("configmap/bulk-1 labeled\n");
		expect(await run("label configmap bulk-1 a-")).toBe("configmap/bulk-1 unlabeled\n");
		expect(await run("label configmap bulk-2 --list")).toBe("a=b\n");
		expect(await run("annotate configmaps -l a=b note=yes")).toBe("configmap/bulk-2 annotated\n");
		expect(await run("annotate configmap bulk-2 --list")).toContain("note=yes\n");
		expect(await run(`get -f ${manifest} -o name`)).toBe("configmap/bulk-1\nconfigmap/bulk-2\n");
		expect(await fail("label configmap bulk-1 a=b --resource-version=1")).toContain("the object has been modified");
	});
});

describe("the cluster", () => {
	it("is dumped", async () => {
		expect(await run("cluster-info dump --namespaces default")).toContain('"kind": "NodeList"');
	});
});
