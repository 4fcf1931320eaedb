/**
 * What a namespace's status says of its deletion. Pure.
 * Source of texts: pkg/controller/namespace/deletion/status_condition_utils.go.
 */
import type { NamespaceCondition } from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { findCondition } from "../conditions.ts";
import type { SweepResult } from "./content-sweep.ts";

interface Finding {
	readonly type: string;
	readonly status: "True" | "False";
	readonly reason: string;
	readonly message: string;
}

/** The conditions after a sweep, in Kubernetes' order; the same array if nothing changed. */
export function planNamespaceConditions(
	old: readonly NamespaceCondition[],
	result: SweepResult,
	nowMs: number,
): readonly NamespaceCondition[] {
	let changed = false;
	const conditions = [...old];
	for (const finding of findingsOf(result)) {
		const known = findCondition(old, finding.type);
		if (known?.status === finding.status && known.reason === finding.reason && known.message === finding.message) continue;
		changed = true;
		const keepsTime = known?.status === finding.status && known.lastTransitionTime !== undefined;
		const next = { ...finding, lastTransitionTime: keepsTime ? known.lastTransitionTime : formatTime(nowMs) };
		if (known === undefined) conditions.push(next);
		else conditions[conditions.indexOf(known)] = next;
	}
	return changed ? conditions : old;
}

function findingsOf({ remaining, finalizers, errors }: SweepResult): readonly Finding[] {
	return [
		fine("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
		fine("NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
		errors.length === 0
			? fine("NamespaceDeletionContentFailure", "ContentDeleted", "All content successfully deleted, may be waiting on finalization")
			: bad("NamespaceDeletionContentFailure", "ContentDeletionFailed", failureText(errors)),
		remaining.size === 0
			? fine("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed")
			: bad(
					"NamespaceContentRemaining",
					"SomeResourcesRemain",
					`Some resources are remaining: ${listed(remaining, (resource, count) => `${resource} has ${count} resource instances`)}`,
				),
		finalizers.size === 0
			? fine("NamespaceFinalizersRemaining", "ContentHasNoFinalizers", "All content-preserving finalizers finished")
			: bad(
					"NamespaceFinalizersRemaining",
					"SomeFinalizersRemain",
					`Some content in the namespace has finalizers remaining: ${listed(finalizers, (finalizer, count) => `${finalizer} in ${count} resource instances`)}`,
				),
	];
}

function failureText(errors: readonly Error[]): string {
	const texts = errors.map(({ message }) => message).sort();
	return `Failed to delete all resource types, ${errors.length} remaining: ${texts.join(", ")}`;
}

function listed(counts: ReadonlyMap<string, number>, text: (name: string, count: number) => string): string {
	return [...counts]
		.map(([name, count]) => text(name, count))
		.sort()
		.join(", ");
}

function fine(type: string, reason: string, message: string): Finding {
	return { type, status: "False", reason, message };
}

function bad(type: string, reason: string, message: string): Finding {
	return { type, status: "True", reason, message };
}
