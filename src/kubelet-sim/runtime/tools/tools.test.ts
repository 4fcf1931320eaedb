import { afterEach, beforeEach, expect, it } from "vitest";
import { FleetHarness } from "../../testing/fleet-harness.ts";
import { runOnNode } from "../../testing/node-shell.ts";
import { executeTemplate, TemplateError } from "./go-template.ts";
import { humanDuration, humanSize } from "./table.ts";

let harness: FleetHarness;

beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start("n1");
	await harness.pod("web", { name: "app", image: "busybox:1.36", command: ["sleep", "1000"] });
	await harness.clock.advance(5_000);
});

afterEach(() => harness.stop());

/** Ids as SANDBOX and APP, filled up; numbers of processes as PID. */
async function on(script: string): Promise<string> {
	const runtime = harness.fleet.runtimeOf("n1");
	const { stdout, stderr, exitCode } = await runOnNode(harness, script);
	let text = stdout + stderr + (exitCode === 0 ? "" : `(exit ${exitCode})\n`);
	for (const { id } of runtime?.sandboxes() ?? [])
		text = text.replaceAll(id, "SANDBOX_".repeat(8)).replaceAll(id.slice(0, 12), "SANDBOX_____");
	for (const { id } of runtime?.containers() ?? [])
		text = text.replaceAll(id, "APP_".repeat(16)).replaceAll(id.slice(0, 12), "APP_________");
	const masked = text.replaceAll(/\b[0-9a-f]{12,64}\b/g, "HEX").replaceAll(/\b1\d{3}\b/g, "PID_");
	// They come by id: the sandbox first.
	return masked.replaceAll(/^(APP_.*\n)(SANDBOX_.*\n)/gm, "$2$1");
}

it("shows with ctr what containerd has: sandboxes, too", async () => {
	expect(
		await on("ctr ns ls; ctr c ls; ctr -n k8s.io c ls -q | sort; ctr -n k8s.io t ls; ctr -n k8s.io i ls | grep ':'"),
	).toMatchInlineSnapshot(`
		"NAME   LABELS 
		k8s.io        
		CONTAINER    IMAGE    RUNTIME    
		SANDBOX_SANDBOX_SANDBOX_SANDBOX_SANDBOX_SANDBOX_SANDBOX_SANDBOX_
		APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_
		TASK                                                                PID     STATUS    
		SANDBOX_SANDBOX_SANDBOX_SANDBOX_SANDBOX_SANDBOX_SANDBOX_SANDBOX_    PID_    RUNNING
		APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_    PID_    RUNNING
		docker.io/library/busybox:1.36                                                                    application/vnd.oci.image.index.v1+json sha256:HEX 2.1 MiB   linux/amd64 io.cri-containerd.image=managed                                 
		docker.io/library/busybox@sha256:HEX application/vnd.oci.image.index.v1+json sha256:HEX 2.1 MiB   linux/amd64 io.cri-containerd.image=managed                                 
		registry.k8s.io/pause:3.10                                                                        application/vnd.oci.image.index.v1+json sha256:HEX 312.5 KiB linux/amd64 io.cri-containerd.image=managed,io.cri-containerd.pinned=pinned 
		registry.k8s.io/pause@sha256:HEX     application/vnd.oci.image.index.v1+json sha256:HEX 312.5 KiB linux/amd64 io.cri-containerd.image=managed,io.cri-containerd.pinned=pinned 
		sha256:HEX                           application/vnd.oci.image.index.v1+json sha256:HEX 312.5 KiB linux/amd64 io.cri-containerd.image=managed,io.cri-containerd.pinned=pinned 
		sha256:HEX                           application/vnd.oci.image.index.v1+json sha256:HEX 2.1 MiB   linux/amd64 io.cri-containerd.image=managed                                 
		"
	`);
	expect(await on("ctr -n k8s.io c info nothere")).toBe('ctr: container "nothere" in namespace "k8s.io": not found\n(exit 1)\n');
	const info = await runOnNode(harness, "ctr -n k8s.io c info $(crictl ps -q)");
	expect(JSON.parse(info.stdout)).toMatchObject({
		Runtime: { Name: "io.containerd.runc.v2" },
		Spec: { process: { args: ["sleep", "1000"] } },
	});
});

it("shows with nerdctl whose containers are whose", async () => {
	expect(await on("nerdctl ps; nerdctl -n k8s.io ps | sort; nerdctl -n k8s.io images")).toMatchInlineSnapshot(`
		"CONTAINER ID    IMAGE    COMMAND    CREATED    STATUS    PORTS    NAMES
		SANDBOX_____    registry.k8s.io/pause:3.10        "/pause"        5 seconds ago    Up                 k8s://default/web
		APP_________    docker.io/library/busybox:1.36    "sleep PID_"    5 seconds ago    Up                 k8s://default/web/app
		CONTAINER ID    IMAGE                             COMMAND         CREATED          STATUS    PORTS    NAMES
		REPOSITORY               TAG     IMAGE ID        CREATED          PLATFORM       SIZE       BLOB SIZE
		busybox                  1.36    HEX    5 seconds ago    linux/amd64    2.224MB    2.224MB
		registry.k8s.io/pause    3.10    HEX    5 seconds ago    linux/amd64    320kB      320kB
		"
	`);
	expect(await on("nerdctl -n k8s.io inspect --format '{{.Name}} {{.State.Status}}' $(crictl ps -q)")).toBe(
		"k8s://default/web/app running\n",
	);
});

it("shows with runc what its shims have started", async () => {
	expect(
		await on(
			"runc list; runc --root /run/containerd/runc/k8s.io list | grep running; runc --root /run/containerd/runc/k8s.io list | wc -l",
		),
	).toMatchInlineSnapshot(`
		"ID          PID         STATUS      BUNDLE      CREATED     OWNER
		SANDBOX_SANDBOX_SANDBOX_SANDBOX_SANDBOX_SANDBOX_SANDBOX_SANDBOX_   PID_        running     /run/containerd/io.containerd.runtime.v2.task/k8s.io/SANDBOX_SANDBOX_SANDBOX_SANDBOX_SANDBOX_SANDBOX_SANDBOX_SANDBOX_   2026-01-01T00:00:00Z   root
		APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_   PID_        running     /run/containerd/io.containerd.runtime.v2.task/k8s.io/APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_APP_   2026-01-01T00:00:00Z   root
		3
		"
	`);
	const state = await runOnNode(harness, "runc --root /run/containerd/runc/k8s.io state $(crictl ps -q)");
	expect(JSON.parse(state.stdout)).toMatchObject({ status: "running", pid: expect.any(Number), ociVersion: "1.2.1" });
	const bundle = await runOnNode(
		harness,
		"cat /run/containerd/io.containerd.runtime.v2.task/k8s.io/$(crictl ps -q --no-trunc)/config.json",
	);
	expect(JSON.parse(bundle.stdout)).toMatchObject({ process: { args: ["sleep", "1000"] }, linux: { namespaces: expect.any(Array) } });
	const { namespaces } = (
		JSON.parse((await runOnNode(harness, "crictl inspectp $(crictl pods -q)")).stdout) as {
			info: { runtimeSpec: { linux: { namespaces: { path?: string }[] } } };
		}
	).info.runtimeSpec.linux;
	expect(namespaces.at(-1)?.path).toBe(`/var/run/netns/${(await runOnNode(harness, "ip netns | cut -d' ' -f1")).stdout.trim()}`);
	expect(await on("runc state nothere")).toContain('level=error msg="container does not exist"');
});

it("prints containerd's configuration, the defaults and the node's own", async () => {
	expect(await on("containerd config default | grep -c runtime_type; containerd config dump | grep runtime_type")).toBe(
		"1\n          runtime_type = 'io.containerd.runc.v2'\n          runtime_type = 'io.containerd.kata.v2'\n          runtime_type = 'io.containerd.wasmtime.v1'\n",
	);
});

it("reads templates as Go does", () => {
	const data = { a: { b: "x" }, list: [{ n: 1 }, { n: 2 }], empty: [], flag: true };
	const results = [
		"{{.a.b}}",
		"{{json .a}}",
		"{{range .list}}<{{.n}}>{{end}}",
		"{{range $i, $e := .list}}{{$i}}={{$e.n}} {{end}}",
		"{{if .empty}}yes{{else}}no{{end}}",
		'{{with .a}}{{.b | upper}}{{end}} {{if eq .a.b "x"}}same{{end}}',
		"{{index .list 1 | json}}",
		"{{- len .list -}}",
	].map((template) => executeTemplate(template, data));
	expect(results).toEqual(["x", '{"b":"x"}', "<1><2>", "0=1 1=2 ", "no", "X same", '{"n":2}', "2"]);
	expect(() => executeTemplate("{{.none}}", data)).toThrow(TemplateError);
	expect(() => executeTemplate("{{if .a}}", data)).toThrow("unexpected EOF");
});

it("says ages and sizes as docker's units do", () => {
	const ages = [500, 1_000, 59_000, 60_000, 119_000, 120_000, 3_600_000, 5_400_000, 172_800_000, 1_209_600_000].map(humanDuration);
	expect(ages).toEqual([
		"Less than a second",
		"1 second",
		"59 seconds",
		"About a minute",
		"About a minute",
		"2 minutes",
		"About an hour",
		"2 hours",
		"2 days",
		"2 weeks",
	]);
	expect([0, 999, 1_000, 72_300_000, 319_961].map((bytes) => humanSize(bytes, 3))).toEqual(["0B", "999B", "1kB", "72.3MB", "320kB"]);
});

it("is there for a pod that enters the node's disk, as those of kubectl debug do", async () => {
	const command = [
		"sh",
		"-c",
		"(chroot /host crictl ps --name app -q --no-trunc; chroot /host hostname; chroot /nothere ls; chroot /tmp ls) > /dev/termination-log 2>&1",
	];
	await harness.pod(
		"debugger",
		{ name: "debugger", image: "busybox:1.36", command, volumeMounts: [{ name: "host-root", mountPath: "/host" }] },
		{ hostPID: true, hostNetwork: true, restartPolicy: "Never", volumes: [{ name: "host-root", hostPath: { path: "/" } }] },
	);
	await harness.clock.advance(5_000);
	const id = (await harness.get("web")).status?.containerStatuses?.[0]?.containerID?.replace("containerd://", "");
	expect((await harness.get("debugger")).status?.containerStatuses?.[0]?.state?.terminated?.message).toBe(
		`${id}\nn1\nchroot: cannot change root directory to '/nothere': No such file or directory\nchroot: cannot change root directory to '/tmp': only the root of a node's disk can be entered in this simulation\n`,
	);
});
