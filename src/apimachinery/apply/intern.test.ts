import { expect, test } from "vitest";
import type { FieldSet } from "./field-set.ts";
import { intern, textOfSet } from "./intern.ts";

const statusOf = (ip: string): FieldSet => ({
	"f:status": {
		"f:conditions": { 'k:{"type":"Ready"}': { ".": {}, "f:lastProbeTime": {}, "f:lastTransitionTime": {}, "f:status": {}, "f:type": {} } },
		"f:podIPs": { ".": {}, [`k:{"ip":"${ip}"}`]: { ".": {}, "f:ip": {} } },
	},
});

test("equal sets are one", () => {
	expect(intern(statusOf("10.244.0.1"))).toBe(intern(statusOf("10.244.0.1")));
});

test("of sets that differ in a part the others are one, and each says what it said", () => {
	const [first, second] = [intern(statusOf("10.244.0.2")), intern(statusOf("10.244.0.3"))];
	expect(first["f:status"]?.["f:conditions"]).toBe(second["f:status"]?.["f:conditions"]);
	expect([first, second]).toEqual([statusOf("10.244.0.2"), statusOf("10.244.0.3")]);
	expect([first, second].map(textOfSet)).toEqual([statusOf("10.244.0.2"), statusOf("10.244.0.3")].map((set) => JSON.stringify(set)));
});
