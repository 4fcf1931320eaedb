/**
 * What Kubernetes says of each wrong field of an APIService, one row a rule.
 * Source: k8s.io/kube-aggregator/pkg/apis/apiregistration/validation/validation.go of Kubernetes 1.36.
 */
import { expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { kindOf, problems, statusProblems, stored } from "../testing/kind-probe.ts";
import { apiregistrationKinds } from "./index.ts";

const kind = kindOf(apiregistrationKinds, "apiservices");
const spec = { group: "a.io", version: "v1", groupPriorityMinimum: 1000, versionPriority: 15 };
const service = (fields: object, name = "v1.a.io"): KubeObject => ({ metadata: { name }, spec: { ...spec, ...fields } }) as KubeObject;
const remote = { namespace: "a", name: "b" };
const GROUP_PRIORITY = "must be positive and less than 20000";
const VERSION_PRIORITY = "must be positive and less than 1000";

it.each<readonly [fields: object, name: string | undefined, errors: readonly string[]]>([
	[{}, undefined, []],
	[{ service: remote }, undefined, []],
	[{}, "v2.a.io", ['metadata.name: Invalid value: "v2.a.io": must be `spec.version+"."+spec.group`: "v1.a.io"']],
	[{ group: "" }, "v1.", []],
	[{ group: "", version: "v2" }, "v2.", ["spec.group: Required value: only v1 may have an empty group and it better be legacy kube"]],
	[
		{ group: "A" },
		"v1.A",
		[
			"spec.group: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
		],
	],
	[
		{ version: "1" },
		"1.a.io",
		[
			"spec.version: Invalid value: \"1\": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
		],
	],
	[{ groupPriorityMinimum: 0 }, undefined, [`spec.groupPriorityMinimum: Invalid value: 0: ${GROUP_PRIORITY}`]],
	[{ groupPriorityMinimum: 20_001 }, undefined, [`spec.groupPriorityMinimum: Invalid value: 20001: ${GROUP_PRIORITY}`]],
	[{ versionPriority: 0 }, undefined, [`spec.versionPriority: Invalid value: 0: ${VERSION_PRIORITY}`]],
	[{ versionPriority: 1001 }, undefined, [`spec.versionPriority: Invalid value: 1001: ${VERSION_PRIORITY}`]],
	[{ caBundle: "AAAA" }, undefined, ['spec.caBundle: Invalid value: "3 bytes": local APIServices may not have a caBundle']],
	[
		{ insecureSkipTLSVerify: true },
		undefined,
		["spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify"],
	],
	[{ service: {} }, undefined, ["spec.service.namespace: Required value", "spec.service.name: Required value"]],
	[
		{ service: { ...remote, port: 70_000 } },
		undefined,
		["spec.service.port: Invalid value: 70000: port is not valid: must be between 1 and 65535, inclusive"],
	],
	[
		{ service: remote, caBundle: "AAAA", insecureSkipTLSVerify: true },
		undefined,
		["spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present"],
	],
])("%j named %s", (fields, name, errors) => {
	expect(problems(kind, service(fields, name))).toEqual(errors);
});

it("is available at once if it is served here", () => {
	expect(stored(kind, service({}))).toMatchObject({
		status: {
			conditions: [
				{
					type: "Available",
					status: "True",
					lastTransitionTime: "2026-01-01T00:05:00Z",
					reason: "Local",
					message: "Local APIServices are always available",
				},
			],
		},
	});
	expect(stored(kind, service({ service: remote }))).not.toHaveProperty("status");
});

it("reports conditions that hold, do not, or may", () => {
	const status = (value: string): KubeObject =>
		({ ...service({}), status: { conditions: [{ type: "Available", status: value }] } }) as KubeObject;
	expect(statusProblems(kind, status("Unknown"), service({}))).toEqual([]);
	expect(statusProblems(kind, status("Yes"), service({}))).toEqual([
		'status.conditions[0].status: Unsupported value: "Yes": supported values: "True", "False", "Unknown"',
	]);
});
