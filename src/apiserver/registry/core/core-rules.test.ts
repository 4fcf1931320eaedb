/** Rules of the core group's smaller kinds, one row a rule: what is wrong with a new object, and with a change. */
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { changeProblems, createProblems, defaulted, kindOf } from "../testing/kind-probe.ts";
import { coreKinds } from "./index.ts";

const metadata = { name: "a", namespace: "default" };
const object = (fields: object): KubeObject => ({ metadata, ...fields }) as KubeObject;
const qualified =
	"name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const base64 = (text: string) => Buffer.from(text).toString("base64");
const redacted = 'Invalid value: "<secret contents redacted>"';
const frozen = "field is immutable when `immutable` is set";
const onlyExists =
	"must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";

describe("a new object", () => {
	it.each<[string, object, readonly string[]]>([
		[
			"configmaps",
			{ data: { a: "1" }, binaryData: { a: "AA==", b: "" } },
			['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
		],
		[
			"secrets",
			{ type: "kubernetes.io/service-account-token" },
			["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
		],
		["secrets", { type: "kubernetes.io/dockercfg" }, ["data[.dockercfg]: Required value"]],
		["secrets", { type: "kubernetes.io/dockercfg", data: { ".dockercfg": base64("null") } }, []],
		[
			"secrets",
			{ type: "kubernetes.io/dockerconfigjson", data: { ".dockerconfigjson": base64("{") } },
			[`data[.dockerconfigjson]: ${redacted}: unexpected end of JSON input`],
		],
		[
			"secrets",
			{ type: "kubernetes.io/dockerconfigjson", data: { ".dockerconfigjson": base64("[]") } },
			[`data[.dockerconfigjson]: ${redacted}: json: cannot unmarshal array into Go value of type map[string]interface {}`],
		],
		["secrets", { type: "kubernetes.io/basic-auth" }, ["data[username]: Required value", "data[password]: Required value"]],
		["secrets", { type: "kubernetes.io/basic-auth", data: { password: "" } }, []],
		["secrets", { type: "kubernetes.io/ssh-auth", data: { "ssh-privatekey": "" } }, ["data[ssh-privatekey]: Required value"]],
		["secrets", { type: "kubernetes.io/tls" }, ["data[tls.crt]: Required value", "data[tls.key]: Required value"]],
		[
			"secrets",
			{ type: "example.com/any", data: { "a b": "" } },
			[
				"data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
			],
		],
		[
			"namespaces",
			{ spec: { finalizers: ["hold", "example.com/x"] } },
			['spec.finalizers: Invalid value: "hold": name is neither a standard finalizer name nor is it fully qualified'],
		],
		[
			"nodes",
			{
				spec: {
					taints: [
						{ key: "a", effect: "NoSchedule" },
						{ key: "a", value: "b", effect: "NoSchedule" },
						{ value: "-", effect: "Never" },
						{ key: "b" },
					],
				},
			},
			[
				'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"b","Effect":"NoSchedule","TimeAdded":null}: taints must be unique by key and effect pair',
				'metadata.taints[2].key: Invalid value: "": name part must be non-empty',
				`metadata.taints[2].key: Invalid value: "": ${qualified}`,
				"metadata.taints[2].value: Invalid value: \"-\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
				'metadata.taints[2].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
				"metadata.taints[3].effect: Required value",
			],
		],
		["nodes", { spec: { podCIDRs: ["10.0.0.0/24", "fd00::/64"] } }, []],
		[
			"nodes",
			{ spec: { podCIDRs: ["10.0.0.0/24", "10.0.0.0/24"] } },
			[
				'spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.0.0.0/24"]: may specify no more than one CIDR for each IP family',
				'spec.podCIDRs[1]: Duplicate value: "10.0.0.0/24"',
			],
		],
		[
			"endpoints",
			{
				subsets: [
					{},
					{
						addresses: [
							{ ip: "x", hostname: "A" },
							{ ip: "127.0.0.1", nodeName: "B" },
						],
						ports: [{ port: 0 }, { name: "b", port: 1, protocol: "X", appProtocol: "" }],
					},
				],
			},
			[
				"subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
				'subsets[1].addresses[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
				"subsets[1].addresses[0].hostname: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
				'subsets[1].addresses[0].ip: Invalid value: "x": must be a valid IP address',
				"subsets[1].addresses[1].nodeName: Invalid value: \"B\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')".replace(
					"\\\\",
					"\\",
				),
				'subsets[1].addresses[1].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
				"subsets[1].ports[0].name: Required value",
				"subsets[1].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
				'subsets[1].ports[1].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
				'subsets[1].ports[1].appProtocol: Invalid value: "": name part must be non-empty',
				`subsets[1].ports[1].appProtocol: Invalid value: "": ${qualified}`,
			],
		],
		[
			"events",
			{ involvedObject: { namespace: "other" } },
			['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
		],
		["events", { involvedObject: {} }, []],
		[
			"limitranges",
			{
				spec: {
					limits: [
						{ type: "" },
						{ type: "Disk" },
						{ type: "Pod", default: { cpu: "1" } },
						{ type: "Pod" },
						{ type: "PersistentVolumeClaim" },
					],
				},
			},
			[
				'spec.limits[0].type: Invalid value: "": name part must be non-empty',
				`spec.limits[0].type: Invalid value: "": ${qualified}`,
				'spec.limits[1].type: Invalid value: "Disk": must be a standard limit type or fully qualified',
				"spec.limits[2].default: Forbidden: may not be specified when `type` is 'Pod'",
				'spec.limits[3].type: Duplicate value: "Pod"',
				"spec.limits[4].limits: Required value: either minimum or maximum storage value is required, but neither was provided",
			],
		],
		[
			"limitranges",
			{ spec: { limits: [{ type: "Container", max: { storage: "1", pots: "1", "kubernetes.io/x": "1", "requests.a.io/x": "1" } }] } },
			[
				'spec.limits[0].max[storage]: Invalid value: "storage": must be a standard resource for containers',
				'spec.limits[0].max[pots]: Invalid value: "pots": must be a standard resource type or fully qualified',
				'spec.limits[0].max[pots]: Invalid value: "pots": must be a standard resource for containers',
				'spec.limits[0].max[requests.a.io/x]: Invalid value: "requests.a.io/x": doesn\'t follow extended resource name standard',
				'spec.limits[0].default[storage]: Invalid value: "storage": must be a standard resource for containers',
				'spec.limits[0].default[pots]: Invalid value: "pots": must be a standard resource type or fully qualified',
				'spec.limits[0].default[pots]: Invalid value: "pots": must be a standard resource for containers',
				'spec.limits[0].default[requests.a.io/x]: Invalid value: "requests.a.io/x": doesn\'t follow extended resource name standard',
				'spec.limits[0].defaultRequest[storage]: Invalid value: "storage": must be a standard resource for containers',
				'spec.limits[0].defaultRequest[pots]: Invalid value: "pots": must be a standard resource type or fully qualified',
				'spec.limits[0].defaultRequest[pots]: Invalid value: "pots": must be a standard resource for containers',
				'spec.limits[0].defaultRequest[requests.a.io/x]: Invalid value: "requests.a.io/x": doesn\'t follow extended resource name standard',
			],
		],
		[
			"limitranges",
			{
				spec: { limits: [{ type: "Container", min: { cpu: "2" }, max: { cpu: "1" }, maxLimitRequestRatio: { cpu: "500m", memory: "2" } }] },
			},
			[
				'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
				'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1',
				'spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 1',
				'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1',
			],
		],
		[
			"limitranges",
			{
				spec: {
					limits: [
						{
							type: "Container",
							min: { cpu: "1" },
							max: { cpu: "3" },
							default: { cpu: "4" },
							defaultRequest: { cpu: "5" },
							maxLimitRequestRatio: { cpu: "4" },
						},
					],
				},
			},
			[
				'spec.limits[0].defaultRequest[cpu]: Invalid value: "5": default request value 5 is greater than max value 3',
				'spec.limits[0].defaultRequest[cpu]: Invalid value: "5": default request value 5 is greater than default limit value 4',
				'spec.limits[0].default[cpu]: Invalid value: "3": default value 4 is greater than max value 3',
				'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "4": ratio 4 is greater than max/min = 3.000000',
			],
		],
		[
			"limitranges",
			{ spec: { limits: [{ type: "Container", default: { "a.io/gpu": "2" }, defaultRequest: { "a.io/gpu": "1" } }] } },
			['spec.limits[0].defaultRequest[a.io/gpu]: Invalid value: "1": default value 2 must equal to defaultRequest value 1 in a.io/gpu'],
		],
		[
			"resourcequotas",
			{ spec: { hard: { "count/jobs.batch": "1", pots: "1", storage: "1", pods: "1.5", cpu: "-1", "a.io/gpu": "500m" } } },
			[
				'spec.hard[pots]: Invalid value: "pots": must be a standard resource type or fully qualified',
				'spec.hard[pots]: Invalid value: "pots": must be a standard resource for quota',
				'spec.hard[storage]: Invalid value: "storage": must be a standard resource for quota',
				'spec.hard[pods]: Invalid value: "1.5": must be an integer',
				'spec.hard[cpu]: Invalid value: "-1": must be greater than or equal to 0',
				'spec.hard[a.io/gpu]: Invalid value: "500m": must be an integer',
			],
		],
		[
			"resourcequotas",
			{ spec: { hard: { secrets: "1" }, scopes: ["BestEffort", "NotBestEffort", "All"] } },
			[
				'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","All"]: unsupported scope applied to resource',
				'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","All"]: unsupported scope applied to resource',
				'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","All"]: unsupported scope',
				'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","All"]: conflicting scopes',
			],
		],
		[
			"resourcequotas",
			{
				spec: {
					hard: { pods: "1" },
					scopeSelector: {
						matchExpressions: [
							{ scopeName: "Terminating", operator: "In" },
							{ scopeName: "PriorityClass", operator: "Exists", values: ["a"] },
							{ scopeName: "All", operator: "Is" },
							{ scopeName: "VolumeAttributesClass", operator: "Exists" },
						],
					},
				},
			},
			[
				`spec.scopeSelector.matchExpressions.operator: Invalid value: "In": ${onlyExists}`,
				"spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
				"spec.scopeSelector.matchExpressions.values: Invalid value: [\"a\"]: must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
				'spec.scopeSelector.matchExpressions.scopeName: Invalid value: "All": unsupported scope',
				'spec.scopeSelector.matchExpressions.operator: Invalid value: "Is": not a valid selector operator',
				'spec.scopeSelector.matchExpressions: Invalid value: {"MatchExpressions":[{"ScopeName":"Terminating","Operator":"In","Values":null},{"ScopeName":"PriorityClass","Operator":"Exists","Values":["a"]},{"ScopeName":"All","Operator":"Is","Values":null},{"ScopeName":"VolumeAttributesClass","Operator":"Exists","Values":null}]}: unsupported scope applied to resource',
			],
		],
	])("of %s %j", (resource, fields, expected) => {
		expect(createProblems(kindOf(coreKinds, resource), object(fields))).toEqual(expected);
	});
});

describe("a change", () => {
	const configMap = { uid: "u", namespace: "kube-system", name: "kubelet", kubeletConfigKey: "config" };
	it.each<[string, object, object, readonly string[]]>([
		[
			"configmaps",
			{ data: { a: "2" } },
			{ data: { a: "1" }, binaryData: { b: "" }, immutable: true },
			[`immutable: Forbidden: ${frozen}`, `data: Forbidden: ${frozen}`, `binaryData: Forbidden: ${frozen}`],
		],
		["secrets", { type: "b" }, { type: "a" }, ['type: Invalid value: "b": field is immutable']],
		["namespaces", { spec: {} }, { spec: { finalizers: ["hold"] } }, []],
		[
			"nodes",
			{ spec: { podCIDR: "10.1.0.0/24" } },
			{ spec: { podCIDR: "10.0.0.0/24" } },
			['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
		],
		["nodes", { spec: { podCIDR: "10.1.0.0/24", providerID: "a" } }, { spec: {} }, []],
		[
			"nodes",
			{ spec: { providerID: "b", externalID: "x" } },
			{ spec: { providerID: "a" } },
			[
				'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid',
				"spec.externalID: Forbidden: may not be updated",
			],
		],
		[
			"nodes",
			{ spec: { configSource: {} } },
			{ spec: {} },
			['spec.configSource: Invalid value: {"ConfigMap":null}: exactly one reference subfield must be non-nil'],
		],
		[
			"nodes",
			{ spec: { configSource: { configMap } } },
			{ spec: {} },
			["spec.configSource.configMap.uid: Forbidden: uid must not be set in spec"],
		],
		[
			"endpoints",
			{ subsets: [{ addresses: [{ ip: "010.0.0.1" }] }] },
			{ subsets: [{ addresses: [{ ip: "010.0.0.1" }] }] },
			['subsets[0].addresses[0].ip: Invalid value: "010.0.0.1": must be a valid IP address'],
		],
		["resourcequotas", { spec: { scopes: ["Terminating", "BestEffort"] } }, { spec: { scopes: ["BestEffort", "Terminating"] } }, []],
		[
			"resourcequotas",
			{ spec: { scopes: ["BestEffort"] } },
			{ spec: {} },
			['spec.scopes: Invalid value: ["BestEffort"]: field is immutable'],
		],
	])("of %s to %j from %j", (resource, fields, old, expected) => {
		const kind = kindOf(coreKinds, resource);
		expect(changeProblems(kind, object(fields), defaulted(kind, object(old)))).toEqual(expected);
	});
});

describe("a status", () => {
	it.each<[string, object, readonly string[]]>([
		[
			"nodes",
			{
				capacity: { cpu: "-1" },
				addresses: [
					{ type: "InternalIP", address: "10.0.0.1" },
					{ type: "InternalIP", address: "10.0.0.1" },
				],
			},
			[
				'status.capacity.cpu: Invalid value: "-1": must be greater than or equal to 0',
				'status.addresses[1]: Duplicate value: {"Type":"InternalIP","Address":"10.0.0.1"}',
			],
		],
		[
			"nodes",
			{ config: { active: { configMap: { namespace: "a", name: "B" } } } },
			[
				"status.config.active.configMap.uid: Required value: uid must be set in status",
				"status.config.active.configMap.resourceVersion: Required value: resourceVersion must be set in status",
				"status.config.active.configMap.name: Invalid value: \"B\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
				"status.config.active.configMap.kubeletConfigKey: Required value: kubeletConfigKey must be set",
			],
		],
		[
			"resourcequotas",
			{ hard: { pots: "1" }, used: { pods: "-1" } },
			[
				'status.hard[pots]: Invalid value: "pots": must be a standard resource type or fully qualified',
				'status.hard[pots]: Invalid value: "pots": must be a standard resource for quota',
				'status.used[pods]: Invalid value: "-1": must be greater than or equal to 0',
			],
		],
	])("of %s %j", (resource, status, expected) => {
		const kind = kindOf(coreKinds, resource);
		expect(kind.validateStatusUpdate?.(object({ status }), object({})).map(String)).toEqual(expected);
	});
});

it.each<[string, object, readonly string[]]>([
	[
		"nodes",
		{ spec: { configSource: {}, externalID: "x" } },
		["spec.configSource: the feature is removed", "spec.externalID: this field is deprecated, and is unused by Kubernetes"],
	],
	[
		"endpoints",
		{ subsets: [{ notReadyAddresses: [{ ip: "FD00::1" }] }] },
		['subsets[0].notReadyAddresses[0].ip: IPv6 address "FD00::1" should be in RFC 5952 canonical format ("fd00::1")'],
	],
])("warns of %s %j", (resource, fields, expected) => {
	expect(kindOf(coreKinds, resource).warnings?.(object(fields))).toEqual(expected);
});
