/** Custom resources with the real kubectl: from the definition to its end. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { certificate, cronTab, gateway, workflow } from "./custom/definitions.ts";

let cluster: TestCluster;
const run = (args: string | readonly string[], input?: string) =>
	cluster.kubectl.run(typeof args === "string" ? args.split(" ") : args, input);
const fails = async (args: string, input?: string) => (await cluster.kubectl.try(args.split(" "), input)).stderr;
const tab = (name: string, spec = "cronSpec: '* * * * */5'") =>
	`apiVersion: stable.example.com/v1\nkind: CronTab\nmetadata: { name: ${name} }\nspec: { ${spec} }\n`;

beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 1 });
	for (const definition of [cronTab, certificate, workflow, gateway]) await run("apply -f -", definition);
	await run("wait --for=condition=Established --timeout=30s crd --all");
});
afterAll(() => cluster[Symbol.asyncDispose]());

describe("what a cluster says of a custom resource", () => {
	it("in discovery", async () => {
		expect(await run("api-resources --api-group=stable.example.com -o wide")).toBe(
			"NAME       SHORTNAMES   APIVERSION              NAMESPACED   KIND      VERBS                                                        CATEGORIES\n" +
				"crontabs   ct           stable.example.com/v1   true         CronTab   delete,deletecollection,get,list,patch,create,update,watch   all\n",
		);
		expect(await run("api-versions")).toContain("\nflow.example.io/v1\nflow.example.io/v1alpha1\n");
		const list = JSON.parse(await run("get --raw /apis/stable.example.com/v1")) as { resources: { name: string; kind: string }[] };
		expect(list.resources.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
			"crontabs CronTab",
			"crontabs/scale Scale",
			"crontabs/status CronTab",
		]);
	});

	it("in APIServices", async () => {
		expect(await run("get apiservices v1.stable.example.com v1.flow.example.io v1alpha1.flow.example.io")).toMatch(
			/^NAME +SERVICE +AVAILABLE +AGE\nv1\.stable\.example\.com +Local +True +\d+s\nv1\.flow\.example\.io +Local +True +\d+s\nv1alpha1\.flow\.example\.io +Local +True +\d+s\n$/,
		);
	});

	it("in kubectl explain", async () => {
		expect(await run("explain crontab")).toMatch(
			/^GROUP: {6}stable\.example\.com\nKIND: {7}CronTab\nVERSION: {4}v1\n\nDESCRIPTION:\n {4}A CronTab runs/,
		);
		expect(await run("explain ct.spec --recursive")).toBe(
			"GROUP:      stable.example.com\nKIND:       CronTab\nVERSION:    v1\n\nFIELD: spec <Object>\n\n\nDESCRIPTION:\n    What is to run, and when.\n    \nFIELDS:\n  cronSpec\t<string> -required-\n  image\t<string>\n  replicas\t<integer>\n\n",
		);
		expect(await run("explain workflow.spec.template.metadata.labels")).toContain("FIELD: labels <map[string]string>");
	});

	it("in OpenAPI 2, for clients that know no other", async () => {
		const document = JSON.parse(await run("get --raw /openapi/v2")) as {
			definitions: Record<string, { properties?: object }>;
			paths: Record<string, unknown>;
		};
		expect(Object.keys(document.definitions["com.example.stable.v1.CronTab"]?.properties ?? {})).toEqual([
			"spec",
			"status",
			"apiVersion",
			"kind",
			"metadata",
		]);
		expect(Object.keys(document.paths).filter((path) => path.includes("crontabs"))).toEqual([
			"/apis/stable.example.com/v1/crontabs",
			"/apis/stable.example.com/v1/namespaces/{namespace}/crontabs",
			"/apis/stable.example.com/v1/namespaces/{namespace}/crontabs/{name}",
			"/apis/stable.example.com/v1/namespaces/{namespace}/crontabs/{name}/scale",
			"/apis/stable.example.com/v1/namespaces/{namespace}/crontabs/{name}/status",
		]);
	});
});

describe("a custom resource", () => {
	it("is applied, shown, scaled and deleted", async () => {
		expect(await run("apply -f -", tab("my-tab"))).toBe("crontab.stable.example.com/my-tab created\n");
		expect(await run("get ct my-tab --no-headers")).toMatch(/^my-tab +\* \* \* \* \*\/5 +1 +\d+s\n$/);
		expect(await run("get crontabs -o wide")).toMatch(/^NAME +SPEC +REPLICAS +IMAGE +AGE\nmy-tab +\* \* \* \* \*\/5 +1 +busybox +\d+s\n$/);
		expect(await run("get all")).toContain("crontab.stable.example.com/my-tab");
		expect(await run("get ct --field-selector spec.image=busybox -o name")).toBe("crontab.stable.example.com/my-tab\n");
		expect(await run("get ct --field-selector spec.image=nginx -o name")).toBe("");
		expect(await fails("get ct --field-selector spec.cronSpec=x")).toContain("field label not supported: spec.cronSpec");

		expect(await run("scale ct my-tab --replicas=3")).toBe("crontab.stable.example.com/my-tab scaled\n");
		const status = '{"status":{"replicas":2,"labelSelector":"app=x"}}';
		expect(await run(["patch", "ct", "my-tab", "--subresource", "status", "--type", "merge", "-p", status])).toBe(
			"crontab.stable.example.com/my-tab patched\n",
		);
		// What is written through the object itself does not touch its status, and the other way round.
		await run(["patch", "ct", "my-tab", "--type", "merge", "-p", '{"status":{"replicas":9}}']);
		await run(["patch", "ct", "my-tab", "--subresource", "status", "--type", "merge", "-p", '{"spec":{"replicas":9}}']);
		expect(await run("get ct my-tab -o jsonpath={.spec.replicas}/{.status.replicas}/{.metadata.generation}")).toBe("3/2/2");
		const scale = JSON.parse(await run("get --raw /apis/stable.example.com/v1/namespaces/default/crontabs/my-tab/scale")) as object;
		expect(scale).toMatchObject({ kind: "Scale", spec: { replicas: 3 }, status: { replicas: 2, selector: "app=x" } });
		expect(await fails("scale ct my-tab --replicas=11")).toContain("spec.replicas in body should be less than or equal to 10");

		expect(await run("label ct my-tab a=b")).toBe("crontab.stable.example.com/my-tab labeled\n");
		expect(await run("describe ct my-tab")).toContain("Spec:\n  Cron Spec:  * * * * */5\n  Image:      busybox\n  Replicas:   3\n");
		expect(await run("delete ct my-tab")).toBe('crontab.stable.example.com "my-tab" deleted from default namespace\n');
	});

	it("has owners of its fields", async () => {
		await run("create -f -", tab("owned"));
		const conflict = await fails("apply --server-side -f -", tab("owned", "cronSpec: '1 1 1 1 1'"));
		expect(conflict).toContain('conflict with "kubectl-create" using stable.example.com/v1: .spec.cronSpec');
		expect(await run("apply --server-side --force-conflicts -f -", tab("owned", "cronSpec: '1 1 1 1 1'"))).toBe(
			"crontab.stable.example.com/owned serverside-applied\n",
		);
		// Items of a list with keys have owners each.
		const condition = (type: string) =>
			`apiVersion: stable.example.com/v1\nkind: CronTab\nmetadata: { name: owned }\nstatus: { conditions: [{ type: ${type}, status: "True" }] }\n`;
		for (const type of ["Ready", "Synced"]) {
			await run(`apply --server-side --subresource status --field-manager ${type.toLowerCase()} -f -`, condition(type));
		}
		expect(await run("get ct owned -o jsonpath={.status.conditions[*].type}")).toBe("Ready Synced");
		expect(await run("wait --for=condition=Ready --timeout=10s ct/owned")).toBe("crontab.stable.example.com/owned condition met\n");
		expect(await fails("apply --server-side -f -", tab("owned", "cronSpec: '1 1 1 1 1', foo: 1"))).toContain(
			".spec.foo: field not declared in schema",
		);
	});

	it("is refused with what is wrong", async () => {
		expect(await fails("create -f -", tab("bad", "cronSpec: '* * * * *', foo: 1"))).toBe(
			'Error from server (BadRequest): error when creating "STDIN": CronTab in version "v1" cannot be handled as a CronTab: strict decoding error: unknown field "spec.foo"\n',
		);
		expect(await fails("create -f -", tab("bad", "cronSpec: nope"))).toBe(
			'The CronTab "bad" is invalid: spec.cronSpec: Invalid value: "nope": spec.cronSpec in body should match \'^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$\'\n',
		);
		const bad = `apiVersion: pki.example.io/v1
kind: Certificate
metadata: { name: bad }
spec: { secretName: "", usages: [signing, other], privateKey: { algorithm: DSA, size: "2048" } }
`;
		expect(await fails("create -f -", bad)).toBe(
			[
				'The Certificate "bad" is invalid: ',
				'* spec.privateKey.algorithm: Unsupported value: "DSA": supported values: "RSA", "ECDSA", "Ed25519"',
				'* spec.privateKey.size: Invalid value: "string": spec.privateKey.size in body must be of type integer: "string"',
				'* spec.secretName: Invalid value: "": spec.secretName in body should be at least 1 chars long',
				'* spec.usages[1]: Unsupported value: "other": supported values: "signing", "digital signature", "server auth", "client auth"',
				"* spec.issuerRef: Required value",
				"",
			].join("\n"),
		);
	});

	it("has versions, old ones with a warning", async () => {
		const object =
			"apiVersion: flow.example.io/v1alpha1\nkind: Workflow\nmetadata: { name: a }\nspec: { entrypoint: main, parallelism: 50%, anything: { x: [1] } }\n";
		const { stdout, stderr } = await cluster.kubectl.try(["create", "-f", "-"], object);
		expect([stdout, stderr]).toEqual([
			"workflow.flow.example.io/a created\n",
			"Warning: flow.example.io/v1alpha1 Workflow is deprecated; use flow.example.io/v1 Workflow\n",
		]);
		expect(await run("get workflows.v1alpha1.flow.example.io a -o jsonpath={.apiVersion}")).toBe("flow.example.io/v1alpha1");
		expect(await run("get wf a -o jsonpath={.apiVersion}:{.spec}")).toBe(
			'flow.example.io/v1:{"anything":{"x":[1]},"entrypoint":"main","parallelism":"50%"}',
		);
	});

	it("shows a column of a condition", async () => {
		const object =
			"apiVersion: pki.example.io/v1\nkind: Certificate\nmetadata: { name: web }\nspec: { secretName: web-tls, issuerRef: { name: ca } }\n";
		await run("create -f -", object);
		await run([
			"patch",
			"cert",
			"web",
			"--subresource",
			"status",
			"--type",
			"merge",
			"-p",
			'{"status":{"conditions":[{"type":"Issuing","status":"False"},{"type":"Ready","status":"True"}]}}',
		]);
		expect(await run("get pki")).toMatch(/^NAME +READY +SECRET +AGE\nweb +True +web-tls +\d+s\n$/);
		expect(await run("get cert web -o jsonpath={.spec.issuerRef}")).toBe('{"kind":"Issuer","name":"ca"}');
	});
});

it("a definition takes its objects with it, and another may come", async () => {
	await run("create -f -", tab("last"));
	expect(await run("delete crd crontabs.stable.example.com")).toBe(
		'customresourcedefinition.apiextensions.k8s.io "crontabs.stable.example.com" deleted\n',
	);
	expect(await fails("get crontabs.stable.example.com")).toContain("the server");
	await run("apply -f -", cronTab);
	await run("wait --for=condition=Established --timeout=30s crd/crontabs.stable.example.com");
	expect(await run("get ct -o name")).toBe("");
});
