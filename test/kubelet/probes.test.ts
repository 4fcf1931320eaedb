/** Probes: every kind of action, every field, and what events say of them. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Container, Pod, Probe } from "../../src/apimachinery/schema/generated/types.ts";
import { lasting, PodBench, script } from "./pod-bench.ts";

const agnhost = (...args: string[]): Container => ({ name: "c", image: "registry.k8s.io/e2e-test-images/agnhost:2.53", args });
const netexec = agnhost("netexec", "--http-port=8080");
const deaf = script("trap '' TERM; sleep 1000");
const soon = { periodSeconds: 1, failureThreshold: 1 } as const;

interface Row {
	readonly what: string;
	readonly probe: Probe;
	readonly container?: Container;
	/** Behind `Readiness probe failed: `; undefined: it is ready. */
	readonly says?: string;
}

/** `IP` stands for the pod's address. */
const rows: readonly Row[] = [
	{ what: "a command that succeeds", probe: { exec: { command: ["true"] } } },
	{ what: "a command that fails", probe: { exec: { command: ["sh", "-c", "echo out; echo err >&2; exit 3"] } }, says: "out\nerr\n" },
	{
		what: "a command that looks for a file",
		probe: { exec: { command: ["cat", "/tmp/healthy"] } },
		says: "cat: can't open '/tmp/healthy': No such file or directory\n",
	},
	{
		what: "a command that takes too long",
		probe: { exec: { command: ["sleep", "5"] }, timeoutSeconds: 2 },
		says: 'command timed out: "sleep 5" timed out after 2s',
	},
	...[200, 204, 302, 399].map((code) => ({
		what: `status ${code}`,
		probe: { httpGet: { path: `/echo?code=${code}`, port: 8080 } },
		container: netexec,
	})),
	...[400, 404, 500, 503].map((code) => ({
		what: `status ${code}`,
		probe: { httpGet: { path: `/echo?code=${code}`, port: 8080 } },
		container: netexec,
		says: `HTTP probe failed with statuscode: ${code}`,
	})),
	{
		what: "a named port",
		probe: { httpGet: { path: "healthz", port: "web" } },
		container: { ...netexec, ports: [{ name: "web", containerPort: 8080 }] },
	},
	{
		what: "a redirect to a path that is there",
		probe: { httpGet: { path: "/redirect?location=/healthz", port: 8080 } },
		container: netexec,
	},
	{
		what: "a redirect to a path that is not",
		probe: { httpGet: { path: "/redirect?location=/echo%3Fcode%3D404", port: 8080 } },
		container: netexec,
		says: "HTTP probe failed with statuscode: 404",
	},
	{
		what: "a redirect to another host",
		probe: { httpGet: { path: "/redirect?location=http://example.com/", port: 8080 } },
		container: netexec,
	},
	{
		what: "a server of plain HTTP asked over TLS",
		probe: { httpGet: { path: "/healthz", port: 8080, scheme: "HTTPS" } },
		container: netexec,
		says: 'Get "https://IP:8080/healthz": http: server gave HTTP response to HTTPS client',
	},
	{
		what: "HTTP where nobody listens",
		probe: { httpGet: { port: 80 } },
		says: 'Get "http://IP:80/": dial tcp IP:80: connect: connection refused',
	},
	{ what: "another host", probe: { httpGet: { port: 8080, host: "127.0.0.1" } }, container: netexec },
	{
		what: "a host that nobody knows",
		probe: { httpGet: { port: 80, host: "nowhere.example" } },
		says: 'Get "http://nowhere.example:80/": dial tcp: lookup nowhere.example: no such host',
	},
	{
		what: "a server that is slow",
		probe: { httpGet: { path: "/shell?cmd=sleep%205", port: 8080 } },
		container: netexec,
		says: 'Get "http://IP:8080/shell?cmd=sleep%205": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
	},
	{ what: "a port that is open", probe: { tcpSocket: { port: 8080 } }, container: netexec },
	{
		what: "a port that is closed",
		probe: { tcpSocket: { port: 81 } },
		container: netexec,
		says: "dial tcp IP:81: connect: connection refused",
	},
	{ what: "gRPC that serves", probe: { grpc: { port: 5000 } }, container: agnhost("grpc-health-checking") },
	{
		what: "gRPC of a service",
		probe: { grpc: { port: 5001, service: "db" } },
		container: agnhost("grpc-health-checking", "--port=5001", "--service=db"),
	},
	{
		what: "gRPC that does not serve",
		probe: { grpc: { port: 5000 } },
		container: agnhost("grpc-health-checking", "--delay-unhealthy-sec=0"),
		says: 'service unhealthy (responded with "NOT_SERVING")',
	},
	{
		what: "gRPC of a service that is not there",
		probe: { grpc: { port: 5000, service: "db" } },
		container: agnhost("grpc-health-checking"),
		says: "error: health rpc probe failed: rpc error: code = NotFound desc = unknown service",
	},
	{
		what: "gRPC where nobody listens",
		probe: { grpc: { port: 5000 } },
		says: 'timeout: failed to connect service "IP:5000" within 1s: context deadline exceeded',
	},
	{
		what: "gRPC of a web server",
		probe: { grpc: { port: 8080 }, timeoutSeconds: 2 },
		container: netexec,
		says: 'timeout: failed to connect service "IP:8080" within 2s: context deadline exceeded',
	},
];

describe("one execution of a probe", () => {
	let bench: PodBench;
	beforeAll(async () => {
		bench = await PodBench.start();
		for (const [index, { probe, container = lasting() }] of rows.entries())
			await bench.pod(`p${index}`, [{ ...container, readinessProbe: { ...soon, ...probe } }]);
		await bench.pod("port", [{ ...netexec, readinessProbe: { ...soon, httpGet: { port: "http" } } }]);
		await bench.pod("start", [lasting({ readinessProbe: { ...soon, exec: { command: ["/no/such"] } } })]);
		await bench.advance(3_500);
	});
	afterAll(() => bench[Symbol.asyncDispose]());

	it.each(rows.map(({ what, says }, index) => [what, says, index] as const))("%s", async (_, says, index) => {
		const name = `p${index}`;
		const { status } = await bench.get(name);
		const unhealthy = await bench.events(name, "Unhealthy");
		const text = says?.replaceAll("IP", status?.podIP ?? "");
		expect([...new Set(unhealthy)]).toEqual(text === undefined ? [] : [`Warning Unhealthy Readiness probe failed: ${text}`]);
		expect(status?.containerStatuses?.[0]?.ready).toBe(says === undefined);
	});

	it("that cannot be carried out counts for nothing", async () => {
		const unknown = "Warning Unhealthy Readiness probe errored and resulted in unknown state:";
		expect((await bench.events("port", "Unhealthy"))[0]).toBe(`${unknown} strconv.Atoi: parsing "http": invalid syntax`);
		expect((await bench.events("start", "Unhealthy"))[0]).toContain(
			`${unknown} rpc error: code = Unknown desc = failed to exec in container`,
		);
	});

	it("that ends with a redirect to elsewhere succeeds with a warning", async () => {
		const index = rows.findIndex(({ what }) => what === "a redirect to another host");
		expect((await bench.events(`p${index}`, "ProbeWarning"))[0]).toBe(
			"Warning ProbeWarning Readiness probe warning: Probe terminated redirects, Response body: ",
		);
	});
});

describe("the fields of a probe", () => {
	const closed = { tcpSocket: { port: 81 } };
	let bench: PodBench;
	beforeAll(async () => {
		bench = await PodBench.start();
		const fails = { initialDelaySeconds: 7, periodSeconds: 3, failureThreshold: 2 };
		await bench.pod("alive", [lasting({ livenessProbe: { ...closed, ...fails } })]);
		await bench.pod("never", [lasting({ livenessProbe: { ...closed, ...fails } })], { restartPolicy: "Never" });
		await bench.pod("startup", [lasting({ startupProbe: { ...closed, periodSeconds: 10, failureThreshold: 3 } })]);
		const livenessProbe = { ...closed, periodSeconds: 1, failureThreshold: 1, terminationGracePeriodSeconds: 3 };
		await bench.pod("deaf", [{ ...deaf, livenessProbe }], { terminationGracePeriodSeconds: 60, restartPolicy: "Never" });
		const appears = { exec: { command: ["sh", "-c", "[ -f /ok ]"] }, periodSeconds: 1 };
		await bench.pod("ready", [
			script("sleep 2; touch /ok; sleep 8; rm /ok; sleep 1000", {
				readinessProbe: { ...appears, successThreshold: 3, failureThreshold: 2 },
			}),
		]);
		await bench.pod("held", [
			script("sleep 5; touch /ok; sleep 1000", {
				startupProbe: { ...appears, failureThreshold: 30 },
				livenessProbe: { ...closed, periodSeconds: 1, failureThreshold: 3 },
				readinessProbe: { exec: { command: ["true"] }, periodSeconds: 1 },
			}),
		]);
		await bench.advance(25_000);
	});
	afterAll(() => bench[Symbol.asyncDispose]());

	/** When a pod's container was ready and not ready any more, seconds. */
	const readiness = async (name: string) =>
		bench.cluster.timeline.entries
			.filter((entry) => entry.kind === "Pod" && entry.name === name)
			.map(({ object }) => (object as Pod).status?.conditions?.find(({ type }) => type === "Ready"))
			.filter((condition) => condition !== undefined)
			.filter(({ status }, index, all) => status !== all[index - 1]?.status)
			.map(({ status, lastTransitionTime }) => `${status} ${bench.seconds(lastTransitionTime)}`);
	/** When its container ended for the first time, and with which code. */
	const ended = (name: string) => {
		for (const entry of bench.cluster.timeline.entries) {
			if (entry.kind !== "Pod" || entry.name !== name) continue;
			const [container] = (entry.object as Pod).status?.containerStatuses ?? [];
			const last = container?.lastState?.terminated ?? container?.state?.terminated;
			if (last !== undefined) return [bench.seconds(last.finishedAt), last.exitCode];
		}
		return [];
	};

	it("initialDelaySeconds, periodSeconds, failureThreshold: killed by the second failure, ten seconds after the start", async () => {
		expect(ended("alive")).toEqual([10, 0]);
		expect([...new Set(await bench.events("alive", "Killing"))]).toEqual([
			"Normal Killing Container c failed liveness probe, will be restarted",
		]);
		expect((await bench.get("alive")).status?.containerStatuses?.[0]?.restartCount).toBe(1);
	});

	it("without a restart nobody promises one", async () => {
		expect(await bench.events("never", "Killing")).toEqual(["Normal Killing Container c failed liveness probe"]);
		expect(await bench.row("never")).toBe("Succeeded 0/1 Completed 0");
	});

	it("a startup probe kills when its last try has failed", async () => {
		expect(ended("startup")).toEqual([20, 0]);
		expect(await bench.events("startup", "Killing")).toEqual(["Normal Killing Container c failed startup probe, will be restarted"]);
	});

	it("a startup probe holds the others up until it has succeeded", async () => {
		expect(ended("held")).toEqual([12, 137]);
		expect((await readiness("held")).slice(0, 3)).toEqual(["False 0", "True 5", "False 12"]);
	});

	it("terminationGracePeriodSeconds is its own", async () => {
		expect(ended("deaf")).toEqual([3, 137]);
	});

	it("successThreshold and failureThreshold of readiness", async () => {
		expect(await readiness("ready")).toEqual(["False 0", "True 4", "False 11"]);
	});
});
