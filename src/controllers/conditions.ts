/** Conditions: the list of observations in an object's status, one of each type. */

/** What all conditions have in common. */
export interface Condition {
	readonly type: string;
	readonly status: string;
	readonly reason?: string;
	readonly message?: string;
	readonly lastTransitionTime?: string;
}

export function findCondition<C extends Condition>(conditions: readonly C[] | undefined, type: string): C | undefined {
	return conditions?.find((condition) => condition.type === type);
}

/** The list without the condition of this type; the same list if it has none. */
export function withoutCondition<C extends Condition>(conditions: readonly C[], type: string): readonly C[] {
	return conditions.some((condition) => condition.type === type) ? conditions.filter((condition) => condition.type !== type) : conditions;
}

/**
 * The list with the condition set, moved to its end. A condition of the same status and reason is left as it is; one of
 * the same status keeps its transition time. This is how the workload controllers set theirs.
 */
export function withCondition<C extends Condition>(conditions: readonly C[], condition: C): readonly C[] {
	const old = findCondition(conditions, condition.type);
	if (old !== undefined && old.status === condition.status && old.reason === condition.reason) return conditions;
	const keepsTime = old?.status === condition.status && old.lastTransitionTime !== undefined;
	const next = keepsTime ? { ...condition, lastTransitionTime: old.lastTransitionTime } : condition;
	return [...withoutCondition(conditions, condition.type), next];
}
