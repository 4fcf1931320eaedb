/** What would come of a group's pods if they were tried together at this moment: its cycle (framework/schedule-group.ts) on a copy of the cluster. */
import type { Pod } from "../apimachinery/schema/generated/types.ts";
import { parseTime } from "../apimachinery/time.ts";
import type { DryRun } from "./dry-run.ts";
import { type AttemptExplanation, explainAttempt, type GroupExplanation } from "./explanation.ts";
import { podUid } from "./framework/pod-info.ts";
import type { PodGroups } from "./pod-groups.ts";

/** @param run of which nothing has been asked yet */
export async function explainGroup(
	groups: PodGroups,
	key: string,
	pod: Pod,
	run: DryRun,
): Promise<{ readonly group: GroupExplanation; readonly now?: AttemptExplanation }> {
	let fits = 0;
	let now: AttemptExplanation | undefined;
	for (const member of groups.unscheduled(key).toSorted(byImportance)) {
		if (run.gate(member) !== undefined) continue;
		const record = await run.place(member);
		if (record === undefined) continue;
		if (podUid(member) === podUid(pod)) now = explainAttempt(record);
		// Room that preemption makes counts for those after it, too.
		if (record.outcome.kind === "scheduled" || run.preempt(member, record).length > 0) fits++;
	}
	const minCount = groups.find(key)?.spec.schedulingPolicy.gang?.minCount;
	const group = { name: key, pods: groups.allCount(key), scheduled: groups.scheduled(key).length, fits };
	return { group: { ...group, ...(minCount === undefined ? {} : { minCount }) }, ...(now === undefined ? {} : { now }) };
}

/** By priority, then by age. */
function byImportance(a: Pod, b: Pod): number {
	const [priorityA, priorityB] = [a.spec?.priority ?? 0, b.spec?.priority ?? 0];
	return priorityB - priorityA || bornMs(a) - bornMs(b);
}

function bornMs({ metadata }: Pod): number {
	return metadata?.creationTimestamp === undefined ? 0 : parseTime(metadata.creationTimestamp);
}
