/** The etcd API behind TLS: certificates decide who may come in, and who one is. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { VirtualClock } from "../../src/apimachinery/clock/virtual-clock.ts";
import { createAuthority, issueCertificate, type KeyPair } from "../../src/apiserver/pki/certificate.ts";
import { GrpcClient } from "../../src/store/etcd-api/grpc/client.ts";
import { type EtcdApi, serveEtcdApi } from "../../src/store/etcd-api/index.ts";
import { createMemoryStore, type MaintainedStore } from "../../src/store/index.ts";

const validity = { notBeforeMs: Date.UTC(2020), notAfterMs: Date.UTC(2100) };
const ca = createAuthority({ commonName: "etcd-ca" }, validity);
const server = issueCertificate(ca, {
	subject: { commonName: "m" },
	validity,
	usages: ["serverAuth"],
	dnsNames: ["localhost"],
	ipAddresses: ["127.0.0.1"],
});
const clientOf = (authority: KeyPair, commonName: string) =>
	issueCertificate(authority, { subject: { commonName }, validity, usages: ["clientAuth"] });

let store: MaintainedStore;
let secure: EtcdApi;
beforeEach(async () => {
	const clock = new VirtualClock();
	store = await createMemoryStore({ clock });
	secure = await serveEtcdApi({ store, clock, port: 0, tls: { cert: server.cert, key: server.key, clientCa: ca.cert } });
});
afterEach(async () => {
	await secure.close();
	await store.close();
});

test("lets in who has a certificate of the authority, as the user of its common name", async () => {
	const range = async (pair: KeyPair | undefined) => {
		const ours = new GrpcClient({ url: secure.url, tls: { ca: ca.cert, ...pair } });
		const answer = await ours.call("/etcdserverpb.KV/Range", { key: "a" }).then(({ count }) => String(count), String);
		ours.close();
		return answer;
	};
	expect(await range(clientOf(ca, "alice"))).toBe("0");
	expect(await range(undefined)).toMatch(/^GrpcError: connection error: /);
	expect(await range(clientOf(createAuthority({ commonName: "etcd-ca" }, validity), "alice"))).toMatch(/^GrpcError: connection error: /);
	const admin = new GrpcClient({ url: secure.url, tls: { ca: ca.cert, ...clientOf(ca, "root") } });
	for (const name of ["root", "alice"]) await admin.call("/etcdserverpb.Auth/UserAdd", { name, options: { noPassword: true } });
	await admin.call("/etcdserverpb.Auth/UserGrantRole", { user: "root", role: "root" });
	await admin.call("/etcdserverpb.Auth/AuthEnable", {});
	expect(await range(clientOf(ca, "alice"))).toBe("GrpcError: etcdserver: permission denied");
	expect(await range(clientOf(ca, "root"))).toBe("0");
	admin.close();
});
