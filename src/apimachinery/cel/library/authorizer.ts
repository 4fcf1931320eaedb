/**
 * Asking whether somebody may do something: `authorizer.group('apps').resource('deployments').check('create').allowed()`.
 * Who decides is given with the value of the variable `authorizer`.
 * Source: k8s.io/apiserver/pkg/cel/library/authz.go.
 */
import { boolType, objectType, stringType } from "../types/types.ts";
import { noSuchOverload } from "../values/errors.ts";
import { asString, CelOpaque, type CelValue } from "../values/values.ts";
import { declare, type FunctionDeclaration, type Library, member } from "./function.ts";

const prefix = "kubernetes.authorization.";
export const authorizerType = objectType(`${prefix}Authorizer`);
const pathCheckType = objectType(`${prefix}PathCheck`);
const groupCheckType = objectType(`${prefix}GroupCheck`);
export const resourceCheckType = objectType(`${prefix}ResourceCheck`);
const decisionType = objectType(`${prefix}Decision`);

/** One question. A path, or a resource of a group. */
export interface AuthorizationCheck {
	/** The user of the request, or a service account that the expression named. */
	readonly serviceAccount: { readonly namespace: string; readonly name: string } | undefined;
	readonly verb: string;
	readonly path: string | undefined;
	readonly group: string;
	readonly resource: string;
	readonly subresource: string;
	readonly namespace: string;
	readonly name: string;
	readonly fieldSelector: string | undefined;
	readonly labelSelector: string | undefined;
}

export interface AuthorizationAnswer {
	readonly allowed: boolean;
	readonly reason: string;
	/** Why no answer could be found; "" if one was. */
	readonly error: string;
}

/** Answers at once, from what it knows. */
export type Authorize = (check: AuthorizationCheck) => AuthorizationAnswer;

const nothing: AuthorizationCheck = {
	serviceAccount: undefined,
	verb: "",
	path: undefined,
	group: "",
	resource: "",
	subresource: "",
	namespace: "",
	name: "",
	fieldSelector: undefined,
	labelSelector: undefined,
};

/** A question that is being put together. */
class CelCheck extends CelOpaque {
	readonly typeName: string;
	readonly authorize: Authorize;
	readonly check: AuthorizationCheck;

	constructor(typeName: string, authorize: Authorize, check: AuthorizationCheck) {
		super();
		this.typeName = typeName;
		this.authorize = authorize;
		this.check = check;
	}

	equals(other: CelOpaque): boolean {
		return other instanceof CelCheck && JSON.stringify(other.check) === JSON.stringify(this.check);
	}
}

class CelDecision extends CelOpaque {
	readonly typeName = decisionType.name;
	readonly answer: AuthorizationAnswer;

	constructor(answer: AuthorizationAnswer) {
		super();
		this.answer = answer;
	}

	equals(other: CelOpaque): boolean {
		return other instanceof CelDecision && JSON.stringify(other.answer) === JSON.stringify(this.answer);
	}
}

/** The value of the variable `authorizer`. */
export const authorizerValue = (authorize: Authorize): CelValue => new CelCheck(authorizerType.name, authorize, nothing);

/** The value of `authorizer.requestResource`: asks about the resource of the request. */
export const requestResourceValue = (authorize: Authorize, resource: Partial<AuthorizationCheck>): CelValue =>
	new CelCheck(resourceCheckType.name, authorize, { ...nothing, ...resource });

type CheckType = typeof authorizerType;

/** A call that adds texts to the question. */
function step(
	name: string,
	from: CheckType,
	to: CheckType,
	change: (a: string, b: string) => Partial<AuthorizationCheck>,
	count = 1,
): FunctionDeclaration {
	const id = `${from.name.slice(prefix.length).toLowerCase()}_${name.toLowerCase()}`;
	const args = [from, ...new Array<typeof stringType>(count).fill(stringType)];
	return declare(name, [
		member(id, args, to, (target, a, b) => {
			if (!(target instanceof CelCheck)) throw noSuchOverload();
			return new CelCheck(to.name, target.authorize, { ...target.check, ...change(asString(a), count > 1 ? asString(b) : "") });
		}),
	]);
}

function ask(target: CelValue, verb: CelValue): CelValue {
	if (!(target instanceof CelCheck)) throw noSuchOverload();
	return new CelDecision(target.authorize({ ...target.check, verb: asString(verb) }));
}

function answerOf(value: CelValue): AuthorizationAnswer {
	if (!(value instanceof CelDecision)) throw noSuchOverload();
	return value.answer;
}

export const authorizerLibrary: Library = {
	functions: [
		step("path", authorizerType, pathCheckType, (path) => ({ path })),
		step("group", authorizerType, groupCheckType, (group) => ({ group })),
		step("serviceAccount", authorizerType, authorizerType, (namespace, name) => ({ serviceAccount: { namespace, name } }), 2),
		step("resource", groupCheckType, resourceCheckType, (resource) => ({ resource })),
		step("subresource", resourceCheckType, resourceCheckType, (subresource) => ({ subresource })),
		step("namespace", resourceCheckType, resourceCheckType, (namespace) => ({ namespace })),
		step("name", resourceCheckType, resourceCheckType, (name) => ({ name })),
		step("fieldSelector", resourceCheckType, resourceCheckType, (fieldSelector) => ({ fieldSelector })),
		step("labelSelector", resourceCheckType, resourceCheckType, (labelSelector) => ({ labelSelector })),
		declare("check", [
			member("pathcheck_check", [pathCheckType, stringType], decisionType, ask),
			member("resourcecheck_check", [resourceCheckType, stringType], decisionType, ask),
		]),
		declare("allowed", [member("decision_allowed", [decisionType], boolType, (value) => answerOf(value).allowed)]),
		declare("reason", [member("decision_reason", [decisionType], stringType, (value) => answerOf(value).reason)]),
		declare("errored", [member("decision_errored", [decisionType], boolType, (value) => answerOf(value).error !== "")]),
		declare("error", [member("decision_error", [decisionType], stringType, (value) => answerOf(value).error)]),
	],
	typeNames: [authorizerType, pathCheckType, groupCheckType, resourceCheckType, decisionType].map((type) => [type.name, type] as const),
};
