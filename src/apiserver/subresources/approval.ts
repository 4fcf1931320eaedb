/**
 * certificatesigningrequests/approval: an approver's word, as a condition. The certificate is the signer's to set, through
 * /status.
 * Source: csrApprovalStrategy in pkg/registry/certificates/certificates/strategy.go and
 * ValidateCertificateSigningRequestApprovalUpdate in pkg/apis/certificates/validation/validation.go of Kubernetes 1.36.
 */
import type { CertificateSigningRequest } from "../../apimachinery/schema/generated/types.ts";
import { allButStatus, type UpdateStrategy } from "../pipeline/strategy.ts";
import { stampConditions, validateKeptConditions } from "../registry/certificates/certificate-signing-request.ts";
import type { KindDefinition } from "../registry/kind.ts";

export function approvalStrategy(definition: KindDefinition): UpdateStrategy {
	return {
		prepare(object, old, { nowMs }) {
			const { spec, status: before } = old as CertificateSigningRequest;
			const conditions = stampConditions((object as CertificateSigningRequest).status?.conditions ?? [], nowMs);
			const next: CertificateSigningRequest = { ...(object as CertificateSigningRequest), spec, status: { ...before, conditions } };
			return next;
		},
		validate: (object, old) => [
			...(definition.validate?.(object) ?? []),
			...validateKeptConditions(object as CertificateSigningRequest, old as CertificateSigningRequest),
		],
		reset: allButStatus,
	};
}
