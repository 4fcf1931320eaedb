/**
 * The guestbook of the Kubernetes documentation, step by step as its page tells it: six objects, a web application that
 * keeps its messages in a replicated redis. Cluster time runs 20 times as fast as ours.
 * https://kubernetes.io/docs/tutorials/stateless-application/guestbook/
 */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fastClock, startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";
import { maskedLines, maskedText } from "../tools/masked-text.ts";
import { RunningTool } from "../tools/running-tool.ts";

const manifests = fileURLToPath(new URL("../../examples/guestbook", import.meta.url));

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ latency: "usual", clock: fastClock(20) });
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string) => cluster.run(args);

/** READY STATUS of each pod as `get pods -w` tells them, each once for as long as it lasts. */
function stories(watched: string): Map<string, string[]> {
	const found = new Map<string, string[]>();
	for (const line of watched.trimEnd().split("\n").slice(1)) {
		const [name = "", ready = "", status = ""] = line.split(/ +/);
		const story = found.get(name) ?? [];
		if (story.at(-1) !== `${ready} ${status}`) story.push(`${ready} ${status}`);
		found.set(name, story);
	}
	return found;
}

test("comes up as the page says, and get pods -w tells the usual story", async () => {
	await using watching = await RunningTool.watching(cluster.kubectl, "get pods -w");
	const apply = (file: string) => run(`apply -f ${manifests}/${file}.yaml`);
	expect(await apply("redis-leader-deployment")).toBe("deployment.apps/redis-leader created\n");
	expect(await apply("redis-leader-service")).toBe("service/redis-leader created\n");
	expect(await apply("redis-follower-deployment")).toBe("deployment.apps/redis-follower created\n");
	expect(await apply("redis-follower-service")).toBe("service/redis-follower created\n");
	expect(await apply("frontend-deployment")).toBe("deployment.apps/frontend created\n");
	expect(await apply("frontend-service")).toBe("service/frontend created\n");
	expect(await run("wait --for=condition=Available deployment --all --timeout=30s")).toBe(
		["frontend", "redis-follower", "redis-leader"].map((name) => `deployment.apps/${name} condition met\n`).join(""),
	);
	expect(await run(`apply -f ${manifests}`)).toBe(
		[
			"deployment.apps/frontend unchanged",
			"service/frontend unchanged",
			"deployment.apps/redis-follower unchanged",
			"service/redis-follower unchanged",
			"deployment.apps/redis-leader unchanged",
			"service/redis-leader unchanged",
			"",
		].join("\n"),
	);
	for (const name of ["frontend", "redis-follower", "redis-leader"]) await run(`rollout status deployment/${name}`);
	expect(maskedLines(await run("get pods"))).toEqual([
		"NAME READY STATUS RESTARTS AGE",
		...Array.from({ length: 3 }, () => "frontend-HASH-RANDOM 1/1 Running 0 AGE"),
		...Array.from({ length: 2 }, () => "redis-follower-HASH-RANDOM 1/1 Running 0 AGE"),
		"redis-leader-HASH-RANDOM 1/1 Running 0 AGE",
	]);
	expect(maskedLines(await run("get services"))).toEqual([
		"NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE",
		"frontend ClusterIP CLUSTER-IP <none> 80/TCP AGE",
		"kubernetes ClusterIP CLUSTER-IP <none> 443/TCP AGE",
		"redis-follower ClusterIP CLUSTER-IP <none> 6379/TCP AGE",
		"redis-leader ClusterIP CLUSTER-IP <none> 6379/TCP AGE",
	]);
	await eventually(() => (watching.stdout.match(/1\/1 +Running/g)?.length === 6 ? true : undefined));
	const told = stories(watching.stdout);
	expect(told.size).toBe(6);
	for (const story of told.values()) expect(story).toEqual(["0/1 Pending", "0/1 ContainerCreating", "1/1 Running"]);
});

test("the logs of the leader, and all its pods described", async () => {
	expect(await run("logs deployment/redis-leader")).toContain("* Ready to accept connections");
	expect(await run("logs -l role=follower --tail=-1")).toContain("* Connecting to MASTER redis-leader:6379");
	const described = maskedText(await run("describe deployment frontend"));
	expect(described).toContain("Replicas: 3 desired | 3 updated | 3 total | 3 available | 0 unavailable\n");
	expect(described).toContain(" Environment:\n GET_HOSTS_FROM: dns\n");
	expect(maskedText(await run("describe service redis-follower"))).toMatch(/^Endpoints: POD-IP:6379,POD-IP:6379$/m);
});

test("the frontend answers through port-forward, and keeps what visitors write in redis", async () => {
	await using forward = new RunningTool(cluster.kubectl, "port-forward svc/frontend :80 --address 127.0.0.1");
	const [, port] = await forward.sees(/Forwarding from 127\.0\.0\.1:(\d+) -> 80/);
	const get = async (path: string) => {
		const response = await fetch(`http://127.0.0.1:${port}${path}`);
		return [response.status, await response.text()] as const;
	};
	const [status, page] = await get("/");
	expect(status).toBe(200);
	expect(page).toContain("<h2>Guestbook</h2>");
	expect(await get("/guestbook.php?cmd=set&key=messages&value=,hello")).toEqual([200, '{"message":"Updated"}']);
	expect(
		await eventually(async () => (await get("/guestbook.php?cmd=get&key=messages")).find((part) => part === '{"data":",hello"}')),
	).toBeDefined();
	expect(await run("exec deploy/redis-leader -- redis-cli get messages")).toBe(",hello\n");
	expect(await run("exec deploy/redis-follower -- redis-cli get messages")).toBe(",hello\n");
});

test("scales up and down, and is cleaned up by its labels", async () => {
	expect(await run("scale deployment frontend --replicas=5")).toBe("deployment.apps/frontend scaled\n");
	await run("rollout status deployment/frontend");
	expect((await run("get pods -l app=guestbook -o name")).trimEnd().split("\n")).toHaveLength(5);
	await run("scale deployment frontend --replicas=2");
	await eventually(async () => ((await run("get pods -l app=guestbook -o name")).trimEnd().split("\n").length === 2 ? true : undefined));
	expect(await run("delete deployment -l app=redis")).toBe(
		'deployment.apps "redis-follower" deleted from default namespace\ndeployment.apps "redis-leader" deleted from default namespace\n',
	);
	expect(await run("delete service -l app=redis")).toBe(
		'service "redis-follower" deleted from default namespace\nservice "redis-leader" deleted from default namespace\n',
	);
	expect(await run("delete deployment frontend")).toBe('deployment.apps "frontend" deleted from default namespace\n');
	expect(await run("delete service frontend")).toBe('service "frontend" deleted from default namespace\n');
	await run("wait --for=delete pod --all --timeout=30s");
	const { stderr } = await cluster.kubectl.try(["get", "pods"]);
	expect(stderr).toBe("No resources found in default namespace.\n");
});
