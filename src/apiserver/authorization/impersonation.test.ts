import { expect, it } from "vitest";
import { startServer } from "../testing.ts";
import { impersonationQuestions } from "./impersonation.ts";
import { asUser, clusterRole, clusterRoleBinding, person, role, roleBinding, rule } from "./rbac.test-kit.ts";

const jane = person("jane");
const texts = (...[user, target]: Parameters<typeof impersonationQuestions>) =>
	impersonationQuestions(user, target).map(
		({ group, resource, subresource, namespace, name }) => `${group}/${resource}/${subresource} ${namespace} ${name}`,
	);

it.each([
	[{ name: "bob", groups: ["system:authenticated"] }, ["/users/  bob"]],
	[{ name: "bob", groups: ["dev", "ops", "system:authenticated"] }, ["/users/  bob", "/groups/  dev", "/groups/  ops"]],
	[{ name: "system:anonymous", groups: ["system:unauthenticated"] }, ["/users/  system:anonymous"]],
	[
		{
			name: "system:serviceaccount:build:ci",
			groups: ["system:serviceaccounts", "system:serviceaccounts:build", "system:authenticated"],
		},
		["/serviceaccounts/ build ci"],
	],
	[{ name: "system:serviceaccount:build:ci", groups: ["dev", "system:authenticated"] }, ["/serviceaccounts/ build ci", "/groups/  dev"]],
	[
		{ name: "bob", groups: ["system:authenticated"], uid: "u1", extra: { scopes: ["a", "b"], team: ["x"] } },
		[
			"/users/  bob",
			"authentication.k8s.io/userextras/scopes  a",
			"authentication.k8s.io/userextras/scopes  b",
			"authentication.k8s.io/userextras/team  x",
			"authentication.k8s.io/uids/  u1",
		],
	],
])("acting as %j asks %j", (target, questions) => {
	expect(texts(jane, target)).toEqual(questions);
});

it("is refused with the first question that is answered with no", async () => {
	const { server, clusterResource, resource } = await startServer();
	const rbac = ["rbac.authorization.k8s.io", "v1"] as const;
	await clusterResource(...rbac, "clusterroles").send("create", {
		body: clusterRole("act", rule("impersonate", "users", "", "bob"), rule("impersonate", "groups", "", "dev")),
	});
	await clusterResource(...rbac, "clusterrolebindings").send("create", { body: clusterRoleBinding("act", "act", asUser("jane")) });
	await resource(...rbac, "roles").send("create", { body: role("default", "act", rule("impersonate", "serviceaccounts")) });
	await resource(...rbac, "rolebindings").send("create", { body: roleBinding("default", "act", "Role/act", asUser("jane")) });
	const message = (name: string, ...groups: readonly string[]) =>
		server.authorizeImpersonation(jane, person(name, ...groups)).then(
			() => "yes",
			(error: Error) => error.message,
		);
	expect(await message("bob", "dev")).toBe("yes");
	expect(await message("system:serviceaccount:default:ci", "system:serviceaccounts", "system:serviceaccounts:default")).toBe("yes");
	expect(await message("root")).toBe(
		'users "root" is forbidden: User "jane" cannot impersonate resource "users" in API group "" at the cluster scope',
	);
	expect(await message("bob", "dev", "system:masters")).toBe(
		'groups "system:masters" is forbidden: User "jane" cannot impersonate resource "groups" in API group "" at the cluster scope',
	);
	expect(
		await message("system:serviceaccount:kube-system:namespace-controller", "system:serviceaccounts", "system:serviceaccounts:kube-system"),
	).toBe(
		'serviceaccounts "namespace-controller" is forbidden: User "jane" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "kube-system"',
	);
});
