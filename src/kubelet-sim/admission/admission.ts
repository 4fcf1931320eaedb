/**
 * Whether a node takes a pod that is bound to it, decided: the kubelet looks again at what the scheduler should have looked at,
 * as pods can be bound past it. Pure; node-admission.ts acts on it.
 *
 *   pressure → sysctls → operating system → resources → affinity → ports → taints → shutdown
 *
 * Source of order, reasons and texts: pkg/kubelet/kubelet.go (admit handlers), pkg/kubelet/lifecycle/predicate.go,
 * pkg/kubelet/eviction, pkg/kubelet/sysctl, pkg/kubelet/nodeshutdown. Not simulated: topology manager, AppArmor.
 */
import { requiredNodePredicate, type SelectableNode } from "../../apimachinery/node-selector.ts";
import type { Pod, Taint } from "../../apimachinery/schema/generated/types.ts";
import { findUntolerated, tolerates } from "../../apimachinery/tolerations.ts";
import type { ResourceAmounts } from "../pod-worker/footprint.ts";
import { isCriticalPod, isStaticPod } from "./critical-pods.ts";

/** Why a pod is refused: the status' reason, and the event's; the status' message has more in front. */
export interface Rejection {
	readonly reason: string;
	readonly message: string;
}

/** A pod that the node has already. */
export interface AdmittedPod {
	readonly pod: Pod;
	readonly requests: ResourceAmounts;
}

export interface AdmittingNode extends SelectableNode {
	readonly taints: readonly Taint[];
	readonly allocatable: ResourceAmounts;
	/** MemoryPressure, DiskPressure, PIDPressure: those that there are. */
	readonly pressures: readonly string[];
	readonly isShuttingDown: boolean;
}

/** More of a resource is asked for than is free. */
export interface Shortage {
	readonly resource: string;
	readonly requested: number;
	readonly used: number;
	readonly capacity: number;
}

export type AdmissionVerdict =
	| { readonly type: "admitted" }
	/** `isOfNode`: by what the Node object says, which may have changed. */
	| { readonly type: "rejected"; readonly rejection: Rejection; readonly isOfNode: boolean }
	/** Nothing but room is missing, and the pod is critical: others are to go. */
	| { readonly type: "preempts"; readonly shortages: readonly Shortage[] };

const admitted: AdmissionVerdict = { type: "admitted" };

/** @param requests of the pod */
export function admit(pod: Pod, requests: ResourceAmounts, node: AdmittingNode, others: readonly AdmittedPod[]): AdmissionVerdict {
	const early = underPressure(pod, node.pressures) ?? forbiddenSysctl(pod) ?? wrongSystem(pod);
	if (early !== undefined) return rejected(early);
	const shortages = missingResources(requests, node.allocatable, others);
	const rejection = unsuitableNode(pod, node) ?? takenPorts(pod, others) ?? intolerable(pod, node);
	const [first] = shortages;
	if (first !== undefined && !isCriticalPod(pod)) return rejected(rejectionOf(first));
	if (rejection !== undefined) return { type: "rejected", rejection, isOfNode: rejection.reason !== "NodePorts" };
	if (first !== undefined) return { type: "preempts", shortages };
	if (!node.isShuttingDown) return admitted;
	return rejected({ reason: "NodeShutdown", message: "Pod was rejected as the node is shutting down." });
}

function rejected(rejection: Rejection): AdmissionVerdict {
	return { type: "rejected", rejection, isOfNode: false };
}

/** Nothing new but what the system needs; under pressure of memory alone only pods that promise nothing are kept out. */
function underPressure(pod: Pod, pressures: readonly string[]): Rejection | undefined {
	if (pressures.length === 0 || isCriticalPod(pod)) return undefined;
	if (pressures.length === 1 && pressures[0] === "MemoryPressure") {
		const taint = { key: "node.kubernetes.io/memory-pressure", effect: "NoSchedule" };
		if (pod.status?.qosClass !== "BestEffort" || pod.spec?.tolerations?.some((toleration) => tolerates(toleration, taint)) === true)
			return undefined;
	}
	return { reason: "Evicted", message: `The node had condition: [${pressures.join(" ")}]. ` };
}

/** https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/#safe-and-unsafe-sysctls */
const safeSysctls: ReadonlySet<string> = new Set([
	"kernel.shm_rmid_forced",
	"net.ipv4.ip_local_port_range",
	"net.ipv4.tcp_syncookies",
	"net.ipv4.ping_group_range",
	"net.ipv4.ip_unprivileged_port_start",
	"net.ipv4.ip_local_reserved_ports",
	"net.ipv4.tcp_keepalive_time",
	"net.ipv4.tcp_fin_timeout",
	"net.ipv4.tcp_keepalive_intvl",
	"net.ipv4.tcp_keepalive_probes",
	"net.ipv4.tcp_rmem",
	"net.ipv4.tcp_wmem",
]);

function forbiddenSysctl({ spec }: Pod): Rejection | undefined {
	const reason = "SysctlForbidden";
	for (const { name: written } of spec?.securityContext?.sysctls ?? []) {
		const name = written.replaceAll("/", ".");
		const subject = `forbidden sysctl: ${JSON.stringify(name)}`;
		if (!safeSysctls.has(name)) return { reason, message: `${subject} not allowlisted` };
		if (name.startsWith("net.") && spec?.hostNetwork === true) return { reason, message: `${subject} not allowed with host net enabled` };
		if (name.startsWith("kernel.") && spec?.hostIPC === true) return { reason, message: `${subject} not allowed with host ipc enabled` };
	}
	return undefined;
}

function wrongSystem({ metadata, spec }: Pod): Rejection | undefined {
	const label = metadata?.labels?.["kubernetes.io/os"];
	if (label !== undefined && label !== "linux")
		return {
			reason: "PodOSSelectorNodeLabelDoesNotMatch",
			message: "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
		};
	if (spec?.os !== undefined && spec.os.name !== "linux")
		return { reason: "PodOSNotSupported", message: "Failed to admit pod as the OS field doesn't match node OS" };
	return undefined;
}

const builtInResources = ["cpu", "memory", "ephemeral-storage"] as const;

/** In the scheduler's order: pods, what every node has, the rest. A resource of somebody else's that the node knows nothing of is not its business. */
function missingResources(requests: ResourceAmounts, allocatable: ResourceAmounts, others: readonly AdmittedPod[]): readonly Shortage[] {
	const shortages: Shortage[] = [];
	const check = (resource: string, requested: number, used: number) => {
		const capacity = allocatable.get(resource) ?? 0;
		if (requested > capacity - used) shortages.push({ resource, requested, used, capacity });
	};
	check("pods", 1, others.length);
	const rest = [...requests.keys()].filter((name) => !builtInResources.some((builtIn) => builtIn === name)).sort();
	for (const resource of [...builtInResources, ...rest]) {
		const requested = requests.get(resource) ?? 0;
		if (requested === 0 || (isExtended(resource) && !allocatable.has(resource))) continue;
		check(
			resource,
			requested,
			others.reduce((sum, other) => sum + (other.requests.get(resource) ?? 0), 0),
		);
	}
	return shortages;
}

function isExtended(resource: string): boolean {
	return resource.includes("/") && !resource.includes("kubernetes.io/");
}

function rejectionOf({ resource, requested, used, capacity }: Shortage): Rejection {
	const message = `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`;
	return { reason: `OutOf${resource}`, message };
}

function unsuitableNode(pod: Pod, node: AdmittingNode): Rejection | undefined {
	return requiredNodePredicate(pod)?.(node) === false
		? failedPredicate("NodeAffinity", "node(s) didn't match Pod's node affinity/selector")
		: undefined;
}

function takenPorts(pod: Pod, others: readonly AdmittedPod[]): Rejection | undefined {
	const wanted = hostPorts(pod);
	if (wanted.length === 0) return undefined;
	const taken = others.flatMap((other) => hostPorts(other.pod));
	const collides = wanted.some((a) =>
		taken.some((b) => a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === anyAddress || b.ip === anyAddress)),
	);
	return collides ? failedPredicate("NodePorts", "node(s) didn't have free ports for the requested pod ports") : undefined;
}

const anyAddress = "0.0.0.0";

function hostPorts({ spec }: Pod): readonly { readonly ip: string; readonly port: number; readonly protocol: string }[] {
	const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
	return [...(spec?.containers ?? []), ...sidecars].flatMap(({ ports = [] }) =>
		ports.flatMap(({ hostIP = "", hostPort = 0, protocol = "TCP" }) =>
			hostPort === 0 ? [] : [{ ip: hostIP === "" ? anyAddress : hostIP, port: hostPort, protocol }],
		),
	);
}

/** Only what drives pods away: a taint that keeps new ones off is the scheduler's business. */
function intolerable(pod: Pod, { taints }: AdmittingNode): Rejection | undefined {
	if (taints.length === 0 || isStaticPod(pod)) return undefined;
	const driving = taints.filter(({ effect }) => effect === "NoExecute");
	return findUntolerated(driving, pod.spec?.tolerations) === undefined
		? undefined
		: failedPredicate("TaintToleration", "node(s) had taints that the pod didn't tolerate");
}

function failedPredicate(reason: string, why: string): Rejection {
	return { reason, message: `Predicate ${reason} failed: ${why}` };
}
