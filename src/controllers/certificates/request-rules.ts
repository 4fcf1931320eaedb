/**
 * What the signers of kubernetes.io ask of a request, in their words.
 * Source: pkg/apis/certificates/helpers.go, pkg/controller/certificates/signer;
 * https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers
 */
import type { CertificateSigningRequest } from "../../apimachinery/schema/generated/types.ts";
import type { CertificateRequest } from "../../apimachinery/x509/certificate-request.ts";

export const signerNames = {
	client: "kubernetes.io/kube-apiserver-client",
	kubeletClient: "kubernetes.io/kube-apiserver-client-kubelet",
	kubeletServing: "kubernetes.io/kubelet-serving",
	legacyUnknown: "kubernetes.io/legacy-unknown",
} as const;

type Rule = (request: CertificateRequest, usages: readonly string[]) => string | undefined;

const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
	[signerNames.client, (_request, usages) => clientUsageProblem(usages)],
	[signerNames.kubeletClient, kubeletClientProblem],
	[signerNames.kubeletServing, kubeletServingProblem],
	// Whatever was asked of it before there were names.
	[signerNames.legacyUnknown, () => undefined],
]);

/** Whether one of the signers of this cluster is meant. */
export function isOwnSigner(signerName: string): boolean {
	return rules.has(signerName);
}

/** Why the signer does not sign; undefined if it does. */
export function requestProblem(signerName: string, request: CertificateRequest, usages: readonly string[]): string | undefined {
	return rules.get(signerName)?.(request, usages);
}

/** The condition of this type, whatever its status. */
export function conditionOf({ status }: CertificateSigningRequest, type: "Approved" | "Denied" | "Failed") {
	return status?.conditions?.find((condition) => condition.type === type);
}

function clientUsageProblem(usages: readonly string[]): string | undefined {
	const optional = ["digital signature", "key encipherment", "client auth"];
	const other = usages.find((usage) => !optional.includes(usage));
	if (other !== undefined) return `invalid usage for client certificate: ${other}`;
	return usages.includes("client auth") ? undefined : "missing required usage for client certificate: client auth";
}

export function kubeletClientProblem(request: CertificateRequest, usages: readonly string[]): string | undefined {
	if (!isNodes(request)) return "subject organization is not system:nodes";
	if (request.dnsNames.length > 0) return "DNS subjectAltNames are not allowed";
	if (request.emailAddresses.length > 0) return "Email subjectAltNames are not allowed";
	if (request.ipAddresses.length > 0) return "IP subjectAltNames are not allowed";
	if (request.uris.length > 0) return "URI subjectAltNames are not allowed";
	return nameProblem(request) ?? usageProblem(usages, "client auth");
}

function kubeletServingProblem(request: CertificateRequest, usages: readonly string[]): string | undefined {
	if (!isNodes(request)) return "subject organization is not system:nodes";
	if (request.dnsNames.length === 0 && request.ipAddresses.length === 0) return "DNS or IP subjectAltName is required";
	if (request.emailAddresses.length > 0) return "Email subjectAltNames are not allowed";
	if (request.uris.length > 0) return "URI subjectAltNames are not allowed";
	return usageProblem(usages, "server auth") ?? nameProblem(request);
}

function isNodes({ subject }: CertificateRequest): boolean {
	return subject.organizations.length === 1 && subject.organizations[0] === "system:nodes";
}

function nameProblem({ subject }: CertificateRequest): string | undefined {
	return subject.commonName.startsWith("system:node:") ? undefined : "subject common name does not begin with system:node:";
}

/** Exactly what is needed; keys other than RSA need no encipherment. */
function usageProblem(usages: readonly string[], purpose: "client auth" | "server auth"): string | undefined {
	const required = [purpose, "digital signature", "key encipherment"].sort();
	const asked = new Set(usages);
	const isComplete = asked.has(purpose) && asked.has("digital signature") && [...asked].every((usage) => required.includes(usage));
	return isComplete ? undefined : `usages did not match [${required.join(" ")}]`;
}
