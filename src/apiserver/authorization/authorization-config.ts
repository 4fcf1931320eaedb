/**
 * Which authorizers a server has: from `--authorization-mode`, or from a file with an AuthorizationConfiguration, whose changes
 * are followed. Loaded only when somebody asks for other authorizers than the usual ones.
 *
 * Not there: a webhook that is reached as from within a pod.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/, pkg/kubeapiserver/options/authorization.go and
 * pkg/kubeapiserver/authorizer/reload.go
 */
import { readFileSync } from "node:fs";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import type { Random } from "../../apimachinery/random.ts";
import { abacAuthorizer } from "./abac-authorizer.ts";
import {
	type AuthorizerPlan,
	authorizerTypes,
	readAuthorizationConfiguration,
	usualTtls,
	type WebhookPlan,
} from "./authorization-configuration.ts";
import { AuthorizationConfigError, type AuthorizationOptions } from "./authorization-error.ts";
import type { AuthorizerChoice } from "./server-authorization.ts";
import { WebhookAuthorizer } from "./webhook-authorizer.ts";
import { connectWebhook } from "./webhook-connection.ts";

const usualTimeoutMs = 30_000;

interface Environment {
	readonly clock: Clock;
	readonly random: Random;
}

/** A configuration file that was read, and can be read again. */
export interface AuthorizationFile {
	readonly path: string;
	readonly text: string;
	/** The authorizers of a new content. Rejects with AuthorizationConfigError. */
	reload(text: string): Promise<readonly AuthorizerChoice[]>;
}

export interface LoadedAuthorizers {
	/** In the order in which they are asked. */
	readonly choices: readonly AuthorizerChoice[];
	readonly file?: AuthorizationFile;
}

/** Rejects with AuthorizationConfigError. */
export async function loadAuthorizers(options: AuthorizationOptions, environment: Environment): Promise<LoadedAuthorizers> {
	const { configFile, webhookConfigFile } = options;
	if (configFile === undefined) return { choices: authorizersOfModes(options, environment) };
	if (options.modes !== undefined || webhookConfigFile !== undefined || options.webhookVersion !== undefined) {
		throw new AuthorizationConfigError(
			"--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are defined",
		);
	}
	const text = readText(configFile, "the authorization configuration");
	const plans = await readAuthorizationConfiguration(text, configFile);
	const make = makerOf(options, environment);
	return {
		choices: plans.map(make),
		file: {
			path: configFile,
			text,
			reload: async (next) => {
				const changed = await readAuthorizationConfiguration(next, configFile);
				checkTypes(typesOf(plans), typesOf(changed));
				return changed.map(make);
			},
		},
	};
}

const typesOf = (plans: readonly AuthorizerPlan[]): readonly string[] => plans.filter((plan) => typeof plan === "string");

/** What the server was not made with cannot come; what it was made with has to stay: only webhooks come and go. */
function checkTypes(known: readonly string[], next: readonly string[]): void {
	const lasting: readonly string[] = ["ABAC", "Node", "RBAC"];
	const added = next.find((type) => lasting.includes(type) && !known.includes(type));
	if (added !== undefined) {
		throw new AuthorizationConfigError(`authorizer type ${added} is not allowed if it was not enabled at initial server startup`);
	}
	const missing = known.filter((type) => !next.includes(type)).sort();
	if (missing.length > 0) throw new AuthorizationConfigError(`missing required types: [${missing.join(" ")}]`);
}

function authorizersOfModes(options: AuthorizationOptions, environment: Environment): readonly AuthorizerChoice[] {
	const { modes: asked = ["Node", "RBAC"], webhookConfigFile, webhookVersion = "v1beta1" } = options;
	if (asked.length === 0) throw new AuthorizationConfigError("at least one authorization-mode must be passed");
	for (const [index, mode] of asked.entries()) {
		const quoted = JSON.stringify(mode);
		if (!authorizerTypes.includes(mode)) throw new AuthorizationConfigError(`authorization-mode ${quoted} is not a valid mode`);
		if (asked.indexOf(mode) < index) {
			throw new AuthorizationConfigError(`authorization-mode ${quoted} has mode specified more than once`);
		}
	}
	if (asked.includes("ABAC") && options.policyFile === undefined) {
		throw new AuthorizationConfigError("authorization-mode ABAC's authorization policy file not passed");
	}
	if (asked.includes("Webhook") && webhookConfigFile === undefined) {
		throw new AuthorizationConfigError("authorization-mode Webhook's authorization config file not passed");
	}
	if (options.policyFile !== undefined && !asked.includes("ABAC")) {
		throw new AuthorizationConfigError("cannot specify --authorization-policy-file without mode ABAC");
	}
	if (webhookConfigFile !== undefined && !asked.includes("Webhook")) {
		throw new AuthorizationConfigError("cannot specify --authorization-webhook-config-file without mode Webhook");
	}
	const make = makerOf(options, environment);
	return asked.map((mode) => {
		if (mode !== "Webhook" || webhookConfigFile === undefined) return make(mode);
		const version = versionOf(webhookVersion);
		return make({ ...usualTtls, timeoutMs: usualTimeoutMs, file: webhookConfigFile, version, onFailure: "undecided" });
	});
}

function versionOf(version: string): "v1" | "v1beta1" {
	if (version === "v1" || version === "v1beta1") return version;
	throw new AuthorizationConfigError(
		`unsupported webhook authorizer version ${JSON.stringify(version)}, supported versions are "v1", "v1beta1"`,
	);
}

function makerOf({ policyFile }: AuthorizationOptions, environment: Environment): (plan: AuthorizerPlan) => AuthorizerChoice {
	// Its policies are read once, also where the configuration is read again.
	let abac: AuthorizerChoice | undefined;
	return (plan) => {
		if (typeof plan !== "string") return webhook(plan, environment);
		if (plan === "Node" || plan === "RBAC" || plan === "AlwaysAllow" || plan === "AlwaysDeny") return plan;
		if (policyFile === undefined) throw new AuthorizationConfigError("authorization-mode ABAC's authorization policy file not passed");
		abac ??= abacAuthorizer(readText(policyFile, "the authorization policy file"), policyFile);
		return abac;
	};
}

function webhook({ file, timeoutMs, ...plan }: WebhookPlan, { clock, random }: Environment): WebhookAuthorizer {
	try {
		return new WebhookAuthorizer({
			...plan,
			post: connectWebhook(file, timeoutMs, new WallClock()),
			clock,
			random: random.fork("authorization webhook"),
		});
	} catch (error) {
		throw new AuthorizationConfigError(`the authorization webhook's kubeconfig can't be used: ${textOf(error)}`);
	}
}

function readText(file: string, what: string): string {
	try {
		return readFileSync(file, "utf8");
	} catch (error) {
		throw new AuthorizationConfigError(`${what} ${file} can't be read: ${textOf(error)}`);
	}
}

function textOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
