import { expect, test } from "vitest";
import { describeFailure, fuzz } from "./fuzzer.ts";
import { judge } from "./judge.ts";

test("some thousand random requests: no 500, no hang, every refusal a Status", async () => {
	const { failures, codes, residentBytes } = await fuzz({ seed: "test", cases: 2000 });
	expect(failures.map(describeFailure)).toEqual([]);
	// The requests get somewhere: all sorts of answers come back.
	for (const code of [200, 201, 400, 401, 403, 404, 405, 406, 415, 422, 501]) expect(codes.get(code) ?? 0, String(code)).toBeGreaterThan(5);
	expect(residentBytes).toBeLessThan(1.5 * 2 ** 30);
}, 180_000);

const json = { "content-type": "application/json" };
const status = (code: number, reason: string | undefined, message = "m") =>
	JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message });

test.each([
	[200, json, "{}", undefined],
	[200, json, '{"type":"ADDED","object":{}}\n{"type":"DELETED","object":{}}\n', undefined],
	[200, json, '{"type":"ADDED","object":{}}\n{"type":', /broken line/],
	[404, json, status(404, "NotFound"), undefined],
	[404, { "content-type": "text/plain" }, "404 page not found\n", undefined],
	[404, json, "not found", /without a Status/],
	[404, json, status(400, "BadRequest"), /Status of 400 under 404/],
	[404, json, status(404, "Conflict"), /with the reason "Conflict"/],
	[400, json, status(400, "BadRequest", ""), /without a message/],
	[400, json, status(400, "BadRequest", "got [object Object]"), /from the inside/],
	[500, json, status(500, "InternalError"), /500 with the reason/],
	[500, json, status(500, undefined, "boom"), /500: boom/],
	[500, json, status(500, undefined, "etcdserver: request is too large"), undefined],
	[
		406,
		{ "content-type": "application/yaml" },
		"kind: Status\napiVersion: v1\nstatus: Failure\ncode: 406\nreason: NotAcceptable\nmessage: m\n",
		undefined,
	],
] as const)("the judge: %d %j %s", (code, headers, body, expected) => {
	const verdict = judge("GET", { code, headers, body });
	if (expected === undefined) expect(verdict).toBeUndefined();
	else expect(verdict).toMatch(expected);
});

test("a seed is one sequence, and a case comes back from the middle of it", async () => {
	const [whole, part] = [await fuzz({ seed: "replay", cases: 60 }), await fuzz({ seed: "replay", first: 50, cases: 10 })];
	expect(whole.cases).toBe(60);
	// The batch of a case is played from its beginning.
	expect(part).toEqual({ ...whole, residentBytes: part.residentBytes });
});
