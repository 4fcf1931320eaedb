/**
 * What the HTTP front door needs of the server behind it: interfaces only, so that it can be tested with a server of
 * fifty lines. The request pipeline implements `ApiHandler`, the streaming room implements `StreamingEndpoint`.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { ApiRequest, ApiResponse, WatchHandle, WatchSink } from "../../apimachinery/api-request.ts";
import type { APIGroup } from "../../apimachinery/schema/generated/types.ts";
import type { GeneratedResource } from "../../apimachinery/schema/resources.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { KindDefinition } from "../registry/kind.ts";

/** The request pipeline: authorization, admission, storage. */
export interface ApiHandler {
	/** Carries out a request other than a watch. Rejects with a `StatusError` for every answer of 400 and above. */
	handle(user: UserInfo, request: ApiRequest): Promise<ApiResponse>;
	/** Starts a watch; resolves once it is accepted (events may come before that). */
	watch(user: UserInfo, request: ApiRequest, sink: WatchSink): Promise<WatchHandle>;
	/** Throws, or rejects with, Forbidden. Asked before a body is looked at; `handle` asks for itself. Absent: nobody is refused early. */
	authorize?(user: UserInfo, request: ApiRequest): void | Promise<void>;
	/** How many objects a list of a resource would look at; absent: nobody knows. */
	objectCount?(group: string, resource: string): number;
	/** Every kind served now; a change of the set makes a new array. */
	readonly kinds: readonly KindDefinition[];
	/** Every endpoint served now; absent: all of Kubernetes' own. A change of the set makes a new array. */
	readonly resources?: readonly GeneratedResource[];
}

/** A connection that Kubernetes calls a stream: pods/log, exec, attach and portforward. */
export interface StreamRequest {
	readonly user: UserInfo;
	/** get for GET, create for POST; always with namespace, name and subresource. */
	readonly request: ApiRequest;
	readonly query: URLSearchParams;
}

/** A request below a `proxy` subresource. */
export interface ProxyStream extends StreamRequest {
	/** Path of the subresource itself, percent-encoded: `/api/v1/nodes/n1/proxy`. */
	readonly prefix: string;
	/** What follows it, with its slash and percent-encoded; "" if nothing does. */
	readonly path: string;
}

/** Serves the streaming subresources. All reject with a `StatusError` as long as nothing has been sent. */
export interface StreamingEndpoint {
	/** Answers pods/log; resolves when the answer is complete. */
	log(stream: StreamRequest, response: ServerResponse): Promise<void>;
	/** Answers a request to a `proxy` subresource with what its target answers. */
	proxy(stream: ProxyStream, message: IncomingMessage, response: ServerResponse): Promise<void>;
	/** The same for a request that asks for another protocol. */
	proxyUpgrade(stream: ProxyStream, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
	/** Takes over the connection of exec, attach and portforward: WebSocket or SPDY/3.1. Resolves when it has ended. */
	upgrade(stream: StreamRequest, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
	/** Ends every stream. */
	close(): void;
}

/** Group versions that other servers answer for: the aggregation layer. */
export interface RemoteApis {
	/** There is none. */
	readonly isEmpty: boolean;
	/** Whether another server answers for this path. */
	serves(path: string): boolean;
	/** Answers with what it answers; the caller has authorized the request. */
	proxy(user: UserInfo, path: string, message: IncomingMessage, response: ServerResponse): Promise<void>;
	/** The same for a request that asks for another protocol. Rejects with a `StatusError`. */
	proxyUpgrade(user: UserInfo, path: string, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
	/** Of servers that answer: what they add to `/apis`. */
	groups(): readonly APIGroup[];
	/** What they add to the aggregated document. */
	aggregatedGroups(): readonly object[];
}

/** One line of `/livez?verbose` and `/readyz?verbose`. */
export interface HealthCheck {
	readonly name: string;
	/** Throws, or rejects, when the part is not well. */
	check(): void | Promise<void>;
	/** Whether it stands in `/livez` and `/healthz`, too: a failure makes the server dead, not only unready. */
	readonly liveness: boolean;
}

/** Decides about paths that are not resources, e.g. /healthz: rejects with Forbidden. */
export type PathAuthorizer = (user: UserInfo, verb: string, path: string) => Promise<void>;

/** Who signs service account tokens, for others who check them (OpenID Connect Discovery 1.0). */
export interface OpenIdIssuer {
	readonly issuer: string;
	/** JSON Web Keys. */
	readonly keys: readonly Readonly<Record<string, unknown>>[];
	/** Where this server is reached: `https://127.0.0.1:6443`. */
	readonly url: () => string;
}

/** The user of a bearer token; undefined when the token is nobody's. */
export type TokenAuthenticator = (token: string) => Promise<UserInfo | undefined>;
