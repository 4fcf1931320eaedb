/**
 * The hash of a pod template that names a ReplicaSet and labels its pods (`pod-template-hash`).
 *
 * Upstream hashes Go's own dump of the template, which nothing but Go can make, so the hashes here are other ones than
 * a real cluster's. What counts is kept: same template, same hash; FNV-1a of 32 bits in the same safe alphabet; a
 * collision count changes it.
 */
import { fnv1a32 } from "../../apimachinery/hash.ts";
import { isJsonObject, type JsonValue, jsonEqual } from "../../apimachinery/json.ts";
import type { PodTemplateSpec } from "../../apimachinery/schema/generated/types.ts";
import { safeEncode } from "../safe-encode.ts";

export const templateHashLabel = "pod-template-hash";

/** `7d9c6b8f4c`: 1 to 10 characters. */
export function templateHash(template: PodTemplateSpec | undefined, collisionCount: number | undefined): string {
	return safeEncode(fnv1a32(canonicalJson((template ?? {}) as JsonValue) + (collisionCount === undefined ? "" : `/${collisionCount}`)));
}

/** Whether two templates make the same pods; the hash label, which only ReplicaSets' templates have, does not count. */
export function templatesEqual(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
	return jsonEqual(withoutHash(a), withoutHash(b));
}

function withoutHash(template: PodTemplateSpec | undefined): unknown {
	const { labels, ...metadata } = template?.metadata ?? {};
	const { [templateHashLabel]: _hash, ...others } = labels ?? {};
	return { ...template, metadata: { ...metadata, labels: others } };
}

/** JSON text with sorted keys: one text for one value. */
function canonicalJson(value: JsonValue | undefined): string {
	if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
	if (!isJsonObject(value)) return JSON.stringify(value ?? null);
	const fields = Object.keys(value)
		.filter((key) => value[key] !== undefined)
		.sort()
		.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
	return `{${fields.join(",")}}`;
}
