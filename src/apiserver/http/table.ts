/**
 * Server-side printing: lists and objects as `meta.k8s.io/v1 Table`, whose columns are what `kubectl get` shows.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
 */
import type { KubeList, KubeObject } from "../../apimachinery/meta.ts";
import { formatApiVersion } from "../../apimachinery/meta.ts";
import type { Scale } from "../../apimachinery/schema/generated/types.ts";
import type { GeneratedResource } from "../../apimachinery/schema/resources.ts";
import { newBadRequest } from "../../apimachinery/status-error.ts";
import { formatAge } from "../../apimachinery/time.ts";
import type { Column, KindDefinition, PrintContext, RowCondition } from "../registry/kind.ts";

type IncludeObject = "None" | "Metadata" | "Object";

export interface TableOptions {
	/** `meta.k8s.io/v1` (or v1beta1): the version of Table and of PartialObjectMetadata that was asked for. */
	readonly apiVersion: string;
	readonly includeObject: IncludeObject;
}

const nameColumn: Column<KubeObject> = {
	name: "Name",
	type: "string",
	format: "name",
	priority: 0,
	description:
		"Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names",
	cell: (object) => object.metadata?.name ?? "",
};

const creationDescription =
	"CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

/** Columns of a kind that defines none. */
const defaultColumns: readonly Column<KubeObject>[] = [
	nameColumn,
	{
		name: "Created At",
		type: "date",
		priority: 0,
		description: creationDescription,
		cell: (object) => object.metadata?.creationTimestamp ?? "<unknown>",
	},
];

/** Columns of every /scale subresource. */
const scaleColumns: readonly Column<Scale>[] = [
	nameColumn,
	{
		name: "Desired",
		type: "integer",
		priority: 0,
		description: "desired number of instances for the scaled object.",
		cell: (scale) => scale.spec?.replicas ?? 0,
	},
	{
		name: "Available",
		type: "integer",
		priority: 0,
		description: "actual number of observed instances of the scaled object.",
		cell: (scale) => scale.status?.replicas ?? 0,
	},
	{
		name: "Age",
		type: "string",
		priority: 0,
		description: creationDescription,
		cell: (scale, { nowMs }) => formatAge(scale.metadata?.creationTimestamp, nowMs),
	},
];

/** @throws StatusError BadRequest for an includeObject that is none of the three */
export function readTableOptions(query: URLSearchParams, apiVersion: string): TableOptions {
	const include = query.get("includeObject") || "Metadata";
	if (include !== "None" && include !== "Metadata" && include !== "Object") {
		throw newBadRequest(
			`Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(include)}: must be 'Metadata', 'Object', 'None', or empty`,
		);
	}
	return { apiVersion, includeObject: include };
}

/** Prints the objects of one endpoint as table rows. */
export class TablePrinter {
	readonly #columns: readonly Column<KubeObject>[];
	readonly #options: TableOptions;
	readonly #resource: GeneratedResource;
	/** Brings an object of the served version into the one that the columns read. */
	readonly #forColumns: (object: KubeObject) => KubeObject;
	readonly #conditionsOf: (object: KubeObject) => readonly RowCondition[];

	constructor(resource: GeneratedResource, kind: KindDefinition | undefined, options: TableOptions) {
		this.#resource = resource;
		this.#options = options;
		this.#conditionsOf = (object) => (resource.subresource === "scale" ? [] : (kind?.rowConditions?.(object) ?? []));
		this.#columns = resource.kind === "Scale" ? (scaleColumns as readonly Column<KubeObject>[]) : columnsOf(kind);
		const toStorage = resource.subresource === "scale" ? undefined : kind?.toStorage;
		this.#forColumns = toStorage === undefined ? (object) => object : (object) => toStorage(object, resource.version);
	}

	/** A list as JSON, in pieces: the head, one piece a row, the tail. */
	*listPieces(list: KubeList, context: PrintContext): Generator<string> {
		const { apiVersion } = this.#options;
		yield `{"kind":"Table","apiVersion":"${apiVersion}","metadata":${JSON.stringify(list.metadata ?? {})},`;
		yield `"columnDefinitions":${JSON.stringify(this.#definitions())},"rows":[`;
		let separator = "";
		for (const item of list.items) {
			yield separator + JSON.stringify(this.#row(item, context));
			separator = ",";
		}
		yield "]}\n";
	}

	/** One object as a table of one row; a watch sends the column definitions with its first event only. */
	table(object: KubeObject, context: PrintContext, withDefinitions = true): KubeObject {
		return this.#wrap(object, [this.#row(object, context)], withDefinitions);
	}

	/** A bookmark has a resourceVersion and nothing to print. */
	emptyTable(object: KubeObject, withDefinitions: boolean): KubeObject {
		return this.#wrap(object, [], withDefinitions);
	}

	#wrap(object: KubeObject, rows: readonly unknown[], withDefinitions: boolean): KubeObject {
		const { resourceVersion } = object.metadata ?? {};
		const table = {
			kind: "Table",
			apiVersion: this.#options.apiVersion,
			metadata: resourceVersion === undefined ? {} : { resourceVersion },
			columnDefinitions: withDefinitions ? this.#definitions() : null,
			rows,
		};
		return table;
	}

	#definitions() {
		return this.#columns.map(({ name, type, format = "", description, priority }) => ({ name, type, format, description, priority }));
	}

	#row(object: KubeObject, context: PrintContext) {
		const printable = this.#forColumns(object);
		const conditions = this.#conditionsOf(printable);
		return {
			cells: this.#columns.map((column) => column.cell(printable, context)),
			...(conditions.length === 0 ? {} : { conditions }),
			object: this.#included(object),
		};
	}

	#included(object: KubeObject): KubeObject | null {
		switch (this.#options.includeObject) {
			case "None":
				return null;
			case "Metadata":
				return partialMetadata(object, this.#options.apiVersion);
			case "Object":
				return { kind: this.#resource.kind, apiVersion: formatApiVersion(this.#resource), ...object };
			default:
				return this.#options.includeObject satisfies never;
		}
	}
}

/** An object reduced to its metadata. */
export function partialMetadata(object: KubeObject, apiVersion: string): KubeObject {
	return { kind: "PartialObjectMetadata", apiVersion, metadata: object.metadata ?? {} };
}

function columnsOf(kind: KindDefinition | undefined): readonly Column<KubeObject>[] {
	return kind === undefined || kind.columns.length === 0 ? defaultColumns : kind.columns;
}
