/**
 * NamespaceExists and NamespaceAutoProvision: what is done in a namespace that is not there is refused, or makes it.
 * NamespaceLifecycle does what most clusters want. Source: plugin/pkg/admission/namespace/{exists,autoprovision}.
 */
import { newNotFound } from "../../apimachinery/status-error.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";

export const namespaceExists: AdmissionPlugin = {
	name: "NamespaceExists",
	handles: ({ operation }) => operation !== "CONNECT",
	validate(_object, attributes) {
		if (isThere(attributes)) return;
		throw newNotFound({ group: "", resource: "namespaces" }, attributes.namespace);
	},
};

/** @param create makes a namespace; it is no error if somebody else has made it meanwhile */
export function namespaceAutoProvision(create: (name: string) => Promise<void>): AdmissionPlugin {
	return {
		name: "NamespaceAutoProvision",
		handles: ({ operation }) => operation === "CREATE",
		mutate(object, attributes) {
			if (attributes.dryRun || isThere(attributes)) return object;
			return create(attributes.namespace).then(() => object);
		},
	};
}

/** True for what is in no namespace, too. */
function isThere({ namespace, lookup }: AdmissionAttributes): boolean {
	return namespace === "" || lookup.find("", "namespaces", "", namespace) !== undefined;
}
