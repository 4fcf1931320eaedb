/**
 * Refuses objects that the API server would have to act on and does not yet: storing them without effect would lie to
 * their author. docs/status.md lists them.
 */

import type { MutatingWebhookConfiguration } from "../../apimachinery/schema/generated/types.ts";
import { newNotImplemented } from "../../apimachinery/status-error.ts";
import type { AdmissionPlugin } from "./admission.ts";

const webhookConfigurations: ReadonlySet<string> = new Set(["mutatingwebhookconfigurations", "validatingwebhookconfigurations"]);

export const notServed: AdmissionPlugin = {
	name: "NotServed",
	handles: ({ operation, resource }) => operation !== "DELETE" && webhookConfigurations.has(resource),
	validate(object) {
		const { webhooks = [] } = (object ?? {}) as MutatingWebhookConfiguration;
		if (webhooks.some(({ matchConditions = [] }) => matchConditions.length > 0)) {
			throw newNotImplemented("evaluating match conditions of webhooks");
		}
	},
};
