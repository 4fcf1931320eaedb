/** What the network looks like from a pod and from a node. */
import { beforeEach, describe, expect, it, test } from "vitest";
import type { ServiceSpec } from "../../apimachinery/schema/generated/types.ts";
import { busyboxImage, netshootImage } from "../images/plain.ts";
import { chainHash } from "./firewall.ts";
import { endpoint, NetworkFixture } from "./testing/network-fixture.ts";
import { PodShell } from "./testing/pod-shell.ts";

let fixture: NetworkFixture;
beforeEach(() => {
	fixture = new NetworkFixture();
});
const inPod = () => new PodShell(fixture, fixture.pod("client", "10.244.0.9"), netshootImage);
const onNode = () => new PodShell(fixture, fixture.node(1).network, netshootImage);

describe("a pod", () => {
	it.each([
		[
			"ip addr",
			`1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
2: eth0@if12: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default
    link/ether 0a:58:0a:f4:00:09 brd ff:ff:ff:ff:ff:ff link-netnsid 0
    inet 10.244.0.9/24 brd 10.244.0.255 scope global eth0
       valid_lft forever preferred_lft forever
`,
		],
		["ip -br addr show eth0", "eth0@if12        UP             10.244.0.9/24 \n"],
		["ip r", "default via 10.244.0.1 dev eth0 \n10.244.0.0/24 dev eth0 proto kernel scope link src 10.244.0.9 \n"],
		["ip route get 10.244.1.5", "10.244.1.5 via 10.244.0.1 dev eth0 src 10.244.0.9 uid 0 \n    cache \n"],
		["ip neigh", "10.244.0.1 dev eth0 lladdr 0a:58:0a:f4:00:01 REACHABLE \n"],
		["ip link show eth7", 'Device "eth7" does not exist.\nexit 2'],
		["ip foo", 'Object "foo" is unknown, try "ip help".\nexit 1'],
		[
			"ip link add br0 type bridge",
			"ip: link add is not simulated: the network is laid by the node's CNI plugin, and can be looked at\nexit 2",
		],
		[
			"route -n",
			`Kernel IP routing table
Destination     Gateway         Genmask         Flags Metric Ref    Use Iface
0.0.0.0         10.244.0.1      0.0.0.0         UG    0      0        0 eth0
10.244.0.0      0.0.0.0         255.255.255.0   U     0      0        0 eth0
`,
		],
		["arp -n", "? (10.244.0.1) at 0a:58:0a:f4:00:01 [ether]  on eth0\n"],
		[
			"ifconfig eth0 | head -n 2",
			"eth0      Link encap:Ethernet  HWaddr 0A:58:0A:F4:00:09  \n          inet addr:10.244.0.9  Bcast:10.244.0.255  Mask:255.255.255.0\n",
		],
		["iptables -t nat -S", "-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-P OUTPUT ACCEPT\n-P POSTROUTING ACCEPT\n"],
	])("%s", async (script, printed) => {
		expect(await inPod().print(script)).toBe(printed);
	});

	it("shows who listens, and who is connected", async () => {
		const server = inPod();
		const { process } = server.start("nc -l -p 9000");
		await fixture.clock.advance(1);
		expect(await server.print("netstat -lntp")).toBe(`Active Internet connections (only servers)
Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name    
tcp        0      0 0.0.0.0:80              0.0.0.0:*               LISTEN      -                   
tcp        0      0 0.0.0.0:9000            0.0.0.0:*               LISTEN      3/nc                
`);
		expect(await server.print("ss -lntp")).toBe(`State   Recv-Q  Send-Q  Local Address:Port  Peer Address:Port  Process
LISTEN  0       4096            0.0.0.0:80          0.0.0.0:*
LISTEN  0       4096          0.0.0.0:9000          0.0.0.0:*  users:(("nc",pid=3,fd=6))
`);
		const other = fixture.pod("other", "10.244.1.5");
		const open = fixture.network.connect(other, "10.244.0.9", 9000);
		await fixture.clock.advance(1);
		expect(await server.print("ss -Htn")).toMatch(/^ESTAB +0 +0 +10\.244\.0\.9:9000 +10\.244\.1\.5:\d+\n$/);
		open.destroy();
		await process.exited;
		expect(await server.print("ss -Hlnt")).toMatch(/^LISTEN +0 +4096 +0\.0\.0\.0:80 +0\.0\.0\.0:\*\n$/);
	});
});

test("busybox' ip is its own", async () => {
	const shell = new PodShell(fixture, fixture.pod("client", "10.244.0.9"), busyboxImage);
	expect(await shell.print("ip link show eth0")).toBe(
		"2: eth0@if12: <BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN> mtu 1500 qdisc noqueue \n    link/ether 0a:58:0a:f4:00:09 brd ff:ff:ff:ff:ff:ff\n",
	);
	expect(await shell.print("which iptables ss curl dig")).toBe("exit 1");
});

describe("a node", () => {
	it("has a bridge with a port for each pod, and routes to the other nodes' pods", async () => {
		fixture.pod("web", "10.244.0.2");
		fixture.pod("far", "10.244.1.2");
		const shell = onNode();
		expect(await shell.print("ip -br addr")).toMatch(
			/^lo +UNKNOWN +127\.0\.0\.1\/8 \neth0 +UP +172\.18\.0\.2\/16 \ncni0 +UP +10\.244\.0\.1\/24 \nveth[0-9a-f]{8}@if2 UP +\n$/,
		);
		expect(await shell.print("ip link show master cni0")).toMatch(
			/^5: veth[0-9a-f]{8}@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master cni0 state UP mode DEFAULT group default\n {4}link\/ether fe(:[0-9a-f]{2}){5} brd ff:ff:ff:ff:ff:ff link-netns cni-[0-9a-f-]{36}\n$/,
		);
		expect(await shell.print("ip route")).toBe(
			"default via 172.18.0.1 dev eth0 \n10.244.0.0/24 dev cni0 proto kernel scope link src 10.244.0.1 \n10.244.1.0/24 via 172.18.0.3 dev eth0 \n172.18.0.0/16 dev eth0 proto kernel scope link src 172.18.0.2 \n",
		);
		expect(await shell.print("ip netns")).toMatch(/^cni-[0-9a-f-]{36} \(id: 0\)\n$/);
		expect(await shell.print("ip neigh | sort")).toContain("10.244.0.2 dev cni0 lladdr 0a:58:0a:f4:00:02 REACHABLE");
	});

	it.each([
		["default/kubernetes:httpstcp", "NPX46M4PTMTKRN6Y"],
		["kube-system/kube-dns:dnsudp", "TCOU7JCQXEZGVUNU"],
		["kube-system/kube-dns:dns-tcptcp", "ERIFXISQEP7F7OF4"],
		["kube-system/kube-dns:dnsudp10.244.0.2:53", "YIL6JZP7A3QYXJU2"],
		["kube-system/kube-dns:dns-tcptcp10.244.0.2:53", "IT2ZTR26TO4XFPTO"],
	])("names chains as kube-proxy does: %s", (text, hash) => {
		expect(chainHash(text)).toBe(hash);
	});

	const service = (spec: Partial<ServiceSpec>, endpoints = [endpoint("10.244.0.2", 1), endpoint("10.244.1.2", 2)]) =>
		fixture.service("web", { clusterIP: "10.96.0.20", ...spec }, endpoints);
	const svc = chainHash("default/webtcp");
	const [here, there] = [chainHash("default/webtcp10.244.0.2:80"), chainHash("default/webtcp10.244.1.2:80")];
	const dispatch = `-A KUBE-SERVICES -d 10.96.0.20/32 -p tcp -m comment --comment "default/web cluster IP" -m tcp --dport 80 -j`;
	const choices = (extra = "") => [
		`-A KUBE-SVC-${svc} ! -s 10.244.0.0/16 -d 10.96.0.20/32 -p tcp -m comment --comment "default/web cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ`,
		...(extra === "" ? [] : [extra]),
		`-A KUBE-SVC-${svc} -m comment --comment "default/web -> 10.244.0.2:80" -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-${here}`,
		`-A KUBE-SVC-${svc} -m comment --comment "default/web -> 10.244.1.2:80" -j KUBE-SEP-${there}`,
	];
	const saved = async (pattern: RegExp) =>
		(await onNode().print("iptables-save")).split("\n").filter((line) => line.startsWith("-A") && pattern.test(line));

	it("leads a cluster address to its endpoints", async () => {
		service({});
		expect(await saved(/default\/web|KUBE-SVC-/)).toEqual(
			[
				`-A KUBE-SEP-${here} -s 10.244.0.2/32 -m comment --comment "default/web" -j KUBE-MARK-MASQ`,
				`-A KUBE-SEP-${here} -p tcp -m comment --comment "default/web" -m tcp -j DNAT --to-destination 10.244.0.2:80`,
				`-A KUBE-SEP-${there} -s 10.244.1.2/32 -m comment --comment "default/web" -j KUBE-MARK-MASQ`,
				`-A KUBE-SEP-${there} -p tcp -m comment --comment "default/web" -m tcp -j DNAT --to-destination 10.244.1.2:80`,
				`${dispatch} KUBE-SVC-${svc}`,
				...choices(),
			].sort((a, b) => (a.split(" ")[1] ?? "").localeCompare(b.split(" ")[1] ?? "")),
		);
	});

	it("… with a third of the chance for the first of three", async () => {
		service({}, [endpoint("10.244.0.2", 1), endpoint("10.244.1.2", 2), endpoint("10.244.1.3", 2)]);
		expect((await saved(/statistic/)).map((line) => /probability (\S+)/.exec(line)?.[1])).toEqual(["0.33333333349", "0.50000000000"]);
	});

	it("refuses where there are no endpoints", async () => {
		service({ type: "NodePort", ports: [{ port: 80, nodePort: 30080, protocol: "TCP" }] }, []);
		expect(await saved(/default\/web/)).toEqual([
			'-A KUBE-EXTERNAL-SERVICES -p tcp -m comment --comment "default/web has no endpoints" -m addrtype --dst-type LOCAL -m tcp --dport 30080 -j REJECT --reject-with icmp-port-unreachable',
			'-A KUBE-SERVICES -d 10.96.0.20/32 -p tcp -m comment --comment "default/web has no endpoints" -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable',
		]);
	});

	it("leads a node port there, by its policy", async () => {
		service({ type: "NodePort", ports: [{ port: 80, nodePort: 30080, protocol: "TCP" }], externalTrafficPolicy: "Local" });
		expect(await saved(/KUBE-EXT-|KUBE-SVL-/)).toEqual([
			`-A KUBE-EXT-${svc} -s 10.244.0.0/16 -m comment --comment "pod traffic for default/web external destinations" -j KUBE-SVC-${svc}`,
			`-A KUBE-EXT-${svc} -m comment --comment "masquerade LOCAL traffic for default/web external destinations" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ`,
			`-A KUBE-EXT-${svc} -m comment --comment "route LOCAL traffic for default/web external destinations" -m addrtype --src-type LOCAL -j KUBE-SVC-${svc}`,
			`-A KUBE-EXT-${svc} -j KUBE-SVL-${svc}`,
			`-A KUBE-NODEPORTS -p tcp -m comment --comment "default/web" -m tcp --dport 30080 -j KUBE-EXT-${svc}`,
			`-A KUBE-SVL-${svc} ! -s 10.244.0.0/16 -d 10.96.0.20/32 -p tcp -m comment --comment "default/web cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ`,
			`-A KUBE-SVL-${svc} -m comment --comment "default/web -> 10.244.0.2:80" -j KUBE-SEP-${here}`,
		]);
	});

	it("remembers clients where there is affinity", async () => {
		service({ sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } });
		expect(await saved(/recent/)).toContain(
			`-A KUBE-SVC-${svc} -m comment --comment "default/web -> 10.244.0.2:80" -m recent --rcheck --seconds 60 --reap --name KUBE-SEP-${here} --mask 255.255.255.255 --rsource -j KUBE-SEP-${here}`,
		);
	});

	it("lists its rules", async () => {
		service({});
		const shell = onNode();
		expect(await shell.print(`iptables -t nat -L KUBE-SVC-${svc} -n`)).toBe(`Chain KUBE-SVC-${svc} (1 references)
target     prot opt source               destination         
KUBE-MARK-MASQ  tcp  --  !10.244.0.0/16       10.96.0.20           /* default/web cluster IP */ tcp dpt:80
KUBE-SEP-${here}  all  --  0.0.0.0/0            0.0.0.0/0            /* default/web -> 10.244.0.2:80 */ statistic mode random probability 0.50000000000
KUBE-SEP-${there}  all  --  0.0.0.0/0            0.0.0.0/0            /* default/web -> 10.244.1.2:80 */
`);
		expect(await shell.print("iptables -L FORWARD -n | head -n 1")).toBe("Chain FORWARD (policy ACCEPT)\n");
		expect(await shell.print("iptables -t nat -S KUBE-SERVICES | wc -l")).toMatch(/^\s*3\n$/);
		expect(await shell.print("iptables -t nat -A INPUT -j DROP")).toContain("can be listed and not changed");
		expect(await shell.print("iptables -t raw -L")).toContain("table 'raw' does not exist");
		expect(await shell.print("iptables -t nat -L NOTHING")).toContain("exit 1");
	});
});
