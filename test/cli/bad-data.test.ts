/** Ports and data directories that can't be used: a clear error, the way out, and nothing lost. */
import {
	cpSync,
	existsSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	truncateSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { freePort } from "../../src/store/testing/free-ports.ts";
import { kubectlPath, Tool } from "../tools/kubectl.ts";
import { KubesimHome, kubesimBin } from "../tools/kubesim.ts";
import { takePort } from "../tools/ports.ts";

let home: KubesimHome;
beforeEach(() => {
	home = new KubesimHome();
});
afterEach(() => home[Symbol.asyncDispose]());

const portInUse = (port: number) => `error: can't listen on port ${port}: in use by another program
Choose another with --port N, or --port 0 for any free one.
`;

test("a port in use, at the first start: nothing is left behind, the next start does not remember it", async () => {
	await using other = await takePort();
	expect(await home.try(`start --nodes 1 --port ${other.port}`)).toMatchObject({
		stdout: "",
		exitCode: 1,
		stderr: expect.stringContaining(portInUse(other.port)),
	});
	expect(existsSync(home.kubeconfig)).toBe(false);
	expect(readdirSync(home.clusters)).toEqual([]);
	await home.run("start --nodes 1");
	expect(await home.kubectl("get nodes -o name")).toBe("node/node-1\n");
});

test("a port in use, by another kubesim or at a later start: the cluster and its kubeconfig stay as they were", async () => {
	const port = await freePort();
	await home.run(`start --nodes 1 --port ${port}`);
	await home.kubectl("create configmap kept");
	const kubeconfig = readFileSync(home.kubeconfig);
	const config = readFileSync(join(home.clusters, "kubesim/cluster.json"));
	expect((await home.try(`start --name second --nodes 1 --port ${port}`)).stderr).toContain(portInUse(port));
	await home.run("stop");
	await using other = await takePort();
	expect((await home.try(`start --port ${other.port}`)).stderr).toContain(portInUse(other.port));
	expect(readFileSync(home.kubeconfig)).toEqual(kubeconfig);
	expect(readFileSync(join(home.clusters, "kubesim/cluster.json"))).toEqual(config);
	await home.run("start");
	expect(new URL((await home.status()).server).port).toBe(String(port));
	await home.kubectl("get configmap kept");
});

test("data that a living server uses", async () => {
	const data = home.makeDirectory("data");
	await home.run(`start --nodes 1 --data-dir ${data}`);
	await home.kubectl("create configmap kept");
	const { stderr, exitCode } = await home.try(`start --name second --data-dir ${data}`);
	expect(stderr).toContain(`error: the data in ${data} are in use by another process
kubesim list shows the clusters that run, kubesim stop ends one. Or choose another --data-dir.
`);
	expect(exitCode).toBe(1);
	expect(JSON.parse(await home.run("list -o json"))).toMatchObject([{ name: "kubesim", state: "running" }]);
	await home.kubectl("get configmap kept");
});

test.each([
	["a regular file", (directory: string) => join(directory, "file")],
	["below a regular file", (directory: string) => join(directory, "file/data")],
	["below /proc", () => "/proc/kubesim-data"],
])("a data directory that is %s", async (_, pathIn) => {
	writeFileSync(join(home.directory, "file"), "the user's own");
	const path = pathIn(home.directory);
	const { stdout, stderr, exitCode } = await home.try(`start --nodes 1 --data-dir ${path}`);
	expect(stderr).toMatch(
		/^(opening the store\n)?error: can't use the data directory [^\n]+: [^\n]+\nMake room there, or choose one that you can write to with --data-dir\.\n$/,
	);
	expect(stderr).toContain(path);
	expect([stdout, exitCode]).toEqual(["", 1]);
	expect(readFileSync(join(home.directory, "file"), "utf8")).toBe("the user's own");
	expect(readdirSync(home.clusters)).toEqual([]);
	expect(existsSync(home.kubeconfig)).toBe(false);
});

/** Below the store's directory: the member's, and in it LevelDB's and the log of commands. */
const member = "control-plane";
const database = join(member, "db-0000000001");
const commands = join(member, "log/raft-0000000001.log");

/** Ways in which a store's files may be damaged; each gets LevelDB's directory, or the store's. */
const damagesOfStore: readonly (readonly [string, (store: string) => void])[] = [
	["the log of commands is gone", (store) => rmSync(join(store, commands))],
	["the log of commands is overwritten near its beginning", (store) => overwrite(join(store, commands), 2000)],
	["the log of commands is cut to half", (store) => truncateSync(join(store, commands), statSync(join(store, commands)).size >> 1)],
	["member.json is gone", (store) => rmSync(join(store, member, "member.json"))],
	["member.json is garbage", (store) => writeFileSync(join(store, member, "member.json"), "garbage")],
];
const damagesOfDatabase: readonly (readonly [string, (database: string) => void])[] = [
	["CURRENT is gone", (store) => rmSync(join(store, "CURRENT"))],
	["CURRENT is garbage", (store) => writeFileSync(join(store, "CURRENT"), "garbage")],
	["CURRENT is empty", (store) => truncateSync(join(store, "CURRENT"), 0)],
	["the manifest is gone", (store) => rmSync(join(store, manifestOf(store)))],
	["the manifest is cut to nothing", (store) => truncateSync(join(store, manifestOf(store)), 0)],
	["the manifest is overwritten", (store) => overwrite(join(store, manifestOf(store)), 10)],
	["the log is overwritten near its beginning", (store) => overwrite(largestOf(store, ".log"), 200)],
	["the log is gone", (store) => rmSync(largestOf(store, ".log"))],
	["a table is overwritten", (store) => overwrite(largestOf(store, ".ldb"), statSync(largestOf(store, ".ldb")).size / 2)],
	["a table is cut to half", (store) => truncateSync(largestOf(store, ".ldb"), 20_000)],
	["a table is gone", (store) => rmSync(largestOf(store, ".ldb"))],
];

const damages: readonly (readonly [string, (store: string) => void])[] = [
	...damagesOfStore,
	...damagesOfDatabase.map(([what, damage]) => [what, (store: string) => damage(join(store, database))] as const),
];

const manifestOf = (store: string) => readFileSync(join(store, "CURRENT"), "utf8").trim();

function largestOf(store: string, extension: string): string {
	const files = readdirSync(store).filter((name) => name.endsWith(extension));
	const [largest = ""] = files.map((name) => join(store, name)).sort((a, b) => statSync(b).size - statSync(a).size);
	return largest;
}

function overwrite(path: string, offset: number): void {
	writeSync(openSync(path, "r+"), Buffer.alloc(64, 0xa5), 0, 64, Math.floor(offset));
}

test("a damaged store is told as such, nothing in it is touched, and a copy put back in its place works", async () => {
	await home.run("start --nodes 1");
	const objects = Array.from({ length: 40 }, (_, index) => ({
		apiVersion: "v1",
		kind: "ConfigMap",
		metadata: { name: `object-${index}` },
		data: { text: "x".repeat(2000) },
	}));
	await home.kubectl("create -f -", JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
	// LevelDB makes a table of its log at the next start.
	for (const command of ["stop", "start", "stop"]) await home.run(command);
	const kubeconfig = readFileSync(home.kubeconfig);
	const store = join(home.clusters, "kubesim/store");
	const copy = join(home.directory, "copy");
	cpSync(store, copy, { recursive: true });
	const contents = (names: RegExp) => {
		const files = readdirSync(store, { recursive: true, encoding: "utf8" }).filter((name) => names.test(basename(name)));
		const regular = files.filter((name) => statSync(join(store, name)).isFile());
		return regular.map((name) => [name, readFileSync(join(store, name)).toString("base64")]);
	};
	for (const [what, damage] of damages) {
		damage(store);
		// With a sound log LevelDB comes as far as making a table of it, which loses nothing.
		const kept = what.startsWith("a table") ? /^000005\.ldb$/ : what.startsWith("the log of commands") ? /^raft-/ : /^(?!LOG|LOCK)/;
		const damaged = contents(kept);
		const { stderr, exitCode } = await home.try("start");
		expect
			.soft(stderr, what)
			.toMatch(/error: store \S+\/store\/\S+ is corrupt: [^\n]+\nTo throw the data away and start over: kubesim delete\n$/);
		expect.soft(exitCode, what).toBe(1);
		expect.soft(contents(kept), what).toEqual(damaged);
		expect.soft(await home.try("status"), what).toMatchObject({ exitCode: 3 });
		rmSync(store, { recursive: true });
		cpSync(copy, store, { recursive: true });
	}
	expect(readFileSync(home.kubeconfig)).toEqual(kubeconfig);
	await home.run("start");
	expect((await home.kubectl("get configmaps -o name")).match(/object-/g)).toHaveLength(40);
});

test("certificates that are damaged", async () => {
	await home.run("start --nodes 1");
	await home.run("stop");
	writeFileSync(join(home.clusters, "kubesim/pki/ca.crt"), "garbage");
	const { stderr, exitCode } = await home.try("start");
	expect(stderr).toContain(
		`error: ${join(home.clusters, "kubesim/pki")}: ca.crt is not a certificate; remove the directory to make new certificates (kubeconfigs of this cluster must then be written anew)\n`,
	);
	expect(exitCode).toBe(1);
	rmSync(join(home.clusters, "kubesim/pki"), { recursive: true });
	await home.run("start");
	expect(await home.kubectl("get nodes -o name")).toBe("node/node-1\n");
});

test("a store of another version of kubesim", async () => {
	const { ClassicLevel } = await import("classic-level");
	const data = home.makeDirectory("data");
	await home.run(`start --nodes 1 --data-dir ${data}`);
	await home.run("stop");
	const { formatKey } = await import("../../src/store/backend/record-codec.ts");
	const level = new ClassicLevel<Uint8Array, Uint8Array>(join(data, "store", database), { keyEncoding: "view", valueEncoding: "view" });
	await level.put(formatKey, Buffer.from("kubesim-store-99"), { sync: true });
	await level.close();
	const { stderr, exitCode } = await home.try("start");
	expect(stderr).toMatch(
		/error: store directory \S+ has format "kubesim-store-99", this version of kubesim knows "[^"]+"\. Use the version that wrote it, or another directory\.\n$/,
	);
	expect(exitCode).toBe(1);
});

test("a cluster.json that is damaged", async () => {
	mkdirSync(join(home.clusters, "kubesim"), { recursive: true });
	writeFileSync(join(home.clusters, "kubesim/cluster.json"), "{");
	const { stderr, exitCode } = await home.try("start");
	expect(stderr).toMatch(/^error: can't read \S+cluster\.json: [^\n]+\nMend the file; or remove \S+, with all the cluster's data\.\n$/);
	expect(exitCode).toBe(1);
});

test("a disk that is full while it runs: no write is acknowledged that is not kept, and with room again all is well", async () => {
	// Files may grow to 2 MiB and no further: to whoever writes, that is a full disk, and it needs no rights to set up.
	const limited = new Tool("/bin/bash", home.env);
	const start = `trap '' XFSZ; ulimit -f 2048; exec '${process.execPath}' '${kubesimBin()}' start --nodes 1`;
	expect(await limited.try(["-c", start])).toMatchObject({ exitCode: 0 });
	const manifest = (index: number) => {
		const data = { text: "x".repeat(300_000) };
		return JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: `object-${index}` }, data });
	};
	const kubectl = new Tool(kubectlPath(), home.env);
	let acknowledged = 0;
	for (;;) {
		const { exitCode, stderr } = await kubectl.try(["create", "-f", "-"], manifest(acknowledged));
		if (exitCode === 0) acknowledged++;
		else {
			expect(stderr).toMatch(
				/^Error from server( \((InternalError|ServiceUnavailable)\))?: .*store failed and must be opened again: .*[Ff]ile too large/,
			);
			break;
		}
	}
	expect(acknowledged).toBeGreaterThan(2);
	expect(await home.try("status")).toMatchObject({ exitCode: 1, stdout: expect.stringMatching(/^state {6}not ready$/m) });
	expect(await home.run("logs")).toContain("store failed and must be opened again");
	await home.run("stop");
	await home.run("start");
	const names = (await home.kubectl("get configmaps -o name")).match(/object-\d+/g) ?? [];
	expect(names.slice(0, acknowledged)).toEqual(Array.from({ length: acknowledged }, (_, index) => `object-${index}`));
	await kubectl.run(["create", "-f", "-"], manifest(1000));
});

test("a disk that is full at the first start: nothing is left behind", async () => {
	const limited = new Tool("/bin/bash", home.env);
	const start = `trap '' XFSZ; ulimit -f 16; exec '${process.execPath}' '${kubesimBin()}' start --nodes 1`;
	const { stdout, stderr, exitCode } = await limited.try(["-c", start]);
	expect(stderr).toMatch(/error: [^\n]*[Ff]ile too large[^\n]*\n[^\n]+\n$/);
	expect([stdout, exitCode]).toEqual(["", 1]);
	expect(existsSync(home.kubeconfig)).toBe(false);
	await home.run("start --nodes 1");
});
