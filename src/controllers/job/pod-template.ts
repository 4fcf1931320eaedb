/**
 * The pods that a Job makes. Pure.
 * Source: pkg/controller/job/indexed_job_utils.go and
 * https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode
 */
import type { Container, Job, Pod, PodTemplateSpec } from "../../apimachinery/schema/generated/types.ts";
import { judgeFailure } from "./failure-policy.ts";
import {
	completionIndexKey,
	indexFailuresAnnotation,
	indexFailuresBefore,
	indexIgnoredFailuresAnnotation,
	trackingFinalizer,
} from "./job-pods.ts";

const indexVariable = "JOB_COMPLETION_INDEX";
/** A generated name has 63 characters, of which five are generated. */
const maxPrefixLength = 58;

/** A Job's template, with what its pods need for being tracked. */
export function trackedTemplate({ spec }: Job): PodTemplateSpec {
	const template = spec?.template ?? {};
	const finalizers = template.metadata?.finalizers ?? [];
	const tracked = finalizers.includes(trackingFinalizer) ? finalizers : [...finalizers, trackingFinalizer];
	return { ...template, metadata: { ...template.metadata, finalizers: tracked } };
}

/** The template of the pod of one completion index. @param replaced the failed pod whose place it takes, if there was one. */
export function indexedTemplate(job: Job, index: number, replaced: Pod | undefined): PodTemplateSpec {
	const { metadata = {}, spec } = trackedTemplate(job);
	return {
		metadata: {
			...metadata,
			labels: { ...metadata.labels, [completionIndexKey]: String(index) },
			annotations: { ...metadata.annotations, [completionIndexKey]: String(index), ...failureAnnotations(job, replaced) },
		},
		...(spec === undefined
			? {}
			: {
					spec: {
						...spec,
						hostname: `${job.metadata?.name}-${index}`,
						...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(withIndexVariable) }),
						containers: spec.containers.map(withIndexVariable),
					},
				}),
	};
}

/** `work-3-`, before the generated suffix; a long name gives way to the index. */
export function indexedNamePrefix({ metadata }: Job, index: number): string {
	const suffix = `-${index}-`;
	return `${(metadata?.name ?? "").slice(0, maxPrefixLength - suffix.length)}${suffix}`;
}

/** What a pod says of the failures of its index before it; nothing where they have no limit of their own. */
function failureAnnotations({ spec }: Job, replaced: Pod | undefined): Readonly<Record<string, string>> {
	if (spec?.backoffLimitPerIndex === undefined) return {};
	if (replaced === undefined) return { [indexFailuresAnnotation]: "0" };
	const before = indexFailuresBefore(replaced);
	const { counts } = judgeFailure(spec.podFailurePolicy, replaced);
	const ignored = before.ignored + (counts ? 0 : 1);
	return {
		[indexFailuresAnnotation]: String(before.counted + (counts ? 1 : 0)),
		...(ignored === 0 ? {} : { [indexIgnoredFailuresAnnotation]: String(ignored) }),
	};
}

/** A variable that the author sets is left alone. */
function withIndexVariable(container: Container): Container {
	const env = container.env ?? [];
	if (env.some(({ name }) => name === indexVariable)) return container;
	const fieldRef = { fieldPath: `metadata.labels['${completionIndexKey}']` };
	return { ...container, env: [...env, { name: indexVariable, valueFrom: { fieldRef } }] };
}
