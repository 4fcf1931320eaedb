/** flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration: how many requests of a level run at once, and who waits. */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type {
	LimitedPriorityLevelConfiguration,
	LimitResponse,
	PriorityLevelConfiguration,
	PriorityLevelConfigurationSpec,
	QueuingConfiguration,
} from "../../../apimachinery/schema/generated/types.ts";
import { fieldForbidden, fieldInvalid, fieldNotSupported, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { mapField, withDefaults } from "../core/defaulting.ts";
import { type Column, defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { internalValue } from "../validation/internal-value.ts";
import { type FieldErrors, NO_ERRORS } from "../validation/primitives.ts";
import { levelShape, mandatoryLevels, validateFlowConditions } from "./mandatory.ts";

type Level = PriorityLevelConfiguration;
const maxQueues = 10_000_000;

/** Bits of the hash that deals hands of queues to flows. */
const maxHashBits = 60;

export const priorityLevelConfiguration = defineKind<Level>({
	group: "flowcontrol.apiserver.k8s.io",
	kind: "PriorityLevelConfiguration",
	resource: "prioritylevelconfigurations",
	singular: "prioritylevelconfiguration",
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	allowUnconditionalUpdate: false,
	setDefaults: (object) => mapField(object, "spec", defaultSpec),
	validate: ({ metadata, spec }) => [
		...validateSpec(metadata?.name ?? "", spec ?? { type: "" }),
		...validateMandatory(metadata?.name ?? "", spec ?? { type: "" }),
	],
	validateStatusUpdate: ({ status }) => validateFlowConditions(status?.conditions),
	columns: [
		nameColumn(),
		stringColumn(
			"Type",
			'`type` indicates whether this priority level is subject to limitation on request execution.  A value of `"Exempt"` means that requests of this priority level are not subject to a limit (and thus are never queued) and do not detract from the capacity made available to other priority levels.  A value of `"Limited"` means that (a) requests of this priority level _are_ subject to limits and (b) some of the server\'s limited capacity is made available exclusively to this priority level. Required.',
			({ spec }) => spec?.type ?? "",
		),
		numberOrNone(
			"NominalConcurrencyShares",
			"`nominalConcurrencyShares` (NCS) contributes to the computation of the NominalConcurrencyLimit (NominalCL) of this level.",
			({ spec }) => spec?.limited?.nominalConcurrencyShares,
		),
		numberOrNone("Queues", "`queues` is the number of queues for this priority level.", ({ spec }) => queuingOf(spec)?.queues),
		numberOrNone(
			"HandSize",
			"`handSize` is a small positive number that configures the shuffle sharding of requests into queues.",
			({ spec }) => queuingOf(spec)?.handSize,
		),
		numberOrNone(
			"QueueLengthLimit",
			"`queueLengthLimit` is the maximum number of requests allowed to be waiting in a given queue of this priority level at a time; excess requests are rejected.",
			({ spec }) => queuingOf(spec)?.queueLengthLimit,
		),
		ageColumn(),
	],
});

const queuingOf = (spec: PriorityLevelConfigurationSpec | undefined) => spec?.limited?.limitResponse?.queuing;

/** A column that says it is text and holds a number, or `<none>`: Kubernetes' own. */
function numberOrNone(name: string, description: string, value: (level: Level) => number | undefined): Column<Level> {
	return { name, type: "string", priority: 0, description, cell: (level) => value(level) ?? "<none>" };
}

function defaultSpec(spec: PriorityLevelConfigurationSpec): PriorityLevelConfigurationSpec {
	const exempt = mapField(spec.type === "Exempt" ? withDefaults(spec, { exempt: {} }) : spec, "exempt", (level) =>
		withDefaults(level, { nominalConcurrencyShares: 0, lendablePercent: 0 }),
	);
	return mapField(exempt, "limited", defaultLimited);
}

function defaultLimited(limited: LimitedPriorityLevelConfiguration): LimitedPriorityLevelConfiguration {
	const level = withDefaults(limited, { nominalConcurrencyShares: 30, lendablePercent: 0 });
	return mapField(level, "limitResponse", (response: LimitResponse) =>
		mapField(response, "queuing", (queuing: QueuingConfiguration) =>
			withDefaults(queuing, { handSize: 8, queues: 64, queueLengthLimit: 50 }),
		),
	);
}

/** Two levels belong to the server. How much of what it has the exempt one lends may be changed. */
function validateMandatory(name: string, spec: PriorityLevelConfigurationSpec): FieldErrors {
	const fixed = mandatoryLevels[name];
	const isExempt = name === "exempt";
	const { exempt: _, ...rest } = spec;
	const compared = isExempt && fixed?.exempt !== undefined ? { ...rest, exempt: fixed.exempt } : spec;
	if (fixed === undefined || jsonEqual(compared, fixed)) return [];
	const except = isExempt ? " except the 'spec.exempt' field" : "";
	return [fieldInvalid("spec", internalValue(spec, levelShape), `spec of '${name}'${except} must equal the fixed value`)];
}

function validateSpec(name: string, spec: PriorityLevelConfigurationSpec): FieldErrors {
	const mismatch =
		(name === "exempt") === (spec.type === "Exempt")
			? []
			: [fieldInvalid("spec.type", spec.type, "type must be 'Exempt' if and only if name is 'exempt'")];
	switch (spec.type) {
		case "Exempt":
			return [
				...mismatch,
				...(spec.limited === undefined ? [] : [fieldForbidden("spec.limited", "must be nil if the type is not Limited")]),
				...validateShares(spec.exempt ?? {}, "spec.exempt"),
			];
		case "Limited":
			return [
				...mismatch,
				...(spec.exempt === undefined ? [] : [fieldForbidden("spec.exempt", "must be nil if the type is Limited")]),
				...(spec.limited === undefined
					? [fieldRequired("spec.limited", "must not be empty when type is Limited")]
					: validateLimited(spec.limited, "spec.limited")),
			];
		default:
			return [...mismatch, fieldNotSupported("spec.type", spec.type, ["Exempt", "Limited"])];
	}
}

function validateLimited(limited: LimitedPriorityLevelConfiguration, path: string): FieldErrors {
	const { borrowingLimitPercent: limit = 0, limitResponse } = limited;
	return [
		...validateShares(limited, path),
		...(limit < 0 ? [fieldInvalid(`${path}.borrowingLimitPercent`, limit, "if specified, must be a non-negative integer")] : []),
		...validateResponse(limitResponse ?? { type: "" }, `${path}.limitResponse`),
	];
}

function validateShares(
	level: Pick<LimitedPriorityLevelConfiguration, "nominalConcurrencyShares" | "lendablePercent">,
	path: string,
): FieldErrors {
	const { nominalConcurrencyShares: shares = 0, lendablePercent: percent = 0 } = level;
	return [
		...(shares < 0 ? [fieldInvalid(`${path}.nominalConcurrencyShares`, shares, "must be a non-negative integer")] : []),
		...(percent < 0 || percent > 100 ? [fieldInvalid(`${path}.lendablePercent`, percent, "must be between 0 and 100, inclusive")] : []),
	];
}

function validateResponse({ type, queuing }: LimitResponse, path: string): FieldErrors {
	switch (type) {
		case "Reject":
			return queuing === undefined ? [] : [fieldForbidden(`${path}.queuing`, "must be nil if limited.limitResponse.type is not Limited")];
		case "Queue":
			if (queuing === undefined) return [fieldRequired(`${path}.queuing`, "must not be empty if limited.limitResponse.type is Limited")];
			return validateQueuing(queuing, `${path}.queuing`);
		default:
			return [fieldNotSupported(`${path}.type`, type, ["Queue", "Reject"])];
	}
}

function validateQueuing({ queues = 0, handSize = 0, queueLengthLimit = 0 }: QueuingConfiguration, path: string): FieldErrors {
	const positive = (field: string, value: number) => (value > 0 ? [] : [fieldInvalid(`${path}.${field}`, value, "must be positive")]);
	return [
		...positive("queueLengthLimit", queueLengthLimit),
		...positive("queues", queues),
		...(queues > maxQueues ? [fieldInvalid(`${path}.queues`, queues, `must not be greater than ${maxQueues}`)] : []),
		...positive("handSize", handSize),
		...(handSize > queues && handSize > 0
			? [fieldInvalid(`${path}.handSize`, handSize, `should not be greater than queues (${queues})`)]
			: validateEntropy(queues, handSize, `${path}.handSize`)),
	];
}

/** Shuffle sharding needs a hash long enough to deal every hand. */
function validateEntropy(queues: number, handSize: number, path: string): FieldErrors {
	if (handSize <= 0 || queues <= 0 || Math.ceil(Math.log2(queues) * handSize) <= maxHashBits) return NO_ERRORS;
	const text = `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${maxHashBits}`;
	return [fieldInvalid(path, handSize, text)];
}
