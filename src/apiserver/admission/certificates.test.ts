import { expect, test } from "vitest";
import { SeededRandom } from "../../apimachinery/random.ts";
import type { CertificateSigningRequest } from "../../apimachinery/schema/generated/types.ts";
import { StatusError } from "../../apimachinery/status-error.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import { commonName, makeRequest, organization } from "../pki/testing.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { certificateApproval, certificateSigning, certificateSubjectRestriction } from "./certificates.ts";

const approved = { type: "Approved", status: "True" as const };
const stored: CertificateSigningRequest = {
	metadata: { name: "r" },
	spec: { request: "", signerName: "example.com/mine", usages: [] },
	status: { conditions: [approved] },
};

/** What the plugin says to a write by a user who may do one thing; "" if it lets it pass. */
function verdict(
	plugin: (authorizer: Authorizer) => AdmissionPlugin,
	allowed: string,
	about: Partial<AdmissionAttributes>,
	object: CertificateSigningRequest = stored,
): string {
	const authorizer: Authorizer = {
		authorize: ({ verb, group, resource, name }) => ({ allowed: `${verb} ${group}/${resource} ${name}` === allowed, reason: "" }),
	};
	const attributes: AdmissionAttributes = {
		verb: "update",
		group: "certificates.k8s.io",
		resource: "certificatesigningrequests",
		kind: "CertificateSigningRequest",
		subresource: "",
		namespace: "",
		name: "r",
		user: { name: "alice", groups: [] },
		lookup: { find: (_group, _resource, _namespace, name) => (name === "r" ? stored : undefined), list: () => [] },
		random: new SeededRandom(1),
		...about,
	};
	try {
		plugin(authorizer).validate?.(object, attributes);
		return "";
	} catch (error) {
		return error instanceof StatusError ? `${error.code} ${error.message}` : String(error);
	}
}

const forbidden = (why: string) => `403 certificatesigningrequests.certificates.k8s.io "r" is forbidden: ${why}`;
const cannotApprove = forbidden('user not permitted to approve requests with signerName "example.com/mine"');
const cannotSign = forbidden('user not permitted to sign requests with signerName "example.com/mine"');

test.each([
	["approve certificates.k8s.io/signers example.com/mine", ""],
	["approve certificates.k8s.io/signers example.com/*", ""],
	["approve certificates.k8s.io/signers example.com/other", cannotApprove],
	["sign certificates.k8s.io/signers example.com/mine", cannotApprove],
])("an approval by who may %s", (allowed, answer) => {
	// Naming a signer of one's own does not help.
	const sent = { ...stored, spec: { ...stored.spec, signerName: "example.com/other" } };
	expect(verdict(certificateApproval, allowed, { subresource: "approval" }, sent)).toBe(answer);
});

test.each<[string, string, NonNullable<CertificateSigningRequest["status"]>, string]>([
	["a certificate", "sign certificates.k8s.io/signers example.com/mine", { conditions: [approved], certificate: "YQ==" }, ""],
	["a certificate", "sign certificates.k8s.io/signers example.com/*", { conditions: [approved], certificate: "YQ==" }, ""],
	["a certificate", "approve certificates.k8s.io/signers example.com/mine", { conditions: [approved], certificate: "YQ==" }, cannotSign],
	["a condition", "", { conditions: [approved, { type: "Failed", status: "True" }] }, cannotSign],
	["nothing", "", { conditions: [approved] }, ""],
])("a status with %s more, by who may %s", (_what, allowed, status, answer) => {
	expect(verdict(certificateSigning, allowed, { subresource: "status" }, { ...stored, status })).toBe(answer);
});

test.each([certificateApproval, certificateSigning])("%o leaves other writes alone", (plugin) => {
	expect(verdict(plugin, "", {}, { ...stored, status: {} })).toBe("");
	expect(verdict(plugin, "", { subresource: "approval", resource: "nodes" }, { ...stored, status: {} })).toBe("");
});

test.each([
	[
		"kubernetes.io/kube-apiserver-client",
		"system:masters",
		forbidden("use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed"),
	],
	["kubernetes.io/kube-apiserver-client", "dev", ""],
	["example.com/mine", "system:masters", ""],
])("a request to %s for %s", (signerName, group, answer) => {
	const request = makeRequest({
		subject: [
			[organization, "dev"],
			[commonName, "x"],
			[organization, group],
		],
	});
	const sent = { ...stored, spec: { request, signerName, usages: ["client auth"] } };
	expect(verdict(() => certificateSubjectRestriction, "", { verb: "create" }, sent)).toBe(answer);
});
