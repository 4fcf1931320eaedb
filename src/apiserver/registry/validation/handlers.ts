/**
 * Probes and lifecycle hooks of containers. Source: validateProbe, validateHandler, validateLifecycle in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36. `lifecycle.stopSignal` is dropped before validation: its
 * feature gate is off by default.
 */
import type { HTTPGetAction, Lifecycle, LifecycleHandler, Probe } from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldForbidden,
	fieldInvalid,
	fieldNotSupported,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { isHttpHeaderName } from "../../../apimachinery/validation/names.ts";
import {
	type FieldErrors,
	invalidFor,
	NO_ERRORS,
	validateNonnegative,
	validatePortNumber,
	validatePortNumberOrName,
	validateRequired,
} from "./primitives.ts";

export type ProbeName = "livenessProbe" | "readinessProbe" | "startupProbe";

type Handler = Pick<Probe, "exec" | "httpGet" | "tcpSocket" | "grpc"> & Pick<LifecycleHandler, "sleep">;

export function validateProbe(probe: Probe | undefined, name: ProbeName, containerPath: string): FieldErrors {
	if (probe === undefined) return NO_ERRORS;
	const path = `${containerPath}.${name}`;
	const { terminationGracePeriodSeconds: grace, successThreshold = 0 } = probe;
	const errors: FieldError[] = [
		...validateHandler(probe, undefined, path),
		...(["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] as const).flatMap((field) =>
			validateNonnegative(probe[field], `${path}.${field}`),
		),
	];
	if (grace !== undefined && grace <= 0)
		errors.push(fieldInvalid(`${path}.terminationGracePeriodSeconds`, grace, "must be greater than 0"));
	if (name === "readinessProbe") {
		if (grace === undefined) return errors;
		return [...errors, fieldInvalid(`${path}.terminationGracePeriodSeconds`, grace, "must not be set for readinessProbes")];
	}
	return successThreshold === 1 ? errors : [...errors, fieldInvalid(`${path}.successThreshold`, successThreshold, "must be 1")];
}

/** `gracePeriodSeconds` is the Pod's: a hook may not sleep longer. */
export function validateLifecycle(lifecycle: Lifecycle | undefined, gracePeriodSeconds: number | undefined, path: string): FieldErrors {
	return (["postStart", "preStop"] as const).flatMap((hook) => {
		const handler = lifecycle?.[hook];
		return handler === undefined ? NO_ERRORS : validateHandler(handler, gracePeriodSeconds, `${path}.${hook}`);
	});
}

/** Exactly one way to ask, and that one whole. */
function validateHandler(handler: Handler, gracePeriodSeconds: number | undefined, path: string): FieldErrors {
	const errors: FieldError[] = [];
	let kinds = 0;
	const one = (kind: string, check: (at: string) => FieldErrors) => {
		kinds++;
		const at = `${path}.${kind}`;
		errors.push(...(kinds > 1 ? [fieldForbidden(at, "may not specify more than 1 handler type")] : check(at)));
	};
	const { exec, httpGet, tcpSocket, grpc, sleep } = handler;
	if (exec !== undefined) one("exec", (at) => ((exec.command ?? []).length === 0 ? [fieldRequired(`${at}.command`)] : NO_ERRORS));
	if (httpGet !== undefined) one("httpGet", (at) => validateHttpGet(httpGet, at));
	if (tcpSocket !== undefined) one("tcpSocket", (at) => validatePortNumberOrName(tcpSocket.port, `${at}.port`));
	if (grpc !== undefined) one("grpc", (at) => validatePortNumber(grpc.port, `${at}.port`));
	if (sleep !== undefined) one("sleep", (at) => validateSleep(sleep.seconds ?? 0, gracePeriodSeconds, at));
	return kinds === 0 ? [fieldRequired(path, "must specify a handler type")] : errors;
}

function validateSleep(seconds: number, gracePeriodSeconds: number | undefined, path: string): FieldErrors {
	if (gracePeriodSeconds === undefined || (seconds >= 0 && seconds <= gracePeriodSeconds)) return NO_ERRORS;
	return [fieldInvalid(path, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriodSeconds})`)];
}

const schemes = ["HTTP", "HTTPS"];

const validateHttpGet = ({ path: url, port, scheme = "", httpHeaders = [] }: HTTPGetAction, path: string): FieldErrors => [
	...validateRequired(url, `${path}.path`),
	...validatePortNumberOrName(port, `${path}.port`),
	...(schemes.includes(scheme) ? [] : [fieldNotSupported(`${path}.scheme`, scheme, schemes)]),
	...httpHeaders.flatMap(({ name = "" }) => invalidFor(`${path}.httpHeaders`, name, isHttpHeaderName(name))),
];
