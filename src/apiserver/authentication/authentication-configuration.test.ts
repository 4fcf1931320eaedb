import { expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../../apimachinery/log.ts";
import { readAuthenticationConfiguration } from "./authentication-configuration.ts";
import { openAuthentication } from "./authentication-options.ts";
import { signingAlgorithms } from "./json-web-token.ts";

const head = { apiVersion: "apiserver.config.k8s.io/v1", kind: "AuthenticationConfiguration" };
const issuer = { url: "https://id", audiences: ["kubernetes"] };
const claimMappings = { username: { claim: "sub", prefix: "" } };
const jwt = { issuer, claimMappings };

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
					certificateAuthority: "PEM",
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
				ca: "PEM",
				username: { claim: "email", prefix: "oidc:" },
				groups: { claim: "roles", prefix: "" },
				uidClaim: "id",
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

const noCel = "Forbidden: expressions in CEL are not implemented in kubesim";

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
		"a name by expression",
		{ jwt: [{ issuer, claimMappings: { username: { expression: "claims.sub" } } }] },
		`jwt[0].claimMappings.username.expression: ${noCel}`,
	],
	[
		"a rule by expression",
		{ jwt: [{ ...jwt, claimValidationRules: [{ expression: "true" }] }] },
		`jwt[0].claimValidationRules[0].expression: ${noCel}`,
	],
	[
		"a rule about users",
		{ jwt: [{ ...jwt, userValidationRules: [{ expression: "true" }] }] },
		`jwt[0].userValidationRules[0].expression: ${noCel}`,
	],
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
])("a file and %s do not go together", (_what, options, message) => {
	const configuration = { ...head, anonymous: { enabled: true } };
	expect(() => openAuthentication({ configuration, ...options }, { clock: new VirtualClock(), log: silentLog })).toThrow(message);
});
