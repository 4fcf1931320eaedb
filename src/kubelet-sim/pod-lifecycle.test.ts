/** Hooks, deadlines, sidecars, debugging containers and what pods see of the API. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { configMaps, pods, secrets, services } from "../client/resources.ts";
import { Collector } from "../host/index.ts";
import { FleetHarness } from "./testing/fleet-harness.ts";

let harness: FleetHarness;

beforeEach(async () => {
	harness = new FleetHarness({ volumeSyncMs: 0 });
	await harness.start();
});

afterEach(() => harness.stop());

async function sh(pod: string, script: string, container = "c"): Promise<string> {
	const output = new Collector();
	const write = async (chunk: Uint8Array) => output.write(chunk);
	const target = { namespace: "default", pod, container, node: "n1" };
	const streams = { stdout: write, stderr: write };
	await harness.fleet.connector.exec(
		target,
		{ command: ["sh", "-c", script], tty: false, stdin: false },
		streams,
		new AbortController().signal,
	);
	return output.text();
}

const sleeper = { image: "busybox:1.36", command: ["sleep", "3600"] };

describe("hooks", () => {
	it("run before SIGTERM, within the grace period", async () => {
		await harness.pod(
			"hooked",
			{ image: "nginx", lifecycle: { preStop: { sleep: { seconds: 10 } } } },
			{ terminationGracePeriodSeconds: 30 },
		);
		await harness.clock.advance(0);
		await harness.delete("hooked");
		await harness.clock.advance(9_900);
		expect(harness.story.at(-1)).toBe("hooked 1/1 Terminating 0");
		await harness.clock.advance(200);
		expect(harness.story.at(-1)).toBe("hooked gone");
	});

	it("that outlast the grace period are cut off two seconds after it", async () => {
		await harness.pod(
			"slow",
			{ ...sleeper, lifecycle: { preStop: { exec: { command: ["sleep", "100"] } } } },
			{ terminationGracePeriodSeconds: 5 },
		);
		await harness.clock.advance(0);
		await harness.delete("slow");
		await harness.clock.advance(6_900);
		expect(harness.story.at(-1)).toBe("slow 1/1 Terminating 0");
		await harness.clock.advance(200);
		expect(harness.story.at(-1)).toBe("slow gone");
		expect(await harness.events("slow")).toContain("Warning FailedPreStopHook PreStopHook failed");
	});

	it("after the start hold the container back, and kill it if they fail", async () => {
		const lifecycle = { postStart: { exec: { command: ["sh", "-c", "sleep 3; exit 1"] } } };
		await harness.pod("late", { ...sleeper, lifecycle }, { terminationGracePeriodSeconds: 1, restartPolicy: "Never" });
		await harness.clock.advance(2_000);
		expect(harness.story.at(-1)).toBe("late 0/1 ContainerCreating 0");
		await harness.clock.advance(5_000);
		expect(harness.story.at(-1)).toBe("late 0/1 Error 0");
		expect((await harness.get("late")).status?.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(137);
		expect(await harness.events("late")).toContain("Warning FailedPostStartHook PostStartHook failed");
	});

	it("over HTTPS go on over HTTP where nobody speaks TLS, which is told", async () => {
		await harness.pod("plain", { image: "nginx", lifecycle: { preStop: { httpGet: { scheme: "HTTPS", port: 80, path: "/" } } } });
		await harness.clock.advance(5_000);
		const ip = (await harness.get("plain")).status?.podIP;
		await harness.delete("plain");
		await harness.clock.advance(5_000);
		const events = await harness.events("plain");
		expect(events).toContain(
			`Warning LifecycleHTTPFallback request to HTTPS lifecycle hook ${ip}:80 got HTTP response, retry with HTTP succeeded`,
		);
		expect(events).not.toContain("Warning FailedPreStopHook PreStopHook failed");
	});

	it("over HTTPS fail where nobody listens", async () => {
		const lifecycle = { postStart: { httpGet: { scheme: "HTTPS", port: 81, path: "/" } } };
		await harness.pod("closed", { image: "nginx", lifecycle }, { restartPolicy: "Never" });
		await harness.clock.advance(5_000);
		expect(await harness.events("closed")).toContain("Warning FailedPostStartHook PostStartHook failed");
	});
});

describe("an end", () => {
	it("comes when activeDeadlineSeconds have passed", async () => {
		await harness.pod("dead", sleeper, { activeDeadlineSeconds: 20, terminationGracePeriodSeconds: 5 });
		await harness.clock.advance(26_000);
		const { status } = await harness.get("dead");
		expect([status?.phase, status?.reason, status?.message]).toEqual([
			"Failed",
			"DeadlineExceeded",
			"Pod was active on the node longer than the specified deadline",
		]);
	});

	it("of the main containers ends the sidecars too", async () => {
		const initContainers = [{ name: "proxy", image: "nginx", restartPolicy: "Always" }];
		await harness.pod("job", { command: ["sleep", "5"] }, { initContainers, restartPolicy: "Never" });
		await harness.clock.advance(6_000);
		const { status } = await harness.get("job");
		expect([status?.phase, status?.initContainerStatuses?.[0]?.state?.terminated?.reason]).toEqual(["Succeeded", "Completed"]);
	});

	it("leaves the message that the container wrote", async () => {
		await harness.pod(
			"last-words",
			{ command: ["sh", "-c", "echo 'no database' > /dev/termination-log; exit 4"] },
			{ restartPolicy: "Never" },
		);
		await harness.clock.advance(1_000);
		expect((await harness.get("last-words")).status?.containerStatuses?.[0]?.state?.terminated?.message).toBe("no database\n");
	});

	it("may be forced: the object goes first, the processes with it", async () => {
		await harness.pod("stuck", sleeper);
		await harness.clock.advance(0);
		await harness.client.resource(pods).delete({ namespace: "default", name: "stuck" }, { gracePeriodSeconds: 0 });
		await harness.clock.advance(0);
		expect(harness.story.at(-1)).toBe("stuck gone");
		await expect(sh("stuck", "true")).rejects.toThrow('pods "stuck" not found');
	});
});

describe("a container", () => {
	it("can be added for debugging", async () => {
		const pod = await harness.pod("app", { image: "nginx" });
		await harness.clock.advance(0);
		const ephemeralContainers = [{ name: "debug", image: "busybox", command: ["sleep", "60"] }];
		await harness.client
			.resource(pods)
			.update({ ...(await harness.get("app")), spec: { ...pod.spec, containers: pod.spec?.containers ?? [], ephemeralContainers } });
		await harness.clock.advance(0);
		expect((await harness.get("app")).status?.ephemeralContainerStatuses?.[0]?.state?.running).toBeDefined();
		expect(await sh("app", "wget -qO- localhost | head -n 1", "debug")).toBe("<!DOCTYPE html>\n");
		expect(await sh("app", "ps", "debug")).not.toContain("nginx");
	});

	it("that is added with a target sees its processes, and takes none of them along when it ends", async () => {
		const pod = await harness.pod("app", { image: "nginx" });
		await harness.clock.advance(0);
		const ephemeralContainers = [{ name: "debug", image: "busybox", command: ["sleep", "60"], targetContainerName: "c" }];
		await harness.client
			.resource(pods)
			.update({ ...(await harness.get("app")), spec: { ...pod.spec, containers: pod.spec?.containers ?? [], ephemeralContainers } });
		await harness.clock.advance(0);
		expect(await sh("app", "ps | grep -c '[n]ginx'", "debug")).toBe("1\n");
		await harness.clock.advance(60_000);
		const { status } = await harness.get("app");
		expect(status?.ephemeralContainerStatuses?.[0]?.state?.terminated?.exitCode).toBe(0);
		expect(status?.containerStatuses?.[0]).toMatchObject({ restartCount: 0, ready: true });
	});

	it("sees ConfigMaps, Secrets and the pod itself as files and variables", async () => {
		const meta = (name: string) => ({ name, namespace: "default" });
		await harness.client
			.resource(configMaps)
			.create({ apiVersion: "v1", kind: "ConfigMap", metadata: meta("conf"), data: { color: "blue", "a.txt": "A" } });
		await harness.client
			.resource(secrets)
			.create({ apiVersion: "v1", kind: "Secret", metadata: meta("pass"), data: { word: Buffer.from("xyz").toString("base64") } });
		await harness.client
			.resource(services)
			.create({ apiVersion: "v1", kind: "Service", metadata: meta("my-db"), spec: { clusterIP: "10.96.0.7", ports: [{ port: 5432 }] } });
		await harness.clock.advance(0);
		await harness.pod(
			"reader",
			{
				...sleeper,
				env: [
					{ name: "COLOR", valueFrom: { configMapKeyRef: { name: "conf", key: "color" } } },
					{ name: "WORD", valueFrom: { secretKeyRef: { name: "pass", key: "word" } } },
					{ name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
					{ name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
					{ name: "URL", value: "db://$(MY_DB_SERVICE_HOST):$(MY_DB_SERVICE_PORT)" },
				],
				volumeMounts: [
					{ name: "conf", mountPath: "/conf" },
					{ name: "conf", mountPath: "/etc/one", subPath: "a.txt" },
					{ name: "all", mountPath: "/all", readOnly: true },
					{ name: "scratch", mountPath: "/scratch" },
				],
			},
			{
				volumes: [
					{ name: "conf", configMap: { name: "conf" } },
					{ name: "scratch", emptyDir: {} },
					{
						name: "all",
						projected: {
							sources: [
								{ secret: { name: "pass", items: [{ key: "word", path: "deep/word" }] } },
								{ downwardAPI: { items: [{ path: "name", fieldRef: { fieldPath: "metadata.name" } }] } },
							],
						},
					},
				],
			},
		);
		await harness.clock.advance(0);
		expect(await sh("reader", "echo $COLOR $WORD $IP $CPU $URL $MY_DB_PORT_5432_TCP_ADDR")).toBe(
			"blue xyz 10.244.0.2 4 db://10.96.0.7:5432 10.96.0.7\n",
		);
		expect(await sh("reader", "cat /conf/color /etc/one /all/deep/word /all/name; echo; ls /conf; echo x > /all/y")).toBe(
			"blueAxyzreader\na.txt\ncolor\nsh: can't create /all/y: Read-only file system\n",
		);
		const conf = await harness.client.resource(configMaps).get({ namespace: "default", name: "conf" });
		await harness.client.resource(configMaps).update({ ...conf, data: { color: "red" } });
		await harness.clock.advance(1);
		expect(await sh("reader", "cat /conf/color; echo; ls /conf; echo $COLOR")).toBe("red\ncolor\nblue\n");
	});

	it("shares its volumes and its network with the others of its pod", async () => {
		const volumeMounts = [{ name: "html", mountPath: "/usr/share/nginx/html" }];
		const containers = [
			{ name: "web", image: "nginx", volumeMounts },
			{ name: "c", ...sleeper, volumeMounts },
			{ name: "twin", image: "nginx" },
		];
		await harness.pod("shared", {}, { containers, volumes: [{ name: "html", emptyDir: {} }] });
		await harness.clock.advance(0);
		expect(await sh("shared", "echo hello > /usr/share/nginx/html/index.html; wget -qO- localhost")).toBe("hello\n");
		// Two servers, one port: the second one fails, as in a real pod.
		const twin = (await harness.get("shared")).status?.containerStatuses?.find(({ name }) => name === "twin");
		expect([twin?.lastState?.terminated?.exitCode, twin?.state?.waiting?.reason]).toEqual([1, "CrashLoopBackOff"]);
	});
});
