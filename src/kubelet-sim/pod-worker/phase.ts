/**
 * The phase of a pod, out of what its containers have done; it never goes back. Pure.
 * Source of behaviour: getPhase of pkg/kubelet/kubelet_pods.go and
 * https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { podOutcome } from "./plan.ts";
import type { ContainerRecord, PodRecord } from "./pod-record.ts";

export function phaseOf(pod: Pod, record: PodRecord): string {
	const { ending, containers } = record;
	const reported = pod.status?.phase;
	if (reported === "Succeeded" || reported === "Failed") return reported;
	const main = containers.filter(({ kind }) => kind === "main");
	const isStill = containers.every(({ phase }) => phase !== "running" && phase !== "starting");
	// The phase is final only once nothing runs any more.
	if (ending?.failed !== undefined && isStill) return "Failed";
	if (record.deleting && isStill && record.sandbox === "stopped") {
		return main.length > 0 && main.every(({ phase, exit }) => phase === "exited" && exit?.exitCode === 0) ? "Succeeded" : "Failed";
	}
	const outcome = podOutcome(pod, record);
	const hasBegun = main.some(hasRun);
	// What fails to initialise has failed at once; else a sidecar that still runs keeps its pod in the phase Running.
	if (outcome === "failed" && (isStill || !hasBegun)) return "Failed";
	if (isPending(containers, main)) return "Pending";
	return outcome === "succeeded" && isStill ? "Succeeded" : "Running";
}

/** Once a main container has run, it does not matter any more that an init container is to run again. */
function isPending(containers: readonly ContainerRecord[], main: readonly ContainerRecord[]): boolean {
	if (main.length === 0 || main.some((container) => !hasRun(container))) return true;
	return !main.some(hasRun) && containers.some(isInitializing);
}

function isInitializing(container: ContainerRecord): boolean {
	if (container.kind === "sidecar") return container.phase === "running" ? !container.started : !hasRun(container);
	return container.kind === "init" && (container.phase === "running" || !hasRun(container));
}

function hasRun({ phase, exit, previous }: ContainerRecord): boolean {
	return phase === "running" || exit !== undefined || previous !== undefined;
}
