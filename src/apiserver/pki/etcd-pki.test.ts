import { X509Certificate } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadOrCreateEtcdPki } from "./etcd-pki.ts";

const nowMs = Date.UTC(2026, 0, 1);
const dayMs = 24 * 3600 * 1000;

test("kubeadm's certificates, in kubeadm's files, kept at the next start and renewed when they run out", async () => {
	const directory = await mkdtemp(join(tmpdir(), "kubesim-etcd-pki-"));
	const pki = await loadOrCreateEtcdPki(directory, { nowMs, memberName: "control-plane" });
	const files = (await readdir(directory, { recursive: true })).filter((name) => /\.(crt|key)$/.test(name)).sort();
	expect(files).toEqual(
		["apiserver-etcd-client", "etcd/ca", "etcd/healthcheck-client", "etcd/peer", "etcd/server"].flatMap((name) => [
			`${name}.crt`,
			`${name}.key`,
		]),
	);
	const ca = new X509Certificate(pki.ca.cert);
	const describe = ({ cert }: { readonly cert: string }) => {
		const certificate = new X509Certificate(cert);
		return `${certificate.subject} ${certificate.subjectAltName ?? "-"} ${certificate.checkIssued(ca)}`;
	};
	const names = "DNS:control-plane, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1";
	expect([pki.ca, pki.server, pki.peer, pki.healthcheckClient, pki.apiServerClient].map(describe)).toEqual([
		"CN=etcd-ca DNS:etcd-ca true",
		`CN=control-plane ${names} true`,
		`CN=control-plane ${names} true`,
		"CN=kube-etcd-healthcheck-client - true",
		"CN=kube-apiserver-etcd-client - true",
	]);
	expect(await loadOrCreateEtcdPki(directory, { nowMs: nowMs + 300 * dayMs, memberName: "control-plane" })).toEqual(pki);
	const renewed = await loadOrCreateEtcdPki(directory, { nowMs: nowMs + 340 * dayMs, memberName: "control-plane" });
	expect(renewed.ca).toEqual(pki.ca);
	expect(renewed.server.cert).not.toBe(pki.server.cert);
	await rm(directory, { recursive: true, force: true });
});
