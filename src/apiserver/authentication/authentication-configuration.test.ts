import { expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../../apimachinery/log.ts";
import { createAuthority } from "../pki/certificate.ts";
import { readAuthenticationConfiguration } from "./authentication-configuration.ts";
import { openAuthentication } from "./authentication-options.ts";
import { signingAlgorithms } from "./json-web-token.ts";

const head = { apiVersion: "apiserver.config.k8s.io/v1", kind: "AuthenticationConfiguration" };
const issuer = { url: "https://id", audiences: ["kubernetes"] };
const claimMappings = { username: { claim: "sub", prefix: "" } };
const jwt = { issuer, claimMappings };
const validity = { notBeforeMs: Date.UTC(2020), notAfterMs: Date.UTC(2100) };
const ca = createAuthority({ commonName: "provider-ca" }, validity).cert;

test("a file with everything that needs no expressions", () => {
	const configuration = {
		...head,
		jwt: [
			{
				issuer: {
					...issuer,
					audiences: ["a", "b"],
					audienceMatchPolicy: "MatchAny",
					discoveryURL: "https://id/elsewhere",
					certificateAuthority: ca,
				},
				claimValidationRules: [{ claim: "hd", requiredValue: "acme" }],
				claimMappings: { username: { claim: "email", prefix: "oidc:" }, groups: { claim: "roles", prefix: "" }, uid: { claim: "id" } },
			},
			{ issuer: { ...issuer, url: "https://other" }, claimMappings },
		],
		anonymous: { enabled: true, conditions: [{ path: "/livez" }, { path: "/readyz" }] },
	};
	expect(readAuthenticationConfiguration(configuration)).toEqual({
		providers: [
			{
				issuerUrl: "https://id",
				discoveryUrl: "https://id/elsewhere",
				audiences: ["a", "b"],
				ca,
				username: { claim: "email", prefix: "oidc:" },
				groups: { claim: "roles", prefix: "" },
				uid: "id",
				requiredClaims: { hd: "acme" },
				signingAlgorithms,
			},
			{
				issuerUrl: "https://other",
				audiences: ["kubernetes"],
				username: { claim: "sub", prefix: "" },
				requiredClaims: {},
				signingAlgorithms,
			},
		],
		anonymous: { enabled: true, paths: ["/livez", "/readyz"] },
	});
	expect(readAuthenticationConfiguration(head)).toEqual({ providers: [] });
});

/** A provider whose user name is an expression. */
const named = (expression: string, more: object = {}) => ({ jwt: [{ issuer, claimMappings: { username: { expression } }, ...more }] });
const withExtra = (...extra: readonly object[]) => ({ jwt: [{ issuer, claimMappings: { ...claimMappings, extra } }] });
const withRules = (...claimValidationRules: readonly object[]) => ({ jwt: [{ ...jwt, claimValidationRules }] });
const withUserRules = (...userValidationRules: readonly object[]) => ({ jwt: [{ ...jwt, userValidationRules }] });
const unverified =
	'jwt[0].claimMappings.username.expression: Invalid value: "claims.email": claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression';

test.each<[string, object, string]>([
	["no address", { jwt: [{ ...jwt, issuer: { audiences: ["a"] } }] }, "jwt[0].issuer.url: Required value"],
	[
		"an address without TLS",
		{ jwt: [{ ...jwt, issuer: { ...issuer, url: "http://id" } }] },
		'jwt[0].issuer.url: Invalid value: "http://id": URL scheme must be https',
	],
	[
		"the cluster's own address",
		{ jwt: [{ ...jwt, issuer: { ...issuer, url: "https://kubernetes.default.svc.cluster.local" } }] },
		'jwt[0].issuer.url: Invalid value: "https://kubernetes.default.svc.cluster.local": URL must not overlap with disallowed issuers: [https://kubernetes.default.svc.cluster.local]',
	],
	["one address twice", { jwt: [jwt, jwt] }, 'jwt[1].issuer.url: Duplicate value: "https://id"'],
	[
		"a document where it is anyway",
		{ jwt: [{ ...jwt, issuer: { ...issuer, discoveryURL: "https://id/" } }] },
		'jwt[0].issuer.discoveryURL: Invalid value: "https://id/": discoveryURL must be different from URL',
	],
	[
		"no audience",
		{ jwt: [{ ...jwt, issuer: { url: "https://id" } }] },
		"jwt[0].issuer.audiences: Required value: at least one jwt[0].issuer.audiences is required",
	],
	[
		"several audiences without a policy",
		{ jwt: [{ ...jwt, issuer: { ...issuer, audiences: ["a", "b"] } }] },
		'jwt[0].issuer.audienceMatchPolicy: Invalid value: "": audienceMatchPolicy must be MatchAny for multiple audiences',
	],
	["no name", { jwt: [{ issuer }] }, "jwt[0].claimMappings.username: Required value: claim or expression is required"],
	[
		"a name without a prefix",
		{ jwt: [{ issuer, claimMappings: { username: { claim: "sub" } } }] },
		"jwt[0].claimMappings.username.prefix: Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing",
	],
	[
		"one document for two",
		{ jwt: [1, 2].map((each) => ({ ...jwt, issuer: { ...issuer, url: `https://id${each}`, discoveryURL: "https://there" } })) },
		'jwt[1].issuer.discoveryURL: Duplicate value: "https://there"',
	],
	[
		"an authority that is none",
		{ jwt: [{ ...jwt, issuer: { ...issuer, certificateAuthority: "PEM" } }] },
		'jwt[0].issuer.certificateAuthority: Invalid value: "<omitted>": data does not contain any valid RSA or ECDSA certificates',
	],
	[
		"a name by claim and expression",
		{ jwt: [{ issuer, claimMappings: { username: { claim: "sub", prefix: "", expression: "claims.sub" } } }] },
		`jwt[0].claimMappings.username: Invalid value: "": claim and expression can't both be set`,
	],
	[
		"a prefix before an expression",
		{ jwt: [{ issuer, claimMappings: { username: { prefix: "", expression: "claims.sub" } } }] },
		'jwt[0].claimMappings.username.prefix: Invalid value: "": may not be specified when expression is set',
	],
	[
		"a name that does not compile",
		named("claim.sub"),
		`jwt[0].claimMappings.username.expression: Invalid value: "claim.sub": compilation failed: ERROR: <input>:1:1: undeclared reference to 'claim' (in container '')\n | claim.sub\n | ^`,
	],
	["an email that nobody verified", named("claims.email"), unverified],
	["an email that may be", named("has(claims.email) ? claims.email : claims.sub"), "claims.email_verified must be used in"],
	["an optional email", named("claims.?email.orValue('')"), "claims.email_verified must be used in"],
	[
		"a uid by both",
		{ jwt: [{ issuer, claimMappings: { ...claimMappings, uid: { claim: "a", expression: "claims.a" } } }] },
		`jwt[0].claimMappings.uid: Invalid value: "": claim and expression can't both be set`,
	],
	[
		"a bare key",
		withExtra({ key: "foo", valueExpression: "claims.foo" }),
		'jwt[0].claimMappings.extra[0].key: Invalid value: "foo": must be a domain-prefixed path (such as "acme.io/foo")',
	],
	[
		"a loud key",
		withExtra({ key: "acme.io/Foo", valueExpression: "claims.foo" }),
		'jwt[0].claimMappings.extra[0].key: Invalid value: "acme.io/Foo": must be lowercase',
	],
	[
		"a key of Kubernetes",
		withExtra({ key: "a.k8s.io/foo", valueExpression: "claims.foo" }),
		'jwt[0].claimMappings.extra[0].key: Invalid value: "a.k8s.io/foo": k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use',
	],
	[
		"a key twice",
		withExtra({ key: "acme.io/foo", valueExpression: "claims.foo" }, { key: "acme.io/foo", valueExpression: "claims.bar" }),
		'jwt[0].claimMappings.extra[1].key: Duplicate value: "acme.io/foo"',
	],
	["a key without a value", withExtra({ key: "acme.io/foo" }), "jwt[0].claimMappings.extra[0].valueExpression: Required value"],
	[
		"a rule about a claim and more",
		withRules({ claim: "hd", expression: "true" }),
		`jwt[0].claimValidationRules[0]: Invalid value: "hd": claim and expression can't both be set`,
	],
	["a rule about nothing", withRules({}), "jwt[0].claimValidationRules[0]: Required value: claim or expression is required"],
	[
		"a value for an expression",
		withRules({ expression: "true", requiredValue: "x" }),
		'jwt[0].claimValidationRules[0].requiredValue: Invalid value: "x": may not be specified when expression is set',
	],
	[
		"a rule twice",
		withRules({ expression: "true" }, { expression: "true" }),
		'jwt[0].claimValidationRules[1].expression: Duplicate value: "true"',
	],
	[
		"a rule that is no condition",
		withRules({ expression: "claims.hd" }),
		'jwt[0].claimValidationRules[0].expression: Invalid value: "claims.hd": must evaluate to bool',
	],
	["a rule about users that says nothing", withUserRules({}), "jwt[0].userValidationRules[0].expression: Required value"],
	[
		"a rule about users that sees claims",
		withUserRules({ expression: "claims.hd == 'acme'" }),
		"undeclared reference to 'claims' (in container '')",
	],
	["a rule about what users have not", withUserRules({ expression: "user.name == 'acme'" }), "ERROR: <input>:1:5: undefined field 'name'"],
	[
		"paths for nobody",
		{ anonymous: { enabled: false, conditions: [{ path: "/livez" }] } },
		"enabled should be set to true when conditions are defined",
	],
	["another kind", { kind: "AuthorizationConfiguration" }, 'no kind "AuthenticationConfiguration" is registered for the file'],
])("a file with %s is refused", (_what, parts, message) => {
	expect(() => readAuthenticationConfiguration({ ...head, ...parts })).toThrow(message);
});

test.each<[string, object, string]>([
	[
		"flags of a provider",
		{ oidc: { issuerUrl: "https://a", clientId: "b" } },
		"authentication-config file and oidc-* flags are mutually exclusive",
	],
	[
		"the flag for anonymous users",
		{ anonymousAuth: true },
		"--anonymous-auth flag cannot be set when anonymous field is configured in authentication configuration file",
	],
])("a file and %s do not go together", async (_what, options, message) => {
	const configuration = { ...head, anonymous: { enabled: true } };
	const opening = openAuthentication({ configuration, ...options }, { clock: new VirtualClock(), log: silentLog });
	await expect(opening).rejects.toThrow(message);
});

test.each<[string, object]>([
	["in the name's own expression", named("claims.email_verified ? claims.email : claims.sub")],
	["in a rule", named("claims.email", { claimValidationRules: [{ expression: "claims.?email_verified.orValue(true) == true" }] })],
	[
		"in an extra field",
		{
			jwt: [
				{
					issuer,
					claimMappings: {
						username: { expression: "claims.email" },
						extra: [{ key: "acme.io/verified", valueExpression: "string(claims.email_verified)" }],
					},
				},
			],
		},
	],
	["in no way, where it is asked for by another spelling", named("claims['email']")],
])("an email is verified %s", (_what, parts) => {
	expect(readAuthenticationConfiguration({ ...head, ...parts }).providers).toHaveLength(1);
});
