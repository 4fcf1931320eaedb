/** /etc/resolv.conf, /etc/hosts and host names, by what a pod asks for. */
import { describe, expect, it, test } from "vitest";
import type { Pod, PodSpec } from "../../apimachinery/schema/generated/types.ts";
import { hostsFile, podDns, podHostname, resolvConf } from "./network-files.ts";

const pod = (spec: Partial<PodSpec>, name = "web-0"): Pod => ({
	metadata: { name, namespace: "shop" },
	spec: { containers: [{ name: "c", image: "web" }], ...spec },
});
const cluster = "search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n";

describe("/etc/resolv.conf", () => {
	it.each<readonly [what: string, spec: Partial<PodSpec>, text: string]>([
		["nothing", {}, cluster],
		["ClusterFirst", { dnsPolicy: "ClusterFirst" }, cluster],
		["Default", { dnsPolicy: "Default" }, "nameserver 172.18.0.1\n"],
		["ClusterFirst in the node's network", { dnsPolicy: "ClusterFirst", hostNetwork: true }, "nameserver 172.18.0.1\n"],
		["ClusterFirstWithHostNet", { dnsPolicy: "ClusterFirstWithHostNet", hostNetwork: true }, cluster],
		[
			"None",
			{
				dnsPolicy: "None",
				dnsConfig: {
					nameservers: ["1.2.3.4"],
					searches: ["ns1.svc.cluster-domain.example", "my.dns.search.suffix"],
					options: [{ name: "ndots", value: "2" }, { name: "edns0" }],
				},
			},
			"search ns1.svc.cluster-domain.example my.dns.search.suffix\nnameserver 1.2.3.4\noptions ndots:2 edns0\n",
		],
		[
			"more than the policy",
			{
				dnsConfig: {
					nameservers: ["1.2.3.4", "10.96.0.10"],
					searches: ["example.com", "cluster.local"],
					options: [{ name: "ndots", value: "2" }],
				},
			},
			"search shop.svc.cluster.local svc.cluster.local cluster.local example.com\nnameserver 10.96.0.10\nnameserver 1.2.3.4\noptions ndots:2\n",
		],
	])("for %s", (_, spec, text) => {
		expect(resolvConf(podDns(pod(spec), "10.96.0.10"))).toBe(text);
	});

	it("has room for three servers and 32 domains", () => {
		const searches = Array.from({ length: 40 }, (_, index) => `d${index}`);
		const made = podDns(pod({ dnsConfig: { nameservers: ["1.1.1.1", "2.2.2.2", "3.3.3.3"], searches } }), "10.96.0.10");
		expect([made.servers.length, made.searches.length]).toEqual([3, 32]);
		expect(made.warnings).toEqual([
			"Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 10.96.0.10 1.1.1.1 2.2.2.2",
			expect.stringMatching(
				/^Search Line limits were exceeded, some search paths have been omitted, the applied search line is: shop.svc.cluster.local .* d28$/,
			),
		]);
	});

	it("has room for 2048 characters of domains", () => {
		const searches = Array.from({ length: 20 }, (_, index) => `${"x".repeat(60)}.${"y".repeat(60)}.d${index}`);
		const made = podDns(pod({ dnsPolicy: "None", dnsConfig: { nameservers: ["1.1.1.1"], searches } }), "10.96.0.10");
		expect(made.searches.join(" ").length).toBeLessThanOrEqual(2048);
		expect(made.searches.length).toBe(16);
	});
});

describe("the host name", () => {
	it.each<readonly [Partial<PodSpec>, string, string]>([
		[{}, "web-0", "web-0"],
		[{ hostname: "db" }, "web-0", "db"],
		[{ hostNetwork: true }, "web-0", "node-1"],
		[{ subdomain: "web" }, "web-0", "web-0"],
		[{ subdomain: "web", setHostnameAsFQDN: true }, "web-0", "web-0.web.shop.svc.cluster.local"],
		[{ hostnameOverride: "other.example.com" }, "web-0", "other.example.com"],
		[{}, `${"a".repeat(62)}-bcd`, "a".repeat(62)],
	])("of %j, named %s, is %s", (spec, name, hostname) => {
		expect(podHostname(pod(spec, name), "node-1")).toBe(hostname);
	});
});

test("/etc/hosts has the pod, its name in its subdomain, and its aliases", () => {
	const spec = { subdomain: "web", hostAliases: [{ ip: "10.1.2.3", hostnames: ["foo.remote", "bar.remote"] }] };
	expect(hostsFile({ pod: pod(spec), podIp: "10.244.0.5", hostname: "web-0" })).toBe(
		`# Kubernetes-managed hosts file.
127.0.0.1	localhost
::1	localhost ip6-localhost ip6-loopback
fe00::0	ip6-localnet
fe00::0	ip6-mcastprefix
fe00::1	ip6-allnodes
fe00::2	ip6-allrouters
10.244.0.5	web-0.web.shop.svc.cluster.local	web-0

# Entries added by HostAliases.
10.1.2.3	foo.remote	bar.remote
`,
	);
});

test("/etc/hosts of a pod in the node's network is the node's", () => {
	const text = hostsFile({ pod: pod({ hostNetwork: true }), podIp: "172.18.0.2", hostname: "node-1" });
	expect(text).toMatch(/^# Kubernetes-managed hosts file \(host network\)\.\n/);
	expect(text).toMatch(/^172\.18\.0\.2\tnode-1$/m);
});
