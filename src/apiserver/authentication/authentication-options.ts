/**
 * How a server is told who else may come in: kube-apiserver's flags of authentication, by their names.
 * Source: https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import { type AnonymousConfiguration, readAuthenticationConfiguration } from "./authentication-configuration.ts";
import type { TokenAuthenticator } from "./authenticator.ts";
import { type JwtProvider, type OidcOptions, OidcOptionsError, providerOf } from "./oidc-options.ts";
import { tokenFileAuthenticator } from "./token-file.ts";

export interface AuthenticationOptions {
	/** --token-auth-file: the file's text, and what errors call it. */
	readonly tokenFile?: { readonly text: string; readonly path: string };
	/** --oidc-*: an OpenID Connect provider whose ID tokens are good here. */
	readonly oidc?: OidcOptions;
	/** --authentication-config: the file, parsed (authentication-configuration.ts). Not together with `oidc`. */
	readonly configuration?: unknown;
	/** --anonymous-auth; default true. */
	readonly anonymousAuth?: boolean;
}

/** What a server is made with. */
export interface OpenedAuthentication {
	readonly staticTokens?: TokenAuthenticator;
	readonly identityProviders: readonly TokenAuthenticator[];
	readonly anonymous: AnonymousConfiguration;
}

/** Throws TokenFileError and OidcOptionsError. */
export function openAuthentication(
	{ tokenFile, oidc, configuration, anonymousAuth }: AuthenticationOptions,
	context: { readonly clock: Clock; readonly log: Logger },
): OpenedAuthentication {
	if (oidc !== undefined && configuration !== undefined) {
		throw new OidcOptionsError("authentication-config file and oidc-* flags are mutually exclusive");
	}
	const { providers, anonymous } =
		configuration === undefined
			? { providers: oidc === undefined ? [] : [providerOf(oidc)], anonymous: undefined }
			: readAuthenticationConfiguration(configuration);
	if (anonymous !== undefined && anonymousAuth !== undefined) {
		throw new OidcOptionsError(
			"--anonymous-auth flag cannot be set when anonymous field is configured in authentication configuration file",
		);
	}
	return {
		...(tokenFile === undefined ? {} : { staticTokens: tokenFileAuthenticator(tokenFile.text, tokenFile.path) }),
		identityProviders: providers.map((provider) => lazily(provider, context)),
		anonymous: anonymous ?? { enabled: anonymousAuth ?? true, paths: [] },
	};
}

/** What speaks to a provider is loaded with the first token that might be its. */
function lazily(provider: JwtProvider, context: { readonly clock: Clock; readonly log: Logger }): TokenAuthenticator {
	let loading: Promise<TokenAuthenticator> | undefined;
	const load = async (): Promise<TokenAuthenticator> => {
		const { OidcAuthenticator } = await import("./oidc.ts");
		return new OidcAuthenticator({ ...provider, ...context });
	};
	return {
		async authenticateToken(token, audiences) {
			loading ??= load();
			return (await loading).authenticateToken(token, audiences);
		},
	};
}
