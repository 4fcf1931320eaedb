/**
 * The ClusterRole of each controller of kube-controller-manager, bound to its ServiceAccount in kube-system. Facts of
 * plugin/pkg/auth/authorizer/rbac/bootstrappolicy/controller_policy.go of Kubernetes 1.36 with its default feature gates.
 */
import type { ClusterRole, ClusterRoleBinding } from "../../apimachinery/schema/generated/types.ts";
import { clusterRole, clusterRoleBinding, eventsRule, type RuleRow, read, systemAccount } from "./rbac-rules.ts";

const prefix = "system:controller:";
const storage = "storage.k8s.io";
const devices = "resource.k8s.io";
const networking = "networking.k8s.io";
const slices = "discovery.k8s.io";
const both = "apps extensions";

/** By name of the controller's ServiceAccount. */
const controllers: Readonly<Record<string, readonly RuleRow[]>> = {
	"attachdetach-controller": [
		["list watch", "persistentvolumes persistentvolumeclaims"],
		[read, "nodes"],
		["patch update", "nodes/status"],
		["list watch", "pods"],
		eventsRule,
		[`${read} create delete`, "volumeattachments", storage],
		[read, "csidrivers", storage],
		[read, "csinodes", storage],
	],
	"clusterrole-aggregation-controller": [[`${read} escalate update patch`, "clusterroles", "rbac.authorization.k8s.io"]],
	"cronjob-controller": [
		[`${read} update`, "cronjobs", "batch"],
		[`${read} create update delete patch`, "jobs", "batch"],
		["update", "cronjobs/status", "batch"],
		["update", "cronjobs/finalizers", "batch"],
		["list watch delete", "pods"],
		eventsRule,
	],
	"daemon-set-controller": [
		[read, "daemonsets", both],
		["update", "daemonsets/status", both],
		["update", "daemonsets/finalizers", both],
		["list watch", "nodes"],
		["list watch create delete patch", "pods"],
		["create", "pods/binding"],
		[`${read} create delete update patch`, "controllerrevisions", "apps"],
		eventsRule,
	],
	"deployment-controller": [
		[`${read} update`, "deployments", both],
		["update", "deployments/status", both],
		["update", "deployments/finalizers", both],
		[`${read} create update patch delete`, "replicasets", both],
		[`${read} update`, "pods"],
		eventsRule,
	],
	"disruption-controller": [
		[read, "deployments", both],
		[read, "replicasets", both],
		[read, "replicationcontrollers"],
		[read, "poddisruptionbudgets", "policy"],
		[read, "statefulsets", "apps"],
		["update", "poddisruptionbudgets/status", "policy"],
		["patch update", "pods/status"],
		["get", "*/scale", "*"],
		eventsRule,
	],
	"endpoint-controller": [
		[read, "services pods"],
		[`${read} create update delete`, "endpoints"],
		["create", "endpoints/restricted"],
		eventsRule,
	],
	"endpointslice-controller": [
		[read, "services pods nodes"],
		["update", "services/finalizers"],
		[`${read} create update delete`, "endpointslices", slices],
		eventsRule,
	],
	"endpointslicemirroring-controller": [
		[read, "services endpoints"],
		["update", "services/finalizers"],
		["update", "endpoints/finalizers"],
		[`${read} create update delete`, "endpointslices", slices],
		eventsRule,
	],
	"expand-controller": [
		[`${read} update patch`, "persistentvolumes"],
		["update patch", "persistentvolumeclaims/status"],
		[read, "persistentvolumeclaims"],
		eventsRule,
		["get", "services"],
	],
	"ephemeral-volume-controller": [[read, "pods"], ["update", "pods/finalizers"], [`${read} create`, "persistentvolumeclaims"], eventsRule],
	"resource-claim-controller": [
		[read, "pods"],
		["update", "pods/finalizers"],
		[`${read} create delete`, "resourceclaims", devices],
		["update patch", "resourceclaims resourceclaims/status", devices],
		["update patch", "pods/status"],
		eventsRule,
		["update patch", "resourceclaims/binding", devices],
	],
	"device-taint-eviction-controller": [
		[`${read} delete`, "pods"],
		["update patch", "pods/status"],
		[read, "resourceclaims", devices],
		[read, "resourceslices", devices],
		[read, "deviceclasses", devices],
		[read, "devicetaintrules", devices],
		eventsRule,
	],
	"generic-garbage-collector": [[`${read} patch update delete`, "*", "*"], eventsRule],
	"horizontal-pod-autoscaler": [
		[read, "horizontalpodautoscalers", "autoscaling"],
		["update", "horizontalpodautoscalers/status", "autoscaling"],
		["get update", "*/scale", "*"],
		["list watch", "pods"],
		["list watch", "pods", "metrics.k8s.io"],
		[read, "*", "custom.metrics.k8s.io"],
		[read, "*", "external.metrics.k8s.io"],
		eventsRule,
	],
	"job-controller": [
		[`${read} update patch`, "jobs", "batch"],
		["update", "jobs/status", "batch"],
		["update", "jobs/finalizers", "batch"],
		["list watch create delete patch", "pods"],
		eventsRule,
	],
	"namespace-controller": [
		[`${read} delete`, "namespaces"],
		["update", "namespaces/finalize namespaces/status"],
		[`${read} delete deletecollection`, "*", "*"],
	],
	"node-controller": [
		[`${read} update delete patch`, "nodes"],
		["patch update", "nodes/status"],
		["patch update", "pods/status"],
		[`${read} delete`, "pods"],
		eventsRule,
	],
	"persistent-volume-binder": [
		[`${read} update create delete`, "persistentvolumes"],
		["update", "persistentvolumes/status"],
		[`${read} update`, "persistentvolumeclaims"],
		["update", "persistentvolumeclaims/status"],
		[`${read} create delete`, "pods"],
		[read, "storageclasses", storage],
		["list watch", "nodes"],
		eventsRule,
		["watch", "events"],
		["get", "services"],
	],
	"pod-garbage-collector": [
		["list watch delete", "pods"],
		[read, "nodes"],
		["patch", "pods/status"],
	],
	"replicaset-controller": [
		[`${read} update`, "replicasets", both],
		["update", "replicasets/status", both],
		["update", "replicasets/finalizers", both],
		["list watch patch create delete", "pods"],
		eventsRule,
	],
	"replication-controller": [
		[`${read} update`, "replicationcontrollers"],
		["update", "replicationcontrollers/status"],
		["update", "replicationcontrollers/finalizers"],
		["list watch patch create delete", "pods"],
		eventsRule,
	],
	"resourcequota-controller": [["list watch", "*", "*"], ["update", "resourcequotas/status"], eventsRule],
	"route-controller": [["list watch", "nodes"], ["patch", "nodes/status"], eventsRule],
	"service-account-controller": [["create", "serviceaccounts"], eventsRule],
	"service-controller": [[read, "services"], ["patch update", "services/status"], ["list watch", "nodes"], eventsRule],
	"service-cidrs-controller": [
		[`${read} patch update`, "servicecidrs", networking],
		["patch update", "servicecidrs/finalizers", networking],
		["patch update", "servicecidrs/status", networking],
		[read, "ipaddresses", networking],
		eventsRule,
	],
	"statefulset-controller": [
		["list watch", "pods"],
		[read, "statefulsets", "apps"],
		["update", "statefulsets/status", "apps"],
		["update", "statefulsets/finalizers", "apps"],
		["get create delete update patch", "pods"],
		[`${read} create delete update patch`, "controllerrevisions", "apps"],
		[`${read} create`, "persistentvolumeclaims"],
		["update delete", "persistentvolumeclaims"],
		["update", "pods/finalizers"],
		eventsRule,
	],
	"ttl-controller": [["update patch list watch", "nodes"], eventsRule],
	"certificate-controller": [
		[`${read} delete`, "certificatesigningrequests", "certificates.k8s.io"],
		["update", "certificatesigningrequests/status certificatesigningrequests/approval", "certificates.k8s.io"],
		["approve", "signers", "certificates.k8s.io", "kubernetes.io/kube-apiserver-client-kubelet"],
		[
			"sign",
			"signers",
			"certificates.k8s.io",
			"kubernetes.io/kube-apiserver-client kubernetes.io/kube-apiserver-client-kubelet kubernetes.io/kubelet-serving kubernetes.io/legacy-unknown",
		],
		["create", "subjectaccessreviews", "authorization.k8s.io"],
		eventsRule,
	],
	"pvc-protection-controller": [[`${read} update`, "persistentvolumeclaims"], [read, "pods"], eventsRule],
	"pv-protection-controller": [[`${read} update`, "persistentvolumes"], eventsRule],
	"volumeattributesclass-protection-controller": [
		[read, "persistentvolumeclaims"],
		[read, "persistentvolumes"],
		[`${read} update`, "volumeattributesclasses", storage],
		eventsRule,
	],
	"ttl-after-finished-controller": [[`${read} delete`, "jobs", "batch"], eventsRule],
	"root-ca-cert-publisher": [["create update", "configmaps"], eventsRule],
	"validatingadmissionpolicy-status-controller": [
		[read, "validatingadmissionpolicies", "admissionregistration.k8s.io"],
		["get patch update", "validatingadmissionpolicies/status", "admissionregistration.k8s.io"],
		eventsRule,
	],
	"legacy-service-account-token-cleaner": [
		["get", "configmaps", "core", "kube-apiserver-legacy-service-account-token-tracking"],
		["patch delete", "secrets"],
	],
	"selinux-warning-controller": [
		eventsRule,
		[read, "persistentvolumes"],
		[read, "persistentvolumeclaims"],
		[read, "pods"],
		[read, "csidrivers", storage],
	],
};

export function controllerRoles(): readonly ClusterRole[] {
	return Object.entries(controllers).map(([name, rules]) => clusterRole({ name: prefix + name, rules }));
}

export function controllerRoleBindings(): readonly ClusterRoleBinding[] {
	return Object.keys(controllers).map((name) => clusterRoleBinding(prefix + name, systemAccount(name)));
}
