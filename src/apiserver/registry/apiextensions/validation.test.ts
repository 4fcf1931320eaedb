/**
 * What Kubernetes says of each wrong field of a CustomResourceDefinition, one row a rule.
 * Source: k8s.io/apiextensions-apiserver/pkg/{apis/apiextensions/validation,apiserver/schema}/validation.go of
 * Kubernetes 1.36.
 */
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { changeProblems, defaulted, kindOf, problems, statusProblems } from "../testing/kind-probe.ts";
import { apiextensionsKinds } from "./index.ts";

const kind = kindOf(apiextensionsKinds, "customresourcedefinitions");
const schemaOf = (schema: object) => ({ openAPIV3Schema: schema });
const version = { name: "v1", served: true, storage: true, schema: schemaOf({ type: "object" }) };
const names = { plural: "crontabs", kind: "CronTab" };
const spec = { group: "stable.example.com", scope: "Namespaced", names, versions: [version] };
const name = "crontabs.stable.example.com";
const crd = (fields: object = {}, metadata: object = {}, status: object = { storedVersions: ["v1"] }): KubeObject =>
	({ metadata: { name, ...metadata }, spec: { ...spec, ...fields }, status }) as KubeObject;

const SUBDOMAIN =
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL =
	"a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const MIXED = `may have mixed case, but should otherwise match: ${LABEL}`;
const IMMUTABLE = "field is immutable";

describe("a CustomResourceDefinition's names", () => {
	it.each<readonly [fields: object, metadata: object, errors: readonly string[]]>([
		[{}, {}, []],
		[{}, { name: "crontab" }, ['metadata.name: Invalid value: "crontab": must be spec.names.plural+"."+spec.group']],
		[{ group: "" }, { name: "crontabs." }, ["spec.group: Required value"]],
		[{ group: "Example.com" }, { name: "crontabs.Example.com" }, [`spec.group: Invalid value: "Example.com": ${SUBDOMAIN}`]],
		[
			{ group: "example" },
			{ name: "crontabs.example" },
			['spec.group: Invalid value: "example": should be a domain with at least one dot'],
		],
		[{ scope: "" }, {}, ["spec.scope: Required value"]],
		[{ scope: "Everywhere" }, {}, ['spec.scope: Unsupported value: "Everywhere": supported values: "Cluster", "Namespaced"']],
		[
			{ names: { plural: "", kind: "" } },
			{ name: ".stable.example.com" },
			[
				"spec.names.plural: Required value",
				"spec.names.singular: Required value",
				"spec.names.kind: Required value",
				"spec.names.listKind: Required value",
			],
		],
		[
			{ names: { plural: "CronTabs", singular: "CronTab", kind: "Cron Tab", listKind: "0" } },
			{ name: "CronTabs.stable.example.com" },
			[
				`spec.names.plural: Invalid value: "CronTabs": ${LABEL}`,
				`spec.names.singular: Invalid value: "CronTab": ${LABEL}`,
				`spec.names.kind: Invalid value: "Cron Tab": ${MIXED}`,
				`spec.names.listKind: Invalid value: "0": ${MIXED}`,
			],
		],
		[
			{ names: { ...names, listKind: "CronTab", shortNames: ["ct", "C"], categories: ["all", "A"] } },
			{},
			[
				`spec.names.shortNames[1]: Invalid value: "C": ${LABEL}`,
				'spec.names.listKind: Invalid value: "CronTab": kind and listKind may not be the same',
				`spec.names.categories[1]: Invalid value: "A": ${LABEL}`,
			],
		],
	])("%j %j", (fields, metadata, errors) => {
		expect(problems(kind, crd(fields, metadata))).toEqual(errors);
	});
});

const approval = "api-approved.kubernetes.io";
const APPROVAL = `protected groups must have approval annotation "${approval}"`;
const SEE = "see https://github.com/kubernetes/enhancements/pull/1111";
const protectedCrd = (group: string, approved?: string) =>
	crd({ group }, { name: `crontabs.${group}`, ...(approved === undefined ? {} : { annotations: { [approval]: approved } }) });

describe("a definition in a group of the Kubernetes community", () => {
	it.each<readonly [group: string, approved: string | undefined, errors: readonly string[]]>([
		["xk8s.io", undefined, []],
		["k8s.io", undefined, [`metadata.annotations[${approval}]: Required value: ${APPROVAL}, ${SEE}`]],
		["x.kubernetes.io", undefined, [`metadata.annotations[${approval}]: Required value: ${APPROVAL}, ${SEE}`]],
		["x.k8s.io", "https://github.com/kubernetes/kubernetes/pull/1", []],
		["x.k8s.io", "unapproved, an experiment", []],
		[
			"x.k8s.io",
			"yes",
			[
				`metadata.annotations[${approval}]: Invalid value: "yes": ${APPROVAL} with either a URL or a reason starting with "unapproved", ${SEE}`,
			],
		],
	])("%s %s", (group, approved, errors) => {
		expect(problems(kind, protectedCrd(group, approved))).toEqual(errors);
	});

	it("may stay without approval where it was", () => {
		const old = protectedCrd("x.k8s.io");
		expect(changeProblems(kind, old, old)).toEqual([]);
		expect(changeProblems(kind, protectedCrd("x.k8s.io", "yes"), old)).toHaveLength(1);
	});
});

const goVersion = (name: string, storage: boolean) =>
	`{"Name":"${name}","Served":true,"Storage":${storage},"Deprecated":false,"DeprecationWarning":null,"Schema":null,"Subresources":null,"AdditionalPrinterColumns":null,"SelectableFields":null}`;
const at = "spec.versions[0]";
const warning = (deprecationWarning: string, text?: string) =>
	[
		{ versions: [{ ...version, deprecated: true, deprecationWarning }] },
		text === undefined ? [] : [`${at}.deprecationWarning: Invalid value: ${JSON.stringify(deprecationWarning)}: ${text}`],
	] as const;

describe("a CustomResourceDefinition's versions", () => {
	it.each<readonly [fields: object, errors: readonly string[]]>([
		[{ versions: [version, { ...version, name: "v2", storage: false }] }, []],
		[
			{ versions: [version, { ...version, storage: false }] },
			[`spec.versions: Invalid value: [${goVersion("v1", true)},${goVersion("v1", false)}]: must contain unique version names`],
		],
		[
			{ versions: [version, { ...version, name: "v2" }] },
			[
				`spec.versions: Invalid value: [${goVersion("v1", true)},${goVersion("v2", true)}]: must have exactly one version marked as storage version`,
				'status.storedVersions: Invalid value: ["v1"]: must have the storage version v2',
			],
		],
		[
			{ versions: [{ ...version, storage: false }] },
			[`spec.versions: Invalid value: [${goVersion("v1", false)}]: must have exactly one version marked as storage version`],
		],
		[{ versions: [{ ...version, schema: {} }] }, [`${at}.schema.openAPIV3Schema: Required value: schemas are required`]],
		[{ versions: [{ ...version, schema: undefined }] }, [`${at}.schema.openAPIV3Schema: Required value: schemas are required`]],
		[{ versions: [version, { ...version, name: "V2", storage: false }] }, [`spec.versions[1].name: Invalid value: "V2": ${LABEL}`]],
		[
			{ versions: [{ ...version, deprecationWarning: "old" }] },
			[`${at}.deprecationWarning: Invalid value: "old": can only be set for deprecated versions`],
		],
		warning("use v2, it is better"),
		warning("x".repeat(256)),
		warning("", "must not be an empty string"),
		warning("x".repeat(257), "must be <= 256 characters long"),
		warning("ü\tv2", "must only contain printable UTF-8 characters; non-printable character found at index 2"),
		[
			{ preserveUnknownFields: true },
			[
				"spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
			],
		],
	])("%j", (fields, errors) => {
		expect(problems(kind, crd(fields))).toEqual(errors);
	});

	it("has its errors where versions differ, or else where they are alike", () => {
		const bad = schemaOf({ type: "object", nullable: true });
		const text = "Forbidden: nullable cannot be true at the root";
		const second = { ...version, name: "v2", storage: false };
		expect(problems(kind, crd({ versions: [version, { ...second, schema: bad }] }))).toEqual([
			`spec.versions[1].schema.openAPIV3Schema.nullable: ${text}`,
		]);
		expect(
			problems(
				kind,
				crd({
					versions: [
						{ ...version, schema: bad },
						{ ...second, schema: bad },
					],
				}),
			),
		).toEqual([`spec.validation.openAPIV3Schema.nullable: ${text}`]);
	});
});

const root = "spec.validation.openAPIV3Schema";
const field = `${root}.properties[f]`;
const withSchema = (schema: object, more: object = {}) => crd({ versions: [{ ...version, schema: schemaOf(schema), ...more }] });
/** A schema with one field. */
const withField = (schema: object) => withSchema({ type: "object", properties: { f: schema } });
const text = { type: "string" };

describe("a schema", () => {
	const MISSING = "must not be empty for specified object fields";
	it.each<readonly [schema: object, errors: readonly string[]]>([
		[{ type: "object", properties: { spec: { type: "object" } } }, []],
		[{}, [`${root}.type: Required value: must not be empty at the root`]],
		[{ "x-kubernetes-preserve-unknown-fields": true }, []],
		[{ type: "string" }, [`${root}.type: Invalid value: "string": must be object at the root`]],
		[
			{ type: "object", additionalProperties: { type: "string" } },
			[`${root}.additionalProperties: Forbidden: must not be used at the root`],
		],
		[{ type: "object", nullable: true }, [`${root}.nullable: Forbidden: nullable cannot be true at the root`]],
		[{ type: "object", properties: { apiVersion: text, kind: text, metadata: { type: "object" } } }, []],
		[
			{ type: "object", properties: { apiVersion: { type: "integer" }, kind: { type: "integer" }, metadata: text } },
			[
				`${root}.properties[apiVersion].type: Invalid value: "integer": must be string`,
				`${root}.properties[kind].type: Invalid value: "integer": must be string`,
				`${root}.properties[metadata].type: Invalid value: "string": must be object`,
			],
		],
		[{ type: "object", properties: { metadata: { type: "object", properties: { name: text, generateName: text } } } }, []],
		[
			{ type: "object", properties: { metadata: { type: "object", properties: { labels: { type: "object" } } } } },
			[
				`${root}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`,
			],
		],
		[
			{ type: "object", properties: { metadata: { type: "object", properties: { name: { type: "string", default: "x" } } } } },
			[`${root}.properties[metadata].properties[name].default: Forbidden: must not be set in top-level metadata`],
		],
		[
			{ type: "object", properties: { a: text }, not: { properties: { a: { enum: ["x"] }, b: { minLength: 1 } } } },
			[`${root}.properties[b]: Required value: because it is defined in ${root}.not.properties[b]`],
		],
		[
			{
				type: "object",
				properties: { a: text },
				anyOf: [{ properties: { a: { oneOf: [{ properties: { c: { minLength: 1 } } }] } } }, { items: { minLength: 1 } }],
			},
			[
				`${root}.items: Required value: because it is defined in ${root}.anyOf[1].items`,
				`${root}.properties[a].properties[c]: Required value: because it is defined in ${root}.anyOf[0].properties[a].oneOf[0].properties[c]`,
			],
		],
		[
			{
				type: "object",
				properties: {
					metadata: {
						type: "object",
						properties: {
							name: { type: "object", additionalProperties: { type: "string", default: "x" }, "x-kubernetes-embedded-resource": true },
						},
					},
				},
			},
			[
				"additionalProperties: Forbidden: must not be used if x-kubernetes-embedded-resource is set",
				"properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
				"x-kubernetes-embedded-resource: Forbidden: must not be used inside of resource meta",
				"additionalProperties.default: Forbidden: must not be set inside additionalProperties applying to object metadata",
			].map((text) => `${root}.properties[metadata].properties[name].${text}`),
		],
		[
			{ type: "object", properties: { a: { type: "string", $schema: "draft" } } },
			[`${root}: Invalid value: "": OpenAPIV3Schema 'schema' is not supported`],
		],
		[{ type: "object", properties: { a: {} } }, [`${root}.properties[a].type: Required value: ${MISSING}`]],
	])("%j", (schema, errors) => {
		expect(problems(kind, withSchema(schema))).toEqual(errors);
	});

	it("of a resource with a status is an object's", () => {
		expect(problems(kind, withSchema({ type: "string" }, { subresources: { status: {} } }))).toEqual([
			`${root}.type: Invalid value: "string": only "object" is allowed as the type at the root of the schema if the status subresource is enabled`,
			`${root}.type: Invalid value: "string": must be object at the root`,
		]);
	});

	it("of a resource with a status says only what holds for the status, too", () => {
		const subresources = { status: {} };
		expect(problems(kind, withSchema({ type: "object", required: ["spec"] }, { subresources }))).toEqual([]);
		const schema = { type: "object", maxProperties: 3 };
		expect(problems(kind, withSchema(schema, { subresources }))).toEqual([
			`${root}: Invalid value: {"type":"object","maxProperties":3}: only [Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations] fields are allowed at the root of the schema if the status subresource is enabled`,
		]);
	});
});

const intOrString = { "x-kubernetes-int-or-string": true };
const anyOf = [{ type: "integer" }, { type: "string" }];
const embedded = { "x-kubernetes-embedded-resource": true };
const kept = { "x-kubernetes-preserve-unknown-fields": true };
const structural = (...texts: string[]) => texts.map((text) => `${field}${text}`);
const nested = (part: object, name: string, text: string) =>
	[{ type: "string", allOf: [part] }, structural(`.allOf[0].${name}: Forbidden: ${text}`)] as const;

describe("a structural schema", () => {
	const EMBEDDED = "must be object if x-kubernetes-embedded-resource is true";
	it.each<readonly [schema: object, errors: readonly string[]]>([
		[{ type: "array" }, structural(".items: Required value: must be specified")],
		[{ type: "array", items: {} }, structural(".items.type: Required value: must not be empty for specified array items")],
		[
			{ type: "object", additionalProperties: {} },
			structural(".additionalProperties.type: Required value: must not be empty for specified object fields"),
		],
		[{ type: "object", additionalProperties: true }, []],
		[intOrString, []],
		[{ ...intOrString, anyOf }, []],
		[{ ...intOrString, allOf: [{ anyOf }, { minimum: 1 }] }, []],
		[
			{ ...intOrString, ...kept },
			structural(".x-kubernetes-preserve-unknown-fields: Invalid value: true: must be false if x-kubernetes-int-or-string is true"),
		],
		[{ ...embedded, ...kept, type: "object" }, []],
		[
			{ ...embedded, type: "object" },
			structural(
				".properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
			),
		],
		[{ ...embedded, ...kept }, structural(`.type: Required value: ${EMBEDDED}`)],
		[{ ...embedded, ...kept, type: "string" }, structural(`.type: Invalid value: "string": ${EMBEDDED}`)],
		[
			{ ...embedded, ...kept, type: "object", additionalProperties: text },
			structural(".additionalProperties: Forbidden: must not be used if x-kubernetes-embedded-resource is set"),
		],
		[
			{ ...embedded, type: "object", properties: { kind: { type: "integer" } } },
			structural('.properties[kind].type: Invalid value: "integer": must be string'),
		],
		nested({ type: "string" }, "type", "must be empty to be structural"),
		nested({ title: "t" }, "title", "must be empty to be structural"),
		nested({ description: "d" }, "description", "must be empty to be structural"),
		nested({ default: "d" }, "default", "must be undefined to be structural"),
		nested({ nullable: true }, "nullable", "must be false to be structural"),
		nested(kept, "x-kubernetes-preserve-unknown-fields", "must be false to be structural"),
		nested(intOrString, "x-kubernetes-int-or-string", "must be false to be structural"),
		nested({ "x-kubernetes-validations": [{ rule: "true" }] }, "x-kubernetes-validations", "must be empty to be structural"),
		[
			{ type: "object", additionalProperties: text, anyOf: [{ additionalProperties: text }] },
			structural(".anyOf[0].additionalProperties: Forbidden: must be undefined to be structural"),
		],

		[
			{ type: "object", properties: { metadata: { type: "object" } }, oneOf: [{ properties: { metadata: {} } }] },
			structural(".oneOf[0].properties[metadata]: Forbidden: must not be specified in a nested context"),
		],

		[
			{ type: "object", properties: { a: list({}) }, not: { not: { properties: { a: { items: { title: "t" } } } } } },
			structural(".not.not.properties[a].items.title: Forbidden: must be empty to be structural"),
		],
		[{ type: "string", allOf: [{ not: { pattern: "^a+$" } }], pattern: "^a+$" }, []],
	])("%j", (schema, errors) => {
		expect(problems(kind, withField(schema))).toEqual(errors);
	});

	it("has patterns that are regular expressions", () => {
		expect(problems(kind, withField({ type: "string", pattern: "a(" })).join()).toMatch(
			'spec.validation.openAPIV3Schema.properties[f].pattern: Invalid value: "a(": must be a valid regular expression, but isn\'t: error parsing regexp: ',
		);
	});
});

const list = (fields: object, item: object = {}) => ({ type: "array", items: { type: "object", ...item }, ...fields });
const keyed = { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"] };
const ofList = (schema: object, ...texts: string[]) => [schema, structural(...texts)] as const;

describe("a field's schema", () => {
	const ATOMIC = "must be atomic as item of a list with x-kubernetes-list-type=set";
	const TYPES = 'supported values: "array", "boolean", "integer", "number", "object", "string"';
	const KEY = "this property is in x-kubernetes-list-map-keys, so it";
	it.each<readonly [schema: object, errors: readonly string[]]>([
		[
			{ type: "text" },
			structural('.type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"'),
		],
		...["id", "$ref"].map((name) => [{ ...text, [name]: "x" }, structural(`.${name}: Forbidden: ${name} is not supported`)] as const),
		...["patternProperties", "definitions", "dependencies"].map(
			(name) => [{ type: "object", [name]: { x: text } }, structural(`.${name}: Forbidden: ${name} is not supported`)] as const,
		),
		[
			{ type: "object", additionalProperties: { type: "object", additionalProperties: { ...text, uniqueItems: true } } },
			structural(
				".additionalProperties.additionalProperties.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
			),
		],
		[
			{ type: "array", items: { ...text, id: "x" }, not: { id: "y" }, anyOf: [{ id: "z" }] },
			["not.id", "anyOf[0].id", "items.id"].flatMap((at) => structural(`.${at}: Forbidden: id is not supported`)),
		],
		[
			{ type: "object", definitions: { d: { type: "x" } }, dependencies: { e: { type: "y" }, f: ["g"] } },
			[
				...structural(".definitions: Forbidden: definitions is not supported", ".dependencies: Forbidden: dependencies is not supported"),
				...structural(`.definitions[d].type: Unsupported value: "x": ${TYPES}`, `.dependencies[e].type: Unsupported value: "y": ${TYPES}`),
			],
		],
		[
			{ type: "null" },
			structural(
				`.type: Unsupported value: "null": ${TYPES}`,
				".type: Forbidden: type cannot be set to null, use nullable as an alternative",
			),
		],
		[{ ...text, additionalItems: true }, structural(".additionalItems: Forbidden: additionalItems is not supported")],
		[
			{ ...text, uniqueItems: true },
			structural(".uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic"),
		],
		[
			{ type: "object", properties: { a: text }, additionalProperties: text },
			structural(".additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive"),
		],
		[{ type: "array", items: [text] }, structural(".items: Forbidden: items must be a schema object and not an array")],
		[
			{ type: "object", "x-kubernetes-preserve-unknown-fields": false },
			structural(".x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined"),
		],
		[
			{ ...text, "x-kubernetes-map-type": "atomic" },
			structural('.type: Invalid value: "string": must be object if x-kubernetes-map-type is specified'),
		],
		[
			{ type: "object", "x-kubernetes-map-type": "loose" },
			structural('.x-kubernetes-map-type: Unsupported value: "loose": supported values: "atomic", "granular"'),
		],
		[
			{ ...text, "x-kubernetes-list-type": "atomic" },
			structural('.type: Invalid value: "string": must be array if x-kubernetes-list-type is specified'),
		],
		ofList(
			list({ "x-kubernetes-list-type": "bag" }),
			'.x-kubernetes-list-type: Unsupported value: "bag": supported values: "atomic", "set", "map"',
		),
		ofList(list({ "x-kubernetes-list-type": "set" }, text)),
		ofList(list({ "x-kubernetes-list-type": "set" }, { "x-kubernetes-map-type": "atomic" })),
		ofList(list({ "x-kubernetes-list-type": "set" }), `.items.x-kubernetes-map-type: Invalid value: null: ${ATOMIC}`),
		ofList(
			list({ "x-kubernetes-list-type": "set" }, { type: "array", items: text, "x-kubernetes-list-type": "set" }),
			`.items.x-kubernetes-list-type: Invalid value: "set": ${ATOMIC}`,
		),
		ofList(
			list({ "x-kubernetes-list-type": "set" }, { ...text, nullable: true }),
			".items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is set",
		),
		ofList(list(keyed, { required: ["k"], properties: { k: text } })),
		ofList(list(keyed, { properties: { k: { ...text, default: "x" } } })),
		ofList(
			list({ "x-kubernetes-list-map-keys": ["k"] }),
			".x-kubernetes-list-type: Required value: must be map if x-kubernetes-list-map-keys is non-empty",
		),
		ofList(
			list({ "x-kubernetes-list-map-keys": ["k"], "x-kubernetes-list-type": "atomic" }),
			'.x-kubernetes-list-type: Invalid value: "atomic": must be map if x-kubernetes-list-map-keys is non-empty',
		),
		ofList(
			list({ "x-kubernetes-list-type": "map" }),
			".x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map",
		),
		ofList(
			{ ...keyed, type: "array" },
			".items: Required value: must be specified",
			".items: Required value: must have a schema if x-kubernetes-list-type is map",
		),
		ofList(
			{ ...keyed, type: "array", items: [{ ...text, id: "x" }] },
			".items: Forbidden: items must be a schema object and not an array",
			".items[0].id: Forbidden: id is not supported",
			'.items: Invalid value: [{"type":"string","id":"x"}]: must only have a single schema if x-kubernetes-list-type is map',
		),
		ofList(list(keyed, text), '.items.type: Invalid value: "string": must be object if parent array\'s x-kubernetes-list-type is map'),
		ofList(list(keyed), '.x-kubernetes-list-map-keys: Invalid value: ["k"]: entries must all be names of item properties'),
		ofList(
			list({ ...keyed, "x-kubernetes-list-map-keys": ["k", "k"] }, { required: ["k"], properties: { k: text } }),
			'.x-kubernetes-list-map-keys: Invalid value: ["k","k"]: must not contain duplicate entries',
		),
		ofList(
			list(keyed, { required: ["k"], properties: { k: { type: "object" } } }),
			'.items.properties[k].type: Invalid value: "object": must be a scalar type if parent array\'s x-kubernetes-list-type is map',
		),
		ofList(
			list(keyed, { properties: { k: { ...text, nullable: true } } }),
			`.items.properties[k].default: Required value: ${KEY} must have a default or be a required property`,
			`.items.properties[k].nullable: Forbidden: ${KEY} cannot be nullable`,
		),
	])("%j", (schema, errors) => {
		expect(problems(kind, withField(schema))).toEqual(errors);
	});
});

describe("a rule of x-kubernetes-validations", () => {
	const rules = `${field}.x-kubernetes-validations[0]`;
	it.each<readonly [rule: object, errors: readonly string[]]>([
		[{ rule: "self.a == 'x'", message: "is x", reason: "FieldValueRequired", fieldPath: ".a" }, []],
		[{ rule: " " }, [`${rules}.rule: Required value: rule is not specified`]],
		[{ rule: "true", message: " " }, [`${rules}.message: Invalid value: " ": message must be non-empty if specified`]],
		[{ rule: "true", message: "a\nb" }, [`${rules}.message: Invalid value: "a\\nb": message must not contain line breaks`]],
		[{ rule: "true ||\nfalse" }, [`${rules}.message: Required value: message must be specified if rule contains line breaks`]],
		[
			{ rule: "true", messageExpression: " " },
			[`${rules}.messageExpression: Required value: messageExpression must be non-empty if specified`],
		],
		[
			{ rule: "true", reason: "Bad" },
			[
				`${rules}.reason: Unsupported value: "Bad": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"`,
			],
		],
		[
			{ rule: "true", fieldPath: " " },
			[
				`${rules}.fieldPath: Invalid value: " ": fieldPath must be non-empty if specified`,
				`${rules}.fieldPath: Invalid value: " ": fieldPath must be a valid path`,
			],
		],
		[{ rule: "true", fieldPath: ".['a']" }, [`${rules}.fieldPath: Invalid value: ".['a']": fieldPath must be a valid path`]],
		[{ rule: "true", fieldPath: "['a']" }, []],
		[{ rule: "true", fieldPath: ".b" }, [`${rules}.fieldPath: Invalid value: ".b": fieldPath must be a valid path`]],
		[{ rule: "true", fieldPath: "a" }, [`${rules}.fieldPath: Invalid value: "a": fieldPath must be a valid path`]],
		[
			{ rule: "true", fieldPath: ".a\n" },
			[
				`${rules}.fieldPath: Invalid value: ".a\\n": fieldPath must not contain line breaks`,
				`${rules}.fieldPath: Invalid value: ".a\\n": fieldPath must be a valid path`,
			],
		],
	])("%j", (rule, errors) => {
		expect(problems(kind, withField({ type: "object", properties: { a: text }, "x-kubernetes-validations": [rule] }))).toEqual(errors);
	});
});

const everything = schemaOf({
	type: "object",
	properties: {
		metadata: { type: "object", properties: { name: text } },
		spec: { type: "object", properties: { color: text, size: { type: "number" }, tags: { type: "object", additionalProperties: text } } },
	},
});
const scale = (fields: object) => ({
	subresources: { scale: { specReplicasPath: ".spec.n", statusReplicasPath: ".status.n", ...fields } },
});
const column = (fields: object) => ({ additionalPrinterColumns: [{ name: "Color", type: "string", jsonPath: ".spec.color", ...fields }] });
const selectable = (...paths: string[]) => ({ selectableFields: paths.map((jsonPath) => ({ jsonPath })) });

describe("what a version serves", () => {
	const inScale = "spec.subresources.scale";
	const inColumn = "spec.additionalPrinterColumns[0]";
	const inFields = "spec.selectableFields";
	const SIMPLE = "must be a simple json path starting with .";
	const SCALARS = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
	const TYPES = "must be one of boolean,date,integer,number,string";
	const nine = Array.from({ length: 9 }, (_, index) => `.spec.tags.t${index}`);
	it.each<readonly [fields: object, errors: readonly string[]]>([
		[{ subresources: { status: {} } }, []],
		[scale({ labelSelectorPath: ".status.selector" }), []],
		[
			scale({ specReplicasPath: "", statusReplicasPath: "" }),
			[`${inScale}.specReplicasPath: Required value`, `${inScale}.statusReplicasPath: Required value`],
		],
		[
			scale({ specReplicasPath: ".status.n", statusReplicasPath: ".spec.n", labelSelectorPath: ".metadata.x" }),
			[
				`${inScale}.specReplicasPath: Invalid value: ".status.n": should be a json path under .spec`,
				`${inScale}.statusReplicasPath: Invalid value: ".spec.n": should be a json path under .status`,
				`${inScale}.labelSelectorPath: Invalid value: ".metadata.x": should be a json path under either .spec or .status`,
			],
		],
		[scale({ specReplicasPath: "spec.n" }), [`${inScale}.specReplicasPath: Invalid value: "spec.n": ${SIMPLE}`]],
		[column({ format: "byte" }), []],
		[
			column({ name: "", type: "", jsonPath: "" }),
			[`${inColumn}.name: Required value`, `${inColumn}.type: Required value: ${TYPES}`, `${inColumn}.JSONPath: Required value`],
		],
		[
			column({ type: "text", format: "long", jsonPath: "spec" }),
			[
				`${inColumn}.type: Invalid value: "text": ${TYPES}`,
				`${inColumn}.format: Invalid value: "long": must be one of byte,date,date-time,double,float,int32,int64,password`,
				`${inColumn}.JSONPath: Invalid value: "spec": ${SIMPLE}`,
			],
		],
		[selectable(".spec.color"), []],
		[selectable(""), [`${inFields}[0].jsonPath: Required value`]],
		[
			selectable(".spec.shape"),
			[`${inFields}[0].jsonPath: Invalid value: ".spec.shape": is an invalid path: does not refer to a valid field`],
		],
		[selectable("spec"), [`${inFields}[0].jsonPath: Invalid value: "spec": is an invalid path: expected [ or . but got: spec`]],
		[
			selectable(".spec['color']"),
			[`${inFields}[0].jsonPath: Invalid value: ".spec['color']": is an invalid path: array notation is not allowed`],
		],
		[selectable(".metadata.name"), [`${inFields}[0].jsonPath: Invalid value: ".metadata.name": must not point to fields in metadata`]],
		[selectable(".spec.size"), [`${inFields}[0].jsonPath: Invalid value: ".spec.size": ${SCALARS}`]],
		[selectable(".spec.color", ".spec.color"), [`${inFields}[1].jsonPath: Duplicate value: ".spec.color"`]],
		[selectable(...nine.slice(1)), []],
		[selectable(...nine), [`${inFields}: Too many: 9: must have at most 8 items`]],
	])("%j", (fields, errors) => {
		expect(problems(kind, withSchema(everything.openAPIV3Schema, fields))).toEqual(errors);
	});
});

const webhook = (fields: object) => ({
	conversion: {
		strategy: "Webhook",
		webhook: { clientConfig: { url: "https://example.com" }, conversionReviewVersions: ["v1"], ...fields },
	},
});

describe("a CustomResourceDefinition's conversion", () => {
	const path = "spec.conversion";
	const UNUSED = "should not be set when strategy is not set to Webhook";
	it.each<readonly [fields: object, errors: readonly string[]]>([
		[{ conversion: { strategy: "None" } }, []],
		[webhook({}), []],
		[{ conversion: { strategy: "" } }, [`${path}.strategy: Required value`]],
		[{ conversion: { strategy: "Magic" } }, [`${path}.strategy: Unsupported value: "Magic": supported values: "None", "Webhook"`]],
		[
			{ conversion: { ...webhook({}).conversion, strategy: "None" } },
			[`${path}.webhookClientConfig: Forbidden: ${UNUSED}`, `${path}.conversionReviewVersions: Forbidden: ${UNUSED}`],
		],
		[
			{ conversion: { strategy: "Webhook" } },
			[
				`${path}.webhookClientConfig: Required value: required when strategy is set to Webhook`,
				`${path}.conversionReviewVersions: Required value`,
			],
		],
		[webhook({ clientConfig: {} }), [`${path}.webhookClientConfig: Required value: exactly one of url or service is required`]],
		[
			webhook({ clientConfig: { url: "http://example.com" } }),
			[
				`${path}.webhookClientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]`,
			],
		],
		[
			webhook({ clientConfig: { service: { name: "", namespace: "" } } }),
			[
				`${path}.webhookClientConfig.service.name: Required value: service name is required`,
				`${path}.webhookClientConfig.service.namespace: Required value: service namespace is required`,
			],
		],
		[
			webhook({ conversionReviewVersions: ["v1", "v1", "V2"] }),
			[
				`${path}.conversionReviewVersions[1]: Invalid value: "v1": duplicate version`,
				`${path}.conversionReviewVersions[2]: Invalid value: "V2": ${LABEL}`,
			],
		],
		[
			webhook({ conversionReviewVersions: ["v2"] }),
			[`${path}.conversionReviewVersions: Invalid value: ["v2"]: must include at least one of v1, v1beta1`],
		],
	])("%j", (fields, errors) => {
		expect(problems(kind, crd(fields))).toEqual(errors);
	});
});

const established = { storedVersions: ["v1"], conditions: [{ type: "Established", status: "True" }] };
const storedText = (version: string) =>
	`missing from spec.versions; ${version} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${version} and removes ${version} from status.storedVersions`;

describe("a changed CustomResourceDefinition", () => {
	const moved = { ...names, kind: "Other" };
	it.each<readonly [changed: KubeObject, old: KubeObject, errors: readonly string[]]>([
		[crd(), crd(), []],
		[crd({ scope: "Cluster", names: moved }), crd(), []],
		[
			crd({ scope: "Cluster", names: moved }, {}, established),
			crd({}, {}, established),
			[`spec.scope: Invalid value: "Cluster": ${IMMUTABLE}`, `spec.names.kind: Invalid value: "Other": ${IMMUTABLE}`],
		],
		[
			crd({ group: "other.example.com", names: { ...names, plural: "crons" } }, { name: "crons.other.example.com" }),
			crd({}, { name: "crons.other.example.com" }),
			[`spec.group: Invalid value: "other.example.com": ${IMMUTABLE}`, `spec.names.plural: Invalid value: "crons": ${IMMUTABLE}`],
		],
		[crd({ preserveUnknownFields: true }), crd({ preserveUnknownFields: true }), []],
	])("%#", (changed, old, errors) => {
		expect(changeProblems(kind, changed, old)).toEqual(errors);
	});

	// What only the server itself can have written.
	it.each<readonly [changed: KubeObject, old: KubeObject, errors: readonly string[]]>([
		[
			crd({}, {}, { storedVersions: ["v1"], acceptedNames: { plural: "A", kind: "Fine" } }),
			crd(),
			[`status.acceptedNames.plural: Invalid value: "A": ${LABEL}`],
		],
		[crd({}, {}, {}), crd(), ["status.storedVersions: Invalid value: null: must have at least one stored version"]],
		[crd({}, {}, { storedVersions: ["v0", "v1"] }), crd(), [`status.storedVersions[0]: Invalid value: "v0": ${storedText("v0")}`]],
	])("with a status of its own: %#", (changed, old, errors) => {
		expect((kind.validate?.(defaulted(kind, changed), old) ?? []).map(String)).toEqual(errors);
	});

	it("may be accepted under names only", () => {
		const status = { ...established, acceptedNames: { plural: "A", kind: "Fine" } };
		expect(statusProblems(kind, crd({}, {}, status), crd())).toEqual([`status.acceptedNames.plural: Invalid value: "A": ${LABEL}`]);
	});
});
