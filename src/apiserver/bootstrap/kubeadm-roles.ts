/**
 * The roles and bindings that kubeadm adds when it makes a cluster: what its administrators, its nodes and those who
 * join with a bootstrap token may do. Made once, as kubeadm does: nobody brings them back.
 * Facts of cmd/kubeadm/app/phases (kubeconfig, bootstraptoken, uploadconfig, kubelet, addons) of Kubernetes 1.36.
 */
import type { ClusterRole, ClusterRoleBinding, RbacSubject, Role, RoleBinding } from "../../apimachinery/schema/generated/types.ts";
import { group, type RuleRow, systemAccount, toRule, user } from "./rbac-rules.ts";

const rbacGroup = "rbac.authorization.k8s.io";
const apiVersion = `${rbacGroup}/v1`;
const joiningNodes = group("system:bootstrappers:kubeadm:default-node-token");
const nodes = group("system:nodes");
const signing = "system:certificates.k8s.io:certificatesigningrequests";

export function kubeadmRoles(): readonly (ClusterRole | ClusterRoleBinding | Role | RoleBinding)[] {
	return [
		{ apiVersion, kind: "ClusterRole", metadata: { name: "kubeadm:get-nodes" }, rules: [toRule(["get", "nodes"])] },
		clusterBinding("kubeadm:cluster-admins", "cluster-admin", group("kubeadm:cluster-admins")),
		clusterBinding("kubeadm:get-nodes", "kubeadm:get-nodes", joiningNodes),
		clusterBinding("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", joiningNodes),
		clusterBinding("kubeadm:node-autoapprove-bootstrap", `${signing}:nodeclient`, joiningNodes),
		clusterBinding("kubeadm:node-autoapprove-certificate-rotation", `${signing}:selfnodeclient`, nodes),
		clusterBinding("kubeadm:node-proxier", "system:node-proxier", systemAccount("kube-proxy")),
		...boundRole("kube-public", "kubeadm:bootstrap-signer-clusterinfo", "cluster-info", user("system:anonymous")),
		...boundRole("kube-system", "kubeadm:kubelet-config", "kubelet-config", nodes, joiningNodes),
		...boundRole("kube-system", "kubeadm:nodes-kubeadm-config", "kubeadm-config", nodes, joiningNodes),
	];
}

function clusterBinding(name: string, role: string, ...subjects: readonly RbacSubject[]): ClusterRoleBinding {
	const roleRef = { apiGroup: rbacGroup, kind: "ClusterRole", name: role };
	return { apiVersion, kind: "ClusterRoleBinding", metadata: { name }, roleRef, subjects };
}

/** A role to read one ConfigMap, and its binding. */
function boundRole(
	namespace: string,
	name: string,
	configMap: string,
	...subjects: readonly RbacSubject[]
): readonly (Role | RoleBinding)[] {
	const metadata = { namespace, name };
	const rule: RuleRow = ["get", "configmaps", "core", configMap];
	return [
		{ apiVersion, kind: "Role", metadata, rules: [toRule(rule)] },
		{ apiVersion, kind: "RoleBinding", metadata, roleRef: { apiGroup: rbacGroup, kind: "Role", name }, subjects },
	];
}
