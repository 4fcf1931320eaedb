/** What happens to requests before and instead of being served: flow control, time limits, the end of the server. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../../apimachinery/log.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import type { FlowSchema, PriorityLevelConfiguration } from "../../apimachinery/schema/generated/types.ts";
import { flowSchemas, priorityLevels } from "../bootstrap/flow-control.ts";
import { FlowController } from "../flowcontrol/flow-controller.ts";
import { loadOrCreatePki } from "../pki/pki.ts";
import { MemoryHandler } from "./memory-handler.test-kit.ts";
import { createHttpServer, type HttpServer } from "./server.ts";

const startMs = Date.UTC(2026, 0, 1);
const pki = await loadOrCreatePki(undefined, { nowMs: startMs });
const configMaps = "/api/v1/namespaces/default/configmaps";
const tooMany = "Too many requests, please try again later.\n";

let clock: VirtualClock;
let handler: MemoryHandler;
let server: HttpServer;
/** Lets requests of the handler that hang go on. */
let release: (() => void)[];

function named<T extends FlowSchema | PriorityLevelConfiguration>(object: T): T {
	return { ...object, metadata: { ...object.metadata, uid: `uid of ${object.metadata?.name}` } };
}

/** @param seats of the whole server; jane's level, global-default, has a twelfth of them */
function serve(seats = 36): void {
	clock = new VirtualClock(startMs);
	handler = new MemoryHandler();
	handler.objects.set("configmaps/default/a", { metadata: { name: "a" } });
	release = [];
	const handle = handler.handle.bind(handler);
	handler.handle = async (user, request) => {
		if (request.name === "slow") await new Promise<void>((resolve) => release.push(resolve));
		return handle(user, { ...request, ...(request.name === "slow" ? { name: "a" } : {}) });
	};
	const levels = priorityLevels().map((level) => (level.metadata?.name === "global-default" ? withQueue(named(level), 2) : named(level)));
	server = createHttpServer({
		handler,
		clock,
		random: new SeededRandom(1),
		log: silentLog,
		tls: { cert: pki.apiServer.cert, key: pki.apiServer.key, clientCa: pki.ca.cert },
		authenticateToken: async (token) => ({ name: token, groups: token === "admin" ? ["system:masters"] : [] }),
		flowControl: new FlowController({
			clock,
			seats,
			schemas: () => flowSchemas("").map(named),
			levels: () => levels,
			onChange: () => undefined,
		}),
	});
}

/** One queue of that length, so that it is known where a request waits. */
function withQueue(level: PriorityLevelConfiguration, queueLengthLimit: number): PriorityLevelConfiguration {
	const limitResponse = { type: "Queue", queuing: { queues: 1, handSize: 1, queueLengthLimit } };
	const limited = { ...level.spec?.limited, nominalConcurrencyShares: 20, borrowingLimitPercent: 0, limitResponse };
	return { ...level, spec: { type: "Limited", limited } };
}

beforeEach(() => serve());
afterEach(async () => {
	for (const go of release) go();
	await server.close();
});

const get = (url: string, user = "jane") => server.inject({ method: "GET", url, headers: { authorization: `Bearer ${user}` } });
const slow = (query = "", user = "jane") => get(`${configMaps}/slow${query}`, user);
async function settle(): Promise<void> {
	for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
}
const metric = async (name: string) => {
	const lines = (await get("/metrics", "admin")).body.split("\n").filter((line) => line.startsWith(name));
	return lines.map((line) => line.slice(name.length));
};

describe("flow control", () => {
	/** Fills the seats of jane's level: 36 * 20 / 245, rounded up, is 3. */
	const fill = async () => {
		const running = [slow(), slow(), slow()];
		await settle();
		expect(release).toHaveLength(3);
		return running;
	};

	test.each([
		["/version", "jane", "global-default", "global-default"],
		[`${configMaps}/a`, "jane", "global-default", "global-default"],
		[`${configMaps}/missing`, "jane", "global-default", "global-default"],
		["/nonsense", "jane", "global-default", "global-default"],
		["/readyz", "jane", "probes", "exempt"],
		[`${configMaps}/a`, "admin", "exempt", "exempt"],
	])("%s of %s: schema %s, level %s", async (path, user, schema, level) => {
		expect((await get(path, user)).headers).toMatchObject({
			"x-kubernetes-pf-flowschema-uid": `uid of ${schema}`,
			"x-kubernetes-pf-prioritylevel-uid": `uid of ${level}`,
		});
	});

	test("whoever finds no seat waits, and is served when one comes free", async () => {
		const running = await fill();
		const late = get(`${configMaps}/a`);
		await settle();
		expect(handler.requests).toHaveLength(0);
		expect((await get(`${configMaps}/a`, "admin")).statusCode).toBe(200);
		release.pop()?.();
		expect((await late).statusCode).toBe(200);
		for (const go of release) go();
		for (const answer of running) expect((await answer).statusCode).toBe(200);
	});

	test("whoever finds the queue full is refused: 429, plain text, Retry-After, and counted", async () => {
		await fill();
		const waiting = [get(`${configMaps}/a`), get(`${configMaps}/a`)];
		await settle();
		const refused = await get(`${configMaps}/a`);
		expect(refused).toMatchObject({ statusCode: 429, body: tooMany });
		expect(refused.headers).toMatchObject({
			"retry-after": "1",
			"content-type": "text/plain; charset=utf-8",
			"x-kubernetes-pf-flowschema-uid": "uid of global-default",
		});
		expect(await metric('apiserver_dropped_requests_total{request_kind="readOnly"} ')).toEqual(["1"]);
		const rejected = 'apiserver_flowcontrol_rejected_requests_total{flow_schema="global-default",priority_level="global-default",reason=';
		expect(await metric(rejected)).toEqual(['"queue-full"} 1']);
		expect((await metric("apiserver_request_total")).some((line) => line.startsWith('{code="429",'))).toBe(true);
		for (const go of release) go();
		for (const answer of waiting) expect((await answer).statusCode).toBe(200);
	});

	test("a wait of a quarter of the request's time ends with 429", async () => {
		await fill();
		const [long, short] = [get(`${configMaps}/a`), get(`${configMaps}/a?timeout=8s`)];
		await settle();
		await clock.advance(2000);
		expect(await short).toMatchObject({ statusCode: 429, body: tooMany });
		await clock.advance(13_000);
		expect((await long).statusCode).toBe(429);
	});

	test("a watch takes its seat only while it begins", async () => {
		const watches: ReturnType<typeof get>[] = [];
		for (let count = 0; count < 10; count++) {
			watches.push(get(`${configMaps}?watch=true&timeoutSeconds=100`));
			await settle();
		}
		expect(handler.sinks.size).toBe(10);
		expect((await get(`${configMaps}/a`)).statusCode).toBe(200);
		await clock.advance(100_000);
		for (const watch of watches) expect((await watch).headers["x-kubernetes-pf-flowschema-uid"]).toBe("uid of global-default");
	});

	test("a refused watch and a failed request give their seats back", async () => {
		handler.watch = async () => {
			throw new Error("boom");
		};
		for (let round = 0; round < 10; round++) {
			expect((await get(`${configMaps}?watch=true`)).statusCode).toBe(500);
			expect((await get(`${configMaps}/missing`)).statusCode).toBe(404);
		}
		expect((await get(`${configMaps}/a`)).statusCode).toBe(200);
	});

	test("requests in flight, the most within this second", async () => {
		await fill();
		expect(await metric('apiserver_current_inflight_requests{request_kind="readOnly"} ')).toEqual(["4"]);
		for (const go of release) go();
		await clock.advance(1000);
		await settle();
		expect(await metric('apiserver_current_inflight_requests{request_kind="readOnly"} ')).toEqual(["1"]);
		expect(await metric('apiserver_current_inflight_requests{request_kind="mutating"} ')).toEqual(["0"]);
	});
});

describe("time limits", () => {
	test.each([
		["", 60_000],
		["?timeout=2s", 2000],
		["?timeout=1m500ms", 60_000],
		["?timeout=0s", 60_000],
		["?timeout=-5s", 60_000],
		["?timeout=", 60_000],
	])("a request (%s) has %d ms", async (query, limitMs) => {
		const pending = slow(query, "admin");
		await settle();
		let isAnswered = false;
		void pending.then(() => {
			isAnswered = true;
		});
		await clock.advance(limitMs - 1);
		await settle();
		expect(isAnswered).toBe(false);
		await clock.advance(1);
		const answer = await pending;
		expect(answer.statusCode).toBe(504);
		expect(answer.json()).toEqual({
			kind: "Status",
			apiVersion: "v1",
			metadata: {},
			status: "Failure",
			message: "Timeout: request did not complete within requested timeout - context deadline exceeded",
			reason: "Timeout",
			details: {},
			code: 504,
		});
	});

	test("a time that cannot be read: 400; watches do not look at it", async () => {
		expect((await get(`${configMaps}/a?timeout=soon`)).json()).toMatchObject({
			code: 400,
			message: 'invalid timeout specified in the request URL - time: invalid duration "soon"',
		});
		const watch = get(`${configMaps}?watch=true&timeout=soon&timeoutSeconds=90`);
		await settle();
		await clock.advance(90_000);
		expect((await watch).statusCode).toBe(200);
	});
});

describe("the end", () => {
	test("/readyz fails first, what runs is finished, watches end, what comes is refused", async () => {
		const [running, watch] = [slow("", "admin"), get(`${configMaps}?watch=true`)];
		await settle();
		let isClosed = false;
		const closing = server.close().then(() => {
			isClosed = true;
		});
		await settle();
		expect((await watch).statusCode).toBe(200);
		const ready = await get("/readyz");
		expect(ready.statusCode).toBe(500);
		expect(ready.body).toBe("[+]ping ok\n[-]shutdown failed: reason withheld\nreadyz check failed\n");
		expect((await get("/livez")).body).toBe("ok");
		const late = await get(`${configMaps}/a`);
		expect(late.headers["retry-after"]).toBe("1");
		expect(late.json()).toEqual({
			kind: "Status",
			apiVersion: "v1",
			metadata: {},
			status: "Failure",
			message: "apiserver is shutting down",
			reason: "ServiceUnavailable",
			code: 503,
		});
		expect(isClosed).toBe(false);
		release[0]?.();
		expect((await running).statusCode).toBe(200);
		await closing;
	});

	test("what does not end within two seconds is cut off", async () => {
		void slow("", "admin").catch(() => undefined);
		await settle();
		let isClosed = false;
		const closing = server.close().then(() => {
			isClosed = true;
		});
		await clock.advance(1999);
		expect(isClosed).toBe(false);
		await clock.advance(1);
		await closing;
	});
});
