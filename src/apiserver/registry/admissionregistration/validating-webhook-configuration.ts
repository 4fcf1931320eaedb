/** admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration: who outside may refuse requests. */
import type { ValidatingWebhookConfiguration } from "../../../apimachinery/schema/generated/types.ts";
import { eachItem, mapField } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { staticNameWarnings } from "./policy.ts";
import { defaultWebhook, validateConditions, validateWebhooks, webhookColumns } from "./webhook.ts";

export const validatingWebhookConfiguration = defineKind<ValidatingWebhookConfiguration>({
	group: "admissionregistration.k8s.io",
	kind: "ValidatingWebhookConfiguration",
	resource: "validatingwebhookconfigurations",
	singular: "validatingwebhookconfiguration",
	categories: ["api-extensions"],
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	allowUnconditionalUpdate: false,
	setDefaults: (object) => mapField(object, "webhooks", eachItem(defaultWebhook)),
	validate: ({ webhooks }, old) => validateWebhooks(webhooks, old?.webhooks),
	validateExpressions: ({ webhooks }, old) => validateConditions(webhooks, old?.webhooks),
	warnings: staticNameWarnings,
	columns: webhookColumns(),
});
