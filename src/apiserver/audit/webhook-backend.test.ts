import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import { type Logger, silentLog } from "../../apimachinery/log.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import type { WebhookEndpoint } from "../webhooks/endpoint-agent.ts";
import { readKubeconfigEndpoint } from "../webhooks/kubeconfig-endpoint.ts";
import { ServiceNetwork } from "../webhooks/service-network.ts";
import { WebhookClient } from "../webhooks/webhook-client.ts";
import { WebhookServer } from "../webhooks/webhook-server.test-kit.ts";
import type { AuditEvent } from "./audit-event.ts";
import { AuditWebhookBackend } from "./webhook-backend.ts";

let clock: VirtualClock;
let server: WebhookServer;
let errors: string[];
let backend: AuditWebhookBackend;
/** Codes to answer with, one a request; then 200. */
let codes: number[];
let arrived: PromiseWithResolvers<void>;

beforeEach(async () => {
	clock = new VirtualClock(new WallClock().now());
	codes = [];
	errors = [];
	arrived = Promise.withResolvers();
	server = await WebhookServer.start((_, response) => {
		response.writeHead(codes.shift() ?? 200).end();
		arrived.resolve();
		arrived = Promise.withResolvers();
	});
	open({ url: `${server.url}/audit`, caBundle: server.caBundle });
});

afterEach(async () => {
	await backend.close();
	await server[Symbol.asyncDispose]();
});

function open(endpoint: WebhookEndpoint): void {
	const random = new SeededRandom(1);
	const network = new ServiceNetwork({ find: () => undefined, list: () => [], random });
	const log: Logger = { ...silentLog, error: (message) => errors.push(message) };
	const client = new WebhookClient({ network, clock, userAgent: "kube-apiserver" });
	backend = new AuditWebhookBackend({ client, endpoint, clock, random, log, batchMaxSize: 3 });
}

const event = (auditID: string): AuditEvent => ({ auditID }) as AuditEvent;
const idsOf = (body: string) => (JSON.parse(body) as { readonly items: readonly AuditEvent[] }).items.map(({ auditID }) => auditID);

it("sends a batch when it is full, and the rest when it has waited", async () => {
	const first = arrived.promise;
	for (const id of ["a", "b", "c", "d"]) backend.record(event(id));
	await first;
	expect(server.seen.map(({ body }) => idsOf(body))).toEqual([["a", "b", "c"]]);
	expect(server.seen[0]?.path).toBe("/audit");
	expect(JSON.parse(server.seen[0]?.body ?? "")).toMatchObject({ kind: "EventList", apiVersion: "audit.k8s.io/v1", metadata: {} });
	const second = arrived.promise;
	await clock.advance(30_000);
	await second;
	expect(server.seen.map(({ body }) => idsOf(body))).toEqual([["a", "b", "c"], ["d"]]);
});

it("sends what waits when the server ends", async () => {
	backend.record(event("a"));
	await backend.close();
	expect(idsOf(server.seen[0]?.body ?? "")).toEqual(["a"]);
	expect(errors).toEqual([]);
});

it("gives up at once what is refused, and says so", async () => {
	codes = [400];
	for (const id of ["a", "b", "c"]) backend.record(event(id));
	await backend.close();
	expect(errors).toEqual([
		"Error in audit plugin 'webhook' affecting 3 audit events: the server rejected our request for an unknown reason",
	]);
});

it("tries again what may pass", async () => {
	codes = [503, 503];
	for (const id of ["a", "b", "c"]) backend.record(event(id));
	while (server.seen.length < 3) {
		await clock.advance(1_000);
		await new Promise((resolve) => setImmediate(resolve));
	}
	await backend.close();
	expect(errors).toEqual([]);
	expect(server.seen.map(({ body }) => idsOf(body))).toEqual([
		["a", "b", "c"],
		["a", "b", "c"],
		["a", "b", "c"],
	]);
});

it("reads where to send from a kubeconfig", async () => {
	const directory = mkdtempSync(join(tmpdir(), "kubesim-audit-"));
	writeFileSync(join(directory, "ca.pem"), server.authority.cert);
	const config = {
		"current-context": "c",
		contexts: [{ name: "c", context: { cluster: "k", user: "u" } }],
		clusters: [{ name: "k", cluster: { server: server.url, "certificate-authority": "ca.pem" } }],
		users: [{ name: "u", user: { token: "t" } }],
	};
	writeFileSync(join(directory, "config"), JSON.stringify(config));
	await backend.close();
	open(await readKubeconfigEndpoint(join(directory, "config")));
	backend.record(event("a"));
	await backend.close();
	expect(server.seen[0]?.headers.authorization).toBe("Bearer t");
	writeFileSync(join(directory, "config"), "{}");
	await expect(readKubeconfigEndpoint(join(directory, "config"))).rejects.toThrow("names no cluster with a server");
	rmSync(directory, { recursive: true, force: true });
});
