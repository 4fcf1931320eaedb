/**
 * garbage-collector-controller: deletes what has lost its owners.
 *
 * Watches  every resource that can be deleted (not events), custom resources as they come and go
 * Reads    the ownership graph; owners the graph has not seen, from the server
 * Writes   deletes dependents (background, foreground or orphaning), cuts owner references, removes the finalizers
 *          foregroundDeletion and orphan
 *
 * An object is deleted when none of its owners exists. Whether an owner exists is never taken from the cache's
 * silence: one that the graph does not know is asked for, by its coordinates, and only "not found" or another uid
 * there counts. The verdict is on one version of the object: the delete carries its uid and resourceVersion.
 * Source: https://kubernetes.io/docs/concepts/architecture/garbage-collection/ and pkg/controller/garbagecollector.
 */
import { type KubeObject, objectKey } from "../../apimachinery/meta.ts";
import type { OwnerReference } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { runController } from "../../client/controller.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "../controller.ts";
import { type CustomResource, CustomResourceList } from "../custom-resources.ts";
import { type DeletableResource, kindKey, resourceIndex } from "../deletable-resources.ts";
import {
	foregroundFinalizer,
	type GraphEffects,
	type GraphNode,
	hasFinalizer,
	OwnershipGraph,
	orphanFinalizer,
	ownersOf,
	waitsForDependents,
} from "./ownership-graph.ts";

const name = "garbage-collector-controller";
/** kube-controller-manager's --concurrent-gc-syncs. */
const concurrency = 20;
/** How many owners known to be gone are remembered. */
const maxAbsentOwners = 500;

/** @param resources all whose objects may own or be owned. */
export function garbageCollector(resources: readonly DeletableResource[]): Controller {
	const followed = resources.filter(({ resource }) => resource !== "events");
	return { name, run: (context, signal) => new GarbageCollector(followed, context, signal).run(signal) };
}

type Verdict = "solid" | "dangling" | "waiting";

class GarbageCollector {
	readonly #context: ControllerContext;
	readonly #resources: readonly DeletableResource[];
	readonly #byKind: Map<string, DeletableResource>;
	readonly #custom: CustomResourceList;
	readonly #graph = new OwnershipGraph();
	readonly #deletions: WorkQueue;
	readonly #orphanings: WorkQueue;
	readonly #recorder: EventRecorder;
	/** Owners that the server said do not exist, oldest first; at most `maxAbsentOwners`. */
	readonly #absentOwners = new Set<string>();
	/** Questions to the server that are not answered yet. */
	readonly #questions = new Map<string, Promise<Verdict>>();
	/** False while the first lists are read: an owner may simply not have come yet. */
	#built = false;

	constructor(resources: readonly DeletableResource[], context: ControllerContext, signal: AbortSignal) {
		this.#context = context;
		this.#resources = resources;
		this.#byKind = new Map(resourceIndex(resources));
		this.#custom = new CustomResourceList(context.informers);
		this.#deletions = queueOf(context, "garbage_collector_attempt_to_delete");
		this.#orphanings = queueOf(context, "garbage_collector_attempt_to_orphan");
		this.#recorder = recorderOf(context, name, signal);
	}

	async run(signal: AbortSignal): Promise<void> {
		const informers = this.#resources.map((resource) => this.#context.informers.informer(resource));
		await Promise.all([this.#custom.whenSynced(), ...informers.map((informer) => informer.whenSynced())]);
		// What is there at the start is part of the first lists, too.
		const custom = this.#custom.list().map(({ resource }) => this.#context.informers.informer(resource));
		await Promise.all(custom.map((informer) => informer.whenSynced()));
		for (const resource of this.#resources) this.#follow(resource, signal);
		this.#custom.onChange({ added: (custom) => this.#addCustom(custom, signal), removed: (custom) => this.#removeCustom(custom) }, signal);
		this.#built = true;
		this.#checkUnknownOwners();
		const { log } = this.#context;
		await Promise.all([
			runController({ name, queue: this.#deletions, concurrency, reconcile: (uid) => this.#attemptToDelete(uid), log, signal }),
			runController({ name, queue: this.#orphanings, concurrency, reconcile: (uid) => this.#orphanDependents(uid), log, signal }),
		]);
	}

	#follow(resource: DeletableResource, signal: AbortSignal): void {
		const put = (object: KubeObject) => this.#apply(this.#graph.put(resource, object));
		const remove = (object: KubeObject) => this.#apply(this.#graph.remove(object.metadata?.uid ?? ""));
		this.#context.informers.informer(resource).onChange({ added: put, updated: (_old, object) => put(object), deleted: remove }, signal);
	}

	#addCustom({ resource, apiVersions }: CustomResource, signal: AbortSignal): void {
		for (const apiVersion of apiVersions) this.#byKind.set(kindKey(apiVersion, resource.kind), resource);
		this.#follow(resource, signal);
	}

	/** Its definition is gone, and so are its objects. */
	#removeCustom({ resource, apiVersions }: CustomResource): void {
		for (const apiVersion of apiVersions) this.#byKind.delete(kindKey(apiVersion, resource.kind));
		const { informers } = this.#context;
		for (const object of informers.informer(resource).cache.list()) this.#apply(this.#graph.remove(object.metadata?.uid ?? ""));
		informers.forget(resource);
	}

	#apply({ check, orphan }: GraphEffects): void {
		if (this.#built) for (const uid of check) this.#deletions.add(uid);
		for (const uid of orphan) this.#orphanings.add(uid);
	}

	/** After the first lists: whoever has an owner that no list had, and whoever waits for dependents. */
	#checkUnknownOwners(): void {
		for (const { uid, object } of this.#graph.nodes()) {
			if (waitsForDependents(object) || ownersOf(object).some((owner) => this.#graph.get(owner.uid) === undefined))
				this.#deletions.add(uid);
			else if (ownersOf(object).some((owner) => this.#waits(owner.uid))) this.#deletions.add(uid);
		}
	}

	#waits(uid: string): boolean {
		const node = this.#graph.get(uid);
		return node !== undefined && waitsForDependents(node.object);
	}

	// ── Deleting ──

	async #attemptToDelete(uid: string): Promise<void> {
		const node = this.#graph.get(uid);
		if (node === undefined) return;
		if (waitsForDependents(node.object)) return this.#continueForeground(node);
		if (node.object.metadata?.deletionTimestamp !== undefined) return;
		const owners = ownersOf(node.object);
		if (owners.length === 0) return;
		const verdicts = await Promise.all(owners.map((owner) => this.#verdictOn(owner, node)));
		const withVerdict = (verdict: Verdict) => owners.filter((_owner, index) => verdicts[index] === verdict);
		const solid = withVerdict("solid");
		if (solid.length === owners.length) return;
		if (solid.length > 0) {
			await this.#write(node, { ownerReferences: solid });
		} else if (withVerdict("waiting").length > 0 && this.#graph.dependents(uid).length > 0) {
			await this.#deleteInForeground(node);
		} else {
			await this.#delete(node, policyOf(node.object));
		}
	}

	/** The object waits for its dependents: lets it go if none of them holds it, or sees to them. */
	async #continueForeground(node: GraphNode): Promise<void> {
		const blocking = this.#graph
			.dependents(node.uid)
			.filter(({ object }) => ownersOf(object).some((owner) => owner.uid === node.uid && owner.blockOwnerDeletion === true));
		if (blocking.length === 0) return this.#removeFinalizer(node, foregroundFinalizer);
		for (const { uid, object } of blocking) if (!waitsForDependents(object)) this.#deletions.add(uid);
	}

	/** Its own dependents go first. If one of them waits for this object in turn, this one stops blocking its owners. */
	async #deleteInForeground(node: GraphNode): Promise<void> {
		const inCircle = this.#graph.dependents(node.uid).some(({ object }) => waitsForDependents(object));
		const ownerReferences = ownersOf(node.object).map((owner) => ({ ...owner, blockOwnerDeletion: false }));
		const object = inCircle ? await this.#write(node, { ownerReferences }) : node.object;
		if (object !== undefined) await this.#delete({ ...node, object }, "Foreground");
	}

	async #delete({ resource, object, uid }: GraphNode, propagationPolicy: string): Promise<void> {
		const { resourceVersion } = object.metadata ?? {};
		const preconditions = { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
		await ignoreGone(this.#context.client.resource(resource).delete(nameOf(object), { preconditions, propagationPolicy }));
	}

	// ── Owners ──

	async #verdictOn(owner: OwnerReference, dependent: GraphNode): Promise<Verdict> {
		const resource = this.#byKind.get(kindKey(owner.apiVersion, owner.kind));
		if (resource === undefined) throw new Error(`unable to get REST mapping for ${owner.apiVersion}/${owner.kind}.`);
		const namespace = dependent.object.metadata?.namespace;
		// A cluster-scoped object cannot have an owner in a namespace; nobody can tell which one is meant.
		if (resource.namespaced && namespace === undefined) return "solid";
		const key = resource.namespaced ? `${namespace}/${owner.name}` : owner.name;
		const known = this.#graph.get(owner.uid);
		if (known !== undefined && isAt(known, resource, key)) return waitsForDependents(known.object) ? "waiting" : "solid";
		if (known !== undefined && objectKey(known.object) !== key) this.#reportWrongNamespace(owner, dependent);
		return this.#askFor(owner, resource, key);
	}

	/** Asks the server; for an owner of hundreds only once, as long as the answer is on its way or was "gone". */
	#askFor(owner: OwnerReference, resource: DeletableResource, key: string): Promise<Verdict> {
		const memo = [owner.apiVersion, owner.kind, key, owner.uid].join(" ");
		if (this.#absentOwners.has(memo)) return Promise.resolve("dangling");
		let question = this.#questions.get(memo);
		if (question === undefined) {
			question = this.#ask(owner, resource, key, memo).finally(() => this.#questions.delete(memo));
			this.#questions.set(memo, question);
		}
		return question;
	}

	async #ask(owner: OwnerReference, resource: DeletableResource, key: string, memo: string): Promise<Verdict> {
		const namespace = resource.namespaced ? key.slice(0, key.indexOf("/")) : undefined;
		const found = await ignoreGone(this.#context.client.resource(resource).get({ namespace, name: owner.name }));
		if (found !== undefined && found.metadata?.uid === owner.uid) return waitsForDependents(found) ? "waiting" : "solid";
		this.#absentOwners.add(memo);
		for (const oldest of this.#absentOwners) {
			if (this.#absentOwners.size <= maxAbsentOwners) break;
			this.#absentOwners.delete(oldest);
		}
		return "dangling";
	}

	#reportWrongNamespace(owner: OwnerReference, { object }: GraphNode): void {
		const { apiVersion, kind, name: ownerName, uid } = owner;
		const text = `ownerRef [${apiVersion}/${kind}, namespace: ${object.metadata?.namespace ?? ""}, name: ${ownerName}, uid: ${uid}]`;
		const message = `${text} does not exist in namespace "${object.metadata?.namespace ?? ""}"`;
		this.#recorder.event(object, "Warning", "OwnerRefInvalidNamespace", message);
	}

	// ── Orphaning ──

	async #orphanDependents(uid: string): Promise<void> {
		const node = this.#graph.get(uid);
		if (node === undefined || !hasFinalizer(node.object, orphanFinalizer)) return;
		await Promise.all(
			this.#graph
				.dependents(uid)
				.map((dependent) => this.#write(dependent, { ownerReferences: ownersOf(dependent.object).filter((owner) => owner.uid !== uid) })),
		);
		await this.#removeFinalizer(node, orphanFinalizer);
	}

	async #removeFinalizer(node: GraphNode, finalizer: string): Promise<void> {
		if (!hasFinalizer(node.object, finalizer)) return;
		await this.#write(node, { finalizers: node.object.metadata?.finalizers?.filter((known) => known !== finalizer) ?? [] });
	}

	/** Changes metadata of the version that the graph knows; undefined if it is gone. Rejects with a Conflict if there is a newer one. */
	#write({ resource, object, uid }: GraphNode, metadata: object): Promise<KubeObject | undefined> {
		const body = { metadata: { ...metadata, uid, resourceVersion: object.metadata?.resourceVersion } };
		return ignoreGone(this.#context.client.resource(resource).patch(nameOf(object), "application/merge-patch+json", body));
	}
}

/** A deletion that its owner's deletion causes treats the object's own dependents as its finalizers say. */
function policyOf(object: KubeObject): string {
	if (hasFinalizer(object, orphanFinalizer)) return "Orphan";
	return hasFinalizer(object, foregroundFinalizer) ? "Foreground" : "Background";
}

function isAt({ resource, object }: GraphNode, wanted: DeletableResource, key: string): boolean {
	return resource === wanted && objectKey(object) === key;
}

function nameOf({ metadata }: KubeObject) {
	return { namespace: metadata?.namespace, name: metadata?.name ?? "" };
}

/** Undefined: it was gone already. */
async function ignoreGone<T>(request: Promise<T>): Promise<T | undefined> {
	try {
		return await request;
	} catch (error) {
		if (isStatusError(error, "NotFound")) return undefined;
		throw error;
	}
}
