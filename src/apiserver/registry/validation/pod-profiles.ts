/**
 * Profiles of seccomp and AppArmor that stand both in an annotation and in a field: they must say the same. Source:
 * validateSeccompAnnotationsAndFields, validateAppArmorAnnotationsAndFieldsMatchOnCreate in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type { AppArmorProfile, PodSpec, SeccompProfile } from "../../../apimachinery/schema/generated/types.ts";
import { fieldForbidden } from "../../../apimachinery/validation/field-error.ts";
import { containersOf } from "./containers-of.ts";
import { type Annotations, APP_ARMOR_PREFIX, LOCALHOST_PREFIX, SECCOMP_CONTAINER_PREFIX, SECCOMP_POD } from "./pod-annotations.ts";
import { type FieldErrors, NO_ERRORS } from "./primitives.ts";

type Profile = SeccompProfile | AppArmorProfile;

/** `path` is the spec's. Of new Pods and of templates only. */
export const validateProfilesMatch = (annotations: Annotations, spec: PodSpec, path: string): FieldErrors => [
	...validateSeccompMatches(annotations, spec, path),
	...validateAppArmorMatches(annotations, spec, path),
];

function validateSeccompMatches(annotations: Annotations, spec: PodSpec, path: string): FieldErrors {
	const check = (key: string, profile: SeccompProfile | undefined, at: string) =>
		validateMatch(annotations[key], profile, {
			noun: "seccomp",
			path: `${at}.securityContext.seccompProfile`,
			runtimeDefaults: seccompDefaults,
		});
	return [
		...check(SECCOMP_POD, spec.securityContext?.seccompProfile, path),
		...containersOf(spec, path).flatMap(([{ name = "", securityContext }, at]) =>
			check(`${SECCOMP_CONTAINER_PREFIX}${name}`, securityContext?.seccompProfile, at),
		),
	];
}

const seccompDefaults = ["runtime/default", "docker/default"];

/** A container without a profile of its own has the Pod's. */
function validateAppArmorMatches(annotations: Annotations, spec: PodSpec, path: string): FieldErrors {
	if (spec.os?.name === "windows") return NO_ERRORS;
	return containersOf(spec, path).flatMap(([{ name = "", securityContext }, at]) => {
		const profile = securityContext?.appArmorProfile ?? spec.securityContext?.appArmorProfile;
		return validateMatch(annotations[`${APP_ARMOR_PREFIX}${name}`], profile, {
			noun: "apparmor",
			path: `${at}.securityContext.appArmorProfile`,
			runtimeDefaults: ["runtime/default"],
		});
	});
}

interface MatchRules {
	readonly noun: "seccomp" | "apparmor";
	readonly path: string;
	/** What an annotation may call the profile RuntimeDefault. */
	readonly runtimeDefaults: readonly string[];
}

function validateMatch(
	annotation: string | undefined,
	profile: Profile | undefined,
	{ noun, path, runtimeDefaults }: MatchRules,
): FieldErrors {
	if (annotation === undefined || profile === undefined) return NO_ERRORS;
	const typeDiffers = [fieldForbidden(`${path}.type`, `${noun} type in annotation and field must match`)];
	switch (profile.type) {
		case "Unconfined":
			return annotation === "unconfined" ? NO_ERRORS : typeDiffers;
		case "RuntimeDefault":
			return runtimeDefaults.includes(annotation) ? NO_ERRORS : typeDiffers;
		case "Localhost":
			if (!annotation.startsWith(LOCALHOST_PREFIX)) return typeDiffers;
			return annotation.slice(LOCALHOST_PREFIX.length) === profile.localhostProfile
				? NO_ERRORS
				: [fieldForbidden(`${path}.localhostProfile`, `${noun} profile in annotation and field must match`)];
		default:
			return NO_ERRORS;
	}
}
