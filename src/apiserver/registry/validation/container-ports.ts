/**
 * Ports of containers. A port of the host belongs to one container, and on the host's network it is the container's own.
 * Source: validateContainerPorts, checkHostPortConflicts, validatePodHostNetworkDeps in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type { Container, ContainerPort } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldDuplicate, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isValidPortName } from "../../../apimachinery/validation/names.ts";
import { type FieldErrors, invalidFor, NO_ERRORS, validateEach, validateEnum, validatePortNumber } from "./primitives.ts";

const protocols = ["SCTP", "TCP", "UDP"];

export function validatePorts(ports: readonly ContainerPort[] | undefined, path: string): FieldErrors {
	const names = new Set<string>();
	return validateEach(ports, path, ({ name = "", containerPort = 0, hostPort = 0, protocol }, at) => {
		const errors: FieldError[] = [];
		if (name !== "") {
			const texts = isValidPortName(name);
			errors.push(...invalidFor(`${at}.name`, name, texts));
			if (names.has(name)) errors.push(fieldDuplicate(`${at}.name`, name));
			else if (texts.length === 0) names.add(name);
		}
		errors.push(
			...(containerPort === 0 ? [fieldRequired(`${at}.containerPort`)] : validatePortNumber(containerPort, `${at}.containerPort`)),
		);
		if (hostPort !== 0) errors.push(...validatePortNumber(hostPort, `${at}.hostPort`));
		return [...errors, ...validateEnum(protocol, `${at}.protocol`, protocols)];
	});
}

/** Ports of the host that two of these containers want. */
export function validateHostPortConflicts(containers: readonly Container[], path: string): FieldErrors {
	const taken = new Set<string>();
	return validateEach(containers, path, ({ ports }, containerPath) =>
		validateEach(ports, `${containerPath}.ports`, ({ hostPort = 0, hostIP = "", protocol = "" }, at) => {
			if (hostPort === 0) return NO_ERRORS;
			const key = `${protocol}/${hostIP}/${hostPort}`;
			if (taken.has(key)) return [fieldDuplicate(`${at}.hostPort`, key)];
			taken.add(key);
			return NO_ERRORS;
		}),
	);
}

/** On the host's network; a template may leave host ports out, because its Pods get them by default. */
export function validateHostNetworkPorts(containers: readonly Container[], path: string, isPod: boolean): FieldErrors {
	return validateEach(containers, path, ({ ports }, containerPath) =>
		validateEach(ports, `${containerPath}.ports`, ({ hostPort = 0, containerPort = 0 }, at) =>
			(isPod || hostPort !== 0) && hostPort !== containerPort
				? [fieldInvalid(`${at}.hostPort`, hostPort, "must match `containerPort` when `hostNetwork` is true")]
				: NO_ERRORS,
		),
	);
}
