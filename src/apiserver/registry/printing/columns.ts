/**
 * The pieces that columns of `kubectl get` are made of. A kind lists its columns from these; whatever a cell does is
 * pkg/printers/internalversion/printers.go of Kubernetes 1.36, where the server always prints wide and the client
 * leaves out what has priority 1.
 */
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { LabelSelector } from "../../../apimachinery/schema/generated/types.ts";
import { labelSelectorFromObject, SelectorError } from "../../../apimachinery/selector.ts";
import { formatAge } from "../../../apimachinery/time.ts";
import type { Column, PrintContext } from "../kind.ts";

/** `app=web,tier in (a,b)`, `<none>` for an absent or empty selector. */
export { formatLabelSelector } from "../../../apimachinery/selector.ts";

type Cell<T, V> = (object: T, context: PrintContext) => V;

const NAME_DESCRIPTION =
	"Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names";

const CREATION_DESCRIPTION =
	"CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

/** NAME: metadata.name. */
export function nameColumn<T extends KubeObject>(): Column<T> {
	return {
		name: "Name",
		type: "string",
		format: "name",
		priority: 0,
		description: NAME_DESCRIPTION,
		cell: (object) => object.metadata?.name ?? "",
	};
}

/** AGE: time since metadata.creationTimestamp as kubectl writes durations, `<unknown>` where it is missing. */
export function ageColumn<T extends KubeObject>(): Column<T> {
	return {
		name: "Age",
		type: "string",
		priority: 0,
		description: CREATION_DESCRIPTION,
		cell: (object, { nowMs }) => formatAge(object.metadata?.creationTimestamp, nowMs),
	};
}

/** CREATED AT: the whole of what the default table shows besides the name, for kinds without columns of their own. */
export function createdAtColumn<T extends KubeObject>(): Column<T> {
	return {
		name: "Created At",
		type: "date",
		priority: 0,
		description: CREATION_DESCRIPTION,
		cell: (object) => object.metadata?.creationTimestamp ?? "<unknown>",
	};
}

/** A column of text, always shown. */
export function stringColumn<T>(name: string, description: string, cell: Cell<T, string>): Column<T> {
	return { name, type: "string", priority: 0, description, cell };
}

/** A column of whole numbers, always shown; absent counts as 0. A cell may be text where Kubernetes' is (RESTARTS `3 (5m ago)`). */
export function integerColumn<T>(name: string, description: string, cell: Cell<T, number | string | undefined>): Column<T> {
	return { name, type: "integer", priority: 0, description, cell: (object, context) => cell(object, context) ?? 0 };
}

/** A column of true and false, always shown. */
export function booleanColumn<T>(name: string, description: string, cell: Cell<T, boolean>): Column<T> {
	return { name, type: "boolean", priority: 0, description, cell };
}

/** A column of `True` and `False`, `<unset>` for neither: how Kubernetes prints optional switches. */
export function booleanTextColumn<T>(name: string, description: string, cell: Cell<T, boolean | undefined>): Column<T> {
	const text = (value: boolean | undefined) => (value === undefined ? "<unset>" : value ? "True" : "False");
	return { name, type: "boolean", priority: 0, description, cell: (object, context) => text(cell(object, context)) };
}

/** The same column, shown with `-o wide` only. */
export function wide<T>(column: Column<T>): Column<T> {
	return { ...column, priority: 1 };
}

/** `a=1,b=2` in order of keys, `<none>` for no labels: labels.FormatLabels. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
	const pairs = Object.entries(labels ?? {})
		.map(([key, value]) => `${key}=${value}`)
		.sort();
	return pairs.length === 0 ? "<none>" : pairs.join(",");
}

/** `app=web,tier in (a,b)`, "" for an absent or empty selector, `invalid` for one that Kubernetes would refuse. */
export function selectorText(selector: LabelSelector | undefined, invalid: string): string {
	try {
		return labelSelectorFromObject(selector).toString();
	} catch (error) {
		if (error instanceof SelectorError) return invalid;
		throw error;
	}
}

/** The text, or `<unset>` for none: how absent numbers and fields print. */
export function orUnset(value: string | number | boolean | undefined): string {
	return value === undefined || value === "" ? "<unset>" : String(value);
}

/** The text, or `<none>` for none. */
export function orNone(value: string | undefined): string {
	return value === undefined || value === "" ? "<none>" : value;
}

/** Addresses of a load balancer, each once and in order, joined by commas: "" while there are none. */
export function formatLoadBalancer(ingress: readonly { readonly ip?: string; readonly hostname?: string }[] | undefined): string {
	const addresses = new Set<string>();
	for (const { ip = "", hostname = "" } of ingress ?? []) {
		if (ip !== "") addresses.add(ip);
		else if (hostname !== "") addresses.add(hostname);
	}
	return [...addresses].sort().join(",");
}
