/**
 * Client certificates: the common name is the user, the organisations are the groups. The chain is checked here and not
 * by the TLS stack, because validity counts on the cluster's clock and not on the machine's.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates and
 * k8s.io/apiserver/pkg/authentication/request/x509.
 */
import { X509Certificate } from "node:crypto";
import type { UserInfo } from "../../apimachinery/user.ts";
import { type DistinguishedName, readSubject } from "../../apimachinery/x509/distinguished-name.ts";
import { type Verdict, withAuthenticatedGroup } from "./authenticator.ts";

const clientAuthUsage = "1.3.6.1.5.5.7.3.2";
const anyUsage = "2.5.29.37.0";
/** Attribute of a subject that holds the user's uid (KEP-5295). */
const uidAttribute = "1.3.6.1.4.1.57683.2";
/** A chain of more intermediate authorities than this is nobody's. */
const maxChainLength = 10;

/** Tells which of a user's credentials was used. */
const credentialId = "authentication.kubernetes.io/credential-id";

/** A certificate that an authority vouches for, while every certificate of the chain is valid. */
export interface TrustedCertificate {
	readonly subject: DistinguishedName;
	/** Unix ms. */
	readonly notBeforeMs: number;
	readonly notAfterMs: number;
}

/** Checks client certificates against one bundle of authorities; remembers what it has checked. */
export class CertificateVerifier {
	readonly #authorities: readonly X509Certificate[];
	/** What each connection's certificate was found to be; a handshake makes one object and every request sees it. */
	readonly #known = new WeakMap<X509Certificate, TrustedCertificate | undefined>();

	/** @param bundle PEM, one or more certificates */
	constructor(bundle: string) {
		const blocks = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
		this.#authorities = blocks.map((block) => new X509Certificate(block));
	}

	/** Undefined for a certificate that no authority of ours vouches for, that is not for clients, or not valid at `nowMs`. */
	verify(certificate: X509Certificate, nowMs: number): TrustedCertificate | undefined {
		const trusted = this.#trust(certificate);
		return trusted === undefined || nowMs < trusted.notBeforeMs || nowMs > trusted.notAfterMs ? undefined : trusted;
	}

	#trust(certificate: X509Certificate): TrustedCertificate | undefined {
		if (this.#known.has(certificate)) return this.#known.get(certificate);
		const chain = this.#chainOf(certificate);
		const subject = chain === undefined ? undefined : readSubject(certificate.raw);
		const trusted =
			chain === undefined || subject === undefined
				? undefined
				: {
						subject,
						notBeforeMs: Math.max(...chain.map(({ validFrom }) => Date.parse(validFrom))),
						notAfterMs: Math.min(...chain.map(({ validTo }) => Date.parse(validTo))),
					};
		this.#known.set(certificate, trusted);
		return trusted;
	}

	/** From the certificate over the intermediate ones that came with it to an authority of ours. */
	#chainOf(certificate: X509Certificate): readonly X509Certificate[] | undefined {
		const chain: X509Certificate[] = [];
		for (let current: X509Certificate | undefined = certificate; current !== undefined; current = current.issuerCertificate) {
			if (chain.length > maxChainLength || !isForClients(current) || (chain.length > 0 && !current.ca)) return undefined;
			const previous = chain.at(-1);
			if (previous !== undefined && !isIssuedBy(previous, current)) return undefined;
			chain.push(current);
			const issued = current;
			const authority = this.#authorities.find((candidate) => isIssuedBy(issued, candidate));
			if (authority !== undefined) return [...chain, authority];
		}
		return undefined;
	}
}

function isIssuedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
	return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

/** A certificate that names no usage is for all. */
function isForClients(certificate: X509Certificate): boolean {
	const usages: readonly string[] | undefined = certificate.keyUsage;
	return usages === undefined || usages.includes(clientAuthUsage) || usages.includes(anyUsage);
}

/** Who has proved by the handshake to own this certificate. */
export class ClientCertificateAuthenticator {
	readonly #verifier: CertificateVerifier;
	/** The users of certificates, by what the verifier remembers of them. */
	readonly #verdicts = new WeakMap<TrustedCertificate, Exclude<Verdict, undefined> | "nobody">();

	/** @param clientCa PEM, one or more certificates */
	constructor(clientCa: string) {
		this.#verifier = new CertificateVerifier(clientCa);
	}

	/** Undefined for a good certificate that names nobody. */
	authenticate(certificate: X509Certificate, nowMs: number): Verdict {
		const trusted = this.#verifier.verify(certificate, nowMs);
		if (trusted === undefined) return { refused: "x509: certificate signed by unknown authority, not for clients, or not valid now" };
		const known = this.#verdicts.get(trusted) ?? userOf(trusted.subject, certificate) ?? "nobody";
		this.#verdicts.set(trusted, known);
		return known === "nobody" ? undefined : known;
	}
}

function userOf({ commonName, organizations, attributes }: DistinguishedName, certificate: X509Certificate): Verdict {
	if (commonName === "") return undefined;
	const uids = attributes.filter(({ type }) => type === uidAttribute).map(({ value }) => value);
	if (uids.length > 1 || uids[0] === "") return { refused: "x509: the subject names no uid, or several" };
	const user: UserInfo = {
		name: commonName,
		...(uids[0] === undefined ? {} : { uid: uids[0] }),
		groups: organizations,
		extra: { [credentialId]: [`X509SHA256=${certificate.fingerprint256.replaceAll(":", "").toLowerCase()}`] },
	};
	// Complete, so that every request of a connection has the very same user.
	return { user: withAuthenticatedGroup(user) };
}
