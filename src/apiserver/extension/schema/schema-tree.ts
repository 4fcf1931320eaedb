/**
 * A CustomResourceDefinition's schema as a tree that is made as far as somebody looks: 500 definitions cost little until
 * their objects come. Pruning, defaults, validation and server-side apply all walk over it.
 * Source: k8s.io/apiextensions-apiserver/pkg/apiserver/schema of Kubernetes 1.36.
 */
import type { JSONSchemaProps } from "../../../apimachinery/schema/generated/types.ts";
import { asSchema, itemsOf, valuesOf } from "../../registry/apiextensions/schema-node.ts";

export class SchemaTree {
	readonly props: JSONSchemaProps;
	/** The whole object, or one within it that is a resource itself: apiVersion, kind and metadata are Kubernetes' own. */
	readonly isResource: boolean;
	/** "" for a schema that says none. Said here, as every value is held against it. */
	readonly type: string;
	readonly isIntOrString: boolean;
	/** Whether there are alternatives to be tried. */
	readonly hasJunctors: boolean;
	#properties: ReadonlyMap<string, SchemaTree> | undefined;
	#values: SchemaTree | undefined;
	#items: SchemaTree | undefined;
	#hasDefaults: boolean | undefined;
	#hasLists: boolean | undefined;
	#hasEmbedded: boolean | undefined;
	#hasRules: boolean | undefined;
	#parts: JunctorTrees | undefined;
	#enumeration: ReadonlySet<unknown> | undefined;

	constructor(props: JSONSchemaProps, isRoot = false) {
		this.props = props;
		this.isResource = isRoot || props["x-kubernetes-embedded-resource"] === true;
		this.type = props.type ?? "";
		this.isIntOrString = props["x-kubernetes-int-or-string"] === true;
		this.hasJunctors = props.allOf !== undefined || props.anyOf !== undefined || props.oneOf !== undefined || props.not !== undefined;
	}

	get isNullable(): boolean {
		return this.props.nullable === true;
	}

	get preservesUnknownFields(): boolean {
		return this.props["x-kubernetes-preserve-unknown-fields"] === true;
	}

	get properties(): ReadonlyMap<string, SchemaTree> {
		if (this.#properties === undefined) {
			const entries = Object.entries(this.props.properties ?? {}).map(([name, props]) => [name, new SchemaTree(props)] as const);
			this.#properties = new Map(entries);
		}
		return this.#properties;
	}

	/** Whether names that `properties` does not have may be there. */
	get allowsMoreProperties(): boolean {
		const { additionalProperties } = this.props;
		return additionalProperties !== undefined && additionalProperties !== false;
	}

	/** What the values of a map are like. */
	get values(): SchemaTree | undefined {
		const props = valuesOf(this.props);
		if (props !== undefined) this.#values ??= new SchemaTree(props);
		return this.#values;
	}

	get items(): SchemaTree | undefined {
		const props = itemsOf(this.props);
		if (props !== undefined) this.#items ??= new SchemaTree(props);
		return this.#items;
	}

	/** Whether there is a default in it, so that it is worth while to look. */
	get hasDefaults(): boolean {
		this.#hasDefaults ??= this.#some((child) => child.props.default !== undefined || child.hasDefaults);
		return this.#hasDefaults;
	}

	/** Whether there are lists in it whose items have to be different. */
	get hasKeyedLists(): boolean {
		const type = this.props["x-kubernetes-list-type"];
		this.#hasLists ??= type === "set" || type === "map" || this.#some((child) => child.hasKeyedLists);
		return this.#hasLists;
	}

	/** Whether there are resources within it. */
	get hasEmbedded(): boolean {
		this.#hasEmbedded ??= this.#some((child) => child.isResource || child.hasEmbedded);
		return this.#hasEmbedded;
	}

	/** Whether there are `x-kubernetes-validations` in it. */
	get hasRules(): boolean {
		this.#hasRules ??= JSON.stringify(this.props).includes('"x-kubernetes-validations"');
		return this.#hasRules;
	}

	/** allOf, anyOf, oneOf and not. */
	get junctors(): JunctorTrees {
		if (this.#parts === undefined) {
			const { allOf, anyOf, oneOf, not } = this.props;
			const trees = (parts: readonly JSONSchemaProps[] | undefined) => (parts ?? []).map((props) => new SchemaTree(props));
			const negated = asSchema(not);
			this.#parts = {
				allOf: trees(allOf),
				anyOf: trees(anyOf),
				oneOf: trees(oneOf),
				not: negated === undefined ? undefined : new SchemaTree(negated),
			};
		}
		return this.#parts;
	}

	/** The allowed values, where all of them are scalars. */
	get scalarEnum(): ReadonlySet<unknown> {
		this.#enumeration ??= new Set((this.props.enum ?? []).filter((value) => typeof value !== "object" || value === null));
		return this.#enumeration;
	}

	/** The tree of a field of an object; undefined where nothing is known of it. */
	field(name: string): SchemaTree | undefined {
		return this.properties.get(name) ?? this.values;
	}

	#some(test: (child: SchemaTree) => boolean): boolean {
		for (const child of this.properties.values()) if (test(child)) return true;
		const { values, items } = this;
		return (values !== undefined && test(values)) || (items !== undefined && test(items));
	}
}

interface JunctorTrees {
	readonly allOf: readonly SchemaTree[];
	readonly anyOf: readonly SchemaTree[];
	readonly oneOf: readonly SchemaTree[];
	readonly not: SchemaTree | undefined;
}
