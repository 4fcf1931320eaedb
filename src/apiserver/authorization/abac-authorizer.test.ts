import { describe, expect, it } from "vitest";
import { abacAuthorizer } from "./abac-authorizer.ts";
import { person, question } from "./rbac.test-kit.ts";

const policy = (spec: object) => JSON.stringify({ apiVersion: "abac.authorization.kubernetes.io/v1beta1", kind: "Policy", spec });
const everything = { namespace: "*", resource: "*", apiGroup: "*", nonResourcePath: "*" };
const file = [
	"# who may do what",
	policy({ user: "alice", ...everything }),
	"",
	policy({ group: "dev", namespace: "team", resource: "pods", readonly: true }),
	policy({ user: "carol", group: "ops", namespace: "*", resource: "*" }),
	policy({ user: "*", nonResourcePath: "/metrics/*", readonly: true }),
	policy({ namespace: "*", resource: "secrets" }),
	'{"user":"old","namespace":"past"}',
	'{"user":"older","readonly":true}',
].join("\n");
const authorizer = abacAuthorizer(file, "policies");
const anonymous = { name: "system:anonymous", groups: ["system:unauthenticated"] };

describe("a policy allows", () => {
	it.each([
		["everything", person("alice"), question("delete", "nodes"), true],
		["reading to a group", person("bob", "dev"), question("list", "pods", "team"), true],
		["no writing to it", person("bob", "dev"), question("create", "pods", "team"), false],
		["nothing elsewhere", person("bob", "dev"), question("list", "pods", "default"), false],
		["nothing of another kind", person("bob", "dev"), question("list", "secrets", "team"), false],
		["who has both name and group", person("carol", "ops"), question("create", "pods", "team"), true],
		["not who has only the name", person("carol"), question("create", "pods", "team"), false],
		[
			"nothing of a group of the API that it does not name",
			person("carol", "ops"),
			{ ...question("list", "x", "team"), group: "apps" },
			false,
		],
		["nobody where it names nobody", person("bob"), question("get", "secrets", "team"), false],
		["whatever is not said, of old", person("old"), { ...question("create", "deployments", "past"), group: "apps" }, true],
		["in its own namespace, of old", person("old"), question("create", "pods", "present"), false],
		["reading of old", person("older"), question("watch", "pods", "x"), true],
		["not writing of old", person("older"), question("patch", "pods", "x"), false],
	] as const)("%s", (_what, user, asked, isAllowed) => {
		const decision = authorizer.authorize({ user, ...asked });
		expect(decision).toEqual(isAllowed ? { verdict: "allow", reason: "" } : { verdict: "undecided", reason: "No policy matched." });
	});

	it.each([
		["below a path, to whoever is somebody", person("bob"), "get", "/metrics/cadvisor", true],
		["not the path itself", person("bob"), "get", "/metrics", false],
		["not by other verbs", person("bob"), "post", "/metrics/cadvisor", false],
		["not to nobody", anonymous, "get", "/metrics/cadvisor", false],
		["all paths, of old, where neither namespace nor resource is said", person("older"), "get", "/version", true],
		["no path, of old, where a namespace is said", person("old"), "get", "/version", false],
	] as const)("%s", (_what, user, verb, path, isAllowed) => {
		expect(authorizer.authorize({ user, verb, path }).verdict).toBe(isAllowed ? "allow" : "undecided");
	});
});

it("the rules of a user can be listed", () => {
	expect(authorizer.rulesFor(person("bob", "dev"), "team")).toEqual({
		resourceRules: [{ verbs: ["get", "list", "watch"], apiGroups: [""], resources: ["pods"] }],
		nonResourceRules: [],
		incomplete: false,
		error: "",
	});
	expect(authorizer.rulesFor(person("alice"), "any")).toMatchObject({
		resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
		nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
	});
});

it.each([
	["{", "error reading policy file policies, line 2: {: unexpected end of JSON input"],
	[
		'{"user":7}',
		'error reading policy file policies, line 2: {"user":7}: json: cannot unmarshal number into Go struct field .user of type string',
	],
])("%s is refused", (line, text) => {
	expect(() => abacAuthorizer(`# comment\n${line}`, "policies")).toThrow(text);
});
