/**
 * Restart policy × exit code × containers: the phase of the pod, what `kubectl get pods` shows, and when containers start again.
 * Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/ (tables of its older versions included).
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Container, PodSpec } from "../../src/apimachinery/schema/generated/types.ts";
import { lasting, PodBench, script } from "./pod-bench.ts";

const exits = (code: number, more: Partial<Container> = {}) => script(`sleep 1; exit ${code}`, more);
const rule = (action: string, ...values: number[]) => [{ action, exitCodes: { operator: "In", values } }];
const sidecar = (container: Container): Container => ({ ...container, name: "side", restartPolicy: "Always" });
const init = (container: Container): Container => ({ ...container, name: "init" });
const eats = (more: Partial<Container> = {}): Container => ({
	name: "c",
	image: "polinux/stress",
	command: ["stress", "--vm", "1", "--vm-bytes", "250M", "--vm-hang", "1"],
	resources: { limits: { memory: "100Mi" } },
	...more,
});

interface Row {
	readonly policy: string;
	readonly what: string;
	readonly containers: readonly Container[];
	readonly spec?: Partial<PodSpec>;
	/** After five seconds: phase, READY, STATUS, RESTARTS. */
	readonly shows: string;
}

const row = (policy: string, what: string, containers: readonly Container[], shows: string, spec: Partial<PodSpec> = {}): Row => ({
	policy,
	what,
	containers,
	shows,
	spec,
});
const two = (code: number) => [exits(code), lasting({ name: "other" })];
const both = (one: number, other: number) => [exits(one), exits(other, { name: "other" })];
const withInit = (...initContainers: Container[]): Partial<PodSpec> => ({ initContainers });

const rows: readonly Row[] = [
	row("Always", "exit 0", [exits(0)], "Running 0/1 CrashLoopBackOff 1"),
	row("Always", "exit 1", [exits(1)], "Running 0/1 CrashLoopBackOff 1"),
	row("OnFailure", "exit 0", [exits(0)], "Succeeded 0/1 Completed 0"),
	row("OnFailure", "exit 1", [exits(1)], "Running 0/1 CrashLoopBackOff 1"),
	row("Never", "exit 0", [exits(0)], "Succeeded 0/1 Completed 0"),
	row("Never", "exit 1", [exits(1)], "Failed 0/1 Error 0"),
	row("Always", "oom", [eats()], "Running 0/1 CrashLoopBackOff 1"),
	row("OnFailure", "oom", [eats()], "Running 0/1 CrashLoopBackOff 1"),
	row("Never", "oom", [eats()], "Failed 0/1 OOMKilled 0"),
	row("Always", "one of two exits 0", two(0), "Running 1/2 CrashLoopBackOff 1"),
	row("Always", "one of two exits 1", two(1), "Running 1/2 CrashLoopBackOff 1"),
	row("OnFailure", "one of two exits 0", two(0), "Running 1/2 NotReady 0"),
	row("OnFailure", "one of two exits 1", two(1), "Running 1/2 CrashLoopBackOff 1"),
	row("Never", "one of two exits 0", two(0), "Running 1/2 NotReady 0"),
	row("Never", "one of two exits 1", two(1), "Running 1/2 Error 0"),
	row("Never", "both exit 0", both(0, 0), "Succeeded 0/2 Completed 0"),
	row("Never", "one fails of both", both(1, 0), "Failed 0/2 Error 0"),
	row("OnFailure", "one fails of both", both(1, 0), "Running 0/2 CrashLoopBackOff 1"),
	row("Always", "an init container succeeds", [lasting()], "Running 1/1 Running 0", withInit(init(exits(0)))),
	row("Never", "an init container succeeds", [exits(0)], "Succeeded 0/1 Completed 0", withInit(init(exits(0)))),
	row("Always", "an init container fails", [lasting()], "Pending 0/1 Init:CrashLoopBackOff 1", withInit(init(exits(1)))),
	row("OnFailure", "an init container fails", [lasting()], "Pending 0/1 Init:CrashLoopBackOff 1", withInit(init(exits(1)))),
	row("Never", "an init container fails", [lasting()], "Failed 0/1 Init:Error 0", withInit(init(exits(1)))),
	row("Never", "an init container runs", [lasting()], "Pending 0/1 Init:1/2 0", withInit(init(exits(0)), { ...lasting(), name: "slow" })),
	row("Always", "a sidecar exits 1", [lasting()], "Running 1/2 Init:CrashLoopBackOff 1", withInit(sidecar(exits(1)))),
	row("Never", "a sidecar exits 0", [lasting()], "Running 1/2 Init:CrashLoopBackOff 1", withInit(sidecar(exits(0)))),
	row("Never", "a sidecar outlives its work", [exits(0)], "Succeeded 0/2 Completed 0", withInit(sidecar(lasting()))),
	row("Never", "a sidecar outlives its failure", [exits(3)], "Failed 0/2 Error 0", withInit(sidecar(lasting()))),
	row(
		"Always",
		"a sidecar before a failing init",
		[lasting()],
		"Pending 1/2 Init:CrashLoopBackOff 1",
		withInit(sidecar(lasting()), init(exits(1))),
	),
	row("Never", "its own policy Always", [exits(0, { restartPolicy: "Always" })], "Running 0/1 CrashLoopBackOff 1"),
	row("Never", "its own policy OnFailure, exit 1", [exits(1, { restartPolicy: "OnFailure" })], "Running 0/1 CrashLoopBackOff 1"),
	row("Always", "its own policy Never, exit 1", [exits(1, { restartPolicy: "Never" })], "Failed 0/1 Error 0"),
	row("Always", "its own policy Never, exit 0", [exits(0, { restartPolicy: "Never" })], "Succeeded 0/1 Completed 0"),
	row(
		"Always",
		"an init container of policy Never fails",
		[lasting()],
		"Failed 0/1 Init:Error 0",
		withInit(init(exits(1, { restartPolicy: "Never" }))),
	),
	row(
		"Never",
		"an init container of policy OnFailure fails",
		[lasting()],
		"Pending 0/1 Init:CrashLoopBackOff 1",
		withInit(init(exits(1, { restartPolicy: "OnFailure" }))),
	),
	row(
		"Never",
		"a rule for the code",
		[exits(42, { restartPolicy: "Never", restartPolicyRules: rule("Restart", 42) })],
		"Running 0/1 CrashLoopBackOff 1",
	),
	row(
		"Never",
		"a rule for another code",
		[exits(1, { restartPolicy: "Never", restartPolicyRules: rule("Restart", 42) })],
		"Failed 0/1 Error 0",
	),
];

describe("a pod shows after five seconds", () => {
	let bench: PodBench;
	beforeAll(async () => {
		bench = await PodBench.start();
		for (const [index, { policy, containers, spec }] of rows.entries())
			await bench.pod(`p${index}`, containers, { restartPolicy: policy, ...spec });
		await bench.advance(5_000);
	});
	afterAll(() => bench[Symbol.asyncDispose]());

	it.each(rows.map(({ policy, what, shows }, index) => [policy, what, shows, index] as const))(
		"%s, %s: %s",
		async (_, __, shows, index) => {
			expect(await bench.row(`p${index}`)).toBe(shows);
		},
	);
});

describe("back-off", () => {
	it("doubles from 10 seconds to five minutes, and is forgotten after ten good minutes", async () => {
		await using bench = await PodBench.start();
		await bench.pod("loop", [script("sleep 1; exit 1")]);
		const good = "echo x >> /d/n; [ $(wc -l < /d/n) = 4 ] && sleep 700; sleep 1; exit 1";
		await bench.pod("good", [script(good, { volumeMounts: [{ name: "d", mountPath: "/d" }] })], { volumes: [{ name: "d", emptyDir: {} }] });
		await bench.advance(1_500_000);
		const waits = (name: string) => {
			const times = new Map<number, [number, number]>();
			for (const { kind, name: of, object } of bench.cluster.timeline.entries) {
				const status =
					of === name && kind === "Pod"
						? (object as { status?: import("../../src/apimachinery/schema/generated/types.ts").PodStatus }).status
						: undefined;
				const [container] = status?.containerStatuses ?? [];
				const ended = container?.lastState?.terminated?.finishedAt;
				const started = container?.state?.running?.startedAt;
				if (ended !== undefined && started !== undefined)
					times.set(container?.restartCount ?? 0, [bench.seconds(ended), bench.seconds(started)]);
			}
			return [...times.values()].map(([ended, started]) => started - ended);
		};
		expect(waits("loop")).toEqual([0, 10, 20, 40, 80, 160, 300, 300, 300]);
		expect(waits("good").slice(0, 6)).toEqual([0, 10, 20, 0, 10, 20]);
		const [status] = (await bench.get("loop")).status?.containerStatuses ?? [];
		const uid = (await bench.get("loop")).metadata?.uid;
		expect(status?.state?.waiting).toEqual({
			reason: "CrashLoopBackOff",
			message: `back-off 5m0s restarting failed container=c pod=loop_default(${uid})`,
		});
		expect(await bench.events("loop", "BackOff")).toEqual([
			`Warning BackOff Back-off restarting failed container c in pod loop_default(${uid})`,
		]);
	});
});

describe("a rule that restarts all", () => {
	it("ends every container without its hook, and starts from the first init container on, in the same sandbox", async () => {
		await using bench = await PodBench.start();
		const volumeMounts = [{ name: "d", mountPath: "/d" }];
		const preStop = { exec: { command: ["sh", "-c", "echo hook >> /d/log"] } };
		const trigger = script("echo trigger >> /d/log; sleep 1; [ -f /d/again ] && sleep 100; touch /d/again; exit 88", {
			name: "trigger",
			restartPolicy: "Never",
			restartPolicyRules: rule("RestartAllContainers", 88),
			volumeMounts,
		});
		const main = script("echo main >> /d/log; sleep 1000", { volumeMounts, lifecycle: { preStop } });
		await bench.pod("all", [main, trigger], {
			restartPolicy: "Never",
			initContainers: [script("echo init >> /d/log", { name: "init", volumeMounts })],
			volumes: [{ name: "d", emptyDir: {} }],
		});
		await bench.advance(500);
		const ip = (await bench.get("all")).status?.podIP;
		await bench.advance(1_000);
		const restarting = (await bench.get("all")).status?.conditions?.find(({ type }) => type === "AllContainersRestarting");
		expect(restarting).toMatchObject({
			status: "True",
			reason: "RestartAllContainersStarted",
			message: "container exited with restart policy rule",
		});
		await bench.advance(5_000);
		expect(await bench.row("all")).toBe("Running 2/2 Running 2");
		expect(await bench.sh("all", "cat /d/log")).toBe("init\nmain\ntrigger\ninit\nmain\ntrigger\n");
		const { status } = await bench.get("all");
		expect([status?.podIP, status?.initContainerStatuses?.[0]?.restartCount]).toEqual([ip, 1]);
		expect(status?.conditions?.find(({ type }) => type === "AllContainersRestarting")?.status).toBe("False");
		expect(new Set(bench.story("all").map((line) => line.split(" ")[0]))).toEqual(new Set(["Pending", "Running"]));
	});
});
