import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { Service } from "../../../apimachinery/schema/generated/types.ts";
import { changeProblems, created, createProblems, defaulted, nowMs, printed, stored } from "../testing/kind-probe.ts";
import { serviceKind } from "./service.ts";

const metadata = { name: "web", namespace: "default", creationTimestamp: created };
const ports = [{ port: 80 }];
const service = (spec: object, status?: object): KubeObject =>
	({ metadata, spec, ...(status === undefined ? {} : { status }) }) as KubeObject;
const addresses = { clusterIP: "10.96.0.5", clusterIPs: ["10.96.0.5"], ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" };
const dual = {
	clusterIP: "10.96.0.5",
	clusterIPs: ["10.96.0.5", "fd00::5"],
	ipFamilies: ["IPv4", "IPv6"],
	ipFamilyPolicy: "PreferDualStack",
};
/** A Service as it is stored. */
const allocated = (spec: object): KubeObject => defaulted(serviceKind, service({ ...addresses, ...spec }));
function updated(spec: object, old: KubeObject): Service["spec"] {
	const prepared: Service | undefined = serviceKind.prepareForUpdate?.(defaulted(serviceKind, service(spec)), old, { nowMs });
	return prepared?.spec;
}

describe("defaults of a Service", () => {
	it("fills in a minimal one", () => {
		expect(stored(serviceKind, service({ ports }))).toEqual({
			metadata,
			spec: {
				internalTrafficPolicy: "Cluster",
				ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
				sessionAffinity: "None",
				type: "ClusterIP",
			},
			status: { loadBalancer: {} },
		});
	});

	it("fills in what a load balancer and sticky clients need", () => {
		expect((defaulted(serviceKind, service({ type: "LoadBalancer", sessionAffinity: "ClientIP" })) as Service).spec).toEqual({
			allocateLoadBalancerNodePorts: true,
			externalTrafficPolicy: "Cluster",
			internalTrafficPolicy: "Cluster",
			sessionAffinity: "ClientIP",
			sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } },
			type: "LoadBalancer",
		});
		expect((defaulted(serviceKind, service({ type: "ExternalName", externalName: "a.io" })) as Service).spec).toEqual({
			externalName: "a.io",
			sessionAffinity: "None",
			type: "ExternalName",
		});
		expect((defaulted(serviceKind, service({ clusterIP: "None", sessionAffinityConfig: {} })) as Service).spec).toEqual({
			clusterIP: "None",
			internalTrafficPolicy: "Cluster",
			sessionAffinity: "None",
			type: "ClusterIP",
		});
	});
});

describe("kubectl get services", () => {
	it.each([
		[{ type: "ClusterIP", clusterIPs: ["10.96.0.5"], ports: [{ port: 80, protocol: "TCP" }] }, "ClusterIP | 10.96.0.5 | <none> | 80/TCP"],
		[{ type: "ClusterIP", clusterIPs: ["None"], externalIPs: ["1.2.3.4"] }, "ClusterIP | None | 1.2.3.4 | <none>"],
		[
			{ type: "NodePort", clusterIPs: ["10.96.0.5"], ports: [{ port: 80, nodePort: 30080, protocol: "TCP" }] },
			"NodePort | 10.96.0.5 | <none> | 80:30080/TCP",
		],
		[{ type: "LoadBalancer", clusterIPs: ["10.96.0.5"] }, "LoadBalancer | 10.96.0.5 | <pending> | <none>"],
		[{ type: "ExternalName", externalName: "a.io" }, "ExternalName | <none> | a.io | <none>"],
	])("prints %j", (spec, expected) => {
		expect(printed(serviceKind, service(spec))).toBe(
			`NAME | TYPE | CLUSTER-IP | EXTERNAL-IP | PORT(S) | AGE | (SELECTOR)\nweb | ${expected} | 5m | <none>`,
		);
	});

	it("prints the addresses of a load balancer", () => {
		const spec = { type: "LoadBalancer", selector: { tier: "web", app: "shop" }, externalIPs: ["9.9.9.9"] };
		const status = { loadBalancer: { ingress: [{ ip: "1.1.1.2" }, { hostname: "lb.io" }, { ip: "1.1.1.1" }] } };
		expect(printed(serviceKind, service(spec, status)).split("\n")[1]).toBe(
			"web | LoadBalancer | <none> | 1.1.1.1,1.1.1.2,lb.io,9.9.9.9 | <none> | 5m | app=shop,tier=web",
		);
	});
});

const onlyForBalancers = "may only be used when `type` is 'LoadBalancer'";
const ipText = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

describe("what is wrong with a Service", () => {
	it.each<[string, object, readonly string[]]>([
		["no ports", {}, ["spec.ports: Required value"]],
		["a headless one without ports", { clusterIP: "None" }, []],
		[
			"ports that share names, numbers and node ports",
			{
				type: "NodePort",
				ports: [
					{ port: 80, nodePort: 30080 },
					{ port: 80, nodePort: 30080, name: "a", appProtocol: "example.com/-" },
					{ port: 0, name: "a", protocol: "X", targetPort: 99999 },
					{ port: 1, name: "A", targetPort: "no_name" },
				],
			},
			[
				"spec.ports[0].name: Required value",
				"spec.ports[1].appProtocol: Invalid value: \"example.com/-\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
				'spec.ports[2].name: Duplicate value: "a"',
				"spec.ports[2].port: Invalid value: 0: must be between 1 and 65535, inclusive",
				'spec.ports[2].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
				"spec.ports[2].targetPort: Invalid value: 99999: must be between 1 and 65535, inclusive",
				"spec.ports[3].name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
				'spec.ports[3].targetPort: Invalid value: "no_name": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
				"spec.ports[1].nodePort: Duplicate value: 30080",
				'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
			],
		],
		[
			"a port of two protocols",
			{
				ports: [
					{ name: "a", port: 53 },
					{ name: "b", port: 53, protocol: "UDP" },
				],
			},
			[],
		],
		[
			"a type that nobody knows",
			{ type: "Cluster", ports },
			['spec.type: Unsupported value: "Cluster": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'],
		],
		[
			"a headless one on node ports",
			{ type: "NodePort", clusterIP: "None", ports },
			["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"],
		],
		["a name that is none", { type: "ExternalName" }, ["spec.externalName: Required value"]],
		["a name with its dot", { type: "ExternalName", externalName: "db.example.com." }, []],
		[
			"a name with addresses",
			{ type: "ExternalName", externalName: "a.io", clusterIP: "10.96.0.5", ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" },
			[
				"spec.clusterIPs: Forbidden: may not be set for ExternalName services",
				"spec.ipFamilies: Forbidden: may not be set for ExternalName services",
				"spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services",
			],
		],
		[
			"a node port without its type",
			{ ports: [{ port: 80, nodePort: 30080 }] },
			["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
		],
		[
			"a traffic policy for traffic that does not come",
			{ ports, externalTrafficPolicy: "Local" },
			['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
		],
		[
			"traffic policies that nobody knows",
			{ ports, externalIPs: ["1.2.3.4"], externalTrafficPolicy: "L", internalTrafficPolicy: "I", trafficDistribution: "Near" },
			[
				'spec.externalTrafficPolicy: Unsupported value: "L": supported values: "Cluster", "Local"',
				'spec.internalTrafficPolicy: Unsupported value: "I": supported values: "Cluster", "Local"',
				'spec.trafficDistribution: Unsupported value: "Near": supported values: "PreferClose", "PreferSameNode", "PreferSameZone"',
			],
		],
		[
			"addresses that are none or lead nowhere",
			{ ports, clusterIP: "10.96", externalIPs: ["x", "127.0.0.1", "0.0.0.0", "169.254.1.1", "010.0.0.1"] },
			[
				`spec.clusterIPs[0]: Invalid value: "10.96": ${ipText}`,
				`spec.externalIPs[0]: Invalid value: "x": ${ipText}`,
				'spec.externalIPs[1]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
				'spec.externalIPs[2]: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)',
				'spec.externalIPs[3]: Invalid value: "169.254.1.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
				'spec.externalIPs[4]: Invalid value: "010.0.0.1": must not have leading 0s',
			],
		],
		[
			"only the list of addresses",
			{ ports, clusterIPs: ["10.96.0.5"] },
			['spec.clusterIPs: Invalid value: ["10.96.0.5"]: must be empty when `clusterIP` is not specified'],
		],
		[
			"another address than the list's first",
			{ ports, clusterIP: "10.96.0.5", clusterIPs: ["10.96.0.6"] },
			['spec.clusterIPs: Invalid value: ["10.96.0.6"]: first value must match `clusterIP`'],
		],
		[
			"None and an address",
			{ ports, clusterIP: "None", clusterIPs: ["None", "10.96.0.5"] },
			['spec.clusterIPs: Invalid value: ["None","10.96.0.5"]: \'None\' must be the first and only value'],
		],
		[
			"three addresses",
			{ ports, clusterIP: "10.96.0.5", clusterIPs: ["10.96.0.5", "fd00::5", "10.96.0.6"] },
			['spec.clusterIPs: Invalid value: ["10.96.0.5","fd00::5","10.96.0.6"]: may only hold up to 2 values'],
		],
		[
			"two addresses of one family",
			{ ports, clusterIP: "10.96.0.5", clusterIPs: ["10.96.0.5", "10.96.0.6"] },
			['spec.clusterIPs: Invalid value: ["10.96.0.5","10.96.0.6"]: may specify no more than one IP for each IP family'],
		],
		[
			"families that contradict",
			{ ports, clusterIP: "10.96.0.5", ipFamilies: ["IPv6", "IPv6", "IPv5"], ipFamilyPolicy: "Both" },
			[
				'spec.ipFamilies[1]: Duplicate value: "IPv6"',
				'spec.ipFamilies[2]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"',
				'spec.ipFamilyPolicy: Unsupported value: "Both": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"',
				'spec.clusterIPs[0]: Invalid value: "10.96.0.5": expected an IPv6 value as indicated by `ipFamilies[0]`',
			],
		],
		[
			"stickiness that nobody knows",
			{ ports, sessionAffinity: "Cookie" },
			['spec.sessionAffinity: Unsupported value: "Cookie": supported values: "ClientIP", "None"'],
		],
		[
			"stickiness of more than a day",
			{ ports, sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_401 } } },
			["spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400"],
		],
		[
			"what only load balancers have",
			{
				ports,
				allocateLoadBalancerNodePorts: false,
				loadBalancerClass: "example.com/lb",
				loadBalancerSourceRanges: ["10.0.0.0/8"],
				healthCheckNodePort: 30000,
			},
			[
				`spec.LoadBalancerSourceRanges: Forbidden: ${onlyForBalancers}`,
				`spec.allocateLoadBalancerNodePorts: Forbidden: ${onlyForBalancers}`,
				`spec.loadBalancerClass: Forbidden: ${onlyForBalancers}`,
				"spec.healthCheckNodePort: Invalid value: 30000: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
			],
		],
		[
			"a load balancer's own",
			{
				type: "LoadBalancer",
				ports,
				loadBalancerClass: "a/b/c",
				loadBalancerSourceRanges: [" 10.0.0.0/8 ", "10.0.0.1/8", "010.0.0.0/8", "10.0.0.0"],
				externalTrafficPolicy: "Local",
				healthCheckNodePort: 70_000,
			},
			[
				'spec.LoadBalancerSourceRanges[1]: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length',
				'spec.LoadBalancerSourceRanges[2]: Invalid value: "010.0.0.0/8": must not have leading 0s in IP or prefix length',
				'spec.LoadBalancerSourceRanges[3]: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
				"spec.loadBalancerClass: Invalid value: \"a/b/c\": a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
				"spec.healthCheckNodePort: Invalid value: 70000: must be between 1 and 65535, inclusive",
			],
		],
	])("%s", (_, spec, expected) => {
		expect(createProblems(serviceKind, service(spec))).toEqual(expected);
	});

	it("reads annotations that came before fields", () => {
		const annotations = {
			"service.kubernetes.io/topology-aware-hints": "auto",
			"service.kubernetes.io/topology-mode": "Disabled",
			"service.beta.kubernetes.io/load-balancer-source-ranges": "10.0.0.0/8, x",
		};
		expect(createProblems(serviceKind, { metadata: { ...metadata, annotations }, spec: { ports } } as KubeObject)).toEqual([
			'metadata.annotations[service.kubernetes.io/topology-mode]: Invalid value: "Disabled": must match annotations[service.kubernetes.io/topology-aware-hints] when both are specified',
			`metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]: Forbidden: ${onlyForBalancers}`,
			'metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
		]);
	});
});

describe("what a Service may not become", () => {
	const balancer = { type: "LoadBalancer", ports };
	it.each<[string, object, KubeObject, readonly string[]]>([
		["the same", { ports }, allocated({ ports }), []],
		[
			"another address",
			{ ports, clusterIP: "10.96.0.6" },
			allocated({ ports }),
			['spec.clusterIPs[0]: Invalid value: ["10.96.0.6"]: may not change once set'],
		],
		[
			"headless",
			{ ports, clusterIP: "None" },
			allocated({ ports }),
			['spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set'],
		],
		["an external name", { type: "ExternalName", externalName: "a.io" }, allocated({ ports }), []],
		[
			"of another family",
			{ ports, ipFamilies: ["IPv6"], ipFamilyPolicy: "SingleStack" },
			allocated({ ports }),
			[
				'spec.ipFamilies[0]: Invalid value: ["IPv6"]: may not change once set',
				'spec.clusterIPs[0]: Invalid value: "10.96.0.5": expected an IPv6 value as indicated by `ipFamilies[0]`',
			],
		],
		[
			"of one address, when it has two and prefers them",
			{ ...dual, ports, clusterIPs: ["10.96.0.5"], ipFamilies: ["IPv4"] },
			allocated({ ...dual, ports }),
			[
				"spec.ipFamilyPolicy: Invalid value: \"PreferDualStack\": must be set to 'SingleStack' when releasing the secondary clusterIP",
				"spec.ipFamilyPolicy: Invalid value: \"PreferDualStack\": must be set to 'SingleStack' when releasing the secondary ipFamily",
			],
		],
		["of two addresses", { ...dual, ports }, allocated({ ports }), []],
		[
			"a load balancer of another class",
			{ ...balancer, loadBalancerClass: "b.io/b" },
			allocated({ ...balancer, loadBalancerClass: "a.io/a" }),
			['spec.loadBalancerClass: Invalid value: "b.io/b": may not change once set'],
		],
		[
			"a load balancer without its class",
			balancer,
			allocated({ ...balancer, loadBalancerClass: "a.io/a" }),
			['spec.loadBalancerClass: Invalid value: "null": may not change once set'],
		],
		[
			"of another port for health checks",
			{ ...balancer, externalTrafficPolicy: "Local", healthCheckNodePort: 30002 },
			allocated({ ...balancer, externalTrafficPolicy: "Local", healthCheckNodePort: 30001 }),
			["spec.healthCheckNodePort: Forbidden: field is immutable"],
		],
		[
			"of the odd addresses that it always had",
			{ ports, externalIPs: ["010.0.0.1"] },
			allocated({ ports, externalIPs: ["010.0.0.1"] }),
			[],
		],
	])("%s", (_, spec, old, expected) => {
		expect(changeProblems(serviceKind, service({ ipFamilies: ["IPv4"], ...spec }), old)).toEqual(expected);
	});
});

describe("the status of a load balancer", () => {
	const judged = (type: string, ingress: readonly object[]) => {
		const object = service({ type }, { loadBalancer: { ingress } });
		return serviceKind.validateStatusUpdate?.(object, service({ type })).map(String);
	};

	it("is a load balancer's alone", () => {
		expect(judged("ClusterIP", [{ ip: "1.2.3.4" }])).toEqual([
			"status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'",
		]);
	});

	it("has addresses with their mode and names", () => {
		const ingress = [{ ip: "x", ipMode: "VIP" }, { ip: "1.2.3.4" }, { hostname: "1.2.3.4", ipMode: "VIP" }, { ip: "1.2.3.4", ipMode: "X" }];
		expect(judged("LoadBalancer", ingress)).toEqual([
			`status.loadBalancer.ingress[0].ip: Invalid value: "x": ${ipText}`,
			"status.loadBalancer.ingress[1].ipMode: Required value: must be specified when `ip` is set",
			"status.loadBalancer.ingress[2].ipMode: Forbidden: may not be specified when `ip` is not set",
			'status.loadBalancer.ingress[2].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
			'status.loadBalancer.ingress[3].ipMode: Unsupported value: "X": supported values: "Proxy", "VIP"',
		]);
	});
});

describe("an update of a Service", () => {
	it("keeps what was allocated where the author is silent: node ports by the names of ports", () => {
		const old = allocated({
			type: "NodePort",
			ports: [
				{ name: "a", port: 80, nodePort: 30080 },
				{ name: "b", port: 81, nodePort: 30081 },
			],
		});
		const spec = updated(
			{
				type: "NodePort",
				clusterIP: "",
				ports: [
					{ name: "a", port: 8080, nodePort: 0 },
					{ name: "b", port: 81 },
					{ name: "c", port: 82, nodePort: 30081 },
				],
			},
			old,
		);
		expect(spec).toMatchObject({ clusterIP: "10.96.0.5", clusterIPs: ["10.96.0.5"] });
		expect(spec?.ports?.map(({ nodePort }) => nodePort)).toEqual([30080, undefined, 30081]);
	});

	it("drops what its new type has no use for", () => {
		const old = allocated({ type: "LoadBalancer", ports: [{ port: 80, nodePort: 30080 }] });
		expect(updated({ ...(old as Service).spec, type: "ClusterIP" }, old)).toEqual({
			...addresses,
			internalTrafficPolicy: "Cluster",
			ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
			sessionAffinity: "None",
			type: "ClusterIP",
		});
		const named = updated({ ...(old as Service).spec, type: "ExternalName", externalName: "a.io" }, old);
		for (const field of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]) expect(named).not.toHaveProperty(field);
	});

	it("keeps what the author asked for in vain, so that he is told", () => {
		const old = allocated({ type: "NodePort", ports: [{ port: 80, nodePort: 30080 }] });
		const spec = updated({ ...addresses, ports: [{ port: 80, nodePort: 30081 }] }, old);
		expect(spec?.ports?.[0]?.nodePort).toBe(30081);
	});

	it("forgets the load balancer's status with the load balancer", () => {
		const status = { loadBalancer: { ingress: [{ ip: "1.2.3.4", ipMode: "VIP" }] } };
		const old = { ...allocated({ type: "LoadBalancer", ports }), status } as KubeObject;
		const turned = (type: string) =>
			serviceKind.prepareForUpdate?.(defaulted(serviceKind, service({ type, ports })), old, { nowMs }) as Service;
		expect(turned("LoadBalancer").status).toEqual(status);
		expect(turned("NodePort").status).toEqual({ loadBalancer: {} });
	});
});

describe("warnings about a Service", () => {
	it.each<[object, readonly string[]]>([
		[{ ports }, []],
		[
			{ clusterIP: "None", externalIPs: ["1.2.3.4"], loadBalancerIP: "1.2.3.4", sessionAffinity: "ClientIP" },
			[
				"spec.loadBalancerIP is ignored for headless services",
				"spec.externalIPs is ignored for headless services",
				"spec.SessionAffinity is ignored for headless services",
			],
		],
		[
			{ ports, externalIPs: ["FD00::0:1"], externalName: "a.io", trafficDistribution: "PreferClose" },
			[
				'spec.externalIPs[0]: IPv6 address "FD00::0:1" should be in RFC 5952 canonical format ("fd00::1")',
				"spec.externalIPs is deprecated and may no longer be implemented in some clusters",
				'spec.externalName is ignored when spec.type is not "ExternalName"',
				'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
			],
		],
		[
			{ type: "ExternalName", externalName: "a.io", externalIPs: ["1.2.3.4"] },
			['spec.externalIPs is ignored when spec.type is "ExternalName"'],
		],
	])("%j", (spec, expected) => {
		expect(serviceKind.warnings?.(stored(serviceKind, service(spec)))).toEqual(expected);
	});
});
