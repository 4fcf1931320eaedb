/**
 * What the API server warns of in a Job's spec. Source: pkg/api/job/warnings.go of Kubernetes 1.36.
 */
import type { JobSpec } from "../../../apimachinery/schema/generated/types.ts";
import { podTemplateWarnings } from "../core/pod-warnings.ts";

/** So many indexes that ran at once may fail at once that their list gets too long to keep. */
const manyCompletions = 100_000;
const manyAtOnce = 10_000;

const UNTRACKED =
	"In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail";

/** Warnings of a Job's spec at `path`, in a Job or in a CronJob's template. */
export function jobSpecWarnings(spec: JobSpec | undefined, path: string): readonly string[] {
	const { completionMode, completions = 0, parallelism = 0, template } = spec ?? {};
	const isHuge = completionMode === "Indexed" && completions > manyCompletions && parallelism > manyAtOnce;
	return [...(isHuge ? [`${path}: ${UNTRACKED}`] : []), ...podTemplateWarnings(template, `${path}.template`)];
}
