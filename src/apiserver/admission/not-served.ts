/**
 * Refuses objects that the API server would have to act on and does not yet: storing them without effect would lie to
 * their author. docs/status.md lists them.
 */

import type { APIService } from "../../apimachinery/schema/generated/types.ts";
import { newNotImplemented } from "../../apimachinery/status-error.ts";
import type { AdmissionPlugin } from "./admission.ts";

const withoutEffect: Readonly<Record<string, string>> = {
	"admissionregistration.k8s.io/mutatingwebhookconfigurations": "calling admission webhooks",
	"admissionregistration.k8s.io/validatingwebhookconfigurations": "calling admission webhooks",
};

export const notServed: AdmissionPlugin = {
	name: "NotServed",
	handles: ({ operation, group, resource }) =>
		operation === "CREATE" && (withoutEffect[`${group}/${resource}`] !== undefined || group === "apiregistration.k8s.io"),
	validate(object, { group, resource }) {
		const effect = withoutEffect[`${group}/${resource}`];
		if (effect !== undefined) throw newNotImplemented(effect);
		if (group === "apiregistration.k8s.io" && (object as APIService).spec?.service !== undefined) {
			throw newNotImplemented("the aggregation layer (an APIService backed by a Service)");
		}
	},
};
