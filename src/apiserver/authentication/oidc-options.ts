/**
 * kube-apiserver's --oidc-* flags, and what is wrong with them.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#configuring-the-api-server,
 * pkg/kubeapiserver/options/authentication.go, k8s.io/apiserver/pkg/apis/apiserver/validation.
 */
import { signingAlgorithms } from "./json-web-token.ts";

export interface OidcOptions {
	/** --oidc-issuer-url: https, and the `iss` of its tokens. */
	readonly issuerUrl: string;
	/** --oidc-client-id: one of the `aud` of its tokens. */
	readonly clientId: string;
	/** --oidc-ca-file, as PEM; absent: the authorities that Node knows. */
	readonly ca?: string;
	/** --oidc-username-claim; default `sub`. */
	readonly usernameClaim?: string;
	/** --oidc-username-prefix; `-` is none, the default the issuer and `#`, except for `email`. */
	readonly usernamePrefix?: string;
	/** --oidc-groups-claim; absent: no groups. */
	readonly groupsClaim?: string;
	/** --oidc-groups-prefix */
	readonly groupsPrefix?: string;
	/** --oidc-required-claim */
	readonly requiredClaims?: Readonly<Record<string, string>>;
	/** --oidc-signing-algs; default RS256. */
	readonly signingAlgorithms?: readonly string[];
}

/** Options that no server can start with. */
export class OidcOptionsError extends Error {
	override readonly name = "OidcOptionsError";
}

/** @throws OidcOptionsError */
export function checkOidcOptions(options: OidcOptions): OidcOptions {
	const { issuerUrl, clientId, signingAlgorithms: wanted = [] } = options;
	if (issuerUrl === "" || clientId === "") throw new OidcOptionsError("oidc-issuer-url and oidc-client-id must be specified together");
	const url = URL.parse(issuerUrl);
	if (url === null) throw new OidcOptionsError(`oidc-issuer-url ${JSON.stringify(issuerUrl)} is not a URL`);
	if (url.protocol !== "https:")
		throw new OidcOptionsError(`jwt[0].issuer.url: Invalid value: ${JSON.stringify(issuerUrl)}: URL scheme must be https`);
	if (url.username !== "")
		throw new OidcOptionsError(
			`jwt[0].issuer.url: Invalid value: ${JSON.stringify(issuerUrl)}: URL must not contain a username or password`,
		);
	if (url.search !== "")
		throw new OidcOptionsError(`jwt[0].issuer.url: Invalid value: ${JSON.stringify(issuerUrl)}: URL must not contain a query`);
	if (url.hash !== "")
		throw new OidcOptionsError(`jwt[0].issuer.url: Invalid value: ${JSON.stringify(issuerUrl)}: URL must not contain a fragment`);
	const unknown = wanted.find((algorithm) => !signingAlgorithms.includes(algorithm));
	if (unknown !== undefined) throw new OidcOptionsError(`oidc: unsupported signing alg: ${JSON.stringify(unknown)}`);
	return options;
}
