import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { UserInfo } from "../../apimachinery/user.ts";
import { readRequestInfo } from "../request-info.ts";
import { evaluatePolicy, readPolicy } from "./policy.ts";

/** The example of https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/ (audit/audit-policy.yaml). */
const documented = readPolicy(
	parse(`
apiVersion: audit.k8s.io/v1 # This is required.
kind: Policy
omitStages:
  - "RequestReceived"
rules:
  - level: RequestResponse
    resources:
    - group: ""
      resources: ["pods"]
  - level: Metadata
    resources:
    - group: ""
      resources: ["pods/log", "pods/status"]
  - level: None
    resources:
    - group: ""
      resources: ["configmaps"]
      resourceNames: ["controller-leader"]
  - level: None
    users: ["system:kube-proxy"]
    verbs: ["watch"]
    resources:
    - group: "" # core API group
      resources: ["endpoints", "services"]
  - level: None
    userGroups: ["system:authenticated"]
    nonResourceURLs:
    - "/api*" # Wildcard matching.
    - "/version"
  - level: Request
    resources:
    - group: "" # core API group
      resources: ["configmaps"]
    namespaces: ["kube-system"]
  - level: Metadata
    resources:
    - group: "" # core API group
      resources: ["secrets", "configmaps"]
  - level: Request
    resources:
    - group: "" # core API group
    - group: "extensions" # Version of group should NOT be included.
  - level: Metadata
    omitStages:
      - "ResponseStarted"
`),
	"policy.yaml",
);

const alice = { name: "alice", groups: ["system:authenticated"] };
const proxy = { name: "system:kube-proxy", groups: [] };

describe("the documentation's policy", () => {
	it.each<readonly [method: string, url: string, level: string, user: UserInfo]>([
		["POST", "/api/v1/namespaces/default/pods", "RequestResponse", alice],
		["GET", "/api/v1/namespaces/default/pods/a/log", "Metadata", alice],
		["POST", "/api/v1/namespaces/default/pods/a/exec", "Request", alice],
		["PUT", "/api/v1/namespaces/default/configmaps/controller-leader", "None", alice],
		["GET", "/api/v1/services?watch=1", "Request", alice],
		["GET", "/api/v1/services?watch=1", "None", proxy],
		["GET", "/api/v1/services", "Request", proxy],
		["GET", "/apis", "None", alice],
		["GET", "/version", "None", alice],
		["GET", "/version", "Metadata", proxy],
		["GET", "/healthz", "Metadata", alice],
		["GET", "/api/v1/namespaces/kube-system/configmaps/x", "Request", alice],
		["GET", "/api/v1/namespaces/default/configmaps/x", "Metadata", alice],
		["GET", "/api/v1/namespaces/default/secrets", "Metadata", alice],
		["GET", "/apis/apps/v1/deployments", "Metadata", alice],
	])("%s %s: %s", (method, url, level, user) => {
		expect(evaluatePolicy(documented, readRequestInfo(method, url), user).level).toBe(level);
	});

	it("leaves out stages of the policy and of the rule", () => {
		const { omitStages } = evaluatePolicy(documented, readRequestInfo("GET", "/apis/apps/v1/deployments"), alice);
		expect([...omitStages]).toEqual(["RequestReceived", "ResponseStarted"]);
	});
});

it.each<readonly [pattern: string, url: string, matches: boolean]>([
	["*", "/api/v1/namespaces/n/pods/a/log", true],
	["pods", "/api/v1/namespaces/n/pods/a/log", false],
	["pods/*", "/api/v1/namespaces/n/pods/a/log", true],
	["pods/*", "/api/v1/namespaces/n/pods/a", true],
	["*/log", "/api/v1/namespaces/n/pods/a/log", true],
	["*/log", "/api/v1/namespaces/n/pods/a", false],
	["pods/log", "/api/v1/namespaces/n/pods/a/log", true],
])("the pattern %s and %s: %s", (pattern, url, matches) => {
	const policy = { rules: [{ level: "Metadata", resources: [{ group: "", resources: [pattern] }] }] } as const;
	expect(evaluatePolicy(policy, readRequestInfo("GET", url), alice).level).toBe(matches ? "Metadata" : "None");
});

describe("a policy that is wrong", () => {
	const policy = (rules: unknown) => ({ apiVersion: "audit.k8s.io/v1", kind: "Policy", rules });
	it.each<readonly [value: unknown, text: string]>([
		[
			{ kind: "Policy", apiVersion: "audit.k8s.io/v1beta1" },
			'failed decoding: no kind "Policy" is registered for version "audit.k8s.io/v1beta1": from file p',
		],
		[policy([]), "loaded illegal policy with 0 rules: from file p"],
		[policy([{}]), "rules[0].level: Required value"],
		[
			policy([{ level: "All" }]),
			'rules[0].level: Unsupported value: "All": supported values: "Metadata", "None", "Request", "RequestResponse"',
		],
		[
			policy([{ level: "None", omitStages: ["x"] }]),
			'rules[0].omitStages[0]: Invalid value: "x": allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic',
		],
		[
			policy([{ level: "None", nonResourceURLs: ["x"] }]),
			"rules[0].nonResourceURLs[0]: Invalid value: \"x\": non-resource URL rules must begin with a '/' character",
		],
		[
			policy([{ level: "None", nonResourceURLs: ["/a*b"] }]),
			"rules[0].nonResourceURLs[0]: Invalid value: \"/a*b\": non-resource URL wildcards '*' must be the final character of the rule",
		],
		[
			policy([{ level: "None", nonResourceURLs: ["/a"], namespaces: ["b"] }]),
			"rules cannot apply to both regular resources and non-resource URLs",
		],
		[
			policy([{ level: "None", resources: [{ group: "apps/v1" }] }]),
			'rules[0].resources[0].group: Invalid value: "apps/v1": group names must not include a version',
		],
		[policy([{ level: "None", resources: [{ resourceNames: ["a"] }] }]), "using resourceNames requires at least one resource"],
	])("%j", (value, text) => {
		expect(() => readPolicy(value, "p")).toThrow(text);
	});
});
