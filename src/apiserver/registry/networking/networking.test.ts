import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { changeProblems, created, createProblems, defaulted, kindOf, printed, problems, updateProblems } from "../testing/kind-probe.ts";
import { networkingKinds } from "./index.ts";

const metadata = { name: "web", namespace: "default", creationTimestamp: created };
const of = (resource: string) => kindOf(networkingKinds, resource);
const backend = { service: { name: "web", port: { number: 80 } } };
const object = (fields: object): KubeObject => ({ metadata, ...fields });

describe("Ingress", () => {
	const kind = of("ingresses");
	const rule = (host: string) => ({ host, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } });

	it("prints hosts, at most three, its address and whether it speaks TLS", () => {
		const spec = { ingressClassName: "nginx", rules: ["a.io", "b.io", "c.io", "d.io", "e.io"].map(rule), tls: [{}] };
		expect(printed(kind, object({ spec, status: { loadBalancer: { ingress: [{ ip: "10.0.0.1" }] } } }))).toBe(
			"NAME | CLASS | HOSTS | ADDRESS | PORTS | AGE\nweb | nginx | a.io,b.io,c.io + 2 more... | 10.0.0.1 | 80, 443 | 5m",
		);
		expect(printed(kind, object({ spec: { defaultBackend: backend } }))).toBe(
			"NAME | CLASS | HOSTS | ADDRESS | PORTS | AGE\nweb | <none> | * |  | 80 | 5m",
		);
	});

	it("says what is wrong in Kubernetes' words", () => {
		expect(problems(kind, object({ spec: {} }))).toEqual([
			"spec: Invalid value: null: either `defaultBackend` or `rules` must be specified",
		]);
		const paths = [
			{ path: "shop", pathType: "Prefix", backend },
			{ path: "/a//b", pathType: "Exact", backend: {} },
			{ backend },
			{ path: "/", pathType: "Regex", backend: { service: { name: "Web", port: {} } } },
		];
		expect(problems(kind, object({ spec: { rules: [{ host: "10.0.0.1", http: { paths } }] } }))).toEqual([
			'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
			'spec.rules[0].http.paths[0].path: Invalid value: "shop": must be an absolute path',
			"spec.rules[0].http.paths[1].path: Invalid value: \"/a//b\": must not contain '//'",
			'spec.rules[0].http.paths[1].backend: Invalid value: "": resource or service backend is required',
			"spec.rules[0].http.paths[2].pathType: Required value: pathType must be specified",
			'spec.rules[0].http.paths[3].pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"',
			"spec.rules[0].http.paths[3].backend.service.name: Invalid value: \"Web\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
			"spec.rules[0].http.paths[3].backend: Required value: port name or number is required",
		]);
	});
});

describe("NetworkPolicy", () => {
	const kind = of("networkpolicies");

	it("is for ingress, and for egress if it has rules for it", () => {
		expect(defaulted(kind, object({ spec: { podSelector: {} } }))).toEqual(object({ spec: { podSelector: {}, policyTypes: ["Ingress"] } }));
		const egress = [{ ports: [{ port: 53 }] }];
		expect(defaulted(kind, object({ spec: { podSelector: {}, egress } }))).toEqual(
			object({ spec: { podSelector: {}, egress: [{ ports: [{ port: 53, protocol: "TCP" }] }], policyTypes: ["Ingress", "Egress"] } }),
		);
	});

	it("prints its pod selector", () => {
		const spec = { podSelector: { matchLabels: { app: "web" } } };
		expect(printed(kind, object({ spec }))).toBe("NAME | POD-SELECTOR | AGE\nweb | app=web | 5m");
		expect(printed(kind, object({ spec: { podSelector: {} } }))).toBe("NAME | POD-SELECTOR | AGE\nweb | <none> | 5m");
	});

	it("refuses bad peers, ports and ranges", () => {
		const ingress = [
			{
				from: [{}, { ipBlock: { cidr: "10.0.0.0/33" } }, { ipBlock: { cidr: "10.0.0.0/24", except: ["10.0.1.0/28"] } }],
				ports: [{ port: 80, endPort: 79 }, { port: "http", endPort: 90 }, { protocol: "ICMP" }],
			},
		];
		expect(problems(kind, object({ spec: { podSelector: {}, ingress, policyTypes: ["Both"] } }))).toEqual([
			"spec.ingress[0].ports[0].endPort: Invalid value: 79: must be greater than or equal to `port`",
			"spec.ingress[0].ports[1].endPort: Invalid value: 90: may not be specified when `port` is non-numeric",
			'spec.ingress[0].ports[2].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"',
			"spec.ingress[0].from[0]: Required value: must specify a peer",
			'spec.ingress[0].from[1].ipBlock.cidr: Invalid value: "10.0.0.0/33": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
			'spec.ingress[0].from[2].ipBlock.except[0]: Invalid value: "10.0.1.0/28": must be a strict subset of `cidr`',
			'spec.policyTypes[0]: Unsupported value: "Both": supported values: "Ingress", "Egress"',
		]);
	});
});

describe("IngressClass", () => {
	const kind = of("ingressclasses");
	const parameters = { apiGroup: "k8s.example.com", kind: "IngressParameters", name: "external" };

	it("prints its controller and parameters", () => {
		expect(printed(kind, object({ spec: { controller: "example.com/ingress", parameters } }))).toBe(
			"NAME | CONTROLLER | PARAMETERS | AGE\nweb | example.com/ingress | IngressParameters.k8s.example.com/external | 5m",
		);
	});

	it("keeps its controller", () => {
		expect(updateProblems(kind, object({ spec: { controller: "b.io/x" } }), object({ spec: { controller: "a.io/x" } }))).toEqual([
			'spec.controller: Invalid value: "b.io/x": field is immutable',
		]);
		expect(problems(kind, object({ spec: { controller: "nginx" } }))).toEqual([
			'spec.controller: Invalid value: "nginx": must be a domain-prefixed path (such as "acme.io/foo")',
		]);
	});
});

describe("ServiceCIDR and IPAddress", () => {
	it("print as kubectl shows them", () => {
		expect(printed(of("servicecidrs"), object({ spec: { cidrs: ["10.96.0.0/12", "2001:db8::/64"] } }))).toBe(
			"NAME | CIDRS | AGE\nweb | 10.96.0.0/12,2001:db8::/64 | 5m",
		);
		const parentRef = { resource: "services", namespace: "default", name: "kubernetes" };
		expect(printed(of("ipaddresses"), { metadata: { name: "10.96.0.1" }, spec: { parentRef } } as KubeObject)).toBe(
			"NAME | PARENTREF\n10.96.0.1 | services/default/kubernetes",
		);
	});

	it("take at most one range of each family, without host bits, and may only gain one", () => {
		const kind = of("servicecidrs");
		const cidrs = (...list: string[]) => object({ spec: { cidrs: list } });
		expect(problems(kind, cidrs("10.96.0.1/12"))).toEqual([
			'spec.cidrs[0]: Invalid value: "10.96.0.1/12": must not have bits set beyond the prefix length',
		]);
		expect(problems(kind, cidrs("10.96.0.0/12", "10.0.0.0/24"))).toEqual([
			'spec.cidrs: Invalid value: ["10.96.0.0/12","10.0.0.0/24"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
		]);
		expect(changeProblems(kind, cidrs("10.96.0.0/12", "2001:db8::/64"), cidrs("10.96.0.0/12"))).toEqual([]);
		expect(changeProblems(kind, cidrs("10.0.0.0/24"), cidrs("10.96.0.0/12"))).toEqual([
			'spec.cidrs[0]: Invalid value: "10.0.0.0/24": field is immutable',
		]);
	});
});

const subdomain =
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

describe("a new object", () => {
	const parentRef = { resource: "services", name: "a" };
	it.each<[string, object, readonly string[]]>([
		[
			"ingresses",
			{ spec: { defaultBackend: { resource: { kind: "A/b", name: "" }, service: undefined } } },
			[
				"spec.defaultBackend.resource.kind: Invalid value: \"A/b\": may not contain '/'",
				"spec.defaultBackend.resource.name: Required value",
			],
		],
		[
			"ingresses",
			{ spec: { defaultBackend: { resource: { kind: "A", name: "a" }, service: {} } } },
			['spec.defaultBackend: Invalid value: "": cannot set both resource and service backends'],
		],
		[
			"ingresses",
			{ spec: { defaultBackend: { service: { name: "1a", port: { name: "web", number: 1 } } } } },
			['spec.defaultBackend: Invalid value: "": cannot set both port name & port number'],
		],
		[
			"ingresses",
			{
				spec: { rules: [{ host: "*.io", http: {} }, { host: "a.*.io" }], ingressClassName: "A", tls: [{ hosts: ["A"], secretName: "B" }] },
			},
			[
				"spec.rules[0].http.paths: Required value",
				"spec.rules[1].host: Invalid value: \"a.*.io\": a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
				`spec.tls[0].hosts[0]: Invalid value: "A": ${subdomain}`,
				`spec.tls[0].secretName: Invalid value: "B": ${subdomain}`,
				`spec.ingressClassName: Invalid value: "A": ${subdomain}`,
			],
		],
		[
			"ingressclasses",
			{ spec: { controller: "", parameters: { kind: "A", name: "a", scope: "Namespace" } } },
			["spec.controller: Required value", "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
		],
		[
			"ingressclasses",
			{ spec: { controller: "a.io/b", parameters: { kind: "A", name: "a", namespace: "b" } } },
			["spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"],
		],
		[
			"ingressclasses",
			{ spec: { controller: "a.io/b", parameters: { kind: "A", name: "a", scope: "World" } } },
			['spec.parameters.scope: Unsupported value: "World": supported values: "Cluster", "Namespace"'],
		],
		[
			"networkpolicies",
			{ spec: { podSelector: {}, policyTypes: ["Ingress", "Egress", "Ingress"] } },
			['spec.policyTypes: Invalid value: ["Ingress","Egress","Ingress"]: may not specify more than two policyTypes'],
		],
		[
			"networkpolicies",
			{
				spec: {
					podSelector: {},
					egress: [{ to: [{ ipBlock: {}, podSelector: {} }, { ipBlock: { cidr: "10.0.0.1/8" } }], ports: [{ endPort: 1 }] }],
				},
			},
			[
				"spec.egress[0].ports[0].endPort: Invalid value: 1: may not be specified when `port` is not specified",
				"spec.egress[0].to[0].ipBlock.cidr: Required value",
				"spec.egress[0].to[0]: Forbidden: may not specify both ipBlock and another peer",
				'spec.egress[0].to[1].ipBlock.cidr: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length',
			],
		],
		["ipaddresses", { spec: {} }, ["spec.parentRef: Required value"]],
		[
			"ipaddresses",
			{ spec: { parentRef: { group: "A", namespace: "a/b" } } },
			[
				`spec.parentRef.group: Invalid value: "A": ${subdomain}`,
				"spec.parentRef.resource: Required value",
				"spec.parentRef.name: Required value",
				"spec.parentRef.namespace: Invalid value: \"a/b\": may not contain '/'",
			],
		],
		["ipaddresses", { spec: { parentRef } }, []],
		["servicecidrs", { spec: {} }, ["spec.cidrs: Required value: at least one CIDR required"]],
		[
			"servicecidrs",
			{ spec: { cidrs: ["10.0.0.0/8", "FD00::/64"] } },
			['spec.cidrs[1]: Invalid value: "FD00::/64": must be in canonical form ("fd00::/64")'],
		],
		[
			"servicecidrs",
			{ spec: { cidrs: ["10.0.0.0/8", "a", "b"] } },
			['spec.cidrs: Invalid value: {"CIDRs":["10.0.0.0/8","a","b"]}: may only hold up to 2 values'],
		],
	])("of %s %j", (resource, fields, expected) => {
		expect(createProblems(of(resource), object(fields))).toEqual(expected);
	});

	it("of IPAddress is named by an address in its canonical form", () => {
		const rule = of("ipaddresses").validateName;
		expect(["fd00::1", "FD00::1", "010.0.0.1"].map((name) => rule?.(name, false))).toEqual([
			[],
			['must be in canonical form ("fd00::1")'],
			["must not have leading 0s"],
		]);
	});
});

describe("a change", () => {
	const block = (cidr: string) => ({ spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr } }] }] } });
	it.each<[string, object, object, readonly string[]]>([
		["networkpolicies", block("10.0.0.1/8"), block("10.0.0.1/8"), []],
		[
			"networkpolicies",
			block("10.0.0.2/8"),
			block("10.0.0.1/8"),
			['spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.0.0.2/8": must not have bits set beyond the prefix length'],
		],
		[
			"ipaddresses",
			{ spec: { parentRef: { resource: "a", name: "b" } } },
			{ spec: { parentRef: { resource: "a", name: "a" } } },
			['spec.parentRef: Invalid value: {"resource":"a","name":"b"}: field is immutable'],
		],
		["servicecidrs", { spec: { cidrs: [] } }, { spec: { cidrs: ["10.0.0.0/8"] } }, ["spec.cidrs: Invalid value: []: field is immutable"]],
	])("of %s to %j from %j", (resource, fields, old, expected) => {
		expect(changeProblems(of(resource), object(fields), object(old))).toEqual(expected);
	});
});

it("warns of ranges in unusual forms", () => {
	const ingress = [{ from: [{ ipBlock: { cidr: "FD00::/64", except: ["FD00::/80"] } }] }];
	expect(of("networkpolicies").warnings?.(object({ spec: { ingress } }))).toEqual([
		'spec.ingress[0].from[0].ipBlock.cidr: IPv6 CIDR value "FD00::/64" should be in RFC 5952 canonical format ("fd00::/64")',
		'spec.ingress[0].from[0].ipBlock.except[0]: IPv6 CIDR value "FD00::/80" should be in RFC 5952 canonical format ("fd00::/80")',
	]);
});
