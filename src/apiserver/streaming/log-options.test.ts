import { expect, test } from "vitest";
import { readLogOptions } from "./log-options.ts";

const nowMs = Date.UTC(2026, 0, 1);
const read = (query: string) => readLogOptions(new URLSearchParams(query), nowMs);

test("defaults and everything", () => {
	expect(read("")).toEqual({ follow: false, previous: false, timestamps: false });
	expect(read("follow=true&previous=1&timestamps=true&tailLines=0&limitBytes=10&sinceSeconds=60")).toEqual({
		follow: true,
		previous: true,
		timestamps: true,
		tailLines: 0,
		limitBytes: 10,
		sinceMs: nowMs - 60_000,
	});
	expect(read("sinceTime=2025-12-31T00:00:00Z").sinceMs).toBe(Date.UTC(2025, 11, 31));
});

test.each([
	["tailLines=-1", 'PodLogOptions "" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0'],
	[
		"limitBytes=0&sinceSeconds=0",
		'PodLogOptions "" is invalid: [limitBytes: Invalid value: 0: must be greater than 0, sinceSeconds: Invalid value: 0: must be greater than 0]',
	],
	[
		"sinceSeconds=1&sinceTime=2025-12-31T00:00:00Z",
		'PodLogOptions "" is invalid: : Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified',
	],
	["stream=Stdout", 'PodLogOptions "" is invalid: stream: Forbidden: may not be specified'],
	["tailLines=x", 'strconv.ParseInt: parsing "x": invalid syntax'],
])("%s", (query, message) => {
	expect(() => read(query)).toThrow(message);
});
