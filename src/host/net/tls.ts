/**
 * TLS between simulated programs. What it decides is real: which certificates an end shows, and whether the other end's trusted ones and the
 * names in them vouch for it. What it hides is nothing: nobody in this memory could listen, so bytes go on as they are after the handshake.
 *
 *   client ── hello: the name it wants, its certificate if it has one ──▶ server
 *   client ◀────────────────────────── the server's certificates ─────── server      then data, both ways
 *
 * Each of the two messages is a handshake record (type 22, version, length) around JSON, so that who speaks something else on the port is found
 * out as in life. That an end has the key of what it shows is looked at by whoever reads both files, and believed by the other end.
 * Not simulated: ciphers, versions, sessions, alerts, revocation, ALPN (all is HTTP/1.1).
 * Source: RFC 8446, section 5.1 (records); RFC 5280, section 6 (paths); OpenSSL's x509_verify_cert for order and words of what is wrong.
 */
import { X509Certificate } from "node:crypto";
import { BrokenPipeError } from "../stream.ts";
import { type Connection, type ConnectionHandler, isIpv4, NetworkError } from "./network.ts";

const handshakeType = 0x16;
const headBytes = 5;
/** A record's length has two bytes; what does not fit into one is not shown. */
const maxRecordBytes = 0xffff;
/** An authority above an authority, and so on: OpenSSL's default limit is 100. */
const maxDepth = 100;

/** What a server answers to who speaks plain HTTP to it. Source: Go's net/http (server.go, "Client sent an HTTP request to an HTTPS server."). */
const plainHttpAnswer = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/** The other end speaks no TLS. */
export class NotTlsError extends Error {
	constructor() {
		super("not a TLS record");
		this.name = "NotTlsError";
	}
}

export interface TlsConnection extends Connection {
	/** Of the other end: its own first, then those that vouch for it. */
	readonly peerCertificates: readonly X509Certificate[];
}

interface Hello {
	readonly serverName?: string;
	/** PEM. */
	readonly certificates: string;
}

/** @param certificates PEM: the server's own first, then those that vouch for it. */
export function tlsServer(certificates: string, handler: (connection: TlsConnection) => Promise<void>): ConnectionHandler {
	return async (connection) => {
		const hello = await readHello(connection).catch((error: unknown) => {
			if (error instanceof NotTlsError) return undefined;
			throw error;
		});
		if (hello === undefined) {
			await connection.write(Buffer.from(plainHttpAnswer));
			return;
		}
		await connection.write(record({ certificates }));
		await handler(secured(connection, hello));
	};
}

/**
 * The client's half of the handshake, on an open connection. Trusts nobody and everybody: see `untrustedBecause`.
 * Rejects with `NotTlsError`, or with ECONNRESET if the other end goes.
 */
export async function startTls(connection: Connection, hello: Hello): Promise<TlsConnection> {
	try {
		await connection.write(record(hello));
	} catch (error) {
		throw error instanceof BrokenPipeError ? new NetworkError("ECONNRESET") : error;
	}
	return secured(connection, await readHello(connection));
}

/** The certificates of a PEM text; what is none is passed over. */
export function readCertificates(pem: string): readonly X509Certificate[] {
	return (pem.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? []).flatMap((text) => {
		try {
			return [new X509Certificate(text)];
		} catch {
			return [];
		}
	});
}

export type Distrust =
	| "certificate has expired"
	| "certificate is not yet valid"
	| "self-signed certificate"
	| "self-signed certificate in certificate chain"
	| "unable to get local issuer certificate";

/**
 * Why the first of the certificates is not to be believed; undefined if it is.
 * @param trusted authorities, and certificates that need none
 * @param nowMs cluster time, Unix ms
 */
export function untrustedBecause(
	shown: readonly X509Certificate[],
	trusted: readonly X509Certificate[],
	nowMs: number,
): Distrust | undefined {
	const path: X509Certificate[] = [];
	for (let next = shown[0]; next !== undefined; ) {
		const current: X509Certificate = next;
		path.push(current);
		if (trusted.some((each) => each.raw.equals(current.raw))) break;
		const authority = trusted.find((each) => isIssuer(each, current));
		if (authority !== undefined) {
			path.push(authority);
			break;
		}
		if (isIssuer(current, current)) return path.length === 1 ? "self-signed certificate" : "self-signed certificate in certificate chain";
		next = path.length > maxDepth ? undefined : shown.find((each) => !path.includes(each) && isIssuer(each, current));
		if (next === undefined) return "unable to get local issuer certificate";
	}
	if (path.length === 0) return "unable to get local issuer certificate";
	for (const certificate of path.reverse()) {
		if (nowMs < certificate.validFromDate.getTime()) return "certificate is not yet valid";
		if (nowMs > certificate.validToDate.getTime()) return "certificate has expired";
	}
	return undefined;
}

/** Whether a certificate is for a host, by name or by address. */
export function isForHost(certificate: X509Certificate | undefined, host: string): boolean {
	return (isIpv4(host) ? certificate?.checkIP(host) : certificate?.checkHost(host)) !== undefined;
}

function isIssuer(authority: X509Certificate, certificate: X509Certificate): boolean {
	return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

function record(hello: Hello): Buffer {
	const content = Buffer.from(JSON.stringify(hello));
	if (content.length > maxRecordBytes) throw new RangeError(`certificates of ${content.length} bytes do not fit into a record`);
	const head = Buffer.from([handshakeType, 3, 3, 0, 0]);
	head.writeUInt16BE(content.length, 3);
	return Buffer.concat([head, content]);
}

/** What the other end's record says, and what came behind it. */
interface Heard extends Hello {
	readonly rest: Buffer;
}

/** Rejects with `NotTlsError`, or with ECONNRESET if the other end goes. */
async function readHello(connection: Connection): Promise<Heard> {
	let buffer = Buffer.alloc(0);
	const have = async (sizeBytes: number) => {
		while (buffer.length < sizeBytes) {
			const chunk = await connection.read();
			if (chunk === undefined) throw new NetworkError("ECONNRESET");
			buffer = Buffer.concat([buffer, chunk]);
			if (buffer[0] !== handshakeType) throw new NotTlsError();
		}
	};
	await have(headBytes);
	const end = headBytes + buffer.readUInt16BE(3);
	await have(end);
	try {
		const { serverName, certificates } = JSON.parse(buffer.subarray(headBytes, end).toString()) as Partial<Hello>;
		const rest = buffer.subarray(end);
		return { ...(serverName === undefined ? {} : { serverName }), certificates: certificates ?? "", rest };
	} catch {
		throw new NotTlsError();
	}
}

function secured(connection: Connection, { certificates, rest }: Heard): TlsConnection {
	let early: Buffer | undefined = rest.length === 0 ? undefined : rest;
	return {
		peerCertificates: readCertificates(certificates),
		remoteAddress: connection.remoteAddress,
		remotePort: connection.remotePort,
		read: () => {
			const first = early;
			early = undefined;
			return first === undefined ? connection.read() : Promise.resolve(first);
		},
		write: (chunk) => connection.write(chunk),
		end: () => connection.end(),
		destroy: () => connection.destroy(),
	};
}
