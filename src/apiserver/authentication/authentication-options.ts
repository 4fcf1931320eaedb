/**
 * How a server is told who else may come in: kube-apiserver's flags of authentication, by their names.
 * Source: https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { TokenAuthenticator } from "./authenticator.ts";
import { checkOidcOptions, type OidcOptions } from "./oidc-options.ts";
import { tokenFileAuthenticator } from "./token-file.ts";

export interface AuthenticationOptions {
	/** --token-auth-file: the file's text, and what errors call it. */
	readonly tokenFile?: { readonly text: string; readonly path: string };
	/** --oidc-*: an OpenID Connect provider whose ID tokens are good here. */
	readonly oidc?: OidcOptions;
	/** --anonymous-auth; default true. */
	readonly anonymousAuth?: boolean;
}

interface Opened {
	readonly staticTokens?: TokenAuthenticator;
	readonly identityProviders?: readonly TokenAuthenticator[];
}

/** Throws TokenFileError and OidcOptionsError. */
export function openAuthentication(
	{ tokenFile, oidc }: AuthenticationOptions = {},
	context: { readonly clock: Clock; readonly log: Logger },
): Opened {
	return {
		...(tokenFile === undefined ? {} : { staticTokens: tokenFileAuthenticator(tokenFile.text, tokenFile.path) }),
		...(oidc === undefined ? {} : { identityProviders: [lazily(checkOidcOptions(oidc), context)] }),
	};
}

/** What speaks to a provider is loaded with the first token that might be its. */
function lazily(options: OidcOptions, context: { readonly clock: Clock; readonly log: Logger }): TokenAuthenticator {
	let loading: Promise<TokenAuthenticator> | undefined;
	const load = async (): Promise<TokenAuthenticator> => {
		const { OidcAuthenticator } = await import("./oidc.ts");
		return new OidcAuthenticator({ ...options, ...context });
	};
	return {
		async authenticateToken(token, audiences) {
			loading ??= load();
			return (await loading).authenticateToken(token, audiences);
		},
	};
}
