/**
 * What the two kinds of webhook configurations share: defaults, validation and columns.
 * Source: pkg/apis/admissionregistration/v1/defaults.go and validation/validation.go of Kubernetes 1.36.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type {
	MatchCondition,
	MutatingWebhook,
	ObjectMeta,
	RuleWithOperations,
	ValidatingWebhook,
} from "../../../apimachinery/schema/generated/types.ts";
import { fieldDuplicate, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { validateLabelSelector } from "../../../apimachinery/validation/label-selector.ts";
import { isDns1035Label } from "../../../apimachinery/validation/names.ts";
import { eachItem, mapField, withDefaults } from "../core/defaulting.ts";
import type { Column } from "../kind.ts";
import { ageColumn, integerColumn, nameColumn } from "../printing/columns.ts";
import { validateFullyQualifiedName } from "../validation/domain-names.ts";
import { type FieldErrors, invalidFor, validateEach, validateOptionalEnum } from "../validation/primitives.ts";
import { validateWebhookClient } from "../validation/webhook-client.ts";
import {
	defaultRule,
	failurePolicies,
	matchPolicies,
	reinvocationPolicies,
	validateMatchConditions,
	validateRule,
} from "./admission-rule.ts";

const reviewVersions = ["v1", "v1beta1"];
const noSideEffects = ["None", "NoneOnDryRun"];
const knownSideEffects = ["None", "NoneOnDryRun", "Some", "Unknown"];

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

/** What rules an update keeps: those that the old webhooks kept. */
interface WebhookRules {
	readonly needsNoSideEffects: boolean;
	readonly needsKnownReview: boolean;
	readonly needsUniqueNames: boolean;
	readonly allowInvalidValues: boolean;
	/** Conditions of the old webhooks, which are not judged again if none of them changed. */
	readonly conditions: readonly (readonly MatchCondition[] | undefined)[] | undefined;
}

function rulesOf(old: readonly ValidatingWebhook[] | undefined): WebhookRules {
	const names = (old ?? []).map(({ name }) => name);
	const every = (holds: (webhook: Partial<ValidatingWebhook>) => boolean): boolean => (old ?? []).every(holds);
	return {
		needsNoSideEffects: every(({ sideEffects = "" }) => noSideEffects.includes(sideEffects)),
		needsKnownReview: every(({ admissionReviewVersions: versions = [] }) => versions.length === 0 || versions.some(isKnownReview)),
		needsUniqueNames: new Set(names).size === names.length,
		allowInvalidValues: !every(({ namespaceSelector, objectSelector }) =>
			[namespaceSelector, objectSelector].every((selector) => validateLabelSelector(selector, "").length === 0),
		),
		conditions: old?.map(({ matchConditions }) => matchConditions),
	};
}

export function validateWebhooks(
	webhooks: readonly MutatingWebhook[] | undefined,
	old: readonly ValidatingWebhook[] | undefined,
): FieldErrors {
	const list = webhooks ?? [];
	const rules = rulesOf(old);
	const names = list.map(({ name }) => name);
	const areConditionsKept = jsonEqual(
		list.map(({ matchConditions }) => matchConditions),
		rules.conditions,
	);
	return list.flatMap((webhook: Partial<MutatingWebhook>, index) => {
		const { name = "", matchConditions, admissionReviewVersions = [] } = webhook;
		const path = `webhooks[${index}]`;
		const isSeen = rules.needsUniqueNames && name !== "" && names.indexOf(name) < index;
		return [
			...validateWebhook(webhook, rules, path),
			...(areConditionsKept ? [] : validateMatchConditions(matchConditions, `${path}.matchConditions`)),
			...validateReviewVersions(admissionReviewVersions, rules.needsKnownReview, `${path}.admissionReviewVersions`),
			...(isSeen ? [fieldDuplicate(`${path}.name`, name)] : []),
		];
	});
}

function validateWebhook(webhook: Partial<MutatingWebhook>, rules: WebhookRules, path: string): FieldErrors {
	const { name = "", timeoutSeconds = 10, sideEffects } = webhook;
	const effects = rules.needsNoSideEffects ? noSideEffects : knownSideEffects;
	const { allowInvalidValues } = rules;
	return [
		...validateFullyQualifiedName(name, `${path}.name`),
		...validateEach(webhook.rules, `${path}.rules`, validateRule),
		...validateOptionalEnum(webhook.failurePolicy, `${path}.failurePolicy`, failurePolicies),
		...validateOptionalEnum(webhook.matchPolicy, `${path}.matchPolicy`, matchPolicies),
		...(sideEffects === undefined
			? [fieldRequired(`${path}.sideEffects`, `must specify one of ${effects.join(", ")}`)]
			: validateOptionalEnum(sideEffects, `${path}.sideEffects`, effects)),
		...(timeoutSeconds < 1 || timeoutSeconds > 30
			? [fieldInvalid(`${path}.timeoutSeconds`, timeoutSeconds, "the timeout value must be between 1 and 30 seconds")]
			: []),
		...validateLabelSelector(webhook.namespaceSelector, `${path}.namespaceSelector`, { allowInvalidValues }),
		...validateLabelSelector(webhook.objectSelector, `${path}.objectSelector`, { allowInvalidValues }),
		...validateOptionalEnum(webhook.reinvocationPolicy, `${path}.reinvocationPolicy`, reinvocationPolicies),
		...validateWebhookClient(webhook.clientConfig ?? {}, `${path}.clientConfig`),
	];
}

const isKnownReview = (version: string): boolean => reviewVersions.includes(version);

/** Versions of AdmissionReview, one of them known to this server. */
function validateReviewVersions(versions: readonly string[], needsKnown: boolean, path: string): FieldErrors {
	const known = reviewVersions.join(", ");
	if (versions.length === 0) return [fieldRequired(path, `must specify one of ${known}`)];
	return [
		...versions.flatMap((version, index) => {
			if (versions.indexOf(version) < index) return [fieldInvalid(`${path}[${index}]`, version, "duplicate version")];
			return invalidFor(`${path}[${index}]`, version, isDns1035Label(version));
		}),
		...(!needsKnown || versions.some(isKnownReview) ? [] : [fieldInvalid(path, versions, `must include at least one of ${known}`)]),
	];
}

/** Conditions are compiled when one of them changes. */
export function validateConditions(
	webhooks: readonly ValidatingWebhook[] | undefined,
	old: readonly ValidatingWebhook[] | undefined,
): Promise<FieldErrors> | undefined {
	const conditionsOf = (list: readonly ValidatingWebhook[] | undefined) => (list ?? []).map(({ matchConditions }) => matchConditions);
	const conditions = conditionsOf(webhooks);
	if (conditions.every((each) => each === undefined || each.length === 0) || jsonEqual(conditions, conditionsOf(old))) return undefined;
	return import("./expressions.ts").then(({ webhookErrors }) => webhookErrors(webhooks));
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
