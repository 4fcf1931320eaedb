/**
 * The columns of `kubectl get pods`. STATUS is not the phase: it is the most telling reason among the Pod's and its
 * containers' (`Init:0/1`, `CrashLoopBackOff`, `Completed`, `Terminating`).
 * Source: printPod in pkg/printers/internalversion/printers.go of Kubernetes 1.36.
 */
import type { ContainerState, ContainerStatus, Pod } from "../../../apimachinery/schema/generated/types.ts";
import { formatAge, parseTime } from "../../../apimachinery/time.ts";
import type { Column, RowCondition } from "../kind.ts";
import { ageColumn, nameColumn, orNone, stringColumn, wide } from "../printing/columns.ts";

export interface PodSummary {
	/** Containers that are ready, sidecars included. */
	readonly ready: number;
	/** Containers that count: plain ones and sidecars. */
	readonly total: number;
	/** What STATUS shows. */
	readonly reason: string;
	/** Of init containers while the Pod initialises, then of containers and sidecars. */
	readonly restarts: number;
	/** When the last of those restarts' predecessors ended, RFC 3339. */
	readonly lastRestart: string | undefined;
}

interface Tally {
	restarts: number;
	lastRestart: string | undefined;
}

/** What `kubectl get pods` says of a Pod in brief. */
export function summarizePod(pod: Pod): PodSummary {
	const { spec, status } = pod;
	const sidecars = new Set((spec?.initContainers ?? []).filter((c) => c.restartPolicy === "Always").map((c) => c.name));
	const init = summarizeInit(pod, sidecars);
	const initialized = status?.conditions?.some((c) => c.type === "Initialized" && c.status === "True") === true;
	const total = (spec?.containers?.length ?? 0) + sidecars.size;
	const first = init.reason ?? podReason(pod);
	if (init.reason !== undefined && !initialized) {
		return { ready: init.ready, total, reason: endReason(pod, first), ...init.all };
	}
	const tally: Tally = { ...init.sidecars };
	const main = summarizeContainers(pod, first, tally);
	return { ready: init.ready + main.ready, total, reason: endReason(pod, main.reason), ...tally };
}

/** The Pod's own reason or phase, `SchedulingGated` while gates hold it. */
function podReason({ status }: Pod): string {
	const gated = status?.conditions?.some((c) => c.type === "PodScheduled" && c.reason === "SchedulingGated");
	if (gated === true) return "SchedulingGated";
	return status?.reason || (status?.phase ?? "");
}

function summarizeInit(pod: Pod, sidecars: ReadonlySet<string>) {
	const all: Tally = { restarts: 0, lastRestart: undefined };
	const ofSidecars: Tally = { restarts: 0, lastRestart: undefined };
	let ready = 0;
	let reason: string | undefined;
	for (const [index, container] of (pod.status?.initContainerStatuses ?? []).entries()) {
		const isSidecar = sidecars.has(container.name);
		count(all, container);
		if (isSidecar) count(ofSidecars, container);
		if (container.state?.terminated?.exitCode === 0) continue;
		if (isSidecar && container.started === true) {
			if (container.ready) ready++;
			continue;
		}
		reason = initReason(container.state, index, pod.spec?.initContainers?.length ?? 0);
		break;
	}
	return { all, sidecars: ofSidecars, ready, reason };
}

/** `Init:Error`, `Init:ExitCode:1`, `Init:ImagePullBackOff`, `Init:0/2`. */
function initReason(state: ContainerState | undefined, index: number, total: number): string {
	if (state?.terminated !== undefined) return `Init:${terminatedReason(state.terminated)}`;
	const waiting = state?.waiting?.reason;
	if (waiting !== undefined && waiting !== "" && waiting !== "PodInitializing") return `Init:${waiting}`;
	return `Init:${index}/${total}`;
}

/** From the last container to the first, so that the first one's reason wins. */
function summarizeContainers(pod: Pod, first: string, tally: Tally): { readonly ready: number; readonly reason: string } {
	let ready = 0;
	let reason = first;
	for (const container of (pod.status?.containerStatuses ?? []).toReversed()) {
		count(tally, container);
		const { waiting, terminated, running } = container.state ?? {};
		if (waiting?.reason !== undefined && waiting.reason !== "") reason = waiting.reason;
		else if (terminated !== undefined) reason = terminatedReason(terminated);
		else if (container.ready && running !== undefined) ready++;
	}
	if (reason === "Completed" && ready > 0) {
		const isReady = pod.status?.conditions?.some((c) => c.type === "Ready" && c.status === "True") === true;
		reason = isReady ? "Running" : "NotReady";
	}
	return { ready, reason };
}

function terminatedReason({ reason, signal, exitCode }: NonNullable<ContainerState["terminated"]>): string {
	if (reason !== undefined && reason !== "") return reason;
	return signal !== undefined && signal !== 0 ? `Signal:${signal}` : `ExitCode:${exitCode}`;
}

function count(tally: Tally, container: ContainerStatus): void {
	tally.restarts += container.restartCount ?? 0;
	const finished = container.lastState?.terminated?.finishedAt;
	if (finished === undefined) return;
	if (tally.lastRestart === undefined || parseTime(finished) > parseTime(tally.lastRestart)) tally.lastRestart = finished;
}

/** A Pod that is being deleted is `Terminating`, `Unknown` where its node is lost. */
function endReason({ metadata, status }: Pod, reason: string): string {
	if (metadata?.deletionTimestamp === undefined) return reason;
	if (status?.reason === "NodeLost") return "Unknown";
	return status?.phase === "Succeeded" || status?.phase === "Failed" ? reason : "Terminating";
}

function formatRestarts({ restarts, lastRestart }: PodSummary, nowMs: number): string {
	return restarts !== 0 && lastRestart !== undefined ? `${restarts} (${formatAge(lastRestart, nowMs)} ago)` : `${restarts}`;
}

/** `1/2`: how many of the Pod's readiness gates are true. */
function formatReadinessGates({ spec, status }: Pod): string {
	const gates = spec?.readinessGates ?? [];
	if (gates.length === 0) return "<none>";
	const open = gates.filter(({ conditionType }) => status?.conditions?.find((c) => c.type === conditionType)?.status === "True");
	return `${open.length}/${gates.length}`;
}

/** A finished Pod's row is completed. */
export function podRowConditions({ status }: Pod): readonly RowCondition[] {
	const completed = (message: string): RowCondition => ({ type: "Completed", status: "True", reason: status?.phase ?? "", message });
	if (status?.phase === "Succeeded") return [completed("The pod has completed successfully.")];
	return status?.phase === "Failed" ? [completed("The pod failed.")] : [];
}

export const podColumns: readonly Column<Pod>[] = [
	nameColumn(),
	stringColumn("Ready", "The aggregate readiness state of this pod for accepting traffic.", (pod) => {
		const { ready, total } = summarizePod(pod);
		return `${ready}/${total}`;
	}),
	stringColumn("Status", "The aggregate status of the containers in this pod.", (pod) => summarizePod(pod).reason),
	stringColumn(
		"Restarts",
		"The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.",
		(pod, { nowMs }) => formatRestarts(summarizePod(pod), nowMs),
	),
	ageColumn(),
	wide(
		stringColumn(
			"IP",
			"podIP address allocated to the pod. Routable at least within the cluster. Empty if not yet allocated.",
			({ status }) => orNone(status?.podIPs?.[0]?.ip),
		),
	),
	wide(stringColumn("Node", "NodeName indicates in which node this pod is scheduled.", ({ spec }) => orNone(spec?.nodeName))),
	wide(
		stringColumn(
			"Nominated Node",
			"nominatedNodeName is set only when this pod preempts other pods on the node, but it cannot be scheduled right away as preemption victims receive their graceful termination periods.",
			({ status }) => orNone(status?.nominatedNodeName),
		),
	),
	wide(
		stringColumn("Readiness Gates", "If specified, all readiness gates will be evaluated for pod readiness.", (pod) =>
			formatReadinessGates(pod),
		),
	),
];
