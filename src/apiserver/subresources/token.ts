/**
 * serviceaccounts/token: a new token for a service account.
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/ and
 * pkg/registry/core/serviceaccount/storage/token.go.
 */
import { type GroupVersionKind, type KubeObject, parseApiVersion } from "../../apimachinery/meta.ts";
import type { AuthenticationTokenRequest, BoundObjectReference, Pod, ServiceAccount } from "../../apimachinery/schema/generated/types.ts";
import { newBadRequest, newConflict, newInvalid, newNotFound } from "../../apimachinery/status-error.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { type FieldError, fieldInvalid } from "../../apimachinery/validation/field-error.ts";
import { type ServiceAccountTokens, type TokenLifetime, type TokenSubject, tokenIssuer } from "../authentication/service-account-tokens.ts";
import { decodeBody } from "../pipeline/decode-body.ts";
import type { RequestContext } from "../pipeline/request-context.ts";
import type { Writer } from "../pipeline/writer.ts";

const kind = { group: "authentication.k8s.io", kind: "TokenRequest" };
const defaultSeconds = 3600;
const minSeconds = 600;
const maxSeconds = 2 ** 32;
/** What the kubelet asks for on behalf of pods that know of no renewal: they are told, and their tokens go on for a year. */
const warnOnlySeconds = 3607;
const extendedSeconds = 365 * 24 * 3600;

export interface TokenServices {
	readonly writer: Writer;
	readonly tokens: ServiceAccountTokens;
	readonly find: (group: string, resource: string, namespace: string, name: string) => KubeObject | undefined;
}

export async function requestToken(context: RequestContext, { writer, tokens, find }: TokenServices): Promise<AuthenticationTokenRequest> {
	const sent = decodeBody(context, context.request.body, "AuthenticationTokenRequest");
	const request = (await writer.admit(context, "CREATE", sent)) as AuthenticationTokenRequest;
	const misplaced = placeErrors(context, request);
	if (misplaced.length > 0) throw newInvalid(kind, context.name, misplaced);
	const account: ServiceAccount = context.storage.get(context.namespace, context.name);
	const { spec } = request;
	const seconds = spec?.expirationSeconds ?? defaultSeconds;
	const errors = lifetimeErrors(seconds);
	if (errors.length > 0) throw newInvalid(kind, "", errors);
	const subject: TokenSubject = {
		namespace: context.namespace,
		serviceAccount: { name: context.name, uid: account.metadata?.uid ?? "" },
		...boundObject(spec?.boundObjectRef, context, find),
	};
	const audiences = (spec?.audiences ?? []).length === 0 ? [tokenIssuer] : (spec?.audiences ?? []);
	return {
		kind: "TokenRequest",
		apiVersion: "authentication.k8s.io/v1",
		metadata: { name: context.name, namespace: context.namespace, creationTimestamp: formatTime(context.nowMs) },
		spec: { ...spec, audiences, expirationSeconds: seconds },
		status: {
			token: tokens.issue(subject, audiences, lifetimeOf(seconds, audiences, subject)),
			expirationTimestamp: formatTime(Math.floor(context.nowMs / 1000) * 1000 + seconds * 1000),
		},
	};
}

/** The body may leave out what the URL says, but not contradict it. */
function placeErrors({ name, namespace }: RequestContext, { metadata }: AuthenticationTokenRequest): readonly FieldError[] {
	const { name: sentName = "", namespace: sentNamespace = "" } = metadata ?? {};
	if (sentName !== "" && sentName !== name) {
		return [fieldInvalid("metadata.name", sentName, "must match the service account name if specified")];
	}
	if (sentNamespace === "" || sentNamespace === namespace) return [];
	return [fieldInvalid("metadata.namespace", sentNamespace, "must match the service account namespace if specified")];
}

function lifetimeErrors(seconds: number): readonly FieldError[] {
	const path = "spec.expirationSeconds";
	if (seconds < minSeconds) return [fieldInvalid(path, seconds, "may not specify a duration less than 10 minutes")];
	return seconds > maxSeconds ? [fieldInvalid(path, seconds, "may not specify a duration larger than 2^32 seconds")] : [];
}

/** kube-apiserver's --service-account-extend-token-expiration, which is on by default. */
function lifetimeOf(seconds: number, audiences: readonly string[], { pod }: TokenSubject): TokenLifetime {
	const isExtended = pod !== undefined && seconds === warnOnlySeconds && audiences.every((audience) => audience === tokenIssuer);
	return isExtended ? { seconds: extendedSeconds, warnAfterSeconds: seconds } : { seconds };
}

/** What the token ends with. Throws NotFound if there is none, and Conflict if it is another one of that name. */
function boundObject(
	ref: BoundObjectReference | undefined,
	context: RequestContext,
	find: TokenServices["find"],
): Pick<TokenSubject, "pod" | "secret" | "node"> {
	if (ref === undefined) return {};
	const gvk: GroupVersionKind = { ...parseApiVersion(ref.apiVersion ?? ""), kind: ref.kind ?? "" };
	const { name = "" } = ref;
	const get = (resource: string, namespace: string): { readonly object: KubeObject; readonly named: { name: string; uid: string } } => {
		const object = find("", resource, namespace, name);
		if (object === undefined) throw newNotFound({ group: "", resource }, name);
		return { object, named: { name, uid: object.metadata?.uid ?? "" } };
	};
	switch (`${gvk.group}/${gvk.kind}`) {
		case "/Pod": {
			const { object, named } = get("pods", context.namespace);
			const pod = object as Pod;
			if (pod.spec?.serviceAccountName !== context.name) {
				const subject = `token for serviceaccount ${JSON.stringify(context.name)}`;
				throw newBadRequest(`cannot bind ${subject} to pod running with different serviceaccount name.`);
			}
			checkUid(ref, gvk, named.uid);
			return { pod: named, ...nodeOf(pod, find) };
		}
		case "/Secret": {
			const { named } = get("secrets", context.namespace);
			checkUid(ref, gvk, named.uid);
			return { secret: named };
		}
		case "/Node": {
			const { named } = get("nodes", "");
			checkUid(ref, gvk, named.uid);
			return { node: named };
		}
		default:
			throw newBadRequest(`cannot bind token to object of type ${gvk.group}/${gvk.version}, Kind=${gvk.kind}`);
	}
}

/** Where the pod is, by name alone if that node is gone. */
function nodeOf({ spec }: Pod, find: TokenServices["find"]): Pick<TokenSubject, "node"> {
	const { nodeName: name = "" } = spec ?? {};
	return name === "" ? {} : { node: { name, uid: find("", "nodes", "", name)?.metadata?.uid ?? "" } };
}

function checkUid({ uid = "", name = "" }: BoundObjectReference, { group, kind: resource }: GroupVersionKind, current: string): void {
	if (uid === "" || uid === current) return;
	const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
	throw newConflict({ group, resource }, name, why);
}
