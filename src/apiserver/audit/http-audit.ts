/**
 * The audit of what comes over HTTP.
 * Source: k8s.io/apiserver/pkg/endpoints/filters/audit.go, authn_audit.go; k8s.io/apimachinery/pkg/util/net (SourceIPs).
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { isIP } from "node:net";
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import { isJsonObject } from "../../apimachinery/json.ts";
import { formatApiVersion, type KubeObject } from "../../apimachinery/meta.ts";
import type { GeneratedResource } from "../../apimachinery/schema/resources.ts";
import type { Answer } from "../http/answer.ts";
import { toServedVersion, toStorageVersion } from "../pipeline/request-context.ts";
import type { KindDefinition } from "../registry/kind.ts";
import { readRequestInfo } from "../request-info.ts";
import type { AuditTrail } from "./audit-trail.ts";
import type { Auditor } from "./auditor.ts";

/** Begins to follow a request. @param receivedMs cluster time, Unix ms */
export function followMessage(auditor: Auditor, message: IncomingMessage, auditId: string, receivedMs: number): AuditTrail {
	const { method = "GET", url: uri = "/" } = message;
	return auditor.follow({
		auditId,
		info: readRequestInfo(method, uri),
		uri,
		sourceIps: sourceIps(message),
		userAgent: message.headers["user-agent"] ?? "",
		receivedMs,
	});
}

/** Tells the trail when the answer begins and when it ends, whoever writes it. */
export function followResponse(trail: AuditTrail, response: ServerResponse): void {
	if (!trail.isRecorded) return;
	if (trail.isLongRunning) {
		const writeHead = response.writeHead.bind(response) as (...given: readonly unknown[]) => ServerResponse;
		// Every head goes through here, also that of a body that is written without one.
		response.writeHead = (...given: readonly unknown[]) => {
			trail.started(typeof given[0] === "number" ? given[0] : response.statusCode);
			return writeHead(...given);
		};
	}
	response.once("close", () => trail.completed(response.headersSent ? response.statusCode : undefined));
}

/** The body of a write as the server understood it, with the kind's defaults; of a patch, the patch. Undefined: there is none. */
export function requestedObject(request: ApiRequest, resource: GeneratedResource, kind: KindDefinition | undefined): unknown {
	const { verb, body, deleteOptions } = request;
	if (verb === "patch") return body;
	if (deleteOptions !== undefined) {
		const { kind: _, apiVersion: __, ...options } = deleteOptions;
		return Object.keys(options).length === 0 ? undefined : { kind: "DeleteOptions", apiVersion: "v1", ...options };
	}
	if ((verb !== "create" && verb !== "update") || !isJsonObject(body)) return undefined;
	const sent = { kind: resource.kind, apiVersion: formatApiVersion(resource), ...body } as KubeObject;
	if (kind?.setDefaults === undefined || kind.kind !== resource.kind) return sent;
	try {
		const context = { definition: kind, request };
		return toServedVersion(context, kind.setDefaults(toStorageVersion(context, sent)));
	} catch {
		// What is malformed is recorded as it came, and refused later.
		return sent;
	}
}

/** Tells the trail what is answered, in the form in which the client gets it. */
export function auditedAnswer(trail: AuditTrail, object: unknown, answer: Answer): Answer {
	if (!trail.wantsResponse) {
		trail.responded(object);
		return answer;
	}
	const bytes = Buffer.concat(Array.from(answer.pieces, (piece) => Buffer.from(piece)));
	trail.responded(answer.contentType.startsWith("application/json") ? JSON.parse(bytes.toString("utf8")) : object);
	return { ...answer, pieces: [bytes] };
}

/** What failed to prove who somebody is, in upstream's words. */
export function attemptedMethods({ headers }: Pick<IncomingMessage, "headers">): string {
	const { authorization } = headers;
	if (authorization === undefined) return "Authentication failed, no credentials provided";
	const method = authorization.split(" ", 1)[0]?.toLowerCase() ?? "";
	return `Authentication failed, attempted: ${["basic", "bearer"].includes(method) ? method : "unknown"}`;
}

/** Whoever is said to have sent it first, and whoever did. */
function sourceIps({ headers, socket }: IncomingMessage): readonly string[] {
	const forwarded = String(headers["x-forwarded-for"] ?? "")
		.split(",")
		.map((address) => address.trim())
		.filter((address) => isIP(address) !== 0);
	const real = String(headers["x-real-ip"] ?? "").trim();
	const remote = (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
	const more = [real, remote].filter((address) => isIP(address) !== 0 && !forwarded.includes(address));
	return [...forwarded, ...new Set(more)];
}
