/**
 * What the two kinds of webhook configurations share: defaults, validation and columns.
 * Source: pkg/apis/admissionregistration/v1/defaults.go and validation/validation.go.
 */
import type { MutatingWebhook, ObjectMeta, RuleWithOperations, ValidatingWebhook } from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { validateLabelSelector } from "../../../apimachinery/validation/label-selector.ts";
import { isDns1035Label } from "../../../apimachinery/validation/names.ts";
import { eachItem, mapField, withDefaults } from "../core/defaulting.ts";
import type { Column } from "../kind.ts";
import { ageColumn, integerColumn, nameColumn } from "../printing/columns.ts";
import { validateFullyQualifiedName } from "../validation/domain-names.ts";
import {
	type FieldErrors,
	invalidFor,
	validateEach,
	validateEnum,
	validateOptionalEnum,
	validateUnique,
} from "../validation/primitives.ts";
import { validateWebhookClient } from "../validation/webhook-client.ts";
import { defaultRule, failurePolicies, matchPolicies, validateMatchConditions, validateRule } from "./admission-rule.ts";

const reviewVersions = ["v1", "v1beta1"];
const noSideEffects = ["None", "NoneOnDryRun"];

export interface WebhookConfiguration<W extends ValidatingWebhook> {
	readonly metadata?: ObjectMeta;
	readonly webhooks?: readonly W[];
}

export function defaultWebhook(webhook: ValidatingWebhook): ValidatingWebhook {
	const filled = withDefaults(webhook, {
		failurePolicy: "Fail",
		matchPolicy: "Equivalent",
		namespaceSelector: {},
		objectSelector: {},
		timeoutSeconds: 10,
	});
	const withRules = mapField(
		filled,
		"rules",
		eachItem((rule: RuleWithOperations) => defaultRule(rule)),
	);
	return mapField(withRules, "clientConfig", (client) => mapField(client, "service", (service) => withDefaults(service, { port: 443 })));
}

export function defaultMutatingWebhook(webhook: MutatingWebhook): MutatingWebhook {
	return withDefaults(defaultWebhook(webhook) as MutatingWebhook, { reinvocationPolicy: "Never" });
}

export function validateWebhooks(webhooks: readonly ValidatingWebhook[] | undefined): FieldErrors {
	return [
		...validateEach(webhooks, "webhooks", validateWebhook),
		...validateUnique(
			webhooks ?? [],
			({ name }) => name,
			(index) => `webhooks[${index}].name`,
		),
	];
}

function validateWebhook(webhook: Partial<ValidatingWebhook>, path: string): FieldErrors {
	const { timeoutSeconds = 10 } = webhook;
	return [
		...validateFullyQualifiedName(webhook.name ?? "", `${path}.name`),
		...validateEach(webhook.rules, `${path}.rules`, validateRule),
		...validateOptionalEnum(webhook.failurePolicy, `${path}.failurePolicy`, failurePolicies),
		...validateOptionalEnum(webhook.matchPolicy, `${path}.matchPolicy`, matchPolicies),
		...validateEnum(webhook.sideEffects, `${path}.sideEffects`, noSideEffects, `must specify one of ${noSideEffects.join(", ")}`),
		...(timeoutSeconds < 1 || timeoutSeconds > 30
			? [fieldInvalid(`${path}.timeoutSeconds`, timeoutSeconds, "the timeout value must be between 1 and 30 seconds")]
			: []),
		...validateLabelSelector(webhook.namespaceSelector, `${path}.namespaceSelector`),
		...validateLabelSelector(webhook.objectSelector, `${path}.objectSelector`),
		...validateWebhookClient(webhook.clientConfig ?? {}, `${path}.clientConfig`),
		...validateMatchConditions(webhook.matchConditions, `${path}.matchConditions`),
		...validateReviewVersions(webhook.admissionReviewVersions ?? [], `${path}.admissionReviewVersions`),
	];
}

/** Versions of AdmissionReview, one of them known to this server. */
function validateReviewVersions(versions: readonly string[], path: string): FieldErrors {
	const known = reviewVersions.join(", ");
	if (versions.length === 0) return [fieldRequired(path, `must specify one of ${known}`)];
	return [
		...versions.flatMap((version, index) => {
			if (versions.indexOf(version) < index) return [fieldInvalid(`${path}[${index}]`, version, "duplicate version")];
			return invalidFor(`${path}[${index}]`, version, isDns1035Label(version));
		}),
		...(versions.some((version) => reviewVersions.includes(version))
			? []
			: [fieldInvalid(path, versions, `must include at least one of ${known}`)]),
	];
}

/** NAME WEBHOOKS AGE. */
export function webhookColumns<T extends WebhookConfiguration<ValidatingWebhook>>(): readonly Column<T>[] {
	return [
		nameColumn(),
		integerColumn(
			"Webhooks",
			"Webhooks indicates the number of webhooks registered in this configuration",
			({ webhooks }) => (webhooks ?? []).length,
		),
		ageColumn(),
	];
}
