/**
 * Groups of the Kubernetes community need their approval: a URL, or a word that they do not have it.
 * Source: k8s.io/apiextensions-apiserver/pkg/apihelpers and https://github.com/kubernetes/enhancements/pull/1111
 */

export const approvalAnnotation = "api-approved.kubernetes.io";

export type Annotations = Readonly<Record<string, string>> | undefined;
export type ApprovalState = "missing" | "bypassed" | "approved" | "invalid";

const wanted = `protected groups must have approval annotation "${approvalAnnotation}"`;
const see = ", see https://github.com/kubernetes/enhancements/pull/1111";

/** What is to be said of an annotation. */
export const approvalTexts: Readonly<Record<ApprovalState, (annotation: string) => string>> = {
	missing: () => wanted + see,
	bypassed: (annotation) => `not approved: ${JSON.stringify(annotation)}`,
	approved: (annotation) => `approved in ${annotation}`,
	invalid: () => `${wanted} with either a URL or a reason starting with "unapproved"${see}`,
};

export function isProtectedGroup(group: string): boolean {
	return ["k8s.io", "kubernetes.io"].some((domain) => group === domain || group.endsWith(`.${domain}`));
}

export function approvalState(annotations: Annotations): ApprovalState {
	const approval = annotations?.[approvalAnnotation] ?? "";
	if (approval === "") return "missing";
	if (approval.startsWith("unapproved")) return "bypassed";
	return (URL.parse(approval)?.host ?? "") === "" ? "invalid" : "approved";
}
