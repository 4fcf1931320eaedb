/**
 * Which authorizers a server has: from `--authorization-mode`, or from a file with an AuthorizationConfiguration, in which
 * several webhooks can stand. Loaded only when somebody asks for other authorizers than the usual ones.
 *
 * Not there: ABAC, matchConditions (they are CEL), a webhook that is reached as from within a pod, and following changes
 * of the file.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/#using-configuration-file-for-authorization,
 * k8s.io/apiserver/pkg/apis/apiserver/validation and pkg/kubeapiserver/options/authorization.go
 */
import { readFileSync, statSync } from "node:fs";
import { isAbsolute } from "node:path";
import { parse } from "yaml";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../apimachinery/json.ts";
import type { Random } from "../../apimachinery/random.ts";
import { parseGoDuration } from "../../apimachinery/time.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldForbidden,
	fieldInvalid,
	fieldNotSupported,
	fieldRequired,
	fieldTooMany,
} from "../../apimachinery/validation/field-error.ts";
import { isDns1123Subdomain } from "../../apimachinery/validation/names.ts";
import { AuthorizationConfigError, type AuthorizationOptions } from "./authorization-error.ts";
import type { AuthorizerChoice, AuthorizerMode } from "./server-authorization.ts";
import { WebhookAuthorizer } from "./webhook-authorizer.ts";
import { connectWebhook } from "./webhook-connection.ts";

const modes: readonly string[] = ["ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"];
const apiGroup = "apiserver.config.k8s.io";
const usualWebhook = { timeoutMs: 30_000, authorizedTtlMs: 300_000, unauthorizedTtlMs: 30_000 };
const maxTimeoutMs = 30_000;
const maxMatchConditions = 64;

interface Environment {
	readonly clock: Clock;
	readonly random: Random;
}

/** The authorizers in the order in which they are asked. Throws AuthorizationConfigError. */
export function loadAuthorizers(options: AuthorizationOptions, environment: Environment): readonly AuthorizerChoice[] {
	const { configFile, webhookConfigFile } = options;
	if (configFile === undefined) return authorizersOfModes(options, environment);
	if (options.modes !== undefined || webhookConfigFile !== undefined || options.webhookVersion !== undefined) {
		throw new AuthorizationConfigError(
			"--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are defined",
		);
	}
	return authorizersOfFile(configFile, environment);
}

function authorizersOfModes(
	{ modes: asked = ["Node", "RBAC"], webhookConfigFile, webhookVersion = "v1beta1" }: AuthorizationOptions,
	environment: Environment,
): readonly AuthorizerChoice[] {
	if (asked.length === 0) throw new AuthorizationConfigError("at least one authorization-mode must be passed");
	for (const [index, mode] of asked.entries()) {
		const quoted = JSON.stringify(mode);
		if (!modes.includes(mode)) throw new AuthorizationConfigError(`authorization-mode ${quoted} is not a valid mode`);
		if (asked.indexOf(mode) < index) {
			throw new AuthorizationConfigError(`authorization-mode ${quoted} has mode specified more than once`);
		}
	}
	if (webhookConfigFile !== undefined && !asked.includes("Webhook")) {
		throw new AuthorizationConfigError("cannot specify --authorization-webhook-config-file without mode Webhook");
	}
	return asked.map((mode) => {
		if (mode !== "Webhook") return builtIn(mode);
		if (webhookConfigFile === undefined) {
			throw new AuthorizationConfigError("authorization-mode Webhook's authorization config file not passed");
		}
		const { timeoutMs, ...ttls } = usualWebhook;
		return webhook(
			{ ...ttls, timeoutMs, file: webhookConfigFile, version: versionOf(webhookVersion), onFailure: "undecided" },
			environment,
		);
	});
}

function versionOf(version: string): "v1" | "v1beta1" {
	if (version === "v1" || version === "v1beta1") return version;
	throw new AuthorizationConfigError(
		`unsupported webhook authorizer version ${JSON.stringify(version)}, supported versions are "v1", "v1beta1"`,
	);
}

function builtIn(mode: string): AuthorizerMode {
	if (mode === "Node" || mode === "RBAC" || mode === "AlwaysAllow" || mode === "AlwaysDeny") return mode;
	throw new AuthorizationConfigError(`authorization mode ${mode} is not implemented in this version of kubesim (see docs/status.md)`);
}

interface WebhookPlan {
	readonly file: string;
	readonly timeoutMs: number;
	readonly authorizedTtlMs: number;
	readonly unauthorizedTtlMs: number;
	readonly version: "v1" | "v1beta1";
	readonly onFailure: "undecided" | "deny";
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

function authorizersOfFile(file: string, environment: Environment): readonly AuthorizerChoice[] {
	const config = readFile(file);
	const errors: FieldError[] = [];
	const plans = readAuthorizers(config, errors);
	if (errors.length > 0) {
		const texts = errors.map(String);
		throw new AuthorizationConfigError(`${file}: ${texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`}`);
	}
	return plans.map((plan) => (typeof plan === "string" ? builtIn(plan) : webhook(plan, environment)));
}

function readFile(file: string): JsonObject {
	let config: unknown;
	try {
		config = parse(readFileSync(file, "utf8"));
	} catch (error) {
		throw new AuthorizationConfigError(`the authorization configuration ${file} can't be read: ${textOf(error)}`);
	}
	const { kind, apiVersion = "" } = isJsonObject(config) ? config : {};
	const isKnown = ["v1", "v1beta1", "v1alpha1"].some((version) => apiVersion === `${apiGroup}/${version}`);
	if (!isJsonObject(config) || kind !== "AuthorizationConfiguration" || !isKnown) {
		throw new AuthorizationConfigError(`${file} is no AuthorizationConfiguration of ${apiGroup}/v1`);
	}
	return config;
}

function readAuthorizers(config: JsonObject, errors: FieldError[]): readonly (string | WebhookPlan)[] {
	const { apiVersion: _, kind: __, authorizers = [], ...rest } = config;
	refuseUnknown(rest, "", errors);
	const entries: readonly JsonValue[] = Array.isArray(authorizers) ? authorizers : [];
	if (entries.length === 0) errors.push(fieldRequired("authorizers", "at least one authorization mode must be defined"));
	const types = new Set<string>();
	const names = new Set<string>();
	return entries.flatMap((entry, index): (string | WebhookPlan)[] => {
		const path = `authorizers[${index}]`;
		const { type = "", name = "", webhook: settings, ...others } = isJsonObject(entry) ? entry : {};
		refuseUnknown(others, path, errors);
		if (typeof type !== "string" || type === "") {
			errors.push(fieldRequired(`${path}.type`));
			return [];
		}
		if (!modes.includes(type)) {
			errors.push(fieldNotSupported(`${path}.type`, type, modes));
			return [];
		}
		if (types.has(type) && type !== "Webhook") {
			errors.push(fieldDuplicate(`${path}.type`, type));
			return [];
		}
		types.add(type);
		checkName(typeof name === "string" ? name : "", names, `${path}.name`, errors);
		if (type !== "Webhook") {
			if (settings !== undefined) errors.push(fieldInvalid(`${path}.webhook`, "non-null", "may only be specified when type=Webhook"));
			return [type];
		}
		if (!isJsonObject(settings)) {
			errors.push(fieldRequired(`${path}.webhook`, "required when type=Webhook"));
			return [];
		}
		return [readWebhook(settings, path, errors)];
	});
}

function checkName(name: string, names: Set<string>, path: string, errors: FieldError[]): void {
	const texts = isDns1123Subdomain(name);
	if (name === "") errors.push(fieldRequired(path));
	else if (names.has(name)) errors.push(fieldDuplicate(path, name));
	else if (texts.length > 0) errors.push(fieldInvalid(path, name, `authorizer name is invalid: ${texts.join(", ")}`));
	names.add(name);
}

const webhookFields: readonly string[] = [
	"timeout",
	"authorizedTTL",
	"unauthorizedTTL",
	"cacheAuthorizedRequests",
	"cacheUnauthorizedRequests",
	"subjectAccessReviewVersion",
	"matchConditionSubjectAccessReviewVersion",
	"failurePolicy",
	"connectionInfo",
	"matchConditions",
];

/** Paths are those of Kubernetes, which leave `webhook` out. */
function readWebhook(settings: JsonObject, path: string, errors: FieldError[]): WebhookPlan {
	refuseUnknown(Object.fromEntries(Object.entries(settings).filter(([key]) => !webhookFields.includes(key))), `${path}.webhook`, errors);
	const timeoutMs = readDuration(settings.timeout, `${path}.timeout`, undefined, errors);
	if (timeoutMs > maxTimeoutMs || timeoutMs < 0) {
		errors.push(fieldInvalid(`${path}.timeout`, settings.timeout ?? "", "must be > 0s and <= 30s"));
	}
	const ttlOf = (field: "authorizedTTL" | "unauthorizedTTL", usual: number, isKept: JsonValue | undefined) => {
		const ttlMs = readDuration(settings[field], `${path}.${field}`, usual, errors);
		if (ttlMs < 0) errors.push(fieldInvalid(`${path}.${field}`, settings[field] ?? "", "must be > 0s"));
		return isKept === false ? 0 : ttlMs;
	};
	const version = oneOf(settings.subjectAccessReviewVersion, ["v1", "v1beta1"], `${path}.subjectAccessReviewVersion`, errors);
	const failurePolicy = oneOf(settings.failurePolicy, ["NoOpinion", "Deny"], `${path}.failurePolicy`, errors);
	checkMatchConditions(settings, path, errors);
	return {
		timeoutMs,
		authorizedTtlMs: ttlOf("authorizedTTL", usualWebhook.authorizedTtlMs, settings.cacheAuthorizedRequests),
		unauthorizedTtlMs: ttlOf("unauthorizedTTL", usualWebhook.unauthorizedTtlMs, settings.cacheUnauthorizedRequests),
		version: version === "v1beta1" ? "v1beta1" : "v1",
		onFailure: failurePolicy === "Deny" ? "deny" : "undecided",
		file: readConnection(settings.connectionInfo, `${path}.connectionInfo`, errors),
	};
}

function checkMatchConditions(
	{ matchConditions = [], matchConditionSubjectAccessReviewVersion: version }: JsonObject,
	path: string,
	errors: FieldError[],
): void {
	if (!Array.isArray(matchConditions) || matchConditions.length === 0) return;
	const at = `${path}.matchConditions`;
	if (version === undefined) {
		errors.push(fieldRequired(`${path}.matchConditionSubjectAccessReviewVersion`, "required if match conditions are specified"));
	}
	if (matchConditions.length > maxMatchConditions) errors.push(fieldTooMany(at, matchConditions.length, maxMatchConditions));
	errors.push(fieldForbidden(at, "match conditions are not implemented in this version of kubesim (see docs/status.md)"));
}

/** The kubeconfig file; "" if there is an error. */
function readConnection(info: JsonValue | undefined, path: string, errors: FieldError[]): string {
	const { type, kubeConfigFile } = isJsonObject(info) ? info : {};
	const found = oneOf(type, ["InClusterConfig", "KubeConfigFile"], `${path}.type`, errors);
	if (found === "InClusterConfig") {
		errors.push(fieldForbidden(`${path}.type`, "kubesim's API server does not run in a pod: use a KubeConfigFile"));
	}
	if (found !== "KubeConfigFile") return "";
	const at = `${path}.kubeConfigFile`;
	if (typeof kubeConfigFile !== "string" || kubeConfigFile === "") errors.push(fieldRequired(at));
	else if (!isAbsolute(kubeConfigFile)) errors.push(fieldInvalid(at, kubeConfigFile, "must be an absolute path"));
	else {
		const stat = statSync(kubeConfigFile, { throwIfNoEntry: false });
		if (stat === undefined) {
			errors.push(fieldInvalid(at, kubeConfigFile, `error loading file: stat ${kubeConfigFile}: no such file or directory`));
		} else if (!stat.isFile()) errors.push(fieldInvalid(at, kubeConfigFile, "must be a regular file"));
		else return kubeConfigFile;
	}
	return "";
}

/** Milliseconds. @param usual undefined: it is required */
function readDuration(value: JsonValue | undefined, path: string, usual: number | undefined, errors: FieldError[]): number {
	if (value === undefined || value === "0s" || value === 0) {
		if (usual === undefined) errors.push(fieldRequired(path));
		return usual ?? 0;
	}
	try {
		return parseGoDuration(typeof value === "string" ? value : "");
	} catch {
		errors.push(fieldInvalid(path, value, "must be a duration like 3s"));
		return 0;
	}
}

function oneOf(value: JsonValue | undefined, values: readonly string[], path: string, errors: FieldError[]): string {
	if (value === undefined || value === "") errors.push(fieldRequired(path));
	else if (typeof value === "string" && values.includes(value)) return value;
	else errors.push(fieldNotSupported(path, String(value), values));
	return "";
}

function refuseUnknown(fields: object, path: string, errors: FieldError[]): void {
	for (const field of Object.keys(fields)) errors.push(fieldForbidden(path === "" ? field : `${path}.${field}`, "unknown field"));
}

function textOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
