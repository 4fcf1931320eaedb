/** admissionregistration.k8s.io/v1 MutatingWebhookConfiguration: who outside may change objects on their way in. */
import type { MutatingWebhookConfiguration } from "../../../apimachinery/schema/generated/types.ts";
import { eachItem, mapField } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { staticNameWarnings } from "./policy.ts";
import { defaultMutatingWebhook, validateConditions, validateWebhooks, webhookColumns } from "./webhook.ts";

export const mutatingWebhookConfiguration = defineKind<MutatingWebhookConfiguration>({
	group: "admissionregistration.k8s.io",
	kind: "MutatingWebhookConfiguration",
	resource: "mutatingwebhookconfigurations",
	singular: "mutatingwebhookconfiguration",
	categories: ["api-extensions"],
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	allowUnconditionalUpdate: false,
	setDefaults: (object) => mapField(object, "webhooks", eachItem(defaultMutatingWebhook)),
	validate: ({ webhooks }, old) => validateWebhooks(webhooks, old?.webhooks),
	validateExpressions: ({ webhooks }, old) => validateConditions(webhooks, old?.webhooks),
	warnings: staticNameWarnings,
	columns: webhookColumns(),
});
