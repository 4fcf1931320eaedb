/**
 * CertificateApproval, CertificateSigning and CertificateSubjectRestriction: who may decide about a certificate request, who may
 * answer it, and what nobody may ask for.
 * Source: plugin/pkg/admission/certificates, pkg/certauthorization.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { CertificateSigningRequest } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError, newForbidden } from "../../apimachinery/status-error.ts";
import { isProblem, parseCertificateRequest } from "../../apimachinery/x509/certificate-request.ts";
import type { Require } from "../authorization/question.ts";
import type { AdmissionAttributes, AdmissionPlugin, AdmissionScope } from "./admission.ts";

const requests = { group: "certificates.k8s.io", resource: "certificatesigningrequests" } as const;
const clientSigner = "kubernetes.io/kube-apiserver-client";

const isFor =
	(operation: AdmissionScope["operation"], subresource: string) =>
	(scope: AdmissionScope): boolean =>
		scope.operation === operation &&
		scope.group === requests.group &&
		scope.resource === requests.resource &&
		scope.subresource === subresource;

/** Of the request as it is in the store: what is sent could name another signer. */
function signerOf({ oldObject }: AdmissionAttributes): string {
	return (oldObject as CertificateSigningRequest | undefined)?.spec?.signerName ?? "";
}

/** The three of them. */
export function certificateAdmission(require: Require): readonly AdmissionPlugin[] {
	return [certificateApproval(require), certificateSigning(require), certificateSubjectRestriction];
}

/** Who approves or denies needs permission to `approve` for the signer. */
function certificateApproval(require: Require): AdmissionPlugin {
	return {
		name: "CertificateApproval",
		handles: isFor("UPDATE", "approval"),
		validate: (_object, attributes) => checkSigner(require, attributes, "approve"),
	};
}

/** Who writes a certificate, or why there is none, needs permission to `sign` for the signer. */
function certificateSigning(require: Require): AdmissionPlugin {
	return {
		name: "CertificateSigning",
		handles: isFor("UPDATE", "status"),
		validate: async (object, attributes) => {
			if (!isAnswerSame(object, attributes.oldObject)) await checkSigner(require, attributes, "sign");
		},
	};
}

function isAnswerSame(object: KubeObject | undefined, old: KubeObject | undefined): boolean {
	const { certificate, conditions = [] } = (object as CertificateSigningRequest | undefined)?.status ?? {};
	const { certificate: oldCertificate, conditions: oldConditions = [] } = (old as CertificateSigningRequest | undefined)?.status ?? {};
	return certificate === oldCertificate && jsonEqual(conditions, oldConditions);
}

/** Nobody becomes an administrator by a certificate that an approver may have waved through. */
const certificateSubjectRestriction: AdmissionPlugin = {
	name: "CertificateSubjectRestriction",
	handles: isFor("CREATE", ""),
	validate(object, attributes) {
		const { signerName, request = "" } = (object as CertificateSigningRequest | undefined)?.spec ?? {};
		if (signerName !== clientSigner) return;
		const parsed = parseCertificateRequest(request);
		if (isProblem(parsed)) throw newForbidden(requests, attributes.name, `failed to parse CSR: ${parsed.problem}`);
		if (!parsed.subject.organizations.includes("system:masters")) return;
		throw newForbidden(requests, attributes.name, `use of ${clientSigner} signer with system:masters group is not allowed`);
	},
};

/** Permission for one signer, or for all of its domain. Rejects with Forbidden. */
async function checkSigner(require: Require, attributes: AdmissionAttributes, verb: "approve" | "sign"): Promise<void> {
	const signerName = signerOf(attributes);
	const [domain = ""] = signerName.split("/");
	const about = { user: attributes.user, verb, group: requests.group, resource: "signers", subresource: "", namespace: "" };
	for (const name of [signerName, `${domain}/*`]) {
		try {
			return await require({ ...about, name });
		} catch (error) {
			if (!isStatusError(error, "Forbidden")) throw error;
		}
	}
	throw newForbidden(requests, attributes.name, `user not permitted to ${verb} requests with signerName ${JSON.stringify(signerName)}`);
}
