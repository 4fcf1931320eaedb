/**
 * What every request passes before a route serves it, in this order:
 *
 *   is the server ending? ─▶ what is it about? ─▶ how long may it take? ─▶ is there room for it (API Priority and Fairness)?
 *
 * Source: the handler chain of k8s.io/apiserver/pkg/server/config.go: WithWaitGroup, WithRequestInfo, WithRequestDeadline,
 * WithPriorityAndFairness.
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import { newBadRequest, newTimeout } from "../../apimachinery/status-error.ts";
import { parseGoDuration } from "../../apimachinery/time.ts";
import { type Admission, FlowController } from "../flowcontrol/flow-controller.ts";
import type { FlowRequest } from "../flowcontrol/flow-request.ts";
import { bareType } from "./media-types.ts";
import type { Passage } from "./passage.ts";
import { isWatchQuery } from "./query-options.ts";
import { type RequestTarget, resolveTarget } from "./request-target.ts";
import { pathOf, queryOf, type ServerContext } from "./server-context.ts";

/** kube-apiserver's --request-timeout. */
const defaultTimeoutMs = 60_000;
/** A queue may take up so much of a request's time, and never more than a minute. */
const queueShare = 1 / 4;
const maxQueueMs = 60_000;

/** Answers of which nobody knows how long they will be: neither their time nor their number is limited. */
const streams: ReadonlySet<string> = new Set(["log", "exec", "attach", "portforward", "proxy"]);
const healthPath = /^\/(?:healthz|livez|readyz)(?:\/|$)/;

/**
 * Lets a request pass, when there is room for it. Answers by itself, with 429, when there will be none.
 * @throws StatusError ServiceUnavailable, NotFound, MethodNotAllowed or BadRequest
 */
export async function passGate(context: ServerContext, request: FastifyRequest, reply: FastifyReply): Promise<void> {
	const path = pathOf(request);
	if (context.lifecycle.isEnding && !healthPath.test(path)) {
		reply.raw.setHeader("Retry-After", "1");
		throw context.lifecycle.refusal();
	}
	const query = queryOf(request.raw.url);
	const target = targetOf(context, request.method, path, query);
	if (target !== undefined) request.series = context.metrics.ofTarget(target, metricVerb(target, request), false);
	const isWatch = target?.verb === "watch";
	const isStream = target !== undefined && streams.has(target.resource.subresource);
	const timeoutMs = isWatch || isStream ? defaultTimeoutMs : readTimeout(query);
	const isReadOnly = target === undefined ? request.method === "GET" : ["get", "list", "watch"].includes(target.verb);
	const admission = isStream ? undefined : begin(context, request, target, path, timeoutMs);
	request.passage = {
		target,
		deadlineMs: isWatch || isStream ? undefined : request.startMs + timeoutMs,
		isReadOnly,
		isLongRunning: isWatch || isStream,
		admission,
		isInFlight: false,
	};
	if (admission !== undefined) {
		// On the raw answer, so that watches, which bypass the framework, have them too.
		reply.raw.setHeader("X-Kubernetes-Pf-Flowschema-Uid", admission.schemaUid);
		reply.raw.setHeader("X-Kubernetes-Pf-Prioritylevel-Uid", admission.levelUid);
		if (!(await mayBegin(admission, reply))) {
			context.metrics.countDropped(isReadOnly);
			await refuse(reply, admission);
			return;
		}
	}
	if (isStream) return;
	if (!isWatch) context.lifecycle.begin();
	request.passage.isInFlight = true;
	context.metrics.moveInflight(isReadOnly, 1);
}

/** A request is answered, or a watch has begun: what it held is free for others. */
export function leaveGate(context: ServerContext, passage: Passage | undefined): void {
	passage?.admission?.release();
	if (passage?.isInFlight !== true) return;
	passage.isInFlight = false;
	context.metrics.moveInflight(passage.isReadOnly, -1);
	if (!passage.isLongRunning) context.lifecycle.end();
}

/** Resolves to what `work` does, or rejects with Timeout when the request's time is up: the work may go on unseen. */
export function withinDeadline<T>({ clock }: ServerContext, deadlineMs: number | undefined, work: Promise<T>): Promise<T> {
	if (deadlineMs === undefined) return work;
	const { promise, resolve, reject } = Promise.withResolvers<T>();
	const timer = clock.setTimeout(
		() => reject(newTimeout("request did not complete within requested timeout - context deadline exceeded")),
		Math.max(0, deadlineMs - clock.now()),
	);
	work.then(resolve, reject).finally(() => timer.cancel());
	return promise;
}

/** Undefined for paths that are not resources, discovery among them. */
function targetOf(context: ServerContext, method: string, path: string, query: URLSearchParams): RequestTarget | undefined {
	if (!/^\/apis?\//.test(path)) return undefined;
	const { discovery, index } = context.catalog();
	return discovery.serves(path) ? undefined : resolveTarget(index, method, path, isWatchQuery(query));
}

/** The verb that metrics count a request under: an apply is not just any patch. */
function metricVerb(target: RequestTarget, request: FastifyRequest): string {
	return target.verb === "patch" && bareType(request.headers["content-type"]) === "application/apply-patch+yaml" ? "apply" : target.verb;
}

/** 0, nothing, and more than the server allows mean what the server allows. */
function readTimeout(query: URLSearchParams): number {
	const text = query.get("timeout");
	if (text === null || text === "") return defaultTimeoutMs;
	let timeoutMs: number;
	try {
		timeoutMs = parseGoDuration(text);
	} catch (error) {
		throw newBadRequest(`invalid timeout specified in the request URL - ${error instanceof Error ? error.message : String(error)}`);
	}
	return timeoutMs > 0 ? Math.min(timeoutMs, defaultTimeoutMs) : defaultTimeoutMs;
}

function begin(
	{ flowControl, handler }: ServerContext,
	request: FastifyRequest,
	target: RequestTarget | undefined,
	path: string,
	timeoutMs: number,
): Admission | undefined {
	if (flowControl === undefined) return undefined;
	const { user } = request;
	const limitMs = Math.min(maxQueueMs, timeoutMs * queueShare);
	if (target === undefined) return flowControl.begin({ isResource: false, user, verb: request.method.toLowerCase(), path }, 1, limitMs);
	const { verb, namespace = "" } = target;
	const { group, resource, subresource } = target.resource;
	const flow: FlowRequest = { isResource: true, user, verb, group, resource, subresource, namespace };
	const width = verb === "list" ? FlowController.listWidth(handler.objectCount?.(group, resource) ?? 0) : 1;
	return flowControl.begin(flow, width, limitMs);
}

async function mayBegin(admission: Admission, reply: FastifyReply): Promise<boolean> {
	if (admission.rejected !== undefined) return false;
	if (admission.waiting === undefined) return true;
	const leave = () => admission.release();
	reply.raw.once("close", leave);
	const reason = await admission.waiting;
	reply.raw.off("close", leave);
	return reason === undefined;
}

/** Go's http.Error: plain text, which clients turn into a Status of their own. */
async function refuse(reply: FastifyReply, admission: Admission): Promise<void> {
	await reply
		.code(429)
		.header("retry-after", String(admission.retryAfterSeconds()))
		.header("x-content-type-options", "nosniff")
		.type("text/plain; charset=utf-8")
		.send("Too many requests, please try again later.\n");
}
