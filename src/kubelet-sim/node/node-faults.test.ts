/** Disks and networks of nodes that fail, and processes of pods that are killed. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { nodes } from "../../client/resources.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";
import type { DiskFault } from "./fault-kinds.ts";

let harness: FleetHarness;
beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start("n1");
});
afterEach(() => harness.stop());

const condition = async (type: string) => {
	const { status } = await harness.client.resource(nodes).get({ name: "n1" });
	return status?.conditions?.find((each) => each.type === type)?.status;
};

/** What a shell in a new pod, or in one that runs, says. */
const says = async (name: string) => (await harness.get(name)).status?.containerStatuses?.[0]?.state?.terminated?.message;

const waits = (script: string) => ["sh", "-c", `sleep 20; { ${script}; } > /dev/termination-log 2>&1`];

const disks: readonly (readonly [DiskFault, string])[] = [
	["errors", "Input/output error"],
	["read-only", "Read-only file system"],
];

it.each(disks)("a disk that fails as %s takes no writes, no images and no sandboxes, until it is mended", async (fault, text) => {
	const volume = { volumes: [{ name: "v", emptyDir: {} }], restartPolicy: "Never" as const };
	const script = "echo x > /file; echo x > /data/file; echo x > /dev/null && echo fine";
	await harness.pod("a", { image: "busybox", command: waits(script), volumeMounts: [{ name: "v", mountPath: "/data" }] }, volume);
	await harness.pod("b", { image: "busybox", command: ["sleep", "100000"] });
	await harness.clock.advance(1_000);
	harness.fleet.failDisk("n1", fault);
	await harness.pod("c", { image: "busybox", command: ["sleep", "100000"] });
	await harness.clock.advance(25_000);
	expect(await says("a")).toBe(`sh: can't create /file: ${text}\nsh: can't create /data/file: ${text}\nfine\n`);
	expect((await harness.events("c")).at(-1)).toContain(
		`Warning FailedCreatePodSandBox Failed to create pod sandbox: rpc error: code = Unknown desc = failed to create sandbox root directory "/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes": mkdir /var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes: ${text.toLowerCase()}`,
	);
	expect(await condition("Ready")).toBe("True");
	expect(() => harness.fleet.filesOf("n1")?.writeFile("/etc/x", "")).toThrow(expect.objectContaining({ shellText: text }));
	harness.fleet.relieveNode("n1");
	harness.fleet.filesOf("n1")?.writeFile("/etc/x", "");
	await harness.clock.advance(20_000);
	expect((await harness.get("c")).status?.phase).toBe("Running");
});

it("a full disk is under pressure, too", async () => {
	harness.fleet.failDisk("n1", "full");
	expect(() => harness.fleet.filesOf("n1")?.writeFile("/etc/x", "")).toThrow(
		expect.objectContaining({ shellText: "No space left on device" }),
	);
	await harness.clock.advance(25_000);
	expect(await condition("DiskPressure")).toBe("True");
});

it("an image that the disk can't keep is not there", async () => {
	const slow = new FleetHarness({ latency: "usual" });
	await slow.start("n1");
	await slow.pod("b", { image: "nginx" });
	for (let turn = 0; turn < 500 && !(await slow.events("b")).some((line) => line.includes("Pulling")); turn++) await slow.clock.advance(10);
	slow.fleet.failDisk("n1", "errors");
	await slow.clock.advance(30_000);
	expect((await slow.events("b")).join("\n")).toMatch(
		/Failed to pull image "nginx": rpc error: code = Unknown desc = failed to pull and unpack image "docker.io\/library\/nginx:latest": failed to copy: write \/var\/lib\/containerd\/io.containerd.content.v1.content\/ingest: input\/output error/,
	);
	slow.stop();
});

it("a kill reaches the main process, and says so where there is none", async () => {
	await harness.pod("a", { image: "busybox", command: ["sleep", "100000"] });
	await harness.clock.advance(1_000);
	expect(harness.fleet.killContainer("default", "a", undefined, "KILL")).toBeUndefined();
	await harness.clock.advance(1_000);
	expect((await harness.get("a")).status?.containerStatuses?.[0]).toMatchObject({
		restartCount: 1,
		lastState: { terminated: { exitCode: 137 } },
	});
	expect(harness.fleet.killContainer("default", "a", "x", "KILL")).toBe("container x is not valid for pod a");
	expect(harness.fleet.killContainer("default", "z", undefined, "KILL")).toBe('pod "z" does not run on a node that is simulated here');
});

const networks: readonly (readonly [fault: "all" | "api" | "pods", hears: boolean, reaches: boolean])[] = [
	["all", false, false],
	["api", false, true],
	["pods", true, false],
];

it.each(networks)(
	"of a network that fails as %s: the API hears of the node %s, others reach its pods %s",
	async (fault, hears, reaches) => {
		await harness.fleet.addNode({ name: "n2" });
		await harness.pod("server", { image: "nginx" });
		await harness.clock.advance(1_000);
		const ip = (await harness.get("server")).status?.podIP;
		const look = { image: "busybox", command: waits(`wget -T 2 -qO- http://${ip}/`) };
		await harness.pod("far", look, { nodeName: "n2", restartPolicy: "Never" });
		await harness.pod("near", look, { restartPolicy: "Never" });
		await harness.clock.advance(1_000);
		const calls = () => harness.api.requests.filter(({ resource, name }) => resource === "leases" && name === "n1").length;
		const before = calls();
		harness.fleet.failNetwork("n1", fault);
		await harness.clock.advance(200_000);
		expect(calls() > before).toBe(hears);
		expect((await says("far"))?.includes("nginx")).toBe(reaches);
		harness.fleet.relieveNode("n1");
		harness.fleet.startNode("n1");
		await harness.clock.advance(20_000);
		expect(calls() > before).toBe(true);
		expect(await says("near")).toContain("nginx");
	},
);
