import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { Service } from "../../../apimachinery/schema/generated/types.ts";
import { created, defaulted, nowMs, printed, problems, stored, updateProblems } from "../testing/kind-probe.ts";
import { serviceKind } from "./service.ts";

const metadata = { name: "web", namespace: "default", creationTimestamp: created };
const ports = [{ port: 80 }];
const service = (spec: object, status?: object): KubeObject =>
	({ metadata, spec, ...(status === undefined ? {} : { status }) }) as KubeObject;
const allocated = (spec: object): KubeObject => defaulted(serviceKind, service({ clusterIP: "10.96.0.5", ...spec }));
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
			clusterIPs: ["None"],
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

describe("what is wrong with a Service", () => {
	it.each([
		[{}, ["spec.ports: Required value"]],
		[{ clusterIP: "None" }, []],
		[
			{ ports: [{ port: 80 }, { port: 80, name: "a" }, { port: 0, name: "a", protocol: "X", targetPort: 99999 }] },
			[
				"spec.ports[0].name: Required value",
				'spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}',
				'spec.ports[2].name: Duplicate value: "a"',
				"spec.ports[2].port: Invalid value: 0: must be between 1 and 65535, inclusive",
				'spec.ports[2].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
				"spec.ports[2].targetPort: Invalid value: 99999: must be between 1 and 65535, inclusive",
			],
		],
		[
			{ type: "Cluster", ports },
			['spec.type: Unsupported value: "Cluster": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'],
		],
		[
			{ type: "NodePort", clusterIP: "None", ports },
			["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"],
		],
		[{ type: "ExternalName" }, ["spec.externalName: Required value"]],
		[{ ports: [{ port: 80, nodePort: 30080 }] }, ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"]],
		[
			{ ports, externalTrafficPolicy: "Local" },
			['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
		],
		[
			{ ports, clusterIP: "10.96", externalIPs: ["x"] },
			[
				'spec.clusterIPs[0]: Invalid value: "10.96": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
				'spec.externalIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
			],
		],
	])("says of %j", (spec, expected) => {
		expect(problems(serviceKind, service(spec))).toEqual(expected);
	});

	it("keeps its cluster IP for good", () => {
		expect(updateProblems(serviceKind, service({ ports, clusterIP: "10.96.0.6" }), allocated({ ports }))).toEqual([
			'spec.clusterIPs[0]: Invalid value: ["10.96.0.6"]: may not change once set',
		]);
		expect(updateProblems(serviceKind, service({ type: "ExternalName", externalName: "a.io" }), allocated({ ports }))).toEqual([]);
	});
});

describe("an update of a Service", () => {
	it("keeps what was allocated where the author is silent", () => {
		const old = allocated({
			type: "NodePort",
			ports: [{ port: 80, nodePort: 30080 }],
			ipFamilies: ["IPv4"],
			ipFamilyPolicy: "SingleStack",
		});
		const spec = updated(
			{
				type: "NodePort",
				ports: [
					{ name: "a", port: 80 },
					{ name: "b", port: 81, nodePort: 30081 },
				],
			},
			old,
		);
		expect(spec).toMatchObject({
			clusterIP: "10.96.0.5",
			clusterIPs: ["10.96.0.5"],
			ipFamilies: ["IPv4"],
			ports: [
				{ port: 80, nodePort: 30080 },
				{ port: 81, nodePort: 30081 },
			],
		});
	});

	it("drops what its new type has no use for", () => {
		const old = allocated({ type: "LoadBalancer", ports: [{ port: 80, nodePort: 30080 }] });
		expect(updated({ ...(old as Service).spec, type: "ClusterIP" }, old)).toEqual({
			clusterIP: "10.96.0.5",
			clusterIPs: ["10.96.0.5"],
			internalTrafficPolicy: "Cluster",
			ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
			sessionAffinity: "None",
			type: "ClusterIP",
		});
		expect(updated({ ...(old as Service).spec, type: "ExternalName", externalName: "a.io" }, old)).not.toHaveProperty("clusterIPs");
	});
});
