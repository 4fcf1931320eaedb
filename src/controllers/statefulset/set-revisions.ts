/**
 * A StatefulSet's revisions: the one of its present template, and which are to be forgotten. Pure.
 * Source of behaviour: pkg/controller/statefulset/stateful_set_control.go (getStatefulSetRevisions, truncateHistory).
 */
import type { ControllerRevision, Pod, StatefulSet } from "../../apimachinery/schema/generated/types.ts";
import { revisionData, sameRevision } from "../revisions/controller-revision.ts";
import { revisionOf } from "./identity.ts";

/** How the set comes to the revision of its present template. */
export type UpdateRevision =
	| { readonly type: "keep"; readonly revision: ControllerRevision }
	/** The template is one the set had before: its revision becomes the newest. */
	| { readonly type: "renumber"; readonly revision: ControllerRevision; readonly number: number }
	| { readonly type: "create"; readonly number: number };

/** @param revisions oldest first. */
export function planUpdateRevision({ spec }: StatefulSet, revisions: readonly ControllerRevision[]): UpdateRevision {
	const data = revisionData(spec?.template);
	const newest = revisions.at(-1);
	const number = (newest?.revision ?? 0) + 1;
	if (newest !== undefined && sameRevision(newest, { data })) return { type: "keep", revision: newest };
	const equal = revisions.findLast((revision) => sameRevision(revision, { data }));
	return equal === undefined ? { type: "create", number } : { type: "renumber", revision: equal, number };
}

/** The oldest beyond revisionHistoryLimit; what pods or the status refer to is not history. @param revisions oldest first. */
export function planHistoryCleanup(
	{ spec }: StatefulSet,
	revisions: readonly ControllerRevision[],
	inUse: readonly string[],
	pods: readonly Pod[],
): readonly ControllerRevision[] {
	const limit = spec?.revisionHistoryLimit ?? 10;
	if (limit < 0) return [];
	const live = new Set([...inUse, ...pods.map(revisionOf)]);
	const history = revisions.filter(({ metadata }) => !live.has(metadata?.name ?? ""));
	return history.slice(0, Math.max(0, history.length - limit));
}
