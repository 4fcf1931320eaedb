/**
 * The labels by which a Job finds its Pods. Source: generateSelector in pkg/registry/batch/job/strategy.go of
 * Kubernetes 1.36.
 */
import type { ObjectMeta } from "../../../apimachinery/schema/generated/types.ts";

export const CONTROLLER_UID = "batch.kubernetes.io/controller-uid";

/** Labels of a Job's Pods: its uid and name, under the names that they had before labels had a prefix, and since. */
export function generatedLabels({ uid = "", name = "" }: ObjectMeta): Readonly<Record<string, string>> {
	return { "controller-uid": uid, "job-name": name, [CONTROLLER_UID]: uid, "batch.kubernetes.io/job-name": name };
}

/** Whether a label is one of those that came with the prefix. */
export const isPrefixed = (label: string): boolean => label.startsWith("batch.kubernetes.io/");
