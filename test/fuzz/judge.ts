/** What no answer may be, whatever was asked. */
import { parse } from "yaml";

export interface FuzzAnswer {
	readonly code: number;
	readonly headers: Readonly<Record<string, string | string[] | number | undefined>>;
	readonly body: string;
}

/** Reasons by code, as k8s.io/apimachinery/pkg/api/errors pairs them; "" is an absent one. */
const reasons: Readonly<Record<number, readonly string[]>> = {
	400: ["BadRequest"],
	401: ["Unauthorized"],
	403: ["Forbidden"],
	404: ["NotFound"],
	405: ["MethodNotAllowed"],
	406: ["NotAcceptable"],
	409: ["AlreadyExists", "Conflict"],
	410: ["Expired", "Gone"],
	413: ["RequestEntityTooLarge"],
	415: ["UnsupportedMediaType"],
	422: ["Invalid"],
	429: ["TooManyRequests"],
	500: [""],
	501: [""],
	503: ["ServiceUnavailable"],
	504: ["Timeout"],
};

/**
 * Errors without a reason that kube-apiserver passes on as they are, with 500: what etcd refuses, applies of unknown fields, and
 * directives of strategic merge patches that there are not.
 */
const passedOn = /^(?:etcdserver: request is too large$|failed to create typed patch object |unknown patch type: .* in map: )/;

/** Larger answers than anything that the little there is can make. */
const maxAnswerBytes = 32 * 1024 * 1024;

/** What is wrong with an answer; undefined if nothing is. */
export function judge(method: string, { code, headers, body }: FuzzAnswer): string | undefined {
	if (body.length > maxAnswerBytes) return `an answer of ${body.length} characters`;
	if (method === "HEAD" || code === 304) return code >= 500 && code !== 501 ? `code ${code}` : undefined;
	const type = String(headers["content-type"] ?? "").split(";")[0];
	if (code < 400) return judgeSuccess(type ?? "", body);
	if (code === 404 && body === "404 page not found\n") return undefined;
	if (type === "text/plain" && /^internal server error: |check failed\n$/.test(body)) return undefined;
	const status = decode(type ?? "", body);
	if (status?.kind !== "Status" || status.apiVersion !== "v1" || status.status !== "Failure") return `${code} without a Status`;
	if (status.code !== code) return `a Status of ${String(status.code)} under ${code}`;
	const reason = String(status.reason ?? "");
	if (reasons[code]?.includes(reason) !== true) return `${code} with the reason ${JSON.stringify(reason)}`;
	if (typeof status.message !== "string" || status.message === "") return `${code} without a message`;
	if (code === 500 && !passedOn.test(status.message)) return `500: ${status.message}`;
	if (/\[object Object\]|\bundefined\b/.test(status.message) && !/x-undefined/.test(status.message))
		return `a message from the inside: ${status.message}`;
	return undefined;
}

function judgeSuccess(type: string, body: string): string | undefined {
	if (type !== "application/json" || body === "") return undefined;
	try {
		JSON.parse(body);
		return undefined;
	} catch {
		// A watch: one event a line.
	}
	for (const line of body.split("\n").filter((text) => text !== "")) {
		const event = decode(type, line);
		if (typeof event?.type !== "string" || typeof event.object !== "object") return `a broken line: ${line.slice(0, 200)}`;
	}
	return undefined;
}

function decode(type: string, body: string): Readonly<Record<string, unknown>> | undefined {
	try {
		const value: unknown = type === "application/yaml" ? parse(body) : JSON.parse(body);
		return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
	} catch {
		return undefined;
	}
}
