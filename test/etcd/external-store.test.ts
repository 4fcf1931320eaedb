/** The external engine on real etcd clusters: members that die, TLS, users. See also src/store/contract.test.ts. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { silentLog } from "../../src/apimachinery/log.ts";
import { createAuthority, issueCertificate, type KeyPair } from "../../src/apiserver/pki/certificate.ts";
import type { EtcdClusterOptions } from "../../src/store/external/etcd-cluster.ts";
import { openEtcdStore } from "../../src/store/external/etcd-store.ts";
import type { Store } from "../../src/store/index.ts";
import { bytes, clientOptions, RecordedWatch, settle } from "../../src/store/testing/engines.ts";
import { EtcdProcess, startEtcdCluster } from "../../src/store/testing/real-etcd.ts";
import { eventually } from "../tools/eventually.ts";
import { etcdctl, hasEtcd } from "./etcd-tools.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
	for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function open(endpoints: readonly string[], options: Partial<EtcdClusterOptions> = {}): Promise<Store> {
	const store = await openEtcdStore({ ...clientOptions(...endpoints), ...options });
	cleanUps.push(() => store.close());
	return store;
}

function until<T extends { [Symbol.asyncDispose](): Promise<void> }>(value: T): T {
	cleanUps.push(() => value[Symbol.asyncDispose]());
	return value;
}

describe.skipIf(!hasEtcd)("the external engine on a real etcd", () => {
	test("members of a cluster die and come back: acknowledged writes stay, watches tell each revision once", async () => {
		const members = (await startEtcdCluster(3)).map(until);
		const store = await open(members.map(({ url }) => url));
		const watch = new RecordedWatch(store, { key: "k", rangeEnd: "l" });
		const acknowledged: string[] = [];
		const write = async (key: string) => {
			try {
				await store.put({ key, value: bytes(key) });
				acknowledged.push(key);
			} catch {
				// Its outcome is unknown: it may be there or not.
			}
		};
		for (const [round, member] of members.entries()) {
			const killing = (async () => {
				for (let index = 0; index < 50; index++) {
					if (index === 20) void member.kill();
					await write(`k${round}-${index}`);
				}
			})();
			await killing;
			await member.kill();
			member.spawn();
			await member.untilHealthy();
		}
		const { kvs, revision } = await store.range({ key: "k", rangeEnd: "l" });
		const stored = kvs.map(({ key }) => key);
		expect(acknowledged.filter((key) => !stored.includes(key))).toEqual([]);
		expect(acknowledged.length).toBeGreaterThan(100);
		await eventually(() => (watch.revision === revision ? true : undefined), { what: () => `${watch.revision} of ${revision}` });
		expect(watch.events.map(({ kv }) => kv.modRevision)).toEqual(Array.from({ length: revision - 1 }, (_, index) => index + 2));
	});

	test("a member without its cluster is left for one that has a leader, by reads and by watches", async () => {
		const members = (await startEtcdCluster(3)).map(until);
		const [first, second, third] = members as [EtcdProcess, EtcdProcess, EtcdProcess];
		const failures: string[] = [];
		const warn = (_: string, fields: Readonly<Record<string, unknown>> = {}) => failures.push(`${fields.endpoint} ${fields.error}`);
		const store = await open([first.url, second.url], { log: { ...silentLog, warn } });
		const watch = new RecordedWatch(store, { key: "a" });
		await store.put({ key: "a", value: bytes("1") });
		await watch.caughtUp(1);
		await Promise.all([second.kill(), third.kill()]);
		// Nobody asked for anything: etcd ends the watch by itself, because it was asked to.
		await eventually(() => (failures.includes(`${first.url} etcdserver: no leader`) ? true : undefined), {
			what: () => failures.join("\n"),
		});
		expect(await settle(open([first.url], { limits: { patienceMs: 0 } }))).toMatch(
			/^StoreUnavailableError: etcdserver: (no leader|request timed out)/,
		);
		second.spawn();
		third.spawn();
		await second.untilHealthy();
		await eventually(() => store.put({ key: "a", value: bytes("2") }).catch(() => undefined));
		await eventually(() => (watch.events.length > 1 ? true : undefined));
		expect([watch.lines()[0], watch.lines().at(-1)]).toEqual(["put a=1 @2", expect.stringMatching(/^put a=2 /)]);
	});

	test("a member that has gone deaf is left when it answers no ping", async () => {
		const members = (await startEtcdCluster(3)).map(until);
		const [first, second] = members as [EtcdProcess, EtcdProcess];
		const limits = { pingPeriodMs: 5_100, pingTimeoutMs: 500 };
		const store = await open([first.url, second.url], { limits });
		const writer = await open([second.url]);
		const watch = new RecordedWatch(store, { key: "a" });
		await writer.put({ key: "a", value: bytes("1") });
		await watch.caughtUp(1);
		first.signal("SIGSTOP");
		cleanUps.push(() => first.signal("SIGCONT"));
		await eventually(() => writer.put({ key: "a", value: bytes("2") }).catch(() => undefined));
		await eventually(() => (watch.events.length > 1 ? true : undefined));
		expect(watch.lines().at(-1)).toMatch(/^put a=2 /);
	});

	test("certificates: the cluster's authority lets in, others do not", async () => {
		const directory = mkdtempSync(join(tmpdir(), "kubesim-tls-"));
		cleanUps.push(() => rmSync(directory, { recursive: true, force: true }));
		const file = (name: string, text: string) => {
			writeFileSync(join(directory, name), text, { mode: 0o600 });
			return join(directory, name);
		};
		const validity = { notBeforeMs: Date.now() - 3_600_000, notAfterMs: Date.now() + 3_600_000 };
		const ca = createAuthority({ commonName: "etcd-ca" }, validity);
		const server = issueCertificate(ca, {
			subject: { commonName: "etcd" },
			validity,
			usages: ["serverAuth", "clientAuth"],
			dnsNames: ["localhost"],
			ipAddresses: ["127.0.0.1"],
		});
		const clientOf = (authority: KeyPair) =>
			issueCertificate(authority, { subject: { commonName: "kube-apiserver-etcd-client" }, validity, usages: ["clientAuth"] });
		const caFile = file("ca.crt", ca.cert);
		const tls = { caFile, certFile: file("server.crt", server.cert), keyFile: file("server.key", server.key) };
		const own = clientOf(ca);
		const etcd = until(await EtcdProcess.start({ tls, clientTls: { ca: ca.cert, ...own } }));
		const limits = { patienceMs: 0 };
		const store = await open([etcd.url], { tls: { ca: ca.cert, ...own } });
		expect((await store.put({ key: "a", value: bytes("1") })).revision).toBe(2);
		expect(await settle(open([etcd.url], { tls: { ca: ca.cert }, limits }))).toMatch(
			/^StoreUnavailableError: etcd is not available: https:\/\/127.0.0.1:\d+: .*(certificate required|bad certificate)/i,
		);
		const stranger = createAuthority({ commonName: "etcd-ca" }, validity);
		expect(await settle(open([etcd.url], { tls: { ca: ca.cert, ...clientOf(stranger) }, limits }))).toMatch(
			/^StoreUnavailableError: etcd is not available: .*(bad certificate|unknown ca)/i,
		);
		expect(await settle(open([etcd.url], { tls: { ca: stranger.cert, ...own }, limits }))).toMatch(
			/^StoreUnavailableError: etcd is not available: .*(certificate signature failure|self-signed certificate|unable to verify)/i,
		);
		expect(await settle(open([etcd.url.replace("https", "http")], { limits }))).toMatch(/^StoreUnavailableError: etcd is not available: /);
	});

	test("users: a token that etcd has forgotten is renewed; what a role does not cover is refused", async () => {
		const etcd = until(await EtcdProcess.start());
		const admin = etcdctl(etcd.endpoint);
		for (const command of [
			"user add root:secret",
			"user grant-role root root",
			"role add kubesim",
			"role grant-permission kubesim --prefix=true readwrite /registry/",
			"user add kubesim:pass",
			"user grant-role kubesim kubesim",
			"auth enable",
		])
			await admin.run(command);
		expect(await settle(open([etcd.url]))).toBe("StoreAccessError: etcdserver: user name is empty");
		expect(await settle(open([etcd.url], { credentials: { username: "root", password: "wrong" } }))).toBe(
			"StoreAccessError: etcdserver: authentication failed, invalid user ID or password",
		);
		expect(await settle(open([etcd.url], { credentials: { username: "kubesim", password: "pass" } }))).toBe(
			"StoreAccessError: etcdserver: permission denied",
		);
		const store = await open([etcd.url], { credentials: { username: "root", password: "secret" } });
		const watch = new RecordedWatch(store, { key: "a" });
		await store.put({ key: "a", value: bytes("1") });
		await watch.caughtUp(1);
		// etcd keeps its tokens in memory.
		await etcd.kill();
		etcd.spawn();
		await eventually(() => store.put({ key: "a", value: bytes("2") }).catch(() => undefined));
		await watch.caughtUp(2);
		expect(watch.lines().at(-1)).toMatch(/^put a=2 /);
		expect(watch.end).toBeUndefined();
	});
});
