/**
 * Node: lets a kubelet read and write what belongs to its node and to the pods bound to it, and nothing else.
 *
 *   node ◀─ pod ◀─ secret, configmap, serviceaccount, resourceclaim
 *               ◀─ persistentvolumeclaim ◀─ persistentvolume ◀─ secret
 *   node ◀─ volumeattachment, resourceslice
 *
 * Only which pods are bound to a node is kept; the rest is looked up in the objects themselves when a node asks.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/node/ and plugin/pkg/auth/authorizer/node
 */
import type { PersistentVolume, Pod, ResourceSlice, VolumeAttachment } from "../../apimachinery/schema/generated/types.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import { nodeRules } from "../bootstrap/node-rules.ts";
import { toRule } from "../bootstrap/rbac-rules.ts";
import type { WatchCache } from "../storage/watch-cache.ts";
import {
	type AuthorizationAttributes,
	allowed,
	type Decision,
	fieldRequirements,
	type ImmediateAuthorizer,
	type ResourceAttributes,
	type RuleList,
	type RuleResolver,
	undecided,
	undecidedBecause,
} from "./authorizer.ts";
import { CompiledRole } from "./compiled-role.ts";
import { claimsOf, podRefersTo, type ReferencedKind, volumeRefersToSecret } from "./pod-references.ts";

const userPrefix = "system:node:";
const nodesGroup = "system:nodes";
const leaseNamespace = "kube-node-lease";

/** Caches of what nodes are related to. */
export interface NodeCaches {
	readonly pods: WatchCache;
	readonly persistentVolumes: WatchCache;
	readonly volumeAttachments: WatchCache;
	readonly resourceSlices: WatchCache;
}

export class NodeAuthorizer implements ImmediateAuthorizer, RuleResolver {
	readonly #caches: NodeCaches;
	/** What is allowed whatever the object. */
	readonly #rules = new CompiledRole(nodeRules.map(toRule));
	/** Keys of the pods bound to a node. */
	readonly #podsOfNode = new Map<string, Set<string>>();

	constructor(caches: NodeCaches) {
		this.#caches = caches;
	}

	authorize(attributes: AuthorizationAttributes): Decision {
		const node = nodeOf(attributes.user);
		if (node === undefined) return undecided;
		if (node === "") return undecidedBecause(`unknown node for user ${JSON.stringify(attributes.user.name)}`);
		const own = attributes.path === undefined ? this.#authorizeObject(node, attributes) : undefined;
		return own ?? (this.#rules.allows(attributes) ? allowed : undecided);
	}

	rulesFor(user: UserInfo): RuleList {
		const isNode = nodeOf(user) !== undefined;
		const error = isNode ? "node authorizer does not support user rule resolution" : "";
		return { resourceRules: [], nonResourceRules: [], incomplete: isNode, error };
	}

	/** Undefined: it does not matter which object it is. */
	#authorizeObject(node: string, attributes: ResourceAttributes): Decision | undefined {
		const { group, resource, subresource } = attributes;
		switch (group === "" ? resource : `${resource}.${group}`) {
			case "secrets":
				return this.#readNamed(node, attributes, "secret");
			case "configmaps":
				return this.#readNamed(node, attributes, "configmap");
			case "persistentvolumeclaims":
				return subresource === "status" ? this.#updateClaimStatus(node, attributes) : this.#get(node, attributes);
			case "persistentvolumes":
			case "resourceclaims.resource.k8s.io":
			case "volumeattachments.storage.k8s.io":
				return this.#get(node, attributes);
			case "serviceaccounts":
				return attributes.verb === "get" && subresource === ""
					? this.#readNamed(node, attributes, "serviceaccount")
					: this.#createToken(node, attributes);
			case "leases.coordination.k8s.io":
				return authorizeLease(node, attributes);
			case "csinodes.storage.k8s.io":
				return authorizeCsiNode(node, attributes);
			case "resourceslices.resource.k8s.io":
				return this.#authorizeSlice(node, attributes);
			case "nodes":
				return authorizeNode(node, attributes);
			case "pods":
				return this.#authorizePod(node, attributes);
			default:
				return undefined;
		}
	}

	#get(node: string, attributes: ResourceAttributes): Decision {
		if (attributes.verb !== "get") return undecidedBecause("can only get individual resources of this type");
		if (attributes.subresource !== "") return undecidedBecause("cannot get subresource");
		return this.#ifRelated(node, attributes);
	}

	/** Lists and watches of a single object count as reading it. */
	#readNamed(node: string, attributes: ResourceAttributes, kind: ReferencedKind): Decision {
		if (!["get", "list", "watch"].includes(attributes.verb)) return undecidedBecause("can only read resources of this type");
		if (attributes.subresource !== "") return undecidedBecause("cannot read subresource");
		if (attributes.namespace === "") return undecidedBecause("can only read namespaced object of this type");
		return this.#ifRelated(node, attributes, kind);
	}

	#updateClaimStatus(node: string, attributes: ResourceAttributes): Decision {
		if (attributes.verb !== "update" && attributes.verb !== "patch") return undecidedBecause("can only get/update/patch this type");
		return this.#ifRelated(node, attributes);
	}

	#createToken(node: string, { verb, name, subresource, namespace }: ResourceAttributes): Decision {
		if (verb !== "create" || name === "") return undecidedBecause("can only create tokens for individual service accounts");
		if (subresource !== "token") return undecidedBecause("can only create token subresource of serviceaccount");
		return this.#anyPodRefersTo(node, "serviceaccount", namespace, name) ? allowed : unrelated(node);
	}

	#authorizeSlice(node: string, attributes: ResourceAttributes): Decision {
		if (attributes.subresource !== "") return undecidedBecause("cannot authorize ResourceSlice subresources");
		switch (attributes.verb) {
			case "create":
				// What the new object says of its node is for admission to check.
				return allowed;
			case "get":
			case "update":
			case "patch":
			case "delete":
				return this.#ifRelated(node, attributes);
			case "watch":
			case "list":
			case "deletecollection":
				return selects(attributes, "nodeName", node)
					? allowed
					: undecidedBecause("can only list/watch/deletecollection resourceslices with nodeName field selector");
			default:
				return undecidedBecause(
					"only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection",
				);
		}
	}

	#authorizePod(node: string, attributes: ResourceAttributes): Decision {
		const { verb, subresource, name } = attributes;
		switch (subresource) {
			case "":
				if (verb === "get") return this.#get(node, attributes);
				if (verb === "list" || verb === "watch") {
					if (selects(attributes, "spec.nodeName", node)) return allowed;
					return name === ""
						? undecidedBecause("can only list/watch pods with spec.nodeName field selector")
						: this.#ifRelated(node, attributes);
				}
				// Mirror pods; which pods those are is for admission to check.
				return verb === "create" || verb === "delete" ? allowed : undecided;
			case "status":
				return verb === "update" || verb === "patch" ? allowed : undecided;
			case "eviction":
				return verb === "create" ? allowed : undecided;
			default:
				return undecided;
		}
	}

	#ifRelated(node: string, { resource, namespace, name }: ResourceAttributes, kind?: ReferencedKind): Decision {
		if (name === "") return undecidedBecause("No Object name found");
		return this.#isRelated(node, kind ?? resource, namespace, name) ? allowed : unrelated(node);
	}

	#isRelated(node: string, kind: string, namespace: string, name: string): boolean {
		const { pods, persistentVolumes, volumeAttachments, resourceSlices } = this.#caches;
		switch (kind) {
			case "secret":
				return this.#anyPodRefersTo(node, kind, namespace, name) || this.#anyVolumeRefersTo(node, namespace, name);
			case "configmap":
			case "serviceaccount":
				return this.#anyPodRefersTo(node, kind, namespace, name);
			case "persistentvolumeclaims":
				return this.#anyPodRefersTo(node, "claim", namespace, name);
			case "resourceclaims":
				return this.#anyPodRefersTo(node, "resourceclaim", namespace, name);
			case "persistentvolumes": {
				const volume = find<PersistentVolume>(persistentVolumes, name);
				return volume !== undefined && this.#usesVolume(node, volume);
			}
			case "pods":
				return find<Pod>(pods, `${namespace}/${name}`)?.spec?.nodeName === node;
			case "volumeattachments":
				return find<VolumeAttachment>(volumeAttachments, name)?.spec.nodeName === node;
			case "resourceslices":
				return find<ResourceSlice>(resourceSlices, name)?.spec.nodeName === node;
			default:
				return false;
		}
	}

	#anyPodRefersTo(node: string, kind: ReferencedKind, namespace: string, name: string): boolean {
		return this.#podsOn(node).some((pod) => pod.metadata?.namespace === namespace && podRefersTo(pod, kind, name));
	}

	/** By way of a volume whose claim a pod uses. */
	#anyVolumeRefersTo(node: string, namespace: string, name: string): boolean {
		if (!this.#podsOn(node).some((pod) => claimsOf(pod).length > 0)) return false;
		return this.#caches.persistentVolumes.list().some(({ object }) => {
			const volume = object as PersistentVolume;
			return volumeRefersToSecret(volume, namespace, name) && this.#usesVolume(node, volume);
		});
	}

	#usesVolume(node: string, { spec }: PersistentVolume): boolean {
		const { namespace = "", name = "" } = spec?.claimRef ?? {};
		return this.#anyPodRefersTo(node, "claim", namespace, name);
	}

	#podsOn(node: string): readonly Pod[] {
		const { pods } = this.#caches;
		return [...(this.#podsOfNode.get(node) ?? [])].flatMap((key) => {
			const entry = pods.get(key);
			return entry === undefined ? [] : [entry.object as Pod];
		});
	}

	/** Takes in the pods that the cache holds, and follows them: before any kubelet does, which asks as soon as it is told of a pod. */
	start(): void {
		const { pods } = this.#caches;
		const podsOfNode = this.#podsOfNode;
		const place = (node: string | undefined, key: string) => {
			if (node === undefined || node === "") return;
			const keys = podsOfNode.get(node);
			if (keys === undefined) podsOfNode.set(node, new Set([key]));
			else keys.add(key);
		};
		for (const { key, object } of pods.list()) place((object as Pod).spec?.nodeName, key);
		pods.subscribe(({ type, object, previous }) => {
			const { metadata, spec } = object as Pod;
			const before = (previous as Pod | undefined)?.spec?.nodeName;
			const after = type === "DELETED" ? undefined : spec?.nodeName;
			if (before === after) return;
			const key = `${pods.prefix}${metadata?.namespace}/${metadata?.name}`;
			if (before !== undefined) {
				podsOfNode.get(before)?.delete(key);
				if (podsOfNode.get(before)?.size === 0) podsOfNode.delete(before);
			}
			place(after, key);
		});
	}
}

/** The node that a user is; "" for one without a name, undefined for who is none. Source: pkg/auth/nodeidentifier */
function nodeOf({ name, groups }: UserInfo): string | undefined {
	return name.startsWith(userPrefix) && groups.includes(nodesGroup) ? name.slice(userPrefix.length) : undefined;
}

function authorizeNode(node: string, { verb, subresource, name }: ResourceAttributes): Decision {
	if (subresource === "status") return verb === "update" || verb === "patch" ? allowed : undecided;
	if (subresource !== "") return undecided;
	switch (verb) {
		case "create":
		case "update":
		case "patch":
			// Which node it is about is for admission to check.
			return allowed;
		case "get":
		case "list":
		case "watch":
			if (name === node) return allowed;
			return undecidedBecause(
				name === ""
					? `node '${node}' cannot read all nodes, only its own Node object`
					: `node '${node}' cannot read '${name}', only its own Node object`,
			);
		default:
			return undecided;
	}
}

const ownVerbs = ["get", "create", "update", "patch", "delete"];

function authorizeLease(node: string, { verb, namespace, name }: ResourceAttributes): Decision {
	if (!ownVerbs.includes(verb)) return undecidedBecause("can only get, create, update, patch, or delete a node lease");
	if (namespace !== leaseNamespace) return undecidedBecause(`can only access leases in the "${leaseNamespace}" system namespace`);
	// The name of a new object is not known here; admission checks it.
	if (verb !== "create" && name !== node) return undecidedBecause("can only access node lease with the same name as the requesting node");
	return allowed;
}

function authorizeCsiNode(node: string, { verb, subresource, name }: ResourceAttributes): Decision {
	if (!ownVerbs.includes(verb)) return undecidedBecause("can only get, create, update, patch, or delete a CSINode");
	if (subresource !== "") return undecidedBecause("cannot authorize CSINode subresources");
	if (verb !== "create" && name !== node) return undecidedBecause("can only access CSINode with the same name as the requesting node");
	return allowed;
}

function unrelated(node: string): Decision {
	return undecidedBecause(`no relationship found between node '${node}' and this object`);
}

function selects(attributes: ResourceAttributes, wanted: string, value: string): boolean {
	return fieldRequirements(attributes).some(
		(requirement) => requirement.field === wanted && requirement.operator === "=" && requirement.value === value,
	);
}

/** @param path below the cache's prefix */
function find<T>(cache: WatchCache, path: string): T | undefined {
	return cache.get(cache.prefix + path)?.object as T | undefined;
}
