/**
 * A request to the API server, whoever carries it: parsed from HTTP, or handed over in process. Clients make it, the
 * server's one pipeline takes it.
 */
import type { GroupVersionResource, KubeList, KubeObject } from "./meta.ts";
import type { DeleteOptions, Status } from "./schema/generated/types.ts";

export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete" | "deletecollection";

export type PatchType =
	| "application/json-patch+json"
	| "application/merge-patch+json"
	| "application/strategic-merge-patch+json"
	| "application/apply-patch+yaml";

/** https://kubernetes.io/docs/reference/kubernetes-api/common-parameters/common-parameters/ */
export interface RequestOptions {
	readonly labelSelector?: string;
	readonly fieldSelector?: string;
	/** Of custom.metrics.k8s.io: which series of a metric. */
	readonly metricLabelSelector?: string;
	/** Page size; 0 and absent mean everything. */
	readonly limit?: number;
	readonly continue?: string;
	readonly resourceVersion?: string;
	readonly resourceVersionMatch?: "Exact" | "NotOlderThan";
	readonly timeoutSeconds?: number;
	readonly allowWatchBookmarks?: boolean;
	readonly sendInitialEvents?: boolean;
	/** True for `dryRun=All`. */
	readonly dryRun?: boolean;
	readonly fieldManager?: string;
	readonly fieldValidation?: "Ignore" | "Warn" | "Strict";
	readonly force?: boolean;
}

export interface ApiRequest extends GroupVersionResource {
	readonly verb: Verb;
	/** `status`, `scale`, `binding` …; absent for the object itself. */
	readonly subresource?: string;
	/** Absent for cluster-scoped resources and for requests across all namespaces. */
	readonly namespace?: string;
	/** Absent for list, create, deletecollection and watches of a collection. */
	readonly name?: string;
	readonly options?: RequestOptions;
	/** The object of create and update; the patch document (for a JSON patch, an array). Immutable once handed over. */
	readonly body?: unknown;
	/** Paths of keys that stood twice in the body's text, for strict validation; a body that was never text has none. */
	readonly duplicateFields?: readonly string[];
	readonly patchType?: PatchType;
	readonly deleteOptions?: DeleteOptions;
	/** Annotations of the request's audit event, filled in while it is served; absent: nobody audits. */
	readonly auditAnnotations?: Record<string, string>;
}

/** What a request other than a watch answers with. */
export interface ApiResponse {
	readonly object: KubeObject | KubeList | Status;
	/** HTTP status: 200, 201 for a created object, 202 for a deletion that goes on. */
	readonly code: number;
	/** Texts of `Warning: 299` headers. */
	readonly warnings: readonly string[];
}

export type WatchEventType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";

export interface WatchEvent<T extends KubeObject = KubeObject> {
	readonly type: WatchEventType;
	/** For ERROR the `Status`; for BOOKMARK an object with nothing but kind, apiVersion and metadata. */
	readonly object: T;
}

/** Who receives a watch. Calls are synchronous and in order; `onEnd` comes last, once. */
export interface WatchSink<T extends KubeObject = KubeObject> {
	onEvent(event: WatchEvent<T>): void;
	/** The server ended the watch (time-out, compaction after an ERROR event, shutdown, lost connection). */
	onEnd(error?: Error): void;
}

export interface WatchHandle {
	/** Ends the watch from the caller's side; no further call of the sink follows. */
	stop(): void;
}
