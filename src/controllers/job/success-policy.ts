/**
 * Whether a Job's successPolicy is met before all its indexes have succeeded. Pure.
 * Source: pkg/controller/job/success_policy.go, KEP-3998 and
 * https://kubernetes.io/docs/concepts/workloads/controllers/job/#success-policy
 */
import type { SuccessPolicy } from "../../apimachinery/schema/generated/types.ts";
import { countCommon, countIndexes, type IndexSet, parseIndexes } from "./index-set.ts";

/** The message of the first rule that is met; undefined: none is. */
export function matchSuccessPolicy(policy: SuccessPolicy | undefined, completions: number, succeeded: IndexSet): string | undefined {
	if (succeeded.length === 0) return undefined;
	const rules = policy?.rules ?? [];
	const met = rules.findIndex(({ succeededIndexes, succeededCount }) => {
		if (succeededIndexes === undefined) return succeededCount !== undefined && countIndexes(succeeded) >= succeededCount;
		const required = parseIndexes(succeededIndexes, completions);
		if (required.length === 0) return false;
		const reached = countCommon(required, succeeded);
		return reached === countIndexes(required) || (succeededCount !== undefined && reached >= succeededCount);
	});
	return met === -1 ? undefined : `Matched rules at index ${met}`;
}
