/**
 * What Kubernetes says of each wrong field of webhook configurations, admission policies and their bindings, one row a
 * rule. Source: pkg/apis/admissionregistration/validation/validation.go of Kubernetes 1.36.
 */
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { changeProblems, created, kindOf, problems, statusProblems } from "../testing/kind-probe.ts";
import { admissionregistrationKinds } from "./index.ts";

const of = (resource: string) => kindOf(admissionregistrationKinds, resource);
const object = (fields: object, name = "check"): KubeObject => ({ metadata: { name }, ...fields });
const rule = { operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] };

const SUBDOMAIN =
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL =
	"a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED =
	"name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE =
	"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const badSelector = { matchExpressions: [{ key: "a", operator: "In", values: ["-"] }] };
const ofSelector = (path: string) => `${path}.matchExpressions[0].values[0]: Invalid value: "-": ${VALUE}`;

type Row = readonly [fields: object, errors: readonly string[]];

/** Rules of webhooks and of policies, with their errors as they stand under `path`. */
const ruleRows = (path: string): readonly Row[] => [
	[{}, []],
	[{ resources: ["pods/*", "*/scale", "nodes"] }, []],
	[{ operations: [] }, [`${path}.operations: Required value`]],
	[
		{ operations: ["*", "CREATE"] },
		[`${path}.operations: Invalid value: ["*","CREATE"]: if '*' is present, must not specify other operations`],
	],
	[
		{ operations: ["READ"] },
		[`${path}.operations[0]: Unsupported value: "READ": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"`],
	],
	[{ apiGroups: [] }, [`${path}.apiGroups: Required value`]],
	[{ apiGroups: ["*", "apps"] }, [`${path}.apiGroups: Invalid value: ["*","apps"]: if '*' is present, must not specify other API groups`]],
	[{ apiVersions: [] }, [`${path}.apiVersions: Required value`]],
	[{ apiVersions: ["v1", ""] }, [`${path}.apiVersions[1]: Required value`]],
	[
		{ apiVersions: ["*", "v1"] },
		[`${path}.apiVersions: Invalid value: ["*","v1"]: if '*' is present, must not specify other API versions`],
	],
	[{ resources: [] }, [`${path}.resources: Required value`]],
	[
		{ resources: ["pods/*", "pods/log", "", "*/scale", "nodes/scale"] },
		[
			`${path}.resources[1]: Invalid value: "pods/log": if 'pods/*' is present, must not specify pods/log`,
			`${path}.resources[2]: Required value`,
			`${path}.resources[4]: Invalid value: "nodes/scale": if '*/scale' is present, must not specify nodes/scale`,
		],
	],
	[
		{ resources: ["*/*", "pods"] },
		[`${path}.resources: Invalid value: ["*/*","pods"]: if '*/*' is present, must not specify other resources`],
	],
	[
		{ resources: ["*", "pods"] },
		[`${path}.resources: Invalid value: ["*","pods"]: if '*' is present, must not specify other resources without subresources`],
	],
	[{ resources: ["pods", "*"] }, []],
	[{ scope: "All" }, [`${path}.scope: Unsupported value: "All": supported values: "*", "Cluster", "Namespaced"`]],
];

/** Match conditions, with their errors as they stand under `path`. */
const conditionRows = (path: string): readonly (readonly [conditions: readonly object[], errors: readonly string[]])[] => [
	[[{ name: "a", expression: "true" }], []],
	[[{ name: "", expression: " " }], [`${path}[0].expression: Required value`, `${path}[0].name: Required value`]],
	[[{ name: "-", expression: "true" }], [`${path}[0].name: Invalid value: "-": ${QUALIFIED}`]],
	[
		[
			{ name: "a", expression: "true" },
			{ name: "a", expression: "" },
		],
		[`${path}[1].expression: Required value`, `${path}[1].name: Duplicate value: "a"`],
	],
	[Array.from({ length: 64 }, (_, index) => ({ name: `c${index}`, expression: "true" })), []],
	[
		Array.from({ length: 65 }, (_, index) => ({ name: `c${index}`, expression: "true" })),
		[`${path}: Too many: 65: must have at most 64 items`],
	],
];

const webhook = {
	name: "pods.example.com",
	clientConfig: { service: { name: "hook", namespace: "hooks" } },
	rules: [rule],
	sideEffects: "None",
	admissionReviewVersions: ["v1"],
};
const hooks = (...webhooks: readonly object[]) => object({ webhooks: webhooks.map((fields) => ({ ...webhook, ...fields })) });
const invalid = (path: string, value: unknown, detail: string) => `${path}: Invalid value: ${JSON.stringify(value)}: ${detail}`;
const ofService = (service: object, path: string, ...texts: string[]): Row => [
	{ clientConfig: { service: { name: "hook", namespace: "hooks", ...service } } },
	texts.map((text) => `webhooks[0].clientConfig.service.${path}: ${text}`),
];
const ofUrl = (url: string, ...texts: string[]): Row => [
	{ clientConfig: { url } },
	texts.map((text) => `webhooks[0].clientConfig.url: Invalid value: ${text}`),
];

describe.each(["mutatingwebhookconfigurations", "validatingwebhookconfigurations"])("%s", (resource) => {
	const kind = of(resource);
	const at = "webhooks[0]";

	it.each<Row>([
		[{}, []],
		[{ name: "" }, [`${at}.name: Required value`]],
		[{ name: "A.b.c" }, [`${at}.name: Invalid value: "A.b.c": ${SUBDOMAIN}`]],
		[{ name: "a.b" }, [`${at}.name: Invalid value: "a.b": should be a domain with at least three segments separated by dots`]],
		[{ failurePolicy: "Retry" }, [`${at}.failurePolicy: Unsupported value: "Retry": supported values: "Fail", "Ignore"`]],
		[{ matchPolicy: "Fuzzy" }, [`${at}.matchPolicy: Unsupported value: "Fuzzy": supported values: "Equivalent", "Exact"`]],
		[{ sideEffects: undefined }, [`${at}.sideEffects: Required value: must specify one of None, NoneOnDryRun`]],
		[{ sideEffects: "Some" }, [`${at}.sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"`]],
		[{ timeoutSeconds: 30 }, []],
		[{ timeoutSeconds: 1 }, []],
		[{ timeoutSeconds: 0 }, [`${at}.timeoutSeconds: Invalid value: 0: the timeout value must be between 1 and 30 seconds`]],
		[{ timeoutSeconds: 31 }, [`${at}.timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds`]],
		[{ namespaceSelector: badSelector }, [ofSelector(`${at}.namespaceSelector`)]],
		[{ objectSelector: badSelector }, [ofSelector(`${at}.objectSelector`)]],
		[{ clientConfig: {} }, [`${at}.clientConfig: Required value: exactly one of url or service is required`]],
		ofService({ name: "" }, "name", "Required value: service name is required"),
		ofService({ namespace: "" }, "namespace", "Required value: service namespace is required"),
		ofService({ port: 70000 }, "port", "Invalid value: 70000: port is not valid: must be between 1 and 65535, inclusive"),
		ofService({ path: "hook" }, "path", `Invalid value: "hook": must start with a '/'`),
		ofService({ path: "/a//b" }, "path", 'Invalid value: "/a//b": segment[1] may not be empty'),
		ofService({ path: "//" }, "path", 'Invalid value: "//": segment[0] may not be empty'),
		ofService({ path: "/a/B" }, "path", `Invalid value: "/a/B": segment[1]: ${SUBDOMAIN}`),
		ofService({ path: "/a/b/" }, "path"),
		ofUrl("https://example.com/hook"),
		ofUrl("http://example.com", `"http": 'https' is the only allowed URL scheme; desired format: https://host[/path]`),
		ofUrl("https://me@example.com", '"me": user information is not permitted in the URL'),
		ofUrl("https://example.com#f", '"f": fragments are not permitted in the URL'),
		ofUrl("https://example.com?a=b", '"a=b": query parameters are not permitted in the URL'),
		[{ admissionReviewVersions: [] }, [`${at}.admissionReviewVersions: Required value: must specify one of v1, v1beta1`]],
		[
			{ admissionReviewVersions: ["v1", "v1", "V2"] },
			[
				`${at}.admissionReviewVersions[1]: Invalid value: "v1": duplicate version`,
				`${at}.admissionReviewVersions[2]: Invalid value: "V2": ${LABEL}`,
			],
		],
		[
			{ admissionReviewVersions: ["v2"] },
			[`${at}.admissionReviewVersions: Invalid value: ["v2"]: must include at least one of v1, v1beta1`],
		],
	])("%j", (fields, errors) => {
		expect(problems(kind, hooks(fields))).toEqual(errors);
	});

	it.each(ruleRows(`${at}.rules[0]`))("rule %j", (fields, errors) => {
		expect(problems(kind, hooks({ rules: [{ ...rule, ...fields }] }))).toEqual(errors);
	});

	it.each(conditionRows(`${at}.matchConditions`))("conditions %#", (matchConditions, errors) => {
		expect(problems(kind, hooks({ matchConditions }))).toEqual(errors);
	});

	it("has each name once", () => {
		expect(problems(kind, hooks({}, {}))).toEqual(['webhooks[1].name: Duplicate value: "pods.example.com"']);
	});

	it("may keep what was stored under older rules, and nothing else", () => {
		const old = { admissionReviewVersions: ["v2"], sideEffects: "Some", namespaceSelector: badSelector };
		const bad = { ...old, objectSelector: badSelector, matchConditions: [{ name: "", expression: "" }] };
		expect(changeProblems(kind, hooks(bad, bad), hooks(bad, bad))).toEqual([]);
		expect(changeProblems(kind, hooks({ ...old, sideEffects: "Many" }), hooks(old))).toEqual([
			`${at}.sideEffects: Unsupported value: "Many": supported values: "None", "NoneOnDryRun", "Some", "Unknown"`,
		]);
		expect(changeProblems(kind, hooks({ ...bad, matchConditions: [{ name: "", expression: "true" }] }), hooks(bad))).toEqual([
			`${at}.matchConditions[0].name: Required value`,
		]);
		expect(changeProblems(kind, hooks(old), hooks({}))).toHaveLength(3);
	});

	it("is warned of a name that files keep", () => {
		const text =
			'metadata.name: names ending with ".static.k8s.io" are reserved for static manifest-based configurations and cannot be managed via the API';
		expect(kind.warnings?.(object({ webhooks: [] }, "a.static.k8s.io"))).toEqual([text]);
		expect(kind.warnings?.(object({ webhooks: [] }, "a.k8s.io"))).toEqual([]);
	});
});

it("a mutating webhook is called again by a known policy", () => {
	expect(problems(of("mutatingwebhookconfigurations"), hooks({ reinvocationPolicy: "Always" }))).toEqual([
		'webhooks[0].reinvocationPolicy: Unsupported value: "Always": supported values: "IfNeeded", "Never"',
	]);
});

const matchConstraints = { resourceRules: [rule] };
const validating = { matchConstraints, validations: [{ expression: "true" }] };
const mutating = {
	matchConstraints,
	reinvocationPolicy: "Never",
	mutations: [{ patchType: "JSONPatch", jsonPatch: { expression: "[]" } }],
};
const policies = [
	["validatingadmissionpolicies", validating],
	["mutatingadmissionpolicies", mutating],
] as const;

describe.each(policies)("%s", (resource, valid) => {
	const kind = of(resource);
	const kindPath = "spec.paramKind";
	const match = "spec.matchConstraints";
	const paramKind = (fields: object) => ({ paramKind: { apiVersion: "v1", kind: "ConfigMap", ...fields } });
	const variable = (fields: object) => ({ variables: [{ name: "a", expression: "1", ...fields }] });

	it.each<Row>([
		[{}, []],
		[{ failurePolicy: "Retry" }, ['spec.failurePolicy: Unsupported value: "Retry": supported values: "Fail", "Ignore"']],
		[paramKind({}), []],
		[paramKind({ apiVersion: "", kind: "" }), [`${kindPath}.apiVersion: Required value`, `${kindPath}.kind: Required value`]],
		[paramKind({ apiVersion: "a/b/c" }), [invalid(`${kindPath}.apiVersion`, "a/b/c", "unexpected GroupVersion string: a/b/c")]],
		[paramKind({ apiVersion: "a/" }), [invalid(`${kindPath}.apiVersion`, "a/", "version must be specified")]],
		[
			paramKind({ apiVersion: "A/V1", kind: "1" }),
			[
				invalid(`${kindPath}.apiVersion`, "A", SUBDOMAIN),
				invalid(`${kindPath}.apiVersion`, "V1", LABEL),
				invalid(`${kindPath}.kind`, "1", `may have mixed case, but should otherwise match: ${LABEL}`),
			],
		],
		[{ matchConstraints: undefined }, [`${match}: Required value`]],
		[{ matchConstraints: {} }, [`${match}.resourceRules: Required value`]],
		[
			{ matchConstraints: { ...matchConstraints, matchPolicy: "Fuzzy" } },
			[`${match}.matchPolicy: Unsupported value: "Fuzzy": supported values: "Equivalent", "Exact"`],
		],
		[{ matchConstraints: { ...matchConstraints, namespaceSelector: badSelector } }, [ofSelector(`${match}.namespaceSelector`)]],
		[{ matchConstraints: { ...matchConstraints, objectSelector: badSelector } }, [ofSelector(`${match}.objectSelector`)]],
		[
			{ matchConstraints: { ...matchConstraints, excludeResourceRules: [{ ...rule, resourceNames: ["a/b", "c", "c"] }] } },
			[
				`${match}.excludeResourceRules[0].resourceNames[0]: Invalid value: "a/b": may not contain '/'`,
				`${match}.excludeResourceRules[0].resourceNames[2]: Duplicate value: "c"`,
			],
		],
		[variable({}), []],
		[
			variable({ name: " ", expression: " " }),
			[
				"spec.variables[0].name: Required value: name is not specified",
				"spec.variables[0].expression: Required value: expression is not specified",
			],
		],
		[variable({ name: "4ever" }), [invalid("spec.variables[0].name", "4ever", "must be a valid CEL identifier")]],
		[variable({ name: "package" }), [invalid("spec.variables[0].name", "package", "must be a valid CEL identifier")]],
	])("%j", (fields, errors) => {
		expect(problems(kind, object({ spec: { ...valid, ...fields } }))).toEqual(errors);
	});

	it.each(conditionRows("spec.matchConditions"))("conditions %#", (matchConditions, errors) => {
		expect(problems(kind, object({ spec: { ...valid, matchConditions } }))).toEqual(errors);
	});

	it("is judged by its conditions again when they or its parameters change", () => {
		const spec = { ...valid, matchConditions: [{ name: "", expression: "true" }] };
		const text = "spec.matchConditions[0].name: Required value";
		expect(changeProblems(kind, object({ spec }), object({ spec }))).toEqual([]);
		expect(changeProblems(kind, object({ spec: { ...spec, ...paramKind({}) } }), object({ spec }))).toEqual([text]);
		expect(changeProblems(kind, object({ spec }), object({ spec: valid }))).toEqual([text]);
	});
});

describe("a ValidatingAdmissionPolicy", () => {
	const kind = of("validatingadmissionpolicies");
	const first = "spec.validations[0]";
	const annotation = "spec.auditAnnotations[0]";
	const NOTHING = "validations or auditAnnotations must contain at least one item";
	const validation = (fields: object) => ({ validations: [{ expression: "true", ...fields }] });
	const annotations = (...list: readonly object[]) => ({
		auditAnnotations: list.map((fields) => ({ key: "a", valueExpression: "'x'", ...fields })),
	});
	const many = Array.from({ length: 21 }, (_, index) => ({ key: `k${index}` }));
	const goMany = many.map(({ key }) => ({ Key: key, ValueExpression: "'x'" }));

	it.each<Row>([
		[{ validations: [] }, [`spec.validations: Required value: ${NOTHING}`, `spec.auditAnnotations: Required value: ${NOTHING}`]],
		[{ validations: [], ...annotations({}) }, []],
		[validation({ expression: " " }), [`${first}.expression: Required value: expression is not specified`]],
		[validation({ messageExpression: " " }), [invalid(`${first}.messageExpression`, " ", "must be non-empty if specified")]],
		[validation({ message: " " }), [invalid(`${first}.message`, " ", "must be non-empty if specified")]],
		[validation({ message: "a\nb" }), [invalid(`${first}.message`, "a\nb", "must not contain line breaks")]],
		[validation({ reason: "Forbidden" }), []],
		[
			validation({ reason: "Unauthorized" }),
			[`${first}.reason: Unsupported value: "Unauthorized": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"`],
		],
		[annotations({ key: "-" }), [invalid(`${annotation}.key`, "check/-", QUALIFIED)]],
		[annotations({ valueExpression: " " }), [`${annotation}.valueExpression: Required value: valueExpression is not specified`]],
		[annotations({ valueExpression: "x".repeat(5120) }), []],
		[
			annotations({ valueExpression: "x".repeat(5121) }),
			[`${annotation}.valueExpression: Required value: must not exceed 5120 bytes in length`],
		],
		[annotations({}, {}), ['spec.auditAnnotations[1].key: Duplicate value: "a"']],
		[annotations(...many.slice(1)), []],
		[annotations(...many), [invalid("spec.auditAnnotations", goMany, "must not have more than 20 auditAnnotations")]],
	])("%j", (fields, errors) => {
		expect(problems(kind, object({ spec: { ...validating, ...fields } }))).toEqual(errors);
	});

	it.each(ruleRows("spec.matchConstraints.resourceRules[0]"))("rule %j", (fields, errors) => {
		const spec = { ...validating, matchConstraints: { resourceRules: [{ ...rule, ...fields }] } };
		expect(problems(kind, object({ spec }))).toEqual(errors);
	});

	it("has a status with whole warnings and conditions", () => {
		const condition = { type: "Ready", status: "True", reason: "Fine", message: "", lastTransitionTime: created };
		const status = (fields: object) => object({ spec: validating, status: fields });
		const fine = { typeChecking: { expressionWarnings: [{ fieldRef: "spec.validations[0].expression", warning: "w" }] } };
		expect(statusProblems(kind, status({ ...fine, conditions: [condition] }), status({}))).toEqual([]);
		const bad = { typeChecking: { expressionWarnings: [{ fieldRef: " ", warning: "" }] }, conditions: [{ ...condition, status: "Yes" }] };
		expect(statusProblems(kind, status(bad), status({}))).toEqual([
			"status.typeChecking.expressionWarnings[0].warning: Required value",
			"status.typeChecking.expressionWarnings[0].fieldRef: Required value",
			'status.conditions[0].status: Unsupported value: "Yes": supported values: "False", "True", "Unknown"',
		]);
	});
});

const DELETE = 'Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"';
const deleting = { resourceRules: [{ ...rule, operations: ["CREATE", "DELETE"] }] };

describe("a MutatingAdmissionPolicy", () => {
	const kind = of("mutatingadmissionpolicies");
	const first = "spec.mutations[0]";
	const mutation = (fields: object) => ({ mutations: [fields] });
	const expression = { expression: "x" };

	it.each<Row>([
		[{ mutations: [] }, ["spec.mutations: Required value: mutations must contain at least one item"]],
		[{ matchConstraints: deleting }, [`spec.matchConstraints.resourceRules.operations: ${DELETE}`]],
		[{ reinvocationPolicy: undefined }, ["spec.reinvocationPolicy: Required value"]],
		[{ reinvocationPolicy: "Always" }, ['spec.reinvocationPolicy: Unsupported value: "Always": supported values: "IfNeeded", "Never"']],
		[mutation({}), [`${first}.patchType: Required value`]],
		[
			mutation({ patchType: "Merge" }),
			[`${first}.patchType: Unsupported value: "Merge": supported values: "ApplyConfiguration", "JSONPatch"`],
		],
		[mutation({ patchType: "ApplyConfiguration", applyConfiguration: expression }), []],
		[
			mutation({ patchType: "ApplyConfiguration", jsonPatch: expression }),
			[
				`${first}.applyConfiguration: Required value: must be specified when patchType is ApplyConfiguration`,
				`${first}.jsonPatch: Invalid value: "{jsonPatch}": must not be specified when patchType is ApplyConfiguration`,
			],
		],
		[mutation({ patchType: "ApplyConfiguration", applyConfiguration: {} }), [`${first}.applyConfiguration.expression: Required value`]],
		[
			mutation({ patchType: "JSONPatch", applyConfiguration: expression }),
			[
				`${first}.jsonPatch: Required value: must be specified when patchType is JSONPatch`,
				`${first}.applyConfiguration: Invalid value: "{applyConfiguration}": must not be specified when patchType is JSONPatch`,
			],
		],
		[mutation({ patchType: "JSONPatch", jsonPatch: { expression: " " } }), [`${first}.jsonPatch.expression: Required value`]],
	])("%j", (fields, errors) => {
		expect(problems(kind, object({ spec: { ...mutating, ...fields } }))).toEqual(errors);
	});
});

const bindings = [
	["validatingadmissionpolicybindings", { policyName: "p", validationActions: ["Deny"] }],
	["mutatingadmissionpolicybindings", { policyName: "p" }],
] as const;

describe.each(bindings)("%s", (resource, valid) => {
	const kind = of(resource);
	const ref = "spec.paramRef";
	const paramRef = (fields: object) => ({ paramRef: { parameterNotFoundAction: "Deny", ...fields } });

	it.each<Row>([
		[{}, []],
		[{ policyName: "" }, ["spec.policyName: Required value"]],
		[{ policyName: "P" }, [invalid("spec.policyName", "P", SUBDOMAIN)]],
		[paramRef({ name: "p" }), []],
		[paramRef({ selector: {} }), []],
		[paramRef({}), [`${ref}: Required value: one of name or selector must be specified`]],
		[paramRef({ name: "a%b" }), [invalid(`${ref}.name`, "a%b", "may not contain '%'")]],
		[
			paramRef({ name: "a", selector: badSelector }),
			[
				`${ref}.name: Forbidden: name and selector are mutually exclusive`,
				ofSelector(`${ref}.selector`),
				`${ref}.selector: Forbidden: name and selector are mutually exclusive`,
			],
		],
		[{ paramRef: { name: "p" } }, [`${ref}.parameterNotFoundAction: Required value`]],
		[
			paramRef({ name: "p", parameterNotFoundAction: "Wait" }),
			[`${ref}.parameterNotFoundAction: Unsupported value: "Wait": supported values: "Deny", "Allow"`],
		],
		[{ matchResources: {} }, []],
		[
			{ matchResources: { resourceRules: [{ ...rule, scope: "All" }], matchPolicy: "Fuzzy" } },
			[
				'spec.matchResources.matchPolicy: Unsupported value: "Fuzzy": supported values: "Equivalent", "Exact"',
				'spec.matchResources.resourceRules[0].scope: Unsupported value: "All": supported values: "*", "Cluster", "Namespaced"',
			],
		],
	])("%j", (fields, errors) => {
		expect(problems(kind, object({ spec: { ...valid, ...fields } }))).toEqual(errors);
	});
});

describe("a binding's own rules", () => {
	const path = "spec.validationActions";
	it.each<readonly [actions: readonly string[], errors: readonly string[]]>([
		[[], [`${path}: Required value: at least one validation action is required`]],
		[["Stop"], [`${path}[0]: Unsupported value: "Stop": supported values: "Audit", "Deny", "Warn"`]],
		[["Audit", "Audit"], [`${path}[1]: Duplicate value: "Audit"`]],
		[
			["Deny", "Warn"],
			[
				`${path}: Invalid value: ["Deny","Warn"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)`,
			],
		],
	])("validates with %j", (validationActions, errors) => {
		expect(problems(of("validatingadmissionpolicybindings"), object({ spec: { policyName: "p", validationActions } }))).toEqual(errors);
	});

	it("mutates nothing that is deleted", () => {
		expect(problems(of("mutatingadmissionpolicybindings"), object({ spec: { policyName: "p", matchResources: deleting } }))).toEqual([
			`spec.matchResources.resourceRules.operations: ${DELETE}`,
		]);
	});
});
