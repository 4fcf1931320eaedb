import { expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../../apimachinery/log.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import { loadOrCreatePki } from "../pki/pki.ts";
import type { StreamingEndpoint } from "./api-handler.ts";
import { MemoryHandler } from "./memory-handler.test-kit.ts";
import { createHttpServer, type HttpServerOptions } from "./server.ts";

const startMs = Date.UTC(2026, 0, 1);
const pki = await loadOrCreatePki(undefined, { nowMs: startMs });

function serve(options: Partial<HttpServerOptions> = {}) {
	return createHttpServer({
		handler: new MemoryHandler(),
		clock: new VirtualClock(startMs),
		random: new SeededRandom(1),
		log: silentLog,
		tls: { cert: pki.apiServer.cert, key: pki.apiServer.key, clientCa: pki.ca.cert },
		frontProxy: { ca: pki.frontProxy.ca.cert, allowedNames: [] },
		authenticateToken: async (token) => (token === "sesame" ? { name: "root", groups: ["system:masters"] } : undefined),
		...options,
	});
}

test("credentials and names go no further than the front door", async () => {
	const seen: unknown[] = [];
	const streaming: StreamingEndpoint = {
		log: async () => undefined,
		proxyUpgrade: async () => undefined,
		upgrade: async () => undefined,
		close: () => undefined,
		proxy: async ({ user }, message, response) => {
			seen.push(user.name, Object.keys(message.headers).sort());
			response.end();
		},
	};
	const headers = {
		authorization: "Bearer sesame",
		"X-Remote-User": "mallory",
		"X-Remote-Group": "system:masters",
		"X-Remote-Uid": "0",
		"X-Remote-Extra-Scopes": "all",
		"Impersonate-User": "bob",
		"Impersonate-Group": "dev",
		"Impersonate-Uid": "7",
		"Impersonate-Extra-acme.io%2fk": "v",
		"X-Own": "stays",
	};
	const server = serve({ streaming, require: () => undefined });
	await server.inject({ url: "/api/v1/namespaces/default/pods/web/proxy/", headers });
	expect(seen).toEqual(["bob", ["host", "user-agent", "x-own"]]);
});

test("who says nothing of himself is refused where nobody may be anonymous", async () => {
	const codes = async (options: Partial<HttpServerOptions>) => {
		const server = serve(options);
		const answers = [
			await server.inject({ url: "/version" }),
			await server.inject({ url: "/version", headers: { authorization: "Bearer sesame" } }),
		];
		return answers.map(({ statusCode }) => statusCode);
	};
	expect(await codes({})).toEqual([200, 200]);
	expect(await codes({ anonymous: { enabled: false, paths: [] } })).toEqual([401, 200]);
	expect(await codes({ anonymous: { enabled: true, paths: ["/version"] } })).toEqual([200, 200]);
	expect(await codes({ anonymous: { enabled: true, paths: ["/livez", "/version/", "/"] } })).toEqual([401, 200]);
});
