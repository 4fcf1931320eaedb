/**
 * Laws of writes and owners, through the whole pipeline: whatever several managers apply, update, patch and scale, in
 * whatever order. (The laws of the merge itself are in apimachinery/apply.)
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ApiRequest, PatchType } from "../../apimachinery/api-request.ts";
import { isJsonObject } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Deployment, ManagedFieldsEntry } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { admin, type ServerFixture, startServer } from "../testing.ts";

const second = 1000;
const labels = { app: "web" };
const target = { group: "apps", version: "v1", resource: "deployments", namespace: "default", name: "web" } as const;
const applyType = "application/apply-patch+yaml";

type Spec = Omit<Partial<NonNullable<Deployment["spec"]>>, "template">;

interface Wish {
	readonly labels?: Readonly<Record<string, string>>;
	readonly spec: Spec;
	readonly containers: readonly { readonly name: string; readonly image?: string; readonly tty?: boolean }[];
}

/** One write of a manager. */
interface Step {
	readonly manager: string;
	readonly how: "apply" | "update" | "merge" | "strategic" | "scale" | "status";
	readonly wish: Wish;
}

const value = fc.constantFrom("1", "2");
const wish: fc.Arbitrary<Wish> = fc.record(
	{
		labels: fc.dictionary(fc.constantFrom("a", "b"), value, { maxKeys: 2, noNullPrototype: true }),
		spec: fc.record(
			{ replicas: fc.constantFrom(0, 1, 2), minReadySeconds: fc.constantFrom(1, 2), paused: fc.boolean() },
			{ requiredKeys: [], noNullPrototype: true },
		),
		containers: fc.uniqueArray(
			fc.record(
				{ name: fc.constantFrom("main", "side", "third"), image: value, tty: fc.boolean() },
				{ requiredKeys: ["name"], noNullPrototype: true },
			),
			{ selector: ({ name }) => name, minLength: 1, maxLength: 3 },
		),
	},
	{ requiredKeys: ["spec", "containers"], noNullPrototype: true },
);
const step: fc.Arbitrary<Step> = fc.record({
	manager: fc.constantFrom("one", "two"),
	how: fc.constantFrom("apply", "apply", "update", "merge", "strategic", "scale", "status"),
	wish,
});

/** A complete Deployment: apply and update need all that is required. */
function deploymentOf({ labels: own, spec, containers }: Wish): Deployment {
	return {
		apiVersion: "apps/v1",
		kind: "Deployment",
		// No empty map: who applies one claims it, and the decoder drops it.
		metadata: { name: "web", ...(own === undefined || Object.keys(own).length === 0 ? {} : { labels: own }) },
		spec: {
			...spec,
			selector: { matchLabels: labels },
			template: { metadata: { labels }, spec: { containers: containers.map((item) => ({ image: "0", ...item })) } },
		},
	};
}

function requestOf({ manager, how, wish: { labels: own = {}, spec, containers } }: Step, current: KubeObject): ApiRequest {
	const options = { fieldManager: manager };
	const patch = (patchType: PatchType, body: unknown, more: Partial<ApiRequest> = {}): ApiRequest => ({
		...target,
		verb: "patch",
		patchType,
		body,
		options,
		...more,
	});
	const deployment = deploymentOf({ labels: own, spec, containers });
	switch (how) {
		case "apply":
			return { ...patch(applyType, deployment), options: { ...options, force: true } };
		case "update":
			return { ...target, verb: "update", options, body: { ...deployment, metadata: { ...current.metadata, labels: own } } };
		case "merge":
			return patch("application/merge-patch+json", { metadata: { labels: { a: null, ...own } }, spec });
		case "strategic":
			return patch("application/strategic-merge-patch+json", {
				spec: { template: { spec: { containers: containers.map((item) => ({ image: "0", ...item })) } } },
			});
		case "scale":
			return patch("application/merge-patch+json", { spec: { replicas: spec.replicas ?? 1 } }, { subresource: "scale" });
		case "status":
			return patch("application/merge-patch+json", { spec, status: { observedGeneration: spec.replicas ?? 1 } }, { subresource: "status" });
		default:
			return how satisfies never;
	}
}

class Run {
	readonly #fixture: ServerFixture;

	private constructor(fixture: ServerFixture) {
		this.#fixture = fixture;
	}

	static async start(): Promise<Run> {
		const run = new Run(await startServer());
		const body = { ...deploymentOf({ spec: {}, containers: [{ name: "main" }] }) };
		const { name: _, ...collection } = target;
		await run.#fixture.server.handle(admin, { ...collection, verb: "create", body, options: { fieldManager: "creator" } });
		return run;
	}

	async get(): Promise<KubeObject> {
		return (await this.#fixture.server.handle(admin, { ...target, verb: "get" })).object as KubeObject;
	}

	/** A second later than the step before. Undefined for a step that takes away an image that nobody else has set. */
	async write(step: Step): Promise<KubeObject | undefined> {
		await this.#fixture.clock.advance(second);
		try {
			await this.#fixture.server.handle(admin, requestOf(step, await this.get()));
		} catch (error) {
			if (isStatusError(error, "Invalid")) return undefined;
			throw error;
		}
		return this.get();
	}

	async dryRun(step: Step): Promise<KubeObject> {
		const request = requestOf(step, await this.get());
		return (await this.#fixture.server.handle(admin, { ...request, options: { ...request.options, dryRun: true } })).object as KubeObject;
	}

	send(request: ApiRequest) {
		return this.#fixture.server.handle(admin, request);
	}
}

const entriesOf = (object: KubeObject) => object.metadata?.managedFields ?? [];
const keyOf = ({ manager, operation, apiVersion, subresource }: ManagedFieldsEntry) =>
	JSON.stringify([manager, operation, operation === "Apply" ? "" : apiVersion, subresource]);

/**
 * Paths that a set names and the object does not have. Sets of this test have fields, map keys and list items by name. A map
 * that somebody owns may lose its last item to another's apply: it is empty then, which is not written, and stays his.
 */
function danglingPaths(set: unknown, value: unknown, path = ""): string[] {
	if (!isJsonObject(set)) return [];
	return Object.entries(set).flatMap(([element, below]) => {
		if (element === ".") return value === undefined ? [path] : [];
		const [kind, text] = [element.slice(0, 2), element.slice(2)];
		const part =
			kind === "f:"
				? (value as Record<string, unknown>)[text]
				: (value as { name: string }[]).find(({ name }) => text === JSON.stringify({ name }));
		// Where nothing but the map itself is left of a set, it is written without the dot.
		const isMap = isJsonObject(below) && (Object.keys(below).join() === "." || (element === "f:labels" && Object.keys(below).length === 0));
		if (part === undefined && isMap) return [];
		return part === undefined ? [`${path}/${element}`] : danglingPaths(below, part, `${path}/${element}`);
	});
}

/** What a dry run can't know: when, and at which revision. */
function timeless({ metadata: { managedFields = [], resourceVersion: _, ...metadata } = {}, ...rest }: KubeObject) {
	const entries = managedFields.map(({ time: __, ...entry }) => entry).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
	return { ...rest, metadata: { ...metadata, managedFields: entries } };
}

const steps = fc.array(step, { minLength: 1, maxLength: 6 });

describe("any writes of several managers", () => {
	it("leave owners of what is there, each once, appliers first; a time changes with what it is of", async () => {
		await fc.assert(
			fc.asyncProperty(steps, async (list) => {
				const run = await Run.start();
				let before = await run.get();
				for (const one of list) {
					const after = await run.write(one);
					if (after === undefined) continue;
					const entries = entriesOf(after);
					expect(new Set(entries.map(keyOf)).size).toBe(entries.length);
					for (const { fieldsV1 } of entries) expect(danglingPaths(fieldsV1, after)).toEqual([]);
					const operations = entries.map(({ operation }) => operation);
					expect(operations).toEqual([...operations].sort());
					const known = new Map(entriesOf(before).map((entry) => [keyOf(entry), entry]));
					for (const entry of entries) {
						const last = known.get(keyOf(entry));
						if (entry.manager !== one.manager && last !== undefined) expect(entry.time).toBe(last.time);
						if (last?.time !== entry.time) expect(entry.manager).toBe(one.manager);
					}
					before = after;
				}
			}),
			{ numRuns: 60 },
		);
	});

	it("change nothing, not even a time, when they are made again", async () => {
		await fc.assert(
			fc.asyncProperty(steps, async (list) => {
				const run = await Run.start();
				for (const one of list) {
					const after = await run.write(one);
					if (after !== undefined) expect(await run.write(one)).toEqual(after);
				}
			}),
			{ numRuns: 60 },
		);
	});

	it("are foretold by a dry run, which changes nothing", async () => {
		await fc.assert(
			fc.asyncProperty(steps, async (list) => {
				const run = await Run.start();
				for (const one of list.filter(({ how }) => how !== "scale")) {
					const before = await run.get();
					const foretold = await run.dryRun(one).catch((error: unknown) => error);
					expect(await run.get()).toEqual(before);
					const after = await run.write(one);
					if (after === undefined) expect(isStatusError(foretold, "Invalid")).toBe(true);
					else expect(timeless(foretold as KubeObject)).toEqual(timeless(after));
				}
			}),
			{ numRuns: 60 },
		);
	});
});

describe("an apply without force", () => {
	it("is refused exactly where another manager owns a field with another value, and names it", async () => {
		let conflicts = 0;
		await fc.assert(
			fc.asyncProperty(step, wish, async (first, second) => {
				const run = await Run.start();
				const live = (await run.write({ ...first, manager: "one" })) as Deployment;
				const owned = new Set<string>(["replicas", "minReadySeconds", "paused"]);
				const body = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" }, spec: second.spec };
				const taken = Object.entries(second.spec)
					.filter(
						([key, wanted]) => owned.has(key) && live.spec?.[key as keyof Spec] !== undefined && live.spec[key as keyof Spec] !== wanted,
					)
					.map(([key]) => `.spec.${key}`);
				const request = { ...target, verb: "patch", patchType: applyType, body, options: { fieldManager: "two" } } as const;
				if (taken.length === 0) {
					await run.send(request);
					return;
				}
				const error: unknown = await run.send(request).catch((reason: unknown) => reason);
				if (!isStatusError(error, "Conflict")) throw new Error(`a conflict was expected over ${taken.join(" ")}`);
				conflicts++;
				// One cause an owner: both who created it and who wrote it since may own a field.
				expect([...new Set(error.status.details?.causes?.map(({ field }) => field))].sort()).toEqual(taken.sort());
				await run.send({ ...request, options: { fieldManager: "two", force: true } });
				const after = await run.get();
				const others = entriesOf(after).filter(({ manager }) => manager !== "two");
				for (const path of taken) expect(JSON.stringify(others.map(({ fieldsV1 }) => fieldsV1))).not.toContain(`"f:${path.slice(6)}":{}`);
			}),
			{ numRuns: 100 },
		);
		expect(conflicts).toBeGreaterThan(10);
	});
});
