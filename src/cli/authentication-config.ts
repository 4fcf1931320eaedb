/**
 * Who else may come in, as a start was told: kube-apiserver's flags of authentication. Remembered in cluster.json are
 * paths and names; the files are read at each start.
 */
import { resolve } from "node:path";
import type { AuthenticationOptions } from "../cluster/index.ts";
import { CliError } from "./errors.ts";
import { readFlagFile } from "./flag-file.ts";
import { optional } from "./store-config.ts";

/** By the names of the flags; files are absolute paths. */
export interface AuthenticationConfig {
	readonly tokenAuthFile?: string;
	readonly authenticationConfig?: string;
	readonly anonymousAuth?: boolean;
	readonly oidcIssuerUrl?: string;
	readonly oidcClientId?: string;
	readonly oidcCaFile?: string;
	readonly oidcUsernameClaim?: string;
	readonly oidcUsernamePrefix?: string;
	readonly oidcGroupsClaim?: string;
	readonly oidcGroupsPrefix?: string;
	readonly oidcRequiredClaim?: Readonly<Record<string, string>>;
	readonly oidcSigningAlgs?: readonly string[];
}

/** What is asked for, else what the cluster had before; an empty text takes a flag back. Undefined: nobody else. */
export function planAuthentication(
	options: AuthenticationConfig,
	known: AuthenticationConfig | undefined,
): AuthenticationConfig | undefined {
	const asked: AuthenticationConfig = {
		...pick(options),
		...optional("tokenAuthFile", path(options.tokenAuthFile)),
		...optional("authenticationConfig", path(options.authenticationConfig)),
		...optional("oidcCaFile", path(options.oidcCaFile)),
	};
	const entries = Object.entries({ ...known, ...asked }).filter(([, value]) => value !== "" && value !== undefined);
	const planned: AuthenticationConfig = Object.fromEntries(entries);
	if ((planned.oidcIssuerUrl === undefined) !== (planned.oidcClientId === undefined)) {
		throw new CliError("--oidc-issuer-url and --oidc-client-id go together", { hint: "Give both.", exitCode: 2 });
	}
	return entries.length === 0 ? undefined : planned;
}

const flags = [
	"tokenAuthFile",
	"authenticationConfig",
	"anonymousAuth",
	"oidcIssuerUrl",
	"oidcClientId",
	"oidcCaFile",
	"oidcUsernameClaim",
	"oidcUsernamePrefix",
	"oidcGroupsClaim",
	"oidcGroupsPrefix",
	"oidcRequiredClaim",
	"oidcSigningAlgs",
] as const satisfies readonly (keyof AuthenticationConfig)[];

/** Commander's options hold those of other matters, too. */
function pick(options: AuthenticationConfig): AuthenticationConfig {
	return Object.fromEntries(flags.flatMap((flag) => (options[flag] === undefined ? [] : [[flag, options[flag]]])));
}

/** Whether a start asks for something else than what runs. */
export function changesAuthentication(options: AuthenticationConfig, known: AuthenticationConfig | undefined): boolean {
	return JSON.stringify(planAuthentication(options, known) ?? {}) !== JSON.stringify(known ?? {});
}

/** Reads the files. Throws a CliError for one that can't be read. */
export function openAuthenticationConfig(config: AuthenticationConfig): AuthenticationOptions {
	const { tokenAuthFile, authenticationConfig, oidcIssuerUrl, oidcClientId, oidcCaFile } = config;
	return {
		...optional("configurationFile", authenticationConfig),
		...optional("anonymousAuth", config.anonymousAuth),
		...(tokenAuthFile === undefined ? {} : { tokenFile: { text: readFlagFile(tokenAuthFile, "--token-auth-file"), path: tokenAuthFile } }),
		...(oidcIssuerUrl === undefined || oidcClientId === undefined
			? {}
			: {
					oidc: {
						issuerUrl: oidcIssuerUrl,
						clientId: oidcClientId,
						...optional("ca", oidcCaFile === undefined ? undefined : readFlagFile(oidcCaFile, "--oidc-ca-file")),
						...optional("usernameClaim", config.oidcUsernameClaim),
						...optional("usernamePrefix", config.oidcUsernamePrefix),
						...optional("groupsClaim", config.oidcGroupsClaim),
						...optional("groupsPrefix", config.oidcGroupsPrefix),
						...optional("requiredClaims", config.oidcRequiredClaim),
						...optional("signingAlgorithms", config.oidcSigningAlgs),
					},
				}),
	};
}

/** An empty text stays one. */
function path(file: string | undefined): string | undefined {
	return file === undefined || file === "" ? file : resolve(file);
}
