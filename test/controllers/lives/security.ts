/** Controllers of who is trusted, and of what may be done: certificates, bootstrap tokens, roles, policies. */
import { createHmac } from "node:crypto";
import fc from "fast-check";
import "../../../src/apimachinery/cel/index.ts";
import { jsonEqual } from "../../../src/apimachinery/json.ts";
import type {
	CertificateSigningRequest,
	ClusterRole,
	PolicyRule,
	Secret,
	ValidatingAdmissionPolicy,
} from "../../../src/apimachinery/schema/generated/types.ts";
import { formatTime, parseTime } from "../../../src/apimachinery/time.ts";
import { signRequest } from "../../../src/apiserver/pki/request-signing.ts";
import {
	certificateSigningRequests,
	clusterRoles,
	configMaps,
	secrets,
	validatingAdmissionPolicies,
} from "../../../src/client/resources.ts";
import { loadOrCreatePki } from "../../../src/cluster/index.ts";
import { bootstrapSigner } from "../../../src/controllers/bootstrap/bootstrap-signer.ts";
import { tokenCleaner } from "../../../src/controllers/bootstrap/token-cleaner.ts";
import { approvingController } from "../../../src/controllers/certificates/approving-controller.ts";
import { cleanerController } from "../../../src/controllers/certificates/cleaner-controller.ts";
import { signingController } from "../../../src/controllers/certificates/signing-controller.ts";
import { clusterRoleAggregationController } from "../../../src/controllers/cluster-role-aggregation.ts";
import { validatingAdmissionPolicyStatusController } from "../../../src/controllers/validating-admission-policy-status.ts";
import type { UserAction } from "../../../src/testbench/schedules.ts";
import type { TestCluster } from "../../../src/testbench/test-cluster.ts";
import { all, creating, deleting, isObserved, type Life, makeNamespace, patching } from "../life.ts";

// ── Certificates ──

/** Made with openssl: O=system:nodes, CN=system:node:n1; and O=dev, CN=alice. */
const bodies = {
	node: "MIHrMIGSAgEAMDAxFTATBgNVBAoMDHN5c3RlbTpub2RlczEXMBUGA1UEAwwOc3lzdGVtOm5vZGU6bjEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARXh1X44/Uw6CDOO6CzWU5iFO5HiDM5jE7iOn1pNZDRYvc7c65hpbnoOgr4aEE7kXdIaMyeTMTL2e5fJDPMD/2GoAAwCgYIKoZIzj0EAwIDSAAwRQIhAN5yTWdn2yItY0xNMizhRtCvLwqlorbbV1t1L6iY4o7ZAiADDhVmCCL0xGYw9DU60zij1s6Wcv15bqEHU4y3ulvWrg==",
	alice:
		"MIHYMIGAAgEAMB4xDDAKBgNVBAoMA2RldjEOMAwGA1UEAwwFYWxpY2UwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARXh1X44/Uw6CDOO6CzWU5iFO5HiDM5jE7iOn1pNZDRYvc7c65hpbnoOgr4aEE7kXdIaMyeTMTL2e5fJDPMD/2GoAAwCgYIKoZIzj0EAwIDRwAwRAIgCpNi4VpfiOTOhJa0FRDHnP7lnle+8dh1u3+TRQJjD6ACIGBOAQXIMs2SgW7qaN3riT2Co4Fa8WyOePnywaRZ48yx",
};
const pem = (body: string) =>
	Buffer.from(`-----BEGIN CERTIFICATE REQUEST-----\n${body}\n-----END CERTIFICATE REQUEST-----\n`).toString("base64");
const pki = await loadOrCreatePki(undefined, { nowMs: Date.UTC(2026, 0, 1) });
const certificate = Buffer.from(pki.admin.cert).toString("base64");

const requestNames = fc.constantFrom("r0", "r1", "r2");
const signers = {
	client: "kubernetes.io/kube-apiserver-client",
	kubelet: "kubernetes.io/kube-apiserver-client-kubelet",
	other: "example.com/mine",
};

function request(name: string, signerName: string, body: string, usages: readonly string[]): CertificateSigningRequest {
	return { metadata: { name }, spec: { request: pem(body), signerName, usages } };
}

const forClients = fc
	.tuple(requestNames, fc.constantFrom(signers.client, signers.other), fc.constantFrom(["client auth"], ["server auth"]))
	.map(([name, signerName, usages]) => creating(certificateSigningRequests, request(name, signerName, bodies.alice, usages)));

function decided(name: string, type: "Approved" | "Denied"): UserAction {
	return {
		name: `${name} is ${type}`,
		run: async ({ client, clock }) => {
			const found = await client.resource(certificateSigningRequests).get({ name });
			const now = formatTime(clock.now());
			const condition = { type, status: "True", reason: "Test", message: "", lastUpdateTime: now, lastTransitionTime: now };
			const conditions = [...(found.status?.conditions ?? []), condition];
			await client
				.resource(certificateSigningRequests)
				.update({ ...found, status: { ...found.status, conditions } }, { subresource: "approval" });
		},
	};
}

const decisions = fc
	.tuple(requestNames, fc.constantFrom<"Approved" | "Denied">("Approved", "Approved", "Denied"))
	.map(([name, type]) => decided(name, type));

function has({ status }: CertificateSigningRequest, type: string): boolean {
	return status?.conditions?.some((condition) => condition.type === type) === true;
}

const isIssued = ({ status }: CertificateSigningRequest) => (status?.certificate ?? "") !== "";

const signingLife: Life = {
	controller: () => signingController((request, content) => signRequest(pki.ca, request, content)),
	actions: fc.oneof(
		forClients,
		decisions,
		requestNames.map((name) => deleting(certificateSigningRequests, name)),
	),
	converged: (cluster) =>
		all(cluster, certificateSigningRequests).every((each) => {
			const isOurs = each.spec.signerName === signers.client && has(each, "Approved") && !has(each, "Denied");
			const isRight = each.spec.usages?.includes("client auth") === true;
			return isIssued(each) === (isOurs && isRight) && has(each, "Failed") === (isOurs && !isRight);
		}),
	owns: ({ kind }) => kind === "CertificateSigningRequest",
};

/** A node that is new may ask for a certificate; anybody may ask for anything. */
async function allowNodes({ client }: TestCluster): Promise<void> {
	const rule = (resources: readonly string[]) => ({ apiGroups: ["certificates.k8s.io"], resources, verbs: ["create"] });
	const binding = { group: "rbac.authorization.k8s.io", version: "v1", resource: "clusterrolebindings", kind: "ClusterRoleBinding" };
	const bind = (name: string, group: string) => ({
		metadata: { name },
		roleRef: { apiGroup: binding.group, kind: "ClusterRole", name },
		subjects: [{ apiGroup: binding.group, kind: "Group", name: group }],
	});
	await client.resource(clusterRoles).create({ metadata: { name: "ask" }, rules: [rule(["certificatesigningrequests"])] });
	await client.resource(clusterRoles).create({ metadata: { name: "join" }, rules: [rule(["certificatesigningrequests/nodeclient"])] });
	await client.resource(binding).create(bind("ask", "system:authenticated"));
	await client.resource(binding).create(bind("join", "system:bootstrappers"));
}

function askedBy(name: string, user: string, body: string): UserAction {
	const groups = ["system:authenticated", ...(user.startsWith("system:bootstrap:") ? ["system:bootstrappers"] : [])];
	const usages = ["digital signature", "client auth"];
	return {
		name: `${user} asks for ${name}`,
		run: ({ inner }) =>
			inner
				.clientFor({ name: user, groups })
				.resource(certificateSigningRequests)
				.create(request(name, signers.kubelet, body, usages)),
	};
}

const approvingLife: Life = {
	controller: () => approvingController,
	prepare: allowNodes,
	actions: fc.oneof(
		fc
			.tuple(requestNames, fc.constantFrom("system:bootstrap:abcdef", "alice"), fc.constantFrom(bodies.node, bodies.alice))
			.map(([name, user, body]) => askedBy(name, user, body)),
		requestNames.map((name) => decided(name, "Denied")),
		requestNames.map((name) => deleting(certificateSigningRequests, name)),
	),
	converged: (cluster) =>
		all(cluster, certificateSigningRequests).every((each) => {
			const isForNode = each.spec.request === pem(bodies.node);
			const isWanted = isForNode && each.spec.username === "system:bootstrap:abcdef" && !has(each, "Denied");
			return has(each, "Approved") === isWanted || (has(each, "Approved") && has(each, "Denied"));
		}),
	owns: ({ kind }) => kind === "CertificateSigningRequest",
};

const hourMs = 3_600_000;

const cleanerLife: Life = {
	controller: () => cleanerController,
	actions: fc.oneof(
		forClients,
		decisions,
		requestNames.map((name) => patching(certificateSigningRequests, name, { status: { certificate } }, "status")),
	),
	pauseMs: hourMs,
	converged: (cluster) => all(cluster, certificateSigningRequests).length === 0,
	invariant: () => {
		return ({ kind, type, object, atMs }) => {
			if (kind !== "CertificateSigningRequest" || type !== "DELETED") return;
			const each = object as CertificateSigningRequest;
			const conditions = each.status?.conditions ?? [];
			const since = Math.min(...conditions.map(({ lastUpdateTime = "" }) => parseTime(lastUpdateTime)), Number.POSITIVE_INFINITY);
			const isDecided = has(each, "Denied") || (has(each, "Approved") && isIssued(each));
			const isOld = isDecided ? atMs > since + hourMs : atMs > parseTime(each.metadata?.creationTimestamp ?? "") + 24 * hourMs;
			if (!isOld) throw new Error("a request is removed before its time");
		};
	},
	within: "30h",
	owns: ({ kind }) => kind === "CertificateSigningRequest",
};

// ── Bootstrap tokens ──

const encode = (text: string) => Buffer.from(text).toString("base64");
const tokenIds = fc.constantFrom("aaaaaa", "bbbbbb");

function bootstrapToken(id: string, more: Readonly<Record<string, string>>): Secret {
	const data = { "token-id": id, "token-secret": "0123456789abcdef", "usage-bootstrap-signing": "true", ...more };
	return {
		metadata: { namespace: "kube-system", name: `bootstrap-token-${id}` },
		type: "bootstrap.kubernetes.io/token",
		data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, encode(value)])),
	};
}

/** RFC 7515, with what is signed left out. */
function signature(content: string, id: string): string {
	const key = Buffer.concat([Buffer.from("0123456789abcdef"), Buffer.alloc(16)]);
	const head = Buffer.from(JSON.stringify({ alg: "HS256", kid: id })).toString("base64url");
	const signed = createHmac("sha256", key).update(`${head}.${Buffer.from(content).toString("base64url")}`);
	return `${head}..${signed.digest("base64url")}`;
}

const kubeconfig = fc.constantFrom("clusters: []", "clusters: [a]");

const signerLife: Life = {
	controller: () => bootstrapSigner,
	prepare: async (cluster) => {
		await makeNamespace(cluster, "kube-system");
		await makeNamespace(cluster, "kube-public");
	},
	actions: fc.oneof(
		kubeconfig.map((text) =>
			creating(configMaps, { metadata: { namespace: "kube-public", name: "cluster-info" }, data: { kubeconfig: text } }),
		),
		kubeconfig.map((text) => patching(configMaps, "kube-public/cluster-info", { data: { kubeconfig: text } })),
		fc.constant(
			patching(configMaps, "kube-public/cluster-info", { data: { "jws-kubeconfig-aaaaaa": "forged", "jws-kubeconfig-cccccc": "forged" } }),
		),
		tokenIds.map((id) => creating(secrets, bootstrapToken(id, {}))),
		tokenIds.map((id) => deleting(secrets, `kube-system/bootstrap-token-${id}`)),
		fc
			.tuple(tokenIds, fc.constantFrom("true", "false"))
			.map(([id, is]) => patching(secrets, `kube-system/bootstrap-token-${id}`, { data: { "usage-bootstrap-signing": encode(is) } })),
	),
	converged: (cluster) => {
		const info = all(cluster, configMaps).find(({ metadata }) => metadata?.name === "cluster-info");
		const text = info?.data?.kubeconfig ?? "";
		const isForSigning = ({ data }: Secret) => data?.["usage-bootstrap-signing"] === encode("true");
		const ids = all(cluster, secrets)
			.filter(isForSigning)
			.map(({ metadata }) => metadata?.name?.slice(-6) ?? "");
		const wanted = { kubeconfig: text, ...Object.fromEntries(ids.map((id) => [`jws-kubeconfig-${id}`, signature(text, id)])) };
		return info === undefined || jsonEqual(info.data, wanted);
	},
	owns: ({ kind }) => kind === "ConfigMap",
};

const tokenCleanerLife: Life = {
	controller: () => tokenCleaner,
	prepare: (cluster) => makeNamespace(cluster, "kube-system"),
	actions: fc.oneof(
		fc.tuple(tokenIds, fc.constantFrom(undefined, 0, 20, 90)).map(
			([id, seconds]): UserAction => ({
				name: `token ${id} for ${seconds ?? "ever"}`,
				run: ({ client, clock }) => {
					const expiration = seconds === undefined ? "" : formatTime(clock.now() + seconds * 1000);
					return client.resource(secrets).create(bootstrapToken(id, { expiration }));
				},
			}),
		),
		fc
			.tuple(tokenIds, fc.constantFrom("", "2026-01-01T00:00:30Z", "never"))
			.map(([id, expiration]) => patching(secrets, `kube-system/bootstrap-token-${id}`, { data: { expiration: encode(expiration) } })),
	),
	// What cannot be read counts as over.
	converged: (cluster) => all(cluster, secrets).every(({ data }) => Buffer.from(data?.expiration ?? "", "base64").length === 0),
	invariant: () => {
		return ({ kind, type, object, atMs }) => {
			if (kind !== "Secret" || type !== "DELETED") return;
			const text = Buffer.from((object as Secret).data?.expiration ?? "", "base64").toString();
			if (text === "" || Date.parse(text) > atMs) throw new Error("a token is removed before its time");
		};
	},
	owns: ({ kind }) => kind === "Secret",
};

// ── Roles and policies ──

const rule = (resource: string): PolicyRule => ({ apiGroups: [""], resources: [resource], verbs: ["get"] });
const roleNames = fc.constantFrom("a", "b", "c");
const resourceNames = fc.constantFrom("pods", "nodes", "secrets");
const gathering: ClusterRole = {
	metadata: { name: "all" },
	aggregationRule: { clusterRoleSelectors: [{ matchLabels: { gathered: "yes" } }, { matchLabels: { also: "yes" } }] },
	rules: [],
};

const aggregationLife: Life = {
	controller: () => clusterRoleAggregationController,
	actions: fc.oneof(
		fc.constant(creating(clusterRoles, gathering)),
		fc
			.tuple(roleNames, resourceNames, fc.constantFrom({ gathered: "yes" }, { also: "yes" }, { gathered: "yes", also: "yes" }, {}))
			.map(([name, resource, labels]) => creating(clusterRoles, { metadata: { name, labels }, rules: [rule(resource)] })),
		fc.tuple(roleNames, resourceNames).map(([name, resource]) => patching(clusterRoles, name, { rules: [rule(resource)] })),
		fc
			.tuple(roleNames, fc.constantFrom("yes", null))
			.map(([name, gathered]) => patching(clusterRoles, name, { metadata: { labels: { gathered } } })),
		roleNames.map((name) => deleting(clusterRoles, name)),
		fc.constant(patching(clusterRoles, "all", { rules: [rule("by-hand")] })),
	),
	converged: (cluster) => {
		const roles = all(cluster, clusterRoles);
		const sorted = [...roles].sort((a, b) => ((a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1));
		const selected = (label: string) => sorted.filter(({ metadata }) => metadata?.labels?.[label] === "yes");
		const texts = [...selected("gathered"), ...selected("also")].flatMap(({ rules = [] }) => rules.map((each) => each.resources?.[0]));
		const found = roles.find(({ metadata }) => metadata?.name === "all");
		return found === undefined || jsonEqual(found.rules?.map((each) => each.resources?.[0]) ?? [], [...new Set(texts)]);
	},
	owns: ({ kind, name }) => kind === "ClusterRole" && name === "all",
};

const policyNames = fc.constantFrom("p0", "p1");
const expressions = fc.constantFrom("object.spec.replicas <= 5", "object.spec.replica <= 5", "true");

function policy(name: string, expression: string): ValidatingAdmissionPolicy {
	const resourceRules = [{ apiGroups: ["apps"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["deployments"] }];
	return { metadata: { name }, spec: { matchConstraints: { resourceRules }, validations: [{ expression }] } };
}

const policyLife: Life = {
	controller: () => validatingAdmissionPolicyStatusController,
	actions: fc.oneof(
		fc.tuple(policyNames, expressions).map(([name, text]) => creating(validatingAdmissionPolicies, policy(name, text))),
		fc
			.tuple(policyNames, expressions)
			.map(([name, text]) => patching(validatingAdmissionPolicies, name, { spec: { validations: [{ expression: text }] } })),
		policyNames.map((name) => deleting(validatingAdmissionPolicies, name)),
	),
	converged: (cluster) =>
		all(cluster, validatingAdmissionPolicies).every((each) => {
			const isWrong = each.spec?.validations?.[0]?.expression === "object.spec.replica <= 5";
			const warnings = each.status?.typeChecking?.expressionWarnings ?? [];
			return isObserved(each) && warnings.length === (isWrong ? 1 : 0);
		}),
	owns: ({ kind }) => kind === "ValidatingAdmissionPolicy",
};

export const securityLives: Readonly<Record<string, Life>> = {
	"certificatesigningrequest-signing-controller": signingLife,
	"certificatesigningrequest-approving-controller": approvingLife,
	"certificatesigningrequest-cleaner-controller": cleanerLife,
	"bootstrap-signer-controller": signerLife,
	"token-cleaner-controller": tokenCleanerLife,
	"clusterrole-aggregation-controller": aggregationLife,
	"validatingadmissionpolicy-status-controller": policyLife,
};
