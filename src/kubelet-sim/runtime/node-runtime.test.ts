import { afterEach, beforeEach, expect, it } from "vitest";
import { lastText } from "../container/log-reader.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";
import type { ContainerRuntime } from "./cri.ts";

let harness: FleetHarness;
let runtime: ContainerRuntime;

beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start("n1");
	const found = harness.fleet.runtimeOf("n1");
	if (found === undefined) throw new Error("n1 is off");
	runtime = found;
});

afterEach(() => harness.stop());

const sleeper = { image: "busybox:1.36", command: ["sleep", "1000"] };

/** `name attempt state exitCode` of each container. */
function containers(): readonly string[] {
	return runtime.containers().map(({ name, attempt, state, exit }) => [name, attempt, state.slice(10), exit?.exitCode ?? "-"].join(" "));
}

function sandboxes(): readonly string[] {
	return runtime.sandboxes().map(({ name, attempt, state }) => `${name} ${attempt} ${state.slice(8)}`);
}

async function run(name: string, spec: Parameters<FleetHarness["pod"]>[1] = sleeper, more: Parameters<FleetHarness["pod"]>[2] = {}) {
	await harness.pod(name, spec, more);
	await harness.clock.advance(1_000);
}

it("shows a pod's sandbox and container, with the kubelet's labels and the container's id of its status", async () => {
	await run("web");
	const [container] = runtime.containers();
	const [sandbox] = runtime.sandboxes();
	const { metadata, status } = await harness.get("web");
	expect(`containerd://${container?.id}`).toBe(status?.containerStatuses?.[0]?.containerID);
	expect(container).toMatchObject({
		sandboxId: sandbox?.id,
		state: "CONTAINER_RUNNING",
		image: "docker.io/library/busybox:1.36",
		logPath: `/var/log/pods/default_web_${metadata?.uid}/c/0.log`,
	});
	expect(container?.labels).toEqual({
		"io.kubernetes.container.name": "c",
		"io.kubernetes.pod.name": "web",
		"io.kubernetes.pod.namespace": "default",
		"io.kubernetes.pod.uid": metadata?.uid,
	});
	expect(sandbox).toMatchObject({ name: "web", uid: metadata?.uid, ip: status?.podIP, state: "SANDBOX_READY", runtimeHandler: "" });
	expect(runtime.container(container?.id.slice(0, 5) ?? "")).toEqual(container);
});

it("has a container that was stopped behind the kubelet's back started again", async () => {
	await run("web");
	const [before] = runtime.containers();
	await runtime.stopContainer(before?.id ?? "", 0);
	await harness.clock.advance(1_000);
	expect(containers()).toEqual(["c 1 RUNNING -", "c 0 EXITED 137"]);
	const [status] = (await harness.get("web")).status?.containerStatuses ?? [];
	expect(status).toMatchObject({ restartCount: 1, lastState: { terminated: { exitCode: 137, reason: "Error" } } });
	expect(await harness.events("web")).not.toContainEqual(expect.stringContaining("Killing"));
	expect(sandboxes()).toEqual(["web 0 READY"]);
});

it("gives a container its stop signal first, and SIGKILL when its time is over", async () => {
	await run("deaf");
	await run(
		"polite",
		{ image: "busybox:1.36", command: ["sh", "-c", "trap 'exit 3' TERM; sleep 1000 & wait"] },
		{ restartPolicy: "Never" },
	);
	const byName = (pod: string) => runtime.containers().find(({ labels }) => labels["io.kubernetes.pod.name"] === pod)?.id ?? "";
	const polite = runtime.stopContainer(byName("polite"), 10_000);
	let isOver = false;
	const deaf = runtime.stopContainer(byName("deaf"), 10_000).then(() => {
		isOver = true;
	});
	await harness.clock.advance(1_000);
	await polite;
	expect((await harness.get("polite")).status?.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(3);
	await harness.clock.advance(8_000);
	expect(isOver).toBe(false);
	await harness.clock.advance(1_500);
	await deaf;
	expect(containers()).toContain("c 0 EXITED 137");
});

it("keeps of a container no more than the instance that runs and the one that ended last", async () => {
	await run("crash", { image: "busybox:1.36", command: ["sh", "-c", "echo round; sleep 1; exit 4"] });
	await harness.clock.advance(1_000);
	// The second one has ended, too, and waits out its back-off.
	await harness.clock.advance(3_000);
	expect(containers()).toEqual(["c 1 EXITED 4"]);
	const [status] = (await harness.get("crash")).status?.containerStatuses ?? [];
	expect(runtime.containers().map(({ id }) => `containerd://${id}`)).toEqual([status?.containerID]);
	await harness.clock.advance(7_500);
	expect(containers()).toEqual(["c 2 RUNNING -", "c 1 EXITED 4"]);
	const [, dead] = runtime.containers();
	expect(lastText(runtime.log(dead?.id ?? ""), 10)).toBe("round\n");
});

it("has another sandbox made in the place of one that was stopped, with another address and all containers in it", async () => {
	await run("web");
	const address = (await harness.get("web")).status?.podIP;
	runtime.stopSandbox(runtime.sandboxes()[0]?.id ?? "");
	await harness.clock.advance(1_000);
	expect(sandboxes()).toEqual(["web 1 READY", "web 0 NOTREADY"]);
	expect(containers()).toEqual(["c 1 RUNNING -", "c 0 EXITED 137"]);
	expect(await harness.events("web")).toContain("Normal SandboxChanged Pod sandbox changed, it will be killed and re-created.");
	expect((await harness.get("web")).status?.podIP).not.toBe(address);
	const [now, before] = runtime.containers();
	expect(now?.sandboxId).toBe(runtime.sandboxes()[0]?.id);
	expect(before?.sandboxId).toBe(runtime.sandboxes()[1]?.id);
});

it("collects a former sandbox when its last dead container is gone, at most a minute later", async () => {
	await run("web");
	runtime.stopSandbox(runtime.sandboxes()[0]?.id ?? "");
	await harness.clock.advance(90_000);
	expect(sandboxes()).toEqual(["web 1 READY", "web 0 NOTREADY"]);
	await runtime.removeContainer(runtime.containers()[1]?.id ?? "");
	expect(sandboxes()).toEqual(["web 1 READY"]);
});

it("lets a pod that may not restart fail when its sandbox is stopped", async () => {
	await run("once", sleeper, { restartPolicy: "Never" });
	runtime.stopSandbox(runtime.sandboxes()[0]?.id ?? "");
	await harness.clock.advance(1_000);
	expect((await harness.get("once")).status?.phase).toBe("Failed");
	expect(sandboxes()).toEqual(["once 0 NOTREADY"]);
});

it("forgets what was removed, and its pod starts anew", async () => {
	await run("web");
	runtime.removeSandbox(runtime.sandboxes()[0]?.id ?? "");
	await harness.clock.advance(1_000);
	expect(sandboxes()).toEqual(["web 1 READY"]);
	expect(containers()).toEqual(["c 1 RUNNING -"]);
	await runtime.removeContainer(runtime.containers()[0]?.id ?? "");
	await harness.clock.advance(1_000);
	expect(containers()).toEqual(["c 2 RUNNING -"]);
});

it("says in containerd's words what is not there, and which ids mean several", async () => {
	await run("a");
	await run("b");
	const error = (act: () => unknown) => {
		try {
			act();
			return "";
		} catch (thrown) {
			return thrown instanceof Error ? thrown.message : "";
		}
	};
	expect(error(() => runtime.container("nothere"))).toBe(
		'rpc error: code = NotFound desc = an error occurred when try to find container "nothere": not found',
	);
	expect(error(() => runtime.sandbox("nothere"))).toBe(
		"rpc error: code = NotFound desc = an error occurred when try to find sandbox: not found",
	);
	const ids = runtime.containers().map(({ id }) => id);
	const digit = [..."0123456789abcdef"].find((each) => ids.filter((id) => id.startsWith(each)).length > 1);
	if (digit !== undefined) expect(error(() => runtime.container(digit))).toContain("multiple IDs found with provided prefix");
	await expect(runtime.stopContainer("nothere", 0)).resolves.toBeUndefined();
});

it("pulls and removes images, and shows the sandboxes' own once there is a sandbox", async () => {
	const id = await runtime.pull("nginx:1.27", undefined);
	expect(runtime.images()).toMatchObject([{ id, repoTags: ["docker.io/library/nginx:1.27"], isPinned: false }]);
	expect(runtime.image(id.slice(7, 15))).toEqual(runtime.image("nginx:1.27"));
	await expect(runtime.pull("nginx:1.161", undefined)).rejects.toThrow(
		/^rpc error: code = NotFound desc = failed to pull and unpack image/,
	);
	await run("web");
	expect(runtime.images().map(({ repoTags }) => repoTags[0])).toEqual([
		"docker.io/library/busybox:1.36",
		"docker.io/library/nginx:1.27",
		"registry.k8s.io/pause:3.10",
	]);
	runtime.removeImage("nginx:1.27");
	expect(runtime.image("nginx:1.27")).toBeUndefined();
	expect(harness.fleet.imagesOf("n1")?.has("docker.io/library/nginx:1.27")).toBe(false);
});

it("is gone with the machine's power, and knows afterwards how containers ended", async () => {
	await run("web");
	harness.fleet.powerOffNode("n1");
	expect(harness.fleet.runtimeOf("n1")).toBeUndefined();
	harness.fleet.startNode("n1");
	await harness.clock.advance(1_000);
	expect(containers()).toEqual(["c 1 RUNNING -", "c 0 EXITED 255"]);
	expect(sandboxes()).toEqual(["web 1 READY", "web 0 NOTREADY"]);
});
