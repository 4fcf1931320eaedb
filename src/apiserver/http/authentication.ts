/**
 * Who makes a request. The ways to say so are tried in Kubernetes' order, and one that proves nothing is not the last word:
 *
 *   front proxy ─▶ client certificate ─▶ bearer token ─▶ token of a WebSocket ─▶ nobody: the anonymous user
 *                                      refused by all that know such credentials ─▶ 401
 *
 * Then whom the caller acts as. Credentials and names go no further than this: their headers are taken away.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/, pkg/kubeapiserver/authenticator/config.go,
 * k8s.io/apiserver/pkg/endpoints/filters/authentication.go.
 */
import type { X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { newUnauthorized } from "../../apimachinery/status-error.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { AuditTrail } from "../audit/audit-trail.ts";
import { attemptedMethods } from "../audit/http-audit.ts";
import type { AnonymousConfiguration } from "../authentication/authentication-configuration.ts";
import { anonymousUser, isAuthenticated, type Verdict, withAuthenticatedGroup } from "../authentication/authenticator.ts";
import type { ClientCertificateAuthenticator } from "../authentication/client-certificate.ts";
import { type FrontProxyAuthenticator, isFrontProxyHeader } from "../authentication/front-proxy.ts";
import {
	type ImpersonationContext,
	impersonate,
	isImpersonationHeader,
	type RequestSubject,
	wantedUser,
} from "../authentication/impersonation.ts";
import { headerLines, removeHeaders } from "../authentication/request-headers.ts";
import { readRequestInfo } from "../request-info.ts";
import type { TokenAuthenticator } from "./api-handler.ts";

/** Browsers cannot set headers on a WebSocket: there the token stands among the protocols. */
const webSocketTokenPrefix = "base64url.bearer.authorization.k8s.io.";

export interface Authenticators {
	/** Absent: nobody may speak for others. */
	readonly frontProxy: FrontProxyAuthenticator | undefined;
	readonly certificates: ClientCertificateAuthenticator;
	readonly authenticateToken: TokenAuthenticator | undefined;
	/** Whether whoever says nothing of himself is let in, and to which paths. */
	readonly anonymous: AnonymousConfiguration;
	/** Decides who may act as whom. */
	readonly require: ImpersonationContext["require"];
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
	removeHeaders(message, (name) => name === "authorization" || isFrontProxyHeader(name));
	if (!hasImpersonation(message)) return user;
	const wanted = wantedUser(message);
	if (wanted === undefined) return user;
	removeHeaders(message, isImpersonationHeader);
	const subject = () => subjectOf(message);
	const target = await impersonate(user, wanted, { require: authenticators.require, subject });
	audit?.actsAs(target);
	return target;
}

function subjectOf({ method = "GET", url = "/" }: IncomingMessage): RequestSubject {
	const { isResource, verb, path, group, resource, subresource, namespace, name } = readRequestInfo(method, url);
	return isResource ? { verb, group, resource, subresource, namespace, name } : { verb, path };
}

function hasImpersonation({ headers }: IncomingMessage): boolean {
	for (const name in headers) if (isImpersonationHeader(name)) return true;
	return false;
}

async function authenticateCaller(message: IncomingMessage, authenticators: Authenticators, nowMs: number): Promise<UserInfo> {
	const certificate = showsCertificates(message.socket) ? peerCertificate(message.socket) : undefined;
	let isRefused = false;
	for (const way of ways) {
		const found = way(message, certificate, authenticators, nowMs);
		// A promise costs a turn of every request: only tokens need one.
		const verdict = found instanceof Promise ? await found : found;
		if (isAuthenticated(verdict)) return withAuthenticatedGroup(verdict.user);
		if (verdict !== undefined) isRefused = true;
	}
	if (isRefused || !isAnonymousAllowed(authenticators.anonymous, message.url ?? "/")) throw newUnauthorized();
	return anonymousUser;
}

/** The path must be exactly one of those that are named. */
function isAnonymousAllowed({ enabled, paths }: AnonymousConfiguration, url: string): boolean {
	return enabled && (paths.length === 0 || paths.includes(url.split("?", 1)[0] ?? ""));
}

type Way = (
	message: IncomingMessage,
	certificate: X509Certificate | undefined,
	authenticators: Authenticators,
	nowMs: number,
) => Verdict | Promise<Verdict>;

const ways: readonly Way[] = [
	(message, certificate, { frontProxy }, nowMs) =>
		certificate === undefined ? undefined : frontProxy?.authenticate(message, certificate, nowMs),
	(_message, certificate, { certificates }, nowMs) =>
		certificate === undefined ? undefined : certificates.authenticate(certificate, nowMs),
	(message, _certificate, { authenticateToken }) => {
		const token = bearerToken(message);
		return token === undefined ? undefined : userOfToken(token, authenticateToken);
	},
	(message, _certificate, { authenticateToken }) => authenticateWebSocket(message, authenticateToken),
];

async function userOfToken(token: string, authenticateToken: TokenAuthenticator | undefined): Promise<Verdict> {
	const user = await authenticateToken?.(token);
	return user === undefined ? { refused: "invalid bearer token" } : { user };
}

/** A connection on which clients may show who they are: a TLS socket, or one of the simulated network. */
export interface CertifiedSocket {
	getPeerX509Certificate(): X509Certificate | undefined;
}

/** Certificates by connection: reading one anew for every request costs more than the rest of authentication. */
const certificates = new WeakMap<CertifiedSocket, X509Certificate | undefined>();

function showsCertificates(socket: Socket): socket is Socket & CertifiedSocket {
	return "getPeerX509Certificate" in socket;
}

function peerCertificate(socket: CertifiedSocket): X509Certificate | undefined {
	if (!certificates.has(socket)) certificates.set(socket, socket.getPeerX509Certificate());
	return certificates.get(socket);
}

/** As Go reads it: one space, and whatever follows a second one does not count. */
function bearerToken(message: IncomingMessage): string | undefined {
	if (message.headers.authorization === undefined) return undefined;
	const [scheme = "", token = ""] = (headerLines(message, "authorization")[0] ?? "").trim().split(" ");
	return scheme.toLowerCase() === "bearer" && token !== "" ? token : undefined;
}

/** Source: k8s.io/apiserver/pkg/authentication/request/websocket. */
async function authenticateWebSocket(message: IncomingMessage, authenticateToken: TokenAuthenticator | undefined): Promise<Verdict> {
	const offered = message.headers["sec-websocket-protocol"];
	if (offered?.includes(webSocketTokenPrefix) !== true || message.headers.upgrade?.toLowerCase() !== "websocket") return undefined;
	const protocols = offered.split(",").map((protocol) => protocol.trim());
	const tokens = protocols.filter((protocol) => protocol.startsWith(webSocketTokenPrefix));
	const others = protocols.filter((protocol) => !protocol.startsWith(webSocketTokenPrefix));
	if (tokens.length > 1) return { refused: "multiple base64.bearer.authorization tokens specified" };
	const encoded = tokens[0]?.slice(webSocketTokenPrefix.length) ?? "";
	if (!/^[A-Za-z0-9_-]*$/.test(encoded)) return { refused: "invalid base64.bearer.authorization token encoding" };
	if (encoded === "") return undefined;
	if (others.length === 0) return { refused: "missing additional subprotocol" };
	const verdict = await userOfToken(Buffer.from(encoded, "base64url").toString("utf8"), authenticateToken);
	// The token is not for whoever answers, and the answer may not choose it.
	if (isAuthenticated(verdict)) message.headers["sec-websocket-protocol"] = others.join(", ");
	return verdict;
}
