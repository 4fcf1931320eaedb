/** What the real kubectl says of a pod whose node's kubelet does not answer. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { VirtualClock } from "../../src/apimachinery/clock/virtual-clock.ts";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";

const clock = new VirtualClock();
let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ clock, nodes: 1, seed: 1 });
	await cluster.run("run web --image=nginx");
	await clock.advance(60_000);
});

afterAll(() => cluster[Symbol.asyncDispose]());

async function complaint(args: string): Promise<string> {
	return (await cluster.kubectl.try(args.split(" "))).stderr;
}

const kubelet = "https://172.18.0.2:10250";

test("each command has words of its own for one that is stopped", async () => {
	const stopped = cluster.cluster.nodes.run("node-1", "systemctl stop kubelet");
	await clock.advance(1_000);
	expect((await stopped).exitCode).toBe(0);
	const why = "dial tcp 172.18.0.2:10250: connect: connection refused\n";
	expect(await complaint("logs web")).toBe(`Error from server: Get "${kubelet}/containerLogs/default/web/web": ${why}`);
	expect(await complaint("exec web -- ls /")).toBe(
		`error: Internal error occurred: error sending request: Post "${kubelet}/exec/default/web/web?command=ls&command=%2F&error=1&output=1": ${why}`,
	);
	expect(await complaint("attach web")).toContain(
		`error: Internal error occurred: error sending request: Post "${kubelet}/attach/default/web/web?error=1&output=1": ${why}`,
	);
	expect(await complaint("port-forward web 0:80")).toBe(`error: error upgrading connection: error dialing backend: ${why}`);
	expect(await complaint("top pod web")).toBe('Error from server (NotFound): podmetrics.metrics.k8s.io "default/web" not found\n');
	const started = cluster.cluster.nodes.run("node-1", "systemctl start kubelet");
	await clock.advance(1_000);
	expect((await started).exitCode).toBe(0);
	expect(await complaint("logs web")).toBe("");
});

test("nobody answers from a node that is cut off: who waits hears of it after 30 seconds, and may leave before", async () => {
	cluster.cluster.fleet.stopNode("node-1");
	expect(await complaint("logs web --request-timeout=300ms")).toContain("context deadline exceeded");
	const logs = cluster.kubectl.try(["logs", "web"]);
	await eventually(async () => {
		await clock.advance(10_000);
		return Promise.race([logs.then(() => true), new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 100))]);
	});
	expect((await logs).stderr).toBe(
		`Error from server: Get "${kubelet}/containerLogs/default/web/web": dial tcp 172.18.0.2:10250: i/o timeout\n`,
	);
	expect(await complaint("get pod web")).toBe("");
});
