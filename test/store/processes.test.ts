/**
 * Three members as processes, over TLS, with what happens to processes. `KUBESIM_STORM_SECONDS=60 npx vitest run test/store`
 * lets the storm go on for a minute.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bytes, text } from "../../src/store/testing/engines.ts";
import { freePorts } from "../../src/store/testing/free-ports.ts";
import { eventually } from "../tools/eventually.ts";
import { Tool } from "../tools/kubectl.ts";
import { kubesimBin } from "../tools/kubesim.ts";
import { MemberProcesses } from "./member-processes.ts";
import { storm } from "./storm.ts";

const stormSeconds = Number(process.env.KUBESIM_STORM_SECONDS ?? 15);

test(
	"members killed and stopped under load: nothing acknowledged is lost, nothing stale is read, watches have no gap",
	async () => {
		await using group = await MemberProcesses.found(3);
		const report = await storm({ group, clients: 6, durationMs: stormSeconds * 1000, seed: "storm" });
		console.log(`storm: ${JSON.stringify(report)}`);
		expect(report.violations).toEqual([]);
		expect(report.acknowledged).toBeGreaterThan(100);
		expect(report.kills + report.pauses).toBeGreaterThan(2);
	},
	120_000 + stormSeconds * 2000,
);

test("a member that was lost with its disk is replaced", async () => {
	await using group = await MemberProcesses.found(3);
	const [first, second, third] = group.members;
	if (first === undefined || second === undefined || third === undefined) throw new Error("three members were founded");
	const store = await group.client("replace");
	await store.put({ key: "k", value: bytes("1") });
	await group.kill(third);
	rmSync(join(group.directory, third.name), { recursive: true });
	const etcdctl = (args: string) =>
		new Tool("etcdctl", { PATH: process.env.PATH, ETCDCTL_API: "3" }).run([
			...["--cacert", join(group.pki, "etcd/ca.crt"), "--cert", join(group.pki, "etcd/healthcheck-client.crt")],
			...["--key", join(group.pki, "etcd/healthcheck-client.key"), "--endpoints", `${first.clientUrl},${second.clientUrl}`],
			...args.split(" "),
		]);
	const lost =
		(await etcdctl("member list"))
			.split("\n")
			.find((line) => line.includes("m3"))
			?.split(",")[0] ?? "";
	// Members are healthy for etcd once they have been connected for a while.
	await eventually(() => etcdctl(`member remove ${lost}`).catch(() => undefined));
	await etcdctl(`member add m3 --peer-urls=${third.peerUrl}`);
	await group.start(third, ["--initial-cluster", group.initialCluster, "--initial-cluster-state", "existing"]);
	await group.kill(first);
	// Until the new member has caught up, there is no majority.
	await eventually(() => store.put({ key: "k", value: bytes("2") }).catch(() => undefined));
	expect(text((await store.range({ key: "k" })).kvs[0]?.value ?? bytes(""))).toBe("2");
	// It makes its name known once it has caught up.
	await eventually(async () => /started \| +m3 \|/.exec(await etcdctl("member list -w table")) ?? undefined);
	await store.close();
}, 60_000);

test("what keeps a member from running is said in etcd's words", async () => {
	const [peer = 0, client = 0] = await freePorts(2);
	const serve = (args: string, directory = "/nonexistent/member") => {
		const listen = `--listen-peer-urls http://127.0.0.1:${peer} --listen-client-urls http://127.0.0.1:${client}`;
		return new Tool(process.execPath, process.env).try([
			kubesimBin(),
			"store",
			"serve",
			"--data-dir",
			directory,
			...`${listen} ${args}`.split(" "),
		]);
	};
	expect(await serve("--name a --initial-cluster b=http://127.0.0.1:1")).toMatchObject({
		exitCode: 1,
		stderr: `error: couldn't find local name "a" in the initial cluster configuration\n`,
	});
	expect((await serve(`--name a --initial-cluster a=http://127.0.0.1:1`)).stderr).toBe(
		`error: --initial-cluster has a=http://127.0.0.1:1 but missing from --initial-advertise-peer-urls=http://127.0.0.1:${peer}\n`,
	);
	const joining = `--name a --initial-cluster a=http://127.0.0.1:${peer},b=http://127.0.0.1:1 --initial-cluster-state existing`;
	expect((await serve(joining)).stderr).toMatch(/^error: cannot fetch cluster info from peer urls: could not retrieve cluster information/);
	expect((await serve("--name a --cert-file x")).stderr).toMatch(/^error: --cert-file, --key-file and --trusted-ca-file go together\n/);
	expect((await serve(`--name a --initial-cluster a=http://127.0.0.1:${peer}`, "/dev/null/member")).stderr).toMatch(
		/^error: store directory \S+ cannot be opened/,
	);
}, 30_000);
