import { afterEach, describe, expect, it } from "vitest";
import { formatTime } from "../apimachinery/time.ts";
import { configMaps, leases, nodes } from "../client/resources.ts";
import { FleetHarness } from "./testing/fleet-harness.ts";

let harness: FleetHarness;

afterEach(() => harness.stop());

async function started(options: ConstructorParameters<typeof FleetHarness>[0] = {}): Promise<FleetHarness> {
	harness = new FleetHarness(options);
	await harness.start();
	return harness;
}

describe("a node", () => {
	it("registers, becomes Ready, and renews its lease every ten seconds", async () => {
		const { client, clock, api } = await started();
		const node = await client.resource(nodes).get({ name: "n1" });
		expect(node.metadata?.labels).toEqual({
			"beta.kubernetes.io/arch": "amd64",
			"beta.kubernetes.io/os": "linux",
			"kubernetes.io/arch": "amd64",
			"kubernetes.io/hostname": "n1",
			"kubernetes.io/os": "linux",
		});
		expect(node.spec).toEqual({ podCIDR: "10.244.0.0/24", podCIDRs: ["10.244.0.0/24"] });
		expect(node.status?.conditions?.map(({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`)).toEqual([
			"MemoryPressure=False KubeletHasSufficientMemory: kubelet has sufficient memory available",
			"DiskPressure=False KubeletHasNoDiskPressure: kubelet has no disk pressure",
			"PIDPressure=False KubeletHasSufficientPID: kubelet has sufficient PID available",
			"Ready=True KubeletReady: kubelet is posting ready status",
		]);
		const before = api.requests.length;
		await clock.advance(100_000);
		const renewals = api.requests.slice(before).filter(({ resource, verb }) => resource === "leases" && verb === "update");
		expect(renewals.length).toBe(10);
		const lease = await client.resource(leases).get({ namespace: "kube-node-lease", name: "n1" });
		expect([lease.spec?.holderIdentity, lease.spec?.leaseDurationSeconds]).toEqual(["n1", 40]);
	});

	it("spreads the heartbeats of many nodes over the period", async () => {
		const { fleet, clock, api } = await started({ nodeEvents: false });
		await Promise.all(Array.from({ length: 200 }, (_, index) => fleet.addNode({ name: `m${index}` })));
		const renewals = () => api.requests.filter(({ resource }) => resource === "leases").length;
		const before = renewals();
		const perSlot: number[] = [];
		for (let slot = 0; slot < 50; slot++) {
			const from = renewals();
			await clock.advance(200);
			perSlot.push(renewals() - from);
		}
		expect(renewals() - before).toBe(201);
		expect(Math.max(...perSlot)).toBeLessThan(20);
	});

	it("that is stopped writes nothing, and goes on where it was when it is started", async () => {
		const { fleet, clock, api } = await started();
		await harness.pod("web", { image: "nginx" });
		await clock.advance(0);
		fleet.stopNode("n1");
		await harness.delete("web");
		const before = api.requests.length;
		await clock.advance(60_000);
		expect(api.requests.length).toBe(before);
		fleet.startNode("n1");
		await clock.advance(1_000);
		expect(harness.story.at(-1)).toBe("web gone");
	});
});

describe("a pod", () => {
	it("runs after one status write when nothing takes time", async () => {
		const { clock } = await started();
		await harness.pod("web", { image: "nginx" });
		await clock.advance(0);
		expect(harness.story).toEqual(["web 0/1 Pending 0", "web 1/1 Running 0"]);
		expect(harness.statusWrites("web")).toBe(1);
		const { status } = await harness.get("web");
		const now = formatTime(clock.now());
		const id = status?.containerStatuses?.[0]?.containerID ?? "";
		expect(id).toMatch(/^containerd:\/\/[0-9a-f]{64}$/);
		expect(status).toEqual({
			observedGeneration: 1,
			phase: "Running",
			conditions: ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"].map((type) => ({
				type,
				status: "True",
				lastTransitionTime: now,
				observedGeneration: 1,
			})),
			hostIP: "172.18.0.2",
			hostIPs: [{ ip: "172.18.0.2" }],
			podIP: "10.244.0.2",
			podIPs: [{ ip: "10.244.0.2" }],
			startTime: now,
			qosClass: "BestEffort",
			containerStatuses: [
				{
					name: "c",
					state: { running: { startedAt: now } },
					lastState: {},
					ready: true,
					restartCount: 0,
					image: "docker.io/library/nginx:latest",
					imageID: status?.containerStatuses?.[0]?.imageID,
					containerID: id,
					started: true,
					user: { linux: { uid: 0, gid: 0, supplementalGroups: [0] } },
				},
			],
		});
		expect(await harness.events("web")).toEqual([
			'Normal Pulling Pulling image "nginx"',
			'Normal Pulled Successfully pulled image "nginx" in 1ms (1ms including waiting). Image size: 72319283 bytes.',
			"Normal Created Container created",
			"Normal Started Container started",
		]);
	});

	it("tells the usual story when things take time", async () => {
		const { clock } = await started({ latency: "usual" });
		await harness.pod("web", { image: "nginx:1.29" });
		await clock.advance(10_000);
		// That it waits, that it has its network, that it runs: an image that has been pulled is no news.
		expect(harness.statusWrites("web")).toBe(3);
		await harness.delete("web");
		await clock.advance(60_000);
		expect(harness.story).toEqual([
			"web 0/1 Pending 0",
			"web 0/1 ContainerCreating 0",
			"web 1/1 Running 0",
			"web 1/1 Terminating 0",
			"web 0/1 Terminating 0",
			"web gone",
		]);
	});

	it("that fails again and again is restarted after 0, 10, 20, 40 … 300 seconds", async () => {
		const { clock } = await started();
		await harness.pod("bad", { command: ["sh", "-c", "echo oops; exit 3"] });
		const startMs = clock.now();
		const restarts: number[] = [];
		for (let second = 0; second <= 1_300; second++) {
			const count = (await harness.get("bad")).status?.containerStatuses?.[0]?.restartCount ?? 0;
			if (count > restarts.length) restarts.push((clock.now() - startMs) / 1000);
			await clock.advance(1_000);
		}
		expect(restarts.map((at, index) => at - (restarts[index - 1] ?? 0))).toEqual([1, 9, 20, 40, 80, 160, 300, 300, 300]);
		const { metadata, status } = await harness.get("bad");
		const [container] = status?.containerStatuses ?? [];
		expect(container?.state?.waiting).toEqual({
			reason: "CrashLoopBackOff",
			message: `back-off 5m0s restarting failed container=c pod=bad_default(${metadata?.uid})`,
		});
		expect([container?.lastState?.terminated?.exitCode, container?.lastState?.terminated?.reason, status?.phase]).toEqual([
			3,
			"Error",
			"Running",
		]);
		// Of 25 events in a short time the rest is cut off: an object's events are limited.
		const backOffs = (await harness.events("bad")).filter((event) => event.startsWith("Warning BackOff"));
		expect(backOffs.map((event) => event.replace(/ \(x\d+\)$/, ""))).toEqual([
			`Warning BackOff Back-off restarting failed container c in pod bad_default(${metadata?.uid})`,
		]);
	});

	it("comes to its end by its restart policy", async () => {
		const { clock } = await started();
		await harness.pod("done", { command: ["echo", "hi"] }, { restartPolicy: "Never" });
		await harness.pod("failed", { command: ["false"] }, { restartPolicy: "Never" });
		await harness.pod("retried", { command: ["sh", "-c", "exit 0"] }, { restartPolicy: "OnFailure" });
		await clock.advance(1_000);
		const phases = await Promise.all(["done", "failed", "retried"].map(async (name) => (await harness.get(name)).status?.phase));
		expect(phases).toEqual(["Succeeded", "Failed", "Succeeded"]);
		const { status } = await harness.get("done");
		expect(status?.conditions?.map(({ type, status: value, reason = "" }) => `${type}=${value} ${reason}`)).toEqual([
			"PodReadyToStartContainers=False ",
			"Initialized=True PodCompleted",
			"Ready=False PodCompleted",
			"ContainersReady=False PodCompleted",
			"PodScheduled=True ",
		]);
		expect(status?.containerStatuses?.[0]?.state?.terminated?.reason).toBe("Completed");
	});

	it("starts init containers in order, a sidecar among them, then the rest", async () => {
		const { clock } = await started();
		const at = (name: string) => ({ name, image: "busybox", command: ["sh", "-c", `sleep 5; date +%T-${name}`] });
		await harness.pod(
			"multi",
			{},
			{
				initContainers: [at("one"), { ...at("log"), command: ["sleep", "1000"], restartPolicy: "Always" }, at("two")],
				containers: [{ name: "app", image: "nginx" }],
				restartPolicy: "Never",
			},
		);
		await clock.advance(4_000);
		expect(harness.story.at(-1)).toBe("multi 0/1 Init:0/3 0");
		const { status } = await harness.get("multi");
		expect(status?.conditions?.find(({ type }) => type === "Initialized")?.message).toBe(
			"containers with incomplete status: [one log two]",
		);
		expect(status?.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: "PodInitializing" } });
		await clock.advance(10_000);
		expect(harness.story.at(-1)).toBe("multi 1/1 Running 0");
	});

	it("waits with ErrImagePull and ImagePullBackOff for an image that is not there", async () => {
		const { clock } = await started();
		await harness.pod("typo", { image: "nginx:1.161" });
		await clock.advance(8_000);
		const error =
			'rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/nginx:1.161": failed to resolve reference "docker.io/library/nginx:1.161": docker.io/library/nginx:1.161: not found';
		expect(harness.story).toEqual(["typo 0/1 Pending 0", "typo 0/1 ErrImagePull 0", "typo 0/1 ImagePullBackOff 0"]);
		expect((await harness.get("typo")).status?.containerStatuses?.[0]?.state?.waiting?.message).toBe(
			`Back-off pulling image "nginx:1.161": ErrImagePull: ${error}`,
		);
		expect(await harness.events("typo")).toEqual([
			'Normal Pulling Pulling image "nginx:1.161"',
			`Warning Failed Failed to pull image "nginx:1.161": ${error}`,
			"Warning Failed Error: ErrImagePull",
			'Normal BackOff Back-off pulling image "nginx:1.161"',
			"Warning Failed Error: ImagePullBackOff",
		]);
		await harness.pod("bad-name", { image: "NGINX" });
		await clock.advance(0);
		expect((await harness.get("bad-name")).status?.containerStatuses?.[0]?.state?.waiting).toEqual({
			reason: "InvalidImageName",
			message: `Failed to apply default image tag "NGINX": couldn't parse image name "NGINX": invalid reference format: repository name (library/NGINX) must be lowercase`,
		});
	});

	it("whose command is not there says so", async () => {
		const { clock } = await started();
		await harness.pod("nocmd", { command: ["nosuch"] });
		await clock.advance(500);
		expect(harness.story.at(-1)).toBe("nocmd 0/1 RunContainerError 0");
		expect((await harness.events("nocmd")).at(-1)).toBe(
			'Warning Failed Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "nosuch": executable file not found in $PATH',
		);
		await clock.advance(3_000);
		expect(harness.story.at(-1)).toBe("nocmd 0/1 CrashLoopBackOff 1");
	});

	it("waits for its ConfigMaps: in a volume, then in its environment", async () => {
		const { clock, client } = await started();
		const volumes = [{ name: "conf", configMap: { name: "settings" } }];
		await harness.pod("vol", { image: "nginx", volumeMounts: [{ name: "conf", mountPath: "/conf" }] }, { volumes });
		await harness.pod("env", { image: "nginx", envFrom: [{ configMapRef: { name: "settings" } }] });
		await clock.advance(0);
		expect(await harness.events("vol")).toEqual([
			'Warning FailedMount MountVolume.SetUp failed for volume "conf" : configmap "settings" not found',
		]);
		expect(harness.story).toContain("vol 0/1 ContainerCreating 0");
		expect((await harness.get("env")).status?.containerStatuses?.[0]?.state?.waiting).toEqual({
			reason: "CreateContainerConfigError",
			message: 'configmap "settings" not found',
		});
		await client
			.resource(configMaps)
			.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings", namespace: "default" }, data: { color: "blue" } });
		await clock.advance(15_000);
		expect([(await harness.get("vol")).status?.phase, (await harness.get("env")).status?.phase]).toEqual(["Running", "Running"]);
	});

	it("gets SIGTERM, its grace period, then SIGKILL", async () => {
		const { clock } = await started();
		await harness.pod("deaf", { command: ["sleep", "3600"] }, { terminationGracePeriodSeconds: 30 });
		await harness.pod("polite", { image: "nginx" }, { terminationGracePeriodSeconds: 30 });
		await clock.advance(0);
		await harness.delete("deaf");
		await harness.delete("polite");
		await clock.advance(0);
		expect(harness.story.filter((line) => line.includes("gone"))).toEqual(["polite gone"]);
		await clock.advance(29_900);
		expect(harness.story).not.toContain("deaf gone");
		await clock.advance(200);
		expect(harness.story.at(-1)).toBe("deaf gone");
		expect(await harness.events("deaf")).toContain("Normal Killing Stopping container c");
	});

	it("is killed by its liveness probe and held back by its readiness probe", async () => {
		const { clock } = await started();
		await harness.pod(
			"probed",
			{
				command: ["sh", "-c", "touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600"],
				livenessProbe: { exec: { command: ["cat", "/tmp/healthy"] }, initialDelaySeconds: 5, periodSeconds: 5 },
			},
			{ terminationGracePeriodSeconds: 1 },
		);
		await harness.pod("unready", { image: "nginx", readinessProbe: { httpGet: { path: "/none", port: 80 }, periodSeconds: 10 } });
		// rm and touch are programs that load code: real I/O, which the clock does not wait for.
		for (let second = 0; second < 60; second++) {
			await clock.advance(1_000);
			await new Promise((resolve) => setImmediate(resolve));
		}
		const liveness = await harness.events("probed");
		expect(liveness).toContain("Warning Unhealthy Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory\n (x3)");
		expect(liveness).toContain("Normal Killing Container c failed liveness probe, will be restarted");
		expect((await harness.get("probed")).status?.containerStatuses?.[0]?.restartCount).toBe(1);
		expect(await harness.events("unready")).toContain(
			"Warning Unhealthy Readiness probe failed: HTTP probe failed with statuscode: 404 (x7)",
		);
		const { status } = await harness.get("unready");
		expect(status?.conditions?.find(({ type }) => type === "Ready")?.message).toBe("containers with unready status: [c]");
	});

	it("goes on under its old ids when the cluster is started again", async () => {
		const first = await started();
		await harness.pod("web", { image: "nginx" });
		await harness.pod("done", { command: ["true"] }, { restartPolicy: "Never" });
		await first.clock.advance(1_000);
		const before = [await harness.get("web"), await harness.get("done")];
		first.stop();
		harness = new FleetHarness({}, first);
		await harness.start();
		await harness.pod("new", { image: "nginx" });
		await harness.clock.advance(1_000);
		expect([await harness.get("web"), await harness.get("done")]).toEqual(before);
		expect((await harness.get("new")).status?.podIP).toBe("10.244.0.3");
		await harness.delete("web");
		await harness.clock.advance(1_000);
		expect(harness.story.at(-1)).toBe("web gone");
	});
});
