/**
 * /api and /apis: HTTP requests become `ApiRequest`s, the pipeline's answers become HTTP answers.
 *
 *   URL, query, body ──> ApiRequest ──> handler.handle ──> object, list or Status ──> JSON, YAML or Table
 *                                  └──> handler.watch ───> WatchStream
 *                                  └──> streaming.log ───> text
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ApiRequest, Verb, WatchEvent } from "../../apimachinery/api-request.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { newBadRequest, newMethodNotAllowed, newNotImplemented } from "../../apimachinery/status-error.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import { discoveryDocument } from "../aggregation/merged-discovery.ts";
import type { AuditTrail } from "../audit/audit-trail.ts";
import { auditedAnswer, requestedObject } from "../audit/http-audit.ts";
import { readRequestInfo } from "../request-info.ts";
import { type AnswerContext, convertObject, encodeAnswer, encodeValue, newNoList, printerFor, wantsPretty } from "./answer.ts";
import { leaveGate, withinDeadline } from "./gate.ts";
import { type Accepted, negotiateObject, negotiateStream } from "./media-types.ts";
import { isWatchQuery } from "./query-options.ts";
import { bareRequest, readApiRequest, readWatchRequest, type SentRequest } from "./request-reader.ts";
import { type RequestTarget, resolveTarget, splitProxyPath } from "./request-target.ts";
import { sendAnswer } from "./send.ts";
import { pathOf, queryOf, type ServerContext } from "./server-context.ts";
import { warningHeaders } from "./warnings.ts";
import { type EventTransform, WatchStream } from "./watch-stream.ts";

/** kube-apiserver's --min-request-timeout: watches that name no time-out live between this and twice this. */
const minWatchSeconds = 1800;

/** Subresources that are streams; only the log may be read without an upgrade. */
const upgradedSubresources: ReadonlySet<string> = new Set(["exec", "attach", "portforward"]);

export function registerResourceRoutes(app: FastifyInstance, context: ServerContext): void {
	const method = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
	for (const url of ["/api", "/api/*", "/apis", "/apis/*"]) {
		app.route({
			method,
			url,
			onRequest: (request, reply) => serveProxy(context, request, reply),
			handler: (request, reply) => serve(context, request, reply),
		});
	}
}

async function serve(context: ServerContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
	const path = pathOf(request);
	const target = request.passage?.target;
	if (target === undefined) return serveDiscovery(context, request, reply, path);
	const query = queryOf(request.raw.url);
	const { subresource } = target.resource;
	if (subresource === "log") return serveLog(context, request, reply, target, query);
	if (upgradedSubresources.has(subresource)) throw newBadRequest("Upgrade request required");
	if (target.verb === "watch") return serveWatch(context, request, reply, target, query);
	return serveOnce(context, request, reply, target, query);
}

/** Proxied requests are taken before their bodies are read, which may be of any size. */
async function serveProxy(context: ServerContext, request: FastifyRequest, reply: FastifyReply): Promise<void> {
	const path = pathOf(request);
	if (context.remoteApis?.serves(path) === true) {
		await authorizeRemote(context, request.user, request.method, request.raw.url ?? path, request.audit);
		await context.remoteApis.proxy(request.user, path, request.raw, reply.raw);
		reply.hijack();
		return;
	}
	if (!path.includes("/proxy")) return;
	const query = queryOf(request.raw.url);
	const target = resolveTarget(context.catalog().index, request.method, path, isWatchQuery(query));
	if (target.resource.subresource !== "proxy") return;
	const { streaming } = context;
	if (streaming === undefined) throw newNotImplemented(`${target.resource.resource}/proxy`);
	const series = context.metrics.ofTarget(target, "connect", false);
	request.series = series;
	series.longRunning.add();
	try {
		const stream = { user: request.user, request: bareRequest(target, request.audit), query, ...splitProxyPath(path, target) };
		await streaming.proxy(stream, request.raw, reply.raw);
	} catch (error) {
		if (!reply.raw.headersSent) throw error;
		context.log.warn("proxied answer broke off", { path, error: String(error) });
		reply.raw.destroy();
	} finally {
		series.longRunning.add(-1);
	}
	reply.hijack();
}

/** What another server answers for, this one decides about all the same; it knows of it what the URL says. Rejects with Forbidden. */
export async function authorizeRemote(
	{ handler, authorizePath }: ServerContext,
	user: UserInfo,
	method: string,
	url: string,
	audit: AuditTrail | undefined,
): Promise<void> {
	const { isResource, verb, path, group, version, resource, subresource, namespace, name } = readRequestInfo(method, url);
	if (!isResource) {
		await authorizePath?.(user, verb, path);
		return;
	}
	await handler.authorize?.(user, {
		verb: verb as Verb,
		group,
		version,
		resource,
		...(subresource === "" ? {} : { subresource }),
		...(namespace === "" ? {} : { namespace }),
		...(name === "" ? {} : { name }),
		...(audit?.isRecorded === true ? { auditAnnotations: audit.annotations } : {}),
	});
}

async function serveDiscovery(context: ServerContext, request: FastifyRequest, reply: FastifyReply, path: string): Promise<FastifyReply> {
	await context.authorizePath?.(request.user, request.method.toLowerCase(), path);
	const document = discoveryDocument(context.catalog().discovery, context.remoteApis, path, request.headers.accept);
	if (request.method !== "GET") throw newMethodNotAllowed();
	reply.header("vary", "Accept");
	if (document.etag !== undefined) {
		reply.header("etag", document.etag);
		if (request.headers["if-none-match"] === document.etag) return reply.code(304).send();
	}
	const answer = await encodeValue(document.value, document.encoding, wantsPretty(queryOf(request.raw.url), userAgentOf(request)));
	return sendAnswer(reply, 200, { ...answer, contentType: document.contentType ?? answer.contentType });
}

async function serveOnce(
	context: ServerContext,
	request: FastifyRequest,
	reply: FastifyReply,
	target: RequestTarget,
	query: URLSearchParams,
): Promise<FastifyReply> {
	const accepted = negotiateObject(request.headers.accept);
	const apiRequest = await readAuthorized(context, request, target, query);
	if (request.audit?.isRecorded === true) {
		request.audit.requested(requestedObject(apiRequest, target.resource, context.catalog().kindOf(target.resource)));
	}
	if (apiRequest.options?.dryRun === true) request.series = context.metrics.ofDryRun(request.series, target);
	const response = await withinDeadline(context, request.passage?.deadlineMs, context.handler.handle(request.user, apiRequest));
	if (response.warnings.length > 0) reply.header("warning", warningHeaders(response.warnings));
	const answer = await encodeAnswer(response.object, answerContext(context, request, target, query, accepted));
	return sendAnswer(reply, response.code, request.audit === undefined ? answer : auditedAnswer(request.audit, response.object, answer));
}

async function serveWatch(
	context: ServerContext,
	request: FastifyRequest,
	reply: FastifyReply,
	target: RequestTarget,
	query: URLSearchParams,
): Promise<FastifyReply> {
	const accepted = negotiateStream(request.headers.accept);
	if (accepted.conversion?.kind === "PartialObjectMetadataList") throw newNoList(target.resource);
	const asked = readWatchRequest(sentOf(request), target, query);
	const seconds = asked.options?.timeoutSeconds || minWatchSeconds * (1 + context.random.next());
	const apiRequest = { ...asked, options: { ...asked.options, timeoutSeconds: seconds } };
	const transform = eventTransform(answerContext(context, request, target, query, accepted), context);
	const longRunning = request.series?.longRunning;
	longRunning?.add();
	const timer = context.clock.setTimeout(() => stream.end(), seconds * 1000);
	const onBroken = (error: unknown) =>
		context.log.error("an event of a watch cannot be written", { url: request.url, error: String(error) });
	const stream = new WatchStream(
		reply.raw,
		{ frames: context.frames, transform, onBroken },
		context.metrics.ofWatch(target.resource),
		() => {
			timer.cancel();
			longRunning?.add(-1);
			context.watches.delete(stream);
		},
	);
	const handle = await context.handler.watch(request.user, apiRequest, stream);
	context.watches.add(stream);
	leaveGate(context, request.passage);
	reply.hijack();
	stream.accept(handle, {});
	return reply;
}

async function serveLog(
	context: ServerContext,
	request: FastifyRequest,
	reply: FastifyReply,
	target: RequestTarget,
	query: URLSearchParams,
): Promise<FastifyReply> {
	const { streaming } = context;
	if (streaming === undefined) throw newNotImplemented("pods/log");
	const longRunning = request.series?.longRunning;
	longRunning?.add();
	try {
		await streaming.log({ user: request.user, request: bareRequest(target, request.audit), query }, reply.raw);
	} catch (error) {
		if (!reply.raw.headersSent) throw error;
		context.log.warn("log stream broke off", { path: pathOf(request), error: String(error) });
		reply.raw.destroy();
	} finally {
		longRunning?.add(-1);
	}
	return reply.hijack();
}

/**
 * Who may not do a thing is told nothing else about it: writes are decided about before their bodies are looked at, and again
 * with what they say. Reads are decided about once, by the pipeline, which knows their selectors; unless they cannot be read.
 */
async function readAuthorized(
	{ handler }: ServerContext,
	request: FastifyRequest,
	target: RequestTarget,
	query: URLSearchParams,
): Promise<ApiRequest> {
	const authorize = () => handler.authorize?.(request.user, bareRequest(target, request.audit));
	if (target.verb !== "get" && target.verb !== "list") {
		await authorize();
		return readApiRequest(sentOf(request), target, query);
	}
	try {
		return await readApiRequest(sentOf(request), target, query);
	} catch (error) {
		await authorize();
		throw error;
	}
}

function answerContext(
	context: ServerContext,
	request: FastifyRequest,
	target: RequestTarget,
	query: URLSearchParams,
	accepted: Accepted,
): AnswerContext {
	return {
		resource: target.resource,
		kind: context.catalog().kindOf(target.resource),
		accepted,
		query,
		pretty: wantsPretty(query, userAgentOf(request)),
		nowMs: context.clock.now(),
	};
}

/** The shape of a watch's events; only a table's first event carries the column definitions. */
function eventTransform(answer: AnswerContext, { clock }: ServerContext): EventTransform {
	const { conversion } = answer.accepted;
	if (conversion === undefined) return (event) => event.object;
	const printer = printerFor(answer);
	let isFirst = true;
	return (event: WatchEvent): KubeObject => {
		if (event.type === "ERROR") return event.object;
		if (printer === undefined) return convertObject(event.object, conversion, undefined, answer);
		const withDefinitions = isFirst;
		isFirst = false;
		if (event.type === "BOOKMARK") return printer.emptyTable(event.object, withDefinitions);
		return printer.table(event.object, { nowMs: clock.now() }, withDefinitions);
	};
}

function sentOf(request: FastifyRequest): SentRequest {
	return {
		contentType: request.headers["content-type"],
		bytes: bodyOf(request),
		userAgent: userAgentOf(request),
		...(request.audit === undefined ? {} : { audit: request.audit }),
	};
}

function bodyOf(request: FastifyRequest): Buffer {
	return Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
}

function userAgentOf(request: FastifyRequest): string {
	return request.headers["user-agent"] ?? "";
}
