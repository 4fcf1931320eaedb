/**
 * Who is bound to which role, by subject, kept up with every change of a role or binding:
 *
 *   binding ─▶ its subjects ─▶ users / groups of the cluster or of a namespace ─▶ role ─▶ bindings that grant it
 *
 * A question looks up the user and its groups and asks each of their roles once, however many bindings grant it.
 *
 * Invariants: a subject is in a scope as long as a binding names it; a role's slot is shared by all who are bound to it,
 * and holds no role while there is none of that name.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-subjects and pkg/registry/rbac/validation/rule.go
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { ClusterRole, PolicyRule, RbacSubject, Role, RoleBinding } from "../../apimachinery/schema/generated/types.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { WatchCache } from "../storage/watch-cache.ts";
import { CompiledRole } from "./compiled-role.ts";

/** The role of a name, if there is one. */
export interface RoleSlot {
	readonly kind: "Role" | "ClusterRole";
	readonly name: string;
	role: CompiledRole | undefined;
}

/** One binding, of either kind: a ClusterRoleBinding has no namespace. */
export type AnyBinding = Pick<RoleBinding, "metadata" | "roleRef" | "subjects">;

type SubjectRoles = Map<RoleSlot, Set<AnyBinding>>;

/** Subjects of the cluster, or of one namespace. */
interface Scope {
	readonly users: Map<string, SubjectRoles>;
	readonly groups: Map<string, SubjectRoles>;
}

/** The four caches that the index follows. */
export interface RbacCaches {
	readonly roles: WatchCache;
	readonly roleBindings: WatchCache;
	readonly clusterRoles: WatchCache;
	readonly clusterRoleBindings: WatchCache;
}

/** Told of a role that somebody is bound to; true ends the visit. */
export type RoleVisitor = (slot: RoleSlot, bindings: ReadonlySet<AnyBinding>) => boolean;

export class RbacIndex {
	readonly #cluster: Scope = newScope();
	readonly #namespaces = new Map<string, Scope>();
	/** By name; a Role's with its namespace before it. Names hold no slash. */
	readonly #slots = new Map<string, RoleSlot>();

	/** Takes in what is in the caches, and every change from now on. */
	follow({ roles, roleBindings, clusterRoles, clusterRoleBindings }: RbacCaches): void {
		for (const cache of [roles, clusterRoles]) each<Role | ClusterRole>(cache, (before, after) => this.#changeRole(before, after));
		for (const cache of [roleBindings, clusterRoleBindings])
			each<AnyBinding & KubeObject>(cache, (before, after) => this.#changeBinding(before, after));
	}

	/** The rules of the role that a binding in this namespace ("": a ClusterRoleBinding) refers to; undefined if it is not there. */
	rulesOf({ kind, name }: { readonly kind: string; readonly name: string }, namespace: string): readonly PolicyRule[] | undefined {
		return this.#slots.get(slotKey(kind, name, namespace))?.role?.rules;
	}

	/**
	 * Visits every role that binds the user in the cluster and, unless it is "", in the namespace. A role that is granted
	 * to the user and to a group of it is visited for each.
	 */
	visit(user: UserInfo, namespace: string, visitor: RoleVisitor): boolean {
		if (visitScope(this.#cluster, user, visitor)) return true;
		const scope = namespace === "" ? undefined : this.#namespaces.get(namespace);
		return scope !== undefined && visitScope(scope, user, visitor);
	}

	#changeRole(before: Role | ClusterRole | undefined, after: Role | ClusterRole | undefined): void {
		const { namespace = "", name = "" } = (after ?? before)?.metadata ?? {};
		const slot = this.#slot(namespace === "" ? "ClusterRole" : "Role", name, namespace);
		slot.role = after === undefined ? undefined : new CompiledRole(after.rules ?? []);
	}

	#changeBinding(before: AnyBinding | undefined, after: AnyBinding | undefined): void {
		if (before !== undefined) this.#forEachSubject(before, (subjects, name, slot) => unbind(subjects, name, slot, before));
		if (after !== undefined) this.#forEachSubject(after, (subjects, name, slot) => bind(subjects, name, slot, after));
	}

	#forEachSubject(binding: AnyBinding, action: (subjects: Map<string, SubjectRoles>, name: string, slot: RoleSlot) => void): void {
		const { namespace = "" } = binding.metadata ?? {};
		const scope = this.#scope(namespace);
		const slot = this.#slot(binding.roleRef.kind, binding.roleRef.name, namespace);
		for (const subject of binding.subjects ?? []) {
			if (subject.kind === "Group") action(scope.groups, subject.name, slot);
			else {
				const user = userOf(subject, namespace);
				if (user !== undefined) action(scope.users, user, slot);
			}
		}
	}

	#scope(namespace: string): Scope {
		if (namespace === "") return this.#cluster;
		let scope = this.#namespaces.get(namespace);
		if (scope === undefined) {
			scope = newScope();
			this.#namespaces.set(namespace, scope);
		}
		return scope;
	}

	#slot(kind: string, name: string, namespace: string): RoleSlot {
		const key = slotKey(kind, name, namespace);
		let slot = this.#slots.get(key);
		if (slot === undefined) {
			slot = { kind: kind === "Role" ? "Role" : "ClusterRole", name, role: undefined };
			this.#slots.set(key, slot);
		}
		return slot;
	}
}

/** The first subject of a binding that is this user or a group of it. */
export function subjectOf(binding: AnyBinding, user: UserInfo): RbacSubject | undefined {
	const { namespace = "" } = binding.metadata ?? {};
	return binding.subjects?.find((subject) =>
		subject.kind === "Group" ? user.groups.includes(subject.name) : userOf(subject, namespace) === user.name,
	);
}

/** The name of the user that a subject is; undefined for what is none. A ServiceAccount without a namespace is of the binding's. */
function userOf({ kind, name, namespace }: RbacSubject, bindingNamespace: string): string | undefined {
	if (kind === "User") return name;
	if (kind !== "ServiceAccount") return undefined;
	const accountNamespace = namespace || bindingNamespace;
	return accountNamespace === "" ? undefined : `system:serviceaccount:${accountNamespace}:${name}`;
}

function slotKey(kind: string, name: string, namespace: string): string {
	return kind === "Role" ? `${namespace}/${name}` : name;
}

function newScope(): Scope {
	return { users: new Map(), groups: new Map() };
}

function visitScope({ users, groups }: Scope, user: UserInfo, visitor: RoleVisitor): boolean {
	if (visitRoles(users.get(user.name), visitor)) return true;
	for (const group of user.groups) if (visitRoles(groups.get(group), visitor)) return true;
	return false;
}

function visitRoles(roles: SubjectRoles | undefined, visitor: RoleVisitor): boolean {
	if (roles === undefined) return false;
	for (const [slot, bindings] of roles) if (visitor(slot, bindings)) return true;
	return false;
}

function bind(subjects: Map<string, SubjectRoles>, name: string, slot: RoleSlot, binding: AnyBinding): void {
	let roles = subjects.get(name);
	if (roles === undefined) {
		roles = new Map();
		subjects.set(name, roles);
	}
	const bindings = roles.get(slot);
	if (bindings === undefined) roles.set(slot, new Set([binding]));
	else bindings.add(binding);
}

function unbind(subjects: Map<string, SubjectRoles>, name: string, slot: RoleSlot, binding: AnyBinding): void {
	const roles = subjects.get(name);
	const bindings = roles?.get(slot);
	bindings?.delete(binding);
	if (bindings?.size === 0) roles?.delete(slot);
	if (roles?.size === 0) subjects.delete(name);
}

function each<T extends KubeObject>(cache: WatchCache, change: (before: T | undefined, after: T | undefined) => void): void {
	for (const { object } of cache.list()) change(undefined, object as T);
	cache.subscribe(({ type, object, previous }) => change(previous as T | undefined, type === "DELETED" ? undefined : (object as T)));
}
