/** How a machine's programs look up names, by their own files. */
import { beforeEach, describe, expect, it, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { FileSystem } from "../vfs/file-system.ts";
import { putFile, Tree } from "../vfs/tree.ts";
import { type DnsQuestion, type DnsResponse, emptyResponse } from "./dns.ts";
import { LoopbackNetwork, NetworkError } from "./network.ts";
import { candidateNames, hostsEntries, parseResolvConf, ResolvingNetwork } from "./resolver.ts";

const inPod = "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n";

describe("/etc/resolv.conf", () => {
	it.each([
		["", { servers: ["127.0.0.1"], search: [], ndots: 1, timeoutMs: 5000, attempts: 2 }],
		[
			inPod,
			{
				servers: ["10.96.0.10"],
				search: ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"],
				ndots: 5,
				timeoutMs: 5000,
				attempts: 2,
			},
		],
		[
			"# comment\nnameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\nnameserver 4.4.4.4\nsearch a\nsearch b c.\noptions timeout:1 attempts:9 ndots:99 edns0",
			{ servers: ["1.1.1.1", "2.2.2.2", "3.3.3.3"], search: ["b", "c"], ndots: 15, timeoutMs: 1000, attempts: 5 },
		],
		["options ndots:x timeout:0", { servers: ["127.0.0.1"], search: [], ndots: 1, timeoutMs: 1000, attempts: 2 }],
	])("%j", (text, configuration) => {
		expect(parseResolvConf(text)).toEqual(configuration);
	});

	it.each([
		["web", ["web.default.svc.cluster.local", "web.svc.cluster.local", "web.cluster.local", "web"]],
		["a.b.c.d.e", ["a.b.c.d.e.default.svc.cluster.local", "a.b.c.d.e.svc.cluster.local", "a.b.c.d.e.cluster.local", "a.b.c.d.e"]],
		["a.b.c.d.e.f", ["a.b.c.d.e.f", "a.b.c.d.e.f.default.svc.cluster.local", "a.b.c.d.e.f.svc.cluster.local", "a.b.c.d.e.f.cluster.local"]],
		["web.", ["web"]],
	])("%s is looked up as …", (name, names) => {
		expect(candidateNames(name, parseResolvConf(inPod))).toEqual(names);
	});
});

test("/etc/hosts", () => {
	const text = "127.0.0.1\tlocalhost\n::1 ip6-localhost\n10.1.2.3 foo.local foo # bar\n10.1.2.4 foo\n";
	expect(hostsEntries(text, "FOO.")).toEqual(["10.1.2.3", "10.1.2.4"]);
	expect(hostsEntries(text, "bar")).toEqual([]);
});

describe("a lookup", () => {
	class FakeServers extends LoopbackNetwork {
		readonly asked: string[] = [];
		answer: (server: string, question: DnsQuestion) => DnsResponse | undefined = () => emptyResponse("NXDOMAIN");
		override async query(server: string, question: DnsQuestion): Promise<DnsResponse | undefined> {
			this.asked.push(`${server} ${question.name}`);
			return this.answer(server, question);
		}
	}
	let clock: VirtualClock;
	let stack: FakeServers;
	let network: ResolvingNetwork;
	const set = (resolv: string, hosts = "") => {
		const tree = new Tree({ clock });
		putFile(tree, "/etc/resolv.conf", resolv);
		putFile(tree, "/etc/hosts", hosts);
		network = new ResolvingNetwork(stack, { clock, files: new FileSystem(tree) });
	};
	beforeEach(() => {
		clock = new VirtualClock();
		stack = new FakeServers();
		set(inPod);
	});
	/** What a lookup comes to, and after how many ms. */
	const resolve = async (name: string): Promise<readonly [string, number]> => {
		const startMs = clock.now();
		let result: string | undefined;
		void network.resolve(name).then(
			(addresses) => {
				result = addresses.join(" ");
			},
			(error: unknown) => {
				result = error instanceof NetworkError ? error.code : String(error);
			},
		);
		await clock.advanceUntil(() => result !== undefined, 3_600_000);
		return [result ?? "", clock.now() - startMs];
	};
	const a = (name: string, data: string): DnsResponse => ({
		...emptyResponse("NOERROR"),
		answers: [{ name, type: "A", ttlSeconds: 30, data }],
	});

	it("goes through the search list until something is found", async () => {
		stack.answer = (_, { name }) => (name === "web.svc.cluster.local" ? a(name, "10.0.0.1") : emptyResponse("NXDOMAIN"));
		expect(await resolve("web")).toEqual(["10.0.0.1", 0]);
		expect(stack.asked).toEqual(["10.96.0.10 web.default.svc.cluster.local", "10.96.0.10 web.svc.cluster.local"]);
	});

	it("ends with nothing", async () => {
		expect(await resolve("web")).toEqual(["ENOTFOUND", 0]);
		expect(stack.asked.length).toBe(4);
	});

	it("takes what /etc/hosts has before it asks anybody", async () => {
		set(inPod, "10.9.9.9 web\n");
		expect(await resolve("web")).toEqual(["10.9.9.9", 0]);
		expect(await resolve("localhost")).toEqual(["127.0.0.1", 0]);
		expect(stack.asked).toEqual([]);
	});

	it("waits for a server that is silent, then asks the next", async () => {
		set("nameserver 1.1.1.1\nnameserver 2.2.2.2\n");
		stack.answer = (server, { name }) => (server === "2.2.2.2" ? a(name, "10.0.0.2") : undefined);
		expect(await resolve("web")).toEqual(["10.0.0.2", 5000]);
		stack.answer = () => undefined;
		expect(await resolve("web")).toEqual(["EAI_AGAIN", 20_000]);
	});

	it("gives up at once where nobody listens", async () => {
		stack.answer = () => {
			throw new NetworkError("ECONNREFUSED");
		};
		expect(await resolve("web")).toEqual(["EAI_AGAIN", 0]);
	});

	it.each([["a".repeat(300)], [`${"a".repeat(64)}.b`], ["a..b"], ["."], [""], [`${"ab.".repeat(83)}abcdef`]])(
		"asks nobody for %j",
		async (name) => {
			expect((await resolve(name))[0]).toBe("ENOTFOUND");
			expect(stack.asked.every((asked) => asked.length < 270)).toBe(true);
		},
	);
});
