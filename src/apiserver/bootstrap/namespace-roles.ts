/**
 * The Roles and RoleBindings in kube-system and kube-public that every cluster is born with. Facts of
 * plugin/pkg/auth/authorizer/rbac/bootstrappolicy/namespace_policy.go.
 */
import type { Role, RoleBinding } from "../../apimachinery/schema/generated/types.ts";
import { eventsRule, type RoleRow, read, role, roleBinding, systemAccount, user } from "./rbac-rules.ts";

const system = "kube-system";
const controllerManager = user("system:kube-controller-manager");
const scheduler = user("system:kube-scheduler");

const systemRoles: readonly RoleRow[] = [
	{ name: "extension-apiserver-authentication-reader", rules: [[read, "configmaps", "core", "extension-apiserver-authentication"]] },
	{ name: "system:controller:bootstrap-signer", rules: [[read, "secrets"]] },
	{ name: "system:controller:cloud-provider", rules: [[`${read} create`, "configmaps"]] },
	{ name: "system:controller:token-cleaner", rules: [[`${read} delete`, "secrets"], eventsRule] },
	...["kube-controller-manager", "kube-scheduler"].map(
		(component): RoleRow => ({
			name: `system::leader-locking-${component}`,
			rules: [
				["watch", "configmaps"],
				["get update", "configmaps", "core", component],
			],
		}),
	),
];

const publicRoles: readonly RoleRow[] = [
	{
		name: "system:controller:bootstrap-signer",
		rules: [[read, "configmaps"], ["update", "configmaps", "core", "cluster-info"], eventsRule],
	},
];

export function namespaceRoles(): readonly Role[] {
	return [...systemRoles.map((row) => role(system, row)), ...publicRoles.map((row) => role("kube-public", row))];
}

export function namespaceRoleBindings(): readonly RoleBinding[] {
	const reader = "extension-apiserver-authentication-reader";
	const ofAccount = (namespace: string, account: string) =>
		roleBinding(namespace, `system:controller:${account}`, `system:controller:${account}`, systemAccount(account));
	const leaderLocking = (component: string, componentUser: typeof scheduler) =>
		roleBinding(
			system,
			`system::leader-locking-${component}`,
			`system::leader-locking-${component}`,
			componentUser,
			systemAccount(component),
		);
	return [
		roleBinding(system, `system::${reader}`, reader, controllerManager, scheduler),
		leaderLocking("kube-controller-manager", controllerManager),
		leaderLocking("kube-scheduler", scheduler),
		ofAccount(system, "bootstrap-signer"),
		ofAccount(system, "cloud-provider"),
		ofAccount(system, "token-cleaner"),
		ofAccount("kube-public", "bootstrap-signer"),
	];
}
