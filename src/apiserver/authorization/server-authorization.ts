/**
 * The authorization of one API server: which authorizers it asks, over which caches.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/#choice-of-authz-modules
 */
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import { newForbidden, newInternalError } from "../../apimachinery/status-error.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import { selectedName } from "../request-info.ts";
import {
	type AuthorizationAttributes,
	type Authorizer,
	allowed,
	type Decision,
	forbiddenText,
	type ResourceAttributes,
	type RuleList,
	type RuleResolver,
	undecidedBecause,
} from "./authorizer.ts";
import { EscalationCheck } from "./escalation.ts";
import { NodeAuthorizer, type NodeCaches } from "./node-authorizer.ts";
import { RbacAuthorizer } from "./rbac-authorizer.ts";
import { type RbacCaches, RbacIndex } from "./rbac-index.ts";
import { UnionAuthorizer } from "./union-authorizer.ts";

export type AuthorizerMode = "Node" | "RBAC" | "AlwaysAllow" | "AlwaysDeny";

/** One of Kubernetes' own, or one that was made elsewhere: a webhook. */
export type AuthorizerChoice = AuthorizerMode | (Authorizer & RuleResolver);

/** As kubeadm starts kube-apiserver. */
export const defaultAuthorizers: readonly AuthorizerChoice[] = ["Node", "RBAC"];

export class ServerAuthorization implements Authorizer, RuleResolver {
	readonly escalation: EscalationCheck;
	readonly #caches: RbacCaches;
	readonly #index = new RbacIndex();
	readonly #node: NodeAuthorizer;
	readonly #rbac: RbacAuthorizer;
	#union: UnionAuthorizer;

	/** @param choices in the order in which they are asked */
	constructor(choices: readonly AuthorizerChoice[], caches: RbacCaches & NodeCaches) {
		this.#caches = caches;
		this.#rbac = new RbacAuthorizer(this.#index);
		this.#node = new NodeAuthorizer(caches);
		this.#union = this.#unite(choices);
		this.escalation = new EscalationCheck({ authorizer: this, index: this.#index, rbac: this.#rbac });
	}

	/** Asks others from now on. */
	replace(choices: readonly AuthorizerChoice[]): void {
		this.#union = this.#unite(choices);
	}

	#unite(choices: readonly AuthorizerChoice[]): UnionAuthorizer {
		return new UnionAuthorizer(choices.map((choice) => this.#make(choice)));
	}

	#make(choice: AuthorizerChoice): Authorizer & RuleResolver {
		switch (choice) {
			case "Node":
				return this.#node;
			case "RBAC":
				return this.#rbac;
			case "AlwaysAllow":
				return alwaysAllow;
			case "AlwaysDeny":
				return alwaysDeny;
			default:
				return choice;
		}
	}

	/** Takes in what the caches hold, and follows them from then on. */
	start(): void {
		this.#index.follow(this.#caches);
		this.#node.start();
	}

	authorize(attributes: AuthorizationAttributes): Decision | Promise<Decision> {
		return this.#union.authorize(attributes);
	}

	rulesFor(user: UserInfo, namespace: string): RuleList {
		return this.#union.rulesFor(user, namespace);
	}

	/**
	 * Throws, or rejects with, Forbidden if the user may not do this. Undefined: it was decided at once.
	 * @param told is told what was decided, before that
	 */
	require(attributes: AuthorizationAttributes, told?: (isAllowed: boolean, reason: string) => void): void | Promise<void> {
		const finish = (decision: Decision) => {
			told?.(decision.verdict === "allow", decision.reason);
			requireAllowed(attributes, decision);
		};
		const decision = this.authorize(attributes);
		if (decision instanceof Promise) return decision.then(finish);
		finish(decision);
	}
}

/** Who could not be asked cannot be said to have refused: that is an error of the server. */
function requireAllowed(attributes: AuthorizationAttributes, { verdict, reason, error }: Decision): void {
	if (verdict === "allow") return;
	if (error !== undefined) throw newInternalError(error);
	const { resource, name } = attributes.path === undefined ? { resource: attributes, name: attributes.name } : pathTarget;
	throw newForbidden(resource, name, forbiddenText(attributes, reason));
}

const pathTarget = { resource: { group: "", resource: "" }, name: "" };

/**
 * What a request for a resource asks of authorization. A request for a namespace is one in that namespace, and a list or
 * watch of the one object that a field selector names is one for that object.
 * Source: k8s.io/apiserver/pkg/endpoints/request/requestinfo.go
 */
export function attributesOf(user: UserInfo, request: ApiRequest): ResourceAttributes {
	const { verb, group, version, resource, subresource = "", name = "", options } = request;
	const isNamespace = resource === "namespaces" && group === "";
	const attributes: ResourceAttributes = {
		user,
		verb,
		group,
		version,
		resource,
		subresource,
		namespace: isNamespace ? name : (request.namespace ?? ""),
		name,
	};
	if (options === undefined || (verb !== "list" && verb !== "watch" && verb !== "deletecollection")) return attributes;
	const { fieldSelector = "", labelSelector = "" } = options;
	if (fieldSelector === "" && labelSelector === "") return attributes;
	const selected = name === "" && verb !== "deletecollection" ? selectedName(fieldSelector) : name;
	return {
		...attributes,
		name: selected,
		...(fieldSelector === "" ? {} : { fieldSelector }),
		...(labelSelector === "" ? {} : { labelSelector }),
	};
}

const alwaysAllow: Authorizer & RuleResolver = {
	authorize: () => allowed,
	rulesFor: () => ({
		resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
		nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
		incomplete: false,
		error: "",
	}),
};

const alwaysDeny: Authorizer & RuleResolver = {
	authorize: () => undecidedBecause("Everything is forbidden."),
	rulesFor: () => ({ resourceRules: [], nonResourceRules: [], incomplete: false, error: "" }),
};
