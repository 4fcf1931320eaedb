import fc from "fast-check";
import { expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { generatedResources } from "../../apimachinery/schema/resources.ts";
import { loadOrCreatePki } from "../../cluster/index.ts";
import { createCluster } from "../test-cluster.ts";
import { validKinds, validObject } from "./valid-object.ts";

/** `VALID_OBJECTS=200` for the whole proof. */
const each = Number(process.env.VALID_OBJECTS ?? 25);
const seed = 20_260;

const pki = await loadOrCreatePki(undefined, { nowMs: new VirtualClock().now() });

/** Answers rather than objects, or objects that the server makes itself. */
const noObjects = /Review$|^(?:Binding|ComponentStatus|TokenRequest|Eviction|Scale|PodTemplateSpec)$/;

test("every kind that can be created is known", () => {
	const creatable = generatedResources.filter(
		({ kind, subresource, verbs }) => subresource === "" && verbs.includes("create") && !noObjects.test(kind),
	);
	expect([...new Set(creatable.map(({ kind }) => kind))].filter((kind) => !validKinds.includes(kind))).toEqual([]);
	expect(() => validObject("Nothing")).toThrow('no valid objects of kind "Nothing"');
});

test(`${each} of every kind are created without refusal`, async () => {
	await using cluster = await createCluster({ clock: "virtual", seed: 1, pki, nodes: 0, controllers: ["serviceaccount-controller"] });
	// The default ServiceAccount, without which no pod is admitted.
	await cluster.advance("1s");
	const refusals: string[] = [];
	for (const kind of validKinds) {
		const objects = fc.sample(validObject(kind), { seed, numRuns: each });
		for (const object of objects) {
			const created = await cluster.apply(object).catch((error: unknown) => {
				if (refusals.length < 60) refusals.push(`${kind}: ${String(error)}`);
				return [];
			});
			// A quota, a range of limits or a policy is not to judge what comes later.
			for (const { metadata } of created) await cluster.delete(kind, metadata?.name ?? "");
		}
	}
	expect(refusals).toEqual([]);
}, 300_000);

test("they vary, and shrink to something plain", () => {
	const texts = fc.sample(validObject("Deployment"), { seed, numRuns: 50 }).map((object) => JSON.stringify({ ...object, metadata: {} }));
	expect(new Set(texts).size).toBeGreaterThan(45);
	const outcome = fc.check(
		fc.property(validObject("ConfigMap"), ({ kind }) => kind !== "ConfigMap"),
		{ seed },
	);
	const [smallest] = outcome.counterexample ?? [];
	expect(smallest).toEqual({ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "default", name: "a-0" } });
});
