/** Paths that are not resources: the index of paths, health, version, metrics and OpenAPI. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { newNotAcceptable, newPathNotFound } from "../../apimachinery/status-error.ts";
import { encodeValue, wantsPretty } from "./answer.ts";
import type { OpenIdIssuer } from "./api-handler.ts";
import { checkHealth, checkOne, checksOf, type HealthAnswer, healthEndpoints } from "./health.ts";
import { parseAccept } from "./media-types.ts";
import { sendAnswer } from "./send.ts";
import { pathOf, queryOf, type ServerContext } from "./server-context.ts";
import { versionInfo } from "./version.ts";

const openIdPaths = { configuration: "/.well-known/openid-configuration", keys: "/openid/v1/jwks" } as const;
const metricsType = "text/plain; version=0.0.4; charset=utf-8";
const oneYearSeconds = 365 * 24 * 3600;

export function registerSystemRoutes(app: FastifyInstance, context: ServerContext): void {
	const get = (url: string, handler: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>) => {
		// Named by the route, not by the path, so that their number is bounded.
		const series = context.metrics.ofPath(url.replace(/\/\*?$/, "") || "/", "GET");
		app.get(url, async (request, reply) => {
			request.series = series;
			await context.authorizePath?.(request.user, "get", pathOf(request));
			return handler(request, reply);
		});
	};
	get("/", (request, reply) => sendJson(request, reply, { paths: pathIndex(context) }));
	get("/version", (request, reply) => sendJson(request, reply, versionInfo()));
	get("/version/", (request, reply) => sendJson(request, reply, versionInfo()));
	get("/metrics", async (_request, reply) => reply.type(metricsType).send(context.metrics.render()));
	registerHealth(get, context);
	if (context.openId !== undefined) registerOpenId(get, context.openId);
	get("/openapi/v2", (request, reply) => serveOpenApiV2(context, request, reply));
	get("/openapi/v3", (request, reply) => serveOpenApiV3Index(context, request, reply));
	get("/openapi/v3/*", (request, reply) => serveOpenApiV3(context, request, reply));
}

type Register = (url: string, handler: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>) => void;

/**
 * Who signs service account tokens. Source: pkg/routes/openidmetadata.go, pkg/serviceaccount/openidmetadata.go;
 * https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery
 */
function registerOpenId(get: Register, { issuer, keys, url }: OpenIdIssuer): void {
	const send = (reply: FastifyReply, contentType: string, value: unknown) => {
		// These documents are the same for everybody.
		reply.raw.setHeader("Cache-Control", "public, max-age=3600");
		return sendAnswer(reply, 200, { contentType, pieces: [Buffer.from(JSON.stringify(value))] });
	};
	get(openIdPaths.configuration, async (_request, reply) =>
		send(reply, "application/json", {
			issuer,
			jwks_uri: `${url()}${openIdPaths.keys}`,
			response_types_supported: ["id_token"],
			subject_types_supported: ["public"],
			id_token_signing_alg_values_supported: [...new Set(keys.map(({ alg }) => alg))].sort(),
		}),
	);
	get(openIdPaths.keys, async (_request, reply) => send(reply, "application/jwk-set+json", { keys }));
}

function registerHealth(get: Register, context: ServerContext): void {
	const onFailure = (check: string, error: unknown) => context.log.warn("health check failed", { check, error: String(error) });
	for (const endpoint of healthEndpoints) {
		get(`/${endpoint}`, async (request, reply) =>
			sendHealth(reply, await checkHealth(endpoint, context.healthChecks, queryOf(request.raw.url), onFailure)),
		);
		get(`/${endpoint}/*`, async (request, reply) => {
			const name = decodeURIComponent(pathOf(request).slice(endpoint.length + 2));
			return sendHealth(reply, await checkOne(endpoint, name, context.healthChecks, onFailure));
		});
	}
}

function sendHealth(reply: FastifyReply, answer: HealthAnswer): FastifyReply {
	return reply.code(answer.code).header("x-content-type-options", "nosniff").type("text/plain; charset=utf-8").send(answer.text);
}

async function sendJson(request: FastifyRequest, reply: FastifyReply, value: unknown): Promise<FastifyReply> {
	// These documents are for people as much as for programs: kube-apiserver indents them always.
	return sendAnswer(reply, 200, await encodeValue(value, "json", queryOf(request.raw.url).get("pretty") !== "false"));
}

async function serveOpenApiV2(context: ServerContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
	const { openApiOf } = await import("../openapi/openapi.ts");
	const documents = openApiOf(context.catalog());
	const format = openApiV2Format(request.headers.accept);
	const document = format === "protobuf" ? documents.v2Protobuf() : documents.v2();
	reply.header("etag", document.etag).header("vary", "Accept");
	if (request.headers["if-none-match"] === document.etag) return reply.code(304).send();
	return sendAnswer(reply, 200, { contentType: document.contentType, pieces: [document.bytes] });
}

/** JSON unless protobuf, which client-go asks for, is named first. */
function openApiV2Format(accept: string | undefined): "json" | "protobuf" {
	const ranges = parseAccept(accept ?? "");
	if (ranges.length === 0) return "json";
	for (const { type } of ranges) {
		if (["application/json", "application/*", "*/*"].includes(type)) return "json";
		if (type.startsWith("application/com.github.") && type.includes("openapi.spec.v2")) return "protobuf";
	}
	throw newNotAcceptable(
		"only the following media types are accepted: application/json, application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
	);
}

async function serveOpenApiV3Index(context: ServerContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
	const { openApiOf } = await import("../openapi/openapi.ts");
	const { paths } = openApiOf(context.catalog()).v3Index();
	const remote = (context.remoteApis?.groups() ?? []).flatMap(({ versions }) => versions.map(({ groupVersion }) => `apis/${groupVersion}`));
	const further = remote.map((path) => [path, { serverRelativeURL: `/openapi/v3/${path}` }] as const);
	const value = { paths: { ...paths, ...Object.fromEntries(further) } };
	return sendAnswer(
		reply,
		200,
		await encodeValue(value, "json", wantsPretty(queryOf(request.raw.url), request.headers["user-agent"] ?? "")),
	);
}

async function serveOpenApiV3(context: ServerContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
	const { openApiOf } = await import("../openapi/openapi.ts");
	const path = pathOf(request).slice("/openapi/v3/".length);
	if (context.remoteApis?.serves(`/${path}`) === true) {
		await context.remoteApis.proxy(request.user, `/${path}`, request.raw, reply.raw);
		return reply.hijack();
	}
	const document = openApiOf(context.catalog()).v3(path);
	if (document === undefined) throw newPathNotFound();
	reply.header("etag", document.etag).header("vary", "Accept");
	const hash = queryOf(request.raw.url).get("hash");
	// The index names every document with its hash, so that one fetched by its hash never goes stale.
	if (hash !== null) reply.raw.setHeader("Cache-Control", `public, immutable, max-age=${oneYearSeconds}`);
	if (request.headers["if-none-match"] === document.etag) return reply.code(304).send();
	return sendAnswer(reply, 200, { contentType: document.contentType, pieces: [document.bytes] });
}

function pathIndex(context: ServerContext): readonly string[] {
	const health = healthEndpoints.flatMap((endpoint) => [
		`/${endpoint}`,
		...checksOf(endpoint, context.healthChecks).map((check) => `/${endpoint}/${check.name}`),
	]);
	const versions = context.catalog().discovery.groupVersionPaths();
	const openId = context.openId === undefined ? [] : Object.values(openIdPaths);
	const fixed = [...openId, "/api", "/apis", "/metrics", "/openapi/v2", "/openapi/v3", "/version"];
	return [...new Set([...fixed, ...health, ...versions, ...versions.map((path) => `/openapi/v3${path}`)])].sort();
}
