/**
 * Label selectors, in their two forms: the text of `kubectl -l` (`app in (web,api),!canary`) and the LabelSelector
 * object of workloads. Field selectors are in field-selector.ts.
 * Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ and k8s.io/apimachinery/pkg/labels
 */
import {
	formatRequirement,
	type LabelOperator,
	type LabelRequirement,
	type Labels,
	newRequirement,
	requirementMatches,
	SelectorError,
} from "./label-requirement.ts";
import { parseRequirements } from "./label-selector-parser.ts";
import type { LabelSelector } from "./schema/generated/types.ts";

export { parseFieldSelector } from "./field-selector.ts";
export { type LabelRequirement, type Labels, SelectorError } from "./label-requirement.ts";

/** Decides which label sets are selected. Immutable. */
export interface LabelSelectorMatcher {
	/** Sorted by key; all must hold. */
	readonly requirements: readonly LabelRequirement[];
	/** Whether it selects everything. */
	readonly empty: boolean;
	/** False for the selector of no objects at all: an absent LabelSelector. */
	readonly selectable: boolean;
	matches(labels: Labels | undefined): boolean;
	/** The canonical text; "" for everything and for nothing. */
	toString(): string;
}

class Requirements implements LabelSelectorMatcher {
	readonly requirements: readonly LabelRequirement[];
	readonly selectable = true;

	constructor(requirements: readonly LabelRequirement[]) {
		this.requirements = requirements.length < 2 ? requirements : [...requirements].sort(byKey);
	}

	get empty(): boolean {
		return this.requirements.length === 0;
	}

	matches(labels: Labels | undefined): boolean {
		for (const requirement of this.requirements) {
			if (!requirementMatches(requirement, labels)) return false;
		}
		return true;
	}

	toString(): string {
		return this.requirements.map(formatRequirement).join(",");
	}
}

/** Selects every object. */
export const everything: LabelSelectorMatcher = new Requirements([]);

/** Selects no object. */
export const nothing: LabelSelectorMatcher = {
	requirements: [],
	empty: false,
	selectable: false,
	matches: () => false,
	toString: () => "",
};

/**
 * Reads the text form. Throws SelectorError, e.g. `unable to parse requirement: found '', expected: identifier`. The
 * empty text selects everything.
 */
export function parseLabelSelector(text: string): LabelSelectorMatcher {
	return text === "" ? everything : new Requirements(parseRequirements(text));
}

/** The object form. Absent selects nothing, `{}` everything. Throws SelectorError for an operator or value that is none. */
export function labelSelectorFromObject(selector: LabelSelector | undefined): LabelSelectorMatcher {
	if (selector === undefined) return nothing;
	const { matchLabels = {}, matchExpressions = [] } = selector;
	const requirements = Object.entries(matchLabels).map(([key, value]) => newRequirement(key, "=", [value]));
	for (const { key = "", operator = "", values = [] } of matchExpressions) {
		const known = objectOperators.get(operator);
		if (known === undefined) throw new SelectorError(`${JSON.stringify(operator)} is not a valid label selector operator`);
		requirements.push(newRequirement(key, known, values));
	}
	return requirements.length === 0 ? everything : new Requirements(requirements);
}

const objectOperators: ReadonlyMap<string, LabelOperator> = new Map([
	["In", "in"],
	["NotIn", "notin"],
	["Exists", "exists"],
	["DoesNotExist", "!"],
]);

/** Selects what has all these labels: selectors of Services and ReplicationControllers. Absent and `{}` select everything. */
export function selectorFromMap(labels: Labels | undefined): LabelSelectorMatcher {
	const requirements = Object.entries(labels ?? {}).map(([key, value]): LabelRequirement => ({ key, operator: "=", values: [value] }));
	return requirements.length === 0 ? everything : new Requirements(requirements);
}

/** A selector as a SELECTOR column shows it: `app=web,tier in (api,web)`; `<none>` where it says nothing, `<error>` for a bad one. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
	try {
		return labelSelectorFromObject(selector).toString() || "<none>";
	} catch (error) {
		if (error instanceof SelectorError) return "<error>";
		throw error;
	}
}

function byKey(a: LabelRequirement, b: LabelRequirement): number {
	return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}
