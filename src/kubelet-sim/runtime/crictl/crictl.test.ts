import { afterEach, beforeEach, expect, it } from "vitest";
import { FleetHarness } from "../../testing/fleet-harness.ts";
import { runOnNode } from "../../testing/node-shell.ts";

let harness: FleetHarness;

beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start("n1");
});

afterEach(() => harness.stop());

/** Ids as ID1, ID2 … in the order in which they come, whole or cut short; the columns as wide as they were. */
function readable(text: string): string {
	const names = new Map<string, string>();
	const name = (id: string) => {
		const known = names.get(id.slice(0, 13));
		if (known !== undefined) return known;
		names.set(id.slice(0, 13), `ID${names.size + 1}`);
		return `ID${names.size}`;
	};
	return text.replaceAll(/\b(?:[0-9a-f]{64}|[0-9a-f]{13})\b/g, (id) => (id.length === 64 ? name(id) : name(id).padEnd(13, "_")));
}

async function on(script: string): Promise<string> {
	const { stdout, stderr, exitCode } = await runOnNode(harness, script);
	return readable(stdout + stderr + (exitCode === 0 ? "" : `(exit ${exitCode})\n`));
}

async function scene(): Promise<void> {
	await harness.pod("web", { name: "app", image: "busybox:1.36", command: ["sh", "-c", "echo hello; echo oops >&2; sleep 1000"] });
	await harness.clock.advance(65_000);
	await harness.pod("once", { name: "job", image: "alpine:3.22", command: ["sh", "-c", "echo done; exit 3"] }, { restartPolicy: "Never" });
	await harness.clock.advance(3_000);
}

it("lists containers, pods and images in the real one's columns", async () => {
	await scene();
	expect(await on("crictl ps -a; crictl pods; crictl images --digests; crictl images alpine:3.22")).toMatchInlineSnapshot(`
		"CONTAINER           IMAGE               CREATED              STATE               NAME                ATTEMPT             POD ID              POD                 NAMESPACE
		ID1__________       ID2__________       3 seconds ago        Exited              job                 0                   ID3__________       once                default
		ID4__________       ID5__________       About a minute ago   Running             app                 0                   ID6__________       web                 default
		POD ID              CREATED              STATE               NAME                NAMESPACE           ATTEMPT             RUNTIME
		ID3__________       3 seconds ago        NotReady            once                default             0                   (default)
		ID6__________       About a minute ago   Ready               web                 default             0                   (default)
		IMAGE                       TAG                 DIGEST              IMAGE ID            SIZE
		docker.io/library/alpine    3.22                ID7__________       ID2__________       3.8MB
		docker.io/library/busybox   1.36                ID8__________       ID5__________       2.22MB
		registry.k8s.io/pause       3.10                ID9__________       ID10_________       320kB
		IMAGE                      TAG                 IMAGE ID            SIZE
		docker.io/library/alpine   3.22                ID2__________       3.8MB
		"
	`);
});

it("chooses by name, state, pod, label, image and number, and shows ids alone", async () => {
	await scene();
	for (const [command, expected] of [
		["ps --name ap", "app"],
		["ps -a --state exited", "job"],
		["ps -a --image alpine:3.22", "job"],
		["ps -a --label io.kubernetes.pod.name=web", "app"],
		["ps -l", "job"],
		["ps -a -n 1", "job"],
		["ps -a --namespace kube-system", ""],
		["pods --state NotReady", "once"],
		["pods --name ^web$", "web"],
		["pods --label io.kubernetes.pod.name=once", "once"],
	] as const) {
		const key = command.startsWith("ps") ? '"name": "(app|job)"' : '"name": "(web|once)"';
		const { stdout } = await runOnNode(harness, `crictl ${command} -o json`);
		expect([command, [...stdout.matchAll(new RegExp(key, "g"))].map((match) => match[1]).join(" ")]).toEqual([command, expected]);
	}
	expect(await on("crictl ps -aq --no-trunc | wc -l; crictl pods -q | wc -l; crictl images -q | wc -l")).toBe("2\n2\n3\n");
});

it("prints a container's log, its end, what comes, and that of one stream", async () => {
	await scene();
	const id = (await runOnNode(harness, "crictl ps -q --name app")).stdout.trim();
	expect(await on(`crictl logs ${id} 2>/dev/null`)).toBe("hello\n");
	expect(await on(`crictl logs --stream stderr ${id}`)).toBe("oops\n");
	expect(await on(`crictl logs --tail 1 ${id}`)).toBe("oops\n");
	expect(await on(`crictl logs -t ${id} 2>/dev/null`)).toMatch(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z hello\n$/);
	expect(await on("crictl logs $(crictl ps -aq --name job)")).toBe("done\n");
	expect(await on("crictl logs -p $(crictl ps -aq --name app)")).toContain("previous terminated container app not found");
	// It ends with the container.
	const following = runOnNode(
		harness,
		`crictl logs -f --tail 0 ${id} & sleep 1; crictl exec ${id} sh -c 'echo more > /proc/1/fd/1'; crictl stop ${id}; wait`,
	);
	expect(readable((await following).stdout)).toBe("more\nID1\n");
});

it("runs commands in a container, with its input, and says how they ended", async () => {
	await scene();
	expect(await on("crictl exec $(crictl ps -q) hostname")).toBe("web\n");
	expect(await on("echo given | crictl exec -i $(crictl ps -q) cat")).toBe("given\n");
	expect(await on("crictl exec -s $(crictl ps -q) echo hi")).toBe("hi\n\n\n");
	expect(await on("crictl exec $(crictl ps -q) sh -c 'exit 3'")).toContain(': command terminated with exit code 3"\n(exit 1)');
	expect(await on("crictl exec -it $(crictl ps -q) sh")).toContain("input is not a terminal");
	expect(await on("crictl exec $(crictl ps -q) nothere")).toContain('exec: \\"nothere\\": executable file not found in $PATH');
	expect(await on("crictl exec $(crictl ps -aq --state exited) ls")).toContain("container is in CONTAINER_EXITED state");
});

it("stops and removes, and tells what it cannot do", async () => {
	await scene();
	expect(await on("crictl rm $(crictl ps -q)")).toMatch(/msg="container \\"ID1\\" is running, please stop it first"\n\(exit 1\)/);
	expect(await on("crictl rm $(crictl ps -aq --state exited)")).toBe("ID1\n");
	expect(await on("crictl stop -t 5 $(crictl ps -q)")).toBe("ID1\n");
	expect(await on("crictl stop")).toContain("you must specify at least one CONTAINER-ID or use --all");
	expect(await on("crictl rmp $(crictl pods -q --name web)")).toContain('pod sandbox \\"ID1\\" is running, please stop it first');
	expect(await on("crictl stopp $(crictl pods -q --name web)")).toBe("Stopped sandbox ID1\n");
	expect(await on("crictl rmp -f $(crictl pods -q --name web --state ready)")).toBe("Stopped sandbox ID1\nRemoved sandbox ID1\n");
	await harness.clock.advance(30_000);
	expect((await harness.get("web")).status?.containerStatuses?.[0]).toMatchObject({ restartCount: 2, ready: true });
	expect(await on("crictl inspect 0000 2>&1")).toContain(
		'get the status of containers: get container status: rpc error: code = NotFound desc = an error occurred when try to find container \\"0000\\": not found',
	);
});

it("pulls and removes images", async () => {
	expect(await on("crictl pull nginx:1.27; crictl images; crictl rmi nginx:1.27; crictl rmi nginx:1.27")).toMatchInlineSnapshot(`
		"Image is up to date for sha256:ID1
		IMAGE                     TAG                 IMAGE ID            SIZE
		docker.io/library/nginx   1.27                ID1__________       72.3MB
		Deleted: docker.io/library/nginx:1.27
		time="2026-01-01T00:00:00Z" level=error msg="no such image nginx:1.27"
		time="2026-01-01T00:00:00Z" level=fatal msg="unable to remove the image(s)"
		(exit 1)
		"
	`);
	expect(await on("crictl pull nginx:1.161")).toContain("pulling image: rpc error: code = NotFound desc = failed to pull and unpack image");
});

it("inspects a container: its state, what the kubelet asked for, and the runtime's configuration", async () => {
	await harness.pod("web", {
		name: "app",
		image: "busybox:1.36",
		command: ["sleep", "1000"],
		resources: { limits: { cpu: "500m", memory: "64Mi" } },
		securityContext: { capabilities: { drop: ["ALL"], add: ["NET_ADMIN"] } },
	});
	await harness.clock.advance(1_000);
	const { stdout } = await runOnNode(harness, "crictl inspect $(crictl ps -q)");
	const { status, info } = JSON.parse(stdout) as {
		status: Record<string, unknown>;
		info: Record<string, unknown> & { runtimeSpec: Record<string, object> };
	};
	expect(Object.keys(status)).toEqual(Object.keys(status).toSorted());
	expect(status).toMatchObject({
		state: "CONTAINER_RUNNING",
		finishedAt: "0001-01-01T00:00:00Z",
		metadata: { attempt: 0, name: "app" },
		image: { image: "docker.io/library/busybox:1.36" },
		resources: { linux: { cpuQuota: "50000", cpuPeriod: "100000", memoryLimitInBytes: "67108864" } },
	});
	expect(info).toMatchObject({ runtimeType: "io.containerd.runc.v2", snapshotter: "overlayfs", pid: expect.any(Number) });
	expect(info.runtimeSpec.process).toMatchObject({
		args: ["sleep", "1000"],
		capabilities: { bounding: ["CAP_NET_ADMIN"] },
		oomScoreAdj: 1000,
	});
	const { metadata } = await harness.get("web");
	expect(info.runtimeSpec.linux).toMatchObject({
		cgroupsPath: `kubepods-besteffort-pod${metadata?.uid?.replaceAll("-", "_")}.slice:cri-containerd:${status.id as string}`,
		resources: { cpu: { shares: 512, quota: 50_000, period: 100_000 }, memory: { limit: 67_108_864 } },
	});
	const template = "crictl inspect -o go-template --template '{{.info.pid}} {{index .info.runtimeSpec.process.args 0}}' $(crictl ps -q)";
	expect(await on(template)).toBe(`${info.pid as number} sleep\n`);
	expect(await on("pgrep -f 'sleep 1000$'")).toContain(String(info.pid));
	expect(await on("crictl inspect -o go-template --template '{{.nothere}}' $(crictl ps -q)")).toContain(
		'map has no entry for key \\"nothere\\"',
	);
	expect(await on("crictl inspect -o table $(crictl ps -q) | head -4")).toMatchInlineSnapshot(`
		"ID: ID1
		Name: app
		State: CONTAINER_RUNNING
		Created: 1 second ago
		"
	`);
	const sandbox = JSON.parse((await runOnNode(harness, "crictl inspectp $(crictl pods -q)")).stdout) as object;
	expect(sandbox).toMatchObject({
		status: {
			state: "SANDBOX_READY",
			network: { ip: expect.stringMatching(/^10\./) },
			linux: { namespaces: { options: { network: "POD", pid: "CONTAINER" } } },
		},
		info: { image: "registry.k8s.io/pause:3.10", processStatus: "running", config: { hostname: "web" } },
	});
	expect(JSON.parse((await runOnNode(harness, "crictl inspecti busybox:1.36")).stdout)).toMatchObject({
		status: { repoTags: ["docker.io/library/busybox:1.36"] },
		info: { imageSpec: { os: "linux", config: { Cmd: ["sh"] } } },
	});
});

it("measures usage over a second", async () => {
	await harness.pod("busy", { name: "app", image: "busybox:1.36", command: ["sleep", "1000"] });
	await harness.clock.advance(1_000);
	const text = await on("crictl stats; crictl statsp");
	expect(text.replaceAll("\x1b[2J\x1b[H", "")).toMatchInlineSnapshot(`
		"CONTAINER           NAME                CPU %               MEM                 DISK                INODES              SWAP
		ID1__________       app                 0.00                737.3kB             0B                  0                   0B
		POD                 POD ID              CPU %               MEM
		busy                ID2__________       0.00                737.3kB
		"
	`);
});

it("warns without a configuration, and says when nobody answers at its endpoint", async () => {
	const warning = (what: string) =>
		`level=warning msg="${what} connect using default endpoints: [unix:///run/containerd/containerd.sock unix:///run/crio/crio.sock unix:///var/run/cri-dockerd.sock]. As the default settings are now deprecated, you should set the endpoint instead."`;
	expect(await on("crictl ps 2>&1 >/dev/null")).toBe("");
	expect(await on("crictl -r unix:///run/other.sock pods")).toContain(
		'msg="validate service connection: validate CRI v1 runtime API for endpoint \\"unix:///run/other.sock\\": rpc error: code = Unavailable desc = connection error: desc = \\"transport: Error while dialing: dial unix /run/other.sock: connect: no such file or directory\\""\n(exit 1)',
	);
	expect(await on("crictl config --set timeout=10; crictl config --get timeout; grep timeout /etc/crictl.yaml")).toBe("10\ntimeout: 10\n");
	await runOnNode(harness, "rm /etc/crictl.yaml");
	const answer = await on("crictl ps 2>&1 >/dev/null");
	expect(answer).toContain(warning("runtime"));
	expect(answer).toContain(warning("image"));
});

it("knows its version, and refuses what it does not know or have", async () => {
	expect(await on("crictl version; crictl --version")).toBe(
		"Version:  0.1.0\nRuntimeName:  containerd\nRuntimeVersion:  v2.1.4\nRuntimeApiVersion:  v1\ncrictl version v1.36.0\n",
	);
	expect(await on("crictl frob")).toBe("No help topic for 'frob'\n(exit 3)\n");
	expect(await on("crictl ps --nothere | head -1")).toContain("Incorrect Usage: flag provided but not defined: -nothere");
	expect(await on("crictl runp pod.json")).toContain("rpc error: code = Unimplemented");
	expect(await on("crictl info | grep -A3 '\"conditions\"'")).toContain('"message": ""');
	expect(await on("crictl -h | head -2")).toBe("NAME:\n   crictl - client for CRI\n");
});

it("gets no answer while containerd is stopped, whose containers go on", async () => {
	await scene();
	await runOnNode(harness, "systemctl stop containerd");
	expect(await on("crictl ps")).toContain("dial unix /run/containerd/containerd.sock: connect: no such file or directory");
	expect(await on("runc --root /run/containerd/runc/k8s.io list -q | wc -l")).toBe("2\n");
	await runOnNode(harness, "systemctl start containerd");
	expect(await on("crictl ps -q --name app")).toBe("ID1\n");
	expect((await harness.get("web")).status?.containerStatuses?.[0]?.restartCount).toBe(0);
});
