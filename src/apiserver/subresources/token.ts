/**
 * serviceaccounts/token: a new token for a service account.
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/ and
 * pkg/registry/core/serviceaccount/storage/token.go.
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { AuthenticationTokenRequest, BoundObjectReference, Pod, ServiceAccount } from "../../apimachinery/schema/generated/types.ts";
import { newConflict, newInvalid, newNotFound } from "../../apimachinery/status-error.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { type FieldError, fieldInvalid } from "../../apimachinery/validation/field-error.ts";
import { type ServiceAccountTokens, type TokenSubject, tokenIssuer } from "../authentication/service-account-tokens.ts";
import type { RequestContext } from "../pipeline/request-context.ts";
import type { Writer } from "../pipeline/writer.ts";

const defaultSeconds = 3600;
const minSeconds = 600;
const maxSeconds = 2 ** 32;

export interface TokenServices {
	readonly writer: Writer;
	readonly tokens: ServiceAccountTokens;
	readonly find: (group: string, resource: string, namespace: string, name: string) => KubeObject | undefined;
}

export function requestToken(context: RequestContext, { writer, tokens, find }: TokenServices): AuthenticationTokenRequest {
	const request = writer.decode(context, context.request.body, "AuthenticationTokenRequest") as AuthenticationTokenRequest;
	const account: ServiceAccount = context.storage.get(context.namespace, context.name);
	const { spec } = request;
	const seconds = spec?.expirationSeconds ?? defaultSeconds;
	const errors = lifetimeErrors(seconds);
	if (errors.length > 0) throw newInvalid({ group: "authentication.k8s.io", kind: "TokenRequest" }, context.name, errors);
	const subject: TokenSubject = {
		namespace: context.namespace,
		serviceAccount: { name: context.name, uid: account.metadata?.uid ?? "" },
		...boundObject(spec?.boundObjectRef, context, find),
	};
	const audiences = spec?.audiences ?? [];
	const { token, expiresMs } = tokens.issue(subject, audiences, seconds);
	return {
		kind: "TokenRequest",
		apiVersion: "authentication.k8s.io/v1",
		metadata: { name: context.name, namespace: context.namespace, creationTimestamp: formatTime(context.nowMs) },
		spec: { ...spec, audiences: audiences.length === 0 ? [tokenIssuer] : audiences, expirationSeconds: seconds },
		status: { token, expirationTimestamp: formatTime(expiresMs) },
	};
}

function lifetimeErrors(seconds: number): readonly FieldError[] {
	const path = "spec.expirationSeconds";
	if (seconds < minSeconds) return [fieldInvalid(path, seconds, "may not specify a duration less than 10 minutes")];
	return seconds > maxSeconds ? [fieldInvalid(path, seconds, "may not specify a duration larger than 2^32 seconds")] : [];
}

/** The pod that the token ends with. Throws NotFound if there is none, and Conflict if it is another one of that name. */
function boundObject(
	ref: BoundObjectReference | undefined,
	context: RequestContext,
	find: TokenServices["find"],
): Pick<TokenSubject, "pod" | "node"> {
	if (ref === undefined) return {};
	const name = ref.name ?? "";
	if (ref.kind !== "Pod") {
		const error = fieldInvalid("spec.boundObjectRef", ref.kind ?? "", "kubesim binds tokens to Pods only");
		throw newInvalid({ group: "authentication.k8s.io", kind: "TokenRequest" }, context.name, [error]);
	}
	const pod = find("", "pods", context.namespace, name) as Pod | undefined;
	if (pod === undefined) throw newNotFound({ group: "", resource: "pods" }, name);
	const uid = pod.metadata?.uid ?? "";
	if (ref.uid !== undefined && ref.uid !== "" && ref.uid !== uid) {
		throw newConflict(
			{ group: "", resource: "pods" },
			name,
			`the UID in the bound object reference (${ref.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
		);
	}
	const nodeName = pod.spec?.nodeName ?? "";
	const nodeUid = nodeName === "" ? undefined : find("", "nodes", "", nodeName)?.metadata?.uid;
	return { pod: { name, uid }, ...(nodeUid === undefined ? {} : { node: { name: nodeName, uid: nodeUid } }) };
}
