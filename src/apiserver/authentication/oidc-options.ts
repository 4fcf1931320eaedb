/**
 * An OpenID Connect provider as a server is told of it: by kube-apiserver's --oidc-* flags (here), or by an
 * AuthenticationConfiguration (authentication-configuration.ts).
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#configuring-the-api-server,
 * pkg/kubeapiserver/options/authentication.go, k8s.io/apiserver/pkg/apis/apiserver/validation.
 */
import { type FieldError, fieldInvalid, fieldRequired } from "../../apimachinery/validation/field-error.ts";
import type { ClaimExpression, ExtraExpression, ValidationRule } from "./claim-expressions.ts";
import { signingAlgorithms } from "./json-web-token.ts";

/** A claim and what goes before its value. */
export interface PrefixedClaim {
	readonly claim: string;
	readonly prefix: string;
}

export interface JwtProvider {
	/** https, and the `iss` of its tokens. */
	readonly issuerUrl: string;
	/** Where its discovery document is, if not below the issuer. */
	readonly discoveryUrl?: string;
	/** Its tokens must be for one of these. */
	readonly audiences: readonly string[];
	/** PEM; absent: the authorities that Node knows. */
	readonly ca?: string;
	readonly username: PrefixedClaim | ClaimExpression;
	/** Absent: no groups. */
	readonly groups?: PrefixedClaim | ClaimExpression;
	/** The name of a claim, or an expression. */
	readonly uid?: string | ClaimExpression;
	readonly extra?: readonly ExtraExpression[];
	readonly requiredClaims: Readonly<Record<string, string>>;
	/** What must hold of its claims, and of the users that they make. */
	readonly claimRules?: readonly ValidationRule[];
	readonly userRules?: readonly ValidationRule[];
	readonly signingAlgorithms: readonly string[];
}

/** The flags, by their names. */
export interface OidcOptions {
	readonly issuerUrl: string;
	readonly clientId: string;
	/** --oidc-ca-file, as PEM. */
	readonly ca?: string;
	/** Default `sub`. */
	readonly usernameClaim?: string;
	/** `-` is none, the default the issuer and `#`, except for `email`. */
	readonly usernamePrefix?: string;
	readonly groupsClaim?: string;
	readonly groupsPrefix?: string;
	readonly requiredClaims?: Readonly<Record<string, string>>;
	/** Default RS256. */
	readonly signingAlgorithms?: readonly string[];
}

/** What no server can start with. */
export class OidcOptionsError extends Error {
	override readonly name = "OidcOptionsError";
}

/** @throws OidcOptionsError */
export function providerOf(options: OidcOptions): JwtProvider {
	const { issuerUrl, clientId, ca, usernameClaim = "sub", usernamePrefix = "", groupsClaim = "", groupsPrefix = "" } = options;
	if (issuerUrl === "" || clientId === "") throw new OidcOptionsError("oidc-issuer-url and oidc-client-id must be specified together");
	const [problem] = urlErrors(issuerUrl, "jwt[0].issuer.url");
	if (problem !== undefined) throw new OidcOptionsError(problem.toString());
	const wanted = options.signingAlgorithms ?? ["RS256"];
	const unknown = wanted.find((algorithm) => !signingAlgorithms.includes(algorithm));
	if (unknown !== undefined) throw new OidcOptionsError(`oidc: unsupported signing alg: ${JSON.stringify(unknown)}`);
	return {
		issuerUrl,
		audiences: [clientId],
		...(ca === undefined ? {} : { ca }),
		username: { claim: usernameClaim, prefix: prefixOf(usernamePrefix, usernameClaim, issuerUrl) },
		...(groupsClaim === "" ? {} : { groups: { claim: groupsClaim, prefix: groupsPrefix } }),
		requiredClaims: options.requiredClaims ?? {},
		signingAlgorithms: wanted,
	};
}

/** Without a prefix, users of different providers would be the same; emails are not. */
function prefixOf(prefix: string, claim: string, issuerUrl: string): string {
	if (prefix === "-") return "";
	return prefix === "" && claim !== "email" ? `${issuerUrl}#` : prefix;
}

/** What is wrong with the address of a provider. */
export function urlErrors(text: string, path: string): readonly FieldError[] {
	if (text === "") return [fieldRequired(path)];
	const url = URL.parse(text);
	if (url === null) return [fieldInvalid(path, text, `parse ${JSON.stringify(text)}: invalid URL`)];
	return [
		...(url.protocol === "https:" ? [] : [fieldInvalid(path, text, "URL scheme must be https")]),
		...(url.username === "" && url.password === "" ? [] : [fieldInvalid(path, text, "URL must not contain a username or password")]),
		...(url.search === "" ? [] : [fieldInvalid(path, text, "URL must not contain a query")]),
		...(url.hash === "" ? [] : [fieldInvalid(path, text, "URL must not contain a fragment")]),
	];
}
