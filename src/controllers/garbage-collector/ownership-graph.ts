/**
 * Who owns whom: all objects by uid, with the dependents of each uid, whether that owner has been seen or not. Pure:
 * it is told of changes and answers what has to be looked at because of them.
 *
 * Invariant: `dependents(u)` are exactly the known objects with an owner reference of uid u.
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { OwnerReference } from "../../apimachinery/schema/generated/types.ts";
import type { DeletableResource } from "../deletable-resources.ts";

export const foregroundFinalizer = "foregroundDeletion";
export const orphanFinalizer = "orphan";

/** An object of the graph, in its latest known version. */
export interface GraphNode {
	readonly uid: string;
	readonly resource: DeletableResource;
	readonly object: KubeObject;
}

/** What a change asks for; lists of uids. */
export interface GraphEffects {
	/** Look whether these should be deleted (or their own deletion should go on). */
	readonly check: readonly string[];
	/** Cut the dependents of these loose. */
	readonly orphan: readonly string[];
}

export function ownersOf({ metadata }: KubeObject): readonly OwnerReference[] {
	return metadata?.ownerReferences ?? [];
}

export function hasFinalizer({ metadata }: KubeObject, finalizer: string): boolean {
	return metadata?.finalizers?.includes(finalizer) === true;
}

/** Being deleted in the foreground: it waits until its dependents are gone. */
export function waitsForDependents(object: KubeObject): boolean {
	return object.metadata?.deletionTimestamp !== undefined && hasFinalizer(object, foregroundFinalizer);
}

/** Being deleted with its dependents to be kept. */
function waitsForOrphaning(object: KubeObject): boolean {
	return object.metadata?.deletionTimestamp !== undefined && hasFinalizer(object, orphanFinalizer);
}

export class OwnershipGraph {
	readonly #nodes = new Map<string, GraphNode>();
	/** By the owner's uid: uids of its dependents. */
	readonly #dependents = new Map<string, Set<string>>();

	get(uid: string): GraphNode | undefined {
		return this.#nodes.get(uid);
	}

	nodes(): Iterable<GraphNode> {
		return this.#nodes.values();
	}

	dependents(uid: string): readonly GraphNode[] {
		return [...(this.#dependents.get(uid) ?? [])].flatMap((dependent) => this.#nodes.get(dependent) ?? []);
	}

	/** One of its owners is not known, or is in another namespace, where none of its owners can be. */
	lacksOwner(object: KubeObject): boolean {
		return ownersOf(object).some(({ uid }) => {
			const owner = this.#nodes.get(uid);
			const namespace = owner?.object.metadata?.namespace;
			return owner === undefined || (namespace !== undefined && namespace !== object.metadata?.namespace);
		});
	}

	/** An object appeared or changed. */
	put(resource: DeletableResource, object: KubeObject): GraphEffects {
		const uid = object.metadata?.uid ?? "";
		const old = this.#nodes.get(uid);
		this.#nodes.set(uid, { uid, resource, object });
		const before = old === undefined ? [] : ownersOf(old.object);
		const now = ownersOf(object);
		if (!sameOwners(before, now)) this.#relink(uid, before, now);
		const check: string[] = [];
		if (this.lacksOwner(object)) check.push(uid);
		check.push(...before.filter((owner) => this.#stopsBlocking(owner, now)).map((owner) => owner.uid));
		if (waitsForDependents(object) && (old === undefined || !waitsForDependents(old.object))) {
			check.push(uid, ...(this.#dependents.get(uid) ?? []));
		}
		const startsOrphaning = waitsForOrphaning(object) && (old === undefined || !waitsForOrphaning(old.object));
		return { check, orphan: startsOrphaning ? [uid] : [] };
	}

	/** An object is gone. */
	remove(uid: string): GraphEffects {
		const node = this.#nodes.get(uid);
		if (node === undefined) return { check: [], orphan: [] };
		this.#nodes.delete(uid);
		const owners = ownersOf(node.object);
		this.#relink(uid, owners, []);
		const waiting = owners.filter((owner) => this.#waits(owner.uid)).map((owner) => owner.uid);
		return { check: [...(this.#dependents.get(uid) ?? []), ...waiting], orphan: [] };
	}

	#waits(uid: string): boolean {
		const node = this.#nodes.get(uid);
		return node !== undefined && waitsForDependents(node.object);
	}

	/** The reference held its owner back and does no more. */
	#stopsBlocking(before: OwnerReference, now: readonly OwnerReference[]): boolean {
		if (before.blockOwnerDeletion !== true || !this.#waits(before.uid)) return false;
		return now.find((owner) => owner.uid === before.uid)?.blockOwnerDeletion !== true;
	}

	#relink(uid: string, before: readonly OwnerReference[], now: readonly OwnerReference[]): void {
		for (const owner of before) {
			const dependents = this.#dependents.get(owner.uid);
			dependents?.delete(uid);
			if (dependents?.size === 0) this.#dependents.delete(owner.uid);
		}
		for (const owner of now) {
			const dependents = this.#dependents.get(owner.uid);
			if (dependents === undefined) this.#dependents.set(owner.uid, new Set([uid]));
			else dependents.add(uid);
		}
	}
}

function sameOwners(a: readonly OwnerReference[], b: readonly OwnerReference[]): boolean {
	return a.length === b.length && a.every(({ uid }, index) => uid === b[index]?.uid);
}
