/**
 * Acting as somebody else (`kubectl --as`): whom the `Impersonate-*` headers name, and who may do so. The ways are tried
 * in this order, and the first that is allowed is the one; if none is, the first one's refusal is the answer.
 *
 *   associated-node   a service account as the node that its own pod is on
 *   arbitrary-node    any node                            by permission for `impersonate:WAY` on what is named
 *   serviceaccount    any service account                 and `impersonate-on:WAY:VERB` on what the request is about
 *   user-info         any other user
 *   (of old)          everybody, with everything, by permission for `impersonate`
 *
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/, KEP-5284 (constrained impersonation,
 * on by default from 1.36 on), k8s.io/apiserver/pkg/endpoints/filters/impersonation.
 */
import type { IncomingMessage } from "node:http";
import { isStatusError, newBadRequest, newForbidden, type StatusError } from "../../apimachinery/status-error.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import { isDns1123Label, isDns1123Subdomain } from "../../apimachinery/validation/names.ts";
import type { PathQuestion, Require, ResourceQuestion } from "../authorization/question.ts";
import { anonymousUser } from "./authenticator.ts";
import { headerLines, prefixedHeaders } from "./request-headers.ts";

const userHeader = "impersonate-user";
const groupHeader = "impersonate-group";
const uidHeader = "impersonate-uid";
const extraPrefix = "impersonate-extra-";

export function isImpersonationHeader(name: string): boolean {
	return name === userHeader || name === groupHeader || name === uidHeader || name.startsWith(extraPrefix);
}

/** Whom the headers name, as they name him; undefined if they name nobody. Throws BadRequest for parts of a user without a name. */
export function wantedUser(message: Pick<IncomingMessage, "rawHeaders">): UserInfo | undefined {
	const [name = ""] = headerLines(message, userHeader);
	const [uid = ""] = headerLines(message, uidHeader);
	const groups = headerLines(message, groupHeader);
	const extra = prefixedHeaders(message, extraPrefix);
	const hasExtra = Object.keys(extra).length > 0;
	if (name === "") {
		if (uid === "" && groups.length === 0 && !hasExtra) return undefined;
		throw newBadRequest(`requested ${goUser(uid, groups, extra)} without impersonating a user name`);
	}
	return { name, ...(uid === "" ? {} : { uid }), groups, ...(hasExtra ? { extra } : {}) };
}

/** As Go prints a `*user.DefaultInfo` with %#v. */
function goUser(uid: string, groups: readonly string[], extra: Readonly<Record<string, readonly string[]>>): string {
	const list = (texts: readonly string[]) =>
		`[]string${texts.length === 0 ? "(nil)" : `{${texts.map((text) => JSON.stringify(text)).join(", ")}}`}`;
	const entries = Object.entries(extra)
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([key, values]) => `${JSON.stringify(key)}:${list(values)}`);
	const map = `map[string][]string${entries.length === 0 ? "(nil)" : `{${entries.join(", ")}}`}`;
	return `&user.DefaultInfo{Name:"", UID:${JSON.stringify(uid)}, Groups:${list(groups)}, Extra:${map}}`;
}

type Attributes = Omit<ResourceQuestion, "user">;

/** What a request is about: an object or collection of the API, or any other path. */
export type RequestSubject = Attributes | Omit<PathQuestion, "user">;

export interface ImpersonationContext {
	readonly require: Require;
	/** What the request is about; asked for only where it matters. */
	readonly subject: () => RequestSubject;
}

type Way = "associated-node" | "arbitrary-node" | "serviceaccount" | "user-info";

/** The user that `requestor` becomes. Rejects with Forbidden. */
export async function impersonate(requestor: UserInfo, wanted: UserInfo, context: ImpersonationContext): Promise<UserInfo> {
	let first: StatusError | undefined;
	for (const way of waysTo(requestor, wanted)) {
		const refusal = await refusalOf(way, requestor, wanted, context);
		if (refusal === undefined) return complete(wanted, way);
		first ??= refusal;
	}
	const ofOld = await firstRefusal(namesOf(wanted, "impersonate", ""), requestor, context);
	if (ofOld === undefined) return complete(wanted, undefined);
	throw first ?? ofOld;
}

function waysTo(requestor: UserInfo, wanted: UserInfo): readonly Way[] {
	const isBare = wanted.uid === undefined && wanted.groups.length === 0 && wanted.extra === undefined;
	const node = nodeNameOf(wanted.name);
	const account = serviceAccountOf(wanted.name);
	if (node === undefined && account === undefined) return ["user-info"];
	if (!isBare) return [];
	if (node === undefined) return ["serviceaccount"];
	const own = requestor.extra?.["authentication.kubernetes.io/node-name"] ?? [];
	const isAssociated = serviceAccountOf(requestor.name) !== undefined && own.length === 1 && own[0] === node;
	return isAssociated ? ["associated-node", "arbitrary-node"] : ["arbitrary-node"];
}

/** Why this way is not open; undefined if it is. */
async function refusalOf(way: Way, requestor: UserInfo, wanted: UserInfo, context: ImpersonationContext): Promise<StatusError | undefined> {
	const asker = way === "associated-node" ? withoutNode(requestor) : requestor;
	const subject = context.subject();
	const refusal = await firstRefusal([{ ...subject, verb: `impersonate-on:${way}:${subject.verb}` }], asker, context);
	if (refusal !== undefined) return refusal;
	const forbidden = neverAllowed(wanted, `impersonate:${way}`, asker);
	if (forbidden !== undefined) return forbidden;
	const names = namesOf(wanted, `impersonate:${way}`, "authentication.k8s.io");
	// Which node it is was checked already: the permission is for whichever node one is on.
	return firstRefusal(way === "associated-node" ? names.map((name) => ({ ...name, name: "*" })) : names, asker, context);
}

/** What the node is does not matter to the permission, only that the requestor is on it. */
function withoutNode(requestor: UserInfo): UserInfo {
	return { ...requestor, extra: { "authentication.kubernetes.io/associated-node-keys": Object.keys(requestor.extra ?? {}).sort() } };
}

/** What constrained impersonation grants to nobody. */
function neverAllowed({ groups, extra = {} }: UserInfo, verb: string, user: UserInfo): StatusError | undefined {
	const refuse = (resource: string, name: string, why: string) => {
		const what = `resource ${JSON.stringify(resource)} in API group "authentication.k8s.io" at the cluster scope`;
		const text = `User ${JSON.stringify(user.name)} cannot ${verb} ${what}: ${why}`;
		return newForbidden({ group: "authentication.k8s.io", resource }, name, text);
	};
	if (groups.includes("")) return refuse("groups", "", "impersonating the empty string group is not allowed");
	if (groups.includes("system:masters")) return refuse("groups", "system:masters", "impersonating the system:masters group is not allowed");
	for (const [key, values] of Object.entries(extra)) {
		if (key === "") return refuse("userextras", "", "impersonating the empty string key in extra is not allowed");
		if (!/^[^/]+\/.+$/.test(key)) {
			const form = 'must be a domain-prefixed path (such as "acme.io/foo")';
			const why = `impersonating an invalid key in extra is not allowed: extra.key: Invalid value: ${JSON.stringify(key)}: ${form}`;
			return refuse("userextras", "", why);
		}
		if (values.includes("")) return refuse("userextras", "", "impersonating the empty string value in extra is not allowed");
	}
	return undefined;
}

/** Every part of a user that somebody has to be allowed to take. @param group of users and groups */
function namesOf({ name, uid, groups, extra = {} }: UserInfo, verb: string, group: string): readonly Attributes[] {
	const account = serviceAccountOf(name);
	const node = group === "" ? undefined : nodeNameOf(name);
	const user: Attributes =
		account !== undefined
			? { ...aboutUser(verb, group, "serviceaccounts", account.name), namespace: account.namespace }
			: node !== undefined
				? aboutUser(verb, group, "nodes", node)
				: aboutUser(verb, group, "users", name);
	const about = (resource: string, value: string) => aboutUser(verb, "authentication.k8s.io", resource, value);
	return [
		user,
		...(uid === undefined ? [] : [about("uids", uid)]),
		...groups.map((value) => aboutUser(verb, group, "groups", value)),
		...Object.entries(extra).flatMap(([key, values]) => values.map((value) => ({ ...about("userextras", value), subresource: key }))),
	];
}

function aboutUser(verb: string, group: string, resource: string, name: string): Attributes {
	return { verb, group, resource, subresource: "", namespace: "", name };
}

async function firstRefusal(
	asked: readonly RequestSubject[],
	user: UserInfo,
	{ require }: Pick<ImpersonationContext, "require">,
): Promise<StatusError | undefined> {
	try {
		for (const attributes of asked) await require({ ...attributes, user });
		return undefined;
	} catch (error) {
		if (isStatusError(error, "Forbidden")) return error;
		throw error;
	}
}

/** The groups that go without saying. @param way undefined: of old, which gives a node no groups */
function complete(wanted: UserInfo, way: Way | undefined): UserInfo {
	const account = serviceAccountOf(wanted.name);
	const isNode = way === "associated-node" || way === "arbitrary-node";
	const fixed = isNode
		? ["system:nodes"]
		: account !== undefined && wanted.groups.length === 0
			? ["system:serviceaccounts", `system:serviceaccounts:${account.namespace}`]
			: wanted.groups;
	if (wanted.name === anonymousUser.name) return { ...wanted, groups: [...new Set([...fixed, "system:unauthenticated"])] };
	if (fixed.includes("system:unauthenticated")) return { ...wanted, groups: fixed };
	return { ...wanted, groups: [...new Set([...fixed, "system:authenticated"])] };
}

function nodeNameOf(user: string): string | undefined {
	const name = user.startsWith("system:node:") ? user.slice("system:node:".length) : "";
	return name !== "" && isDns1123Subdomain(name).length === 0 ? name : undefined;
}

function serviceAccountOf(user: string): { readonly namespace: string; readonly name: string } | undefined {
	const [, namespace = "", name = ""] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user) ?? [];
	const isOne = name !== "" && isDns1123Label(namespace).length === 0 && isDns1123Subdomain(name).length === 0;
	return isOne ? { namespace, name } : undefined;
}
