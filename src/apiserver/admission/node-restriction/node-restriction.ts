/**
 * NodeRestriction: a kubelet changes its own Node, its own lease and the pods that are bound to it, and nothing else.
 * Source: plugin/pkg/admission/noderestriction; https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction
 *
 * Not here: the names in a kubelet's certificate requests (the signer checks them), and audiences that RBAC lets a node ask for.
 */

import { type JsonValue, jsonEqual } from "../../../apimachinery/json.ts";
import { formatGroupResource, type KubeObject } from "../../../apimachinery/meta.ts";
import type {
	AuthenticationTokenRequest,
	CSIDriver,
	Node,
	PersistentVolume,
	PersistentVolumeClaim,
	Pod,
	ResourceSlice,
} from "../../../apimachinery/schema/generated/types.ts";
import { newNotFound } from "../../../apimachinery/status-error.ts";
import type { UserInfo } from "../../../apimachinery/user.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import { forbidden } from "../forbidden.ts";
import { mirrorAnnotation, referencesOf } from "../pod-references.ts";
import { forbiddenLabels } from "./node-labels.ts";

const userPrefix = "system:node:";
const nodeGroup = "system:nodes";
const leaseNamespace = "kube-node-lease";

type Rule = (node: string, object: KubeObject | undefined, attributes: AdmissionAttributes) => void;

const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
	["pods", restrictPod],
	["nodes", restrictNode],
	["persistentvolumeclaims", restrictClaim],
	["serviceaccounts", restrictToken],
	["leases.coordination.k8s.io", restrictLease],
	["csinodes.storage.k8s.io", restrictCsiNode],
	["resourceslices.resource.k8s.io", restrictSlice],
]);

export const nodeRestriction: AdmissionPlugin = {
	name: "NodeRestriction",
	handles: (scope) => scope.operation !== "CONNECT" && rules.has(formatGroupResource(scope)),
	mutate(object, attributes) {
		restrict(object, attributes);
		return object;
	},
	// Only a deletion is not seen by `mutate`.
	validate(object, attributes) {
		if (attributes.operation === "DELETE") restrict(object, attributes);
	},
};

function restrict(object: KubeObject | undefined, attributes: AdmissionAttributes): void {
	const node = nodeOf(attributes.user);
	if (node === undefined) return;
	if (node === "") throw forbidden(attributes, `could not determine node from user "${attributes.user.name}"`, object);
	rules.get(formatGroupResource(attributes))?.(node, object, attributes);
}

/** Undefined: the user is no node. */
function nodeOf({ name, groups }: UserInfo): string | undefined {
	return name.startsWith(userPrefix) && groups.includes(nodeGroup) ? name.slice(userPrefix.length) : undefined;
}

// Pods

function restrictPod(node: string, object: KubeObject | undefined, attributes: AdmissionAttributes): void {
	const { subresource, operation } = attributes;
	if (subresource === "") {
		if (operation === "CREATE") restrictMirrorPod(node, object as Pod, attributes);
		else if (operation === "DELETE") {
			if ((attributes.oldObject as Pod).spec?.nodeName !== node) {
				throw forbidden(attributes, `node "${node}" can only delete pods with spec.nodeName set to itself`);
			}
		} else throw forbidden(attributes, `unexpected operation "${operation}", node "${node}" can only create and delete mirror pods`);
	} else if (subresource === "status") restrictPodStatus(node, object as Pod, attributes);
	else if (subresource === "eviction") {
		const pod = attributes.lookup.find("", "pods", attributes.namespace, attributes.name) as Pod | undefined;
		if (pod === undefined) throw newNotFound({ group: "", resource: "pods" }, attributes.name);
		if (pod.spec?.nodeName !== node) throw forbidden(attributes, `node ${node} can only evict pods with spec.nodeName set to itself`);
	} else throw forbidden(attributes, `unexpected pod subresource "${subresource}", only 'status' and 'eviction' are allowed`);
}

function restrictMirrorPod(node: string, pod: Pod, attributes: AdmissionAttributes): void {
	const fail = (why: string) => forbidden(attributes, why, pod);
	if (pod.metadata?.annotations?.[mirrorAnnotation] === undefined) {
		throw fail(`pod does not have "${mirrorAnnotation}" annotation, node "${node}" can only create mirror pods`);
	}
	if (pod.spec?.nodeName !== node) throw fail(`node "${node}" can only create pods with spec.nodeName set to itself`);
	const owners = pod.metadata.ownerReferences ?? [];
	if (owners.length > 1) throw fail(`node "${node}" can only create pods with a single owner reference set to itself`);
	const [owner] = owners;
	if (owner === undefined || owner.apiVersion !== "v1" || owner.kind !== "Node" || owner.name !== node) {
		throw fail(`node "${node}" can only create pods with an owner reference set to itself`);
	}
	if (owner.controller !== true) throw fail(`node "${node}" can only create pods with a controller owner reference set to itself`);
	if (owner.blockOwnerDeletion === true) throw fail(`node "${node}" must not set blockOwnerDeletion on an owner reference`);
	const itself = attributes.lookup.find("", "nodes", "", node);
	if (itself === undefined) throw newNotFound({ group: "", resource: "nodes" }, node);
	if (owner.uid !== itself.metadata?.uid) throw fail(`node ${node} UID mismatch: expected ${owner.uid} got ${itself.metadata?.uid}`);
	const [reference] = referencesOf(pod);
	if (reference !== undefined) throw fail(`node "${node}" can not create pods that reference ${reference}`);
}

function restrictPodStatus(node: string, pod: Pod, attributes: AdmissionAttributes): void {
	if (attributes.operation !== "UPDATE") throw forbidden(attributes, `unexpected operation "${attributes.operation}"`);
	const old = attributes.oldObject as Pod;
	if (old.spec?.nodeName !== node) {
		throw forbidden(attributes, `node "${node}" can only update pod status for pods with spec.nodeName set to itself`);
	}
	if (!jsonEqual(old.metadata?.labels ?? {}, pod.metadata?.labels ?? {})) {
		throw forbidden(attributes, `node "${node}" cannot update labels through pod status`);
	}
	const claims = ({ status }: Pod) =>
		(status?.resourceClaimStatuses ?? []).map(({ name, resourceClaimName = null }) => [name, resourceClaimName]);
	if (!jsonEqual(claims(old), claims(pod))) throw forbidden(attributes, `node "${node}" cannot update resource claim statues`);
}

// Nodes

function restrictNode(node: string, object: KubeObject | undefined, attributes: AdmissionAttributes): void {
	const { name, operation, oldObject } = attributes;
	if (name !== node) throw forbidden(attributes, `node "${node}" is not allowed to modify node "${name}"`);
	if (operation === "CREATE") {
		const created = object as Node;
		if (created.spec?.configSource !== undefined) {
			throw forbidden(attributes, `node "${node}" is not allowed to create pods with a non-nil configSource`);
		}
		const labels = forbiddenLabels(created.metadata?.labels, undefined);
		if (labels.length > 0) throw forbidden(attributes, `node "${node}" is not allowed to set the following labels: ${labels.join(", ")}`);
	}
	if (operation !== "UPDATE") return;
	const [updated, old] = [object as Node, oldObject as Node];
	if (updated.spec?.configSource !== undefined && !jsonEqual(json(updated.spec.configSource), json(old.spec?.configSource))) {
		throw forbidden(attributes, `node "${node}" is not allowed to update configSource to a new non-nil configSource`);
	}
	if (!jsonEqual(json(updated.spec?.taints ?? []), json(old.spec?.taints ?? []))) {
		throw forbidden(attributes, `node "${node}" is not allowed to modify taints`);
	}
	const labels = forbiddenLabels(updated.metadata?.labels, old.metadata?.labels);
	if (labels.length > 0) throw forbidden(attributes, `is not allowed to modify labels: ${labels.join(", ")}`);
}

const json = (value: unknown): JsonValue => (value ?? null) as JsonValue;

// What belongs to a node

function restrictClaim(node: string, object: KubeObject | undefined, attributes: AdmissionAttributes): void {
	const { subresource, operation, oldObject } = attributes;
	if (subresource !== "status") throw forbidden(attributes, "may only update PVC status");
	if (operation !== "UPDATE") throw forbidden(attributes, `unexpected operation "${operation}"`);
	const rest = ({ metadata, status, ...others }: PersistentVolumeClaim): JsonValue => {
		const { resourceVersion: _, managedFields: __, ...kept } = metadata ?? {};
		const { capacity: _c, conditions: _o, allocatedResources: _a, allocatedResourceStatuses: _s, ...keptStatus } = status ?? {};
		return json({ ...others, metadata: kept, status: keptStatus });
	};
	if (jsonEqual(rest(oldObject as PersistentVolumeClaim), rest(object as PersistentVolumeClaim))) return;
	throw forbidden(attributes, `node "${node}" is not allowed to update fields other than status.capacity and status.conditions`);
}

function restrictToken(node: string, object: KubeObject | undefined, attributes: AdmissionAttributes): void {
	if (attributes.operation !== "CREATE" || attributes.subresource !== "token") return;
	const { spec } = object as AuthenticationTokenRequest;
	const { apiVersion, kind, name = "", uid = "" } = spec?.boundObjectRef ?? {};
	const fail = (why: string) => forbidden(attributes, why);
	if (apiVersion !== "v1" || kind !== "Pod" || name === "") throw fail("node requested token not bound to a pod");
	if (uid === "") throw fail("node requested token with a pod binding without a uid");
	const pod = attributes.lookup.find("", "pods", attributes.namespace, name) as Pod | undefined;
	if (pod === undefined) throw newNotFound({ group: "", resource: "pods" }, name);
	if (uid !== pod.metadata?.uid) {
		const what = `the UID in the bound object reference (${uid}) does not match the UID in record`;
		throw fail(`${what}. The object might have been deleted and then recreated`);
	}
	if (pod.spec?.nodeName !== node) throw fail("node requested token bound to a pod scheduled on a different node");
	const audiences = spec?.audiences ?? [];
	if (audiences.length > 1) throw fail("node may only request 0 or 1 audiences");
	const [audience = ""] = audiences;
	if (!audiencesOf(pod, attributes).includes(audience)) throw fail(`audience "${audience}" not found in pod spec volume`);
}

/** Whom the pod's volumes show tokens to; "" is the API server. */
function audiencesOf({ spec }: Pod, { lookup, namespace }: AdmissionAttributes): readonly string[] {
	const volumes = spec?.volumes ?? [];
	const projected = volumes.flatMap((volume) => volume.projected?.sources ?? []).flatMap(({ serviceAccountToken: token }) => token ?? []);
	const drivers = volumes.flatMap(({ csi, persistentVolumeClaim }) => {
		if (csi !== undefined) return csi.driver;
		if (persistentVolumeClaim === undefined) return [];
		const claim = lookup.find("", "persistentvolumeclaims", namespace, persistentVolumeClaim.claimName) as
			| PersistentVolumeClaim
			| undefined;
		const volume = lookup.find("", "persistentvolumes", "", claim?.spec?.volumeName ?? "") as PersistentVolume | undefined;
		return volume?.spec?.csi?.driver ?? [];
	});
	const requests = drivers.flatMap((name) => {
		const driver = lookup.find("storage.k8s.io", "csidrivers", "", name) as CSIDriver | undefined;
		return driver?.spec.tokenRequests ?? [];
	});
	return [...projected.map(({ audience = "" }) => audience), ...requests.map(({ audience = "" }) => audience)];
}

function restrictLease(node: string, object: KubeObject | undefined, attributes: AdmissionAttributes): void {
	if (attributes.namespace !== leaseNamespace) {
		throw forbidden(attributes, `can only access leases in the "${leaseNamespace}" system namespace`, object);
	}
	if (attributes.name === node) return;
	throw forbidden(attributes, "can only access node lease with the same name as the requesting node", object);
}

function restrictCsiNode(node: string, object: KubeObject | undefined, attributes: AdmissionAttributes): void {
	if (attributes.name === node) return;
	throw forbidden(attributes, "can only access CSINode with the same name as the requesting node", object);
}

function restrictSlice(node: string, object: KubeObject | undefined, attributes: AdmissionAttributes): void {
	const isOwn = (slice: KubeObject | undefined) => (slice as ResourceSlice | undefined)?.spec.nodeName === node;
	if (attributes.operation === "CREATE" && !isOwn(object)) {
		throw forbidden(attributes, "can only create ResourceSlice with the same NodeName as the requesting node", object);
	}
	if (attributes.operation === "DELETE" && !isOwn(attributes.oldObject)) {
		throw forbidden(attributes, "can only delete ResourceSlice with the same NodeName as the requesting node");
	}
}
