import { describe, expect, test } from "vitest";
import { newForbidden, StatusError } from "../../apimachinery/status-error.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { PathQuestion, ResourceQuestion } from "../authorization/question.ts";
import { impersonate, type RequestSubject, wantedUser } from "./impersonation.ts";

const alice: UserInfo = { name: "alice", groups: ["dev", "system:authenticated"] };
const listPods: RequestSubject = { verb: "list", group: "", resource: "pods", subresource: "", namespace: "default", name: "" };

/** `verb group/resource/subresource namespace/name`, with nothing where there is nothing; or `verb path`. */
function describeQuestion(question: ResourceQuestion | PathQuestion): string {
	if (question.path !== undefined) return `${question.verb} ${question.path}`;
	const { verb, group, resource, subresource, namespace, name } = question;
	return `${verb} ${[group, resource, subresource].filter(Boolean).join("/")} ${[namespace, name].filter(Boolean).join("/")}`.trim();
}

interface Outcome {
	/** Who the requestor is now, or why not. */
	readonly result: UserInfo | string;
	readonly asked: readonly string[];
}

/** @param allowed what is allowed, as `describeQuestion` has it; a RegExp for many */
async function act(
	requestor: UserInfo,
	headers: Readonly<Record<string, string | readonly string[]>>,
	allowed: readonly (string | RegExp)[],
	subject: RequestSubject = listPods,
): Promise<Outcome> {
	const asked: string[] = [];
	const isAllowed = (text: string) => allowed.some((rule) => (typeof rule === "string" ? rule === text : rule.test(text)));
	const rawHeaders = Object.entries(headers).flatMap(([name, values]) => [values].flat().flatMap((value) => [name, value]));
	try {
		const wanted = wantedUser({ rawHeaders });
		if (wanted === undefined) return { result: "nobody else", asked };
		const result = await impersonate(requestor, wanted, {
			require: (question) => {
				asked.push(describeQuestion(question));
				if (isAllowed(describeQuestion(question))) return;
				if (question.path !== undefined) throw newForbidden({ group: "", resource: "" }, "", describeQuestion(question));
				const where = question.namespace === "" ? "at the cluster scope" : `in the namespace "${question.namespace}"`;
				const what = `resource "${question.resource}" in API group "${question.group}" ${where}`;
				throw newForbidden(question, question.name, `User "${question.user.name}" cannot ${question.verb} ${what}`);
			},
			subject: () => subject,
		});
		return { result, asked };
	} catch (error) {
		return { result: error instanceof StatusError ? `${error.code} ${error.message}` : String(error), asked };
	}
}

describe("whom the headers name", () => {
	test("the first name, every group line as it is, extras by their decoded keys", () => {
		const rawHeaders = [
			["IMPERSONATE-USER", "jane"],
			["impersonate-user", "root"],
			["Impersonate-Group", "a, b"],
			["Impersonate-Group", "c"],
			["impersonate-Uid", "7"],
			["Impersonate-Extra-Acme.io%2fProject", "x"],
			["Impersonate-Extra-acme.io%2Fproject", "y"],
			["Impersonate-Extra-100%", "z"],
		].flat();
		expect(wantedUser({ rawHeaders })).toEqual({
			name: "jane",
			uid: "7",
			groups: ["a, b", "c"],
			extra: { "acme.io/project": ["x", "y"], "100%": ["z"] },
		});
	});

	test.each<[Readonly<Record<string, string>>, string]>([
		[{ "Impersonate-Group": "a" }, `UID:"", Groups:[]string{"a"}, Extra:map[string][]string(nil)`],
		[{ "Impersonate-User": "", "Impersonate-Uid": "7" }, `UID:"7", Groups:[]string(nil), Extra:map[string][]string(nil)`],
		[{ "Impersonate-Extra-K": "v" }, `UID:"", Groups:[]string(nil), Extra:map[string][]string{"k":[]string{"v"}}`],
	])("%o is of nobody", async (headers, parts) => {
		const { result } = await act(alice, headers, [/./]);
		expect(result).toBe(`400 requested &user.DefaultInfo{Name:"", ${parts}} without impersonating a user name`);
	});

	test("no name and nothing else is nobody", async () => {
		expect((await act(alice, { "Impersonate-User": "" }, [])).result).toBe("nobody else");
	});
});

const node = "system:node:n1";
const account = "system:serviceaccount:ns:sa";
const onNode = (name: string): UserInfo => ({
	name: account,
	groups: ["system:serviceaccounts"],
	extra: { "authentication.kubernetes.io/node-name": [name], "authentication.kubernetes.io/pod-name": ["p"] },
});

describe("who may", () => {
	test.each<[string, UserInfo, Readonly<Record<string, string | readonly string[]>>, readonly (string | RegExp)[], UserInfo]>([
		[
			"a user, for one sort of request",
			alice,
			{ "Impersonate-User": "bob" },
			["impersonate-on:user-info:list pods default", "impersonate:user-info authentication.k8s.io/users bob"],
			{ name: "bob", groups: ["system:authenticated"] },
		],
		[
			"a user with all that belongs to him",
			alice,
			{ "Impersonate-User": "bob", "Impersonate-Group": ["x", "y"], "Impersonate-Uid": "7", "Impersonate-Extra-acme.io%2fk": "v" },
			[
				"impersonate-on:user-info:list pods default",
				"impersonate:user-info authentication.k8s.io/users bob",
				"impersonate:user-info authentication.k8s.io/uids 7",
				"impersonate:user-info authentication.k8s.io/groups x",
				"impersonate:user-info authentication.k8s.io/groups y",
				"impersonate:user-info authentication.k8s.io/userextras/acme.io/k v",
			],
			{ name: "bob", uid: "7", groups: ["x", "y", "system:authenticated"], extra: { "acme.io/k": ["v"] } },
		],
		[
			"a service account",
			alice,
			{ "Impersonate-User": account },
			["impersonate-on:serviceaccount:list pods default", "impersonate:serviceaccount authentication.k8s.io/serviceaccounts ns/sa"],
			{ name: account, groups: ["system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated"] },
		],
		[
			"any node",
			alice,
			{ "Impersonate-User": node },
			["impersonate-on:arbitrary-node:list pods default", "impersonate:arbitrary-node authentication.k8s.io/nodes n1"],
			{ name: node, groups: ["system:nodes", "system:authenticated"] },
		],
		[
			"the node one is on",
			onNode("n1"),
			{ "Impersonate-User": node },
			["impersonate-on:associated-node:list pods default", "impersonate:associated-node authentication.k8s.io/nodes *"],
			{ name: node, groups: ["system:nodes", "system:authenticated"] },
		],
		["anybody, of old", alice, { "Impersonate-User": "bob" }, ["impersonate users bob"], { name: "bob", groups: ["system:authenticated"] }],
		[
			"administrators, of old",
			alice,
			{ "Impersonate-User": "bob", "Impersonate-Group": "system:masters" },
			[/./],
			{ name: "bob", groups: ["system:masters", "system:authenticated"] },
		],
		[
			"nobody, of old",
			alice,
			{ "Impersonate-User": "system:anonymous" },
			["impersonate users system:anonymous"],
			{ name: "system:anonymous", groups: ["system:unauthenticated"] },
		],
		[
			"somebody unauthenticated, of old",
			alice,
			{ "Impersonate-User": "bob", "Impersonate-Group": "system:unauthenticated" },
			[/^impersonate /],
			{ name: "bob", groups: ["system:unauthenticated"] },
		],
	])("%s", async (_what, requestor, headers, allowed, user) => {
		expect((await act(requestor, headers, allowed)).result).toEqual(user);
	});

	test.each<[string, UserInfo, Readonly<Record<string, string | readonly string[]>>, readonly (string | RegExp)[], string]>([
		[
			"who has no permission",
			alice,
			{ "Impersonate-User": "bob" },
			[],
			'403 pods is forbidden: User "alice" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "default"',
		],
		[
			"who may take the name, but not the group",
			alice,
			{ "Impersonate-User": "bob", "Impersonate-Group": "x" },
			[/^impersonate-on/, /users bob$/],
			'403 groups.authentication.k8s.io "x" is forbidden: User "alice" cannot impersonate:user-info resource "groups" in API group "authentication.k8s.io" at the cluster scope',
		],
		[
			"who would be an administrator",
			alice,
			{ "Impersonate-User": "bob", "Impersonate-Group": "system:masters" },
			[/:/],
			'403 groups.authentication.k8s.io "system:masters" is forbidden: User "alice" cannot impersonate:user-info resource "groups" in API group "authentication.k8s.io" at the cluster scope: impersonating the system:masters group is not allowed',
		],
		[
			"who is on another node",
			onNode("n2"),
			{ "Impersonate-User": node },
			[/associated-node/],
			'403 pods is forbidden: User "system:serviceaccount:ns:sa" cannot impersonate-on:arbitrary-node:list resource "pods" in API group "" in the namespace "default"',
		],
		[
			"a node with groups, of old",
			alice,
			{ "Impersonate-User": node, "Impersonate-Group": "system:masters" },
			[/:arbitrary-node/, "impersonate users system:node:n1"],
			'403 groups "system:masters" is forbidden: User "alice" cannot impersonate resource "groups" in API group "" at the cluster scope',
		],
	])("not %s", async (_what, requestor, headers, allowed, message) => {
		expect((await act(requestor, headers, allowed)).result).toBe(message);
	});

	test("for a path, by its permission", async () => {
		const path: RequestSubject = { verb: "get", path: "/metrics" };
		const rules = ["impersonate-on:user-info:get /metrics", /^impersonate:user-info/];
		expect((await act(alice, { "Impersonate-User": "bob" }, rules, path)).result).toMatchObject({ name: "bob" });
		expect((await act(alice, { "Impersonate-User": "bob" }, rules.slice(1), path)).result).toBe(
			"403 forbidden: impersonate-on:user-info:get /metrics",
		);
	});
});
