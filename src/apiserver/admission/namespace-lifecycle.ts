/**
 * NamespaceLifecycle: nothing is created in a namespace that is absent or going, and the system's own namespaces stay.
 * Source: plugin/pkg/admission/namespace/lifecycle.
 */
import { newForbidden, newNotFound, StatusError } from "../../apimachinery/status-error.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";

const immortal: ReadonlySet<string> = new Set(["default", "kube-system", "kube-public"]);

export const namespaceLifecycle: AdmissionPlugin = {
	name: "NamespaceLifecycle",
	handles: ({ operation, group, resource }) =>
		operation === "CREATE" || (operation === "DELETE" && group === "" && resource === "namespaces"),
	mutate(object, attributes) {
		if (attributes.operation === "CREATE") checkNamespaceAccepts(attributes);
		return object;
	},
	validate(_object, attributes) {
		const { operation, group, resource, name } = attributes;
		if (operation === "DELETE" && group === "" && resource === "namespaces" && immortal.has(name)) {
			throw newForbidden({ group, resource }, name, "this namespace may not be deleted");
		}
	},
};

/** Reviews tell something about a namespace; they put nothing into it. */
function isReview(group: string): boolean {
	return group === "authorization.k8s.io" || group === "authentication.k8s.io";
}

function checkNamespaceAccepts({ group, resource, namespace, name, lookup }: AdmissionAttributes): void {
	if (namespace === "" || isReview(group)) return;
	const found = lookup.find("", "namespaces", "", namespace);
	if (found === undefined) throw newNotFound({ group: "", resource: "namespaces" }, namespace);
	if (found.metadata?.deletionTimestamp === undefined) return;
	const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
	const { status } = newForbidden({ group, resource }, name, why);
	const cause = { reason: "NamespaceTerminating", message: `namespace ${namespace} is being terminated`, field: "metadata.namespace" };
	throw new StatusError({ ...status, details: { ...status.details, causes: [cause] } });
}
