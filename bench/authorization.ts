/**
 * How long RBAC takes to decide, with a thousand bindings: of everybody, of one user in a thousand namespaces, and of one
 * user to a hundred roles. Allowed and refused alike; refusals look at everything that applies.
 */
import type { KubeObject } from "../src/apimachinery/meta.ts";
import type { UserInfo } from "../src/apimachinery/user.ts";
import { RbacAuthorizer } from "../src/apiserver/authorization/rbac-authorizer.ts";
import { RbacIndex } from "../src/apiserver/authorization/rbac-index.ts";
import { bootstrapObjects } from "../src/apiserver/bootstrap/index.ts";
import { WatchCache } from "../src/apiserver/storage/watch-cache.ts";
import type { Measurement } from "./measure.ts";

const decisions = 200_000;
const promiseMicroseconds = 5;
const group = "rbac.authorization.k8s.io";
const apiVersion = `${group}/v1`;
const bindings = 1_000;

type Ask = (index: number) => { readonly user: UserInfo; readonly verb: string; readonly resource: string; readonly namespace: string };

function authorizerOf(objects: readonly KubeObject[]): RbacAuthorizer {
	const cacheOf = (kind: string) => {
		const cache = new WatchCache(`/registry/${kind.toLowerCase()}s/`);
		for (const object of objects) {
			const { namespace, name } = object.metadata ?? {};
			const path = namespace === undefined ? `${name}` : `${namespace}/${name}`;
			if (object.kind === kind) cache.load(cache.prefix + path, object, 1);
		}
		return cache;
	};
	const index = new RbacIndex();
	index.follow({
		roles: cacheOf("Role"),
		roleBindings: cacheOf("RoleBinding"),
		clusterRoles: cacheOf("ClusterRole"),
		clusterRoleBindings: cacheOf("ClusterRoleBinding"),
	});
	return new RbacAuthorizer(index);
}

function binding(index: number, role: string, user: string, namespace?: string): KubeObject {
	return {
		apiVersion,
		kind: namespace === undefined ? "ClusterRoleBinding" : "RoleBinding",
		metadata: { name: `bench-${index}`, ...(namespace === undefined ? {} : { namespace }) },
		roleRef: { apiGroup: group, kind: "ClusterRole", name: role },
		subjects: [{ apiGroup: group, kind: "User", name: user }],
	} as KubeObject;
}

const person = (name: string): UserInfo => ({ name, groups: ["dev", "ops", "system:authenticated"] });
const count = <T>(length: number, make: (index: number) => T): T[] => Array.from({ length }, (_, index) => make(index));
const basics = bootstrapObjects({ nowMs: 0 });
const userRoles = ["view", "edit", "admin"];

/** Microseconds a decision. */
function measure(authorizer: RbacAuthorizer, ask: Ask, verdict: string): number {
	const questions = count(997, (index) => ({ group: "", subresource: "", name: "x", ...ask(index) }));
	let wrong = 0;
	const run = (times: number) => {
		for (let done = 0; done < times; done++) {
			const question = questions[done % questions.length];
			if (question !== undefined && authorizer.authorize(question).verdict !== verdict) wrong++;
		}
	};
	run(decisions / 10);
	const start = performance.now();
	run(decisions);
	const microseconds = ((performance.now() - start) * 1000) / decisions;
	if (wrong > 0) throw new Error(`${wrong} decisions are not ${verdict}`);
	return microseconds;
}

export async function benchAuthorization(runs: number): Promise<Measurement[]> {
	const everybody = authorizerOf([
		...basics,
		...count(bindings, (index) =>
			binding(index, userRoles[index % 3] ?? "", `user-${index % 200}`, index < 500 ? undefined : `ns-${index % 50}`),
		),
	]);
	const manyNamespaces = authorizerOf([...basics, ...count(bindings, (index) => binding(index, "edit", "jane", `ns-${index}`))]);
	const manyRoles = authorizerOf([
		...basics,
		...count(100, (index) => ({
			apiVersion,
			kind: "ClusterRole",
			metadata: { name: `role-${index}` },
			rules: [{ apiGroups: [""], resources: ["configmaps", `kind-${index}`], verbs: ["get", "list"] }],
		})),
		...count(bindings, (index) => binding(index, `role-${index % 100}`, "jane")),
	]);
	const cases: readonly (readonly [string, RbacAuthorizer, Ask, string])[] = [
		[
			"of 200 users, allowed",
			everybody,
			(i) => ({ user: person(`user-${i % 100}`), verb: "list", resource: "pods", namespace: "ns-1" }),
			"allow",
		],
		[
			"of 200 users, refused",
			everybody,
			(i) => ({ user: person(`user-${i % 200}`), verb: "get", resource: "nodes", namespace: "" }),
			"undecided",
		],
		[
			"of one user, each in a namespace, allowed",
			manyNamespaces,
			(i) => ({ user: person("jane"), verb: "get", resource: "secrets", namespace: `ns-${i}` }),
			"allow",
		],
		[
			"of one user, to 100 roles, refused",
			manyRoles,
			() => ({ user: person("jane"), verb: "get", resource: "secrets", namespace: "default" }),
			"undecided",
		],
	];
	return cases.map(([name, authorizer, ask, verdict]) => ({
		name: `a decision with ${bindings} bindings ${name}`,
		unit: "µs",
		values: count(runs, () => measure(authorizer, ask, verdict)),
		promise: promiseMicroseconds,
	}));
}
