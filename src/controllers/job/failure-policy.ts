/**
 * What a Job's podFailurePolicy says of a failed pod. Pure.
 * Source: pkg/controller/job/pod_failure_policy.go, KEP-3329 and
 * https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy
 */
import type {
	ContainerStatus,
	Pod,
	PodFailurePolicy,
	PodFailurePolicyOnExitCodesRequirement,
	PodFailurePolicyOnPodConditionsPattern,
} from "../../apimachinery/schema/generated/types.ts";

export interface FailureVerdict {
	/** The action of the rule that matched; undefined: none did, and the failure counts as usual. */
	readonly action?: "Count" | "FailIndex" | "FailJob" | "Ignore";
	/** Whether the failure counts towards the back-off limits. */
	readonly counts: boolean;
	/** Why the Job fails, for FailJob. */
	readonly message?: string;
}

const usual: FailureVerdict = { counts: true };

/** The first rule that matches decides. */
export function judgeFailure(policy: PodFailurePolicy | undefined, pod: Pod): FailureVerdict {
	for (const [index, { action, onExitCodes, onPodConditions }] of (policy?.rules ?? []).entries()) {
		const match = onExitCodes === undefined ? matchConditions(pod, onPodConditions ?? []) : matchExitCodes(pod, onExitCodes);
		if (match === undefined) continue;
		switch (action) {
			case "Ignore":
				return { action, counts: false };
			case "Count":
			case "FailIndex":
				return { action, counts: true };
			case "FailJob":
				return { action, counts: true, message: `${match} matching FailJob rule at index ${index}` };
			default:
			// An action that is not known yet: as if the rule were not there.
		}
	}
	return usual;
}

/** What matched, in words. */
function matchExitCodes({ metadata, status }: Pod, requirement: PodFailurePolicyOnExitCodesRequirement): string | undefined {
	const containers = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
	const match = containers.find((container) => failedAsRequired(container, requirement));
	if (match === undefined) return undefined;
	const where = `Container ${match.name} for pod ${metadata?.namespace}/${metadata?.name}`;
	return `${where} failed with exit code ${match.state?.terminated?.exitCode}`;
}

/** A container that is still running has no exit code, and one that succeeded has not failed, whatever the values say. */
function failedAsRequired(
	{ name, state }: ContainerStatus,
	{ containerName, operator, values }: PodFailurePolicyOnExitCodesRequirement,
): boolean {
	const exitCode = state?.terminated?.exitCode ?? 0;
	if (exitCode === 0 || (containerName !== undefined && containerName !== name)) return false;
	if (operator === "In") return values.includes(exitCode);
	return operator === "NotIn" && !values.includes(exitCode);
}

function matchConditions({ metadata, status }: Pod, patterns: readonly PodFailurePolicyOnPodConditionsPattern[]): string | undefined {
	const match = status?.conditions?.find((condition) =>
		patterns.some((pattern) => pattern.type === condition.type && (pattern.status ?? "True") === condition.status),
	);
	return match === undefined ? undefined : `Pod ${metadata?.namespace}/${metadata?.name} has condition ${match.type}`;
}
