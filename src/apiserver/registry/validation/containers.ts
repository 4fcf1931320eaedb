/**
 * Containers of a Pod: what all have in common, and the rules of the regular, the init and the ephemeral ones.
 * Source: validateContainerCommon, validateContainers, validateInitContainers, validateEphemeralContainers in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type { Container, EphemeralContainer, PodSpec } from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldForbidden,
	fieldInvalid,
	fieldNotFound,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { validateHostPortConflicts, validatePorts } from "./container-ports.ts";
import { validateEnv, validateEnvFrom } from "./env.ts";
import { validateLifecycle, validateProbe } from "./handlers.ts";
import {
	type FieldErrors,
	NO_ERRORS,
	validateDnsLabel,
	validateEach,
	validateEnum,
	validateEnumInOrder,
	validateRequired,
} from "./primitives.ts";
import { validateResourceRequirements } from "./resources.ts";
import { validateInitRestartRules, validateResizePolicies, validateRestartRules } from "./restart-rules.ts";
import { validateSecurityContext } from "./security-context.ts";
import { type UsableVolumes, validateMounts } from "./volume-mounts.ts";

/** What of the Pod its containers refer to. */
export interface ContainerSurroundings {
	readonly volumes: UsableVolumes;
	/** Names of the Pod's resource claims. */
	readonly claims: ReadonlySet<string>;
}

/** All containers of the spec at `path`. */
export const validateContainers = (spec: PodSpec, surroundings: ContainerSurroundings, path: string): FieldErrors => [
	...validateRegular(spec, surroundings, `${path}.containers`),
	...validateInit(spec, surroundings, `${path}.initContainers`),
	...validateEphemerals(spec, surroundings, `${path}.ephemeralContainers`),
];

function validateCommon(container: Container, spec: PodSpec, { volumes, claims }: ContainerSurroundings, path: string): FieldErrors {
	return [
		...validateDnsLabel(container.name, `${path}.name`),
		...validateRequired(container.image, `${path}.image`),
		...validateEnumInOrder(container.terminationMessagePolicy, `${path}.terminationMessagePolicy`, ["File", "FallbackToLogsOnError"]),
		...validatePorts(container.ports, `${path}.ports`),
		...validateEnv(container.env, `${path}.env`),
		...validateEnvFrom(container.envFrom, `${path}.envFrom`),
		...validateMounts(container, volumes, path),
		...validateEnum(container.imagePullPolicy, `${path}.imagePullPolicy`, ["Always", "IfNotPresent", "Never"]),
		...validateResourceRequirements(container.resources, `${path}.resources`, { claims }),
		...validateResizePolicies(container.resizePolicy, spec.restartPolicy, `${path}.resizePolicy`),
		...validateSecurityContext(container.securityContext, spec.hostUsers ?? true, `${path}.securityContext`),
	];
}

const validateProbes = (container: Container, path: string): FieldErrors =>
	(["livenessProbe", "readinessProbe", "startupProbe"] as const).flatMap((probe) => validateProbe(container[probe], probe, path));

function validateRegular(spec: PodSpec, surroundings: ContainerSurroundings, path: string): FieldErrors {
	const containers = spec.containers ?? [];
	if (containers.length === 0) return [fieldRequired(path)];
	const names = new Set<string>();
	return [
		...validateEach(containers, path, (container, at) => [
			...validateCommon(container, spec, surroundings, at),
			...validateUniqueName(container, names, at),
			...validateLifecycle(container.lifecycle, spec.terminationGracePeriodSeconds, `${at}.lifecycle`),
			...validateProbes(container, at),
			...validateRestartRules(container, at),
		]),
		...validateHostPortConflicts(containers, path),
	];
}

function validateUniqueName({ name = "" }: Container, names: Set<string>, path: string): FieldErrors {
	if (names.has(name)) return [fieldDuplicate(`${path}.name`, name)];
	names.add(name);
	return NO_ERRORS;
}

function validateInit(spec: PodSpec, surroundings: ContainerSurroundings, path: string): FieldErrors {
	const names = new Set((spec.containers ?? []).map(({ name = "" }) => name));
	return validateEach(spec.initContainers, path, (container, at) => {
		const { name = "" } = container;
		const isSidecar = container.restartPolicy === "Always";
		const isDuplicate = names.has(name);
		if (name !== "") names.add(name);
		return [
			...validateCommon(container, spec, surroundings, at),
			...validateInitRestartRules(container, at),
			...(isDuplicate ? [fieldDuplicate(`${at}.name`, name)] : []),
			// They run one by one, so each is checked against itself alone, and upstream counts it as the first of its list.
			...validateHostPortConflicts([container], path),
			...(isSidecar ? validateSidecar(container, spec, at) : validateNoSidecar(container, at)),
		];
	});
}

const validateSidecar = (container: Container, spec: PodSpec, path: string): FieldErrors => [
	...validateLifecycle(container.lifecycle, spec.terminationGracePeriodSeconds, `${path}.lifecycle`),
	...validateProbes(container, path),
];

/** Probes and hooks are for sidecars: an init container runs once. */
function validateNoSidecar(container: Container, path: string): FieldErrors {
	const fields = (["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const).filter(
		(field) => container[field] !== undefined,
	);
	return [
		...fields.map((field) => fieldForbidden(`${path}.${field}`, "may not be set for init containers without restartPolicy=Always")),
		...validateEach(container.resizePolicy, `${path}.resizePolicy`, ({ restartPolicy }, at) =>
			restartPolicy === "RestartContainer"
				? [fieldInvalid(`${at}.restartPolicy`, restartPolicy, "must not be set to 'RestartContainer' for non-sidecar initContainers")]
				: NO_ERRORS,
		),
	];
}

const NOT_EPHEMERAL = "cannot be set for an Ephemeral Container";

/** What a container that is only there to look inside may not have, in the order of Kubernetes' type. */
const forbiddenInEphemeral = [
	"ports",
	"resources",
	"resizePolicy",
	"restartPolicy",
	"restartPolicyRules",
	"livenessProbe",
	"readinessProbe",
	"startupProbe",
	"lifecycle",
] as const;

function validateEphemerals(spec: PodSpec, surroundings: ContainerSurroundings, path: string): FieldErrors {
	const targets = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name = "" }) => name));
	const names = new Set(targets);
	return validateEach(spec.ephemeralContainers, path, (container, at) => [
		...validateCommon(container, spec, surroundings, at),
		...validateImagePadding(container, at),
		...validateUniqueName(container, names, at),
		...validateEphemeral(container, targets, at),
	]);
}

function validateEphemeral(container: EphemeralContainer, targets: ReadonlySet<string>, path: string): FieldErrors {
	const { targetContainerName: target = "" } = container;
	const errors: FieldError[] = target === "" || targets.has(target) ? [] : [fieldNotFound(`${path}.targetContainerName`, target)];
	for (const field of forbiddenInEphemeral) {
		const value = container[field];
		// An empty list or struct is as good as none, except behind a pointer.
		const isSet =
			field === "resources" ? Object.keys(value ?? {}).length > 0 : Array.isArray(value) ? value.length > 0 : value !== undefined;
		if (isSet) errors.push(fieldForbidden(`${path}.${field}`, NOT_EPHEMERAL));
	}
	return [
		...errors,
		...validateEach(container.volumeMounts, `${path}.volumeMounts`, (mount, at) =>
			(["subPath", "subPathExpr"] as const).flatMap((field) =>
				(mount[field] ?? "") === "" ? [] : [fieldForbidden(`${at}.${field}`, NOT_EPHEMERAL)],
			),
		),
	];
}

/** Only of Pods: an old template may have an image with spaces around it. */
export function validateImagePadding({ image = "" }: Container, path: string): FieldErrors {
	return image.trim() === image ? NO_ERRORS : [fieldInvalid(`${path}.image`, image, "must not have leading or trailing whitespace")];
}
