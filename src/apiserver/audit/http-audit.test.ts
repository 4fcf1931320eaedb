/** What is recorded of real requests: an API server behind its HTTPS door. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLog } from "../../apimachinery/log.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import { createHttpServer, type HttpServer, type ListenAddress } from "../http/server.ts";
import { issueClientCertificate, loadOrCreatePki } from "../pki/pki.ts";
import { admin, type ServerFixture, startServer } from "../testing.ts";
import type { AuditEvent } from "./audit-event.ts";
import { Auditor } from "./auditor.ts";
import { AuditedHandler } from "./in-process-audit.ts";
import type { AuditPolicy } from "./policy.ts";

const startMs = Date.UTC(2026, 0, 1);
const pki = await loadOrCreatePki(undefined, { nowMs: startMs });
const stranger = issueClientCertificate(pki.ca, "jane", ["dev"], startMs);

let fixture: ServerFixture;
let http: HttpServer;
let address: ListenAddress;
let auditor: Auditor;
let events: AuditEvent[];
/** Resolved and made anew with each event. */
let recorded: PromiseWithResolvers<void>;

async function serve(policy: AuditPolicy): Promise<void> {
	events = [];
	recorded = Promise.withResolvers();
	const record = (event: AuditEvent) => {
		events.push(event);
		recorded.resolve();
		recorded = Promise.withResolvers();
	};
	auditor = new Auditor(policy, [{ record, close: () => Promise.resolve() }], fixture.clock);
	http = createHttpServer({
		handler: fixture.server,
		clock: fixture.clock,
		random: new SeededRandom(1),
		log: silentLog,
		tls: { cert: pki.apiServer.cert, key: pki.apiServer.key, clientCa: pki.ca.cert },
		auditor,
	});
	address = await http.listen({ host: "127.0.0.1", port: 0 });
}

beforeEach(async () => {
	fixture = await startServer();
});

afterEach(async () => {
	await http.close();
	fixture.server.stop();
});

interface Sent {
	readonly body?: unknown;
	readonly headers?: Readonly<Record<string, string>>;
	readonly identity?: { readonly cert: string; readonly key: string } | "none";
}

async function open(method: string, path: string, { body, headers = {}, identity = pki.admin }: Sent = {}): Promise<IncomingMessage> {
	const text = body === undefined ? "" : JSON.stringify(body);
	const message = httpsRequest({
		...address,
		method,
		path,
		ca: pki.ca.cert,
		agent: false,
		...(identity === "none" ? {} : identity),
		headers: {
			"content-type": "application/json",
			"user-agent": "test/1",
			"content-length": String(text.length),
			"audit-id": "the-id",
			...headers,
		},
	});
	message.end(text);
	const [answer] = await once(message, "response");
	return answer as IncomingMessage;
}

async function send(method: string, path: string, options: Sent = {}): Promise<number> {
	const answer = await open(method, path, options);
	answer.resume();
	await once(answer, "end");
	return answer.statusCode ?? 0;
}

async function untilStages(...stages: readonly string[]): Promise<void> {
	while (events.length < stages.length) await recorded.promise;
	expect(events.map(({ stage }) => stage)).toEqual(stages);
}

const configMap = { metadata: { name: "a" }, data: { b: "c" } };
const maps = "/api/v1/namespaces/default/configmaps";
const all = (level: AuditPolicy["rules"][number]["level"]): AuditPolicy => ({ rules: [{ level }] });

describe("an event", () => {
	it("has upstream's fields, in upstream's order", async () => {
		await serve(all("RequestResponse"));
		expect(await send("POST", `${maps}?fieldManager=me`, { body: configMap })).toBe(201);
		await untilStages("RequestReceived", "ResponseComplete");
		const [received, complete] = events;
		const common = {
			kind: "Event",
			apiVersion: "audit.k8s.io/v1",
			level: "RequestResponse",
			auditID: "the-id",
			requestURI: `${maps}?fieldManager=me`,
			verb: "create",
			user: {
				username: "kubernetes-admin",
				groups: ["system:masters", "system:authenticated"],
				extra: { "authentication.kubernetes.io/credential-id": [expect.stringMatching(/^X509SHA256=/)] },
			},
			sourceIPs: ["127.0.0.1"],
			userAgent: "test/1",
			requestReceivedTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
			stageTimestamp: expect.stringMatching(/\.\d{6}Z$/),
		};
		const objectRef = { resource: "configmaps", namespace: "default", apiVersion: "v1" };
		expect(received).toEqual({ ...common, stage: "RequestReceived", objectRef });
		expect(complete).toEqual({
			...common,
			stage: "ResponseComplete",
			objectRef: { ...objectRef, name: "a" },
			responseStatus: { metadata: {}, code: 201 },
			requestObject: { kind: "ConfigMap", apiVersion: "v1", ...configMap },
			responseObject: expect.objectContaining({ kind: "ConfigMap", apiVersion: "v1", data: { b: "c" } }),
			annotations: { "authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": "" },
		});
		expect(Object.keys(complete ?? {})).toEqual([
			..."kind apiVersion level auditID stage requestURI verb user sourceIPs userAgent objectRef responseStatus requestObject".split(" "),
			..."responseObject requestReceivedTimestamp stageTimestamp annotations".split(" "),
		]);
	});

	it.each([
		["Metadata", false, false],
		["Request", true, false],
		["RequestResponse", true, true],
	] as const)("at level %s has the bodies that belong there", async (level, request, response) => {
		await serve({ rules: [{ level }], omitStages: ["RequestReceived"] });
		await send("POST", maps, { body: configMap });
		await untilStages("ResponseComplete");
		expect("requestObject" in (events[0] ?? {})).toBe(request);
		expect("responseObject" in (events[0] ?? {})).toBe(response);
	});

	it("shows a patch as it came, a deletion's options, and a table as it went out", async () => {
		await serve({ rules: [{ level: "RequestResponse" }], omitStages: ["RequestReceived"] });
		await send("POST", maps, { body: configMap });
		await send("PATCH", `${maps}/a`, { body: { data: { b: null } }, headers: { "content-type": "application/merge-patch+json" } });
		await send("GET", maps, { headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" } });
		await send("DELETE", `${maps}/a`, { body: { kind: "DeleteOptions", apiVersion: "v1", propagationPolicy: "Background" } });
		await untilStages("ResponseComplete", "ResponseComplete", "ResponseComplete", "ResponseComplete");
		const [, patch, list, deletion] = events;
		expect(patch).toMatchObject({ verb: "patch", requestObject: { data: { b: null } } });
		expect(list).toMatchObject({ verb: "list", responseObject: { kind: "Table" } });
		expect(deletion).toMatchObject({
			verb: "delete",
			requestObject: { kind: "DeleteOptions", apiVersion: "v1", propagationPolicy: "Background" },
			responseStatus: { metadata: {}, status: "Success", details: { name: "a", kind: "configmaps" }, code: 200 },
		});
	});

	it("shows objects with the defaults of their kind, and without managed fields if so wished", async () => {
		await serve({ rules: [{ level: "RequestResponse", omitManagedFields: true }], omitStages: ["RequestReceived"] });
		const pod = { metadata: { name: "p" }, spec: { containers: [{ name: "c", image: "nginx" }] } };
		await send("POST", "/api/v1/namespaces/default/pods", { body: pod });
		await untilStages("ResponseComplete");
		expect(events[0]).toMatchObject({ requestObject: { spec: { restartPolicy: "Always", dnsPolicy: "ClusterFirst" } } });
		expect(JSON.stringify(events[0])).not.toContain("managedFields");
	});

	it("tells why a request failed", async () => {
		await serve({ rules: [{ level: "Metadata" }], omitStages: ["RequestReceived"] });
		await send("GET", `${maps}/none`);
		await send("GET", `${maps}/none`, { identity: stranger });
		await untilStages("ResponseComplete", "ResponseComplete");
		expect(events[0]).toMatchObject({
			responseStatus: {
				metadata: {},
				status: "Failure",
				message: 'configmaps "none" not found',
				reason: "NotFound",
				details: { name: "none", kind: "configmaps" },
				code: 404,
			},
			annotations: { "authorization.k8s.io/decision": "allow" },
		});
		expect(events[1]).toMatchObject({
			user: { username: "jane" },
			responseStatus: { reason: "Forbidden", code: 403 },
			annotations: { "authorization.k8s.io/decision": "forbid" },
		});
	});

	it("tells who acts as whom; the policy looks at the one who asks", async () => {
		await serve({ rules: [{ level: "Metadata", users: ["kubernetes-admin"] }], omitStages: ["RequestReceived"] });
		await send("GET", maps, { headers: { "impersonate-user": "jane" } });
		await untilStages("ResponseComplete");
		expect(events[0]).toMatchObject({
			user: { username: "kubernetes-admin" },
			impersonatedUser: { username: "jane", groups: ["system:authenticated"] },
			responseStatus: { code: 403 },
		});
	});

	it("of somebody who proves nothing is recorded at once", async () => {
		await serve(all("Metadata"));
		expect(await send("GET", maps, { identity: "none", headers: { authorization: "Bearer nonsense" } })).toBe(401);
		await untilStages("ResponseStarted");
		expect(events[0]).toMatchObject({
			user: {},
			responseStatus: { status: "Failure", reason: "Unauthorized", message: "Authentication failed, attempted: bearer", code: 401 },
		});
		expect(events[0]?.annotations).toBeUndefined();
	});

	it("names the address that a proxy speaks for", async () => {
		await serve({ rules: [{ level: "Metadata" }], omitStages: ["RequestReceived"] });
		await send("GET", "/version", { headers: { "x-forwarded-for": "10.1.1.1, nonsense, 10.1.1.2" } });
		await untilStages("ResponseComplete");
		expect(events[0]).toMatchObject({ verb: "get", sourceIPs: ["10.1.1.1", "10.1.1.2", "127.0.0.1"] });
		expect(events[0]?.objectRef).toBeUndefined();
	});
});

describe("a watch", () => {
	it("is recorded when it begins and when it ends", async () => {
		await serve(all("RequestResponse"));
		const answer = await open("GET", `${maps}?watch=1`);
		await untilStages("RequestReceived", "ResponseStarted");
		answer.destroy();
		await untilStages("RequestReceived", "ResponseStarted", "ResponseComplete");
		expect(events[1]).toMatchObject({ verb: "watch", responseStatus: { metadata: {}, code: 200 } });
		expect(events[2]).toMatchObject({ verb: "watch", responseStatus: { metadata: {}, code: 200 } });
	});
});

it("what no rule matches leaves no trace", async () => {
	await serve({ rules: [{ level: "Metadata", verbs: ["create"] }], omitStages: ["RequestReceived"] });
	await send("GET", maps);
	await send("POST", maps, { body: configMap });
	await untilStages("ResponseComplete");
	expect(events[0]?.verb).toBe("create");
});

it("what components ask in the same process is recorded, too", async () => {
	await serve(all("Request"));
	const { server, clock } = fixture;
	const handler = new AuditedHandler({ server, auditor, clock, random: new SeededRandom(2), sourceIp: "172.19.0.2" });
	const request = { verb: "create", group: "", version: "v1", resource: "configmaps", namespace: "default", body: configMap } as const;
	await handler.handle({ ...admin, name: "system:serviceaccount:kube-system:x-controller" }, { ...request, options: { dryRun: true } });
	await expect(handler.handle({ name: "jane", groups: [] }, request)).rejects.toThrow("forbidden");
	expect(events.map(({ stage, responseStatus, requestURI }) => [stage, responseStatus?.code, requestURI])).toEqual([
		["RequestReceived", undefined, `${maps}?dryRun=All`],
		["ResponseComplete", 201, `${maps}?dryRun=All`],
		["RequestReceived", undefined, maps],
		["ResponseComplete", 403, maps],
	]);
	expect(events[1]).toMatchObject({
		sourceIPs: ["172.19.0.2"],
		userAgent: expect.stringMatching(/^kube-controller-manager\/v1\.36/),
		requestObject: configMap,
		annotations: { "authorization.k8s.io/decision": "allow" },
	});
});
