/**
 * How error texts show objects. Kubernetes validates its internal types, and prints a bad value as the JSON of its
 * internal type: Go's names in Go's order, every field, and null or a zero for what is not there.
 * Source: Error.ErrorBody in k8s.io/apimachinery/pkg/util/validation/field of Kubernetes 1.36.
 */
import type { LabelSelector } from "../../../apimachinery/schema/generated/types.ts";

/** Field by field: its Go name, its name on the wire, what stands for it when it is absent, and its own fields. */
export type InternalShape = readonly InternalField[];
type InternalField = readonly [goName: string, name: string, absent: null | string | number | boolean, fields?: InternalShape];

/** The value as its internal type prints; undefined is null. */
export function internalValue(value: unknown, shape: InternalShape): unknown {
	if (value === undefined || value === null) return null;
	if (Array.isArray(value)) return value.map((item) => internalValue(item, shape));
	if (typeof value !== "object") return value;
	const fields = value as Readonly<Record<string, unknown>>;
	return Object.fromEntries(
		shape.map(([goName, name, absent, inner]) => {
			const field = fields[name] ?? absent;
			return [goName, inner === undefined ? field : internalValue(field, inner)];
		}),
	);
}

/** A map as Go prints one: in order of its keys. */
export function mapValue(map: Readonly<Record<string, string>> | undefined): unknown {
	return map === undefined ? null : Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A label selector: of those that keep their names on the wire. */
export function selectorValue(selector: LabelSelector | undefined): unknown {
	if (selector === undefined) return null;
	const { matchLabels = {}, matchExpressions = [] } = selector;
	return {
		...(Object.keys(matchLabels).length === 0 ? {} : { matchLabels: mapValue(matchLabels) }),
		...(matchExpressions.length === 0 ? {} : { matchExpressions }),
	};
}
