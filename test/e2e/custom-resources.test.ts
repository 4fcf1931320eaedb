/** Custom resources with the real kubectl: from the definition to its end. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { certificate, cronTab, gateway, workflow } from "./custom/definitions.ts";

let cluster: TestCluster;
const run = (args: string, input?: string) => cluster.run(args, input);

beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 1 });
});
afterAll(() => cluster[Symbol.asyncDispose]());

it("explore", async () => {
	const show = async (args: string, input?: string) => {
		const { stdout, stderr } = await cluster.kubectl.try(args.split(" "), input);
		console.log(`$ kubectl ${args}\n${stdout}${stderr}`);
	};
	for (const definition of [cronTab, certificate, workflow, gateway]) await show("apply -f -", definition);
	await show("wait --for=condition=Established crd --all");
	await show("get crd");
	await show("api-resources --api-group=stable.example.com -o wide");
	await show("explain crontab");
	await show("explain ct.spec --recursive");
	await show("explain crontab.spec.replicas");
	const tab = "apiVersion: stable.example.com/v1\nkind: CronTab\nmetadata: { name: my-tab }\nspec: { cronSpec: '* * * * */5' }\n";
	await show("apply -f -", tab);
	await show("get ct");
	await show("get ct -o wide");
	await show("get all");
	await show("get crontab my-tab -o yaml");
	await show("scale ct my-tab --replicas=3");
	await show("get ct my-tab -o jsonpath={.spec.replicas}");
	await show('patch ct my-tab --subresource status --type merge -p {"status":{"replicas":2}}');
	await show("get ct my-tab --subresource status");
	await show("get ct --field-selector spec.image=busybox");
	await show("apply --server-side -f -", tab.replace("*/5", "*/6"));
	await show("apply --server-side --force-conflicts -f -", tab.replace("*/5", "*/6"));
	await show("create -f -", tab.replace("my-tab", "bad").replace("spec: {", "spec: { foo: 1,"));
	await show("create -f -", tab.replace("my-tab", "bad").replace("'* * * * */5'", "nope"));
	await show("label ct my-tab a=b");
	await show("annotate ct my-tab a=b");
	await show("describe ct my-tab");
	await show("delete ct my-tab");
	await show(
		"create -f -",
		"apiVersion: flow.example.io/v1alpha1\nkind: Workflow\nmetadata: { name: a }\nspec: { entrypoint: main, parallelism: 50%, anything: { x: [1] } }\n",
	);
	await show("get workflows.v1alpha1.flow.example.io");
	await show("get wf -o yaml");
	await show(
		"create -f -",
		"apiVersion: gateway.example.io/v1\nkind: Gateway\nmetadata: { name: a }\nspec: { address: nope, labels: { a: b, c: d, e: f }, listeners: [{ name: a, port: 70000 }, { name: a, port: 1, hostname: x, prefix: y }] }\n",
	);
	await show("delete crd crontabs.stable.example.com");
	await show("get ct");
	await show("get --raw /openapi/v2");
}, 200_000);
