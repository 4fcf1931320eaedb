import { X509Certificate } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { kubeconfigFor } from "./kubeconfig.ts";
import { loadOrCreatePki, PkiError } from "./pki.ts";

const startMs = Date.UTC(2026, 0, 1);
const dayMs = 24 * 3600 * 1000;
let directory: string;

beforeEach(async () => {
	directory = join(await mkdtemp(join(tmpdir(), "pki-")), "pki");
});

afterEach(async () => {
	await rm(join(directory, ".."), { recursive: true });
});

test("certificates are what a cluster needs, dated on its clock", async () => {
	const { ca, apiServer, admin } = await loadOrCreatePki(undefined, { nowMs: startMs, serverNames: ["myhost", "192.168.0.7"] });
	const root = new X509Certificate(ca.cert);
	const server = new X509Certificate(apiServer.cert);
	expect(root.ca).toBe(true);
	expect([root.subject, root.validFrom, root.validTo]).toEqual(["CN=kubernetes", "Dec 31 23:50:00 2025 GMT", "Dec 30 00:00:00 2035 GMT"]);
	expect(server.verify(root.publicKey) && server.checkIssued(root)).toBe(true);
	expect([server.validFrom, server.validTo]).toEqual(["Dec 31 23:50:00 2025 GMT", "Jan  1 00:00:00 2027 GMT"]);
	expect(server.subjectAltName).toBe(
		"DNS:kubernetes, DNS:kubernetes.default, DNS:kubernetes.default.svc, DNS:kubernetes.default.svc.cluster.local, DNS:localhost, DNS:myhost, IP Address:10.96.0.1, IP Address:172.19.0.2, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:192.168.0.7",
	);
	expect(server.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
	expect(new X509Certificate(admin.cert).subject).toBe("O=system:masters\nCN=kubernetes-admin");
	expect(new X509Certificate(admin.cert).keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
});

test("dates after 2049 take the other form of time", async () => {
	const { ca } = await loadOrCreatePki(undefined, { nowMs: Date.UTC(2045, 0, 1) });
	expect(new X509Certificate(ca.cert).validTo).toBe("Dec 30 00:00:00 2054 GMT");
});

test("a second start reads what the first has written, keys for the owner alone", async () => {
	const first = await loadOrCreatePki(directory, { nowMs: startMs });
	expect(await loadOrCreatePki(directory, { nowMs: startMs + dayMs })).toEqual(first);
	expect((await readdir(directory)).sort()).toEqual([
		"admin.crt",
		"admin.key",
		"apiserver.crt",
		"apiserver.key",
		"ca.crt",
		"ca.key",
		"front-proxy-ca.crt",
		"front-proxy-ca.key",
		"front-proxy-client.crt",
		"front-proxy-client.key",
		"sa.key",
		"sa.pub",
	]);
	for (const name of ["ca.key", "apiserver.key", "admin.key", "sa.key"]) {
		expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
	}
});

test("what runs out, lacks a name or is half-written is made anew under the same CA", async () => {
	const first = await loadOrCreatePki(directory, { nowMs: startMs });
	const later = await loadOrCreatePki(directory, { nowMs: startMs + 340 * dayMs });
	expect(later.ca).toEqual(first.ca);
	expect(later.apiServer.cert).not.toBe(first.apiServer.cert);
	const named = await loadOrCreatePki(directory, { nowMs: startMs + 340 * dayMs, serverNames: ["other"] });
	expect(new X509Certificate(named.apiServer.cert).checkHost("other")).toBe("other");
	expect(named.admin).toEqual(later.admin);
	await writeFile(join(directory, "apiserver.key"), later.admin.key);
	const repaired = await loadOrCreatePki(directory, { nowMs: startMs + 340 * dayMs });
	expect(new X509Certificate(repaired.apiServer.cert).verify(new X509Certificate(first.ca.cert).publicKey)).toBe(true);
	expect(await readFile(join(directory, "apiserver.key"), "utf8")).toBe(repaired.apiServer.key);
});

test("a damaged CA is not replaced behind the user's back", async () => {
	await loadOrCreatePki(directory, { nowMs: startMs });
	const way = "remove the directory to make new certificates (kubeconfigs of this cluster must then be written anew)";
	await expect(loadOrCreatePki(directory, { nowMs: startMs + 3651 * dayMs })).rejects.toThrow(PkiError);
	await rm(join(directory, "ca.key"));
	await expect(loadOrCreatePki(directory, { nowMs: startMs })).rejects.toThrow(`${directory}: ca.key is missing; ${way}`);
	await writeFile(join(directory, "ca.crt"), "nonsense");
	await writeFile(join(directory, "ca.key"), "nonsense");
	await expect(loadOrCreatePki(directory, { nowMs: startMs })).rejects.toThrow(`${directory}: ca.crt is not a certificate; ${way}`);
});

test("a kubeconfig", () => {
	expect(kubeconfigFor({ server: "https://127.0.0.1:6443", ca: "A", cert: "B", key: "C", contextName: "kubesim" })).toEqual({
		apiVersion: "v1",
		kind: "Config",
		clusters: [{ name: "kubesim", cluster: { "certificate-authority-data": "QQ==", server: "https://127.0.0.1:6443" } }],
		contexts: [{ name: "kubesim", context: { cluster: "kubesim", user: "kubesim" } }],
		"current-context": "kubesim",
		users: [{ name: "kubesim", user: { "client-certificate-data": "Qg==", "client-key-data": "Qw==" } }],
	});
});
