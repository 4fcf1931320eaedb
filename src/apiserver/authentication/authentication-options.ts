/**
 * How a server is told who else may come in: kube-apiserver's flags of authentication, by their names.
 * Source: https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/
 */
import { readFileSync } from "node:fs";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { AnonymousConfiguration, AuthenticationConfiguration } from "./authentication-configuration.ts";
import type { TokenAuthenticator, Verdict } from "./authenticator.ts";
import { type JwtProvider, type OidcOptions, OidcOptionsError, providerOf } from "./oidc-options.ts";
import { tokenFileAuthenticator } from "./token-file.ts";

export interface AuthenticationOptions {
	/** --token-auth-file: the file's text, and what errors call it. */
	readonly tokenFile?: { readonly text: string; readonly path: string };
	/** --oidc-*: an OpenID Connect provider whose ID tokens are good here. */
	readonly oidc?: OidcOptions;
	/** --authentication-config: a file (authentication-configuration.ts), whose changes are followed. Not together with `oidc`. */
	readonly configurationFile?: string;
	/** The same, as a value that does not change. */
	readonly configuration?: unknown;
	/** --anonymous-auth; default true. */
	readonly anonymousAuth?: boolean;
}

/** What a server is made with. */
export interface OpenedAuthentication {
	readonly staticTokens?: TokenAuthenticator;
	readonly identityProviders: readonly TokenAuthenticator[];
	readonly anonymous: AnonymousConfiguration;
	/** To be followed. */
	readonly file?: AuthenticationFile;
}

export interface AuthenticationFile {
	readonly path: string;
	readonly text: string;
	/** Rejects with OidcOptionsError. */
	apply(text: string): Promise<void>;
}

interface Context {
	readonly clock: Clock;
	readonly log: Logger;
}

/** Rejects with TokenFileError and OidcOptionsError. */
export async function openAuthentication(options: AuthenticationOptions, context: Context): Promise<OpenedAuthentication> {
	const { tokenFile, oidc, configurationFile, configuration, anonymousAuth } = options;
	const hasConfiguration = configuration !== undefined || configurationFile !== undefined;
	if (oidc !== undefined && hasConfiguration) {
		throw new OidcOptionsError("authentication-config file and oidc-* flags are mutually exclusive");
	}
	const text = configurationFile === undefined ? undefined : readText(configurationFile);
	const value = text === undefined ? configuration : await parseText(text);
	const { providers, anonymous } = hasConfiguration
		? await readConfiguration(value)
		: { providers: oidc === undefined ? [] : [providerOf(oidc)], anonymous: undefined };
	if (anonymous !== undefined && anonymousAuth !== undefined) {
		throw new OidcOptionsError(
			"--anonymous-auth flag cannot be set when anonymous field is configured in authentication configuration file",
		);
	}
	const changing = new ChangingProviders(providers, context);
	return {
		...(tokenFile === undefined ? {} : { staticTokens: tokenFileAuthenticator(tokenFile.text, tokenFile.path) }),
		identityProviders: providers.length === 0 && text === undefined ? [] : [changing],
		anonymous: anonymous ?? { enabled: anonymousAuth ?? true, paths: [] },
		...(configurationFile === undefined || text === undefined
			? {}
			: { file: { path: configurationFile, text, apply: async (next) => changing.replace(await readChange(next, anonymous)) } }),
	};
}

function readText(path: string): string {
	try {
		return readFileSync(path, "utf8");
	} catch (error) {
		throw new OidcOptionsError(`failed to read authentication config file: ${String(error)}`);
	}
}

async function parseText(text: string): Promise<unknown> {
	const { parse } = await import("yaml");
	try {
		return parse(text) as unknown;
	} catch (error) {
		throw new OidcOptionsError(`failed to load authentication config: ${String(error)}`);
	}
}

async function readConfiguration(value: unknown): Promise<AuthenticationConfiguration> {
	const { readAuthenticationConfiguration } = await import("./authentication-configuration.ts");
	return readAuthenticationConfiguration(value);
}

/** Who may be anonymous is decided at the start: what was let in must not depend on when it came. */
async function readChange(text: string, known: AnonymousConfiguration | undefined): Promise<readonly JwtProvider[]> {
	const { providers, anonymous } = await readConfiguration(await parseText(text));
	if (JSON.stringify(anonymous) !== JSON.stringify(known)) {
		throw new OidcOptionsError("anonymous: Forbidden: changed from initial configuration file");
	}
	return providers;
}

/** The providers of the configuration as it is now. Each has an issuer of its own, so one at most has something to say. */
class ChangingProviders implements TokenAuthenticator {
	readonly #context: Context;
	#providers: readonly TokenAuthenticator[];

	constructor(providers: readonly JwtProvider[], context: Context) {
		this.#context = context;
		this.#providers = this.#open(providers);
	}

	replace(providers: readonly JwtProvider[]): void {
		this.#providers = this.#open(providers);
	}

	async authenticateToken(token: string, audiences: readonly string[]): Promise<Verdict> {
		for (const provider of this.#providers) {
			const verdict = await provider.authenticateToken(token, audiences);
			if (verdict !== undefined) return verdict;
		}
		return undefined;
	}

	#open(providers: readonly JwtProvider[]): readonly TokenAuthenticator[] {
		return providers.map((provider) => lazily(provider, this.#context));
	}
}

/** What speaks to a provider is loaded with the first token that might be its. */
function lazily(provider: JwtProvider, context: Context): TokenAuthenticator {
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
