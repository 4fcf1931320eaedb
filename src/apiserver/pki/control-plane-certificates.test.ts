import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { certificateExpirations, certificateNames, renewCertificate } from "./control-plane-certificates.ts";
import { loadOrCreateEtcdPki } from "./etcd-pki.ts";
import { loadOrCreatePki } from "./pki.ts";

const startMs = Date.UTC(2026, 0, 1);
const dayMs = 24 * 3600_000;
let directory: string;

beforeEach(async () => {
	directory = await mkdtemp(join(tmpdir(), "kubesim-certs-"));
	await loadOrCreatePki(directory, { nowMs: startMs });
	await loadOrCreateEtcdPki(directory, { nowMs: startMs, memberName: "m" });
});
afterEach(() => rm(directory, { recursive: true }));

const days = (endMs: number | undefined) => (endMs === undefined ? "missing" : Math.round((endMs - startMs) / dayMs));

test("tells when every certificate ends, who signs it, and whether that can be done here", async () => {
	await rm(join(directory, "etcd/ca.key"));
	await rm(join(directory, "etcd/peer.crt"));
	const { certificates, authorities } = await certificateExpirations(directory);
	expect(certificates.map(({ name, authority, notAfterMs, isExternal }) => [name, authority, days(notAfterMs), isExternal])).toEqual([
		["admin", "ca", 365, false],
		["apiserver", "ca", 365, false],
		["apiserver-etcd-client", "etcd-ca", 365, true],
		["etcd-healthcheck-client", "etcd-ca", 365, true],
		["etcd-peer", "etcd-ca", "missing", true],
		["etcd-server", "etcd-ca", 365, true],
		["front-proxy-client", "front-proxy-ca", 365, false],
	]);
	expect(authorities.map(({ name, notAfterMs, isExternal }) => [name, days(notAfterMs), isExternal])).toEqual([
		["ca", 3650, false],
		["etcd-ca", 3650, true],
		["front-proxy-ca", 3650, false],
	]);
	expect((await renewCertificate(directory, "etcd-server", startMs)).outcome).toBe("external");
	expect((await renewCertificate(directory, "etcd-peer", startMs)).outcome).toBe("missing");
});

test.each(certificateNames)(
	"%s is renewed: like it was, with a new key, for a year from now, and taken by the next start",
	async (name) => {
		const file = name.startsWith("etcd-") ? `etcd/${name.slice("etcd-".length)}` : name;
		const read = async () => new X509Certificate(await readFile(join(directory, `${file}.crt`)));
		const before = await read();
		const nowMs = startMs + 100 * dayMs;
		expect(await renewCertificate(directory, name, nowMs)).toMatchObject({ name, outcome: "renewed" });
		const after = await read();
		const told = ({ subject, issuer, subjectAltName, keyUsage, ca }: X509Certificate) => ({
			subject,
			issuer,
			subjectAltName,
			keyUsage,
			ca,
		});
		expect(told(after)).toEqual(told(before));
		expect(days(Date.parse(after.validTo))).toBe(465);
		expect(after.publicKey.equals(before.publicKey)).toBe(false);
		expect((await stat(join(directory, `${file}.key`))).mode & 0o777).toBe(0o600);
		await loadOrCreatePki(directory, { nowMs });
		await loadOrCreateEtcdPki(directory, { nowMs, memberName: "m" });
		expect((await read()).fingerprint256).toBe(after.fingerprint256);
	},
);

test("what is damaged is told", async () => {
	await writeFile(join(directory, "apiserver.crt"), "nothing");
	await expect(certificateExpirations(directory)).rejects.toThrow("apiserver.crt is not a certificate");
	await writeFile(join(directory, "ca.key"), "nothing");
	await expect(renewCertificate(directory, "admin", startMs)).rejects.toThrow("ca.key does not belong to ca.crt");
	await expect(renewCertificate(directory, "sa", startMs)).rejects.toThrow("sa is not one of its certificates");
});
