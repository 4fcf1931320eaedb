/**
 * What Kubernetes says of each wrong field of a review of access, one row a rule.
 * Source: pkg/apis/authorization/validation/validation.go of Kubernetes 1.36.
 */
import { expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { kindOf, problems } from "../testing/kind-probe.ts";
import { authorizationKinds } from "./index.ts";

const resourceAttributes = { verb: "get", resource: "pods", namespace: "a" };
const nonResourceAttributes = { path: "/healthz", verb: "get" };
const self = "selfsubjectaccessreviews";
const other = "subjectaccessreviews";
const local = "localsubjectaccessreviews";
const selecting = (fieldSelector: object) => ({ resourceAttributes: { ...resourceAttributes, fieldSelector } });
const labelled = (requirement: object) => ({
	resourceAttributes: { ...resourceAttributes, labelSelector: { requirements: [requirement] } },
});
const F = "spec.resourceAttributes.fieldSelector";
const L = "spec.resourceAttributes.labelSelector.requirements[0]";

it.each<readonly [resource: string, spec: object, metadata: object, errors: readonly string[]]>([
	[self, { resourceAttributes }, {}, []],
	[self, { nonResourceAttributes }, {}, []],
	[
		self,
		{},
		{},
		["spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified"],
	],
	[
		self,
		{ resourceAttributes, nonResourceAttributes },
		{},
		[
			'spec.nonResourceAttributes: Invalid value: {"Path":"/healthz","Verb":"get"}: cannot be specified in combination with resourceAttributes',
		],
	],
	[self, { resourceAttributes }, { name: "a" }, ['metadata: Invalid value: {"name":"a"}: must be empty']],
	[other, { resourceAttributes, user: "alice" }, {}, []],
	[other, { resourceAttributes, groups: ["dev"] }, {}, []],
	[other, { resourceAttributes }, {}, ['spec.user: Invalid value: "": at least one of user or group must be specified']],
	[other, { resourceAttributes, user: "alice" }, { labels: { a: "b" } }, ['metadata: Invalid value: {"labels":{"a":"b"}}: must be empty']],
	[local, { resourceAttributes, user: "alice" }, { namespace: "a" }, []],
	[
		local,
		{ resourceAttributes, user: "alice" },
		{ namespace: "b" },
		['spec.resourceAttributes.namespace: Invalid value: "a": must match metadata.namespace'],
	],
	[
		local,
		{ nonResourceAttributes, user: "alice" },
		{ namespace: "a" },
		['spec.nonResourceAttributes: Invalid value: {"Path":"/healthz","Verb":"get"}: disallowed on this kind of request'],
	],
	[
		local,
		{ resourceAttributes, user: "alice" },
		{ namespace: "a", name: "b" },
		['metadata: Invalid value: {"namespace":"a","name":"b"}: must be empty except for namespace'],
	],
	...[other, local].map(
		(resource) =>
			[
				resource,
				{ ...selecting({}), nonResourceAttributes },
				{ namespace: "a" },
				[
					'spec.nonResourceAttributes: Invalid value: {"Path":"/healthz","Verb":"get"}: cannot be specified in combination with resourceAttributes',
					'spec.user: Invalid value: "": at least one of user or group must be specified',
					`${F}.requirements: Required value: when ${F} is specified, requirements or rawSelector is required`,
					resource === other
						? 'metadata: Invalid value: {"namespace":"a"}: must be empty'
						: 'spec.nonResourceAttributes: Invalid value: {"Path":"/healthz","Verb":"get"}: disallowed on this kind of request',
				],
			] as const,
	),
	[self, selecting({ rawSelector: "a=b" }), {}, []],
	[self, selecting({ requirements: [{ key: "a", operator: "Near" }] }), {}, []],
	[self, selecting({}), {}, [`${F}.requirements: Required value: when ${F} is specified, requirements or rawSelector is required`]],
	[
		self,
		selecting({ rawSelector: "a=b", requirements: [{ key: "a", operator: "Exists" }] }),
		{},
		[`${F}.rawSelector: Invalid value: "a=b": may not specified at the same time as requirements`],
	],
	[
		self,
		selecting({ requirements: [{ key: "", operator: "Exists" }] }),
		{},
		[`${F}.requirements[0].key: Required value: must be specified`],
	],
	[
		self,
		labelled({ key: "a", operator: "In" }),
		{},
		[`${L}.values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`],
	],
	[
		self,
		labelled({ key: "a", operator: "Exists", values: ["b"] }),
		{},
		[`${L}.values: Forbidden: may not be specified when \`operator\` is 'Exists' or 'DoesNotExist'`],
	],
])("%s %j %j", (resource, spec, metadata, errors) => {
	expect(problems(kindOf(authorizationKinds, resource), { metadata, spec } as KubeObject)).toEqual(errors);
});
