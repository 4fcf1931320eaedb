/**
 * AuthenticationConfiguration (apiserver.config.k8s.io), the file of --authentication-config: several providers of tokens, and
 * for which paths one may be anonymous. Claims are mapped by their names; expressions in CEL are refused.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration,
 * k8s.io/apiserver/pkg/apis/apiserver/validation.
 */
import { isJsonObject, type JsonObject } from "../../apimachinery/json.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldForbidden,
	fieldInvalid,
	fieldRequired,
	fieldTooMany,
} from "../../apimachinery/validation/field-error.ts";
import { signingAlgorithms, textClaim } from "./json-web-token.ts";
import { type JwtProvider, OidcOptionsError, urlErrors } from "./oidc-options.ts";
import { tokenIssuer } from "./service-account-tokens.ts";

const versions = ["v1", "v1beta1", "v1alpha1"].map((version) => `apiserver.config.k8s.io/${version}`);
const maxProviders = 64;

export interface AuthenticationConfiguration {
	readonly providers: readonly JwtProvider[];
	/** Absent: it is for the flag to say. */
	readonly anonymous?: AnonymousConfiguration;
}

export interface AnonymousConfiguration {
	readonly enabled: boolean;
	/** Paths for which it holds; empty: all. */
	readonly paths: readonly string[];
}

/** @param value the file, parsed. @throws OidcOptionsError */
export function readAuthenticationConfiguration(value: unknown): AuthenticationConfiguration {
	if (!isJsonObject(value) || value.kind !== "AuthenticationConfiguration" || !versions.includes(textClaim(value, "apiVersion"))) {
		throw new OidcOptionsError(
			`no kind "AuthenticationConfiguration" is registered for the file; apiVersion is one of ${versions.join(", ")}`,
		);
	}
	const entries = objects(value.jwt);
	const errors = [...checkProviders(entries), ...checkAnonymous(value.anonymous)];
	if (errors.length > 0) throw new OidcOptionsError(errors.map(String).join("; "));
	const anonymous = isJsonObject(value.anonymous) ? value.anonymous : undefined;
	return {
		providers: entries.map(readProvider),
		...(anonymous === undefined
			? {}
			: {
					anonymous: {
						enabled: anonymous.enabled === true,
						paths: objects(anonymous.conditions).map((condition) => textClaim(condition, "path")),
					},
				}),
	};
}

function objects(value: unknown): readonly JsonObject[] {
	return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function part(entry: JsonObject, name: string): JsonObject {
	const value = entry[name];
	return isJsonObject(value) ? value : {};
}

function texts(value: unknown): readonly string[] {
	return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

function checkProviders(entries: readonly JsonObject[]): readonly FieldError[] {
	if (entries.length > maxProviders) return [fieldTooMany("jwt", entries.length, maxProviders)];
	const seen = new Set<string>();
	return entries.flatMap((entry, index) => {
		const path = `jwt[${index}]`;
		const url = textClaim(part(entry, "issuer"), "url");
		const isSecond = seen.has(url);
		seen.add(url);
		return [...checkProvider(entry, path), ...(isSecond ? [fieldDuplicate(`${path}.issuer.url`, url)] : [])];
	});
}

function checkProvider(entry: JsonObject, path: string): readonly FieldError[] {
	const issuer = part(entry, "issuer");
	const url = textClaim(issuer, "url");
	const discoveryUrl = textClaim(issuer, "discoveryURL");
	const trim = (text: string) => text.replace(/\/+$/, "");
	return [
		...(url === tokenIssuer
			? [fieldInvalid(`${path}.issuer.url`, url, `URL must not overlap with disallowed issuers: [${tokenIssuer}]`)]
			: []),
		...urlErrors(url, `${path}.issuer.url`),
		...(discoveryUrl !== "" && trim(url) === trim(discoveryUrl)
			? [fieldInvalid(`${path}.issuer.discoveryURL`, discoveryUrl, "discoveryURL must be different from URL")]
			: []),
		...(discoveryUrl === "" ? [] : urlErrors(discoveryUrl, `${path}.issuer.discoveryURL`)),
		...checkAudiences(issuer, `${path}.issuer`),
		...checkRules(objects(entry.claimValidationRules), `${path}.claimValidationRules`),
		...checkMappings(part(entry, "claimMappings"), `${path}.claimMappings`),
		...objects(entry.userValidationRules).map((_rule, index) => noExpression(`${path}.userValidationRules[${index}].expression`)),
	];
}

function noExpression(path: string): FieldError {
	return fieldForbidden(path, "expressions in CEL are not implemented in kubesim");
}

function checkAudiences(issuer: JsonObject, path: string): readonly FieldError[] {
	const audiences = texts(issuer.audiences);
	const policy = textClaim(issuer, "audienceMatchPolicy");
	if (audiences.length === 0) return [fieldRequired(`${path}.audiences`, `at least one ${path}.audiences is required`)];
	const needsPolicy = audiences.length > 1 && policy !== "MatchAny";
	const isOther = audiences.length === 1 && policy !== "" && policy !== "MatchAny";
	const policyPath = `${path}.audienceMatchPolicy`;
	return [
		...audiences.flatMap((audience, index) => {
			if (audience === "") return [fieldRequired(`${path}.audiences[${index}]`)];
			return audiences.indexOf(audience) < index ? [fieldDuplicate(`${path}.audiences[${index}]`, audience)] : [];
		}),
		...(needsPolicy ? [fieldInvalid(policyPath, policy, "audienceMatchPolicy must be MatchAny for multiple audiences")] : []),
		...(isOther ? [fieldInvalid(policyPath, policy, "audienceMatchPolicy must be empty or MatchAny for single audience")] : []),
	];
}

function checkRules(rules: readonly JsonObject[], path: string): readonly FieldError[] {
	return rules.flatMap((rule, index) => {
		const claim = textClaim(rule, "claim");
		const isSecond = rules.findIndex((other) => textClaim(other, "claim") === claim) < index;
		if (textClaim(rule, "expression") !== "") return [noExpression(`${path}[${index}].expression`)];
		if (claim === "") return [fieldRequired(`${path}[${index}]`, "claim or expression is required")];
		const message = textClaim(rule, "message");
		return [
			...(message === "" ? [] : [fieldInvalid(`${path}[${index}].message`, message, "may not be specified when claim is set")]),
			...(isSecond ? [fieldDuplicate(`${path}[${index}].claim`, claim)] : []),
		];
	});
}

function checkMappings(mappings: JsonObject, path: string): readonly FieldError[] {
	const check = (name: "username" | "groups" | "uid"): readonly FieldError[] => {
		const mapping = part(mappings, name);
		if (textClaim(mapping, "expression") !== "") return [noExpression(`${path}.${name}.expression`)];
		if (textClaim(mapping, "claim") === "") {
			return name === "username" ? [fieldRequired(`${path}.${name}`, "claim or expression is required")] : [];
		}
		const why = "prefix is required when claim is set. It can be set to an empty string to disable prefixing";
		return name === "uid" || typeof mapping.prefix === "string" ? [] : [fieldRequired(`${path}.${name}.prefix`, why)];
	};
	return [
		...check("username"),
		...check("groups"),
		...check("uid"),
		...objects(mappings.extra).map((_extra, index) => noExpression(`${path}.extra[${index}].valueExpression`)),
	];
}

function checkAnonymous(value: unknown): readonly FieldError[] {
	if (!isJsonObject(value) || value.enabled === true || objects(value.conditions).length === 0) return [];
	return [fieldInvalid("anonymous.conditions", value.conditions, "enabled should be set to true when conditions are defined")];
}

function readProvider(entry: JsonObject): JwtProvider {
	const issuer = part(entry, "issuer");
	const mappings = part(entry, "claimMappings");
	const prefixed = (name: string) => {
		const mapping = part(mappings, name);
		return { claim: textClaim(mapping, "claim"), prefix: textClaim(mapping, "prefix") };
	};
	const groups = prefixed("groups");
	const uidClaim = textClaim(part(mappings, "uid"), "claim");
	const discoveryUrl = textClaim(issuer, "discoveryURL");
	const ca = textClaim(issuer, "certificateAuthority");
	const rules = objects(entry.claimValidationRules).map((rule) => [textClaim(rule, "claim"), textClaim(rule, "requiredValue")] as const);
	return {
		issuerUrl: textClaim(issuer, "url"),
		...(discoveryUrl === "" ? {} : { discoveryUrl }),
		audiences: texts(issuer.audiences),
		...(ca === "" ? {} : { ca }),
		username: prefixed("username"),
		...(groups.claim === "" ? {} : { groups }),
		...(uidClaim === "" ? {} : { uidClaim }),
		requiredClaims: Object.fromEntries(rules),
		signingAlgorithms,
	};
}
