/**
 * Probes and lifecycle hooks of containers. Source: validateProbe, validateHandler in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type {
	GRPCAction,
	HTTPGetAction,
	Lifecycle,
	LifecycleHandler,
	Probe,
	TCPSocketAction,
} from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldForbidden, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isHttpHeaderName } from "../../../apimachinery/validation/names.ts";
import {
	type FieldErrors,
	invalidFor,
	NO_ERRORS,
	validateEach,
	validateEnum,
	validateNonnegative,
	validatePortNumber,
	validatePortNumberOrName,
	validateRequired,
} from "./primitives.ts";

type ProbeName = "livenessProbe" | "readinessProbe" | "startupProbe";

type Handler = Pick<Probe, "exec" | "httpGet" | "tcpSocket" | "grpc"> & Pick<LifecycleHandler, "sleep">;

export function validateProbe(probe: Probe | undefined, name: ProbeName, containerPath: string): FieldErrors {
	if (probe === undefined) return NO_ERRORS;
	const path = `${containerPath}.${name}`;
	const errors = [
		...validateHandler(probe, path),
		...validateNonnegative(probe.initialDelaySeconds, `${path}.initialDelaySeconds`),
		...validateNonnegative(probe.timeoutSeconds, `${path}.timeoutSeconds`),
		...validateNonnegative(probe.periodSeconds, `${path}.periodSeconds`),
		...validateNonnegative(probe.successThreshold, `${path}.successThreshold`),
		...validateNonnegative(probe.failureThreshold, `${path}.failureThreshold`),
	];
	const grace = probe.terminationGracePeriodSeconds;
	if (name === "readinessProbe") {
		if (grace !== undefined)
			errors.push(fieldInvalid(`${path}.terminationGracePeriodSeconds`, grace, "must not be set for readinessProbes"));
		return errors;
	}
	if (grace !== undefined && grace <= 0) {
		errors.push(fieldInvalid(`${path}.terminationGracePeriodSeconds`, grace, "must be greater than 0"));
	}
	if (probe.successThreshold !== undefined && probe.successThreshold !== 1) {
		errors.push(fieldInvalid(`${path}.successThreshold`, probe.successThreshold, "must be 1"));
	}
	return errors;
}

export function validateLifecycle(lifecycle: Lifecycle | undefined, path: string): FieldErrors {
	return [
		...(lifecycle?.postStart === undefined ? [] : validateHandler(lifecycle.postStart, `${path}.postStart`)),
		...(lifecycle?.preStop === undefined ? [] : validateHandler(lifecycle.preStop, `${path}.preStop`)),
	];
}

/** Exactly one way to ask, and that one whole. */
function validateHandler(handler: Handler, path: string): FieldErrors {
	const errors: FieldError[] = [];
	let kinds = 0;
	const one = (kind: string, check: () => FieldErrors) => {
		kinds++;
		errors.push(...(kinds > 1 ? [fieldForbidden(`${path}.${kind}`, "may not specify more than 1 handler type")] : check()));
	};
	const { exec, httpGet, tcpSocket, grpc, sleep } = handler;
	if (exec !== undefined) one("exec", () => ((exec.command ?? []).length === 0 ? [fieldRequired(`${path}.exec.command`)] : NO_ERRORS));
	if (httpGet !== undefined) one("httpGet", () => validateHttpGet(httpGet, `${path}.httpGet`));
	if (tcpSocket !== undefined) one("tcpSocket", () => validateTcpSocket(tcpSocket, `${path}.tcpSocket`));
	if (grpc !== undefined) one("grpc", () => validateGrpc(grpc, `${path}.grpc`));
	if (sleep !== undefined) one("sleep", () => validateNonnegative(sleep.seconds, `${path}.sleep.seconds`));
	return kinds === 0 ? [fieldRequired(path, "must specify a handler type")] : errors;
}

function validateHttpGet(action: HTTPGetAction, path: string): FieldErrors {
	return [
		...validateRequired(action.path, `${path}.path`),
		...validatePortNumberOrName(action.port, `${path}.port`),
		...validateEnum(action.scheme, `${path}.scheme`, ["HTTP", "HTTPS"]),
		...validateEach(action.httpHeaders, `${path}.httpHeaders`, (header, at) =>
			invalidFor(at, header.name, isHttpHeaderName(header.name ?? "")),
		),
	];
}

const validateTcpSocket = (action: TCPSocketAction, path: string): FieldErrors => validatePortNumberOrName(action.port, `${path}.port`);

const validateGrpc = (action: GRPCAction, path: string): FieldErrors => validatePortNumber(action.port, `${path}.port`);
