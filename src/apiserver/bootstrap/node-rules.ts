/**
 * What every node may do that is not about one object: role system:node, and what the Node authorizer allows uniformly. A file
 * of its own, as the authorizer needs it at every start and the rest of the roles only an empty cluster does.
 * Facts of NodeRules in plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go.
 */
import { type RuleRow, read } from "./rbac-rules.ts";

const storage = "storage.k8s.io";

export const nodeRules: readonly RuleRow[] = [
	["create", "tokenreviews", "authentication.k8s.io"],
	["create", "subjectaccessreviews localsubjectaccessreviews", "authorization.k8s.io"],
	[read, "services"],
	["create get list watch", "nodes"],
	["update patch", "nodes/status"],
	["update patch", "nodes"],
	["create update patch", "events"],
	[read, "pods"],
	["create delete", "pods"],
	["update patch", "pods/status"],
	["create", "pods/eviction"],
	[read, "secrets configmaps"],
	["get", "persistentvolumeclaims persistentvolumes"],
	["get", "endpoints"],
	["create get list watch", "certificatesigningrequests", "certificates.k8s.io"],
	["get create update patch delete", "leases", "coordination.k8s.io"],
	["get", "volumeattachments", storage],
	["create", "serviceaccounts/token"],
	["get update patch", "persistentvolumeclaims/status"],
	[read, "csidrivers", storage],
	["get create update patch delete", "csinodes", storage],
	[read, "runtimeclasses", "node.k8s.io"],
	["get", "resourceclaims", "resource.k8s.io"],
	["deletecollection", "resourceslices", "resource.k8s.io"],
	["get", "serviceaccounts"],
];
