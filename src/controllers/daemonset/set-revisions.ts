/**
 * A DaemonSet's revisions: which are of its present template, and which are to be forgotten. Pure.
 * Source of behaviour: pkg/controller/daemon/update.go (constructHistory, cleanupHistory).
 */
import type { ControllerRevision, DaemonSet, Pod } from "../../apimachinery/schema/generated/types.ts";
import { revisionData, revisionHashLabel, sameRevision } from "../revisions/controller-revision.ts";

export interface Revisions {
	/** Of the present template, the newest last; more than one by accident only. */
	readonly current: readonly ControllerRevision[];
	/** Oldest first. */
	readonly old: readonly ControllerRevision[];
	/** What the present one should be numbered at least. */
	readonly number: number;
}

/** @param revisions oldest first. */
export function sortRevisions({ spec }: DaemonSet, revisions: readonly ControllerRevision[]): Revisions {
	const data = revisionData(spec?.template);
	const current = revisions.filter((revision) => sameRevision(revision, { data }));
	const old = revisions.filter((revision) => !current.includes(revision));
	return { current, old, number: (old.at(-1)?.revision ?? 0) + 1 };
}

export function hashOf({ metadata }: ControllerRevision): string {
	return metadata?.labels?.[revisionHashLabel] ?? "";
}

/** The oldest beyond revisionHistoryLimit that no pod is of. @param old oldest first. */
export function planHistoryCleanup(
	{ spec }: DaemonSet,
	old: readonly ControllerRevision[],
	pods: readonly Pod[],
): readonly ControllerRevision[] {
	const surplus = old.length - (spec?.revisionHistoryLimit ?? 10);
	if (surplus <= 0) return [];
	const live = new Set(pods.map(({ metadata }) => metadata?.labels?.[revisionHashLabel]));
	return old.filter((revision) => !live.has(hashOf(revision))).slice(0, surplus);
}
