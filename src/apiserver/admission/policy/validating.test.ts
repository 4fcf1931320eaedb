import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { StatusError } from "../../../apimachinery/status-error.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { attributesFor, type OtherObjects, type TestAttributes } from "../testing/attributes.ts";
import { createPolicyPlugins } from "./policy-plugins.ts";

const [, plugin] = createPolicyPlugins({
	authorize: (user, { verb, group, resource, serviceAccount }) => ({
		allowed: user.name === "alice" && verb === "delete" && `${group}/${resource}` === "apps/deployments" && serviceAccount === undefined,
		reason: "because",
		error: "",
	}),
	findKind: (group, _, kind) => {
		const found = (resource: string, isNamespaced: boolean) => ({
			resource,
			isNamespaced,
			type: "",
			setDefaults: (object: KubeObject) => object,
		});
		if (kind === "ConfigMap") return found("configmaps", true);
		return kind === "Node" && group === "" ? found("nodes", false) : undefined;
	},
});

const rule = { operations: ["CREATE", "UPDATE"], apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments"] };

const policy = (spec: object, name = "demo"): KubeObject =>
	({ metadata: { name }, spec: { failurePolicy: "Fail", matchConstraints: { resourceRules: [rule] }, ...spec } }) as KubeObject;

const binding = (spec: object = {}, name = "demo-binding"): KubeObject =>
	({ metadata: { name }, spec: { policyName: "demo", validationActions: ["Deny"], ...spec } }) as KubeObject;

const deployment = (replicas: number, metadata: object = {}): KubeObject =>
	({
		apiVersion: "apps/v1",
		kind: "Deployment",
		metadata: { name: "web", namespace: "default", ...metadata },
		spec: { replicas },
	}) as KubeObject;

function objects(policies: readonly KubeObject[], bindings: readonly KubeObject[], others: OtherObjects = {}): OtherObjects {
	return {
		"admissionregistration.k8s.io/validatingadmissionpolicies": policies,
		"admissionregistration.k8s.io/validatingadmissionpolicybindings": bindings,
		"/namespaces": [{ metadata: { name: "default", labels: { environment: "test" }, uid: "u" } } as KubeObject],
		...others,
	};
}

interface Outcome {
	readonly message: string | undefined;
	readonly error: StatusError | undefined;
	readonly attributes: TestAttributes;
}

async function submit(all: OtherObjects, object: KubeObject | undefined, given: Partial<AdmissionAttributes> = {}): Promise<Outcome> {
	const kind = { group: "apps", version: "v1", kind: "Deployment" };
	const attributes = attributesFor({ operation: "CREATE", group: "apps", resource: "deployments", name: "web", kind, ...given }, all);
	try {
		await plugin?.validate?.(object, attributes);
		return { message: undefined, error: undefined, attributes };
	} catch (error) {
		if (!(error instanceof StatusError)) throw error;
		return { message: error.message, error, attributes };
	}
}

const refused = (text: string) =>
	`deployments.apps "web" is forbidden: ValidatingAdmissionPolicy 'demo' with binding 'demo-binding' denied request: ${text}`;

describe("a validation that does not hold", () => {
	const small = { expression: "object.spec.replicas <= 5" };

	it("refuses the request", async () => {
		const all = objects([policy({ validations: [small] })], [binding()]);
		expect((await submit(all, deployment(5))).message).toBeUndefined();
		const { error } = await submit(all, deployment(6));
		expect(error?.status).toEqual({
			kind: "Status",
			apiVersion: "v1",
			metadata: {},
			status: "Failure",
			message: refused("failed expression: object.spec.replicas <= 5"),
			reason: "Invalid",
			details: {
				name: "web",
				group: "apps",
				kind: "deployments",
				causes: [
					{
						message:
							"ValidatingAdmissionPolicy 'demo' with binding 'demo-binding' denied request: failed expression: object.spec.replicas <= 5",
					},
				],
			},
			code: 422,
		});
	});

	it("has a message, a reason and a code", async () => {
		const message = async (fields: object) => {
			const { error } = await submit(objects([policy({ validations: [{ ...small, ...fields }] })], [binding()]), deployment(6));
			return [error?.message, error?.reason, error?.code];
		};
		expect(await message({ message: " too many " })).toEqual([refused("too many"), "Invalid", 422]);
		expect(await message({ messageExpression: "'wanted ' + string(object.spec.replicas)" })).toEqual([refused("wanted 6"), "Invalid", 422]);
		expect(await message({ message: "fixed", messageExpression: "object.nope" })).toEqual([refused("fixed"), "Invalid", 422]);
		expect(await message({ message: "fixed", messageExpression: "'a\\nb'" })).toEqual([refused("fixed"), "Invalid", 422]);
		expect(await message({ reason: "Forbidden" })).toEqual([refused("failed expression: object.spec.replicas <= 5"), "Forbidden", 403]);
		expect((await message({ reason: "RequestEntityTooLarge" }))[2]).toBe(413);
	});

	it("warns or is audited instead, where the binding says so", async () => {
		const all = objects([policy({ validations: [{ expression: "true" }, small] })], [binding({ validationActions: ["Warn", "Audit"] })]);
		const { message, attributes } = await submit(all, deployment(6));
		expect(message).toBeUndefined();
		const text = "failed expression: object.spec.replicas <= 5";
		expect(attributes.warnings).toEqual([`Validation failed for ValidatingAdmissionPolicy 'demo' with binding 'demo-binding': ${text}`]);
		expect(JSON.parse(attributes.annotations["validation.policy.admission.k8s.io/validation_failure"] ?? "")).toEqual([
			{ message: text, policy: "demo", binding: "demo-binding", expressionIndex: 1, validationActions: ["Warn", "Audit"] },
		]);
	});

	it("is judged for each binding; the first refusal is told", async () => {
		const all = objects(
			[policy({ validations: [small] })],
			[binding({ validationActions: ["Warn"] }, "a"), binding({}, "b"), binding({}, "c"), binding({ policyName: "other" }, "d")],
		);
		const { message, attributes } = await submit(all, deployment(6));
		expect(message).toContain("with binding 'b' denied");
		expect(attributes.warnings).toHaveLength(1);
	});
});

describe("an expression that cannot be computed", () => {
	const validations = [{ expression: "object.spec.nope > 1" }];

	it("refuses, unless failures are ignored", async () => {
		expect((await submit(objects([policy({ validations })], [binding()]), deployment(1))).message).toBe(
			refused("expression 'object.spec.nope > 1' resulted in error: no such key: nope"),
		);
		expect((await submit(objects([policy({ validations, failurePolicy: "Ignore" })], [binding()]), deployment(1))).message).toBeUndefined();
	});

	it("is one that costs too much", async () => {
		const list = "[0,1,2,3,4,5,6,7,8,9]";
		const costly = `${list}.all(a, ${list}.all(b, ${list}.all(c, ${list}.all(d, ${list}.all(e, ${list}.all(f, a + b + c + d + e + f >= 0))))))`;
		expect((await submit(objects([policy({ validations: [{ expression: costly }] })], [binding()]), deployment(1))).message).toBe(
			refused(`expression '${costly}' resulted in error: operation cancelled: actual cost limit exceeded`),
		);
	});
});

describe("what expressions see", () => {
	it.each<{ readonly expression: string; readonly given?: Partial<AdmissionAttributes> }>([
		{ expression: "object.metadata.name == 'web' && oldObject == null" },
		{ expression: "oldObject.spec.replicas < object.spec.replicas", given: { operation: "UPDATE", oldObject: deployment(1) } },
		{ expression: "object == null && oldObject.spec.replicas == 1", given: { operation: "DELETE", oldObject: deployment(1) } },
		{ expression: "request.operation == 'CREATE' && request.resource.resource == 'deployments' && request.kind.kind == 'Deployment'" },
		{ expression: "request.userInfo.username == 'alice' && 'system:authenticated' in request.userInfo.groups && !request.dryRun" },
		{ expression: "request.namespace == 'default' && request.name == 'web'" },
		{ expression: "namespaceObject.metadata.labels['environment'] == 'test' && namespaceObject.metadata.UID == 'u'" },
		{ expression: "namespaceObject == null", given: { namespace: "" } },
		{ expression: "authorizer.group('apps').resource('deployments').check('delete').allowed()" },
		{ expression: "!authorizer.group('apps').resource('deployments').check('create').allowed()" },
		{ expression: "authorizer.requestResource.check('delete').reason() == 'because'" },
		{ expression: "!authorizer.serviceAccount('default', 'a').group('apps').resource('deployments').check('delete').allowed()" },
		{ expression: "variables.twice == object.spec.replicas * 2 && variables.labels.size() == 0" },
	])("$expression", async ({ expression, given = {} }) => {
		const variables = [
			{ name: "replicas", expression: "object.spec.replicas" },
			{ name: "twice", expression: "variables.replicas * 2" },
			{ name: "labels", expression: "object.metadata.?labels.orValue({})" },
			{ name: "unused", expression: "1 / 0 == 1" },
		];
		const everything = { resourceRules: [{ ...rule, operations: ["*"] }] };
		const all = objects([policy({ matchConstraints: everything, variables, validations: [{ expression }] })], [binding()]);
		const object = given.operation === "DELETE" ? undefined : deployment(6);
		expect((await submit(all, object, given)).message).toBeUndefined();
	});

	it("a variable that cannot be computed", async () => {
		const spec = { variables: [{ name: "a", expression: "object.nope" }], validations: [{ expression: "variables.a == 1" }] };
		expect((await submit(objects([policy(spec)], [binding()]), deployment(1))).message).toBe(
			refused(`expression 'variables.a == 1' resulted in error: composited variable "a" fails to evaluate: no such key: nope`),
		);
	});
});

describe("requests that match", () => {
	const never = { validations: [{ expression: "false" }] };
	const isJudged = async (match: object, given: Partial<AdmissionAttributes> = {}, bindingMatch?: object, object = deployment(1)) => {
		const own = policy({ ...never, matchConstraints: { resourceRules: [rule], ...match } });
		const all = objects([own], [binding(bindingMatch === undefined ? {} : { matchResources: bindingMatch })]);
		return (await submit(all, object, given)).message !== undefined;
	};
	const other = (fields: object) => ({ resourceRules: [{ ...rule, ...fields }] });

	it.each<readonly [matched: boolean, match: object, given: Partial<AdmissionAttributes>, bindingMatch: object | undefined]>([
		[true, {}, {}, undefined],
		[false, other({ operations: ["UPDATE"] }), {}, undefined],
		[true, other({ operations: ["*"] }), {}, undefined],
		[false, other({ apiGroups: ["batch"] }), {}, undefined],
		[true, other({ apiGroups: ["*"] }), {}, undefined],
		[true, other({ apiVersions: ["v1beta1"] }), {}, undefined],
		[false, { ...other({ apiVersions: ["v1beta1"] }), matchPolicy: "Exact" }, {}, undefined],
		[false, other({ resources: ["deployments/scale"] }), {}, undefined],
		[true, other({ resources: ["*"] }), {}, undefined],
		[true, other({ resources: ["*/*"] }), { subresource: "scale" }, undefined],
		[true, other({ resources: ["deployments/*"] }), { subresource: "scale" }, undefined],
		[false, other({ resources: ["*"] }), { subresource: "scale" }, undefined],
		[false, other({ resourceNames: ["api"] }), {}, undefined],
		[true, other({ resourceNames: ["web"] }), {}, undefined],
		[true, other({ scope: "Namespaced" }), {}, undefined],
		[false, other({ scope: "Cluster" }), {}, undefined],
		[false, { excludeResourceRules: [rule] }, {}, undefined],
		[true, { namespaceSelector: { matchLabels: { environment: "test" } } }, {}, undefined],
		[false, { namespaceSelector: { matchLabels: { environment: "prod" } } }, {}, undefined],
		[true, { namespaceSelector: { matchLabels: { environment: "prod" } } }, { namespace: "" }, undefined],
		[false, { objectSelector: { matchLabels: { a: "b" } } }, {}, undefined],
		[true, {}, {}, { namespaceSelector: { matchLabels: { environment: "test" } } }],
		[false, {}, {}, { namespaceSelector: { matchLabels: { environment: "prod" } } }],
	])("%s: %j %j %j", async (matched, match, given, bindingMatch) => {
		expect(await isJudged(match, given, bindingMatch)).toBe(matched);
	});

	it("are those whose object had or gets the labels", async () => {
		const match = { objectSelector: { matchLabels: { a: "b" } } };
		expect(await isJudged(match, {}, undefined, deployment(1, { labels: { a: "b" } }))).toBe(true);
		expect(await isJudged(match, { operation: "UPDATE", oldObject: deployment(1, { labels: { a: "b" } }) })).toBe(true);
	});

	it("meet all match conditions; an error is a refusal unless another condition does not hold", async () => {
		const judge = async (...expressions: readonly string[]) => {
			const matchConditions = expressions.map((expression, index) => ({ name: `c${index}`, expression }));
			return (await submit(objects([policy({ ...never, matchConditions })], [binding()]), deployment(1))).message;
		};
		expect(await judge("true", "object.spec.replicas == 1")).toBe(refused("failed expression: false"));
		expect(await judge("true", "object.spec.replicas == 2")).toBeUndefined();
		expect(await judge("object.nope", "false")).toBeUndefined();
		expect(await judge("object.nope == 1", "true")).toBe(refused("expression 'object.nope == 1' resulted in error: no such key: nope"));
	});

	it("are not those for policies themselves", () => {
		expect(
			plugin?.handles({
				operation: "CREATE",
				group: "admissionregistration.k8s.io",
				resource: "validatingadmissionpolicies",
				subresource: "",
			}),
		).toBe(false);
		expect(plugin?.handles({ operation: "CREATE", group: "", resource: "pods", subresource: "" })).toBe(true);
	});
});

describe("parameters", () => {
	const spec = {
		paramKind: { apiVersion: "v1", kind: "ConfigMap" },
		validations: [{ expression: "object.spec.replicas <= int(params.data.max)" }],
	};
	const limit = (name: string, max: number, namespace = "default"): KubeObject =>
		({ metadata: { name, namespace, labels: { limit: "yes" } }, data: { max: String(max) } }) as unknown as KubeObject;
	const judge = async (paramRef: object | undefined, limits: readonly KubeObject[], fields: object = {}) => {
		const all = objects([policy({ ...spec, ...fields })], [binding(paramRef === undefined ? {} : { paramRef })], { "/configmaps": limits });
		return (await submit(all, deployment(6))).message;
	};

	it("are found by name, in the request's namespace or another", async () => {
		const ref = { name: "limit", parameterNotFoundAction: "Deny" };
		expect(await judge(ref, [limit("limit", 5)])).toBe(refused("failed expression: object.spec.replicas <= int(params.data.max)"));
		expect(await judge(ref, [limit("limit", 6)])).toBeUndefined();
		expect(await judge({ ...ref, namespace: "other" }, [limit("limit", 5), limit("limit", 9, "other")])).toBeUndefined();
	});

	it("are found by labels, and each is judged by", async () => {
		const ref = { selector: { matchLabels: { limit: "yes" } }, parameterNotFoundAction: "Deny" };
		expect(await judge(ref, [limit("a", 9), limit("b", 7)])).toBeUndefined();
		expect(await judge(ref, [limit("a", 9), limit("b", 5)])).toBe(
			refused("failed expression: object.spec.replicas <= int(params.data.max)"),
		);
	});

	it("may be missing where the binding allows it", async () => {
		expect(await judge({ name: "limit", parameterNotFoundAction: "Allow" }, [])).toBeUndefined();
		expect(await judge({ name: "limit", parameterNotFoundAction: "Deny" }, [])).toBe(
			refused("failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"),
		);
		expect(await judge({ name: "limit", parameterNotFoundAction: "Deny" }, [], { failurePolicy: "Ignore" })).toBeUndefined();
	});

	it("are of a kind that is served", async () => {
		const ref = { name: "limit", parameterNotFoundAction: "Deny" };
		expect(await judge(ref, [], { paramKind: { apiVersion: "x.y/v1", kind: "Nope" } })).toBe(
			refused("failed to configure binding: paramKind kind `x.y/v1, Kind=Nope` not known"),
		);
		expect(await judge({ ...ref, namespace: "a" }, [], { paramKind: { apiVersion: "v1", kind: "Node" } })).toBe(
			refused("failed to configure binding: paramRef.namespace must not be provided for a cluster-scoped `paramKind`"),
		);
	});
});

describe("audit annotations", () => {
	it("have the policy's name, and values that expressions make", async () => {
		const auditAnnotations = [
			{ key: "replicas", valueExpression: "string(object.spec.replicas)" },
			{ key: "none", valueExpression: "null" },
		];
		const all = objects([policy({ auditAnnotations })], [binding({}, "a"), binding({}, "b")]);
		const { message, attributes } = await submit(all, deployment(6));
		expect(message).toBeUndefined();
		expect(attributes.annotations).toEqual({ "demo/replicas": "6" });
	});
});
