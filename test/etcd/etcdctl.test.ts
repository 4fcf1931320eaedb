/**
 * The real etcdctl against the store's etcd API. Most of it runs twice, against the store and against a real etcd, and the
 * two transcripts must be the same but for ids and ports.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { WallClock } from "../../src/apimachinery/clock/wall-clock.ts";
import { type EtcdApi, serveEtcdApi } from "../../src/store/etcd-api/index.ts";
import { type MaintainedStore, openLevelStore, restoreSnapshot } from "../../src/store/index.ts";
import { foundingIdentity, writeIdentity } from "../../src/store/replica/member-identity.ts";
import type { EtcdProcess } from "../../src/store/testing/real-etcd.ts";
import type { Tool } from "../tools/kubectl.ts";
import { etcdctl, hasEtcd, hasEtcdctl, startRealEtcd } from "./etcd-tools.ts";

const clock = new WallClock();
let directory: string;
let store: MaintainedStore;
let api: EtcdApi;
let ours: Tool;

async function open(limits = {}): Promise<void> {
	directory = mkdtempSync(join(tmpdir(), "kubesim-etcdctl-"));
	// The member that an etcd with its defaults is.
	const founders = [{ name: "default", peerUrls: ["http://localhost:2380"] }];
	await writeIdentity(join(directory, "store/default"), foundingIdentity("default", founders, "etcd-cluster"));
	store = await openLevelStore({ directory: join(directory, "store"), clock, limits });
	api = await serveEtcdApi({ store, clock, port: 0 });
	ours = etcdctl(`127.0.0.1:${api.port}`);
}

async function close(): Promise<void> {
	await api.close();
	await store.close();
	rmSync(directory, { recursive: true, force: true });
}

/** What a person reads: stdout and errors, without the client's own log lines; ids and ports masked. */
async function transcript(tool: Tool, args: readonly string[], input = ""): Promise<string> {
	const { stdout, stderr, exitCode } = await tool.try(args, input);
	const errors = stderr.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
	const text = `${stdout}${errors.map((line) => `${line}\n`).join("")}`
		.replace(/127\.0\.0\.1:\d+/g, "ENDPOINT")
		.replace(/"(cluster_id|member_id)":\d+/g, '"$1":ID')
		.replace(/^"(ClusterID|MemberID|ID)" : \d+/gm, '"$1" : ID')
		.replace(/^lease [0-9a-f]{16} granted/gm, "lease ID granted")
		.replace(/\b[0-9a-f]{8,16}, started, default, http:\/\/\S+, http:\/\/\S+,/g, "ID, started, default, PEER, CLIENT,")
		.replace(/took = \S+/g, "took = TIME");
	return `$ etcdctl ${args.join(" ")} (${exitCode})\n${text}`;
}

/** Commands split at blanks; what comes after a line break is their standard input. */
const scripts: Readonly<Record<string, readonly string[]>> = {
	"keys and values": [
		"put foo bar",
		"put foo baz --prev-kv",
		"put foo1 1",
		"put foo2 2",
		"put zoo z",
		"get foo",
		"get foo -w json",
		"get foo --prefix --keys-only",
		"get foo --prefix --print-value-only --limit=2",
		"get foo zoo",
		"get foo1 --from-key",
		"get foo --rev=2",
		"get foo --rev=99",
		"get foo --prefix --sort-by=MODIFY --order=DESCEND",
		"get foo --prefix --sort-by=VALUE --order=ASCEND",
		"get foo --prefix --sort-by=VERSION --order=DESCEND --limit=1",
		"get foo --consistency=s",
		"put foo --ignore-value",
		"put nothing --ignore-value",
		"put nothing --ignore-lease x",
		"del foo1 --prev-kv",
		"del foo --prefix",
		"del nothing",
		"get --prefix f -w json",
	],
	transactions: [
		"put a 1",
		'txn\nmod("a") > "0"\nvalue("a") = "1"\n\nput b 1\nget a\ndel a\n\nput c 1\n\n',
		'txn\nversion("b") = "7"\n\nput b 2\n\nget b\nget --prefix a\n\n',
		"txn\n\nput a 1\nput a 2\n\n\n",
		'txn\ncreate("zz") = "0"\n\nput zz 1\n\n\n',
		"get --prefix --from-key a",
	],
	history: [
		"put a 1",
		"put a 2",
		"put b 1",
		"del b",
		"put a 3",
		"endpoint hashkv",
		"compaction 4",
		"compaction 4",
		"compaction 99",
		"get a --rev=3",
		"get a --rev=4",
		"endpoint hashkv",
		"endpoint hashkv -w json",
		"watch a --rev=2",
		"defrag",
		"endpoint hashkv",
	],
	leases: [
		"lease grant 0",
		"lease grant 100",
		"lease grant 9999999999",
		"lease timetolive 1234",
		"lease revoke 1234",
		"lease keep-alive --once 1234",
		"put a b --lease=1234",
		"lease list -w fields",
	],
	members: [
		"member list",
		"member remove 1",
		"member promote 1",
		"member add x --peer-urls=nonsense",
		"move-leader 1",
		"endpoint health",
		"alarm list",
		"alarm disarm",
	],
	"users and roles": [
		"auth enable",
		"user add root:pw",
		"user add root:pw",
		"user add u:secret",
		"user get nobody",
		"user grant-role u none",
		"user revoke-role u none",
		"role add r",
		"role add r",
		"role grant-permission r readwrite /r/ --prefix=true",
		"role grant-permission r read /a /c",
		"role grant-permission r read /c /e",
		"role grant-permission r write key",
		"role revoke-permission r none",
		"role get r",
		"role get none",
		"user grant-role u r",
		"user grant-role u r",
		"user list",
		"role list",
		"--user=u:secret get a",
		"user grant-role root root",
		"put /other 1",
		"auth enable",
		"get a",
		"--user=u:wrong get /r/a",
		"--user=nobody:x get /r/a",
		"--user=u:secret put /r/a 1",
		"--user=u:secret get /r/ --prefix",
		"--user=u:secret get /r --prefix",
		"--user=u:secret get /b /d",
		"--user=u:secret get /b /e0",
		"--user=u:secret put key 1",
		"--user=u:secret get key",
		"--user=u:secret put key 1 --prev-kv",
		"--user=u:secret del /other",
		"--user=u:secret txn\n\nput /r/b 1\nget /other\n\n\n",
		"--user=u:secret user list",
		"--user=u:secret user get u",
		"--user=u:secret user get root",
		"--user=u:secret role get r",
		"--user=u:secret role add mine",
		"--user=u:secret watch /other",
		"--user=root:pw get /other",
		"--user=root:pw user delete root",
		"--user=root:pw role delete root",
		"--user=root:pw user revoke-role root root",
		"--user=root:pw role revoke-permission r key",
		"--user=root:pw role delete r",
		"--user=u:secret get /r/a",
		"--user=root:pw user delete u",
		"--user=u:secret get /r/a",
		"--user=root:pw auth disable",
		"get /r/a",
	],
};

describe.skipIf(!hasEtcd)("etcdctl sees no difference between the store and etcd", () => {
	let real: EtcdProcess;
	beforeEach(async () => {
		await open();
		real = await startRealEtcd();
	});
	afterEach(async () => {
		await real[Symbol.asyncDispose]();
		await close();
	});

	test.each(Object.entries(scripts))("%s", async (_, commands) => {
		const theirs = etcdctl(real.endpoint);
		const run = async (tool: Tool) => {
			const transcripts: string[] = [];
			for (const command of commands) {
				const [line = "", ...input] = command.split("\n");
				transcripts.push(await transcript(tool, line.split(" "), input.join("\n")));
			}
			return transcripts.join("");
		};
		const expected = await run(theirs);
		expect(await run(ours)).toBe(expected);
	});

	test("a snapshot of the store is one that etcd goes on with", async () => {
		for (let count = 0; count < 300; count++) await store.put({ key: `/registry/${count % 70}`, value: Buffer.alloc(count * 20, "x") });
		await store.deleteRange({ key: "/registry/7" });
		await store.compact(150);
		const file = join(directory, "snapshot.db");
		expect(await ours.run(["snapshot", "save", file])).toBe(`Snapshot saved at ${file}\n`);
		const status = JSON.parse(await ours.run(["snapshot", "status", file, "-w", "json"])) as { revision: number; totalSize: number };
		expect(status).toMatchObject({ revision: 302, totalSize: readFileSync(file).length - 32 });
		const dataDir = join(directory, "restored.etcd");
		await ours.run(["snapshot", "restore", file, "--data-dir", dataDir]);
		await using restored = await startRealEtcd(dataDir);
		const theirs = etcdctl(restored.endpoint);
		for (const args of [
			["get", "--prefix", "/"],
			["get", "--prefix", "/", "--rev=200", "--keys-only"],
			["endpoint", "hashkv"],
		])
			expect(await transcript(theirs, args)).toBe(await transcript(ours, args));
		expect(await theirs.run("put a b")).toBe("OK\n");
	});

	test("a snapshot of etcd is one that the store goes on with", async () => {
		const theirs = etcdctl(real.endpoint);
		const { stdout } = await theirs.try(["lease", "grant", "600"]);
		const lease = /lease (\w+)/.exec(stdout)?.[1];
		for (let count = 0; count < 30; count++) await theirs.run(`put k${count % 7} ${count}`);
		await theirs.run(`put leased x --lease=${lease}`);
		await theirs.run("del k3");
		await theirs.run("compaction 20");
		const file = join(directory, "etcd.db");
		await theirs.run(["snapshot", "save", file]);
		await restoreSnapshot({ file, directory: join(directory, "restored") });
		const restored = await openLevelStore({ directory: join(directory, "restored"), clock });
		const restoredApi = await serveEtcdApi({ store: restored, clock, port: 0 });
		const restoredTool = etcdctl(`127.0.0.1:${restoredApi.port}`);
		for (const args of [
			["get", "", "--from-key"],
			["get", "", "--from-key", "--rev=25"],
			["endpoint", "hashkv"],
			["lease", "list"],
		])
			expect(await transcript(restoredTool, args)).toBe(await transcript(theirs, args));
		await restoredApi.close();
		await restored.close();
	});
});

describe.skipIf(!hasEtcdctl)("etcdctl on the store", () => {
	beforeAll(() => open({ quotaBytes: 3_000_000 }));
	afterAll(close);

	test("shows the member's status", async () => {
		const table = await ours.run("endpoint status -w table");
		expect(table).toContain(
			"|    ENDPOINT     |        ID        | VERSION | DB SIZE | IS LEADER | IS LEARNER | RAFT TERM | RAFT INDEX | RAFT APPLIED INDEX | ERRORS |",
		);
		expect(table).toMatch(/\| 8e9e05c52164694d \| +3\.6\.\d+ \| .* \| +true \| +false \|/);
		expect(await ours.run("member list")).toBe(`8e9e05c52164694d, started, default, http://localhost:2380, ${api.url}, false\n`);
		expect(await ours.fail("member remove 8e9e05c52164694d")).toContain(
			"Error: etcdserver: re-configuration failed due to not enough started members",
		);
	});

	test("watches from a revision on, with what was there before", async () => {
		const { revision } = await store.put({ key: "w/a", value: Buffer.from("1") });
		const child = ours.spawn(["watch", "w/", "--prefix", `--rev=${revision}`, "--prev-kv"]);
		await store.put({ key: "w/a", value: Buffer.from("2") });
		await store.deleteRange({ key: "w/a" });
		await store.put({ key: "other", value: Buffer.from("2") });
		let text = "";
		for await (const chunk of child.stdout) {
			text += String(chunk);
			if (text.includes("DELETE") && text.trimEnd().endsWith("w/a") && text.split("w/a").length === 6) break;
		}
		child.kill();
		expect(text).toBe("PUT\nw/a\n1\nPUT\nw/a\n1\nw/a\n2\nDELETE\nw/a\n2\nw/a\n\n");
	});

	test("a lease takes its keys along", async () => {
		const { id } = await store.grantLease(600, 0x10n);
		await ours.run("put leased x --lease=10");
		expect(await ours.run("lease timetolive 10 --keys")).toMatch(
			/^lease 0000000000000010 granted with TTL\(600s\), remaining\(\d+s\), attached keys\(\[leased]\)\n$/,
		);
		expect(await ours.run("lease keep-alive --once 10")).toBe("lease 0000000000000010 keepalived with TTL(600)\n");
		expect(await ours.run("lease revoke 10")).toBe("lease 0000000000000010 revoked\n");
		expect(await ours.run("get leased")).toBe("");
		expect((await store.lease(id)).ttlSeconds).toBe(-1);
	});

	test("lock and elect", async () => {
		expect(await ours.run("lock mutex echo held")).toBe("held\n");
		const leader = ours.spawn(["elect", "race", "first"]);
		await new Promise((resolve) => leader.stdout.once("data", resolve));
		const observed = ours.spawn(["elect", "race", "--listen"]);
		const text = await new Promise<string>((resolve) => observed.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString())));
		expect(text).toMatch(/^race\/[0-9a-f]+\n(first\n)?$/);
		observed.kill();
		leader.kill();
	});

	test("a full store says NOSPACE until there is room and the alarm is disarmed", async () => {
		const value = "x".repeat(400_000);
		let failed = "";
		for (let count = 0; count < 20 && failed === ""; count++) failed = (await ours.try(["put", "big"], value)).stderr;
		expect(failed).toContain("Error: etcdserver: mvcc: database space exceeded");
		expect(await ours.run("alarm list")).toBe("memberID:10276657743932975437 alarm:NOSPACE \n");
		expect(await ours.run("endpoint status -w table")).toContain("memberID:10276657743932975437 |");
		expect(await ours.run("endpoint status")).toContain("memberID:10276657743932975437 alarm:NOSPACE ");
		expect((await fetch(`${api.url}/health`)).status).toBe(503);
		await ours.run("del big");
		await ours.run(["compaction", String(store.status().revision), "--physical"]);
		expect(await ours.run("defrag")).toBe(`Finished defragmenting etcd member[127.0.0.1:${api.port}]\n`);
		expect(await ours.run("alarm disarm")).toBe("memberID:10276657743932975437 alarm:NOSPACE \n");
		expect(await ours.run("put small x")).toBe("OK\n");
	});
});
