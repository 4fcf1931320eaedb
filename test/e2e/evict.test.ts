/** Evictions and PodDisruptionBudgets with the real kubectl. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { maskedLines, maskedText } from "../tools/masked-text.ts";

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 2 });
	await cluster.run("create deployment web --image=nginx --replicas=3");
	await cluster.run("rollout status deployment/web");
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string, input?: string) => cluster.run(args, input);
const attempt = (args: string, input?: string) => cluster.kubectl.try(args.split(" "), input);

const allowed = (count: number) => run(`wait --for=jsonpath={.status.disruptionsAllowed}=${count} pdb/web --timeout=20s`);

async function evict(pod: string) {
	const path = `/api/v1/namespaces/default/pods/${pod}/eviction`;
	const body = `{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"${pod}"}}`;
	return attempt(`create --raw ${path} -f -`, body);
}

const podNames = async () => (await run("get pods -l app=web -o jsonpath={.items[*].metadata.name}")).split(" ");

test("a budget counts its pods", async () => {
	expect(await run("create poddisruptionbudget web --selector=app=web --min-available=2")).toBe("poddisruptionbudget.policy/web created\n");
	await allowed(1);
	expect(maskedLines(await run("get pdb"))).toEqual(["NAME MIN AVAILABLE MAX UNAVAILABLE ALLOWED DISRUPTIONS AGE", "web 2 N/A 1 AGE"]);
	expect(maskedText(await run("describe pdb web"))).toContain("Status:\n Allowed disruptions: 1\n Current: 3\n Desired: 2\n Total: 3\n");
});

test("evictions are granted and refused as the budget says", async () => {
	await run("scale deployment/web --replicas=2");
	await allowed(0);
	const [first = ""] = await podNames();
	expect(await evict(first)).toEqual({
		stdout: "",
		stderr: "Error from server (TooManyRequests): Cannot evict pod as it would violate the pod's disruption budget.\n",
		exitCode: 1,
	});
	await run("scale deployment/web --replicas=3");
	await run("rollout status deployment/web");
	await allowed(1);
	expect((await evict(first)).stdout).toContain('"status":"Success"');
	await run(`wait --for=delete pod/${first} --timeout=20s`);
	await run("rollout status deployment/web");
	await allowed(1);
});

test("drain moves pods one by one, as fast as their budget lets them go", async () => {
	const { stdout, stderr, exitCode } = await attempt("drain node-1 --ignore-daemonsets --timeout=60s");
	expect({ exitCode, stderr: stderr.replaceAll(/error when evicting pods\/.*\n/g, "") }).toEqual({ exitCode: 0, stderr: "" });
	expect(stdout).toMatch(/^node\/node-1 cordoned\n[\s\S]*node\/node-1 drained\n$/);
	expect(await run("get pods -l app=web -o jsonpath={.items[*].spec.nodeName}")).toBe("node-2 node-2 node-2");
	await allowed(1);
});

test("a drain that a budget stands against goes on until it gives up", async () => {
	await run("uncordon node-1");
	await run('patch pdb web --type=merge -p {"spec":{"minAvailable":3}}');
	await allowed(0);
	const { stderr, exitCode } = await attempt("drain node-2 --ignore-daemonsets --timeout=2s");
	expect(exitCode).toBe(1);
	expect(stderr).toMatch(
		/error when evicting pods\/"web-\w+-\w+" -n "default" \(will retry after 5s\): Cannot evict pod as it would violate the pod's disruption budget\./,
	);
	expect(await podNames()).toHaveLength(3);
});
