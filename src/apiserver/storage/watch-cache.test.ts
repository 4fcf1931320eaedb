import { expect, test } from "vitest";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { decodeFromStorage, encodeForStorage, storedBytesOf } from "../encoding.ts";
import { WatchCache } from "./watch-cache.ts";

const prefix = "/registry/configmaps/";
const configMap = (name: string, text: string): KubeObject =>
	({ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "default", name }, data: { text } }) as KubeObject;

/** Puts an object at each revision, as the cacher does. */
function fill(cache: WatchCache, objects: readonly KubeObject[]): readonly Uint8Array[] {
	return objects.map((object, index) => {
		const bytes = encodeForStorage(object);
		cache.apply(`${prefix}default/${object.metadata?.name}`, decodeFromStorage(bytes, index + 1), index + 1);
		return bytes;
	});
}

/** Whether these very bytes are what the cache keeps of an object. */
function isAsItCame(cache: WatchCache, name: string, bytes: Uint8Array | undefined): boolean {
	const object = cache.find("default", name)?.object;
	return object !== undefined && storedBytesOf(object) === bytes;
}

test("bytes of what has not changed for 64 changes are packed, and say the same; the latest are as they came", () => {
	const cache = new WatchCache(prefix);
	const bytes = fill(
		cache,
		Array.from({ length: 100 }, (_, index) => configMap(`c${index}`, `${index}`)),
	);
	expect(Array.from(bytes, (each, index) => isAsItCame(cache, `c${index}`, each))).toEqual(
		Array.from({ length: 100 }, (_, index) => index >= 36),
	);
	for (const [index, each] of bytes.entries()) {
		const object = cache.find("default", `c${index}`)?.object;
		expect(object === undefined ? undefined : storedBytesOf(object)).toEqual(each);
	}
});

test("a kind that is read rarely is kept as bytes, packed, and what is parsed of them is the object", () => {
	const cache = new WatchCache(prefix, "bytes");
	const [bytes] = fill(cache, [configMap("a", "1"), configMap("b", "2")]);
	expect(cache.find("default", "a")?.isBytes).toBe(true);
	expect(isAsItCame(cache, "a", bytes)).toBe(false);
	expect(cache.find("default", "b")?.object).toEqual({
		...configMap("b", "2"),
		metadata: { namespace: "default", name: "b", resourceVersion: "2" },
	});
});
