/** What the kubelet asks over HTTP, and where it is sent. */
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import type { HTTPGetAction } from "../../apimachinery/schema/generated/types.ts";
import { type HttpRequest, type HttpResponse, httpServer, LoopbackNetwork } from "../../host/index.ts";
import type { ActionTarget } from "./action-target.ts";
import { getOverHttp } from "./probe-http.ts";

/** @returns what was asked, and what came of it */
async function ask(action: Partial<HTTPGetAction>, answer: (request: HttpRequest) => HttpResponse = () => ({ status: 200 })) {
	const network = new LoopbackNetwork("10.0.0.7");
	const asked: HttpRequest[] = [];
	network.listen(
		8080,
		httpServer((request) => {
			asked.push(request);
			return answer(request);
		}),
	);
	const spec = { name: "c", ports: [{ name: "web", containerPort: 8080 }] };
	const target = { container: { machine: { network } }, spec, pod: {}, podIp: "10.0.0.7", clock: new VirtualClock() };
	const result = await getOverHttp({ port: 8080, ...action }, target as unknown as ActionTarget, 1_000).then(
		({ status }) => status,
		(error: Error) => error.message,
	);
	return { asked: asked.map(({ target: path, headers }) => ({ path, headers: Object.fromEntries(headers) })), result };
}

const usual = { host: "10.0.0.7:8080", "user-agent": "kube-probe/1.36", accept: "*/*", connection: "close" };

describe("headers", () => {
	it.each<[what: string, httpHeaders: HTTPGetAction["httpHeaders"], sent: Readonly<Record<string, string>>]>([
		["are the kubelet's", undefined, usual],
		["of one's own come to them", [{ name: "X-Probe", value: "1" }], { ...usual, "x-probe": "1" }],
		[
			"take the place of the kubelet's",
			[
				{ name: "user-agent", value: "me" },
				{ name: "Accept", value: "text/html" },
			],
			{ ...usual, "user-agent": "me", accept: "text/html" },
		],
		["name another host", [{ name: "host", value: "shop.example" }], { ...usual, host: "shop.example" }],
		[
			"that are empty take the kubelet's away",
			[{ name: "Accept", value: "" }],
			{ host: usual.host, "user-agent": usual["user-agent"], connection: "close" },
		],
		[
			"may come twice",
			[
				{ name: "X", value: "1" },
				{ name: "x", value: "2" },
			],
			{ ...usual, x: "1, 2" },
		],
	])("%s", async (_, httpHeaders, sent) => {
		const { asked, result } = await ask(httpHeaders === undefined ? {} : { httpHeaders });
		expect([result, asked[0]?.headers]).toEqual([200, sent]);
	});
});

describe("the path", () => {
	it.each([
		[undefined, "/"],
		["", "/"],
		["healthz", "/healthz"],
		["/healthz?deep=1&x=%2F", "/healthz?deep=1&x=%2F"],
	])("%s is asked as %s", async (path, asked) => {
		expect((await ask(path === undefined ? {} : { path })).asked[0]?.path).toBe(asked);
	});

	it("may be that of a named port", async () => {
		expect((await ask({ port: "web" })).result).toBe(200);
	});
});

describe("redirects", () => {
	const to = (location: string, status = 302) => ({ status, headers: { Location: location } });

	it("are followed on the host, ten times at most", async () => {
		const { asked, result } = await ask({ path: "/loop" }, () => to("/loop"));
		expect([asked.length, result]).toEqual([10, 'Get "http://10.0.0.7:8080/loop": stopped after 10 redirects']);
		const once = await ask({ path: "/old" }, ({ target }) => (target === "/old" ? to("new", 308) : { status: 204 }));
		expect([once.asked.map(({ path }) => path), once.result]).toEqual([["/old", "/new"], 204]);
	});

	it("to another host are not", async () => {
		expect((await ask({}, () => to("http://example.com/"))).result).toBe(302);
	});
});
