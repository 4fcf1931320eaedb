/**
 * Whatever people who are no administrators do with roles and bindings, nobody can do in the end what no one of them could
 * in the beginning. A model far simpler than the check: the permissions that the administrator gave out, as a set.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { PolicyRule } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { ApiServer } from "../api-server.ts";
import { admin, startServer } from "../testing.ts";
import { asGroup, asUser, clusterRole, clusterRoleBinding, person, role, roleBinding } from "./rbac.test-kit.ts";

const group = "rbac.authorization.k8s.io";
const people = [person("ann", "team"), person("ben", "team"), person("cid")];
const namespaces = ["default", "other"];
const roleNames = ["r1", "r2", "r3"];

const word = fc.constantFrom("get", "update", "delete");
const resource = fc.constantFrom("pods", "pods/log", "secrets", "*/log");
const mostly = <T>(usual: fc.Arbitrary<T>, rare: T) =>
	fc.oneof({ weight: 8, arbitrary: usual }, { weight: 1, arbitrary: fc.constant(rare) });

const resourceRule: fc.Arbitrary<PolicyRule> = fc.record({
	verbs: fc.array(mostly(word, "*"), { minLength: 1, maxLength: 2 }),
	apiGroups: fc.constantFrom([""], ["", "apps"], ["*"]),
	resources: fc.array(mostly(resource, "*"), { minLength: 1, maxLength: 2 }),
	resourceNames: fc.constantFrom([], [], ["one"]),
});
/** What lets people write roles and bindings; never with escalate, bind or impersonate. */
const rbacRule: fc.Arbitrary<PolicyRule> = fc.record({
	verbs: fc.constant(["create", "update", "patch", "delete"]),
	apiGroups: fc.constant([group]),
	resources: fc.subarray(["roles", "rolebindings", "clusterroles", "clusterrolebindings"], { minLength: 1 }),
});
const rules = fc.array(fc.oneof({ weight: 3, arbitrary: resourceRule }, { weight: 1, arbitrary: rbacRule }), {
	minLength: 1,
	maxLength: 3,
});

const subject = fc.constantFrom(asUser("ann"), asUser("ben"), asUser("cid"), asGroup("team"), asGroup("system:authenticated"));
const subjects = fc.array(subject, { minLength: 1, maxLength: 2 });
const name = fc.constantFrom(...roleNames);
const namespace = fc.constantFrom(...namespaces);
const roleRef = fc.tuple(fc.constantFrom("Role", "ClusterRole"), name).map(([kind, target]) => `${kind}/${target}`);

const object: fc.Arbitrary<KubeObject> = fc.oneof(
	fc.tuple(namespace, name, rules).map(([where, called, allows]) => role(where, called, ...allows)),
	fc.tuple(name, rules).map(([called, allows]) => clusterRole(called, ...allows)),
	fc.tuple(namespace, name, roleRef, subjects).map(([where, called, to, whom]) => roleBinding(where, called, to, ...whom)),
	fc.tuple(name, name, subjects).map(([called, to, whom]) => clusterRoleBinding(called, to, ...whom)),
);

const command = fc.record({
	who: fc.nat({ max: people.length - 1 }),
	verb: fc.constantFrom<ApiRequest["verb"]>("create", "create", "update", "patch", "delete"),
	object,
});

const plurals: Readonly<Record<string, string>> = {
	Role: "roles",
	ClusterRole: "clusterroles",
	RoleBinding: "rolebindings",
	ClusterRoleBinding: "clusterrolebindings",
};

/** Whether the request was let through. */
async function send(server: ApiServer, user: UserInfo, verb: ApiRequest["verb"], sent: KubeObject): Promise<boolean> {
	const { kind = "", metadata } = sent;
	const { namespace: where, name: called = "" } = metadata ?? {};
	try {
		await server.handle(user, {
			group,
			version: "v1",
			resource: plurals[kind] ?? "",
			verb,
			...(where === undefined ? {} : { namespace: where }),
			...(verb === "create" ? {} : { name: called }),
			...(verb === "delete" ? {} : { body: sent }),
			...(verb === "patch" ? { patchType: "application/merge-patch+json" as const } : {}),
		});
		return true;
	} catch (error) {
		if (isStatusError(error)) return false;
		throw error;
	}
}

/** Everything that could be asked, with who may it: `get pods in default one`. */
function permissions(server: ApiServer): Map<string, string[]> {
	const found = new Map<string, string[]>();
	const writes = ["roles", "rolebindings", "clusterroles", "clusterrolebindings"].map((target) => [group, target, ""] as const);
	const targets = [["", "pods", ""], ["", "pods", "log"], ["", "secrets", ""], ["apps", "deployments", "log"], ...writes] as const;
	for (const user of people)
		for (const where of ["", ...namespaces])
			for (const [apiGroup, target, subresource] of targets)
				for (const verb of ["get", "update", "delete", "create", "escalate", "bind"])
					for (const called of ["one", "two"]) {
						const decision = server.authorization.authorize({
							user,
							verb,
							group: apiGroup,
							resource: target,
							subresource,
							namespace: where,
							name: called,
						});
						if (decision instanceof Promise || decision.verdict !== "allow") continue;
						const key = `${verb} ${target}/${subresource} in '${where}' ${called}`;
						found.set(key, [...(found.get(key) ?? []), user.name]);
					}
	return found;
}

it("nobody gains what the administrator gave to none of them", async () => {
	let writes = 0;
	await fc.assert(
		fc.asyncProperty(
			fc.array(object, { minLength: 4, maxLength: 10 }),
			fc.array(command, { minLength: 5, maxLength: 25 }),
			async (given, commands) => {
				const { server, clusterResource } = await startServer();
				await clusterResource("", "v1", "namespaces").send("create", { body: { metadata: { name: "other" } } });
				// Somebody can write something, else there is nothing to try.
				const writer = { apiGroups: [group], resources: ["*"], verbs: ["create", "update", "patch", "delete"] };
				await send(
					server,
					admin,
					"create",
					clusterRole("writer", writer, { apiGroups: [""], resources: ["pods", "*/log"], verbs: ["get", "update"] }),
				);
				await send(server, admin, "create", clusterRoleBinding("writer", "writer", asUser("ann"), asUser("ben")));
				for (const each of given) await send(server, admin, "create", each);
				const before = permissions(server);
				for (const { who, verb, object: sent } of commands) {
					const user = people[who];
					if (user === undefined || !(await send(server, user, verb, sent))) continue;
					writes++;
					const gained = [...permissions(server).keys()].filter((permission) => !before.has(permission));
					expect(gained, `after ${user.name}: ${verb} ${JSON.stringify(sent)}`).toEqual([]);
				}
				server.stop();
			},
		),
		{ numRuns: 200, seed: 20_261_128 },
	);
	// Else the property says nothing.
	expect(writes).toBeGreaterThan(100);
}, 60_000);
