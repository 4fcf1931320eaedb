/**
 * Nobody hands out what they do not have: whoever writes a role has to hold all that it allows, or to be allowed to
 * `escalate`; whoever writes a binding has to hold all that its role allows, or to be allowed to `bind` it.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
 * and pkg/registry/rbac (escalation_check.go, the policybased storages)
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { ClusterRole, PolicyRule, RoleBinding, RoleRef } from "../../apimachinery/schema/generated/types.ts";
import { newForbidden, newNotFound } from "../../apimachinery/status-error.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { Authorizer } from "./authorizer.ts";
import type { RbacAuthorizer } from "./rbac-authorizer.ts";
import type { RbacIndex } from "./rbac-index.ts";
import { compactRules, describeRule, quoteAll, uncoveredRules } from "./rule-covering.ts";
import { privilegedGroup } from "./union-authorizer.ts";

const rbacGroup = "rbac.authorization.k8s.io";
/** Whoever chooses what is gathered into a role could have everything in it. */
const fullAuthority: readonly PolicyRule[] = [
	{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
	{ nonResourceURLs: ["*"], verbs: ["*"] },
];

/** A write of a role or binding, after admission changed it. */
export interface RbacWrite {
	readonly user: UserInfo;
	readonly group: string;
	readonly resource: string;
	/** "" for cluster-scoped kinds. */
	readonly namespace: string;
	/** As the request names it: "" for a create. */
	readonly name: string;
	readonly object: KubeObject;
	/** Undefined for a create. */
	readonly old: KubeObject | undefined;
}

export interface EscalationOptions {
	/** Whether somebody may `escalate` and `bind` is asked here, as everything else is. */
	readonly authorizer: Authorizer;
	readonly index: RbacIndex;
	readonly rbac: RbacAuthorizer;
}

export class EscalationCheck {
	readonly #options: EscalationOptions;

	constructor(options: EscalationOptions) {
		this.#options = options;
	}

	/** Whether this kind of object hands anything out. */
	concerns(group: string, resource: string): boolean {
		return group === rbacGroup && ["roles", "clusterroles", "rolebindings", "clusterrolebindings"].includes(resource);
	}

	/** Rejects with Forbidden, and with NotFound for a binding to a role that is not there. */
	async check(write: RbacWrite): Promise<void> {
		if (write.user.groups.includes(privilegedGroup)) return;
		if (write.old !== undefined && changesOnlyLifetime(write.object, write.old)) return;
		if (write.resource === "roles" || write.resource === "clusterroles") await this.#checkRole(write);
		else await this.#checkBinding(write);
	}

	async #checkRole(write: RbacWrite): Promise<void> {
		const { user, group, resource, namespace, name } = write;
		if (await this.#isAllowed(user, "escalate", { group, resource, namespace, name })) return;
		const role = write.object as ClusterRole;
		this.#confirmHeld(write, role.rules ?? []);
		const aggregates = hasAggregation(role) || hasAggregation(write.old as ClusterRole | undefined);
		if (!aggregates || this.#missing(write, fullAuthority).length === 0) return;
		throw forbidden(write, "must have cluster-admin privileges to use the aggregationRule");
	}

	async #checkBinding(write: RbacWrite): Promise<void> {
		const { user, namespace } = write;
		const { roleRef } = write.object as RoleBinding;
		if (roleRef.kind === "ClusterRole" || roleRef.kind === "Role") {
			const resource = roleRef.kind === "Role" ? "roles" : "clusterroles";
			const target = { group: roleRef.apiGroup ?? rbacGroup, resource, namespace, name: roleRef.name };
			if (await this.#isAllowed(user, "bind", target)) return;
		}
		this.#confirmHeld(write, this.#rulesOf(roleRef, namespace));
	}

	/** A reference of no known kind hands out nothing: validation is about to refuse it. */
	#rulesOf(roleRef: RoleRef, namespace: string): readonly PolicyRule[] {
		if (roleRef.kind !== "Role" && roleRef.kind !== "ClusterRole") return [];
		const rules = this.#options.index.rulesOf(roleRef, namespace);
		if (rules !== undefined) return rules;
		throw newNotFound({ group: rbacGroup, resource: roleRef.kind === "Role" ? "roles" : "clusterroles" }, roleRef.name);
	}

	async #isAllowed(
		user: UserInfo,
		verb: string,
		target: { readonly group: string; readonly resource: string; readonly namespace: string; readonly name: string },
	): Promise<boolean> {
		const { verdict } = await this.#options.authorizer.authorize({ user, verb, subresource: "", ...target });
		return verdict === "allow";
	}

	#missing({ user, namespace }: RbacWrite, rules: readonly PolicyRule[]): readonly PolicyRule[] {
		return uncoveredRules(this.#options.rbac.resolve(user, namespace).rules, rules);
	}

	#confirmHeld(write: RbacWrite, rules: readonly PolicyRule[]): void {
		const missing = this.#missing(write, rules);
		if (missing.length === 0) return;
		const { user, namespace } = write;
		const texts = [...new Set(compactRules(missing).map(describeRule))].sort();
		const { errors } = this.#options.rbac.resolve(user, namespace);
		const unresolved = errors.length === 0 ? "" : `; resolution errors: [${errors.length === 1 ? errors[0] : `[${errors.join(", ")}]`}]`;
		const who = `user ${JSON.stringify(user.name)} (groups=${quoteAll(user.groups)})`;
		throw forbidden(write, `${who} is attempting to grant RBAC permissions not currently held:\n${texts.join("\n")}${unresolved}`);
	}
}

function forbidden({ group, resource, object }: RbacWrite, why: string) {
	return newForbidden({ group, resource }, object.metadata?.name ?? "", why);
}

function hasAggregation(role: ClusterRole | undefined): boolean {
	return (role?.aggregationRule?.clusterRoleSelectors ?? []).length > 0;
}

/** The garbage collector may let go of what it could not have made: owners and finalizers say nothing of permissions. */
function changesOnlyLifetime(object: KubeObject, old: KubeObject): boolean {
	const rest = ({ metadata, ...fields }: KubeObject) => {
		const { ownerReferences: _, finalizers: __, managedFields: ___, ...kept } = metadata ?? {};
		return { ...fields, metadata: kept };
	};
	return jsonEqual(rest(object), rest(old));
}
