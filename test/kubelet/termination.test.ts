/**
 * How pods end: grace periods, hooks, the order of containers, exit codes, and when the object goes.
 * Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Container, LifecycleHandler, Pod, PodSpec } from "../../src/apimachinery/schema/generated/types.ts";
import { lasting, PodBench, script } from "./pod-bench.ts";

const deaf = (more: Partial<Container> = {}) => script("trap '' TERM; sleep 1000", more);
/** Takes so long from SIGTERM to its end. */
const slow = (seconds: number, more: Partial<Container> = {}) =>
	script(`trap 'sleep ${seconds}; exit 0' TERM; while true; do sleep 1; done`, more);
const hooked = (preStop: LifecycleHandler, container: Container = lasting()): Container => ({ ...container, lifecycle: { preStop } });
const sidecar = (name: string, container: Container): Container => ({ ...container, name, restartPolicy: "Always" });
const sh = (text: string): LifecycleHandler => ({ exec: { command: ["sh", "-c", text] } });

interface Row {
	readonly what: string;
	readonly containers: readonly Container[];
	readonly grace: number;
	readonly spec?: Partial<PodSpec>;
	/** `name code@second` of every container, init containers first; then when the pod was gone. */
	readonly ends: readonly string[];
	readonly events?: readonly string[];
}

const failedHook = "Warning FailedPreStopHook PreStopHook failed";

const rows: readonly Row[] = [
	{ what: "a program that ends when it is asked to", containers: [lasting()], grace: 30, ends: ["c 0@0", "gone@0"] },
	{
		what: "a program without an answer to SIGTERM, as process 1",
		containers: [script("sleep 1000")],
		grace: 4,
		ends: ["c 137@4", "gone@4"],
	},
	{ what: "a program that ignores SIGTERM", containers: [deaf()], grace: 5, ends: ["c 137@5", "gone@5"] },
	{ what: "a program that takes its time", containers: [slow(3)], grace: 5, ends: ["c 0@4", "gone@4"] },
	{ what: "two seconds between SIGTERM and SIGKILL at least", containers: [deaf()], grace: 1, ends: ["c 137@2", "gone@2"] },
	{
		what: "a hook eats into the grace period",
		containers: [hooked({ sleep: { seconds: 3 } }, deaf())],
		grace: 10,
		ends: ["c 137@10", "gone@10"],
	},
	{ what: "a hook before SIGTERM", containers: [hooked({ sleep: { seconds: 3 } })], grace: 10, ends: ["c 0@3", "gone@3"] },
	{
		what: "a hook that outlasts the grace period",
		containers: [hooked(sh("sleep 100"), deaf())],
		grace: 5,
		ends: ["c 137@7", "gone@7"],
		events: [failedHook],
	},
	{ what: "a sleep that takes all of it", containers: [hooked({ sleep: { seconds: 5 } }, deaf())], grace: 5, ends: ["c 137@7", "gone@7"] },
	{ what: "a hook that fails", containers: [hooked(sh("exit 1"))], grace: 5, ends: ["c 0@0", "gone@0"], events: [failedHook] },
	{
		what: "a hook over HTTP where nobody is",
		containers: [hooked({ httpGet: { port: 80 } })],
		grace: 5,
		ends: ["c 0@0", "gone@0"],
		events: [failedHook],
	},
	{
		what: "a hook over HTTP is content with any answer",
		containers: [hooked({ httpGet: { port: 80, path: "/no" } }, { name: "c", image: "nginx" })],
		grace: 5,
		ends: ["c 0@0", "gone@0"],
	},
	{
		what: "a hook over TCP, which no kubelet can run",
		containers: [hooked({ tcpSocket: { port: 80 } })],
		grace: 5,
		ends: ["c 0@0", "gone@0"],
		events: [failedHook],
	},
	{
		what: "main containers together",
		containers: [slow(1), slow(4, { name: "other" })],
		grace: 10,
		ends: ["c 0@2", "other 0@5", "gone@5"],
	},
	{
		what: "sidecars after them, the last one first",
		containers: [slow(1)],
		grace: 20,
		spec: { initContainers: [sidecar("first", slow(2)), sidecar("second", slow(2))] },
		ends: ["first 0@7", "second 0@5", "c 0@2", "gone@7"],
	},
	{
		what: "sidecars all at once when the grace period is over",
		containers: [deaf()],
		grace: 4,
		spec: { initContainers: [sidecar("first", deaf()), sidecar("second", lasting())] },
		ends: ["first 137@6", "second 0@4", "c 137@4", "gone@6"],
	},
	{
		what: "hooks of sidecars at once",
		containers: [slow(2)],
		grace: 20,
		spec: { initContainers: [sidecar("side", hooked({ sleep: { seconds: 3 } }))] },
		ends: ["side 0@3", "c 0@3", "gone@3"],
	},
	{
		what: "an init container that runs",
		containers: [lasting()],
		grace: 3,
		spec: { initContainers: [{ ...deaf(), name: "init" }] },
		ends: ["init 137@3", "c 137", "gone@3"],
	},
];

describe("a pod that is deleted", () => {
	let bench: PodBench;
	let deletedMs = 0;
	const endsOf = (name: string): string[] => {
		const gone = bench.cluster.timeline.entries.find((entry) => entry.type === "DELETED" && entry.kind === "Pod" && entry.name === name);
		const { status } = (gone?.object ?? {}) as Pod;
		const ends = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].map(({ name: container, state }) => {
			const { exitCode, finishedAt } = state?.terminated ?? {};
			const at = finishedAt === undefined ? "" : `@${bench.seconds(finishedAt) - (deletedMs - bench.startMs) / 1000}`;
			return `${container} ${exitCode}${at}`;
		});
		return [...ends, `gone@${((gone?.atMs ?? 0) - deletedMs) / 1000}`];
	};

	beforeAll(async () => {
		bench = await PodBench.start();
		for (const [index, { containers, grace, spec }] of rows.entries())
			await bench.pod(`p${index}`, containers, { ...spec, terminationGracePeriodSeconds: grace });
		const whileItEnds = sh("touch /ending; sleep 20");
		const readinessProbe = { exec: { command: ["sh", "-c", "[ ! -f /ending ]"] }, periodSeconds: 2, failureThreshold: 1 };
		const livenessProbe = { tcpSocket: { port: 81 }, initialDelaySeconds: 4 };
		await bench.pod("ready", [{ ...hooked(whileItEnds), readinessProbe, livenessProbe }], { terminationGracePeriodSeconds: 30 });
		await bench.pod("again", [deaf()], { terminationGracePeriodSeconds: 60 });
		await bench.pod("hook-again", [hooked({ sleep: { seconds: 50 } }, deaf())], { terminationGracePeriodSeconds: 60 });
		await bench.advance(3_000);
		deletedMs = bench.cluster.clock.now();
		for (const [index] of rows.entries()) await bench.cluster.delete("Pod", `p${index}`);
		for (const name of ["ready", "again", "hook-again"]) await bench.cluster.delete("Pod", name);
		await bench.advance(5_000);
		for (const name of ["again", "hook-again"]) await bench.cluster.delete("Pod", name, { gracePeriodSeconds: 3 });
		await bench.advance(35_000);
	});
	afterAll(() => bench[Symbol.asyncDispose]());

	it.each(rows.map(({ what, ends, events }, index) => [what, ends, events ?? [], index] as const))("%s", async (_, ends, events, index) => {
		expect(endsOf(`p${index}`)).toEqual(ends);
		expect(await bench.events(`p${index}`, "FailedPreStopHook")).toEqual(events);
	});

	it("says for each container that it is stopped", async () => {
		const index = rows.findIndex(({ what }) => what === "sidecars after them, the last one first");
		expect((await bench.events(`p${index}`, "Killing")).sort()).toEqual([
			"Normal Killing Stopping container c",
			"Normal Killing Stopping container first",
			"Normal Killing Stopping container second",
		]);
	});

	it("says until its end whether it is ready, and is not killed for its health any more", async () => {
		const rowsSeen = bench.cluster.timeline.entries.filter(({ kind, name }) => kind === "Pod" && name === "ready");
		const ready = rowsSeen.map(({ object, atMs }) => [(object as Pod).status?.containerStatuses?.[0]?.ready, (atMs - deletedMs) / 1000]);
		expect(ready.filter(([isReady], at) => isReady !== ready[at - 1]?.[0]).slice(-2)).toEqual([
			[true, -3],
			[false, 1],
		]);
		expect(await bench.events("ready", "Killing")).toEqual(["Normal Killing Stopping container c"]);
		expect(endsOf("ready")).toEqual(["c 0@20", "gone@20"]);
	});

	it("may be given less time later on, in its hook too", () => {
		expect(endsOf("again")).toEqual(["c 137@8", "gone@8"]);
		expect(endsOf("hook-again")).toEqual(["c 137@10", "gone@10"]);
	});
});

describe("a postStart hook", () => {
	it("that fails kills the container, which says so until it starts again", async () => {
		await using bench = await PodBench.start();
		const late = (postStart: LifecycleHandler) => lasting({ lifecycle: { postStart } });
		await bench.pod("late", [late(sh("echo oops >&2; exit 3"))]);
		await bench.pod("never", [late(sh("sleep 2; exit 1"))], { restartPolicy: "Never" });
		await bench.pod("web", [late({ httpGet: { port: 81, path: "/hi" } })]);
		await bench.pod("long", [late({ sleep: { seconds: 5 } }), lasting({ name: "next" })]);
		await bench.advance(500);
		const uidOf = async (name: string) => (await bench.get(name)).metadata?.uid;
		const waitingOf = async (name: string) => (await bench.get(name)).status?.containerStatuses?.[0]?.state?.waiting;
		expect(await waitingOf("late")).toEqual({
			reason: "PostStartHookError",
			message: `Exec lifecycle hook ([sh -c echo oops >&2; exit 3]) for Container "c" in Pod "late_default(${await uidOf("late")})" failed - error: command 'sh -c echo oops >&2; exit 3' exited with 3: oops\n, message: "oops\\n"`,
		});
		const { podIP } = (await bench.get("web")).status ?? {};
		expect((await waitingOf("web"))?.message).toBe(
			`HTTP lifecycle hook (/hi) for Container "c" in Pod "web_default(${await uidOf("web")})" failed - error: Get "http://${podIP}:81/hi": dial tcp ${podIP}:81: connect: connection refused`,
		);
		expect(await bench.events("late", "FailedPostStartHook", "Killing")).toEqual([
			"Warning FailedPostStartHook PostStartHook failed",
			"Normal Killing FailedPostStartHook",
		]);
		expect(await bench.row("long")).toBe("Pending 0/2 ContainerCreating 0");
		await bench.advance(6_000);
		expect([await bench.row("long"), await bench.row("never")]).toEqual(["Running 2/2 Running 0", "Succeeded 0/1 Completed 0"]);
		expect(await waitingOf("late")).toMatchObject({ reason: "CrashLoopBackOff" });
	});
});
