import { expect, test } from "vitest";
import type { ConfigMap } from "../apimachinery/schema/generated/types.ts";
import { IndexedCache } from "./object-cache.ts";
import { OwnWrites } from "./own-writes.ts";

const at = (revision: number): ConfigMap => ({
	metadata: { namespace: "default", name: "a", uid: "1", resourceVersion: String(revision) },
});

test.each([
	["a cache that is behind", 4, [at(5)]],
	["a cache that should have it, so that it is gone", 5, []],
	["a cache that is ahead", 9, []],
])("an object that we made, and %s", (_what, revision, unseen) => {
	const writes = new OwnWrites<ConfigMap>();
	writes.note(at(5));
	const cache = new IndexedCache<ConfigMap>();
	cache.revision = revision;
	expect(writes.unseen(cache)).toEqual(unseen);
	// Once known to be gone, it stays so.
	cache.revision = 0;
	expect(writes.unseen(cache)).toEqual(unseen);
});

test("an object that the cache has is no longer unseen, and ours as long as it is newer", () => {
	const writes = new OwnWrites<ConfigMap>();
	writes.note(at(5));
	const cache = new IndexedCache<ConfigMap>();
	cache.set(at(3));
	expect(writes.unseen(cache)).toEqual([]);
	expect(writes.freshest(at(3))).toEqual(at(5));
	expect([writes.has(at(5)), writes.has(at(6))]).toEqual([true, false]);
	expect(writes.freshest(at(6))).toEqual(at(6));
});
