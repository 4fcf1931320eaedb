/** Volumes: every kind that a node serves itself, every field, and what events say where something is missing. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ConfigMap, Container, Pod, Secret, Volume, VolumeMount } from "../../src/apimachinery/schema/generated/types.ts";
import { configMaps, pods, secrets } from "../../src/client/resources.ts";
import { PodBench } from "./pod-bench.ts";

const box = (more: Partial<Container> = {}): Container => ({ name: "c", image: "busybox:1.36", command: ["sleep", "100000"], ...more });
const mounted = (more: Partial<VolumeMount> = {}, others: Partial<Container> = {}) =>
	box({ volumeMounts: [{ name: "v", mountPath: "/v", ...more }], ...others });
const base64 = (text: string) => Buffer.from(text).toString("base64");

let bench: PodBench;

async function withVolume(
	name: string,
	volume: Partial<Volume>,
	container: Container = mounted(),
	metadata: Pod["metadata"] = {},
): Promise<void> {
	await bench.pod(name, [container], { volumes: [{ name: "v", ...volume }] }, metadata);
}

beforeAll(async () => {
	bench = await PodBench.start();
	const { client } = bench.cluster;
	const metadata = (name: string) => ({ name, namespace: "default" });
	await client.resource(configMaps).create({
		apiVersion: "v1",
		kind: "ConfigMap",
		metadata: metadata("conf"),
		data: { color: "blue", "a.txt": "A" },
		binaryData: { raw: base64("\0\x01") },
	});
	await client.resource(secrets).create({ apiVersion: "v1", kind: "Secret", metadata: metadata("pass"), data: { word: base64("xyz") } });
	await bench.cluster.settle();
	const files = bench.cluster.inner.fleet.filesOf("n1");
	files?.mkdir("/srv/data", { recursive: true });
	files?.writeFile("/srv/file", "here\n");
});
afterAll(() => bench[Symbol.asyncDispose]());

interface Row {
	readonly what: string;
	readonly volume: Partial<Volume>;
	readonly mount?: Partial<VolumeMount>;
	readonly container?: Partial<Container>;
	readonly run: string;
	readonly prints: string;
}

const rows: readonly Row[] = [
	{ what: "emptyDir", volume: { emptyDir: {} }, run: "stat -c %a /v; echo x > /v/f; cat /v/f", prints: "777\nx\n" },
	{
		what: "emptyDir in memory, as large as its limit",
		volume: { emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
		run: "grep ' /v ' /proc/mounts | cut -d ' ' -f 1-3; head -c 2M /dev/zero > /v/f",
		prints: "tmpfs /v tmpfs\nhead: No space left on device\n",
	},
	{
		what: "configMap",
		volume: { configMap: { name: "conf" } },
		run: "ls /v; cat /v/color; stat -Lc ' %a' /v/color",
		prints: "a.txt\ncolor\nraw\nblue 644\n",
	},
	{
		what: "configMap with a mode",
		volume: { configMap: { name: "conf", defaultMode: 0o400 } },
		run: "stat -c %a /v/..data/color /v/..data/raw",
		prints: "400\n400\n",
	},
	{
		what: "some keys of a configMap, elsewhere, with a mode of their own",
		volume: {
			configMap: {
				name: "conf",
				items: [
					{ key: "color", path: "deep/paint", mode: 0o600 },
					{ key: "a.txt", path: "a" },
				],
			},
		},
		run: "ls /v; cat /v/deep/paint; stat -Lc ' %a' /v/deep/paint /v/a",
		prints: "a\ndeep\nblue 600\n 644\n",
	},
	{
		what: "an optional configMap that is not there",
		volume: { configMap: { name: "no", optional: true } },
		run: "ls /v",
		prints: "",
	},
	{
		what: "an optional key that is not there",
		volume: { configMap: { name: "conf", optional: true, items: [{ key: "no", path: "no" }] } },
		run: "ls /v",
		prints: "",
	},
	{
		what: "secret",
		volume: { secret: { secretName: "pass" } },
		run: "cat /v/word; grep -c 'tmpfs /v tmpfs' /proc/mounts",
		prints: "xyz1\n",
	},
	{
		what: "one file of a volume",
		volume: { configMap: { name: "conf" } },
		mount: { subPath: "color" },
		run: "cat /v; ls -d /v",
		prints: "blue/v\n",
	},
	{
		what: "a directory that is made",
		volume: { emptyDir: {} },
		mount: { subPath: "a/b" },
		run: "ls /v; echo x > /v/f; cat /v/f",
		prints: "x\n",
	},
	{
		what: "a directory by a variable",
		volume: { hostPath: { path: "/srv/data" } },
		mount: { subPathExpr: "$(POD)/logs" },
		container: { env: [{ name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }] },
		run: "echo x > /v/f; ls /v",
		prints: "f\n",
	},
	{
		what: "a mount that is only read",
		volume: { emptyDir: {} },
		mount: { readOnly: true },
		run: "echo x > /v/f",
		prints: "sh: can't create /v/f: Read-only file system\n",
	},
	{ what: "hostPath", volume: { hostPath: { path: "/srv" } }, run: "cat /v/file", prints: "here\n" },
	{
		what: "hostPath Directory",
		volume: { hostPath: { path: "/srv/data", type: "Directory" } },
		run: "test -d /v && echo yes",
		prints: "yes\n",
	},
	{
		what: "hostPath DirectoryOrCreate",
		volume: { hostPath: { path: "/srv/new", type: "DirectoryOrCreate" } },
		run: "test -d /v && echo yes",
		prints: "yes\n",
	},
	{ what: "hostPath File", volume: { hostPath: { path: "/srv/file", type: "File" } }, run: "cat /v", prints: "here\n" },
	{
		what: "hostPath FileOrCreate",
		volume: { hostPath: { path: "/srv/made", type: "FileOrCreate" } },
		run: "test -f /v && echo yes",
		prints: "yes\n",
	},
	{
		what: "image",
		volume: { image: { reference: "nginx:1.27" } },
		run: "test -d /v/usr/share/nginx && echo yes; echo x > /v/x",
		prints: "yes\nsh: can't create /v/x: Read-only file system\n",
	},
	{
		what: "downwardAPI",
		volume: {
			downwardAPI: {
				items: [
					{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } },
					{ path: "cpu", resourceFieldRef: { containerName: "c", resource: "limits.cpu", divisor: "1m" }, mode: 0o440 },
				],
			},
		},
		run: "cat /v/labels; echo; cat /v/cpu; stat -Lc ' %a' /v/cpu",
		prints: 'app="web"\ntier="a"\n64000 440\n',
	},
	{
		what: "projected",
		volume: {
			projected: {
				defaultMode: 0o440,
				sources: [
					{ configMap: { name: "conf", items: [{ key: "color", path: "color" }] } },
					{ secret: { name: "pass" } },
					{ secret: { name: "no", optional: true } },
					{ downwardAPI: { items: [{ path: "meta/name", fieldRef: { fieldPath: "metadata.name" } }] } },
				],
			},
		},
		run: "ls -R /v | grep -v '^$'; stat -c %a /v/..data/word",
		prints: "/v:\ncolor\nmeta\nword\n440\n",
	},
];

describe("a volume", () => {
	beforeAll(async () => {
		for (const [index, { volume, mount, container }] of rows.entries())
			await withVolume(`p${index}`, volume, mounted(mount, container), { labels: { app: "web", tier: "a" } });
		await bench.advance(1_000);
	});

	it.each(rows.map(({ what, run, prints }, index) => [what, run, prints, index] as const))("%s", async (_, run, prints, index) => {
		const printed = await bench.sh(`p${index}`, run);
		expect(printed).toBe(prints);
	});
});

describe("what is missing is said in an event", () => {
	const failed = (why: string) => `Warning FailedMount MountVolume.SetUp failed for volume "v" : ${why}`;
	it.each<[what: string, volume: Partial<Volume>, why: string]>([
		["configmap", { configMap: { name: "none" } }, 'configmap "none" not found'],
		["key", { configMap: { name: "conf", items: [{ key: "no", path: "no" }] } }, "configmap references non-existent config key: no"],
		["secret", { secret: { secretName: "none" } }, 'secret "none" not found'],
		["secret-key", { secret: { secretName: "pass", items: [{ key: "no", path: "no" }] } }, "references non-existent secret key: no"],
		["projected", { projected: { sources: [{ secret: { name: "none" } }] } }, 'secret "none" not found'],
		["directory", { hostPath: { path: "/srv/file", type: "Directory" } }, "hostPath type check failed: /srv/file is not a directory"],
		["no-directory", { hostPath: { path: "/none", type: "Directory" } }, "hostPath type check failed: /none is not a directory"],
		[
			"or-create",
			{ hostPath: { path: "/srv/file", type: "DirectoryOrCreate" } },
			"hostPath type check failed: /srv/file is not a directory",
		],
		["file", { hostPath: { path: "/srv/data", type: "File" } }, "hostPath type check failed: /srv/data is not a file"],
		["file-or-create", { hostPath: { path: "/srv/data", type: "FileOrCreate" } }, "hostPath type check failed: /srv/data is not a file"],
		["no-parent", { hostPath: { path: "/none/file", type: "FileOrCreate" } }, "open /none/file: no such file or directory"],
		["socket", { hostPath: { path: "/srv/file", type: "Socket" } }, "hostPath type check failed: /srv/file is not a socket file"],
		["char", { hostPath: { path: "/srv/file", type: "CharDevice" } }, "hostPath type check failed: /srv/file is not a character device"],
		["block", { hostPath: { path: "/srv/file", type: "BlockDevice" } }, "hostPath type check failed: /srv/file is not a block device"],
		[
			"csi",
			{ csi: { driver: "secrets-store.csi.k8s.io" } },
			"kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name secrets-store.csi.k8s.io not found in the list of registered CSI drivers",
		],
	])("%s", async (what, volume, why) => {
		await withVolume(`missing-${what}`, volume);
		await bench.advance(200);
		expect(await bench.events(`missing-${what}`, "FailedMount")).toEqual([failed(why)]);
		expect(await bench.row(`missing-${what}`)).toBe("Pending 0/1 ContainerCreating 0");
	});

	it("and tried again: after half a second, one, two …", async () => {
		await withVolume("late", { configMap: { name: "later" } });
		await bench.advance(2_000);
		await bench.cluster.client
			.resource<ConfigMap>(configMaps)
			.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "later", namespace: "default" } });
		await bench.advance(1_600);
		expect(await bench.row("late")).toBe("Running 1/1 Running 0");
	});

	it.each<[what: string, mount: Partial<VolumeMount>, volume: Partial<Volume>, why: string]>([
		["variable", { subPathExpr: "$(NO)/$(NONE)" }, { emptyDir: {} }, "missing value for NO, NONE"],
		["absolute", { subPathExpr: "$(ROOT)" }, { emptyDir: {} }, "error SubPath `/root` must not be an absolute path"],
		["up", { subPathExpr: "a/$(UP)" }, { emptyDir: {} }, "unable to provision SubPath `a/..`: must not contain '..'"],
		[
			"below-a-file",
			{ subPath: "x" },
			{ hostPath: { path: "/srv/file" } },
			'failed to prepare subPath for volumeMount "v" of container "c"',
		],
	])("a part of a volume: %s", async (what, mount, volume, why) => {
		const env = [
			{ name: "ROOT", value: "/root" },
			{ name: "UP", value: ".." },
		];
		await withVolume(`part-${what}`, volume, mounted(mount, { env }));
		await bench.advance(200);
		expect(await bench.row(`part-${what}`)).toBe("Pending 0/1 CreateContainerConfigError 0");
		expect(await bench.events(`part-${what}`, "Failed")).toEqual([`Warning Failed Error: ${why}`]);
	});

	it("an image of a volume", async () => {
		await withVolume("no-image", { image: { reference: "nginx:does-not-exist" } });
		await withVolume("never-image", { image: { reference: "redis:7", pullPolicy: "Never" } });
		await bench.advance(200);
		expect(await bench.row("no-image")).toBe("Pending 0/1 ErrImagePull 0");
		expect(await bench.row("never-image")).toBe("Pending 0/1 ErrImageNeverPull 0");
	});
});

describe("what changes in the API", () => {
	const setColor = async (color: string) => {
		const conf = await bench.cluster.get<ConfigMap>("ConfigMap", "conf");
		await bench.cluster.client.resource<ConfigMap>(configMaps).update({ ...conf, data: { ...conf.data, color } });
	};

	it("comes to the files of a volume at once, and not to a part of it or to a variable", async () => {
		const container = box({
			env: [{ name: "COLOR", valueFrom: { configMapKeyRef: { name: "conf", key: "color" } } }],
			volumeMounts: [
				{ name: "v", mountPath: "/v" },
				{ name: "v", mountPath: "/part", subPath: "color" },
			],
		});
		await withVolume("watching", { configMap: { name: "conf" } }, container);
		await bench.advance(500);
		const look = "readlink /v/color; cat /v/color /part; echo $COLOR; readlink /v/..data; ls -i /v | grep a.txt";
		const [link, files, before = "", inode] = (await bench.sh("watching", look)).split("\n");
		expect([link, files]).toEqual(["..data/color", "blueblueblue"]);
		await setColor("red");
		await bench.advance(60_000);
		const [, later, after = "", sameInode] = (await bench.sh("watching", look)).split("\n");
		expect(later).toBe("redblueblue");
		expect([after === before, sameInode === inode, before.startsWith("..2")]).toEqual([false, true, true]);
		await setColor("blue");
	});

	it("in labels comes to the downward API's files", async () => {
		await withVolume("labelled", { downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } });
		await bench.advance(500);
		expect(await bench.sh("labelled", "cat /v/labels")).toBe("");
		await bench.cluster.client
			.resource(pods)
			.patch({ namespace: "default", name: "labelled" }, "application/merge-patch+json", { metadata: { labels: { a: "b" } } });
		await bench.advance(1_000);
		expect(await bench.sh("labelled", "cat /v/labels")).toBe('a="b"');
	});

	it("tokens are renewed before they have expired", async () => {
		await bench.cluster.client.resource({ group: "", version: "v1", resource: "serviceaccounts", kind: "ServiceAccount" }).create({
			apiVersion: "v1",
			kind: "ServiceAccount",
			metadata: { name: "app", namespace: "default" },
		} as Secret);
		const sources = [{ serviceAccountToken: { path: "token", expirationSeconds: 600, audience: "vault" } }];
		await bench.pod("token", [mounted()], { serviceAccountName: "app", volumes: [{ name: "v", projected: { sources } }] });
		await bench.advance(500);
		const claims = async () => {
			const [, body = ""] = (await bench.sh("token", "cat /v/token")).split(".");
			return JSON.parse(Buffer.from(body, "base64url").toString()) as { exp: number; iat: number; aud: string[] };
		};
		const first = await claims();
		expect([first.exp - first.iat, first.aud]).toEqual([600, ["vault"]]);
		await bench.advance(450_000);
		expect((await claims()).iat).toBe(first.iat);
		await bench.advance(60_000);
		expect((await claims()).iat).toBe(first.iat + 480);
	});
});

describe("an emptyDir with a limit", () => {
	it("ends its pod when a gigabyte is written, and takes none of it of this process", async () => {
		const before = process.memoryUsage().arrayBuffers;
		const write = mounted({}, { command: ["sh", "-c", "dd if=/dev/zero of=/v/big bs=1M count=1024; sleep 1000"] });
		await withVolume("big", { emptyDir: { sizeLimit: "500Mi" } }, write);
		await withVolume(
			"hole",
			{ emptyDir: { sizeLimit: "500Mi" } },
			mounted({}, { command: ["sh", "-c", "truncate -s 1G /v/big; sleep 1000"] }),
		);
		await withVolume("small", { emptyDir: { sizeLimit: "2Gi" } }, write);
		await bench.advance(15_000);
		const { status } = await bench.get("big");
		expect([status?.phase, status?.reason, status?.message]).toEqual([
			"Failed",
			"Evicted",
			'Usage of EmptyDir volume "v" exceeds the limit "500Mi". ',
		]);
		expect([await bench.row("hole"), await bench.row("small")]).toEqual(["Running 1/1 Running 0", "Running 1/1 Running 0"]);
		expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
	});
});
