/**
 * What Go's net, crypto/tls and net/http say where Node's counterparts say something else: these texts reach users in the
 * errors of webhooks and aggregated API servers, and are what they search the web for.
 * Source: https://pkg.go.dev/net, https://pkg.go.dev/crypto/x509 (HostnameError, CertificateInvalidError, UnknownAuthorityError)
 */
import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import { formatTime } from "../../apimachinery/time.ts";

/** A server speaks HTTP where its client speaks TLS. */
export const plainText = "http: server gave HTTP response to HTTPS client";

const failedToVerify = "tls: failed to verify certificate: x509:";

/** `connect: connection refused` and its like, by Node's code. */
const systemErrors: Readonly<Record<string, string>> = {
	ECONNREFUSED: "connect: connection refused",
	EHOSTUNREACH: "connect: no route to host",
	ENETUNREACH: "connect: network is unreachable",
	ETIMEDOUT: "connect: connection timed out",
	EADDRNOTAVAIL: "connect: cannot assign requested address",
	EACCES: "connect: permission denied",
};

/** Alerts of the other side, by the name that OpenSSL gives them. */
const tlsAlerts: readonly (readonly [openssl: RegExp, text: string])[] = [
	[/certificate required/i, "remote error: tls: certificate required"],
	[/bad certificate/i, "remote error: tls: bad certificate"],
	[/unknown ca/i, "remote error: tls: unknown certificate authority"],
	[/protocol version|unsupported protocol/i, "remote error: tls: protocol version not supported"],
	[/unrecognized name/i, "remote error: tls: unrecognized name"],
	[/handshake failure/i, "remote error: tls: handshake failure"],
	[/internal error/i, "remote error: tls: internal error"],
];

export function hostPort(host: string, port: number): string {
	return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function codeOf(error: Error): string {
	return "code" in error && typeof error.code === "string" ? error.code : "";
}

/** Why a TCP connection could not be made. */
export function dialError(error: Error, host: string, port: number): string {
	const code = codeOf(error);
	if (code === "ENOTFOUND") return `dial tcp: lookup ${host}: no such host`;
	if (code === "EAI_AGAIN") return `dial tcp: lookup ${host}: Temporary failure in name resolution`;
	const text = systemErrors[code];
	return text === undefined ? error.message : `dial tcp ${hostPort(host, port)}: ${text}`;
}

/** Why a connection that was there is of no use any more. */
export function connectionError(error: Error): string {
	const code = codeOf(error);
	// What the other side sent first was no TLS: with all servers that are asked here it is HTTP in plain text.
	if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG" || /wrong version number/.test(error.message)) {
		return plainText;
	}
	const alert = tlsAlerts.find(([openssl]) => openssl.test(error.message) && /ssl|tls|alert/i.test(error.message));
	if (alert !== undefined) return alert[1];
	// Both are a peer that closes where an answer was due; Go tells them apart by who was faster.
	if (code === "ECONNRESET" || code === "EPIPE" || error.message === "socket hang up") return "EOF";
	if (code.startsWith("HPE_")) return `net/http: HTTP/1.x transport connection broken: malformed HTTP response`;
	return error.message;
}

/**
 * What is wrong with the certificate that a server has shown, in the order in which Go looks; undefined if nothing is.
 * @param nowMs the machine's time: certificates of servers outside are not the cluster's
 */
export function certificateError(socket: TLSSocket, serverName: string, nowMs: number): string | undefined {
	const certificate = socket.getPeerX509Certificate();
	if (certificate === undefined) return "tls: server did not present a certificate";
	return validityError(certificate, nowMs) ?? nameError(certificate, serverName) ?? chainError(socket, certificate);
}

function validityError({ validFrom, validTo }: X509Certificate, nowMs: number): string | undefined {
	const [fromMs, toMs] = [Date.parse(validFrom), Date.parse(validTo)];
	const expired = `${failedToVerify} certificate has expired or is not yet valid: current time ${formatTime(nowMs)} is`;
	if (nowMs < fromMs) return `${expired} before ${formatTime(fromMs)}`;
	return nowMs > toMs ? `${expired} after ${formatTime(toMs)}` : undefined;
}

function nameError(certificate: X509Certificate, serverName: string): string | undefined {
	const names = alternativeNames(certificate);
	const of = (type: string) => names.filter(([each]) => each === type).map(([, value]) => value);
	if (isIP(serverName) !== 0) {
		if (certificate.checkIP(serverName) !== undefined) return undefined;
		const addresses = of("IP Address");
		if (addresses.length === 0)
			return `${failedToVerify} cannot validate certificate for ${serverName} because it doesn't contain any IP SANs`;
		return `${failedToVerify} certificate is valid for ${addresses.join(", ")}, not ${serverName}`;
	}
	if (certificate.checkHost(serverName, { subject: "never" }) !== undefined) return undefined;
	if (names.length === 0 && /^CN=/m.test(certificate.subject)) {
		return `${failedToVerify} certificate relies on legacy Common Name field, use SANs instead`;
	}
	const hosts = of("DNS");
	if (hosts.length === 0) return `${failedToVerify} certificate is not valid for any names, but wanted to match ${serverName}`;
	return `${failedToVerify} certificate is valid for ${hosts.join(", ")}, not ${serverName}`;
}

/** `DNS:localhost, IP Address:127.0.0.1` → pairs. */
function alternativeNames({ subjectAltName = "" }: X509Certificate): readonly (readonly [type: string, value: string])[] {
	return subjectAltName
		.split(", ")
		.filter((entry) => entry.includes(":"))
		.map((entry) => [entry.slice(0, entry.indexOf(":")), entry.slice(entry.indexOf(":") + 1)] as const);
}

function chainError(socket: TLSSocket, certificate: X509Certificate): string | undefined {
	if (socket.authorized) return undefined;
	const code = String((socket.authorizationError as unknown as { readonly code?: string } | undefined)?.code ?? socket.authorizationError);
	if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return undefined;
	if (code === "INVALID_PURPOSE") return `${failedToVerify} certificate specifies an incompatible key usage`;
	if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") return validityError(certificate, Date.parse(certificate.validTo) + 1);
	return `${failedToVerify} certificate signed by unknown authority`;
}
