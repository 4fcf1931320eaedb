/** What the routes share: one value a server. */
import type { FastifyRequest } from "fastify";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { AuditTrail } from "../audit/audit-trail.ts";
import type { Auditor } from "../audit/auditor.ts";
import type { FlowController } from "../flowcontrol/flow-controller.ts";
import type { ApiHandler, HealthCheck, OpenIdIssuer, PathAuthorizer, RemoteApis, StreamingEndpoint } from "./api-handler.ts";
import type { Catalog } from "./catalog.ts";
import type { EventFrames } from "./event-frames.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { RequestSeries, ServerMetrics } from "./metrics.ts";
import type { Passage } from "./passage.ts";
import type { WatchStream } from "./watch-stream.ts";

export interface ServerContext {
	readonly handler: ApiHandler;
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	readonly metrics: ServerMetrics;
	readonly catalog: () => Catalog;
	readonly authorizePath: PathAuthorizer | undefined;
	readonly healthChecks: readonly HealthCheck[];
	readonly streaming: StreamingEndpoint | undefined;
	readonly openId: OpenIdIssuer | undefined;
	/** Absent: every request is served at once. */
	readonly flowControl: FlowController | undefined;
	/** Absent: nobody audits. */
	readonly auditor: Auditor | undefined;
	/** Absent: nobody else answers for anything. */
	readonly remoteApis: RemoteApis | undefined;
	readonly lifecycle: Lifecycle;
	/** Watches that are running: shutdown ends them. */
	readonly watches: Set<WatchStream>;
	readonly frames: EventFrames;
}

declare module "fastify" {
	interface FastifyRequest {
		/** Set by the authentication hook before any route. */
		user: UserInfo;
		/** Cluster time at which the request came in, Unix ms. */
		startMs: number;
		/** What the gate found out; undefined before it. */
		passage: Passage | undefined;
		/** Follows the request for the audit; undefined if nobody audits. */
		audit: AuditTrail | undefined;
		/** Bytes of an answer that is sent in pieces, before they are compressed. */
		sentBytes: number;
		/** What the metrics count the request under; undefined as long as nobody knows what it is about. */
		series: RequestSeries | undefined;
	}
}

/** The path as the client sent it: percent-encoded, without the query. */
export function pathOf(request: FastifyRequest): string {
	const { url = "/" } = request.raw;
	const end = url.indexOf("?");
	return end === -1 ? url : url.slice(0, end);
}

/** The query as the client sent it. */
export function queryOf(url: string | undefined): URLSearchParams {
	const start = url?.indexOf("?") ?? -1;
	return new URLSearchParams(start === -1 || url === undefined ? "" : url.slice(start + 1));
}
