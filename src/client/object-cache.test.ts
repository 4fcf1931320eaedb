import fc from "fast-check";
import { expect, test } from "vitest";
import type { Pod } from "../apimachinery/schema/generated/types.ts";
import { IndexedCache } from "./object-cache.ts";

function pod(namespace: string, name: string, nodeName: string): Pod {
	return { metadata: { namespace, name }, spec: { containers: [], nodeName } };
}

const names = fc.constantFrom("a", "b", "c");
const change = fc.record({ remove: fc.boolean(), namespace: names, name: names, node: names });

test("after any changes, every index agrees with a search through all objects", () => {
	fc.assert(
		fc.property(fc.array(change, { maxLength: 40 }), fc.nat(40), (changes, addIndexAt) => {
			const cache = new IndexedCache<Pod>();
			const model = new Map<string, Pod>();
			const addIndex = () => cache.addIndex("node", (object) => [object.spec?.nodeName ?? "", "any"]);
			changes.forEach(({ remove, namespace, name, node }, index) => {
				if (index === addIndexAt) addIndex();
				const key = `${namespace}/${name}`;
				const object = pod(namespace, name, node);
				expect(remove ? cache.delete(key) : cache.set(object)).toBe(model.get(key));
				if (remove) model.delete(key);
				else model.set(key, object);
			});
			if (addIndexAt >= changes.length) addIndex();
			const all = [...model.values()];
			expect(cache.list()).toEqual(all);
			expect(new Set(cache.byIndex("node", "any"))).toEqual(new Set(all));
			for (const value of ["a", "b", "c"]) {
				expect(new Set(cache.byIndex("node", value))).toEqual(new Set(all.filter((object) => object.spec?.nodeName === value)));
				expect(new Set(cache.listNamespace(value))).toEqual(new Set(all.filter((object) => object.metadata?.namespace === value)));
			}
		}),
	);
});

test("an index that was never added is an error, not an empty answer", () => {
	expect(() => new IndexedCache<Pod>().byIndex("node", "a")).toThrow('cache has no index "node"');
});
