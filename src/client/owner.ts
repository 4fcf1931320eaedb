/**
 * Owner references: who manages an object, and how a controller adopts objects that match its selector and releases
 * those that no longer do.
 * Source of behaviour: pkg/controller/controller_ref_manager.go and
 * https://kubernetes.io/docs/concepts/architecture/garbage-collection/#owners-dependents
 */
import type { KubeObject } from "../apimachinery/meta.ts";
import type { OwnerReference } from "../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../apimachinery/status-error.ts";
import type { ResourceClient } from "./client.ts";

/** What can be matched against an object's labels. */
export interface LabelMatcher {
	matches(labels: Readonly<Record<string, string>> | undefined): boolean;
}

/** The reference to the object that manages this one, if any. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
	return object.metadata?.ownerReferences?.find((reference) => reference.controller === true);
}

/** Whether `owner`, by uid, manages `object`. */
export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
	const uid = controllerOf(object)?.uid;
	return uid !== undefined && uid === owner.metadata?.uid;
}

/** The reference by which `owner` manages what it creates. @param owner must carry kind, apiVersion and uid. */
export function controllerReference(owner: KubeObject): OwnerReference {
	return {
		apiVersion: owner.apiVersion ?? "",
		kind: owner.kind ?? "",
		name: owner.metadata?.name ?? "",
		uid: owner.metadata?.uid ?? "",
		controller: true,
		blockOwnerDeletion: true,
	};
}

export interface ClaimPlan<T> {
	/** Managed by the controller already, and matching. */
	readonly keep: readonly T[];
	/** Matching orphans. */
	readonly adopt: readonly T[];
	/** Managed by the controller, no longer matching. */
	readonly release: readonly T[];
}

/** Who should own what, by the controller's selector. Pure. A controller that is being deleted neither adopts nor releases. */
export function planClaims<T extends KubeObject>(owner: KubeObject, selector: LabelMatcher, candidates: Iterable<T>): ClaimPlan<T> {
	const deleting = owner.metadata?.deletionTimestamp !== undefined;
	const plan = { keep: [] as T[], adopt: [] as T[], release: [] as T[] };
	for (const object of candidates) {
		const controller = controllerOf(object);
		const matches = selector.matches(object.metadata?.labels);
		if (controller !== undefined) {
			if (controller.uid !== owner.metadata?.uid) continue;
			if (matches) plan.keep.push(object);
			else if (!deleting) plan.release.push(object);
		} else if (matches && !deleting && object.metadata?.deletionTimestamp === undefined) {
			plan.adopt.push(object);
		}
	}
	return plan;
}

export interface ClaimOptions<T extends KubeObject> {
	readonly owner: KubeObject;
	readonly selector: LabelMatcher;
	/** Objects of the owner's namespace that it manages, or that nobody does. */
	readonly candidates: Iterable<T>;
	readonly client: ResourceClient<T>;
	/** Reads the owner from the server, past the cache: it may be gone or being deleted. Called only before an adoption. */
	readOwner(): Promise<KubeObject>;
	/** What an object gets when it is adopted, and loses when it is released. */
	readonly finalizers?: readonly string[];
}

/**
 * Adopts and releases as planned; resolves to the objects that the owner manages then, in their old order.
 * Rejects with the server's error if one of them could be neither adopted nor released.
 */
export async function claimObjects<T extends KubeObject>(options: ClaimOptions<T>): Promise<readonly T[]> {
	const { owner, selector, candidates, client, finalizers = [] } = options;
	const plan = planClaims(owner, selector, candidates);
	if (plan.adopt.length > 0) await checkOwnerStays(options);
	const adopted = await Promise.all(plan.adopt.map((object) => adopt(client, object, owner, finalizers)));
	await Promise.all(plan.release.map((object) => release(client, object, owner, finalizers)));
	return [...plan.keep, ...adopted.filter((object) => object !== undefined)];
}

async function checkOwnerStays<T extends KubeObject>({ owner, readOwner }: ClaimOptions<T>): Promise<void> {
	const fresh = await readOwner();
	const { namespace, name, uid } = owner.metadata ?? {};
	if (fresh.metadata?.uid !== uid) {
		throw new Error(`original ${owner.kind} ${namespace}/${name} is gone: got uid ${fresh.metadata?.uid}, wanted ${uid}`);
	}
	if (fresh.metadata?.deletionTimestamp !== undefined) {
		throw new Error(`${namespace}/${name} has just been deleted at ${fresh.metadata.deletionTimestamp}`);
	}
}

/** Undefined: the object is gone. */
async function adopt<T extends KubeObject>(
	client: ResourceClient<T>,
	object: T,
	owner: KubeObject,
	finalizers: readonly string[],
): Promise<T | undefined> {
	const added = finalizers.length === 0 ? {} : { finalizers };
	const body = { metadata: { ownerReferences: [controllerReference(owner)], uid: object.metadata?.uid, ...added } };
	try {
		return await client.patch(nameOf(object), "application/strategic-merge-patch+json", body);
	} catch (error) {
		if (isStatusError(error, "NotFound")) return undefined;
		throw error;
	}
}

async function release<T extends KubeObject>(
	client: ResourceClient<T>,
	object: T,
	owner: KubeObject,
	finalizers: readonly string[],
): Promise<void> {
	const reference = { $patch: "delete", uid: owner.metadata?.uid };
	const removed = finalizers.length === 0 ? {} : { "$deleteFromPrimitiveList/finalizers": finalizers };
	const body = { metadata: { ownerReferences: [reference], uid: object.metadata?.uid, ...removed } };
	try {
		await client.patch(nameOf(object), "application/strategic-merge-patch+json", body);
	} catch (error) {
		// Gone, or (Invalid) another object of the same name: there is nothing left to release.
		if (!isStatusError(error, "NotFound", "Invalid")) throw error;
	}
}

function nameOf({ metadata }: KubeObject) {
	return { namespace: metadata?.namespace, name: metadata?.name ?? "" };
}
