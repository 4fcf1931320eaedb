/**
 * The HTTPS front door. Per request:
 *
 *   TLS ─> authenticate (proxy, certificate, token, anonymous; impersonation) ─> route ─> handler ─> answer
 *                                                                          any error ─> Status
 *
 * HTTP/1.1 only. Client certificates are asked for and never demanded; a bad one is 401, not a broken handshake.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import fastify, {
	type FastifyInstance,
	type FastifyReply,
	type FastifyRequest,
	type FastifyServerOptions,
	type InjectOptions,
	type LightMyRequestResponse,
} from "fastify";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { MetricRegistry } from "../../apimachinery/metrics/registry.ts";
import type { Random } from "../../apimachinery/random.ts";
import { newForbidden, newMethodNotAllowed } from "../../apimachinery/status-error.ts";
import type { Auditor } from "../audit/auditor.ts";
import { followMessage, followResponse } from "../audit/http-audit.ts";
import type { AnonymousConfiguration } from "../authentication/authentication-configuration.ts";
import { ClientCertificateAuthenticator } from "../authentication/client-certificate.ts";
import { FrontProxyAuthenticator, type FrontProxyOptions } from "../authentication/front-proxy.ts";
import type { Require } from "../authorization/question.ts";
import type { FlowController } from "../flowcontrol/flow-controller.ts";
import { encodeValue, wantsPretty } from "./answer.ts";
import type {
	ApiHandler,
	HealthCheck,
	OpenIdIssuer,
	PathAuthorizer,
	RemoteApis,
	StreamingEndpoint,
	TokenAuthenticator,
} from "./api-handler.ts";
import { type Authenticators, authenticate, type CertifiedSocket } from "./authentication.ts";
import { createCatalogSource } from "./catalog.ts";
import { bodyLimitBytes, PortInUseError, toStatusError } from "./errors.ts";
import { EventFrames } from "./event-frames.ts";
import { leaveGate, passGate } from "./gate.ts";
import { Lifecycle } from "./lifecycle.ts";
import { negotiateStatus } from "./media-types.ts";
import { ServerMetrics } from "./metrics.ts";
import { registerResourceRoutes } from "./resource-routes.ts";
import { sendAnswer } from "./send.ts";
import { pathOf, queryOf, type ServerContext } from "./server-context.ts";
import { registerSystemRoutes } from "./system-routes.ts";
import { handleUpgrade } from "./upgrade.ts";

/** A client that sends more than this beyond the limit is cut off. */
const maxDiscardedBytes = 64 * 1024 * 1024;

/** Longer than Go's client keeps an idle connection (90 s), so that it is the client who closes. */
const keepAliveMs = 120_000;

type CompilersFactory = NonNullable<NonNullable<FastifyServerOptions["schemaController"]>["compilersFactory"]>;

/** No route has a schema of fastify's: without this it would load ajv and a serializer compiler, half of the start-up time. */
const noSchemaCompilers = {
	buildValidator: () => () => () => true,
	buildSerializer: () => () => JSON.stringify,
} as unknown as CompilersFactory;

export interface HttpServerOptions {
	readonly handler: ApiHandler;
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	/** PEM texts. */
	readonly tls: { readonly cert: string; readonly key: string; readonly clientCa: string };
	/** Absent: every bearer token is refused. */
	readonly authenticateToken?: TokenAuthenticator;
	/** Absent: everybody may read paths that are not resources (health, version, discovery, OpenAPI, metrics). */
	readonly authorizePath?: PathAuthorizer;
	/** Decides who may act as whom; absent: only the cluster's administrators may act as others. */
	readonly require?: Require;
	/** Absent: nobody may speak for others (`X-Remote-User`). */
	readonly frontProxy?: FrontProxyOptions;
	/** Whether who says nothing of himself is let in, and to which paths; default to all. */
	readonly anonymous?: AnonymousConfiguration;
	/** Absent: nothing is said about who signs service account tokens. */
	readonly openId?: OpenIdIssuer;
	readonly healthChecks?: readonly HealthCheck[];
	/** Absent: pods/log, exec, attach and portforward answer 501. */
	readonly streaming?: StreamingEndpoint;
	/** Absent: every request is served at once, however many there are. */
	readonly flowControl?: FlowController;
	/** Absent: nobody else answers for anything. */
	readonly remoteApis?: RemoteApis | undefined;
	/** Absent: nobody audits. */
	readonly auditor?: Auditor | undefined;
	/** More metrics for /metrics. */
	readonly metrics?: readonly MetricRegistry[];
}

export interface ListenAddress {
	readonly host: string;
	readonly port: number;
}

/** A connection that came by another way than a socket: TLS is behind it. */
export type HandedOver = Duplex & CertifiedSocket & Required<Pick<Socket, "remoteAddress" | "remotePort">>;

export interface HttpServer {
	/**
	 * Starts to listen; port 0 takes any free one.
	 * @throws PortInUseError
	 */
	listen(address: ListenAddress): Promise<ListenAddress>;
	/** Serves what comes on a connection of the caller's, whether or not the server listens; resolves when it is closed. */
	serve(connection: HandedOver): Promise<void>;
	/** Takes no more requests, ends watches and streams, waits for what is under way and closes every connection. */
	close(): Promise<void>;
	/** A request without a socket (and without a client certificate), for tests. */
	inject(request: InjectOptions): Promise<LightMyRequestResponse>;
}

export function createHttpServer(options: HttpServerOptions): HttpServer {
	const lifecycle = new Lifecycle();
	const context: ServerContext = {
		handler: options.handler,
		clock: options.clock,
		random: options.random,
		log: options.log,
		metrics: new ServerMetrics(options.clock, metricsOf(options)),
		catalog: createCatalogSource(options.handler),
		authorizePath: options.authorizePath,
		healthChecks: [...(options.healthChecks ?? []), lifecycle.check],
		streaming: options.streaming,
		openId: options.openId,
		flowControl: options.flowControl,
		auditor: options.auditor,
		remoteApis: options.remoteApis,
		lifecycle,
		watches: new Set(),
		frames: new EventFrames(),
	};
	const authenticators: Authenticators = {
		frontProxy: options.frontProxy === undefined ? undefined : new FrontProxyAuthenticator(options.frontProxy),
		certificates: new ClientCertificateAuthenticator(options.tls.clientCa),
		authenticateToken: options.authenticateToken,
		anonymous: options.anonymous ?? { enabled: true, paths: [] },
		require: options.require ?? requireMasters,
	};
	const app = createApp(options.tls, context);
	registerHooks(app, context, authenticators);
	registerSystemRoutes(app, context);
	registerResourceRoutes(app, context);
	const plain = (message: IncomingMessage, response: ServerResponse) => app.server.emit("request", message, response);
	app.server.on("upgrade", (message, socket, head) => handleUpgrade(plain, context, authenticators, message, socket, head));
	const handedOver = new Set<HandedOver>();
	return {
		listen: (address) => listen(app, address),
		serve: (connection) => serve(app, handedOver, connection),
		close: async () => {
			await close(app, context, () => {
				for (const connection of handedOver) connection.destroy();
			});
		},
		inject: async (request) => app.inject(request),
	};
}

/** Without an authorizer, whoever may do everything may also do it as somebody else. */
const requireMasters: Require = (question) => {
	if (question.user.groups.includes("system:masters")) return;
	const { user, verb } = question;
	const what = question.path ?? question.resource;
	throw newForbidden({ group: "", resource: what }, "", `User ${JSON.stringify(user.name)} cannot ${verb} ${what}`);
};

/** The server's own and those of its flow control. */
function metricsOf({ metrics = [], flowControl }: HttpServerOptions): readonly MetricRegistry[] {
	return flowControl === undefined ? metrics : [...metrics, flowControl.metrics];
}

/** How long connections have to end by themselves when everything on them is answered, ms. */
const connectionLimitMs = 1_000;

/** /readyz fails, watches end, requests that run are finished; then connections are closed. */
async function close(app: FastifyInstance, context: ServerContext, closeHandedOver: () => void): Promise<void> {
	context.lifecycle.startEnding();
	context.streaming?.close();
	// Whoever is behind them ends with the cluster.
	closeHandedOver();
	await endWatches(context);
	await context.lifecycle.idle(context.clock);
	context.flowControl?.stop();
	// What still holds a connection, a client that reads nothing for instance, holds nobody up.
	const limit = context.clock.setTimeout(() => app.server.closeAllConnections(), connectionLimitMs);
	await app.close().finally(() => limit.cancel());
}

function createApp(tls: HttpServerOptions["tls"], context: ServerContext): FastifyInstance {
	const app: FastifyInstance = fastify({
		https: {
			cert: tls.cert,
			key: tls.key,
			ca: tls.clientCa,
			requestCert: true,
			rejectUnauthorized: false,
			ALPNProtocols: ["http/1.1"],
		},
		bodyLimit: bodyLimitBytes,
		exposeHeadRoutes: false,
		forceCloseConnections: true,
		return503OnClosing: false,
		keepAliveTimeout: keepAliveMs,
		logger: false,
		clientErrorHandler: refuseMalformed,
		schemaController: { compilersFactory: noSchemaCompilers },
		frameworkErrors: (error, request, reply) => {
			void sendError(context, error, request as FastifyRequest, reply as FastifyReply);
		},
	}) as unknown as FastifyInstance;
	app.removeAllContentTypeParsers();
	app.addContentTypeParser("*", { parseAs: "buffer" }, async (_request: FastifyRequest, body: Buffer) => body);
	return app;
}

/** What is no HTTP request at all gets the answer that Go's net/http gives. */
function refuseMalformed(error: { readonly code?: string }, socket: Socket): void {
	const status = error.code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large" : "400 Bad Request";
	if (socket.writable) socket.write(`HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`);
	socket.destroy();
}

function registerHooks(app: FastifyInstance, context: ServerContext, authenticators: Authenticators): void {
	const { metrics, random, clock } = context;
	app.decorateRequest("user");
	app.decorateRequest("series");
	app.decorateRequest("audit");
	app.decorateRequest("passage");
	app.decorateRequest("startMs", 0);
	app.decorateRequest("sentBytes", 0);
	app.addHook("onRequest", async (request, reply) => {
		request.startMs = clock.now();
		const given = request.headers["audit-id"];
		const auditId = typeof given === "string" ? given : random.uuid();
		// On the raw answer, so that watches and streams, which bypass the framework, have them too.
		reply.raw.setHeader("Audit-Id", auditId);
		reply.raw.setHeader("Cache-Control", "no-cache, private");
		request.audit = context.auditor && followMessage(context.auditor, request.raw, auditId, request.startMs);
		request.user = await authenticate(request.raw, authenticators, clock.now(), request.audit);
		if (request.audit !== undefined) followResponse(request.audit, reply.raw);
	});
	app.addHook("preHandler", (request, reply) => passGate(context, request, reply));
	app.addHook("onResponse", async (request, reply) => {
		leaveGate(context, request.passage);
		const series = request.series ?? metrics.ofPath("", request.method);
		const sizeBytes = request.sentBytes || Number(reply.getHeader("content-length") ?? 0);
		series.count(reply.raw.statusCode, (clock.now() - request.startMs) / 1000, sizeBytes);
	});
	// Paths outside the API: kube-apiserver leaves them to Go's own mux.
	app.setNotFoundHandler(async (request, reply) => {
		const path = pathOf(request);
		// A method that no route knows, such as SEARCH.
		if (/^\/apis?(?:\/|$)/.test(path)) throw newMethodNotAllowed();
		await context.authorizePath?.(request.user, request.method.toLowerCase(), path);
		return reply.code(404).header("x-content-type-options", "nosniff").type("text/plain; charset=utf-8").send("404 page not found\n");
	});
	app.setErrorHandler((error, request, reply) => sendError(context, error, request, reply));
}

async function sendError(context: ServerContext, error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
	const { failure, isUnexpected } = toStatusError(error);
	if (failure.code === 413) await discardBody(request.raw);
	if (isUnexpected) {
		const stack = error instanceof Error ? error.stack : String(error);
		context.log.error("request failed", { method: request.method, url: request.url, stack });
	}
	request.audit?.responded(failure.status);
	const seconds = failure.status.details?.retryAfterSeconds;
	if (seconds !== undefined) reply.header("retry-after", String(seconds));
	const pretty = wantsPretty(queryOf(request.raw.url), request.headers["user-agent"] ?? "");
	return sendAnswer(reply, failure.code, await encodeValue(failure.status, negotiateStatus(request.headers.accept), pretty));
}

/** Reads on to the end of a body that was given up: most clients look for an answer only when they have sent everything. */
async function discardBody(message: IncomingMessage): Promise<void> {
	if (message.readableEnded || message.destroyed) return;
	const { promise, resolve } = Promise.withResolvers<void>();
	let sizeBytes = 0;
	message.on("data", (chunk: Buffer) => {
		sizeBytes += chunk.length;
		if (sizeBytes > maxDiscardedBytes) resolve();
	});
	for (const event of ["end", "close", "error"]) message.once(event, () => resolve());
	message.resume();
	await promise;
}

/** Ends every watch and waits until its last bytes are with the kernel. */
async function endWatches({ watches }: ServerContext): Promise<void> {
	await Promise.all([...watches].map((watch) => watch.close()));
}

async function serve(app: FastifyInstance, handedOver: Set<HandedOver>, connection: HandedOver): Promise<void> {
	await app.ready();
	const { promise, resolve } = Promise.withResolvers<void>();
	handedOver.add(connection);
	connection.on("error", () => connection.destroy());
	connection.once("close", () => {
		handedOver.delete(connection);
		resolve();
	});
	// What a TLS server tells its HTTP server of a connection whose handshake is done.
	app.server.emit("secureConnection", connection);
	await promise;
}

async function listen(app: FastifyInstance, address: ListenAddress): Promise<ListenAddress> {
	try {
		await app.listen({ host: address.host, port: address.port });
	} catch (error) {
		if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") throw new PortInUseError(address.host, address.port);
		throw error;
	}
	const { port } = app.server.address() as AddressInfo;
	return { host: address.host, port };
}
