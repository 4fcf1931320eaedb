/**
 * The authenticating proxy: whoever has a certificate of the front proxy's authority, with an allowed name, says in
 * headers whom it asks for. From anybody else these headers mean nothing.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#authenticating-proxy and
 * k8s.io/apiserver/pkg/authentication/request/headerrequest; names are kubeadm's.
 */
import type { X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Verdict } from "./authenticator.ts";
import { CertificateVerifier } from "./client-certificate.ts";
import { headerLines, prefixedHeaders } from "./request-headers.ts";

export interface FrontProxyOptions {
	/** PEM: --requestheader-client-ca-file. */
	readonly ca: string;
	/** Common names of proxies, --requestheader-allowed-names; empty: any certificate of the authority will do. */
	readonly allowedNames: readonly string[];
}

/** --requestheader-username-headers, -uid-headers, -group-headers and -extra-headers-prefix. */
export const frontProxyHeaderNames = {
	user: "X-Remote-User",
	uid: "X-Remote-Uid",
	group: "X-Remote-Group",
	extraPrefix: "X-Remote-Extra-",
} as const;

/** As they are compared. */
const frontProxyHeaders = {
	user: frontProxyHeaderNames.user.toLowerCase(),
	uid: frontProxyHeaderNames.uid.toLowerCase(),
	group: frontProxyHeaderNames.group.toLowerCase(),
	extraPrefix: frontProxyHeaderNames.extraPrefix.toLowerCase(),
};

export function isFrontProxyHeader(name: string): boolean {
	const { user, uid, group, extraPrefix } = frontProxyHeaders;
	return name === user || name === uid || name === group || name.startsWith(extraPrefix);
}

export class FrontProxyAuthenticator {
	readonly #verifier: CertificateVerifier;
	readonly #allowedNames: readonly string[];

	constructor({ ca, allowedNames }: FrontProxyOptions) {
		this.#verifier = new CertificateVerifier(ca);
		this.#allowedNames = allowedNames;
	}

	/** Undefined for a proxy that names nobody. */
	authenticate(message: Pick<IncomingMessage, "rawHeaders">, certificate: X509Certificate, nowMs: number): Verdict {
		const trusted = this.#verifier.verify(certificate, nowMs);
		if (trusted === undefined) return { refused: "x509: certificate signed by unknown authority" };
		const { commonName } = trusted.subject;
		if (this.#allowedNames.length > 0 && !this.#allowedNames.includes(commonName)) {
			return { refused: `x509: subject with cn=${commonName} is not in the allowed list` };
		}
		const { user, uid, group, extraPrefix } = frontProxyHeaders;
		const [name = ""] = headerLines(message, user);
		if (name === "") return undefined;
		const [id = ""] = headerLines(message, uid);
		const extra = prefixedHeaders(message, extraPrefix);
		return {
			user: {
				name,
				...(id === "" ? {} : { uid: id }),
				groups: headerLines(message, group).filter((value) => value !== ""),
				...(Object.keys(extra).length === 0 ? {} : { extra }),
			},
		};
	}
}
