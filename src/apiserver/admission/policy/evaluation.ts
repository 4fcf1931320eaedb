/**
 * One request before the expressions of one policy: what they see, and what they may cost.
 * Source: k8s.io/apiserver/pkg/admission/plugin/cel/{condition,composition,activation}.go; pkg/apis/cel/config.go.
 */
import {
	type AuthorizationCheck,
	adapterOf,
	authorizerValue,
	CelMap,
	type CelValue,
	EvaluationError,
	jsonToCel,
	perCallLimit,
	requestResourceValue,
} from "../../../apimachinery/cel/index.ts";
import type { JsonObject, JsonValue } from "../../../apimachinery/json.ts";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { JSONSchemaProps } from "../../../apimachinery/schema/generated/types.ts";
import type { UserInfo } from "../../../apimachinery/user.ts";
import type { AdmissionAttributes } from "../admission.ts";
import type { CompiledBasics, PolicyExpression } from "./compiled-policy.ts";

/** What all expressions of a policy may cost for one request, and all its match conditions. */
export const policyBudget = 10_000_000;
export const conditionsBudget = 2_500_000;

/** Who may do what, for `authorizer`. Answers at once; a promise is told as an error. */
export type PolicyAuthorize = (
	user: UserInfo,
	check: AuthorizationCheck,
) => { readonly allowed: boolean; readonly reason: string; readonly error: string };

export interface Subject {
	/** What the request leaves; undefined for a DELETE. */
	readonly object: KubeObject | undefined;
	readonly attributes: AdmissionAttributes;
	readonly params: KubeObject | undefined;
	readonly authorize: PolicyAuthorize;
}

export type Result = { readonly value: CelValue } | { readonly error: string };

const text: JSONSchemaProps = { type: "string" };
const time: JSONSchemaProps = { type: "string", format: "date-time" };
const texts: JSONSchemaProps = { type: "array", items: { type: "string" } };
const textMap: JSONSchemaProps = { type: "object", additionalProperties: { type: "string" } };
const integer: JSONSchemaProps = { type: "integer" };

/** What `namespaceObject` shows of a namespace. */
const namespaceSchema: JSONSchemaProps = {
	type: "object",
	properties: {
		metadata: {
			type: "object",
			properties: {
				name: text,
				generateName: text,
				namespace: text,
				labels: textMap,
				annotations: textMap,
				UID: text,
				creationTimestamp: time,
				deletionGracePeriodSeconds: integer,
				deletionTimestamp: time,
				generation: integer,
				resourceVersion: text,
				finalizers: texts,
			},
		},
		spec: { type: "object", properties: { finalizers: texts } },
		status: {
			type: "object",
			properties: {
				phase: text,
				conditions: {
					type: "array",
					items: {
						type: "object",
						properties: {
							status: { type: "string" },
							type: { type: "string" },
							lastTransitionTime: { type: "string", format: "date-time" },
							message: { type: "string" },
							reason: { type: "string" },
						},
					},
				},
			},
		},
	},
};
const adaptNamespace = adapterOf(namespaceSchema, false);

export class Evaluation {
	readonly #subject: Subject;
	readonly #variables: CelValue;
	readonly #values = new Map<string, CelValue>();
	/** What is left; negative when it did not suffice. */
	budget: number;

	constructor(subject: Subject, policy: Pick<CompiledBasics, "variables">, budget: number) {
		this.#subject = subject;
		this.budget = budget;
		this.#variables = new LazyVariables(policy.variables, (expression) => this.run(expression));
	}

	run({ program, problem }: PolicyExpression): Result {
		if (program === undefined) return { error: problem };
		if (this.budget < 0) return { error: outOfBudget };
		const outcome = program.evaluate((name) => this.#valueOf(name), Math.min(perCallLimit, this.budget));
		this.budget -= outcome.cost;
		if ("value" in outcome) return { value: outcome.value };
		const isOut = outcome.isOverLimit && this.budget < 0;
		return { error: isOut ? outOfBudget : outcome.error };
	}

	#valueOf(name: string): CelValue | undefined {
		const known = this.#values.get(name);
		if (known !== undefined) return known;
		const value = this.#make(name);
		if (value !== undefined) this.#values.set(name, value);
		return value;
	}

	#make(name: string): CelValue | undefined {
		const { object, attributes, params } = this.#subject;
		switch (name) {
			case "object":
				return jsonToCel(object as JsonValue | undefined);
			case "oldObject":
				return jsonToCel(attributes.oldObject as JsonValue | undefined);
			case "params":
				return jsonToCel(params as JsonValue | undefined);
			case "request":
				return jsonToCel(requestOf(attributes));
			case "namespaceObject":
				return namespaceOf(attributes);
			case "variables":
				return this.#variables;
			case "authorizer":
				return authorizerValue((check) => this.#authorize(check));
			case "authorizer.requestResource":
				return requestResourceValue((check) => this.#authorize(check), {
					group: attributes.group,
					resource: attributes.resource,
					subresource: attributes.subresource,
					namespace: attributes.namespace,
					name: attributes.name,
				});
			default:
				return undefined;
		}
	}

	#authorize(check: AuthorizationCheck) {
		return this.#subject.authorize(this.#subject.attributes.user, check);
	}
}

export const outOfBudget = "validation failed due to running out of cost budget, no further validation rules will be run";

/** The policy's variables: each is computed when an expression asks for it, once a request. */
class LazyVariables extends CelMap {
	readonly #expressions: ReadonlyMap<string, PolicyExpression>;
	readonly #run: (expression: PolicyExpression) => Result;
	readonly #results = new Map<string, Result>();

	constructor(expressions: ReadonlyMap<string, PolicyExpression>, run: (expression: PolicyExpression) => Result) {
		super();
		this.#expressions = expressions;
		this.#run = run;
	}

	get size(): number {
		return this.#expressions.size;
	}

	keys(): readonly CelValue[] {
		return [...this.#expressions.keys()];
	}

	get(key: CelValue): CelValue | undefined {
		const expression = typeof key === "string" ? this.#expressions.get(key) : undefined;
		if (typeof key !== "string" || expression === undefined) return undefined;
		const result = this.#results.get(key) ?? this.#run(expression);
		this.#results.set(key, result);
		if ("error" in result) throw new EvaluationError(`composited variable ${JSON.stringify(key)} fails to evaluate: ${result.error}`);
		return result.value;
	}
}

function requestOf(attributes: AdmissionAttributes): JsonObject {
	const { group, version, resource, subresource, kind, namespace, name, operation, user, dryRun, request } = attributes;
	const gvk = { group: kind.group, version: kind.version, kind: kind.kind };
	const gvr = { group, version, resource };
	return {
		kind: gvk,
		resource: gvr,
		subResource: subresource,
		requestKind: gvk,
		requestResource: gvr,
		requestSubResource: subresource,
		name,
		namespace,
		operation,
		userInfo: { username: user.name, uid: user.uid ?? "", groups: user.groups, extra: user.extra ?? {} },
		dryRun,
		options: (operation === "DELETE" ? request.deleteOptions : request.options) as JsonObject | undefined,
	};
}

/** Null for objects of the cluster, a namespace itself among them. */
function namespaceOf({ namespace, group, resource, lookup }: AdmissionAttributes): CelValue {
	const isNamespace = group === "" && resource === "namespaces";
	const found = namespace === "" || isNamespace ? undefined : lookup.find("", "namespaces", "", namespace);
	if (found === undefined) return null;
	const { uid, ...metadata } = found.metadata ?? {};
	return adaptNamespace({ ...found, metadata: { ...metadata, ...(uid === undefined ? {} : { UID: uid }) } } as unknown as JsonObject);
}

/** Whether all match conditions hold; or the error that leaves it open. One that does not hold decides. */
export function conditionsHold(policy: CompiledBasics, subject: Subject): boolean | { readonly error: string } {
	const evaluation = new Evaluation(subject, { variables: new Map() }, conditionsBudget);
	let failure: string | undefined;
	for (const { expression } of policy.conditions) {
		const result = evaluation.run(expression);
		if ("value" in result && result.value !== true) return false;
		if ("error" in result) failure ??= `expression '${expression.text}' resulted in error: ${result.error}`;
	}
	return failure === undefined ? true : { error: failure };
}
