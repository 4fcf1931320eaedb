/** An operator of a custom resource (website-operator.ts) in a cluster: two of it, a crash, and a server that is started anew. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Cluster, createCluster } from "../../src/cluster/index.ts";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";
import { WebsiteOperator } from "./website-operator.ts";

const dataDir = mkdtempSync(join(tmpdir(), "kubesim-operator-"));
const options = { dataDir, nodes: 1, latency: "none" } as const;
let test: TestCluster;
/** Another server in the place of the first one, once that has ended. */
let second: Cluster | undefined;
const replicas = new Map<string, { readonly abort: AbortController; readonly ended: Promise<void> }>();

function start(identity: string, { isCrash = false } = {}): void {
	const config = new KubeConfig();
	config.loadFromFile(test.kubeconfig);
	const operator = new WebsiteOperator(config, { identity, leaseSeconds: 2 });
	const abort = new AbortController();
	replicas.set(identity, { abort, ended: operator.run(abort.signal, { isCrash }) });
}

async function end(identity: string): Promise<void> {
	const replica = replicas.get(identity);
	replicas.delete(identity);
	replica?.abort.abort();
	await replica?.ended;
}

const run = (args: string, input?: string) => test.run(args, input);
const website = (name: string, spec: string) =>
	`apiVersion: example.com/v1\nkind: Website\nmetadata: { name: ${name} }\nspec: { ${spec} }\n`;
const holder = () => run("get lease website-operator --ignore-not-found -o jsonpath={.spec.holderIdentity}");
const until = (probe: () => Promise<boolean>, what: () => string = () => "") =>
	eventually(async () => (await probe().catch(() => false)) || undefined, { limitMs: 50_000, what });
const untilReady = (name: string, replicas: number) =>
	until(
		async () =>
			(await run(`get website ${name} -o jsonpath={.status.conditions[0].status}:{.status.conditions[0].message}`)) ===
			`True:${replicas} of ${replicas} are ready`,
	);
const recorded = async () => {
	const data = await run("get configmap website-records -n kube-system -o jsonpath={.data}");
	return Object.keys(JSON.parse(data === "" ? "{}" : data) as object).sort();
};

beforeAll(async () => {
	test = await startTestCluster(options);
});
afterAll(async () => {
	for (const identity of [...replicas.keys()]) await end(identity);
	await second?.close();
	await test[Symbol.asyncDispose]();
	rmSync(dataDir, { recursive: true, force: true });
});

it("makes what its objects consist of, and puts right what others change", { timeout: 180_000 }, async () => {
	start("first", { isCrash: true });
	await until(async () => (await holder()) === "first");
	start("second");
	await run("apply -f -", website("blog", "page: hello, replicas: 2"));
	await untilReady("blog", 2);
	expect(await run("get ws blog --no-headers")).toMatch(/^blog\s+True\s+2\n$/);
	expect(await run("get deployment,service,configmap -l website=blog -o name")).toBe(
		"deployment.apps/blog\nservice/blog\nconfigmap/blog\n",
	);
	expect(await run("exec deployment/blog -- curl -s http://blog")).toBe("hello");

	const uid = await run("get deployment blog -o jsonpath={.metadata.uid}");
	await run("delete deployment blog");
	await until(async () => !["", uid].includes(await run("get deployment blog --ignore-not-found -o jsonpath={.metadata.uid}")));
	await run("scale website blog --replicas=3");
	await untilReady("blog", 3);
	expect(await run("get website blog -o jsonpath={.status.observedGeneration}")).toBe(
		await run("get website blog -o jsonpath={.metadata.generation}"),
	);
	expect((await test.kubectl.try(["scale", "website", "blog", "--replicas=9"])).stderr).toContain(
		"spec.replicas in body should be less than or equal to 5",
	);
});

it("goes on when it crashes, and when the server is started anew", { timeout: 180_000 }, async () => {
	await end("first");
	expect(await holder()).toBe("first");
	await until(async () => (await holder()) === "second");
	await run("apply -f -", website("shop", "page: shop"));
	await untilReady("shop", 1);

	const { port } = new URL(test.url);
	await test.cluster.close();
	second = await createCluster(options);
	await second.listen({ port: Number(port) });
	await run("apply -f -", website("news", "page: news"));
	await untilReady("news", 1);
	await run('patch website shop --type=merge -p {"spec":{"page":"closed"}}');
	await until(async () => (await run("get configmap shop -o jsonpath={.data}")) === '{"index.html":"closed"}');
	expect(await recorded()).toEqual(["default.blog", "default.news", "default.shop"]);
});

it("holds what is deleted until it has cleaned up, and the cluster takes the rest away", { timeout: 180_000 }, async () => {
	await end("second");
	await run("delete website blog --wait=false");
	expect(await run("get website blog -o jsonpath={.metadata.finalizers}")).toBe('["example.com/record"]');
	start("third");
	await run("wait --for=delete website/blog --timeout=50s");
	expect(await recorded()).toEqual(["default.news", "default.shop"]);
	await run("wait --for=delete deployment,service,configmap,pod -l website=blog --timeout=50s");
	await run("delete websites --all --timeout=50s");
	expect(await recorded()).toEqual([]);
});
