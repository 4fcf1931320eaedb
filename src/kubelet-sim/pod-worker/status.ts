/**
 * The status of a pod: a pure function of its spec, its record and what was reported before.
 * Source of behaviour: pkg/kubelet/kubelet_pods.go (generateAPIPodStatus), pkg/kubelet/status (generate.go, TerminatePod of
 * status_manager.go).
 */
import type {
	Container,
	ContainerState,
	ContainerStatus,
	EphemeralContainer,
	Pod,
	PodCondition,
	PodStatus,
} from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { phaseOf } from "./phase.ts";
import { type ContainerRecord, hasRuleForAll, type PodEnding, type PodRecord, type Termination } from "./pod-record.ts";
import { credentialsOf } from "./sandbox-facts.ts";

export interface StatusContext {
	readonly hostIp: string;
	readonly nowMs: number;
}

const rootUser = { linux: { uid: 0, gid: 0, supplementalGroups: [0] } };

/** Who the main process was started as. */
function userOf(pod: Pod, container: Container | EphemeralContainer): NonNullable<ContainerStatus["user"]> {
	const credentials = credentialsOf(pod, container);
	if (credentials === undefined) return rootUser;
	const { uid, gid, groups } = credentials;
	return { linux: { uid, gid, supplementalGroups: [...new Set([gid, ...groups])].sort((a, b) => a - b) } };
}

export function podStatus(pod: Pod, record: PodRecord, { hostIp, nowMs }: StatusContext): PodStatus {
	if (record.isOver && pod.status !== undefined) return pod.status;
	if (record.ending?.isRejection === true) return rejectedStatus(pod, record, record.ending.failed);
	const phase = phaseOf(pod, record);
	const lists = containerStatusLists(pod, record);
	const generation = pod.metadata?.generation;
	return {
		...(generation === undefined ? {} : { observedGeneration: generation }),
		phase,
		...(phase === "Failed" ? (record.ending?.failed ?? {}) : {}),
		conditions: conditionsOf(pod, record, phase, nowMs),
		hostIP: hostIp,
		hostIPs: [{ ip: hostIp }],
		...(record.ip === "" ? {} : { podIP: record.ip, podIPs: [{ ip: record.ip }] }),
		startTime: formatTime(record.startMs),
		...lists,
		...(pod.status?.qosClass === undefined ? {} : { qosClass: pod.status.qosClass }),
	};
}

/** Of a pod that its node has not taken. Source: rejectPod of pkg/kubelet/kubelet.go. */
function rejectedStatus({ metadata, status }: Pod, { startMs }: PodRecord, why: PodEnding["failed"]): PodStatus {
	return {
		...(metadata?.generation === undefined ? {} : { observedGeneration: metadata.generation }),
		phase: "Failed",
		...why,
		startTime: formatTime(startMs),
		...(status?.qosClass === undefined ? {} : { qosClass: status.qosClass }),
	};
}

function containerStatusLists(pod: Pod, record: PodRecord) {
	const of = (containers: readonly (Container | EphemeralContainer)[] | undefined): readonly ContainerStatus[] =>
		(containers ?? []).flatMap((container) => {
			const known = record.containers.find(({ name }) => name === container.name);
			return known === undefined ? [] : [containerStatus(pod, container, known, record)];
		});
	const { spec } = pod;
	const init = of(spec?.initContainers);
	const ephemeral = of(spec?.ephemeralContainers);
	return {
		...(init.length === 0 ? {} : { initContainerStatuses: init }),
		containerStatuses: of(spec?.containers),
		...(ephemeral.length === 0 ? {} : { ephemeralContainerStatuses: ephemeral }),
	};
}

function containerStatus(pod: Pod, container: Container | EphemeralContainer, known: ContainerRecord, record: PodRecord): ContainerStatus {
	const isRunning = known.phase === "running";
	const { state, lastState } = statesOf(pod, known, record);
	const { allocated, actuated } = known;
	const mounts = (container.volumeMounts ?? []).map(({ mountPath, name, readOnly }) => ({
		name,
		mountPath,
		...(readOnly === true ? { readOnly, recursiveReadOnly: "Disabled" } : {}),
	}));
	return {
		name: container.name,
		state,
		lastState,
		ready: known.kind === "init" ? known.exit?.exitCode === 0 : isRunning && known.ready,
		restartCount: known.restartCount,
		image: known.image === "" ? (container.image ?? "") : known.image,
		imageID: known.imageId,
		...(known.containerId === "" ? {} : { containerID: known.containerId }),
		started: isRunning && known.started,
		...(allocated?.requests === undefined ? {} : { allocatedResources: allocated.requests }),
		...(isRunning && actuated !== undefined ? { resources: actuated } : {}),
		...(mounts.length === 0 ? {} : { volumeMounts: mounts }),
		...(isRunning ? { user: userOf(pod, container) } : {}),
	};
}

function statesOf(pod: Pod, known: ContainerRecord, record: PodRecord): { state: ContainerState; lastState: ContainerState } {
	const previous: ContainerState = known.previous === undefined ? {} : { terminated: terminated(known.previous) };
	if (known.phase === "running") return { state: { running: { startedAt: formatTime(known.startedMs) } }, lastState: previous };
	const ended = known.exit ?? undefined;
	if (known.restartsWithAll && ended !== undefined)
		return { state: { waiting: { reason: defaultWaitingReason(pod) } }, lastState: { terminated: terminated(ended) } };
	if (known.waiting !== undefined)
		return { state: { waiting: known.waiting }, lastState: ended === undefined ? previous : { terminated: terminated(ended) } };
	if (ended !== undefined) return { state: { terminated: terminated(ended) }, lastState: previous };
	if (record.sandbox === "stopped" && known.kind === "main") return { state: { terminated: neverSeen }, lastState: previous };
	return { state: { waiting: { reason: defaultWaitingReason(pod) } }, lastState: previous };
}

/** Of a container that had no time to start before its pod was ended: whether it would have been successful nobody knows. */
const neverSeen = {
	exitCode: 137,
	reason: "ContainerStatusUnknown",
	message: "The container could not be located when the pod was terminated",
};

/** What a container that waits its turn shows. */
function defaultWaitingReason(pod: Pod): string {
	return (pod.spec?.initContainers?.length ?? 0) > 0 ? "PodInitializing" : "ContainerCreating";
}

function terminated({ exitCode, reason, message, startedMs, finishedMs, containerId }: Termination) {
	return {
		exitCode,
		reason,
		...(message === undefined ? {} : { message }),
		startedAt: formatTime(startedMs),
		finishedAt: formatTime(finishedMs),
		...(containerId === "" ? {} : { containerID: containerId }),
	};
}

type ConditionCore = Pick<PodCondition, "type" | "status" | "reason" | "message"> & {
	/** Of the spec that it is about, where that is not the present one. */
	readonly generation?: number;
};

function conditionsOf(pod: Pod, record: PodRecord, phase: string, nowMs: number): PodCondition[] {
	const containersReady = containersReadyCondition(pod, record, phase);
	const cores: readonly ConditionCore[] = [
		{ type: "PodReadyToStartContainers", status: record.sandbox === "ready" ? "True" : "False" },
		initializedCondition(record, phase),
		readyCondition(pod, containersReady),
		containersReady,
		{ type: "PodScheduled", status: "True" },
		...resizeConditions(record),
		...restartCondition(pod, record, phase),
		...disruptionCondition(record, phase),
	];
	const before = pod.status?.conditions ?? [];
	const generation = pod.metadata?.generation;
	const ours = cores.map((core): PodCondition => {
		const known = before.find(({ type }) => type === core.type);
		return {
			type: core.type,
			status: core.status,
			...(core.reason === undefined ? {} : { reason: core.reason }),
			...(core.message === undefined ? {} : { message: core.message }),
			lastTransitionTime:
				known?.status === core.status && known.lastTransitionTime !== undefined ? known.lastTransitionTime : formatTime(nowMs),
			...(generation === undefined ? {} : { observedGeneration: core.generation ?? generation }),
		};
	});
	return ours;
}

function resizeConditions({ resize }: PodRecord): readonly ConditionCore[] {
	const { pending, inProgress } = resize ?? {};
	return [
		...(pending === undefined ? [] : [{ type: "PodResizePending", status: "True", ...pending }]),
		...(inProgress === undefined ? [] : [{ type: "PodResizeInProgress", status: "True", ...inProgress }]),
	];
}

/** Only of a pod that has such a rule. Source: GenerateAllContainersRestartingCondition of pkg/kubelet/status/generate.go. */
function restartCondition(pod: Pod, { restartingAll }: PodRecord, phase: string): readonly ConditionCore[] {
	if (!hasRuleForAll(pod)) return [];
	const type = "AllContainersRestarting";
	if (phase === "Succeeded") return [{ type, status: "False", reason: "PodCompleted" }];
	if (phase === "Failed") return [{ type, status: "False", reason: "PodFailed" }];
	if (!restartingAll) return [{ type, status: "False" }];
	return [{ type, status: "True", reason: "RestartAllContainersStarted", message: "container exited with restart policy rule" }];
}

/** With the phase, not before. https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions */
function disruptionCondition({ ending }: PodRecord, phase: string): readonly ConditionCore[] {
	if (ending?.isDisruption !== true || phase !== "Failed") return [];
	return [{ type: "DisruptionTarget", status: "True", reason: "TerminationByKubelet", message: ending.failed?.message ?? "" }];
}

function initializedCondition(record: PodRecord, phase: string): ConditionCore {
	const incomplete = record.containers.filter((container) =>
		container.kind === "init"
			? container.exit?.exitCode !== 0
			: container.kind === "sidecar" && !container.started && container.restartCount === 0,
	);
	if (phase === "Succeeded") return { type: "Initialized", status: "True", reason: "PodCompleted" };
	if (incomplete.length === 0) return { type: "Initialized", status: "True" };
	return {
		type: "Initialized",
		status: "False",
		reason: "ContainersNotInitialized",
		message: `containers with incomplete status: ${nameList(incomplete)}`,
	};
}

function containersReadyCondition(pod: Pod, record: PodRecord, phase: string): ConditionCore {
	const type = "ContainersReady";
	if (phase === "Succeeded") return { type, status: "False", reason: "PodCompleted" };
	if (phase === "Failed") return { type, status: "False", reason: "PodFailed" };
	const unready = record.containers.filter(
		({ kind, phase: containerPhase, ready }) => (kind === "main" || kind === "sidecar") && !(containerPhase === "running" && ready),
	);
	if (unready.length === 0 && (pod.spec?.containers.length ?? 0) > 0) return { type, status: "True" };
	return { type, status: "False", reason: "ContainersNotReady", message: `containers with unready status: ${nameList(unready)}` };
}

function readyCondition(pod: Pod, containersReady: ConditionCore): ConditionCore {
	if (containersReady.status !== "True") return { ...containersReady, type: "Ready" };
	const missing: string[] = [];
	for (const { conditionType } of pod.spec?.readinessGates ?? []) {
		const condition = pod.status?.conditions?.find(({ type }) => type === conditionType);
		if (condition === undefined) missing.push(`corresponding condition of pod readiness gate "${conditionType}" does not exist.`);
		else if (condition.status !== "True")
			missing.push(`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`);
	}
	if (missing.length === 0) return { type: "Ready", status: "True" };
	return { type: "Ready", status: "False", reason: "ReadinessGatesNotReady", message: missing.join(", ") };
}

/** `[a b]`, as Go prints a list. */
function nameList(containers: readonly ContainerRecord[]): string {
	return `[${containers.map(({ name }) => name).join(" ")}]`;
}
