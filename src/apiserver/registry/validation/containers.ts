/**
 * Containers of a Pod: names, images, ports and what hangs on them. Source: validateContainers,
 * validateInitContainers in pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type {
	Container,
	ContainerPort,
	EphemeralContainer,
	PodSpec,
	SecurityContext,
} from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldForbidden,
	fieldInvalid,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { isInRange, isValidPortName, isValidUserId } from "../../../apimachinery/validation/names.ts";
import { validateEnv, validateEnvFrom } from "./env.ts";
import { validateLifecycle, validateProbe } from "./handlers.ts";
import {
	type FieldErrors,
	invalidFor,
	NO_ERRORS,
	validateDnsLabel,
	validateEach,
	validateEnum,
	validateOptionalEnum,
	validatePortNumber,
} from "./primitives.ts";
import { validateResourceRequirements } from "./resources.ts";
import { validateMounts } from "./volumes.ts";

const restartPolicies = ["Always", "Never", "OnFailure"];

/** All containers of a Pod. `volumes` are the names that mounts may use; undefined where they are not known yet (StatefulSets). */
export function validateContainers(spec: PodSpec, volumes: ReadonlySet<string> | undefined, path: string): FieldErrors {
	const names = new Set<string>();
	const hostPorts = new Set<string>();
	const containers = spec.containers ?? [];
	if (containers.length === 0) return [fieldRequired(`${path}.containers`)];
	return [
		...validateEach(containers, `${path}.containers`, (container, at) => [
			...validateUniqueName(container, names, at),
			...validateContainer(container, volumes, at),
			...validateHostPorts(container, hostPorts, spec.hostNetwork === true, at),
			...validateProbe(container.livenessProbe, "livenessProbe", at),
			...validateProbe(container.readinessProbe, "readinessProbe", at),
			...validateProbe(container.startupProbe, "startupProbe", at),
			...validateLifecycle(container.lifecycle, `${at}.lifecycle`),
			...validateOptionalEnum(container.restartPolicy, `${at}.restartPolicy`, restartPolicies),
		]),
		...validateEach(spec.initContainers, `${path}.initContainers`, (container, at) => [
			...validateUniqueName(container, names, at),
			...validateContainer(container, volumes, at),
			...validateInitContainer(container, at),
		]),
		...validateEach(spec.ephemeralContainers, `${path}.ephemeralContainers`, (container, at) => [
			...validateUniqueName(container, names, at),
			...validateEphemeral(container, new Set(containers.map(({ name = "" }) => name)), at),
			...validateContainer(container, volumes, at),
		]),
	];
}

function validateUniqueName({ name = "" }: Container, names: Set<string>, path: string): FieldErrors {
	if (names.has(name)) return [fieldDuplicate(`${path}.name`, name)];
	names.add(name);
	return NO_ERRORS;
}

function validateContainer(container: Container, volumes: ReadonlySet<string> | undefined, path: string): FieldErrors {
	return [
		...validateDnsLabel(container.name, `${path}.name`),
		...validateImage(container.image, `${path}.image`),
		...validateEnum(container.terminationMessagePolicy, `${path}.terminationMessagePolicy`, ["FallbackToLogsOnError", "File"]),
		...validatePorts(container.ports, `${path}.ports`),
		...validateEnv(container.env, `${path}.env`),
		...validateEnvFrom(container.envFrom, `${path}.envFrom`),
		...validateMounts(container, volumes, path),
		...validateEnum(container.imagePullPolicy, `${path}.imagePullPolicy`, ["Always", "IfNotPresent", "Never"]),
		...validateResourceRequirements(container.resources, `${path}.resources`),
		...validateSecurityContext(container.securityContext, `${path}.securityContext`),
	];
}

function validateImage(image: string | undefined, path: string): FieldErrors {
	if (image === undefined || image === "") return [fieldRequired(path)];
	return image.trim() === image ? NO_ERRORS : [fieldInvalid(path, image, "must not have leading or trailing whitespace")];
}

function validatePorts(ports: readonly ContainerPort[] | undefined, path: string): FieldErrors {
	const names = new Set<string>();
	return validateEach(ports, path, (port, at) => {
		const errors: FieldError[] = [];
		if (port.name !== undefined && port.name !== "") {
			const texts = isValidPortName(port.name);
			errors.push(...invalidFor(`${at}.name`, port.name, texts));
			if (texts.length === 0 && names.has(port.name)) errors.push(fieldDuplicate(`${at}.name`, port.name));
			names.add(port.name);
		}
		if ((port.containerPort ?? 0) === 0) errors.push(fieldRequired(`${at}.containerPort`));
		else errors.push(...validatePortNumber(port.containerPort, `${at}.containerPort`));
		if (port.hostPort !== undefined && port.hostPort !== 0) errors.push(...validatePortNumber(port.hostPort, `${at}.hostPort`));
		return [...errors, ...validateEnum(port.protocol, `${at}.protocol`, ["SCTP", "TCP", "UDP"])];
	});
}

/** A port of the host belongs to one container, and on the host's network it is the container's own. */
function validateHostPorts(container: Container, taken: Set<string>, hostNetwork: boolean, path: string): FieldErrors {
	return validateEach(container.ports, `${path}.ports`, (port, at) => {
		if ((port.hostPort ?? 0) === 0) return NO_ERRORS;
		const key = `${port.protocol ?? ""}/${port.hostIP ?? ""}/${port.hostPort}`;
		const errors: FieldError[] = taken.has(key) ? [fieldDuplicate(`${at}.hostPort`, key)] : [];
		taken.add(key);
		if (hostNetwork && port.hostPort !== port.containerPort) {
			errors.push(fieldInvalid(`${at}.containerPort`, port.containerPort, "must match `hostPort` when `hostNetwork` is true"));
		}
		return errors;
	});
}

/** Probes and hooks are for sidecars: an init container runs once. */
function validateInitContainer(container: Container, path: string): FieldErrors {
	if (container.restartPolicy === "Always") {
		return [
			...validateProbe(container.livenessProbe, "livenessProbe", path),
			...validateProbe(container.readinessProbe, "readinessProbe", path),
			...validateProbe(container.startupProbe, "startupProbe", path),
			...validateLifecycle(container.lifecycle, `${path}.lifecycle`),
		];
	}
	const forbidden = (["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const).filter(
		(field) => container[field] !== undefined,
	);
	return [
		...forbidden.map((field) => fieldForbidden(`${path}.${field}`, "may not be set for init containers without restartPolicy=Always")),
		...validateOptionalEnum(container.restartPolicy, `${path}.restartPolicy`, restartPolicies),
	];
}

/** What a container that is only there to look inside may not have. */
function validateEphemeral(container: EphemeralContainer, targets: ReadonlySet<string>, path: string): FieldErrors {
	const forbidden = (["ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"] as const).filter(
		(field) => container[field] !== undefined,
	);
	const errors: FieldError[] = forbidden.map((field) => fieldForbidden(`${path}.${field}`, "cannot be set for an Ephemeral Container"));
	const target = container.targetContainerName ?? "";
	if (target !== "" && !targets.has(target)) errors.push(fieldInvalid(`${path}.targetContainerName`, target, `not found`));
	return errors;
}

function validateSecurityContext(context: SecurityContext | undefined, path: string): FieldErrors {
	if (context === undefined) return NO_ERRORS;
	const errors: FieldError[] = [];
	if (context.runAsUser !== undefined) errors.push(...invalidFor(`${path}.runAsUser`, context.runAsUser, isValidUserId(context.runAsUser)));
	if (context.runAsGroup !== undefined) {
		errors.push(...invalidFor(`${path}.runAsGroup`, context.runAsGroup, isInRange(context.runAsGroup, 0, 2 ** 32 - 1)));
	}
	if (context.allowPrivilegeEscalation === false && context.privileged === true) {
		errors.push(fieldInvalid(path, context, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"));
	}
	return errors;
}
