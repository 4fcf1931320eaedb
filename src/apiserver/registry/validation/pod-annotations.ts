/**
 * Annotations of Pods that mean something: mirror Pods, tolerations and profiles of times before they were fields, the
 * cost of a deletion. Source: ValidatePodSpecificAnnotations, ValidatePodSpecificAnnotationUpdates in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type { PodSpec, Toleration } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldForbidden, fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { containersOf } from "./containers-of.ts";
import { validateDescendingPath } from "./file-paths.ts";
import { type FieldErrors, NO_ERRORS } from "./primitives.ts";
import { validateTolerations } from "./scheduling.ts";

export type Annotations = Readonly<Record<string, string>>;

const MIRROR = "kubernetes.io/config.mirror";
const TOLERATIONS = "scheduler.alpha.kubernetes.io/tolerations";
const DELETION_COST = "controller.kubernetes.io/pod-deletion-cost";
export const SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod";
export const SECCOMP_CONTAINER_PREFIX = "container.seccomp.security.alpha.kubernetes.io/";
export const APP_ARMOR_PREFIX = "container.apparmor.security.beta.kubernetes.io/";
/** Before the path of a profile on the node, in both kinds of annotations. */
export const LOCALHOST_PREFIX = "localhost/";

/** `path` is that of the annotations. */
export function validatePodAnnotations(annotations: Annotations, spec: PodSpec, path: string): FieldErrors {
	const mirror = annotations[MIRROR];
	const cost = annotations[DELETION_COST];
	return [
		...(mirror !== undefined && (spec.nodeName ?? "") === ""
			? [fieldInvalid(`${path}[${MIRROR}]`, mirror, "must set spec.nodeName if mirror pod annotation is set")]
			: NO_ERRORS),
		...validateTolerationsAnnotation(annotations[TOLERATIONS] ?? "", path),
		...(cost === undefined || isInt32(cost) ? NO_ERRORS : [fieldInvalid(`${path}[${DELETION_COST}]`, cost, "must be a 32bit integer")]),
		...validateSeccomp(annotations, path),
		...validateAppArmor(annotations, spec, path),
	];
}

function validateTolerationsAnnotation(text: string, path: string): FieldErrors {
	if (text === "") return NO_ERRORS;
	const tolerations = parseTolerations(text);
	if (tolerations === undefined) return [fieldInvalid(path, TOLERATIONS, "must be a JSON list of tolerations")];
	return validateTolerations(tolerations, `${path}.${TOLERATIONS}`);
}

/** Undefined for what is no list of objects. */
function parseTolerations(text: string): readonly Toleration[] | undefined {
	try {
		const parsed: unknown = JSON.parse(text);
		if (parsed === null) return [];
		const isList = Array.isArray(parsed) && parsed.every((item) => typeof item === "object" && item !== null && !Array.isArray(item));
		if (!isList || !(parsed as readonly object[]).every(hasTolerationTypes)) return undefined;
		return parsed as readonly Toleration[];
	} catch (error) {
		if (error instanceof SyntaxError) return undefined;
		throw error;
	}
}

const hasTolerationTypes = (item: object): boolean =>
	Object.entries(item).every(([field, value]) => typeof value === (field === "tolerationSeconds" ? "number" : "string"));

/** Signs and zeros before the number are not allowed, except for a minus. */
function isInt32(text: string): boolean {
	if (!/^(0|-?[0-9]+)$/.test(text) || /^0./.test(text)) return false;
	const value = Number(text);
	return value >= -(2 ** 31) && value < 2 ** 31;
}

const seccompProfiles: ReadonlySet<string> = new Set(["runtime/default", "docker/default", "unconfined"]);

function validateSeccomp(annotations: Annotations, path: string): FieldErrors {
	const keys = Object.keys(annotations).filter((key) => key === SECCOMP_POD || key.startsWith(SECCOMP_CONTAINER_PREFIX));
	return keys.flatMap((key) => {
		const profile = annotations[key] ?? "";
		const at = `${path}.${key}`;
		if (seccompProfiles.has(profile)) return NO_ERRORS;
		if (profile.startsWith(LOCALHOST_PREFIX)) return validateDescendingPath(profile.slice(LOCALHOST_PREFIX.length), at);
		return [fieldInvalid(at, profile, "must be a valid seccomp profile")];
	});
}

const appArmorProfiles: ReadonlySet<string> = new Set(["", "runtime/default", "unconfined"]);

function validateAppArmor(annotations: Annotations, spec: PodSpec, path: string): FieldErrors {
	const names = new Set(containersOf(spec, "").map(([{ name = "" }]) => name));
	return Object.entries(annotations).flatMap(([key, profile]) => {
		if (!key.startsWith(APP_ARMOR_PREFIX)) return NO_ERRORS;
		const at = `${path}[${key}]`;
		const container = key.slice(APP_ARMOR_PREFIX.length);
		const isProfile = appArmorProfiles.has(profile) || profile.startsWith(LOCALHOST_PREFIX);
		return [
			...(names.has(container) ? [] : [fieldInvalid(at, container, "container not found")]),
			...(isProfile ? [] : [fieldInvalid(at, profile, `invalid AppArmor profile name: ${JSON.stringify(profile)}`)]),
		];
	});
}

/** What an update may not do to them, and then whatever is wrong with them. */
export function validatePodAnnotationUpdates(next: Annotations, old: Annotations, spec: PodSpec, path: string): FieldErrors {
	const errors: FieldError[] = [];
	for (const [key, value] of Object.entries(old)) {
		if (next[key] !== value) errors.push(...forbiddenChange(key, "remove or update", path));
	}
	for (const key of Object.keys(next)) {
		if (old[key] === undefined) errors.push(...forbiddenChange(key, "add", path));
	}
	return [...errors, ...validatePodAnnotations(next, spec, path)];
}

function forbiddenChange(key: string, change: string, path: string): FieldErrors {
	if (key.startsWith(APP_ARMOR_PREFIX)) return [fieldForbidden(`${path}[${key}]`, `may not ${change} AppArmor annotations`)];
	return key === MIRROR ? [fieldForbidden(`${path}[${key}]`, `may not ${change} mirror pod annotation`)] : NO_ERRORS;
}
