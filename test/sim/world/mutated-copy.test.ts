import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { mutations as ofRaft } from "../raft/mutations.ts";
import { mutations as ofStore } from "../store/mutations.ts";
import { mutated } from "./mutated-copy.ts";

const store = join(import.meta.dirname, "../../../src/store");
const all = [
	...ofRaft.map((mutation) => ({ mutation, path: join(store, "raft", mutation.file) })),
	...ofStore.map((mutation) => ({ mutation, path: join(store, mutation.file) })),
];

test.each(all)("there is a place in the sources as they are for the defect: $mutation.name", ({ mutation, path }) => {
	const source = readFileSync(path, "utf8");
	expect(mutated(source, mutation)).not.toBe(source);
});
