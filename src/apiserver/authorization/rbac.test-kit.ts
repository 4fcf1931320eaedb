/** Roles and bindings in caches of their own, for tests of who may do what. */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type {
	ClusterRole,
	ClusterRoleBinding,
	PolicyRule,
	RbacSubject,
	Role,
	RoleBinding,
} from "../../apimachinery/schema/generated/types.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import { WatchCache } from "../storage/watch-cache.ts";
import type { Decision, ResourceAttributes } from "./authorizer.ts";
import { RbacAuthorizer } from "./rbac-authorizer.ts";
import { RbacIndex } from "./rbac-index.ts";

const group = "rbac.authorization.k8s.io";
const apiVersion = `${group}/v1`;

type RbacObject = Role | ClusterRole | RoleBinding | ClusterRoleBinding;

export class RbacKit {
	readonly index = new RbacIndex();
	readonly rbac = new RbacAuthorizer(this.index);
	readonly #caches: Readonly<Record<string, WatchCache>> = {
		Role: newCache("roles"),
		RoleBinding: newCache("rolebindings"),
		ClusterRole: newCache("clusterroles"),
		ClusterRoleBinding: newCache("clusterrolebindings"),
	};
	#revision = 0;

	/** @param objects that are there before the index looks */
	constructor(objects: readonly KubeObject[] = []) {
		for (const object of objects) this.#write(object, object);
		const cache = (kind: string) => this.#caches[kind] ?? newCache(kind);
		this.index.follow({
			roles: cache("Role"),
			roleBindings: cache("RoleBinding"),
			clusterRoles: cache("ClusterRole"),
			clusterRoleBindings: cache("ClusterRoleBinding"),
		});
	}

	put(...objects: readonly RbacObject[]): void {
		for (const object of objects) this.#write(object, object);
	}

	remove(...objects: readonly RbacObject[]): void {
		for (const object of objects) this.#write(object, undefined);
	}

	#write({ kind, metadata }: KubeObject, value: KubeObject | undefined): void {
		const cache = this.#caches[kind ?? ""];
		if (cache === undefined) return;
		const { namespace, name } = metadata ?? {};
		cache.apply(`${cache.prefix}${namespace === undefined ? "" : `${namespace}/`}${name}`, value, ++this.#revision);
	}

	/** @param target `pods`, `deployments.apps`, `pods/log`, `deployments.apps/scale` */
	ask(user: UserInfo, verb: string, target: string, namespace = "", name = ""): Decision {
		return this.rbac.authorize({ user, ...question(verb, target, namespace, name) });
	}

	askPath(user: UserInfo, verb: string, path: string): Decision {
		return this.rbac.authorize({ user, verb, path });
	}
}

function newCache(resource: string): WatchCache {
	return new WatchCache(`/registry/${resource}/`);
}

export function question(verb: string, target: string, namespace = "", name = ""): Omit<ResourceAttributes, "user" | "path"> {
	const [qualified = "", subresource = ""] = target.split("/");
	const dot = qualified.indexOf(".");
	const [resource, apiGroup] = dot === -1 ? [qualified, ""] : [qualified.slice(0, dot), qualified.slice(dot + 1)];
	return { verb, group: apiGroup, resource, subresource, namespace, name };
}

export function role(namespace: string, name: string, ...rules: readonly PolicyRule[]): Role {
	return { apiVersion, kind: "Role", metadata: { namespace, name }, rules };
}

export function clusterRole(name: string, ...rules: readonly PolicyRule[]): ClusterRole {
	return { apiVersion, kind: "ClusterRole", metadata: { name }, rules };
}

/** @param roleName `Role/NAME` or `ClusterRole/NAME` */
export function roleBinding(namespace: string, name: string, roleName: string, ...subjects: readonly RbacSubject[]): RoleBinding {
	const [kind = "", target = ""] = roleName.split("/");
	return { apiVersion, kind: "RoleBinding", metadata: { namespace, name }, roleRef: { apiGroup: group, kind, name: target }, subjects };
}

export function clusterRoleBinding(name: string, roleName: string, ...subjects: readonly RbacSubject[]): ClusterRoleBinding {
	const roleRef = { apiGroup: group, kind: "ClusterRole", name: roleName };
	return { apiVersion, kind: "ClusterRoleBinding", metadata: { name }, roleRef, subjects };
}

export function rule(verbs: string, resources: string, apiGroups = "", resourceNames = ""): PolicyRule {
	return {
		verbs: verbs.split(" "),
		resources: resources.split(" "),
		apiGroups: apiGroups.split(" "),
		...(resourceNames === "" ? {} : { resourceNames: resourceNames.split(" ") }),
	};
}

export const asUser = (name: string): RbacSubject => ({ apiGroup: group, kind: "User", name });
export const asGroup = (name: string): RbacSubject => ({ apiGroup: group, kind: "Group", name });
export const asAccount = (name: string, namespace?: string): RbacSubject => ({
	kind: "ServiceAccount",
	name,
	...(namespace === undefined ? {} : { namespace }),
});

export function person(name: string, ...groups: readonly string[]): UserInfo {
	return { name, groups: [...groups, "system:authenticated"] };
}

export function account(namespace: string, name: string): UserInfo {
	const own = ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
	return person(`system:serviceaccount:${namespace}:${name}`, ...own);
}
