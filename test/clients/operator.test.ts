/** An operator of somebody else's (load-balancer-operator.ts) in a cluster: two of it, one of which works, until it crashes. */
import { KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";
import { LoadBalancerOperator } from "./load-balancer-operator.ts";

let test: TestCluster;
const replicas = new Map<string, { readonly abort: AbortController; readonly ended: Promise<void> }>();

function start(identity: string, options: { readonly isCrash?: boolean } = {}): void {
	const config = new KubeConfig();
	config.loadFromFile(test.kubeconfig);
	const operator = new LoadBalancerOperator(config, { identity, pool: ["203.0.113.1", "203.0.113.2"], leaseSeconds: 1 });
	const abort = new AbortController();
	replicas.set(identity, { abort, ended: operator.run(abort.signal, options) });
}

async function end(identity: string): Promise<void> {
	const replica = replicas.get(identity);
	replicas.delete(identity);
	replica?.abort.abort();
	await replica?.ended;
}

beforeAll(async () => {
	test = await startTestCluster({ nodes: 1, loadBalancerPool: "none" });
});
afterAll(async () => {
	for (const identity of [...replicas.keys()]) await end(identity);
	await test[Symbol.asyncDispose]();
});

const holder = () => test.run("get lease loadbalancer-operator -n kube-system --ignore-not-found -o jsonpath={.spec.holderIdentity}");
const untilHolder = (wanted: string) => eventually(async () => ((await holder()) === wanted ? wanted : undefined), { limitMs: 30_000 });
const address = (name: string) => test.run(`get service ${name} --ignore-not-found -o jsonpath={.status.loadBalancer.ingress[*].ip}`);
const untilAddress = (name: string) => eventually(async () => (await address(name)) || undefined, { limitMs: 30_000 });

it("reconciles, holds objects by a finalizer, writes status, and hands over its work", async () => {
	start("first", { isCrash: true });
	await untilHolder("first");
	start("second");

	await test.run("create service loadbalancer web --tcp=80");
	expect(await untilAddress("web")).toBe("203.0.113.1");
	expect(await test.run("get service web --no-headers")).toMatch(/^web\s+LoadBalancer\s+\S+\s+203\.0\.113\.1\s/);
	await eventually(async () => ((await test.run("events --for service/web")).includes("assigned 203.0.113.1") ? true : undefined));

	// A crash: the other one waits until the Lease has run out.
	await end("first");
	expect(await holder()).toBe("first");
	await untilHolder("second");
	await test.run("create service loadbalancer api --tcp=80");
	expect(await untilAddress("api")).toBe("203.0.113.2");
	await test.run("create service loadbalancer third --tcp=80");
	await eventually(async () => ((await test.run("events --for service/third")).includes("every address is taken") ? true : undefined));

	// Deletion waits for the operator, and what it gives back is given away again.
	await test.run("delete service web --timeout=30s");
	expect(await untilAddress("third")).toBe("203.0.113.1");

	// An orderly end gives the Lease back at once.
	start("fourth");
	await end("second");
	await untilHolder("fourth");
	await test.run("delete service api third --timeout=30s");
	expect(await test.run("get services -o name")).toBe("service/kubernetes\n");
});
