/**
 * An object that comes back with parts which are the server's own is not decoded and validated from top to end. What comes of it must be
 * what would have come of a copy, which shares nothing.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { decodeObject } from "../../apimachinery/schema/decode.ts";
import { generatedResources } from "../../apimachinery/schema/resources.ts";
import { loadOrCreatePki } from "../../cluster/index.ts";
import { createCluster } from "../test-cluster.ts";
import { validKinds, validObject } from "./valid-object.ts";

/** `VALID_OBJECTS=200` for the whole proof. */
const each = Number(process.env.VALID_OBJECTS ?? 4);
const seed = 20_261;
const pki = await loadOrCreatePki(undefined, { nowMs: new VirtualClock().now() });

type Change = (object: KubeObject, other: KubeObject) => unknown;

function withPart(object: KubeObject, key: string, value: unknown): unknown {
	return { ...object, [key]: value };
}

/** The first part besides kind, version and metadata. */
function partOf(object: KubeObject): string {
	return Object.keys(object).find((key) => !["apiVersion", "kind", "metadata"].includes(key)) ?? "spec";
}

const changes: Readonly<Record<string, Change>> = {
	none: (object) => ({ ...object }),
	"a label": (object) => ({ ...object, metadata: { ...object.metadata, labels: { ...object.metadata?.labels, changed: "yes" } } }),
	"a label that is none": (object) => ({ ...object, metadata: { ...object.metadata, labels: { "no label": "" } } }),
	"a finalizer that is none": (object) => ({ ...object, metadata: { ...object.metadata, finalizers: ["no finalizer"] } }),
	"a field of metadata that there is not": (object) => ({ ...object, metadata: { ...object.metadata, shade: "blue" } }),
	"no owners": (object) => ({ ...object, metadata: { ...object.metadata, managedFields: [] } }),
	"another uid": (object) => ({ ...object, metadata: { ...object.metadata, uid: "another" } }),
	"a part of another": (object, other) => withPart(object, partOf(object), (other as Record<string, unknown>)[partOf(object)]),
	"a part that is a number": (object) => withPart(object, partOf(object), 5),
	"a part where another belongs": (object) => withPart(object, "status", (object as Record<string, unknown>)[partOf(object)]),
	"metadata where a part belongs": (object) => withPart(object, partOf(object), object.metadata),
	"a part that there is not": (object) => withPart(object, "shade", "blue"),
};

async function outcome(write: () => Promise<unknown>): Promise<unknown> {
	try {
		return await write();
	} catch (error) {
		return String(error);
	}
}

test(`${each} of every kind that come back with parts of their own are taken as copies of them are`, async () => {
	const make = () => createCluster({ clock: "virtual", seed: 1, pki, nodes: 0, controllers: ["serviceaccount-controller"] });
	await using sharing = await make();
	await using copying = await make();
	// The default ServiceAccount, without which no pod is admitted.
	for (const cluster of [sharing, copying]) await cluster.advance("1s");
	let taken = 0;
	for (const kind of validKinds) {
		const resource = generatedResources.findLast(
			(entry) => entry.kind === kind && entry.subresource === "" && entry.verbs.includes("create") && entry.group !== "events.k8s.io",
		);
		if (resource === undefined) throw new Error(`no resource of ${kind}`);
		const objects = fc.sample(validObject(kind), { seed, numRuns: each + 1 });
		for (const [index, object] of objects.slice(1).entries()) {
			for (const name in changes) {
				const answers: unknown[] = [];
				for (const cluster of [sharing, copying]) {
					const [stored] = await cluster.apply(object);
					if (stored === undefined) throw new Error("nothing was applied");
					const changed = changes[name]?.(stored, objects[index] ?? object);
					const body = cluster === sharing ? changed : JSON.parse(JSON.stringify(changed));
					for (const subresource of ["", "status"]) {
						const client = cluster.client.resource({ ...resource, kind });
						answers.push(await outcome(() => client.update(body as KubeObject, subresource === "" ? {} : { subresource })));
					}
					await cluster.delete(kind, stored.metadata?.name ?? "", { gracePeriodSeconds: 0 });
				}
				const [own, ownStatus, copied, copiedStatus] = answers;
				expect([own, ownStatus], `${kind} with ${name}`).toEqual([copied, copiedStatus]);
				taken += typeof own === "string" ? 0 : 1;
			}
		}
	}
	expect(taken).toBeGreaterThan(validKinds.length * each);
}, 300_000);

test("what the server has stored needs no decoding", async () => {
	await using cluster = await createCluster({ clock: "virtual", seed: 1, pki, nodes: 3 });
	await cluster.advance("1s");
	for (const kind of ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "HorizontalPodAutoscaler", "ResourceQuota"]) {
		for (const object of fc.sample(validObject(kind), { seed, numRuns: 3 })) await outcome(() => cluster.apply(object));
	}
	await cluster.advance("3m");
	let decoded = 0;
	for (const { group, version, resource, type, verbs, subresource } of generatedResources) {
		if (
			subresource !== "" ||
			!verbs.includes("list") ||
			resource === "componentstatuses" ||
			group === "metrics.k8s.io" ||
			group === "events.k8s.io"
		)
			continue;
		const items = await cluster.client
			.resource<KubeObject>({ group, version, resource, kind: "" })
			.list()
			.then(
				({ items: found }) => found,
				() => [],
			);
		for (const item of items) {
			expect(decodeObject(item, type, { fieldValidation: "Strict" }).object, `${resource} ${item.metadata?.name}`).toBe(item);
			decoded++;
		}
	}
	expect(decoded).toBeGreaterThan(200);
}, 300_000);
