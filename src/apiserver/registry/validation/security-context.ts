/**
 * Security contexts of Pods and containers. Source: validatePodSpecSecurityContext, ValidateSecurityContext,
 * validateSeccompProfileField, ValidateAppArmorProfileField, validateSysctls in pkg/apis/core/validation/validation.go of
 * Kubernetes 1.36.
 */
import type { AppArmorProfile, PodSpec, SeccompProfile, SecurityContext, Sysctl } from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldInvalid,
	fieldNotOneOf,
	fieldRequired,
	fieldTooLong,
} from "../../../apimachinery/validation/field-error.ts";
import { isValidUserId } from "../../../apimachinery/validation/names.ts";
import { validateDescendingPath } from "./file-paths.ts";
import { internalForm, internalShapes } from "./internal-form.ts";
import { type FieldErrors, invalidFor, NO_ERRORS, validateEach, validateOptionalEnum } from "./primitives.ts";
import { validateWindowsOptions } from "./windows-options.ts";

const profileTypes = ["Localhost", "RuntimeDefault", "Unconfined"];

/** Longest path of a profile on the node: PATH_MAX - 1. */
const maxProfilePathBytes = 4095;

/** The Pod's, at `securityContext` of the spec at `path`. */
export function validatePodSecurityContext(spec: PodSpec, path: string): FieldErrors {
	const { securityContext: context, shareProcessNamespace, hostPID } = spec;
	if (context === undefined) return NO_ERRORS;
	const at = `${path}.securityContext`;
	return [
		...validateId(context.fsGroup, `${at}.fsGroup`),
		...validateId(context.runAsUser, `${at}.runAsUser`),
		...validateId(context.runAsGroup, `${at}.runAsGroup`),
		...validateEach(context.supplementalGroups, `${at}.supplementalGroups`, (group, groupPath) => validateId(group, groupPath)),
		// Kubernetes keeps this field in its internal security context, and names it there.
		...(shareProcessNamespace === true && hostPID === true
			? [fieldInvalid(`${at}.shareProcessNamespace`, true, "ShareProcessNamespace and HostPID cannot both be enabled")]
			: []),
		...validateSysctls(context.sysctls, spec, `${at}.sysctls`),
		...validateOptionalEnum(context.fsGroupChangePolicy, `${at}.fsGroupChangePolicy`, ["Always", "OnRootMismatch"]),
		...validateSeccompProfile(context.seccompProfile, `${at}.seccompProfile`),
		...validateWindowsOptions(context.windowsOptions, `${at}.windowsOptions`),
		...validateAppArmorProfile(context.appArmorProfile, `${at}.appArmorProfile`),
		...validateOptionalEnum(context.supplementalGroupsPolicy, `${at}.supplementalGroupsPolicy`, ["Merge", "Strict"]),
		// MountOption needs the feature gate SELinuxMount, which is off by default.
		...validateOptionalEnum(context.seLinuxChangePolicy, `${at}.seLinuxChangePolicy`, ["Recursive"]),
	];
}

/** A container's. `usesHostUsers` tells whether the Pod shares the host's user namespace. */
export function validateSecurityContext(context: SecurityContext | undefined, usesHostUsers: boolean, path: string): FieldErrors {
	if (context === undefined) return NO_ERRORS;
	return [
		...validateId(context.runAsUser, `${path}.runAsUser`),
		...validateId(context.runAsGroup, `${path}.runAsGroup`),
		...validateProcMount(context.procMount, usesHostUsers, `${path}.procMount`),
		...validateSeccompProfile(context.seccompProfile, `${path}.seccompProfile`),
		...validateEscalation(context, path),
		...validateWindowsOptions(context.windowsOptions, `${path}.windowsOptions`),
		...validateAppArmorProfile(context.appArmorProfile, `${path}.appArmorProfile`),
	];
}

/** A user's or a group's. */
export const validateId = (id: number | undefined, path: string): FieldErrors =>
	id === undefined ? NO_ERRORS : invalidFor(path, id, isValidUserId(id));

function validateProcMount(procMount: string | undefined, usesHostUsers: boolean, path: string): FieldErrors {
	if (procMount === undefined || procMount === "Default") return NO_ERRORS;
	if (procMount !== "Unmasked") return [fieldNotOneOf(path, procMount, ["Default", "Unmasked"])];
	return usesHostUsers ? [fieldInvalid(path, procMount, "`hostUsers` must be false to use `Unmasked`")] : NO_ERRORS;
}

/** Who may not gain privileges may not have them all already. */
function validateEscalation(context: SecurityContext, path: string): FieldErrors {
	if (context.allowPrivilegeEscalation !== false) return NO_ERRORS;
	const shown = internalForm(context, internalShapes.securityContext);
	const errors: FieldError[] = [];
	if (context.privileged === true) {
		errors.push(fieldInvalid(path, shown, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"));
	}
	for (const capability of context.capabilities?.add ?? []) {
		if (capability !== "CAP_SYS_ADMIN") continue;
		errors.push(fieldInvalid(path, shown, "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"));
	}
	return errors;
}

function validateSeccompProfile(profile: SeccompProfile | undefined, path: string): FieldErrors {
	if (profile === undefined) return NO_ERRORS;
	const { type = "", localhostProfile: file } = profile;
	const errors: FieldError[] = [];
	if (type === "") errors.push(fieldRequired(`${path}.type`, "type is required when seccompProfile is set"));
	else if (!profileTypes.includes(type)) errors.push(fieldNotOneOf(`${path}.type`, type, profileTypes));
	const at = `${path}.localhostProfile`;
	if (type === "Localhost") {
		if (file === undefined) return [...errors, fieldRequired(at, "must be set when seccomp type is Localhost")];
		return [...errors, ...validateDescendingPath(file, at)];
	}
	if (file === undefined) return errors;
	const shown = internalForm(profile, internalShapes.seccompProfile);
	return [...errors, fieldInvalid(at, shown, "can only be set when seccomp type is Localhost")];
}

export function validateAppArmorProfile(profile: AppArmorProfile | undefined, path: string): FieldErrors {
	if (profile === undefined) return NO_ERRORS;
	const { type = "", localhostProfile: file } = profile;
	const at = `${path}.localhostProfile`;
	if (type === "") return [fieldRequired(`${path}.type`, "type is required when appArmorProfile is set")];
	if (!profileTypes.includes(type)) return [fieldNotOneOf(`${path}.type`, type, profileTypes)];
	if (type !== "Localhost") {
		return file === undefined ? NO_ERRORS : [fieldInvalid(at, file, "can only be set when AppArmor type is Localhost")];
	}
	if (file === undefined || file === "") return [fieldRequired(at, "must be set when AppArmor type is Localhost")];
	return [
		...(file.trim() === file ? [] : [fieldInvalid(at, file, "must not be padded with whitespace")]),
		...(Buffer.byteLength(file) > maxProfilePathBytes ? [fieldTooLong(at, maxProfilePathBytes)] : []),
	];
}

const maxSysctlBytes = 253;
const sysctlSegment = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const sysctlPattern = `^(${sysctlSegment}[\\./])*${sysctlSegment}$`;

/** Kernel parameters: named once, and not those of a namespace that the Pod shares with its node. */
function validateSysctls(sysctls: readonly Sysctl[] | undefined, spec: PodSpec, path: string): FieldErrors {
	const seen = new Set<string>();
	return validateEach(sysctls, path, ({ name = "" }, at) => {
		const errors: FieldError[] = [];
		if (name === "") errors.push(fieldRequired(`${at}.name`));
		else if (Buffer.byteLength(name) > maxSysctlBytes || !new RegExp(sysctlPattern).test(name)) {
			errors.push(fieldInvalid(`${at}.name`, name, `must have at most ${maxSysctlBytes} characters and match regex ${sysctlPattern}`));
		} else if (seen.has(name)) errors.push(fieldDuplicate(`${at}.name`, name));
		seen.add(name);
		const namespace = sysctlNamespace(name);
		if (namespace === "net" && spec.hostNetwork === true) {
			errors.push(fieldInvalid(`${at}.name`, name, "may not be specified when 'hostNetwork' is true"));
		} else if (namespace === "ipc" && spec.hostIPC === true) {
			errors.push(fieldInvalid(`${at}.name`, name, "may not be specified when 'hostIPC' is true"));
		}
		return errors;
	});
}

/** The kernel's namespace that a parameter belongs to. Source: k8s.io/component-helpers/node/util/sysctl/namespace.go */
function sysctlNamespace(sysctl: string): "ipc" | "net" | undefined {
	const separator = /[./]/.exec(sysctl)?.[0];
	const name = separator === "/" ? sysctl.replace(/[./]/g, (character) => (character === "/" ? "." : "/")) : sysctl;
	if (name === "kernel.sem" || /^(kernel\.shm|kernel\.msg|fs\.mqueue\.)/.test(name)) return "ipc";
	return name.startsWith("net.") ? "net" : undefined;
}
