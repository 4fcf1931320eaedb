import { expect, test } from "vitest";
import { SeededRandom } from "../../apimachinery/random.ts";
import type { CertificateSigningRequest } from "../../apimachinery/schema/generated/types.ts";
import { newForbidden, StatusError } from "../../apimachinery/status-error.ts";
import type { Require } from "../authorization/question.ts";
import { commonName, makeRequest, organization } from "../pki/testing.ts";
import { type AdmissionAttributes, AdmissionChain } from "./admission.ts";
import { certificateAdmission } from "./certificates.ts";

const approved = { type: "Approved", status: "True" as const };
const stored: CertificateSigningRequest = {
	metadata: { name: "r" },
	spec: { request: "", signerName: "example.com/mine", usages: [] },
	status: { conditions: [approved] },
};

/** What the plugins say to a write by a user who may do one thing; "" if they let it pass. */
async function verdict(allowed: string, about: Partial<AdmissionAttributes>, object: CertificateSigningRequest = stored): Promise<string> {
	const require: Require = (question) => {
		if (question.path !== undefined) throw new Error("nobody asks about paths");
		const { verb, group, resource, name } = question;
		if (`${verb} ${group}/${resource} ${name}` !== allowed) throw newForbidden(question, name, "no");
	};
	const attributes: AdmissionAttributes = {
		operation: "UPDATE",
		group: "certificates.k8s.io",
		version: "v1",
		resource: "certificatesigningrequests",
		kind: { group: "certificates.k8s.io", version: "v1", kind: "CertificateSigningRequest" },
		subresource: "",
		namespace: "",
		name: "r",
		user: { name: "alice", groups: [] },
		oldObject: stored,
		dryRun: false,
		request: { group: "certificates.k8s.io", version: "v1", resource: "certificatesigningrequests", verb: "update" },
		nowMs: 0,
		lookup: { find: () => undefined, list: () => [] },
		random: new SeededRandom(1),
		isReinvocation: false,
		askForReinvocation: () => undefined,
		beginReinvocation: () => false,
		warn: () => undefined,
		annotate: () => undefined,
		join: () => undefined,
		...about,
	};
	try {
		await new AdmissionChain(certificateAdmission(require)).validate(object, attributes);
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
])("an approval by who may %s", async (allowed, answer) => {
	// Naming a signer of one's own does not help.
	const sent = { ...stored, spec: { ...stored.spec, signerName: "example.com/other" } };
	expect(await verdict(allowed, { subresource: "approval" }, sent)).toBe(answer);
});

test.each<[string, string, NonNullable<CertificateSigningRequest["status"]>, string]>([
	["a certificate", "sign certificates.k8s.io/signers example.com/mine", { conditions: [approved], certificate: "YQ==" }, ""],
	["a certificate", "sign certificates.k8s.io/signers example.com/*", { conditions: [approved], certificate: "YQ==" }, ""],
	["a certificate", "approve certificates.k8s.io/signers example.com/mine", { conditions: [approved], certificate: "YQ==" }, cannotSign],
	["a condition", "", { conditions: [approved, { type: "Failed", status: "True" }] }, cannotSign],
	["nothing", "", { conditions: [approved] }, ""],
])("a status with %s more, by who may %s", async (_what, allowed, status, answer) => {
	expect(await verdict(allowed, { subresource: "status" }, { ...stored, status })).toBe(answer);
});

test("other writes are left alone", async () => {
	const changed = { ...stored, status: {} };
	expect(await verdict("", {}, changed)).toBe("");
	expect(await verdict("", { subresource: "approval", resource: "nodes" }, changed)).toBe("");
	expect(await verdict("", { subresource: "status", group: "apps" }, changed)).toBe("");
});

test.each([
	[
		"kubernetes.io/kube-apiserver-client",
		"system:masters",
		forbidden("use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed"),
	],
	["kubernetes.io/kube-apiserver-client", "dev", ""],
	["example.com/mine", "system:masters", ""],
])("a request to %s for %s", async (signerName, group, answer) => {
	const request = makeRequest({
		subject: [
			[organization, "dev"],
			[commonName, "x"],
			[organization, group],
		],
	});
	const sent = { ...stored, spec: { request, signerName, usages: ["client auth"] } };
	expect(await verdict("", { operation: "CREATE", oldObject: undefined }, sent)).toBe(answer);
});
