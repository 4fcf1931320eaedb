/**
 * What kube-apiserver puts into an empty cluster at its first start, as pure data: namespaces, priority classes, the
 * ServiceCIDR, flow control, the RBAC roles and bindings, the local APIServices; and what a cluster's CSI driver brings. Loaded at a
 * start, after the API has begun to answer.
 *
 * Some objects carry a status, which a plain create drops: FlowSchemas, the ServiceCIDR and APIServices. Whoever creates
 * them writes that status too.
 */
import { defaultFeatureGates, type FeatureGates } from "../../apimachinery/feature-gates.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Namespace, PriorityClass, ServiceCIDR } from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { apiServices } from "./api-services.ts";
import { clusterRoleBindings, clusterRoles } from "./cluster-roles.ts";
import { controllerRoleBindings, controllerRoles } from "./controller-roles.ts";
import { diskDriverObjects } from "./disk-driver.ts";
import { flowSchemas, priorityLevels } from "./flow-control.ts";
import { kubeadmRoles } from "./kubeadm-roles.ts";
import { namespaceRoleBindings, namespaceRoles } from "./namespace-roles.ts";

export interface BootstrapOptions {
	/** One range, or one of each IP family; default 10.96.0.0/12. */
	readonly serviceCidrs?: readonly string[];
	/** Cluster time, Unix ms: since when the conditions hold. */
	readonly nowMs: number;
	/** Default: as in 1.36. */
	readonly featureGates?: FeatureGates;
}

/** All bootstrap objects in the order in which to create them. Without uid, creationTimestamp and defaults. */
export function bootstrapObjects({
	serviceCidrs = ["10.96.0.0/12"],
	nowMs,
	featureGates = defaultFeatureGates,
}: BootstrapOptions): readonly KubeObject[] {
	const now = formatTime(nowMs);
	return [
		...["kube-system", "default", "kube-public", "kube-node-lease"].map(namespace),
		systemPriorityClass(
			"system-node-critical",
			2_000_001_000,
			"Used for system critical pods that must not be moved from their current node.",
		),
		systemPriorityClass(
			"system-cluster-critical",
			2_000_000_000,
			"Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
		),
		defaultServiceCidr(serviceCidrs, now),
		...priorityLevels(),
		...flowSchemas(now),
		...reconciledObjects(featureGates),
		...kubeadmRoles(),
		...diskDriverObjects(),
		...apiServices(now, featureGates),
	];
}

/** Those of RBAC that a restart brings back to what they have to hold, roles before their bindings. */
export function reconciledObjects(featureGates: FeatureGates = defaultFeatureGates): readonly KubeObject[] {
	return [
		...clusterRoles(featureGates),
		...controllerRoles(),
		...clusterRoleBindings(),
		...controllerRoleBindings(),
		...namespaceRoles(),
		...namespaceRoleBindings(),
	];
}

function namespace(name: string): Namespace {
	return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

function systemPriorityClass(name: string, value: number, description: string): PriorityClass {
	return { apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", metadata: { name }, value, description };
}

/** Source: pkg/controlplane/controller/defaultservicecidr. */
function defaultServiceCidr(cidrs: readonly string[], now: string): ServiceCIDR {
	const ready = { type: "Ready", status: "True", reason: "", message: "Kubernetes Service CIDR is ready", lastTransitionTime: now };
	return {
		apiVersion: "networking.k8s.io/v1",
		kind: "ServiceCIDR",
		metadata: { name: "kubernetes", finalizers: ["networking.k8s.io/service-cidr-finalizer"] },
		spec: { cidrs },
		status: { conditions: [ready] },
	};
}
