import { expect, test } from "vitest";
import { ManifestError, readManifest } from "./manifests.ts";

const a = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } };
const b = { ...a, metadata: { name: "b" } };

test("documents of YAML, values, and lists of both, in their order", async () => {
	const yaml =
		"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n# nothing\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n---\n";
	expect(await readManifest(yaml)).toEqual([a, b]);
	expect(await readManifest(a)).toEqual([a]);
	expect(await readManifest([b, JSON.stringify(a)])).toEqual([b, a]);
	expect(await readManifest({ apiVersion: "v1", kind: "List", items: [a, b] } as never)).toEqual([a, b]);
});

test.each(["just text", "kind: Pod", "[1, 2]", "a: [", "apiVersion: v1\nkind: 7"])("no object: %s", async (text) => {
	await expect(readManifest(text)).rejects.toThrow(ManifestError);
});
