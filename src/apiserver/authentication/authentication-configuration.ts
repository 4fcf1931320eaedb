/**
 * AuthenticationConfiguration (apiserver.config.k8s.io), the file of --authentication-config: several providers of tokens, and
 * for which paths one may be anonymous. Claims are mapped by their names or by expressions in CEL. Loaded when there is such a
 * file.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration,
 * k8s.io/apiserver/pkg/apis/apiserver/validation.
 */
import { X509Certificate } from "node:crypto";
import {
	type CompiledExpression,
	compileClaim,
	compileClaimCondition,
	compileUserCondition,
	selectsClaim,
} from "../../apimachinery/cel/index.ts";
import { isJsonObject, type JsonObject } from "../../apimachinery/json.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldForbidden,
	fieldInvalid,
	fieldRequired,
	fieldTooMany,
} from "../../apimachinery/validation/field-error.ts";
import { validateDomainPrefixedPath } from "../registry/validation/domain-names.ts";
import type { ClaimExpression, ExtraExpression, ValidationRule } from "./claim-expressions.ts";
import { signingAlgorithms, textClaim } from "./json-web-token.ts";
import { type JwtProvider, OidcOptionsError, type PrefixedClaim, urlErrors } from "./oidc-options.ts";
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
	const errors: FieldError[] = [];
	const providers = readProviders(objects(value.jwt), errors);
	errors.push(...checkAnonymous(value.anonymous));
	if (errors.length > 0) throw new OidcOptionsError(errors.length === 1 ? String(errors[0]) : `[${errors.join(", ")}]`);
	const anonymous = isJsonObject(value.anonymous) ? value.anonymous : undefined;
	return {
		providers,
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

function checkAnonymous(value: unknown): readonly FieldError[] {
	if (!isJsonObject(value) || value.enabled === true || objects(value.conditions).length === 0) return [];
	return [fieldInvalid("anonymous.conditions", value.conditions, "enabled should be set to true when conditions are defined")];
}

function readProviders(entries: readonly JsonObject[], errors: FieldError[]): readonly JwtProvider[] {
	if (entries.length > maxProviders) {
		errors.push(fieldTooMany("jwt", entries.length, maxProviders));
		return [];
	}
	const urls = new Set<string>();
	const discoveryUrls = new Set<string>();
	return entries.map((entry, index) => {
		const path = `jwt[${index}]`;
		const provider = readProvider(entry, path, errors);
		const { issuerUrl, discoveryUrl } = provider;
		if (urls.has(issuerUrl)) errors.push(fieldDuplicate(`${path}.issuer.url`, issuerUrl));
		urls.add(issuerUrl);
		if (discoveryUrl === undefined) return provider;
		if (discoveryUrls.has(discoveryUrl)) errors.push(fieldDuplicate(`${path}.issuer.discoveryURL`, discoveryUrl));
		discoveryUrls.add(discoveryUrl);
		return provider;
	});
}

function readProvider(entry: JsonObject, path: string, errors: FieldError[]): JwtProvider {
	const issuer = part(entry, "issuer");
	errors.push(...checkIssuer(issuer, `${path}.issuer`));
	const rules = readClaimRules(objects(entry.claimValidationRules), `${path}.claimValidationRules`, errors);
	const isVerifiedInRule = rules.compiled.some((compiled) => selectsClaim(compiled, "email_verified"));
	const mappings = readMappings(part(entry, "claimMappings"), isVerifiedInRule, `${path}.claimMappings`, errors);
	const userRules = readUserRules(objects(entry.userValidationRules), `${path}.userValidationRules`, errors);
	const discoveryUrl = textClaim(issuer, "discoveryURL");
	const ca = textClaim(issuer, "certificateAuthority");
	return {
		issuerUrl: textClaim(issuer, "url"),
		...(discoveryUrl === "" ? {} : { discoveryUrl }),
		audiences: texts(issuer.audiences),
		...(ca === "" ? {} : { ca }),
		...mappings,
		requiredClaims: rules.requiredClaims,
		...(rules.conditions.length === 0 ? {} : { claimRules: rules.conditions }),
		...(userRules.length === 0 ? {} : { userRules }),
		signingAlgorithms,
	};
}

function checkIssuer(issuer: JsonObject, path: string): readonly FieldError[] {
	const url = textClaim(issuer, "url");
	const discoveryUrl = textClaim(issuer, "discoveryURL");
	const trim = (text: string) => text.replace(/\/+$/, "");
	return [
		...(url === tokenIssuer ? [fieldInvalid(`${path}.url`, url, `URL must not overlap with disallowed issuers: [${tokenIssuer}]`)] : []),
		...urlErrors(url, `${path}.url`),
		...(discoveryUrl !== "" && trim(url) === trim(discoveryUrl)
			? [fieldInvalid(`${path}.discoveryURL`, discoveryUrl, "discoveryURL must be different from URL")]
			: []),
		...(discoveryUrl === "" ? [] : urlErrors(discoveryUrl, `${path}.discoveryURL`)),
		...checkAudiences(issuer, path),
		...checkAuthority(textClaim(issuer, "certificateAuthority"), `${path}.certificateAuthority`),
		...(textClaim(issuer, "egressSelectorType") === ""
			? []
			: [fieldForbidden(`${path}.egressSelectorType`, "kubesim has no egress selectors (see docs/status.md)")]),
	];
}

function checkAudiences(issuer: JsonObject, path: string): readonly FieldError[] {
	const audiences = texts(issuer.audiences);
	const policy = textClaim(issuer, "audienceMatchPolicy");
	if (audiences.length === 0) return [fieldRequired(`${path}.audiences`, `at least one ${path}.audiences is required`)];
	const needsPolicy = audiences.length > 1 && policy !== "MatchAny";
	const isOther = audiences.length === 1 && policy !== "" && policy !== "MatchAny";
	const policyPath = `${path}.audienceMatchPolicy`;
	return [
		...audiences.flatMap((audience, index) => [
			...(audience === "" ? [fieldRequired(`${path}.audiences[${index}]`)] : []),
			...(audiences.indexOf(audience) < index ? [fieldDuplicate(`${path}.audiences[${index}]`, audience)] : []),
		]),
		...(needsPolicy ? [fieldInvalid(policyPath, policy, "audienceMatchPolicy must be MatchAny for multiple audiences")] : []),
		...(isOther ? [fieldInvalid(policyPath, policy, "audienceMatchPolicy must be empty or MatchAny for single audience")] : []),
	];
}

function checkAuthority(pem: string, path: string): readonly FieldError[] {
	if (pem === "") return [];
	try {
		new X509Certificate(pem);
		return [];
	} catch {
		return [fieldInvalid(path, "<omitted>", "data does not contain any valid RSA or ECDSA certificates")];
	}
}

type Compile = typeof compileClaim;

/** Undefined if it does not compile. */
function compile(text: string, how: Compile, path: string, errors: FieldError[]): CompiledExpression | undefined {
	const compiled = how(text);
	if (!("problem" in compiled)) return compiled;
	errors.push(fieldInvalid(path, text, compiled.problem));
	return undefined;
}

interface ClaimRules {
	readonly requiredClaims: Readonly<Record<string, string>>;
	readonly conditions: readonly ValidationRule[];
	readonly compiled: readonly CompiledExpression[];
}

function readClaimRules(rules: readonly JsonObject[], path: string, errors: FieldError[]): ClaimRules {
	const requiredClaims = new Map<string, string>();
	const conditions = new Map<string, ValidationRule>();
	const compiled: CompiledExpression[] = [];
	const seen = new Set<string>();
	for (const [index, rule] of rules.entries()) {
		const at = `${path}[${index}]`;
		const { claim, expression: text, message, requiredValue } = ruleTexts(rule);
		if (claim !== "" && text !== "") errors.push(fieldInvalid(at, claim, "claim and expression can't both be set"));
		else if (claim === "" && text === "") errors.push(fieldRequired(at, "claim or expression is required"));
		else if (claim !== "") {
			if (message !== "") errors.push(fieldInvalid(`${at}.message`, message, "may not be specified when claim is set"));
			if (requiredClaims.has(claim)) errors.push(fieldDuplicate(`${at}.claim`, claim));
			requiredClaims.set(claim, requiredValue);
		} else {
			if (requiredValue !== "") {
				errors.push(fieldInvalid(`${at}.requiredValue`, requiredValue, "may not be specified when expression is set"));
			}
			if (seen.has(text)) {
				errors.push(fieldDuplicate(`${at}.expression`, text));
				continue;
			}
			seen.add(text);
			const expression = compile(text, compileClaimCondition, `${at}.expression`, errors);
			if (expression === undefined) continue;
			compiled.push(expression);
			conditions.set(text, { text, program: expression.program, message });
		}
	}
	return { requiredClaims: Object.fromEntries(requiredClaims), conditions: [...conditions.values()], compiled };
}

function ruleTexts(rule: JsonObject) {
	return {
		claim: textClaim(rule, "claim"),
		expression: textClaim(rule, "expression"),
		message: textClaim(rule, "message"),
		requiredValue: textClaim(rule, "requiredValue"),
	};
}

type Mappings = Pick<JwtProvider, "username" | "groups" | "uid" | "extra">;

/** A mapping, and what is known of its expression. */
interface Mapping<M> {
	readonly mapping: M;
	readonly compiled?: CompiledExpression;
}

function readMappings(entry: JsonObject, isVerifiedInRule: boolean, path: string, errors: FieldError[]): Mappings {
	const username = readPrefixed(part(entry, "username"), `${path}.username`, errors);
	if (username === undefined) errors.push(fieldRequired(`${path}.username`, "claim or expression is required"));
	const groups = readPrefixed(part(entry, "groups"), `${path}.groups`, errors);
	const uid = readUid(part(entry, "uid"), `${path}.uid`, errors);
	const extra = readExtra(objects(entry.extra), `${path}.extra`, errors);
	const { compiled } = username ?? {};
	const isVerified =
		isVerifiedInRule ||
		[...(compiled === undefined ? [] : [compiled]), ...extra.compiled].some((each) => selectsClaim(each, "email_verified"));
	if (compiled !== undefined && selectsClaim(compiled, "email") && !isVerified) {
		const text = textClaim(part(entry, "username"), "expression");
		errors.push(fieldInvalid(`${path}.username.expression`, text, unverifiedEmail));
	}
	return {
		username: username?.mapping ?? { claim: "", prefix: "" },
		...(groups === undefined ? {} : { groups: groups.mapping }),
		...(uid === undefined ? {} : { uid }),
		...(extra.mappings.length === 0 ? {} : { extra: extra.mappings }),
	};
}

const unverifiedEmail =
	"claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression";
const notBoth = "claim and expression can't both be set";

/** Undefined: neither claim nor expression. */
function readPrefixed(entry: JsonObject, path: string, errors: FieldError[]): Mapping<PrefixedClaim | ClaimExpression> | undefined {
	const claim = textClaim(entry, "claim");
	const text = textClaim(entry, "expression");
	const { prefix } = entry;
	if (claim === "" && text === "") return undefined;
	const byClaim = { mapping: { claim, prefix: typeof prefix === "string" ? prefix : "" } };
	if (claim !== "" && text !== "") errors.push(fieldInvalid(path, "", notBoth));
	else if (claim !== "") {
		if (typeof prefix !== "string") {
			const why = "prefix is required when claim is set. It can be set to an empty string to disable prefixing";
			errors.push(fieldRequired(`${path}.prefix`, why));
		}
	} else {
		if (typeof prefix === "string") errors.push(fieldInvalid(`${path}.prefix`, prefix, "may not be specified when expression is set"));
		const compiled = compile(text, compileClaim, `${path}.expression`, errors);
		if (compiled !== undefined) return { mapping: { text, program: compiled.program }, compiled };
	}
	return byClaim;
}

function readUid(entry: JsonObject, path: string, errors: FieldError[]): string | ClaimExpression | undefined {
	const claim = textClaim(entry, "claim");
	const text = textClaim(entry, "expression");
	if (claim !== "" && text !== "") errors.push(fieldInvalid(path, "", notBoth));
	if (text === "") return claim === "" ? undefined : claim;
	const compiled = claim === "" ? compile(text, compileClaim, `${path}.expression`, errors) : undefined;
	return compiled === undefined ? undefined : { text, program: compiled.program };
}

function readExtra(
	entries: readonly JsonObject[],
	path: string,
	errors: FieldError[],
): { readonly mappings: readonly ExtraExpression[]; readonly compiled: readonly CompiledExpression[] } {
	const seen = new Set<string>();
	const mappings: ExtraExpression[] = [];
	const compiled: CompiledExpression[] = [];
	for (const [index, entry] of entries.entries()) {
		const at = `${path}[${index}]`;
		const key = textClaim(entry, "key");
		const text = textClaim(entry, "valueExpression");
		errors.push(...checkExtraKey(key, `${at}.key`));
		if (seen.has(key)) {
			errors.push(fieldDuplicate(`${at}.key`, key));
			continue;
		}
		seen.add(key);
		if (text === "") {
			errors.push(fieldRequired(`${at}.valueExpression`));
			continue;
		}
		const expression = compile(text, compileClaim, `${at}.valueExpression`, errors);
		if (expression === undefined) continue;
		compiled.push(expression);
		mappings.push({ key, text, program: expression.program });
	}
	return { mappings, compiled };
}

/** Keys belong to who made them: they begin with a domain, and not with Kubernetes' own. */
function checkExtraKey(key: string, path: string): readonly FieldError[] {
	const domain = key.includes("/") ? key.slice(0, key.indexOf("/")) : "";
	const isReserved = ["kubernetes.io", "k8s.io"].some((own) => domain === own || domain.endsWith(`.${own}`));
	return [
		...validateDomainPrefixedPath(key, path),
		...(key === key.toLowerCase() ? [] : [fieldInvalid(path, key, "must be lowercase")]),
		...(isReserved ? [fieldInvalid(path, key, "k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use")] : []),
	];
}

function readUserRules(rules: readonly JsonObject[], path: string, errors: FieldError[]): readonly ValidationRule[] {
	const seen = new Set<string>();
	return rules.flatMap((rule, index) => {
		const at = `${path}[${index}].expression`;
		const { expression: text, message } = ruleTexts(rule);
		if (text === "") errors.push(fieldRequired(at));
		else if (seen.has(text)) errors.push(fieldDuplicate(at, text));
		if (text === "" || seen.has(text)) return [];
		seen.add(text);
		const compiled = compile(text, compileUserCondition, at, errors);
		return compiled === undefined ? [] : [{ text, program: compiled.program, message }];
	});
}
