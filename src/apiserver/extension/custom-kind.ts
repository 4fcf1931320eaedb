/**
 * What the API server knows of a kind that a CustomResourceDefinition brings, one version at a time: the same values that
 * files in registry/ are for built-in kinds.
 * Source: k8s.io/apiextensions-apiserver/pkg/{apiserver/customresource_handler.go,registry/customresource} of Kubernetes 1.36.
 */

import type { MergeNode } from "../../apimachinery/apply/merge-node.ts";
import type { RuleValidator } from "../../apimachinery/cel/index.ts";
import { isJsonObject, type JsonObject, type JsonValue, ownValue, setKey } from "../../apimachinery/json.ts";
import { formatApiVersion, type KubeObject } from "../../apimachinery/meta.ts";
import { DecodeError, type DecodeState, jsonKind } from "../../apimachinery/schema/decode-errors.ts";
import { decoderOf } from "../../apimachinery/schema/decoders.ts";
import type {
	CustomResourceDefinition,
	CustomResourceDefinitionNames,
	CustomResourceDefinitionSpec,
	CustomResourceDefinitionVersion,
	CustomResourceSubresourceScale,
	SelectableField,
} from "../../apimachinery/schema/generated/types.ts";
import type { GeneratedResource } from "../../apimachinery/schema/resources.ts";
import type { Decoder } from "../../apimachinery/schema/scalar-decoders.ts";
import { type FieldError, type FieldErrorType, fieldInvalid } from "../../apimachinery/validation/field-error.ts";
import { isQualifiedName } from "../../apimachinery/validation/names.ts";
import { compareVersions } from "../discovery/group-order.ts";
import type { Column, KindDefinition, ScaleMapping } from "../registry/kind.ts";
import type { CustomType } from "../registry/resource-table.ts";
import { columnsOf } from "./columns.ts";
import { withSchemaDefaults } from "./schema/defaults.ts";
import { decodeEmbedded, validateEmbedded } from "./schema/embedded.ts";
import { validateKeyedLists } from "./schema/list-types.ts";
import { mergeNodeOfTree } from "./schema/merge-node.ts";
import { pruned } from "./schema/prune.ts";
import { SchemaTree } from "./schema/schema-tree.ts";
import { validateValue } from "./schema/validate.ts";

/** In the order of Kubernetes' discovery documents for custom resources. */
const verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
const subresourceVerbs = ["get", "patch", "update"];
/** Finalizers that need no domain. */
const standardFinalizers: ReadonlySet<string> = new Set(["orphan", "foregroundDeletion", "kubernetes"]);
const maxInt32 = 2 ** 31 - 1;
/** Go's decoder takes ten times as many; no schema in use has more than a few dozen. */
const maxDepth = 1_000;

/** Errors that rules would stumble over. */
const blockingErrors: ReadonlySet<FieldErrorType> = new Set([
	"FieldValueNotSupported",
	"FieldValueRequired",
	"FieldValueTooLong",
	"FieldValueTooMany",
	"FieldValueTypeInvalid",
]);
const rulesNotChecked = fieldInvalid(
	"<nil>",
	"null",
	"some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
);

type WithStatus = KubeObject & { readonly status?: JsonValue };

/** What a definition says, apart from its status and metadata: kinds are made anew when this changes. */
export interface DefinitionShape {
	readonly uid: string;
	readonly spec: CustomResourceDefinitionSpec;
	readonly names: CustomResourceDefinitionNames;
	readonly isTerminating: boolean;
}

/** One version of a custom resource. */
export class CustomVersion implements CustomType {
	readonly shape: DefinitionShape;
	readonly version: CustomResourceDefinitionVersion;
	readonly definition: KindDefinition;
	/** The resource itself first, then its subresources. */
	readonly endpoints: readonly [GeneratedResource, ...GeneratedResource[]];
	#tree: SchemaTree | undefined;
	#mergeNode: MergeNode | undefined;
	#columns: readonly Column<KubeObject>[] | undefined;
	/** The compiled `x-kubernetes-validations`; undefined until somebody asks. */
	#rules: Promise<RuleValidator | undefined> | undefined;

	constructor(shape: DefinitionShape, version: CustomResourceDefinitionVersion) {
		this.shape = shape;
		this.version = version;
		this.endpoints = endpointsOf(shape, version);
		this.definition = this.#define();
	}

	get apiVersion(): string {
		return formatApiVersion({ group: this.shape.spec.group, version: this.version.name });
	}

	get tree(): SchemaTree {
		this.#tree ??= new SchemaTree(this.version.schema?.openAPIV3Schema ?? {}, true);
		return this.#tree;
	}

	get mergeNode(): MergeNode {
		this.#mergeNode ??= this.#preservesAll ? { form: "deduced" } : mergeNodeOfTree(this.tree);
		return this.#mergeNode;
	}

	/** A definition from before there were schemas: nothing is unknown to it. */
	get #preservesAll(): boolean {
		return this.shape.spec.preserveUnknownFields === true;
	}

	/** A body of this version: without what the schema does not know, with its defaults. */
	readonly decode: Decoder = (value, state) => {
		if (!isJsonObject(value)) {
			throw new DecodeError(`json: cannot unmarshal ${jsonKind(value)} into Go value of type map[string]interface {}`);
		}
		checkTypeMeta(value);
		const known = decodeMetadata(this.coerced(value, state.unknownFields), state);
		return withSchemaDefaults(decodeEmbedded(known, this.tree, state, true), this.tree);
	};

	/** What the schema does not know is out. */
	coerced(object: JsonObject, unknownFields: string[] = []): JsonObject {
		return this.#preservesAll ? object : (pruned(object, this.tree, unknownFields) as JsonObject);
	}

	/** An object of this version as it is read from the store: what the schema says today holds for what was written before. */
	read(object: JsonObject): JsonObject {
		return withSchemaDefaults(this.coerced(object), this.tree) as JsonObject;
	}

	#define(): KindDefinition {
		const { shape, version } = this;
		const { spec, names } = shape;
		const { scale, status } = version.subresources ?? {};
		const fields = version.selectableFields ?? [];
		const self = this;
		return {
			group: spec.group,
			kind: names.kind,
			listKind: names.listKind ?? `${names.kind}List`,
			resource: names.plural,
			singular: names.singular ?? names.kind.toLowerCase(),
			shortNames: names.shortNames ?? [],
			categories: names.categories ?? [],
			isCustom: true,
			publishedSchema: this.#preservesAll ? undefined : version.schema?.openAPIV3Schema,
			...(shape.isTerminating ? { isTerminating: true } : {}),
			versions: [version.name],
			storageVersion: storageVersionOf(spec),
			storagePrefix: `${spec.group}/${names.plural}`,
			hasGeneration: true,
			...(status === undefined ? { generationCounts: "status" } : {}),
			allowUnconditionalUpdate: false,
			allowsBareFinalizers: true,
			maxDepth,
			get columns() {
				self.#columns ??= columnsOf(version.additionalPrinterColumns);
				return self.#columns;
			},
			...(fields.length === 0 ? {} : { selectableFields: (object) => selectedFields(object, fields) }),
			...(scale === undefined ? {} : { scale: scaleMapping(scale) }),
			...(version.deprecated === true ? { deprecated: version.deprecationWarning ?? deprecationOf(spec, version.name) } : {}),
			warnings: finalizerWarnings,
			validate: (object, old) => this.#validate(object, old),
			// Of an object that comes through /status, nothing but the status counts.
			prepareForStatusUpdate: (object, old) => ({ ...object, metadata: old.metadata ?? {} }),
			validateStatusUpdate: (object, old) => this.#validateStatus(object, old),
			validateExpressions: (object, old, errors) => this.#validateRules(object, old, errors),
			// Objects are in this version wherever hooks see them; the store's version is the storage's affair.
			fromStorage: (object) => object,
			toStorage: (object) => ({ ...object, kind: names.kind, apiVersion: this.apiVersion }),
		};
	}

	#validate(object: KubeObject, old: KubeObject | undefined): readonly FieldError[] {
		const [value, before] = [object as JsonObject, old as JsonObject | undefined];
		const { scale } = this.version.subresources ?? {};
		return [
			...validateValue(value, this.tree, { old: before }),
			...(scale === undefined ? [] : [...validateSpecScale(value, scale), ...validateStatusScale(value, scale)]),
			...validateEmbedded(value, this.tree, "", true),
			...this.#validateLists(value, before),
		];
	}

	#validateStatus(object: WithStatus, old: WithStatus): readonly FieldError[] {
		const tree = this.tree.properties.get("status");
		const { scale } = this.version.subresources ?? {};
		return [
			...(tree === undefined || object.status === undefined ? [] : validateValue(object.status, tree, { path: "status", old: old.status })),
			...(scale === undefined ? [] : validateStatusScale(object as JsonObject, scale)),
			...this.#validateLists(object as JsonObject, old as JsonObject),
		];
	}

	/** Undefined where the schema has no rules: CEL is loaded for those that have. */
	#validateRules(
		object: KubeObject,
		old: KubeObject | undefined,
		errors: readonly FieldError[],
	): Promise<readonly FieldError[]> | undefined {
		if (!this.tree.hasRules) return undefined;
		if (errors.some(({ type }) => blockingErrors.has(type))) return Promise.resolve([rulesNotChecked]);
		const schema = this.tree.props;
		this.#rules ??= import("../../apimachinery/cel/index.ts").then(({ compileRules }) => compileRules(schema, { path: "" }).validator);
		return this.#rules.then((validator) => validator?.validate(object as JsonObject, old as JsonObject | undefined).errors ?? []);
	}

	/** What was twice in a list before may stay. */
	#validateLists(object: JsonObject, old: JsonObject | undefined): readonly FieldError[] {
		const errors = validateKeyedLists(object, this.tree);
		return errors.length > 0 && old !== undefined && validateKeyedLists(old, this.tree).length > 0 ? [] : errors;
	}
}

export function storageVersionOf({ versions }: CustomResourceDefinitionSpec): string {
	return versions.find(({ storage }) => storage)?.name ?? "";
}

export function shapeOf({ metadata, spec, status }: CustomResourceDefinition): DefinitionShape | undefined {
	if (spec === undefined || status?.acceptedNames === undefined) return undefined;
	const isTerminating = status.conditions?.some((condition) => condition.type === "Terminating" && condition.status === "True") ?? false;
	return { uid: metadata?.uid ?? "", spec, names: status.acceptedNames, isTerminating };
}

function endpointsOf(
	{ spec, names }: DefinitionShape,
	version: CustomResourceDefinitionVersion,
): [GeneratedResource, ...GeneratedResource[]] {
	const { status, scale } = version.subresources ?? {};
	const main: GeneratedResource = {
		group: spec.group,
		version: version.name,
		resource: names.plural,
		subresource: "",
		kind: names.kind,
		type: definitionName(spec.group, version.name, names.kind),
		namespaced: spec.scope === "Namespaced",
		verbs,
	};
	return [
		main,
		...(scale === undefined ? [] : [{ ...main, subresource: "scale", kind: "Scale", type: "Scale", verbs: subresourceVerbs }]),
		...(status === undefined ? [] : [{ ...main, subresource: "status", verbs: subresourceVerbs }]),
	];
}

/** Its name in OpenAPI: `com.example.stable.v1.CronTab`. */
function definitionName(group: string, version: string, kind: string): string {
	return [...group.split(".").reverse(), version, kind].join(".");
}

function deprecationOf({ group, names, versions }: CustomResourceDefinitionSpec, deprecated: string): string {
	const text = `${group}/${deprecated} ${names.kind} is deprecated`;
	const better = versions.filter(
		({ name, served, deprecated: isOld }) => served && isOld !== true && compareVersions(name, deprecated) < 0,
	);
	const [best] = better.map(({ name }) => name).sort(compareVersions);
	return best === undefined ? text : `${text}; use ${group}/${best} ${names.kind}`;
}

// ── Decoding ──

function checkTypeMeta(object: JsonObject): void {
	for (const field of ["kind", "apiVersion"]) {
		const value = object[field];
		if (value === undefined || value === null || typeof value === "string") continue;
		throw new DecodeError(`.${field} accessor error: ${goValue(value)} is of the type ${goTypeOf(value)}, expected string`);
	}
}

function goTypeOf(value: JsonValue): string {
	if (Array.isArray(value)) return "[]interface {}";
	if (typeof value === "object") return "map[string]interface {}";
	if (typeof value === "number") return Number.isInteger(value) ? "int64" : "float64";
	return typeof value === "boolean" ? "bool" : "string";
}

function goValue(value: JsonValue): string {
	return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Metadata are of the same type as everywhere. */
function decodeMetadata(object: JsonObject, state: DecodeState): JsonObject {
	const { metadata } = object;
	if (metadata === undefined) return object;
	if (metadata === null) {
		const { metadata: _, ...rest } = object;
		return rest;
	}
	state.path.push("metadata");
	const decoded = decoderOf("ObjectMeta")(metadata, { ...state, root: "ObjectMeta" }) as JsonObject;
	state.path.pop();
	return decoded === metadata ? object : { ...object, metadata: decoded };
}

// ── Selectable fields and warnings ──

function selectedFields(object: KubeObject, fields: readonly SelectableField[]): Readonly<Record<string, string>> {
	const entries = fields.map(({ jsonPath }) => {
		const value = valueAt(object as JsonObject, pathOf(jsonPath));
		return [pathOf(jsonPath).join("."), value === undefined || value === null ? "" : String(value)] as const;
	});
	return Object.fromEntries(entries);
}

function finalizerWarnings(object: KubeObject, old?: KubeObject): readonly string[] {
	const known = old?.metadata?.finalizers ?? [];
	const added = (object.metadata?.finalizers ?? []).filter((finalizer) => !known.includes(finalizer));
	return [...new Set(added)].sort().flatMap((finalizer) => {
		const where = `metadata.finalizers: ${JSON.stringify(finalizer)}`;
		const isBare = !finalizer.includes("/") && !standardFinalizers.has(finalizer);
		const ADVICE = "prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers";
		return [...isQualifiedName(finalizer).map((text) => `${where}: ${text}`), ...(isBare ? [`${where}: ${ADVICE}`] : [])];
	});
}

// ── Scale ──

/** `.spec.replicas` → spec, replicas. */
function pathOf(jsonPath: string): readonly string[] {
	return jsonPath.replace(/^\./, "").split(".");
}

function valueAt(object: JsonObject, path: readonly string[]): JsonValue | undefined {
	return path.reduce<JsonValue | undefined>((value, name) => (isJsonObject(value) ? ownValue(value, name) : undefined), object);
}

function withValueAt(object: JsonObject, [name = "", ...rest]: readonly string[], value: JsonValue): JsonObject {
	const inner = object[name];
	const copy: Record<string, unknown> = { ...object };
	setKey(copy, name, rest.length === 0 ? value : withValueAt(isJsonObject(inner) ? inner : {}, rest, value));
	return copy as JsonObject;
}

function scaleMapping(scale: CustomResourceSubresourceScale): ScaleMapping<KubeObject> {
	const { specReplicasPath, statusReplicasPath, labelSelectorPath = "" } = scale;
	const numberAt = (object: KubeObject, path: string) => {
		const value = valueAt(object as JsonObject, pathOf(path));
		return typeof value === "number" ? value : 0;
	};
	return {
		replicasPath: pathOf(specReplicasPath),
		specReplicas: (object) => numberAt(object, specReplicasPath),
		statusReplicas: (object) => numberAt(object, statusReplicasPath),
		selector: (object) => {
			const value = labelSelectorPath === "" ? "" : valueAt(object as JsonObject, pathOf(labelSelectorPath));
			return typeof value === "string" ? value : "";
		},
		withReplicas: (object, replicas) => withValueAt(object as JsonObject, pathOf(specReplicasPath), replicas) as KubeObject,
		missing: (object) =>
			valueAt(object as JsonObject, pathOf(specReplicasPath)) === undefined
				? `the spec replicas field ${JSON.stringify(specReplicasPath)} does not exist`
				: undefined,
	};
}

function validateSpecScale(object: JsonObject, { specReplicasPath }: CustomResourceSubresourceScale): readonly FieldError[] {
	return validateCount(object, specReplicasPath);
}

function validateStatusScale(
	object: JsonObject,
	{ statusReplicasPath, labelSelectorPath }: CustomResourceSubresourceScale,
): readonly FieldError[] {
	const selector = labelSelectorPath === undefined ? undefined : valueAt(object, pathOf(labelSelectorPath));
	const isText = selector === undefined || typeof selector === "string";
	return [
		...validateCount(object, statusReplicasPath),
		...(isText ? [] : [fieldInvalid(labelSelectorPath ?? "", "", accessorError(selector, labelSelectorPath ?? "", "string"))]),
	];
}

function validateCount(object: JsonObject, path: string): readonly FieldError[] {
	const value = valueAt(object, pathOf(path));
	if (value === undefined) return [];
	if (typeof value !== "number" || !Number.isInteger(value)) return [fieldInvalid(path, 0, accessorError(value, path, "int64"))];
	if (value < 0) return [fieldInvalid(path, value, "should be a non-negative integer")];
	return value > maxInt32 ? [fieldInvalid(path, value, `should be less than or equal to ${maxInt32}`)] : [];
}

function accessorError(value: JsonValue, path: string, wanted: string): string {
	return `.${pathOf(path).join(".")} accessor error: ${goValue(value)} is of the type ${value === null ? "<nil>" : goTypeOf(value)}, expected ${wanted}`;
}
