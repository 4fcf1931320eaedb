/**
 * What a Pod may not say because of the system it is for, and because of a user namespace of its own.
 * Source: validateOS, validateLinux, validateWindows, validateHostUsers in pkg/apis/core/validation/validation.go of
 * Kubernetes 1.36.
 */
import type { PodSpec } from "../../../apimachinery/schema/generated/types.ts";
import { fieldForbidden, fieldNotSupported, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { containersOf } from "./containers-of.ts";
import { type FieldErrors, NO_ERRORS } from "./primitives.ts";

/** `path` is the spec's. */
export function validateOs(spec: PodSpec, path: string): FieldErrors {
	if (spec.os === undefined) return NO_ERRORS;
	const { name = "" } = spec.os;
	switch (name) {
		case "":
			return [fieldRequired(`${path}.os.name`)];
		case "linux":
			return validateLinux(spec, path);
		case "windows":
			return validateWindows(spec, path);
		default:
			return [fieldNotSupported(`${path}.os`, name, ["linux", "windows"])];
	}
}

function validateLinux(spec: PodSpec, path: string): FieldErrors {
	return [[spec, path] as const, ...containersOf(spec, path)].flatMap(([{ securityContext }, at]) =>
		securityContext?.windowsOptions === undefined
			? NO_ERRORS
			: [fieldForbidden(`${at}.securityContext.windowsOptions`, "windows options cannot be set for a linux pod")],
	);
}

/** Fields of Linux in a Pod's security context, in upstream's order; some stand in the spec itself. */
const podFields = [
	"appArmorProfile",
	"seLinuxOptions",
	"hostUsers",
	"hostPID",
	"hostIPC",
	"seccompProfile",
	"fsGroup",
	"fsGroupChangePolicy",
	"sysctls",
	"shareProcessNamespace",
	"runAsUser",
	"runAsGroup",
	"supplementalGroups",
	"supplementalGroupsPolicy",
	"seLinuxChangePolicy",
];

/** Fields of Linux in a container's. */
const containerFields = [
	"appArmorProfile",
	"seLinuxOptions",
	"seccompProfile",
	"capabilities",
	"readOnlyRootFilesystem",
	"privileged",
	"allowPrivilegeEscalation",
	"procMount",
	"runAsUser",
	"runAsGroup",
];

/** Host fields are plain booleans, absent when they are false. */
const flags: ReadonlySet<string> = new Set(["hostPID", "hostIPC"]);

function validateWindows(spec: PodSpec, path: string): FieldErrors {
	const forbidden = (at: string) => fieldForbidden(at, "cannot be set for a windows pod");
	const own = new Map<string, unknown>(Object.entries(spec));
	const context = new Map<string, unknown>(Object.entries(spec.securityContext ?? {}));
	const inSpec = (field: string) => (flags.has(field) ? own.get(field) === true : own.get(field) !== undefined);
	return [
		...podFields.flatMap((field) => {
			if (inSpec(field)) return [forbidden(`${path}.${field}`)];
			return context.get(field) === undefined ? [] : [forbidden(`${path}.securityContext.${field}`)];
		}),
		...containersOf(spec, path).flatMap(([{ securityContext = {} }, at]) =>
			containerFields.filter((field) => field in securityContext).map((field) => forbidden(`${at}.securityContext.${field}`)),
		),
	];
}

/** A Pod with users of its own shares nothing else with its node. */
export function validateHostUsers(spec: PodSpec, path: string): FieldErrors {
	if (spec.hostUsers !== false) return NO_ERRORS;
	const forbidden = (at: string) => fieldForbidden(at, "when `hostUsers` is false");
	return [
		...(spec.hostNetwork === true ? [forbidden(`${path}.hostNetwork`)] : []),
		// Upstream writes these two as Go does.
		...(spec.hostPID === true ? [forbidden(`${path}.HostPID`)] : []),
		...(spec.hostIPC === true ? [forbidden(`${path}.HostIPC`)] : []),
		...containersOf(spec, path).flatMap(([{ volumeDevices = [] }, at]) =>
			volumeDevices.length === 0 ? [] : [forbidden(`${at}.volumeDevices`)],
		),
	];
}
