import { describe, expect, it } from "vitest";
import { Note } from "./note.ts";

class Origin extends Note {
	#origin: string;

	constructor(value: object, origin: string) {
		super(value);
		this.#origin = origin;
	}

	static of(value: object): string | undefined {
		return #origin in value ? value.#origin : undefined;
	}
}

describe("a note", () => {
	it.each([
		["an object", { kind: "Pod" }],
		["a list", ["a", "b"]],
		["bytes", new Uint8Array([1, 2])],
	])("on %s is read by who wrote it, and seen by nobody else", (_, value) => {
		const [json, keys] = [JSON.stringify(value), Reflect.ownKeys(value)];
		new Origin(value, "etcd");
		expect(Origin.of(value)).toBe("etcd");
		expect([JSON.stringify(value), Reflect.ownKeys(value)]).toEqual([json, keys]);
	});

	it("does not go with a copy, and makes no difference between equal values", () => {
		const value = { kind: "Pod" };
		new Origin(value, "etcd");
		expect([Origin.of({ ...value }), Origin.of(structuredClone(value))]).toEqual([undefined, undefined]);
		expect(value).toStrictEqual({ kind: "Pod" });
	});

	it("is written once", () => {
		const value = {};
		new Origin(value, "etcd");
		expect(() => new Origin(value, "etcd")).toThrow(TypeError);
	});
});
