/**
 * One request on its way through the audit: from its arrival to its answer, whoever carries it.
 *
 *   identified ─▶ RequestReceived ──(watches and streams: ResponseStarted)──▶ ResponseComplete
 *
 * Source: k8s.io/apiserver/pkg/endpoints/filters/audit.go and pkg/audit/request.go.
 */
import { isJsonObject } from "../../apimachinery/json.ts";
import type { Status } from "../../apimachinery/schema/generated/types.ts";
import { formatMicroTime } from "../../apimachinery/time.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { RequestInfo } from "../request-info.ts";
import { type AuditEvent, type AuditSink, auditUser, type ObjectReference } from "./audit-event.ts";
import { decisionAnnotations } from "./decision.ts";
import { type AuditDecision, type AuditPolicy, type AuditStage, evaluatePolicy, isAtLeast } from "./policy.ts";

/** What is known of a request when it comes. */
export interface AuditedRequest {
	readonly auditId: string;
	readonly info: RequestInfo;
	/** Path and query as they were sent. */
	readonly uri: string;
	readonly sourceIps: readonly string[];
	readonly userAgent: string;
	/** Cluster time, Unix ms. */
	readonly receivedMs: number;
}

export interface AuditTrailOptions {
	readonly policy: AuditPolicy;
	readonly sink: AuditSink;
	/** Cluster time, Unix ms. */
	readonly now: () => number;
}

/** The patches of mutating webhooks are part of the request's body. */
const patchPrefix = "patch.webhook.admission.k8s.io/";
const maxUserAgentLength = 1024;
const longRunningSubresources: ReadonlySet<string> = new Set(["attach", "exec", "proxy", "log", "portforward"]);

export class AuditTrail {
	/** Filled in by authorization and admission. */
	readonly annotations: Record<string, string> = {};
	readonly #options: AuditTrailOptions;
	readonly #request: AuditedRequest;
	#decision: AuditDecision | undefined;
	#caller: UserInfo | undefined;
	#impersonated: UserInfo | undefined;
	#requestObject: unknown;
	#responseObject: unknown;
	#status: Status | undefined;
	#hasStarted = false;
	#isComplete = false;

	constructor(request: AuditedRequest, options: AuditTrailOptions) {
		this.#request = request;
		this.#options = options;
	}

	/** The answer is a stream of which nobody knows how long it will be. */
	get isLongRunning(): boolean {
		const { verb, subresource } = this.#request.info;
		return verb === "watch" || longRunningSubresources.has(subresource);
	}

	get wantsRequest(): boolean {
		return isAtLeast(this.#level, "Request");
	}

	get wantsResponse(): boolean {
		return isAtLeast(this.#level, "RequestResponse");
	}

	/** Whether anything at all is recorded; decided when it is known who asks. */
	get isRecorded(): boolean {
		return this.#level !== "None";
	}

	get #level() {
		return this.#decision?.level ?? "None";
	}

	/** Who asks, before he acts as anybody else. Once. @param user undefined: the credentials prove nothing */
	identified(user: UserInfo | undefined): void {
		this.#caller = user;
		this.#decision = evaluatePolicy(this.#options.policy, this.#request.info, user);
		if (user !== undefined) this.#emit("RequestReceived");
	}

	/** Credentials that prove nothing: what comes of it is recorded at once. */
	unauthenticated(message: string): void {
		if (this.#decision === undefined) this.identified(undefined);
		this.#isComplete = true;
		this.#status = { metadata: {}, status: "Failure", message, reason: "Unauthorized", code: 401 };
		this.#emit("ResponseStarted");
	}

	/** Whom the caller acts as. */
	actsAs(user: UserInfo): void {
		if (user !== this.#caller) this.#impersonated = user;
	}

	/** The body, as it was understood. A patch is what it is. */
	requested(body: unknown): void {
		this.#requestObject = body;
	}

	/** What is answered: an object, a list or a Status. */
	responded(object: unknown): void {
		this.#responseObject = object;
		if (!isJsonObject(object) || object.kind !== "Status" || object.apiVersion !== "v1") return;
		const { status, message, reason, details, code } = object as unknown as Status;
		const given = Object.entries({ status, message, reason, details, code }).filter(([, value]) => value !== undefined);
		this.#status = { metadata: {}, ...Object.fromEntries(given) };
	}

	/** The head of the answer is sent. Once. */
	started(code: number): void {
		if (this.#hasStarted) return;
		this.#hasStarted = true;
		this.#status = { ...(this.#status ?? { metadata: {} }), code };
		if (this.isLongRunning) this.#emit("ResponseStarted");
	}

	/** The answer is sent, or the connection is gone. Once. @param code absent: nothing was sent */
	completed(code?: number): void {
		if (this.#isComplete) return;
		if (code !== undefined) this.started(code);
		this.#isComplete = true;
		this.#status ??= { metadata: {}, status: "Success", message: "Connection closed early", code: 200 };
		this.#emit("ResponseComplete");
	}

	#emit(stage: AuditStage): void {
		const { sink, now } = this.#options;
		if (!this.isRecorded || this.#decision?.omitStages.has(stage) === true) return;
		const { auditId, info, uri, sourceIps, userAgent, receivedMs } = this.#request;
		const isFirst = stage === "RequestReceived";
		const annotations = isFirst ? {} : this.#recordedAnnotations();
		const objectRef = info.isResource ? this.#objectReference(isFirst) : undefined;
		const event: AuditEvent = {
			kind: "Event",
			apiVersion: "audit.k8s.io/v1",
			level: this.#level,
			auditID: auditId,
			stage,
			requestURI: uri,
			verb: info.verb,
			user: this.#caller === undefined ? {} : auditUser(this.#caller),
			...(this.#impersonated === undefined || isFirst ? {} : { impersonatedUser: auditUser(this.#impersonated) }),
			...(sourceIps.length === 0 ? {} : { sourceIPs: sourceIps }),
			...(userAgent === "" ? {} : { userAgent: truncated(userAgent) }),
			...(objectRef === undefined ? {} : { objectRef }),
			...(isFirst || this.#status === undefined ? {} : { responseStatus: this.#status }),
			...(isFirst || !this.wantsRequest || this.#requestObject === undefined ? {} : { requestObject: this.#shown(this.#requestObject) }),
			...(isFirst || !this.wantsResponse || this.#responseObject === undefined
				? {}
				: { responseObject: this.#shown(this.#responseObject) }),
			requestReceivedTimestamp: formatMicroTime(receivedMs),
			stageTimestamp: formatMicroTime(isFirst ? receivedMs : now()),
			...(Object.keys(annotations).length === 0 ? {} : { annotations }),
		};
		sink.record(event);
	}

	/** With authorization's verdict, also where it was so plain that nobody wrote it down. */
	#recordedAnnotations(): Readonly<Record<string, string>> {
		const code = this.#status?.code ?? 0;
		const verdict = code === 401 ? {} : decisionAnnotations(code !== 403, "");
		const all = Object.entries({ ...verdict, ...this.annotations });
		const shown = all.filter(([key]) => this.wantsRequest || !key.startsWith(patchPrefix));
		return Object.fromEntries(shown.sort(([a], [b]) => (a < b ? -1 : 1)));
	}

	/** The URL says most of it, the body the rest. */
	#objectReference(isFirst: boolean): ObjectReference {
		const { resource, namespace, name, group, version, subresource, verb } = this.#request.info;
		const isObject = !isFirst && (verb === "create" || verb === "update") && isJsonObject(this.#requestObject);
		const metadata = isObject && isJsonObject(this.#requestObject) ? this.#requestObject.metadata : undefined;
		const said = isJsonObject(metadata) ? metadata : {};
		const text = (key: string) => (typeof said[key] === "string" ? said[key] : "");
		const reference = {
			resource,
			namespace: namespace || text("namespace"),
			name: name || text("name"),
			uid: text("uid"),
			apiGroup: group,
			apiVersion: version,
			resourceVersion: text("resourceVersion"),
			subresource,
		};
		return Object.fromEntries(Object.entries(reference).filter(([, value]) => value !== ""));
	}

	#shown(value: unknown): unknown {
		return this.#decision?.omitManagedFields === true ? withoutManagedFields(value) : value;
	}
}

/** Of an object, of a list's items and of a table's rows. */
function withoutManagedFields(value: unknown): unknown {
	if (!isJsonObject(value)) return value;
	const { metadata, items, rows, ...rest } = value;
	const { managedFields: _, ...kept } = isJsonObject(metadata) ? metadata : {};
	return {
		...rest,
		...(isJsonObject(metadata) ? { metadata: kept } : metadata === undefined ? {} : { metadata }),
		...(Array.isArray(items) ? { items: items.map(withoutManagedFields) } : items === undefined ? {} : { items }),
		...(Array.isArray(rows) && value.kind === "Table" ? { rows: rows.map(withoutManagedRow) } : rows === undefined ? {} : { rows }),
	};
}

function withoutManagedRow(row: unknown): unknown {
	return isJsonObject(row) ? { ...row, object: withoutManagedFields(row.object) } : row;
}

function truncated(userAgent: string): string {
	return userAgent.length > maxUserAgentLength ? `${userAgent.slice(0, maxUserAgentLength)}...TRUNCATED` : userAgent;
}
