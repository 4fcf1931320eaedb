import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { created, defaulted, kindOf, printed, problems } from "../testing/kind-probe.ts";
import { admissionregistrationKinds } from "./index.ts";

const of = (resource: string) => kindOf(admissionregistrationKinds, resource);
const object = (fields: object): KubeObject => ({ metadata: { name: "check", creationTimestamp: created }, ...fields });

describe("webhook configurations", () => {
	const webhook = {
		name: "pods.example.com",
		clientConfig: { service: { name: "hook", namespace: "hooks" } },
		rules: [{ operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] }],
		sideEffects: "None",
		admissionReviewVersions: ["v1"],
	};

	it("fill in what a webhook leaves open", () => {
		expect(defaulted(of("mutatingwebhookconfigurations"), object({ webhooks: [webhook] }))).toEqual(
			object({
				webhooks: [
					{
						...webhook,
						clientConfig: { service: { name: "hook", namespace: "hooks", port: 443 } },
						rules: [{ ...webhook.rules[0], scope: "*" }],
						failurePolicy: "Fail",
						matchPolicy: "Equivalent",
						namespaceSelector: {},
						objectSelector: {},
						timeoutSeconds: 10,
						reinvocationPolicy: "Never",
					},
				],
			}),
		);
	});

	it("print how many", () => {
		expect(printed(of("validatingwebhookconfigurations"), object({ webhooks: [webhook, webhook] }))).toBe(
			"NAME | WEBHOOKS | AGE\ncheck | 2 | 5m",
		);
	});

	it("say what is wrong", () => {
		expect(problems(of("validatingwebhookconfigurations"), object({ webhooks: [webhook] }))).toEqual([]);
		const bad = {
			name: "pods",
			clientConfig: { url: "http://example.com/hook?a=b" },
			rules: [{ operations: ["*", "READ"], apiGroups: ["*"], apiVersions: [], resources: ["pods/*", "pods/log", "*", "nodes"] }],
			sideEffects: "Some",
			admissionReviewVersions: ["v2"],
			timeoutSeconds: 60,
		};
		expect(problems(of("validatingwebhookconfigurations"), object({ webhooks: [bad] }))).toEqual([
			'webhooks[0].name: Invalid value: "pods": should be a domain with at least three segments separated by dots',
			'webhooks[0].rules[0].operations: Invalid value: ["*","READ"]: if \'*\' is present, must not specify other operations',
			'webhooks[0].rules[0].operations[1]: Unsupported value: "READ": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"',
			"webhooks[0].rules[0].apiVersions: Required value",
			"webhooks[0].rules[0].resources[1]: Invalid value: \"pods/log\": if 'pods/*' is present, must not specify pods/log",
			'webhooks[0].rules[0].resources: Invalid value: ["pods/*","pods/log","*","nodes"]: if \'*\' is present, must not specify other resources without subresources',
			'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
			"webhooks[0].timeoutSeconds: Invalid value: 60: the timeout value must be between 1 and 30 seconds",
			"webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]",
			'webhooks[0].clientConfig.url: Invalid value: "a=b": query parameters are not permitted in the URL',
			'webhooks[0].admissionReviewVersions: Invalid value: ["v2"]: must include at least one of v1, v1beta1',
		]);
	});
});

describe("admission policies", () => {
	const resourceRules = [{ operations: ["CREATE"], apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments"] }];
	const paramKind = { apiVersion: "rules.example.com/v1", kind: "ReplicaLimit" };

	it("print validations, mutations and parameters", () => {
		expect(printed(of("validatingadmissionpolicies"), object({ spec: { validations: [{ expression: "true" }], paramKind } }))).toBe(
			"NAME | VALIDATIONS | PARAMKIND | AGE\ncheck | 1 | rules.example.com/v1/ReplicaLimit | 5m",
		);
		expect(printed(of("mutatingadmissionpolicies"), object({ spec: {} }))).toBe(
			"NAME | MUTATIONS | PARAMKIND | AGE\ncheck | 0 | <unset> | 5m",
		);
		expect(printed(of("validatingadmissionpolicybindings"), object({ spec: { policyName: "p", paramRef: { name: "limits" } } }))).toBe(
			"NAME | POLICYNAME | PARAMREF | AGE\ncheck | p | */limits | 5m",
		);
	});

	it("say what is wrong", () => {
		expect(problems(of("validatingadmissionpolicies"), object({ spec: { matchConstraints: { resourceRules } } }))).toEqual([
			"spec.validations: Required value: validations or auditAnnotations must contain at least one item",
			"spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item",
		]);
		const spec = {
			matchConstraints: { resourceRules },
			reinvocationPolicy: "Never",
			mutations: [{ patchType: "JSONPatch", applyConfiguration: { expression: "x" } }],
		};
		expect(problems(of("mutatingadmissionpolicies"), object({ spec }))).toEqual([
			"spec.mutations[0].jsonPatch: Required value: must be specified when patchType is JSONPatch",
			'spec.mutations[0].applyConfiguration: Invalid value: "{applyConfiguration}": must not be specified when patchType is JSONPatch',
		]);
		expect(
			problems(of("validatingadmissionpolicybindings"), object({ spec: { policyName: "p", validationActions: ["Deny", "Warn"] } })),
		).toEqual([
			'spec.validationActions: Invalid value: ["Deny","Warn"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
		]);
	});
});
