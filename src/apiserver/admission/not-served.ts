/**
 * Refuses objects that the API server would have to act on and does not yet: storing them without effect would lie to
 * their author. docs/status.md lists them.
 */

import type { MutatingWebhookConfiguration } from "../../apimachinery/schema/generated/types.ts";
import { newNotImplemented } from "../../apimachinery/status-error.ts";
import type { AdmissionPlugin } from "./admission.ts";

const withoutEffect: Readonly<Record<string, string>> = {};

const webhookConfigurations: ReadonlySet<string> = new Set(["mutatingwebhookconfigurations", "validatingwebhookconfigurations"]);

export const notServed: AdmissionPlugin = {
	name: "NotServed",
	handles: ({ operation, group, resource }) =>
		(operation === "CREATE" && withoutEffect[`${group}/${resource}`] !== undefined) ||
		(operation !== "DELETE" && webhookConfigurations.has(resource)),
	validate(object, { group, resource }) {
		const { webhooks = [] } = (object ?? {}) as MutatingWebhookConfiguration;
		if (webhookConfigurations.has(resource) && webhooks.some(({ matchConditions = [] }) => matchConditions.length > 0)) {
			throw newNotImplemented("evaluating match conditions of webhooks");
		}
		const effect = withoutEffect[`${group}/${resource}`];
		if (effect !== undefined) throw newNotImplemented(effect);
	},
};
