import { afterEach, beforeEach, expect, it } from "vitest";
import { FsError } from "../../host/index.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";

let harness: FleetHarness;
beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start("n1", { kubelet: { containerLogMaxSize: "1k", containerLogMaxFiles: 3 } });
});
afterEach(() => harness.stop());

/** What a shell on the node's files prints: a pod that mounts its /var/log. */
async function onNode(script: string): Promise<string> {
	const chunks: Uint8Array[] = [];
	const write = async (chunk: Uint8Array) => void chunks.push(chunk);
	await harness.fleet.connector.exec(
		{ namespace: "default", pod: "agent", container: "c", node: "n1" },
		{ command: ["sh", "-c", script], tty: false, stdin: false },
		{ stdout: write, stderr: write },
		new AbortController().signal,
	);
	return Buffer.concat(chunks).toString();
}

it("a node's /var/log has the logs of its containers, as a log collector finds them", async () => {
	const agent = { volumeMounts: [{ name: "logs", mountPath: "/var/log" }], command: ["sleep", "3600"] };
	await harness.pod(
		"agent",
		{},
		{
			containers: [{ name: "c", image: "busybox:1.36", ...agent }],
			volumes: [{ name: "logs", hostPath: { path: "/var/log" } }],
		},
	);
	await harness.pod("crash", { command: ["sh", "-c", "echo life at $(date +%S); sleep 3; exit 1"] });
	await harness.clock.advance(4_000);
	const { uid } = (await harness.get("crash")).metadata ?? {};
	expect(await onNode("cd /var/log; ls pods/*; cat containers/crash_default_c-*.log; readlink containers/crash_*")).toBe(
		[
			`pods/default_agent_${(await harness.get("agent")).metadata?.uid}:`,
			"c",
			"",
			`pods/default_crash_${uid}:`,
			"c",
			"2026-01-01T00:00:03.000000000Z stdout F life at 03",
			`/var/log/pods/default_crash_${uid}/c/1.log`,
			"",
		].join("\n"),
	);
	expect(await onNode("cd /var/log/pods/default_crash_*/c; cat 0.log; wc -c < 1.log; rm 0.log")).toBe(
		"2026-01-01T00:00:00.000000000Z stdout F life at 00\n51\nrm: cannot remove '0.log': Read-only file system\n",
	);
	const files = harness.fleet.filesOf("n1");
	expect(() => files?.writeFile("/var/log/pods/x", "")).toThrow(FsError);
	files?.writeFile("/var/log/syslog", "a node's own\n");
	expect(await onNode("cat /var/log/syslog; tail -n 1 /var/log/containers/crash_*")).toBe(
		"a node's own\n2026-01-01T00:00:03.000000000Z stdout F life at 03\n",
	);
});

it("logs go to the next file at the node's own size, and no more of them are kept", async () => {
	await harness.pod("talker", { command: ["sh", "-c", "for i in $(seq 1 100); do echo line $i; done; sleep 3600"] });
	await harness.clock.advance(1_000);
	const files = harness.fleet.filesOf("n1");
	const directory = `/var/log/pods/default_talker_${(await harness.get("talker")).metadata?.uid}/c`;
	expect(files?.readdir(directory)).toEqual(["0.log", "0.log.20260101-000002.gz", "0.log.20260101-000003"]);
	expect(files?.stat(`${directory}/0.log.20260101-000003`).sizeBytes).toBeGreaterThanOrEqual(1_000);
});

it.each([
	[{ containerLogMaxFiles: 1 }, "failed to initialize container log manager: invalid MaxFiles 1, must be > 1"],
	[
		{ containerLogMaxSize: "much" },
		'failed to initialize container log manager: failed to parse container log max size "much": quantities must match the regular expression',
	],
])("a kubelet that is told %j does not start", async (kubelet, message) => {
	await expect(harness.fleet.addNode({ name: "n2", kubelet })).rejects.toThrow(message);
});
