/**
 * Whether a container that has ended runs again: its own rules first, then its own policy, then its pod's. Pure.
 * Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-restart-rules and
 * #restart-all-containers; KEP-5307 and KEP-5532 (both on in 1.36).
 */
import type { Container, ContainerRestartRule, Pod } from "../../apimachinery/schema/generated/types.ts";
import { type ContainerRecord, findContainer, type PodRecord } from "./pod-record.ts";

/** Whether an ended container is to run again. */
export function shouldRestart(pod: Pod, container: ContainerRecord): boolean {
	if (container.restartsForSpec || container.restartsWithAll) return true;
	const { name, kind, exit } = container;
	if (kind === "ephemeral") return false;
	if (kind === "sidecar") return true;
	const exitCode = exit?.exitCode ?? 0;
	// Whatever its policy is, an init container that has done its work does not do it again.
	if (kind === "init" && exitCode === 0) return false;
	const spec = findContainer(pod, name) as Container | undefined;
	if (matchingRule(spec, exitCode)?.action === "Restart") return true;
	const policy = spec?.restartPolicy ?? pod.spec?.restartPolicy ?? "Always";
	return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
}

/** Whether there is any way for a container that runs to run again. Source: IsContainerRestartable of pkg/api/v1/pod. */
export function isRestartable(pod: Pod, { name, kind }: ContainerRecord): boolean {
	if (kind === "sidecar") return true;
	const { restartPolicy, restartPolicyRules = [] } = (findContainer(pod, name) ?? {}) as Partial<Container>;
	if (restartPolicy !== undefined && restartPolicyRules.some(({ action }) => action === "Restart")) return true;
	return (restartPolicy ?? pod.spec?.restartPolicy) !== "Never";
}

/** Whether a container of the pod has ended with a code for which all of them start anew. */
export function restartsAll(pod: Pod, { containers }: PodRecord): boolean {
	return containers.some(
		({ name, phase, exit, restartsWithAll }) =>
			phase === "exited" &&
			exit !== undefined &&
			!restartsWithAll &&
			matchingRule(findContainer(pod, name) as Container | undefined, exit.exitCode)?.action === "RestartAllContainers",
	);
}

/** The first rule that the exit code meets. */
function matchingRule(container: Container | undefined, exitCode: number): ContainerRestartRule | undefined {
	if (container?.restartPolicy === undefined) return undefined;
	return container.restartPolicyRules?.find(({ exitCodes }) => {
		const isListed = exitCodes?.values?.includes(exitCode) === true;
		return exitCodes?.operator === "In" ? isListed : exitCodes?.operator === "NotIn" && !isListed;
	});
}
