/**
 * What client-go makes of an HTTP answer that is no success: the words in which kube-apiserver reports what a webhook, or
 * an aggregated API server, has answered.
 * Source: k8s.io/client-go/rest/request.go (transformResponse) and k8s.io/apimachinery/pkg/api/errors (NewGenericServerResponse).
 */
import { isJsonObject } from "../../apimachinery/json.ts";

export interface HttpAnswer {
	readonly status: number;
	/** "" if there is none. */
	readonly contentType: string;
	readonly body: Buffer;
}

const texts: Readonly<Record<number, string>> = {
	400: "the server rejected our request for an unknown reason",
	401: "the server has asked for the client to provide credentials",
	404: "the server could not find the requested resource",
	405: "the server does not allow this method on the requested resource",
	406: "the server was unable to respond with a content type that the client supports",
	409: "the server reported a conflict",
	415: "the server was unable to process the request because of its media type",
	422: "the server rejected our request due to an error in our request",
	429: "the server has received too many requests and has asked us to try again later",
	503: "the server is currently unable to handle the request",
	504: "the server was unable to return a response in the time allotted, but may still be processing the request",
};

/** Undefined for an answer of 200 to 206, whose body counts. */
export function errorOfAnswer(answer: HttpAnswer): string | undefined {
	const { status } = answer;
	if (status >= 200 && status <= 206) return undefined;
	const said = statusMessage(answer);
	if (said !== undefined) return said;
	const message = isText(answer.contentType) ? answer.body.toString("utf8").trim() : "unknown";
	// Whoever forbids something says why.
	if (status === 403) return message;
	const known = texts[status];
	if (known !== undefined) return known;
	if (status >= 500) return `an error on the server (${JSON.stringify(message)}) has prevented the request from succeeding`;
	return `the server responded with the status code ${status} but did not return more information`;
}

function isText(contentType: string): boolean {
	return contentType === "" || contentType.startsWith("text/");
}

/** A server that speaks Kubernetes' language has sent a Status. */
function statusMessage({ body }: HttpAnswer): string | undefined {
	try {
		const value: unknown = JSON.parse(body.toString("utf8"));
		const isStatus = isJsonObject(value) && value.kind === "Status" && value.apiVersion === "v1" && value.status !== "Success";
		return isStatus && typeof value.message === "string" ? value.message : undefined;
	} catch {
		return undefined;
	}
}
