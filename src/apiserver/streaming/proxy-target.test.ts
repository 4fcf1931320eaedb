import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import type { Endpoints, Node, Pod, Service } from "../../apimachinery/schema/generated/types.ts";
import { StatusError } from "../../apimachinery/status-error.ts";
import { proxyTarget } from "./proxy-target.ts";

const pod = (name: string, ip?: string): Pod => ({
	metadata: { name },
	spec: { containers: [{ name: "a" }, { name: "b", ports: [{ containerPort: 8080 }] }] },
	status: ip === undefined ? {} : { podIPs: [{ ip }] },
});
const endpoint = (name: string, ip: string) => ({ ip, targetRef: { kind: "Pod", namespace: "default", name } });
const service: Service = {
	spec: {
		ports: [
			{ name: "http", port: 80 },
			{ name: "admin", port: 81 },
		],
	},
};
const endpoints: Endpoints = {
	subsets: [
		{ addresses: [endpoint("web", "10.244.0.2")], ports: [{ name: "http", port: 8080 }] },
		{
			addresses: [{ ip: "10.96.0.1" }, endpoint("web", "10.0.0.9"), endpoint("gone", "10.244.0.3")],
			ports: [{ name: "admin", port: 9000 }],
		},
	],
};
const node: Node = {
	status: { addresses: [{ type: "InternalIP", address: "172.18.0.2" }], daemonEndpoints: { kubeletEndpoint: { Port: 10250 } } },
};

const objects: Readonly<Record<string, KubeObject>> = {
	"pods/default/web": pod("web", "10.244.0.2"),
	"pods/default/new": pod("new"),
	"pods/default/plain": { ...pod("plain", "10.244.0.7"), spec: { containers: [{ name: "a" }] } } as Pod,
	"services/default/web": service,
	"endpoints/default/web": endpoints,
	"endpoints/default/empty": { subsets: [] } as Endpoints,
	"nodes//n1": node,
};
const lookups = {
	find: (_: string, resource: string, namespace: string, name: string) => objects[`${resource}/${namespace}/${name}`],
	random: new SeededRandom(1),
};

function targetOf(resource: string, id: string): string {
	try {
		const { scheme, address, port } = proxyTarget(resource, resource === "nodes" ? "" : "default", id, lookups);
		return `${scheme}://${address}:${port}`;
	} catch (error) {
		if (error instanceof StatusError) return `${error.code} ${error.message}`;
		throw error;
	}
}

describe("proxyTarget", () => {
	it.each([
		["pods", "web", "http://10.244.0.2:8080"],
		["pods", "web:9", "http://10.244.0.2:9"],
		["pods", "https:web:443", "https://10.244.0.2:443"],
		["pods", "plain", "http://10.244.0.7:80"],
		["pods", "https:plain:", "https://10.244.0.7:443"],
		["pods", "new", "400 address not allowed"],
		["pods", "nobody", '404 pods "nobody" not found'],
		["pods", "ftp:web:21", '400 invalid pod request "ftp:web:21"'],
		["pods", "a:b:c:d", '400 invalid pod request "a:b:c:d"'],
		["pods", ":80", '400 invalid pod request ":80"'],
		["services", "web:http", "http://10.244.0.2:8080"],
		["services", "web:80", "http://10.244.0.2:8080"],
		["services", "https:web:http", "https://10.244.0.2:8080"],
		["services", "web", '503 no endpoints available for service "web"'],
		["services", "web:nosuch", '503 no endpoints available for service "web:nosuch"'],
		["services", "web:82", '503 no service port 82 found for service "web"'],
		["services", "empty", '503 no endpoints available for service "empty"'],
		["services", "nobody", '404 endpoints "nobody" not found'],
		["services", "nobody:80", '404 services "nobody" not found'],
		["nodes", "n1", "http://172.18.0.2:10250"],
		["nodes", "https:n1:10250", "http://172.18.0.2:10250"],
		["nodes", "n1:9100", "http://172.18.0.2:9100"],
		["nodes", "n2", '404 nodes "n2" not found'],
	])("%s/%s is %s", (resource, id, expected) => {
		expect(targetOf(resource, id)).toBe(expected);
	});

	it("sends nobody to addresses that are not those of their pods", () => {
		expect(targetOf("services", "web:admin")).toBe('503 no endpoints available for service "web:admin"');
	});
});
