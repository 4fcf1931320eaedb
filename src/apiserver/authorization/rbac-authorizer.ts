/**
 * RBAC: allows what a role allows that the user, or a group of it, is bound to; in a namespace also by RoleBindings there.
 * Nothing is ever denied: what no rule allows is left to the next authorizer.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/ and plugin/pkg/auth/authorizer/rbac/rbac.go
 */
import type { PolicyRule, RbacSubject } from "../../apimachinery/schema/generated/types.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import {
	type AuthorizationAttributes,
	aggregate,
	type Decision,
	type ImmediateAuthorizer,
	type RuleList,
	type RuleResolver,
	undecided,
	undecidedBecause,
} from "./authorizer.ts";
import { type AnyBinding, type RbacIndex, type RoleSlot, subjectOf } from "./rbac-index.ts";

/** Kubernetes' words for a role that a binding names and nobody has made; the storage says them in the plural. */
const roleNames = { Role: "role", ClusterRole: "clusterrole" } as const;

/** Rules that apply, and what could not be found out. */
export interface ResolvedRules {
	readonly rules: readonly PolicyRule[];
	/** Texts, each once. */
	readonly errors: readonly string[];
}

export class RbacAuthorizer implements ImmediateAuthorizer, RuleResolver {
	readonly #index: RbacIndex;

	constructor(index: RbacIndex) {
		this.#index = index;
	}

	authorize(attributes: AuthorizationAttributes): Decision {
		const { user } = attributes;
		const namespace = attributes.path === undefined ? attributes.namespace : "";
		let decision: Decision | undefined;
		let isAnyMissing = false;
		this.#index.visit(user, namespace, ({ role }, bindings) => {
			if (role === undefined) isAnyMissing = true;
			else if (role.allows(attributes)) decision = new Allowed(bindings, user);
			return decision !== undefined;
		});
		if (decision !== undefined) return decision;
		return isAnyMissing ? undecidedBecause(`RBAC: ${aggregate(this.#missingRoles(user, namespace))}`) : undecided;
	}

	/** Every rule that applies to the user in the namespace ("": in the cluster). */
	resolve(user: UserInfo, namespace: string): ResolvedRules {
		const rules: PolicyRule[] = [];
		this.#index.visit(user, namespace, ({ role }) => {
			if (role !== undefined) rules.push(...role.rules);
			return false;
		});
		return { rules, errors: this.#missingRoles(user, namespace) };
	}

	#missingRoles(user: UserInfo, namespace: string): readonly string[] {
		const errors = new Set<string>();
		this.#index.visit(user, namespace, (slot) => {
			if (slot.role === undefined) errors.add(missing(slot));
			return false;
		});
		return [...errors];
	}

	rulesFor(user: UserInfo, namespace: string): RuleList {
		const { rules, errors } = this.resolve(user, namespace);
		return {
			resourceRules: rules
				.filter(({ resources = [] }) => resources.length > 0)
				.map(({ verbs, apiGroups, resources, resourceNames }) => ({
					verbs,
					...(apiGroups === undefined ? {} : { apiGroups }),
					...(resources === undefined ? {} : { resources }),
					...(resourceNames === undefined ? {} : { resourceNames }),
				})),
			nonResourceRules: rules
				.filter(({ nonResourceURLs = [] }) => nonResourceURLs.length > 0)
				.map(({ verbs, nonResourceURLs = [] }) => ({ verbs, nonResourceURLs })),
			incomplete: false,
			error: aggregate(errors),
		};
	}
}

/** The reason is made when somebody asks for it: of most requests nobody does. */
class Allowed implements Decision {
	readonly verdict = "allow";
	readonly #bindings: ReadonlySet<AnyBinding>;
	readonly #user: UserInfo;

	constructor(bindings: ReadonlySet<AnyBinding>, user: UserInfo) {
		this.#bindings = bindings;
		this.#user = user;
	}

	get reason(): string {
		const [binding] = this.#bindings;
		const subject = binding === undefined ? undefined : subjectOf(binding, this.#user);
		return binding === undefined || subject === undefined ? "" : `RBAC: allowed by ${describeBinding(binding, subject)}`;
	}
}

/** `ClusterRoleBinding "admins" of ClusterRole "cluster-admin" to Group "system:masters"`. */
function describeBinding({ metadata, roleRef }: AnyBinding, subject: RbacSubject): string {
	const { name = "", namespace = "" } = metadata ?? {};
	const [kind, fullName] = namespace === "" ? ["ClusterRoleBinding", name] : ["RoleBinding", `${name}/${namespace}`];
	return `${kind} ${JSON.stringify(fullName)} of ${roleRef.kind} ${JSON.stringify(roleRef.name)} to ${describeSubject(subject, namespace)}`;
}

function describeSubject({ kind, name, namespace }: RbacSubject, bindingNamespace: string): string {
	return `${kind} ${JSON.stringify(kind === "ServiceAccount" ? `${name}/${namespace || bindingNamespace}` : name)}`;
}

function missing({ kind, name }: RoleSlot): string {
	return `${roleNames[kind]}.rbac.authorization.k8s.io ${JSON.stringify(name)} not found`;
}
