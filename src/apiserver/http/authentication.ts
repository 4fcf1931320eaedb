/**
 * Who makes a request: a client certificate, else a bearer token, else the anonymous user; then whom they act as.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/
 */
import type { X509Certificate } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import { newBadRequest, newForbidden, newUnauthorized } from "../../apimachinery/status-error.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { AuditTrail } from "../audit/audit-trail.ts";
import { attemptedMethods } from "../audit/http-audit.ts";
import type { ImpersonationAuthorizer, TokenAuthenticator } from "./api-handler.ts";
import type { ClientCertificateVerifier } from "./client-certificate.ts";

const anonymousUser: UserInfo = { name: "system:anonymous", groups: ["system:unauthenticated"] };

export interface Authenticators {
	readonly certificates: ClientCertificateVerifier;
	readonly authenticateToken: TokenAuthenticator | undefined;
	readonly authorizeImpersonation: ImpersonationAuthorizer | undefined;
}

/**
 * Finds the user of a request.
 * @throws StatusError Unauthorized for credentials that prove nothing, Forbidden for an impersonation that is not allowed
 */
export async function authenticate(
	message: IncomingMessage,
	authenticators: Authenticators,
	nowMs: number,
	audit?: AuditTrail,
): Promise<UserInfo> {
	const user = await authenticateCaller(message, authenticators, nowMs).catch((error: unknown) => {
		audit?.unauthenticated(attemptedMethods(message));
		throw error;
	});
	audit?.identified(user);
	const target = impersonatedUser(message.headers);
	if (target === undefined) return user;
	await (authenticators.authorizeImpersonation ?? mastersMayImpersonate)(user, target);
	audit?.actsAs(target);
	return target;
}

async function authenticateCaller(message: IncomingMessage, authenticators: Authenticators, nowMs: number): Promise<UserInfo> {
	const certificate = message.socket instanceof TLSSocket ? peerCertificate(message.socket) : undefined;
	if (certificate !== undefined) {
		const user = authenticators.certificates.verify(certificate, nowMs);
		if (user !== undefined) return user;
	}
	const token = bearerToken(message.headers.authorization);
	if (token !== undefined) {
		const user = await authenticators.authenticateToken?.(token);
		if (user !== undefined) {
			return { ...user, groups: [...new Set([...user.groups, "system:authenticated"])] };
		}
	}
	if (certificate !== undefined || token !== undefined) throw newUnauthorized();
	return anonymousUser;
}

/** Certificates by connection: reading one anew for every request costs more than the rest of authentication. */
const certificates = new WeakMap<TLSSocket, X509Certificate | undefined>();

function peerCertificate(socket: TLSSocket): X509Certificate | undefined {
	if (!certificates.has(socket)) certificates.set(socket, socket.getPeerX509Certificate());
	return certificates.get(socket);
}

function bearerToken(header: string | undefined): string | undefined {
	const match = /^Bearer +(\S+)\s*$/i.exec(header ?? "");
	return match?.[1];
}

/** The user that `Impersonate-*` headers (`kubectl --as`) name. */
function impersonatedUser(headers: IncomingHttpHeaders): UserInfo | undefined {
	const name = headerText(headers, "impersonate-user");
	const groups = headerList(headers, "impersonate-group");
	const uid = headerText(headers, "impersonate-uid");
	const extra: Record<string, string[]> = {};
	for (const key in headers) {
		if (key.startsWith("impersonate-extra-")) extra[unescapeKey(key.slice("impersonate-extra-".length))] = headerList(headers, key);
	}
	const hasExtra = Object.keys(extra).length > 0;
	if (name === undefined) {
		if (groups.length === 0 && uid === undefined && !hasExtra) return undefined;
		throw newBadRequest(
			`requested ${JSON.stringify([...groups.map((group) => ({ kind: "Group", name: group }))])} without impersonating a user`,
		);
	}
	return {
		name,
		groups: name === anonymousUser.name ? [...groups, "system:unauthenticated"] : withServiceAccountGroups(name, groups),
		...(uid === undefined ? {} : { uid }),
		...(hasExtra ? { extra } : {}),
	};
}

/** Keys are percent-encoded; one that is not in good order is taken as it is, as upstream does. */
function unescapeKey(key: string): string {
	try {
		return decodeURIComponent(key);
	} catch {
		return key;
	}
}

/** A service account is in its groups whether the caller names them or not, unless they name others. */
function withServiceAccountGroups(name: string, groups: readonly string[]): string[] {
	const [, namespace] = /^system:serviceaccount:([^:]+):[^:]+$/.exec(name) ?? [];
	const own = namespace === undefined || groups.length > 0 ? [] : ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
	return [...new Set([...groups, ...own, "system:authenticated"])];
}

/** Without an authorizer, whoever may do everything may also be everybody. */
async function mastersMayImpersonate(user: UserInfo, target: UserInfo): Promise<void> {
	if (user.groups.includes("system:masters")) return;
	const why = `User ${JSON.stringify(user.name)} cannot impersonate resource "users" in API group "" at the cluster scope`;
	throw newForbidden({ group: "", resource: "users" }, target.name, why);
}

function headerText(headers: IncomingHttpHeaders, name: string): string | undefined {
	const value = headers[name];
	return (Array.isArray(value) ? value[0] : value) || undefined;
}

/** node:http joins repeated headers with commas; names of groups hold none. */
function headerList(headers: IncomingHttpHeaders, name: string): string[] {
	const value = headers[name];
	const values = Array.isArray(value) ? value : (value ?? "").split(",");
	return values.map((item) => item.trim()).filter((item) => item !== "");
}
