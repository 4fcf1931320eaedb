/** Nodes that join by a token: what kubeadm's users see of it, and what becomes of their certificates over the years. */
import { X509Certificate } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../apimachinery/log.ts";
import { SeededRandom } from "../apimachinery/random.ts";
import type { CertificateSigningRequest, ClusterRoleBinding, Node } from "../apimachinery/schema/generated/types.ts";
import type { UserInfo } from "../apimachinery/user.ts";
import { isProblem, parseCertificateRequest } from "../apimachinery/x509/certificate-request.ts";
import { bootstrap } from "../apiserver/bootstrap/bootstrap.ts";
import { createAuthority } from "../apiserver/pki/certificate.ts";
import { loadOrCreatePki } from "../apiserver/pki/pki.ts";
import { signRequest } from "../apiserver/pki/request-signing.ts";
import { startServer } from "../apiserver/testing.ts";
import { Client } from "../client/client.ts";
import { InformerFactory } from "../client/informer.ts";
import type { ResourceRef } from "../client/resources.ts";
import { certificateSigningRequests, leases, nodes, secrets } from "../client/resources.ts";
import { FakeApi } from "../client/testing/fake-api.ts";
import type { Transport } from "../client/transport.ts";
import { ControllerManager } from "../controllers/index.ts";
import { CertificateManager } from "../kubelet-sim/certificates/certificate-manager.ts";
import { Fleet } from "../kubelet-sim/index.ts";
import { InProcessTransport } from "./in-process-transport.ts";
import { type Cluster, createCluster } from "./index.ts";
import { createNodeCredentials } from "./node-credentials.ts";

const startMs = Date.UTC(2026, 0, 1);
const dayMs = 24 * 3600_000;
const bindings: ResourceRef<ClusterRoleBinding> = {
	group: "rbac.authorization.k8s.io",
	version: "v1",
	resource: "clusterrolebindings",
	kind: "ClusterRoleBinding",
};

describe("a cluster whose nodes have certificates", () => {
	let cluster: Cluster;
	const clock = () => cluster.clock as VirtualClock;
	const requests = async () => (await cluster.client.resource(certificateSigningRequests).list()).items;
	const conditions = (request: CertificateSigningRequest | undefined) => (request?.status?.conditions ?? []).map(({ type }) => type);

	beforeEach(async () => {
		cluster = await createCluster({ clock: new VirtualClock(startMs), seed: 1, nodes: 1, kubeletCertificates: { serving: true } });
		await clock().advance(5_000);
	});
	afterEach(() => cluster.close());

	it("shows how they came in: a request by a token, approved and issued, and one that waits for a person", async () => {
		const found = await requests();
		const [client] = found.filter(({ spec }) => spec.signerName === "kubernetes.io/kube-apiserver-client-kubelet");
		const [serving] = found.filter(({ spec }) => spec.signerName === "kubernetes.io/kubelet-serving");
		expect(found).toHaveLength(2);
		expect(client?.metadata?.name).toMatch(/^csr-[a-z0-9]{5}$/);
		expect(client?.spec).toMatchObject({
			username: expect.stringMatching(/^system:bootstrap:[a-z0-9]{6}$/),
			groups: ["system:bootstrappers", "system:bootstrappers:kubeadm:default-node-token", "system:authenticated"],
			usages: ["digital signature", "client auth"],
		});
		expect(client?.status?.conditions?.[0]).toMatchObject({
			type: "Approved",
			message: "Auto approving kubelet client certificate after SubjectAccessReview.",
		});
		const certificate = new X509Certificate(Buffer.from(client?.status?.certificate ?? "", "base64"));
		expect(certificate.subject).toBe("O=system:nodes\nCN=system:node:node-1");
		expect(serving?.spec).toMatchObject({ username: "system:node:node-1", usages: ["digital signature", "server auth"] });
		expect(conditions(serving)).toEqual([]);
		const node = await cluster.client.resource(nodes).get({ name: "node-1" });
		expect(node.status?.conditions?.find(({ type }: { readonly type: string }) => type === "Ready")?.status).toBe("True");
	});

	it("keeps what was issued on the node's disk, with its key", async () => {
		const files = cluster.fleet.filesOf("node-1");
		const directory = "/var/lib/kubelet/pki";
		expect(files?.readlink(`${directory}/kubelet-client-current.pem`)).toMatch(/kubelet-client-2026-01-01-00-00-0\d\.pem$/);
		expect((files?.stat(`${directory}/kubelet-client-current.pem`).mode ?? 0) & 0o777).toBe(0o600);
		const pem = files?.readText(`${directory}/kubelet-client-current.pem`) ?? "";
		expect(pem).toMatch(/BEGIN CERTIFICATE[\s\S]*BEGIN PRIVATE KEY/);
		expect(files?.exists(`${directory}/kubelet-server-current.pem`)).toBe(false);
		const [serving] = (await requests()).filter(({ spec }) => spec.signerName === "kubernetes.io/kubelet-serving");
		const condition = { type: "Approved", status: "True", reason: "KubectlApprove", message: "by hand" } as const;
		const body = { ...serving, status: { conditions: [condition] } } as CertificateSigningRequest;
		await cluster.client.resource(certificateSigningRequests).update(body, { subresource: "approval" });
		await clock().advance(5_000);
		const server = new X509Certificate(files?.readText(`${directory}/kubelet-server-current.pem`) ?? "");
		expect(server.subjectAltName).toBe("DNS:node-1, IP Address:172.18.0.2");
	});

	it("lets nobody in whose token is gone, or whom nobody approves", async () => {
		const { items } = await cluster.client.resource(secrets).list("kube-system");
		const [token] = items.filter(({ type }) => type === "bootstrap.kubernetes.io/token");
		await cluster.client.resource(bindings).delete({ name: "kubeadm:node-autoapprove-bootstrap" });
		await cluster.fleet.addNode({ name: "stranger", certificates: {} });
		await clock().advance(5_000);
		const pending = (await requests()).filter(({ spec }) => spec.username?.startsWith("system:bootstrap:")).map(conditions);
		expect(pending).toContainEqual([]);
		await cluster.client.resource(secrets).delete({
			namespace: "kube-system",
			name: token?.metadata?.name ?? "",
		});
		const before = (await requests()).length;
		await cluster.fleet.addNode({ name: "other", certificates: {} });
		await clock().advance(60_000);
		expect(await requests()).toHaveLength(before);
		const names = (await cluster.client.resource(nodes).list()).items.map(({ metadata }: Node) => metadata?.name);
		expect(names).toEqual(["node-1"]);
	});
});

/**
 * The parts of a cluster that certificates need, and a node that reports once an hour. What it asks for is signed for some
 * days only, so that it has to ask often.
 */
async function startDays(lifetimeDays: number) {
	const { server, clock } = await startServer();
	await clock.advance(startMs - clock.now());
	const pki = await loadOrCreatePki(undefined, { nowMs: clock.now() });
	await bootstrap({ server, address: "172.19.0.2", port: 6443, nowMs: clock.now(), serviceCidr: "10.96.0.0/12", serviceIp: "10.96.0.1" });
	const clientFor = (user: UserInfo) => new Client(new InProcessTransport(server, user));
	const admin = clientFor({ name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] });
	const random = new SeededRandom("years");
	const abort = new AbortController();
	const informers = new InformerFactory({ client: admin, clock });
	new ControllerManager({
		informers,
		clock,
		log: silentLog,
		random: random.fork("controllers"),
		clientFor: () => admin,
		rootCa: () => pki.ca.cert,
		chosen: ["approving", "signing", "cleaner"].map((each) => `certificatesigningrequest-${each}-controller`),
		signCertificate: (request, content) => signRequest(pki.ca, request, { ...content, lifetimeMs: lifetimeDays * dayMs }),
		signServiceAccountToken: () => "",
	}).start(abort.signal);
	const fleet = new Fleet({
		informers,
		clock,
		random: random.fork("fleet"),
		latency: "none",
		clientFor: () => admin,
		remover: admin,
		leaseRenewMs: dayMs / 24,
		statusReportMs: dayMs,
		credentials: createNodeCredentials({
			clock,
			random: random.fork("tokens"),
			clientCa: pki.ca.cert,
			administrator: admin,
			authenticateToken: (token) => server.authenticateToken(token),
			wayFor: (user) => new InProcessTransport(server, user),
		}),
	});
	void fleet.start(abort.signal);
	await Fleet.preload();
	await informers.start(abort.signal);
	await fleet.addNode({ name: "n1", certificates: {} });
	await clock.advance(5_000);
	/** When the node was heard of last, cluster time. */
	const heardAtMs = async () => {
		const lease = await admin.resource(leases).get({ namespace: "kube-node-lease", name: "n1" });
		return Date.parse(lease.spec?.renewTime ?? "");
	};
	/** Days at which the node got its certificates, counted from the start. */
	const issuedDays = () => {
		const names = fleet.filesOf("n1")?.readdir("/var/lib/kubelet/pki") ?? [];
		return names.flatMap((name) => {
			const [, date = "", hour = ""] = /^kubelet-client-(\d{4}-\d\d-\d\d)-(\d\d)/.exec(name) ?? [];
			return date === "" ? [] : [(Date.parse(`${date}T${hour}:00:00Z`) - startMs) / dayMs];
		});
	};
	return { clock, admin, fleet, heardAtMs, issuedDays, stop: () => abort.abort() };
}

describe("over the weeks", () => {
	it("a certificate is renewed when 70 to 90 per cent of its life are over, by the node itself", async () => {
		const { clock, admin, heardAtMs, issuedDays, stop } = await startDays(3);
		const askedBy: (string | undefined)[] = [];
		for (let hour = 0; hour < 12 * 24; hour++) {
			await clock.advance(dayMs / 24);
			const { items } = await admin.resource(certificateSigningRequests).list();
			for (const { spec } of items) if (askedBy.at(-1) !== spec.username) askedBy.push(spec.username);
		}
		expect(askedBy).toEqual([expect.stringMatching(/^system:bootstrap:/), "system:node:n1"]);
		expectShares(issuedDays(), 3);
		expect(clock.now() - (await heardAtMs())).toBeLessThan(2 * 3600_000);
		stop();
	});

	it("a node that may not renew its certificate is heard of no more when that is over", async () => {
		// Longer than a token is good, by which it could join anew.
		const { clock, admin, heardAtMs, issuedDays, stop } = await startDays(1.5);
		await admin.resource(bindings).delete({ name: "kubeadm:node-autoapprove-certificate-rotation" });
		await clock.advance(1.4 * dayMs);
		expect(issuedDays()).toEqual([0]);
		expect(clock.now() - (await heardAtMs())).toBeLessThan(2 * 3600_000);
		await clock.advance(0.3 * dayMs);
		expect(clock.now() - (await heardAtMs())).toBeGreaterThan(0.2 * dayMs);
		stop();
	});
});

/** Certificates of a whole life: each was asked for when 70 to 90 per cent of the one before were over. */
function expectShares(days: readonly number[], lifetime: number): void {
	expect(days.length).toBeGreaterThanOrEqual(4);
	for (const [index, day] of days.slice(1).entries()) {
		const share = (day - (days[index] ?? 0)) / lifetime;
		expect(share).toBeGreaterThan(0.69);
		expect(share).toBeLessThan(0.91);
	}
}

describe("one certificate", () => {
	/** A kubelet's manager before an API whose signer answers each request in its own way, at once. */
	async function startManager(
		answer: (request: CertificateSigningRequest, count: number, nowMs: number) => CertificateSigningRequest["status"],
	) {
		const clock = new VirtualClock(startMs);
		const random = new SeededRandom("manager");
		const api = new FakeApi({ clock, random: random.fork("api") });
		const abort = new AbortController();
		const issuedDays: number[] = [];
		const askedAtSeconds: number[] = [];
		let made: CertificateSigningRequest | undefined;
		const signing: Transport = {
			async request(request) {
				const response = await api.request(request);
				made = response.object as CertificateSigningRequest;
				askedAtSeconds.push((clock.now() - startMs) / 1000);
				return response;
			},
			// The signer answers when somebody looks.
			async watch(request, sink) {
				const watch = await api.watch(request, sink);
				const status = made === undefined ? undefined : answer(made, askedAtSeconds.length, clock.now());
				const name = made?.metadata?.name ?? "";
				const { group, version, resource } = certificateSigningRequests;
				if (status !== undefined) {
					await api.request({ group, version, resource, name, verb: "update", subresource: "status", body: { ...made, status } });
				}
				return watch;
			},
		};
		const manager = new CertificateManager({
			clock,
			random: random.fork("manager"),
			log: silentLog,
			node: "n1",
			signerName: "kubernetes.io/kube-apiserver-client-kubelet",
			usages: ["digital signature", "client auth"],
			content: { subject: [["2.5.4.3", "system:node:n1"]] },
			client: () => new Client(signing),
			isRunning: () => true,
			onIssued: () => issuedDays.push((clock.now() - startMs) / dayMs),
		});
		const running = manager.run(abort.signal);
		await clock.advance(0);
		const stop = () => {
			abort.abort();
			return running;
		};
		return { clock, manager, issuedDays, askedAtSeconds, stop };
	}

	const authority = createAuthority({ commonName: "ca" }, { notBeforeMs: startMs - dayMs, notAfterMs: startMs + 20 * 365 * dayMs });
	const approved = { type: "Approved", status: "True" } as const;
	const sign = (request: CertificateSigningRequest, nowMs: number): CertificateSigningRequest["status"] => {
		const parsed = parseCertificateRequest(request.spec.request);
		if (isProblem(parsed)) throw new Error(parsed.problem);
		const pem = signRequest(authority, parsed, { usages: ["client auth"], lifetimeMs: 365 * dayMs, nowMs });
		return { conditions: [approved], certificate: Buffer.from(pem).toString("base64") };
	};

	it("of a year is renewed each year for ten years", async () => {
		const { clock, issuedDays, stop } = await startManager((request, _count, nowMs) => sign(request, nowMs));
		await clock.advance(10 * 365 * dayMs);
		expect(issuedDays.length).toBeGreaterThan(10);
		expectShares(issuedDays, 365);
		await stop();
	});

	it("that is refused is asked for again: soon, and then every half minute", async () => {
		const denied = { conditions: [{ type: "Denied", status: "True", reason: "No", message: "not you" } as const] };
		const { clock, manager, askedAtSeconds, stop } = await startManager(() => denied);
		await clock.advance(120_000);
		const pauses = askedAtSeconds.slice(1).map((second, index) => second - (askedAtSeconds[index] ?? 0));
		for (const [index, least] of [2, 4, 8, 16, 32, 32].entries()) {
			expect(pauses[index]).toBeGreaterThanOrEqual(least - 0.001);
			expect(pauses[index]).toBeLessThanOrEqual(least * (index < 4 ? 1.1 : 1) + 0.001);
		}
		expect(manager.current).toBeUndefined();
		await stop();
	});

	it("that nobody decides about is asked for anew after a quarter of an hour", async () => {
		const { clock, askedAtSeconds, stop } = await startManager((request, count, nowMs) => (count < 3 ? undefined : sign(request, nowMs)));
		await clock.advance(14 * 60_000);
		expect(askedAtSeconds).toHaveLength(1);
		await clock.advance(60 * 60_000);
		expect(askedAtSeconds).toHaveLength(3);
		await stop();
	});
});
