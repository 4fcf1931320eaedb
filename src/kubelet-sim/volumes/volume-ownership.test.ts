/** Whose the files in volumes are, as `ls -l` shows it in containers; and who may do what with them. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { CSIDriver, PersistentVolume, PodSpec, Volume } from "../../apimachinery/schema/generated/types.ts";
import { configMaps, secrets } from "../../client/resources.ts";
import { Collector } from "../../host/index.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";
import { fileOwnersOf, takesGroup } from "./volume-ownership.ts";

let harness: FleetHarness;
beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start();
	const data = { key: "value" };
	await harness.client.resource(configMaps).create({ metadata: { namespace: "default", name: "map" }, data });
	await harness.client.resource(secrets).create({ metadata: { namespace: "default", name: "secret" }, data: { key: "dmFsdWU=" } });
});
afterEach(() => harness.stop());

type Security = NonNullable<PodSpec["securityContext"]>;

/** What a script prints in a pod with a volume at /data, both streams. */
async function run(volume: Omit<Volume, "name">, securityContext: Security, script: string, name = "pod", subPath = ""): Promise<string> {
	await harness.pod(
		name,
		{
			command: ["sleep", "infinity"],
			volumeMounts: [{ name: "data", mountPath: "/data", ...(subPath === "" ? {} : { subPath }) }],
		},
		{ securityContext, volumes: [{ name: "data", ...volume }] },
	);
	await harness.clock.advance(2_000);
	const output = new Collector();
	const write = async (chunk: Uint8Array) => output.write(chunk);
	let isOver = false;
	const target = { node: "n1", namespace: "default", pod: name, container: "c" };
	void harness.fleet.connector
		.exec(
			target,
			{ command: ["sh", "-c", script], stdin: false, tty: false },
			{ stdout: write, stderr: write },
			new AbortController().signal,
		)
		.finally(() => {
			isOver = true;
		});
	for (let turn = 0; !isOver && turn < 100; turn++) await harness.clock.advance(10);
	return output.text().trim();
}

/** Mode, owner and group of each path. */
const look = (...paths: readonly string[]) => `for f in ${paths.join(" ")}; do stat -L -c '%A %u %g' $f; done`;
const token: Volume["projected"] = { sources: [{ serviceAccountToken: { path: "token", expirationSeconds: 3600 } }] };
const tmp: Omit<Volume, "name"> = { emptyDir: {} };

test.each<[string, Omit<Volume, "name">, Security, readonly string[]]>([
	["an empty directory is everybody's", tmp, {}, ["drwxrwxrwx 0 0"]],
	["… and hands its group on", tmp, { fsGroup: 2000 }, ["drwxrwsrwx 0 2000"]],
	["in memory it is a tmpfs", { emptyDir: { medium: "Memory" } }, {}, ["drwxrwxrwt 0 0"]],
	["a ConfigMap", { configMap: { name: "map" } }, {}, ["drwxrwxrwx 0 0", "drwxr-xr-x 0 0", "-rw-r--r-- 0 0"]],
	["… of a group", { configMap: { name: "map" } }, { fsGroup: 2000 }, ["drwxrwsrwx 0 2000", "drwxr-sr-x 0 2000", "-rw-r--r-- 0 2000"]],
	[
		"a Secret that is for its owner alone is for the group, too",
		{ secret: { secretName: "secret", defaultMode: 0o400 } },
		{ fsGroup: 2000 },
		["drwxrwsrwt 0 2000", "drwxr-sr-x 0 2000", "-r--r----- 0 2000"],
	],
])("%s", async (_what, volume, security, expected) => {
	const script = look(...["/data", "/data/..data", "/data/..data/key"].slice(0, expected.length));
	expect((await run(volume, security, script)).split("\n")).toEqual(expected);
});

test.each<[string, Security, string]>([
	["nobody in particular", {}, "-rw-r--r-- 0 0"],
	["one user", { runAsUser: 1000 }, "-rw------- 1000 0"],
	["a group", { fsGroup: 2000 }, "-rw-r----- 0 2000"],
	["both", { runAsUser: 1000, fsGroup: 2000 }, "-rw-r----- 1000 2000"],
])("a token for %s", async (_who, security, expected) => {
	expect(await run({ projected: token }, security, "stat -L -c '%A %u %g' /data/token")).toBe(expected);
});

test("a user of the group writes, and what is made is the group's", async () => {
	const script = `id; echo a > /data/file; mkdir /data/dir; echo b > /data/dir/inner; ${look("/data/file", "/data/dir", "/data/dir/inner")}`;
	expect((await run(tmp, { runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000 }, script)).split("\n")).toEqual([
		"uid=1000 gid=3000 groups=2000,3000",
		"-rw-r--r-- 1000 2000",
		"drwxr-sr-x 1000 2000",
		"-rw-r--r-- 1000 2000",
	]);
});

test("who may not, is told so", async () => {
	const security = { runAsUser: 1000 };
	expect(await run({ secret: { secretName: "secret", defaultMode: 0o400 } }, security, "cat /data/key")).toBe(
		"cat: can't open '/data/key': Permission denied",
	);
	expect(await run({ hostPath: { path: "/srv/data" } }, security, "echo a > /data/file; ls /data", "host")).toBe(
		"sh: can't create /data/file: Permission denied",
	);
	expect(await run(tmp, security, "echo a > /etc/motd", "image")).toBe("sh: can't create /etc/motd: Permission denied");
});

test("a path of the node stays whose it is, and a subPath is as open as its volume", async () => {
	expect(await run({ hostPath: { path: "/srv/data" } }, { fsGroup: 2000 }, look("/data"))).toBe("drwxr-xr-x 0 0");
	expect(await run(tmp, { fsGroup: 2000 }, look("/data"), "sub", "a/b")).toBe("drwxrwsrwx 0 2000");
});

test("nobody writes to what the kubelet writes", async () => {
	expect(await run({ configMap: { name: "map" } }, {}, "echo a > /data/key")).toBe("sh: can't create /data/key: Read-only file system");
});

test.each<[string, NonNullable<PersistentVolume["spec"]>, CSIDriver["spec"] | undefined, boolean]>([
	["a path of the node", { hostPath: { path: "/a" } }, undefined, false],
	["a file server", { nfs: { server: "a", path: "/" } }, undefined, false],
	["a local disk", { local: { path: "/a" } }, undefined, true],
	["a disk of one node", { accessModes: ["ReadWriteOnce"], csi: { driver: "d", volumeHandle: "h", fsType: "ext4" } }, {}, true],
	["without a file system", { accessModes: ["ReadWriteOnce"], csi: { driver: "d", volumeHandle: "h" } }, {}, false],
	["of several nodes", { accessModes: ["ReadWriteMany"], csi: { driver: "d", volumeHandle: "h", fsType: "ext4" } }, {}, false],
	["whose driver always does", { csi: { driver: "d", volumeHandle: "h" } }, { fsGroupPolicy: "File" }, true],
	[
		"whose driver never does",
		{ accessModes: ["ReadWriteOnce"], csi: { driver: "d", volumeHandle: "h", fsType: "ext4" } },
		{ fsGroupPolicy: "None" },
		false,
	],
])("%s takes a group: %#", (_what, spec, driver, expected) => {
	expect(takesGroup({ spec }, driver === undefined ? undefined : { spec: driver })).toBe(expected);
});

test("there is one user where all containers have one", () => {
	const containers = [
		{ name: "a", image: "a" },
		{ name: "b", image: "b", securityContext: { runAsUser: 2 } },
	];
	expect(fileOwnersOf({ spec: { containers, securityContext: { runAsUser: 1 } } }).user).toBeUndefined();
	expect(fileOwnersOf({ spec: { containers, securityContext: { runAsUser: 2 } } }).user).toBe(2);
	expect(fileOwnersOf({ spec: { containers } }).user).toBeUndefined();
});
