/**
 * What a webhook is sent, and what of its answer counts: AdmissionReview of admission.k8s.io/v1 and v1beta1.
 * Source: k8s.io/apiserver/pkg/admission/plugin/webhook/request/admissionreview.go, errors/statuserror.go;
 * https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request
 */

import { isJsonObject, type JsonObject, type JsonValue } from "../../../apimachinery/json.ts";
import type { GroupVersionKind, GroupVersionResource, KubeObject } from "../../../apimachinery/meta.ts";
import type { Status } from "../../../apimachinery/schema/generated/types.ts";
import { StatusError } from "../../../apimachinery/status-error.ts";
import type { UserInfo } from "../../../apimachinery/user.ts";
import type { Endpoint, Operation } from "./invocation.ts";

export type ReviewVersion = "v1" | "v1beta1";

/** Versions that this server speaks, preferred first. */
const reviewVersions: readonly string[] = ["v1", "v1beta1"];

export interface ReviewContent {
	readonly uid: string;
	/** What the webhook's rule matched. */
	readonly endpoint: Endpoint;
	/** What was asked for. */
	readonly requested: Endpoint;
	readonly subresource: string;
	readonly name: string;
	readonly namespace: string;
	readonly operation: Operation;
	readonly user: UserInfo;
	/** In the endpoint's version. */
	readonly object: KubeObject | undefined;
	readonly oldObject: KubeObject | undefined;
	readonly isDryRun: boolean;
	readonly options: KubeObject | undefined;
}

/** A JSON patch as it came, not looked into yet. */
export interface ReviewAnswer {
	readonly isAllowed: boolean;
	readonly status: Status | undefined;
	/** Undefined: nothing to change. */
	readonly patch: Buffer | undefined;
	readonly patchType: string;
	readonly auditAnnotations: Readonly<Record<string, string>>;
	readonly warnings: readonly string[];
}

/** A review that cannot be made, or an answer that breaks the protocol; the text is upstream's. */
export class InvalidReviewError extends Error {
	override readonly name = "InvalidReviewError";
	readonly isOfAnswer: boolean;

	constructor(message: string, { isOfAnswer = true } = {}) {
		super(message);
		this.isOfAnswer = isOfAnswer;
	}
}

/** The first version of the webhook's list that this server knows. @throws InvalidReviewError */
export function reviewVersionOf(versions: readonly string[] | undefined): ReviewVersion {
	const version = versions?.find((each) => reviewVersions.includes(each));
	if (version === undefined)
		throw new InvalidReviewError("webhook does not accept known AdmissionReview versions (v1, v1beta1)", { isOfAnswer: false });
	return version as ReviewVersion;
}

export function createReview(version: ReviewVersion, content: ReviewContent): object {
	const { endpoint, requested, subresource, user } = content;
	return {
		kind: "AdmissionReview",
		apiVersion: `admission.k8s.io/${version}`,
		request: {
			uid: content.uid,
			kind: kindOf(endpoint.kind),
			resource: resourceOf(endpoint.resource),
			...ifGiven("subResource", subresource),
			requestKind: kindOf(requested.kind),
			requestResource: resourceOf(requested.resource),
			...ifGiven("requestSubResource", subresource),
			...ifGiven("name", content.name),
			...ifGiven("namespace", content.namespace),
			operation: content.operation,
			userInfo: {
				...ifGiven("username", user.name),
				...ifGiven("uid", user.uid ?? ""),
				...(user.groups.length === 0 ? {} : { groups: user.groups }),
				...(Object.keys(user.extra ?? {}).length === 0 ? {} : { extra: user.extra }),
			},
			object: content.object ?? null,
			oldObject: content.oldObject ?? null,
			dryRun: content.isDryRun,
			options: content.options ?? null,
		},
	};
}

const kindOf = ({ group, version, kind }: GroupVersionKind) => ({ group, version, kind });
const resourceOf = ({ group, version, resource }: GroupVersionResource) => ({ group, version, resource });

function ifGiven(key: string, text: string): object {
	return text === "" ? {} : { [key]: text };
}

/** Checks what has been answered to a review. @throws InvalidReviewError */
export function readReview(version: ReviewVersion, uid: string, isMutating: boolean, review: JsonObject): ReviewAnswer {
	const { response } = review;
	if (!isJsonObject(response)) throw new InvalidReviewError("webhook response was absent");
	if (version === "v1") checkIdentity(uid, review, response);
	const patch = Buffer.from(textOf(response.patch), "base64");
	const patchType = typeof response.patchType === "string" ? response.patchType : undefined;
	if (isMutating && version === "v1") checkPatch(patch, patchType);
	if (!isMutating && version === "v1") checkNoPatch(patch, patchType);
	return {
		isAllowed: response.allowed === true,
		status: isJsonObject(response.status) ? (response.status as unknown as Status) : undefined,
		patch: isMutating && patch.length > 0 ? patch : undefined,
		// Webhooks of the old version need not say what every patch is.
		patchType: version === "v1" ? (patchType ?? "") : "JSONPatch",
		auditAnnotations: textsOf(response.auditAnnotations),
		warnings: Array.isArray(response.warnings) ? response.warnings.filter((warning) => typeof warning === "string") : [],
	};
}

function checkIdentity(uid: string, { apiVersion, kind }: JsonObject, response: JsonObject): void {
	if (response.uid !== uid) {
		throw new InvalidReviewError(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(textOf(response.uid))}`);
	}
	if (apiVersion !== "admission.k8s.io/v1" || kind !== "AdmissionReview") {
		const [first = "", second] = textOf(apiVersion).split("/");
		const group = second === undefined ? `/${first}` : `${first}/${second}`;
		throw new InvalidReviewError(
			`expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${group}, Kind=${textOf(kind)}`,
		);
	}
}

function checkPatch(patch: Buffer, patchType: string | undefined): void {
	if (patch.length > 0 && patchType === undefined)
		throw new InvalidReviewError("webhook returned response.patch but not response.patchType");
	if (patch.length === 0 && patchType !== undefined)
		throw new InvalidReviewError("webhook returned response.patchType but not response.patch");
	if (patchType === "") throw new InvalidReviewError('webhook returned invalid response.patchType of ""');
}

function checkNoPatch(patch: Buffer, patchType: string | undefined): void {
	if (patch.length > 0) throw new InvalidReviewError("validating webhook may not return response.patch");
	if (patchType !== undefined) throw new InvalidReviewError("validating webhook may not return response.patchType");
}

const textOf = (value: JsonValue | undefined): string => (typeof value === "string" ? value : "");

function textsOf(value: JsonValue | undefined): Readonly<Record<string, string>> {
	if (!isJsonObject(value)) return {};
	return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

/** What a client is told whose request a webhook has refused. */
export function denial(webhook: string, status: Status | undefined): StatusError {
	const deniedBy = `admission webhook ${JSON.stringify(webhook)} denied the request`;
	const { message = "", reason = "", code = 0, status: outcome, ...rest } = status ?? {};
	const why = message === "" ? reason : message;
	return new StatusError({
		kind: "Status",
		apiVersion: "v1",
		metadata: {},
		...rest,
		// No refusal may look like a success.
		status: outcome === undefined || outcome === "" || outcome === "Success" ? "Failure" : outcome,
		message: why === "" ? `${deniedBy} without explanation` : `${deniedBy}: ${why}`,
		...(reason === "" ? {} : { reason }),
		code: code < 400 ? 400 : code,
	});
}
