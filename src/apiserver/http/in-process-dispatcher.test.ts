import { expect, test } from "vitest";
import type { ApiRequest, WatchSink } from "../../apimachinery/api-request.ts";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import { newTooManyRequests } from "../../apimachinery/status-error.ts";
import { type DispatchController, InProcessDispatcher, type RequestDoor } from "./in-process-dispatcher.ts";
import { MemoryHandler } from "./memory-handler.test-kit.ts";

const user = { name: "jane", groups: [] };
const maps = "/api/v1/namespaces/default/configmaps";

interface Answer {
	readonly code: number | undefined;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string;
	readonly end: "end" | "error" | undefined;
}

/** A dispatcher on a server of maps, and what a client of it sees. */
function dispatcherOn(override: Partial<RequestDoor> = {}) {
	const handler = new MemoryHandler();
	const clock = new VirtualClock();
	const machineClock = new VirtualClock();
	const door: RequestDoor = {
		request: (request) => handler.handle(user, request),
		watch: (request, sink) => handler.watch(user, request, sink),
		...override,
	};
	const dispatcher = new InProcessDispatcher({ door, handler, clock, machineClock, random: new SeededRandom(1) });
	clock.attend(dispatcher.activity);
	const ask = (method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}) => {
		let answer: Answer = { code: undefined, headers: {}, body: "", end: undefined };
		let controller: DispatchController | undefined;
		const contentType = method === "PATCH" ? "application/merge-patch+json" : "application/json";
		dispatcher.dispatch(
			{ method, path, headers: { "Content-Type": contentType, ...headers }, body: body === undefined ? null : JSON.stringify(body) },
			{
				onRequestStart: (given) => {
					controller = given;
				},
				onResponseStart: (given, code) => {
					const raw = given.rawHeaders.map((bytes) => bytes.toString("latin1"));
					const entries = raw.flatMap((name, index) => (index % 2 === 0 ? [[name, raw[index + 1] ?? ""]] : []));
					answer = { ...answer, code, headers: Object.fromEntries(entries) as Readonly<Record<string, string>> };
				},
				onResponseData: (_, chunk) => {
					answer = { ...answer, body: answer.body + chunk.toString("utf8") };
				},
				onResponseEnd: () => {
					answer = { ...answer, end: "end" };
				},
				onResponseError: () => {
					answer = { ...answer, end: "error" };
				},
			},
		);
		return { answer: () => answer, controller: () => controller as DispatchController };
	};
	const settled = async (method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>) => {
		const { answer } = ask(method, path, body, headers);
		await clock.advance(0);
		return { ...answer(), json: JSON.parse(answer().body) as Record<string, unknown> };
	};
	return { handler, clock, machineClock, ask, settled };
}

test("requests are what they would be over a socket", async () => {
	const { handler, settled } = dispatcherOn();
	const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "default" }, data: { key: "ü" } };
	const created = await settled("POST", `${maps}?fieldManager=me`, object);
	expect([created.code, created.json.data, created.end]).toEqual([201, { key: "ü" }, "end"]);
	expect(created.headers).toMatchObject({ "content-type": "application/json", warning: '299 - "unknown field \\"spec.bogus\\""' });
	expect((await settled("GET", `${maps}/a`)).json.metadata).toMatchObject({ name: "a" });
	expect((await settled("GET", maps)).json).toMatchObject({ kind: "ConfigMapList", items: [{ data: { key: "ü" } }] });
	expect((await settled("PATCH", `${maps}/a`, { data: { key: "2" } })).json.data).toEqual({ key: "2" });
	expect((await settled("DELETE", `${maps}/a`)).code).toBe(200);
	expect(handler.requests.map(({ verb, name, options }) => [verb, name, options?.fieldManager])).toEqual([
		["create", undefined, "me"],
		["get", "a", undefined],
		["list", undefined, undefined],
		["patch", "a", ""],
		["delete", "a", undefined],
	]);
});

test.each([
	["GET", `${maps}/none`, 404, "NotFound"],
	["GET", "/api/v1/namespaces/default/nothings", 404, "NotFound"],
	["GET", "/healthz", 404, "NotFound"],
	["PUT", maps, 405, "MethodNotAllowed"],
])("a refusal is a Status: %s %s", async (method, path, code, reason) => {
	const answer = await dispatcherOn().settled(method, path, method === "PUT" ? {} : undefined);
	expect([answer.code, answer.json.kind, answer.json.reason]).toEqual([code, "Status", reason]);
});

test("who is to come again later is told when", async () => {
	const refuse = () => Promise.reject(newTooManyRequests("later", 7));
	const answer = await dispatcherOn({ request: refuse }).settled("GET", maps);
	expect([answer.code, answer.headers["retry-after"]]).toEqual([429, "7"]);
});

test("discovery tells what there is", async () => {
	const { settled } = dispatcherOn();
	expect((await settled("GET", "/api/v1")).json).toMatchObject({ kind: "APIResourceList", groupVersion: "v1" });
	expect((await settled("GET", "/apis/apps/v1")).json).toMatchObject({ kind: "APIResourceList", groupVersion: "apps/v1" });
	expect((await settled("GET", "/apis")).json).toMatchObject({ kind: "APIGroupList" });
});

test("a watch lives until its client goes, its time is up, or it breaks, and shows that it lives", async () => {
	const { handler, clock, machineClock, ask } = dispatcherOn();
	const first = ask("GET", `${maps}?watch=true`);
	const short = ask("GET", `${maps}?watch=true&timeoutSeconds=5`);
	await clock.advance(0);
	handler.put("configmaps/default/a", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } });
	await clock.advance(0);
	expect(first.answer().code).toBe(200);
	expect(JSON.parse(first.answer().body)).toMatchObject({ type: "MODIFIED", object: { metadata: { name: "a" } } });
	await clock.advance(5_000);
	expect([first.answer().end, short.answer().end]).toEqual([undefined, "end"]);
	const length = first.answer().body.length;
	await machineClock.advance(25_000);
	expect(first.answer().body.slice(length)).toBe("\n\n");
	expect(handler.sinks.size).toBe(1);
	first.controller().abort(new Error("enough"));
	expect([first.answer().end, handler.sinks.size]).toEqual(["error", 0]);
	expect([clock.pendingTimers(), machineClock.pendingTimers()]).toEqual([0, 0]);
});

test("a connection that is lost ends a watch with an error", async () => {
	let sink: WatchSink | undefined;
	const watch = async (_: ApiRequest, given: WatchSink) => {
		sink = given;
		return { stop: () => undefined };
	};
	const { ask, clock } = dispatcherOn({ watch });
	const { answer } = ask("GET", `${maps}?watch=1`);
	await clock.advance(0);
	sink?.onEnd(new Error("lost"));
	expect(answer().end).toBe("error");
});

test("a client that reads slowly gets the rest when it reads on", async () => {
	const { handler, ask, clock } = dispatcherOn();
	const { answer, controller } = ask("GET", `${maps}?watch=1`);
	await clock.advance(0);
	controller().pause();
	handler.put("configmaps/default/a", { metadata: { name: "a" } });
	expect(answer().body).toBe("");
	controller().resume();
	expect(answer().body).toContain('"name":"a"');
});
