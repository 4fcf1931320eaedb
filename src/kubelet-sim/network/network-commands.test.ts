/** What the real tools print, from a shell in a pod. */
import { beforeEach, describe, expect, it, test } from "vitest";
import { httpServer } from "../../host/index.ts";
import type { Image } from "../images/image.ts";
import { busyboxImage, dnsutilsImage, oldBusyboxImage, unknownImage } from "../images/plain.ts";
import { endpoint, NetworkFixture } from "./testing/network-fixture.ts";
import { PodShell } from "./testing/pod-shell.ts";

let fixture: NetworkFixture;
let shell: PodShell;
const shellOf = (image: Image, name = "client", address = "10.244.0.9") => new PodShell(fixture, fixture.pod(name, address), image);

function serveHttp(): void {
	const web = fixture.pod("web", "10.244.1.2");
	web.listen(
		8080,
		httpServer(({ target }) => ({ status: target === "/" ? 200 : 404, headers: { "Content-Type": "text/html" }, body: "hello\n" })),
	);
	web.listen(81, async (connection) => {
		await connection.read();
	});
	web.listen(82, () => new Promise(() => undefined));
	fixture.service(
		"web",
		{
			clusterIP: "10.96.0.20",
			ports: [
				{ name: "http", port: 80 },
				{ name: "mute", port: 81 },
				{ name: "deaf", port: 82 },
			],
		},
		[endpoint("10.244.1.2", 2)],
		[
			{ name: "http", port: 8080, protocol: "TCP" },
			{ name: "mute", port: 81, protocol: "TCP" },
			{ name: "deaf", port: 82, protocol: "TCP" },
		],
	);
	fixture.service("none", { clusterIP: "10.96.0.21" });
	fixture.service("kube-dns", { clusterIP: "None" });
}

beforeEach(() => {
	fixture = new NetworkFixture();
	serveHttp();
});

describe("curl", () => {
	beforeEach(() => {
		shell = shellOf(unknownImage);
	});
	it.each([
		["curl -s web", "hello\n"],
		["curl -s http://web.default.svc.cluster.local/", "hello\n"],
		[
			"curl -s -o /dev/null -w '%{http_code} %{remote_ip}:%{remote_port} %{size_download} %{time_total}\\n' web",
			"200 10.96.0.20:80 6 0.000000\n",
		],
		["curl -sf web/none", "exit 22"],
		["curl web:70000", "curl: (3) URL rejected: Port number was not a decimal number between 0 and 65535\nexit 3"],
		["curl web:0", "curl: (7) Failed to connect to web port 0 after 0 ms: Could not connect to server\nexit 7"],
		["curl nowhere", "curl: (6) Could not resolve host: nowhere\nexit 6"],
		[`curl ${"a".repeat(300)}`, `curl: (6) Could not resolve host: ${"a".repeat(300)}\nexit 6`],
		["curl none", "curl: (7) Failed to connect to none port 80 after 0 ms: Could not connect to server\nexit 7"],
		["curl web:81", "curl: (52) Empty reply from server\nexit 52"],
		["curl -m 2 web:82", "curl: (28) Operation timed out after 2000 milliseconds with 0 bytes received\nexit 28"],
		["curl -m 2 web:83", "curl: (28) Connection timed out after 2000 milliseconds\nexit 28"],
		["curl --connect-timeout 3 10.96.0.99", "curl: (28) Connection timed out after 3000 milliseconds\nexit 28"],
		["curl 10.96.0.99", "curl: (28) Failed to connect to 10.96.0.99 port 80 after 131000 ms: Could not connect to server\nexit 28"],
		["curl --resolve shop.example.com:80:10.96.0.20 -s shop.example.com", "hello\n"],
	])("%s", async (script, printed) => {
		expect(await shell.print(script)).toBe(printed);
	});

	it("hears of a server that goes away", async () => {
		const server = fixture.pod("server", "10.244.0.5");
		server.listen(81, () => new Promise(() => undefined));
		const { process, stderr } = shell.start("curl -sS 10.244.0.5:81");
		for (let turn = 0; server.sockets().length < 3 && turn < 100; turn++) await fixture.clock.advance(1);
		await fixture.clock.advance(10);
		fixture.network.remove(server);
		expect((await process.exited).exitCode).toBe(56);
		expect(stderr.text()).toBe("curl: (56) Recv failure: Connection reset by peer\n");
	});
});

describe("busybox' wget", () => {
	beforeEach(() => {
		shell = shellOf(busyboxImage);
	});
	it.each([
		["wget -qO- web", "hello\n"],
		[
			"wget -O- web",
			"hello\nConnecting to web (10.96.0.20:80)\nwriting to stdout\n-                    100% |********************************|     6  0:00:00 ETA\nwritten to stdout\n",
		],
		["wget -qO- web/none", "wget: server returned error: HTTP/1.1 404 Not Found\nexit 1"],
		["wget -qO- nowhere", "wget: bad address 'nowhere'\nexit 1"],
		["wget -qO- none", "wget: can't connect to remote host (10.96.0.21): Connection refused\nexit 1"],
		["wget -qO- -T 2 web:83", "wget: download timed out\nexit 1"],
		["wget -qO- web:81", "wget: error getting response\nexit 1"],
		["wget -qO- web:70000", "wget: bad port spec 'web:70000'\nexit 1"],
		["nc -zv web 80", "web (10.96.0.20:80) open\nexit 0"],
		["nc -zv none 80", "nc: none (none:80): Connection refused\nexit 1"],
		["nc -zv -w 2 web 83", "nc: timed out\nexit 1"],
		["nc -zv web 70000", "nc: bad port '70000'\nexit 1"],
	])("%s", async (script, printed) => {
		expect(await shell.print(script)).toBe(printed.replace(/exit 0$/, ""));
	});

	it("nc listens, too", async () => {
		const server = shellOf(busyboxImage, "server", "10.244.1.7");
		const { process, stdout } = server.start("nc -l -p 9000");
		await fixture.clock.advance(1);
		expect(await shell.print("echo hello | nc 10.244.1.7 9000")).toBe("");
		expect((await process.exited).exitCode).toBe(0);
		expect(stdout.text()).toBe("hello\n");
	});
});

test("GNU wget", async () => {
	shell = shellOf(unknownImage);
	expect(await shell.print("wget -qO- web")).toBe("hello\n");
	const shown = await shell.print("wget http://web");
	expect(shown).toBe(`--2026-01-01 00:00:00--  http://web/
Resolving web (web)... 10.96.0.20
Connecting to web (web)|10.96.0.20|:80... connected.
HTTP request sent, awaiting response... 200 OK
Length: 6 [text/html]
Saving to: 'index.html'

     0K                                                     100% 5.72M=0s

2026-01-01 00:00:00 (5.72 MB/s) - 'index.html' saved [6/6]

`);
	expect(await shell.print("wget -qO- web/none")).toBe("exit 8");
	expect(await shell.print("wget nowhere")).toBe(
		"--2026-01-01 00:00:00--  http://nowhere/\nResolving nowhere (nowhere)... failed: Name or service not known.\nwget: unable to resolve host address 'nowhere'\nexit 4",
	);
	expect(await shell.print("wget none")).toMatch(
		/Connecting to none \(none\)\|10\.96\.0\.21\|:80\.\.\. failed: Connection refused\.\nexit 4$/,
	);
	const tried = await shell.run("wget -T 2 -t 2 web:83");
	expect([tried.exitCode, tried.ms]).toEqual([4, 4000]);
	expect(tried.stderr).toMatch(/failed: Connection timed out\.\nRetrying\.\n\n--.*-- {2}\(try: 2\) {2}http:\/\/web:83\//);
});

const server = "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\n";
const denied = (name: string) => `** server can't find ${name}: NXDOMAIN\n\n`;

describe("busybox' nslookup", () => {
	const web = "Name:\tweb.default.svc.cluster.local\nAddress: 10.96.0.20\n\n";
	const others = denied("web.svc.cluster.local") + denied("web.cluster.local");
	it.each([
		["nslookup web.default.svc.cluster.local", `${server}${web}\n`],
		["nslookup web", `${server}${web}${others}\n${others}exit 1`],
		["nslookup web.default", `${server}${denied("web.default").repeat(2)}exit 1`],
		["nslookup 10.96.0.20", `${server}20.0.96.10.in-addr.arpa\tname = web.default.svc.cluster.local\n\n`],
		[
			"nslookup -type=srv _http._tcp.web.default.svc.cluster.local",
			`${server}_http._tcp.web.default.svc.cluster.local\tservice = 0 100 80 web.default.svc.cluster.local\n\n`,
		],
		["nslookup -type=x web", 'nslookup: invalid query type "x"\nexit 1'],
		[
			"nslookup node-1",
			`${server}${["default.svc.cluster.local", "svc.cluster.local", "cluster.local"]
				.map((domain) => denied(`node-1.${domain}`))
				.join("")
				.repeat(2)}exit 1`,
		],
		["nslookup node-1. ", `${server}Non-authoritative answer:\nName:\tnode-1\nAddress: 172.18.0.2\n\nNon-authoritative answer:\n\n`],
		[
			"nslookup web 10.244.1.2",
			"nslookup: write to '10.244.1.2': Connection refused\n;; connection timed out; no servers could be reached\n\nexit 1",
		],
	])("%s", async (script, printed) => {
		const { stdout, stderr, exitCode } = await shellOf(busyboxImage).run(script);
		expect(`${stderr}${stdout}${exitCode === 0 ? "" : `exit ${exitCode}`}`).toBe(printed);
	});

	it("of 1.28 asks as programs do", async () => {
		shell = shellOf(oldBusyboxImage);
		expect(await shell.print("nslookup web.default")).toBe(
			"Server:    10.96.0.10\nAddress 1: 10.96.0.10\n\nName:      web.default\nAddress 1: 10.96.0.20 web.default.svc.cluster.local\n",
		);
		expect(await shell.print("nslookup nowhere")).toBe(
			"Server:    10.96.0.10\nAddress 1: 10.96.0.10\n\nnslookup: can't resolve 'nowhere': Name does not resolve\nexit 1",
		);
	});
});

describe("BIND's programs", () => {
	beforeEach(() => {
		shell = shellOf(dnsutilsImage);
	});
	const head = "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10#53\n\n";
	it.each([
		["nslookup web", `${head}Name:\tweb.default.svc.cluster.local\nAddress: 10.96.0.20\n\n`],
		["nslookup web.default", `${head}Name:\tweb.default.svc.cluster.local\nAddress: 10.96.0.20\n\n`],
		["nslookup nowhere", `${head}** server can't find nowhere: NXDOMAIN\n\nexit 1`],
		["nslookup 10.96.0.20", `${head}20.0.96.10.in-addr.arpa\tname = web.default.svc.cluster.local.\n\n`],
		["nslookup node-1", `${head}Non-authoritative answer:\nName:\tnode-1\nAddress: 172.18.0.2\n\n`],
		["dig +short web.default.svc.cluster.local", "10.96.0.20\n"],
		["dig +short web", ""],
		["dig +short +search web", "10.96.0.20\n"],
		["dig +short -x 10.96.0.20", "web.default.svc.cluster.local.\n"],
		["dig +short SRV _http._tcp.web.default.svc.cluster.local", "0 100 80 web.default.svc.cluster.local.\n"],
		["dig +short _http._tcp.web.default.svc.cluster.local SRV", "0 100 80 web.default.svc.cluster.local.\n"],
		["dig +noall +answer web.default.svc.cluster.local", "web.default.svc.cluster.local. 30 IN\tA\t10.96.0.20\n"],
		["dig @nowhere web", "dig: couldn't get address for 'nowhere': not found\nexit 10"],
		[`dig ${"a".repeat(64)}.com`, `dig: '${"a".repeat(64)}.com.' is not a legal name (label too long)\nexit 10`],
		["host web", "web.default.svc.cluster.local has address 10.96.0.20\n"],
		["host nowhere", "Host nowhere not found: 3(NXDOMAIN)\nexit 1"],
	])("%s", async (script, printed) => {
		expect(await shell.print(script)).toBe(printed);
	});

	it("dig shows the whole message", async () => {
		const shown = await shell.print("dig kubernetes.default.svc.cluster.local");
		fixture.service("kubernetes", { clusterIP: "10.96.0.1", ports: [{ name: "https", port: 443 }] });
		expect(shown).toContain("status: NXDOMAIN");
		const found = (await shell.print("dig kubernetes.default.svc.cluster.local"))
			.replace(/id: \d+/, "id: 1")
			.replace(/COOKIE: [0-9a-f]{16}/, "COOKIE: 0");
		expect(found).toBe(`
; <<>> DiG 9.16.50 <<>> kubernetes.default.svc.cluster.local
;; global options: +cmd
;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1
;; flags: qr aa rd; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 1
;; WARNING: recursion requested but not available

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags:; udp: 1232
; COOKIE: 0 (echoed)
;; QUESTION SECTION:
;kubernetes.default.svc.cluster.local. IN A

;; ANSWER SECTION:
kubernetes.default.svc.cluster.local. 30 IN A	10.96.0.1

;; Query time: 0 msec
;; SERVER: 10.96.0.10#53(10.96.0.10)
;; WHEN: Thu Jan 01 00:00:00 UTC 2026
;; MSG SIZE  rcvd: 129

`);
	});
});

test("names without a server that answers: after fifteen seconds, five, ten", async () => {
	fixture = new NetworkFixture(1, { ownDns: false });
	const bind = await shellOf(dnsutilsImage, "a", "10.244.0.3").run("nslookup web");
	expect([bind.stdout, bind.exitCode, bind.ms]).toEqual([";; connection timed out; no servers could be reached\n\n", 1, 15_000]);
	const dug = await shellOf(dnsutilsImage, "b", "10.244.0.4").run("dig +time=1 +tries=1 web");
	expect([dug.stdout, dug.exitCode, dug.ms]).toEqual([
		"\n; <<>> DiG 9.16.50 <<>> +time=1 +tries=1 web\n;; global options: +cmd\n;; connection timed out; no servers could be reached\n",
		9,
		1000,
	]);
	const busybox = shellOf(busyboxImage, "c", "10.244.0.5");
	const asked = await busybox.run("nslookup web.default");
	expect([asked.stdout, asked.exitCode, asked.ms]).toEqual([";; connection timed out; no servers could be reached\n\n", 1, 5_000]);
	const got = await busybox.run("wget -qO- web");
	expect([got.stderr, got.exitCode, got.ms]).toEqual(["wget: bad address 'web'\n", 1, 10_000]);
});

describe("ping", () => {
	it("of busybox", async () => {
		shell = shellOf(busyboxImage);
		const shown = await shell.run("ping -c 2 10.244.1.2");
		expect(shown.stdout.replaceAll(/\b\d\.\d{3}(?=[ /])/g, "T")).toBe(`PING 10.244.1.2 (10.244.1.2): 56 data bytes
64 bytes from 10.244.1.2: seq=0 ttl=62 time=T ms
64 bytes from 10.244.1.2: seq=1 ttl=62 time=T ms

--- 10.244.1.2 ping statistics ---
2 packets transmitted, 2 packets received, 0% packet loss
round-trip min/avg/max = T/T/T ms
`);
		expect([shown.exitCode, shown.ms]).toEqual([0, 1000]);
		expect(await shell.print("ping -c 1 -W 1 10.96.0.20")).toBe(
			"PING 10.96.0.20 (10.96.0.20): 56 data bytes\n\n--- 10.96.0.20 ping statistics ---\n1 packets transmitted, 0 packets received, 100% packet loss\nexit 1",
		);
		expect(await shell.print("ping -c 1 nowhere")).toBe("ping: bad address 'nowhere'\nexit 1");
		expect((await shell.run("ping -q -c 1 web")).stdout).toMatch(/^PING web \(10\.96\.0\.20\): 56 data bytes\n\n--- web ping/);
	});

	it("of iputils", async () => {
		shell = shellOf(unknownImage);
		const shown = (await shell.run("ping -c 1 127.0.0.1")).stdout.replaceAll(/\b\d\.\d{3}(?=[ /])/g, "T");
		expect(shown).toBe(`PING 127.0.0.1 (127.0.0.1) 56(84) bytes of data.
64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=T ms

--- 127.0.0.1 ping statistics ---
1 packets transmitted, 1 received, 0% packet loss, time 0ms
rtt min/avg/max/mdev = T/T/T/T ms
`);
		expect(await shell.print("ping -c 1 -W 1 10.244.1.77")).toBe(
			"PING 10.244.1.77 (10.244.1.77) 56(84) bytes of data.\nFrom 10.244.0.1 icmp_seq=1 Destination Host Unreachable\n\n--- 10.244.1.77 ping statistics ---\n1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms\n\nexit 1",
		);
		expect(await shell.print("ping nowhere")).toBe("ping: nowhere: Name or service not known\nexit 2");
	});
});
