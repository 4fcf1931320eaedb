/**
 * AuthorizationConfiguration (apiserver.config.k8s.io): which authorizers a server has, from a file in which several webhooks
 * can stand, each with conditions in CEL on what it is asked about.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/#using-configuration-file-for-authorization,
 * k8s.io/apiserver/pkg/apis/apiserver/validation
 */
import { statSync } from "node:fs";
import { isAbsolute } from "node:path";
import { parse } from "yaml";
import { isJsonObject, type JsonObject, type JsonValue } from "../../apimachinery/json.ts";
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
import { AuthorizationConfigError } from "./authorization-error.ts";
import type { MatchConditions } from "./match-conditions.ts";

/** Whatever `type` may be. */
export const authorizerTypes: readonly string[] = ["ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"];
export const usualTtls = { authorizedTtlMs: 300_000, unauthorizedTtlMs: 30_000 };
const apiGroup = "apiserver.config.k8s.io";
const maxTimeoutMs = 30_000;
const maxMatchConditions = 64;

/** A webhook that is to be asked. */
export interface WebhookPlan {
	/** A kubeconfig. */
	readonly file: string;
	readonly timeoutMs: number;
	readonly authorizedTtlMs: number;
	readonly unauthorizedTtlMs: number;
	readonly version: "v1" | "v1beta1";
	readonly onFailure: "undecided" | "deny";
	/** Absent: it is asked about everything. */
	readonly conditions?: MatchConditions;
}

/** A type, or a webhook. */
export type AuthorizerPlan = string | WebhookPlan;

/** Compiles texts of conditions; loaded if there are any. */
type CompileConditions = typeof import("./match-conditions.ts").compileConditions;

/** @param text of the file. Rejects with AuthorizationConfigError. */
export async function readAuthorizationConfiguration(text: string, file: string): Promise<readonly AuthorizerPlan[]> {
	const config = parseConfiguration(text, file);
	const errors: FieldError[] = [];
	const compileConditions = hasConditions(config) ? (await import("./match-conditions.ts")).compileConditions : undefined;
	const plans = readAuthorizers(config, errors, compileConditions);
	if (errors.length > 0) {
		const texts = errors.map(String);
		throw new AuthorizationConfigError(`${file}: ${texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`}`);
	}
	return plans;
}

function hasConditions({ authorizers }: JsonObject): boolean {
	if (!Array.isArray(authorizers)) return false;
	return authorizers.some((entry) => isJsonObject(entry) && isJsonObject(entry.webhook) && entry.webhook.matchConditions !== undefined);
}

function parseConfiguration(text: string, file: string): JsonObject {
	let config: unknown;
	try {
		config = parse(text);
	} catch (error) {
		throw new AuthorizationConfigError(`the authorization configuration ${file} can't be read: ${String(error)}`);
	}
	const { kind, apiVersion = "" } = isJsonObject(config) ? config : {};
	const isKnown = ["v1", "v1beta1", "v1alpha1"].some((version) => apiVersion === `${apiGroup}/${version}`);
	if (!isJsonObject(config) || kind !== "AuthorizationConfiguration" || !isKnown) {
		throw new AuthorizationConfigError(`${file} is no AuthorizationConfiguration of ${apiGroup}/v1`);
	}
	return config;
}

function readAuthorizers(
	config: JsonObject,
	errors: FieldError[],
	compileConditions: CompileConditions | undefined,
): readonly AuthorizerPlan[] {
	const { apiVersion: _, kind: __, authorizers = [], ...rest } = config;
	refuseUnknown(rest, "", errors);
	const entries: readonly JsonValue[] = Array.isArray(authorizers) ? authorizers : [];
	if (entries.length === 0) errors.push(fieldRequired("authorizers", "at least one authorization mode must be defined"));
	const types = new Set<string>();
	const names = new Set<string>();
	return entries.flatMap((entry, index): AuthorizerPlan[] => {
		const path = `authorizers[${index}]`;
		const { type = "", name = "", webhook: settings, ...others } = isJsonObject(entry) ? entry : {};
		refuseUnknown(others, path, errors);
		if (typeof type !== "string" || type === "") {
			errors.push(fieldRequired(`${path}.type`));
			return [];
		}
		if (!authorizerTypes.includes(type)) {
			errors.push(fieldNotSupported(`${path}.type`, type, authorizerTypes));
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
		return [readWebhook(settings, path, errors, compileConditions)];
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
function readWebhook(
	settings: JsonObject,
	path: string,
	errors: FieldError[],
	compileConditions: CompileConditions | undefined,
): WebhookPlan {
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
	checkConditionsVersion(settings, path, errors);
	const file = readConnection(settings.connectionInfo, `${path}.connectionInfo`, errors);
	const conditions = readConditions(settings, path, errors, compileConditions);
	return {
		timeoutMs,
		authorizedTtlMs: ttlOf("authorizedTTL", usualTtls.authorizedTtlMs, settings.cacheAuthorizedRequests),
		unauthorizedTtlMs: ttlOf("unauthorizedTTL", usualTtls.unauthorizedTtlMs, settings.cacheUnauthorizedRequests),
		version: version === "v1beta1" ? "v1beta1" : "v1",
		onFailure: failurePolicy === "Deny" ? "deny" : "undecided",
		file,
		...(conditions === undefined ? {} : { conditions }),
	};
}

function expressionsOf({ matchConditions }: JsonObject): readonly string[] {
	if (!Array.isArray(matchConditions)) return [];
	return matchConditions.map((condition) => {
		const { expression } = isJsonObject(condition) ? condition : {};
		return typeof expression === "string" ? expression : "";
	});
}

function checkConditionsVersion(settings: JsonObject, path: string, errors: FieldError[]): void {
	const { matchConditionSubjectAccessReviewVersion: version = "" } = settings;
	const at = `${path}.matchConditionSubjectAccessReviewVersion`;
	if (version === "v1") return;
	if (version !== "") errors.push(fieldNotSupported(at, String(version), ["v1"]));
	else if (expressionsOf(settings).length > 0) errors.push(fieldRequired(at, "required if match conditions are specified"));
}

function readConditions(
	settings: JsonObject,
	path: string,
	errors: FieldError[],
	compileConditions: CompileConditions | undefined,
): MatchConditions | undefined {
	const expressions = expressionsOf(settings);
	const at = `${path}.matchConditions`;
	if (expressions.length > maxMatchConditions) {
		errors.push(fieldTooMany(at, expressions.length, maxMatchConditions));
		return undefined;
	}
	return compileConditions?.(expressions, at, errors);
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
