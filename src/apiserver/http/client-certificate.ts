/**
 * Client certificates: the common name is the user, the organisations are the groups. The chain is checked here and not
 * by the TLS stack, because validity counts on the cluster's clock and not on the machine's.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates
 */
import { X509Certificate } from "node:crypto";
import type { UserInfo } from "../../apimachinery/user.ts";

const clientAuthUsage = "1.3.6.1.5.5.7.3.2";

/** Tells which of a user's credentials was used. */
const credentialId = "authentication.kubernetes.io/credential-id";

/** A certificate that proves an identity within its validity. */
export interface CertificateIdentity {
	readonly user: UserInfo;
	/** Unix ms. */
	readonly notBeforeMs: number;
	readonly notAfterMs: number;
}

/** Reads and checks client certificates against one CA; remembers what it has checked. */
export class ClientCertificateVerifier {
	readonly #authorities: readonly X509Certificate[];
	/** What each connection's certificate was found to be; a handshake makes one object and every request sees it. */
	readonly #known = new WeakMap<X509Certificate, CertificateIdentity | undefined>();

	/** @param clientCa PEM, one or more certificates */
	constructor(clientCa: string) {
		const blocks = clientCa.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
		this.#authorities = blocks.map((block) => new X509Certificate(block));
	}

	/** The identity that a certificate proves at `nowMs`; undefined if it is not ours or not valid then. */
	verify(certificate: X509Certificate, nowMs: number): UserInfo | undefined {
		const identity = this.#identify(certificate);
		if (identity === undefined || nowMs < identity.notBeforeMs || nowMs > identity.notAfterMs) return undefined;
		return identity.user;
	}

	#identify(certificate: X509Certificate): CertificateIdentity | undefined {
		if (this.#known.has(certificate)) return this.#known.get(certificate);
		const identity = this.#authorities.some((authority) => isIssuedBy(certificate, authority)) ? readIdentity(certificate) : undefined;
		this.#known.set(certificate, identity);
		return identity;
	}
}

function isIssuedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
	return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

function readIdentity(certificate: X509Certificate): CertificateIdentity | undefined {
	const usages: readonly string[] | undefined = certificate.keyUsage;
	if (usages !== undefined && !usages.includes(clientAuthUsage)) return undefined;
	const name = subjectValues(certificate.subject, "CN")[0];
	if (name === undefined) return undefined;
	return {
		user: {
			name,
			groups: [...new Set([...subjectValues(certificate.subject, "O"), "system:authenticated"])],
			extra: { [credentialId]: [`X509SHA256=${certificate.fingerprint256.replaceAll(":", "").toLowerCase()}`] },
		},
		notBeforeMs: Date.parse(certificate.validFrom),
		notAfterMs: Date.parse(certificate.validTo),
	};
}

/**
 * Values of one attribute of a subject as node:crypto prints it: one line for each set of attributes, `O=dev + O=ops`
 * where a set has several, and special characters in values escaped.
 */
function subjectValues(subject: string, key: string): string[] {
	return subject
		.split("\n")
		.flatMap((line) => line.split(/ \+ (?=[A-Za-z0-9.]+=)/))
		.filter((part) => part.startsWith(`${key}=`))
		.map((part) => part.slice(key.length + 1).replace(/\\(.)/g, "$1"));
}
