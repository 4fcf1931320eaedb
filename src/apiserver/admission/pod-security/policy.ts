/**
 * What a namespace's labels say of the pods in it: a level and a version for each of enforce, audit and warn.
 * Source: k8s.io/pod-security-admission/api/helpers.go;
 * https://kubernetes.io/docs/concepts/security/pod-security-admission/#pod-security-admission-labels-for-namespaces
 */
import { type FieldError, fieldInvalid } from "../../../apimachinery/validation/field-error.ts";

export type Level = "privileged" | "baseline" | "restricted";

/** Minor version of Kubernetes whose rules apply: 34 is v1.34, infinity is latest. */
export type PolicyVersion = number;

export interface LevelVersion {
	readonly level: Level;
	readonly version: PolicyVersion;
}

export type Mode = "enforce" | "audit" | "warn";
export type Policy = Readonly<Record<Mode, LevelVersion>>;

type Labels = Readonly<Record<string, string>>;

/** Of what a cluster starts with: nothing is asked of anybody. */
export const privilegedPolicy: Policy = {
	enforce: { level: "privileged", version: Number.POSITIVE_INFINITY },
	audit: { level: "privileged", version: Number.POSITIVE_INFINITY },
	warn: { level: "privileged", version: Number.POSITIVE_INFINITY },
};

export const labelPrefix = "pod-security.kubernetes.io/";
const levels: readonly string[] = ["privileged", "baseline", "restricted"];
const modes: readonly Mode[] = ["enforce", "audit", "warn"];
const versionPattern = /^v1\.(\d|[1-9]\d*)$/;

/** A level's rank: what is stricter has the higher one. */
export const strictness = (level: Level): number => levels.indexOf(level);

/** `restricted:latest`, `baseline:v1.25`. */
export function describeLevel({ level, version }: LevelVersion): string {
	return `${level}:${version === Number.POSITIVE_INFINITY ? "latest" : `v1.${version}`}`;
}

export function sameLevel(a: LevelVersion, b: LevelVersion): boolean {
	return a.level === b.level && a.version === b.version;
}

/** Whether nothing is asked of anybody. */
export function isPrivileged(policy: Policy): boolean {
	return modes.every((mode) => policy[mode].level === "privileged");
}

/** There is a policy even if labels are wrong: the strictest one is enforced then, and nothing warned of or audited. */
export function policyOf(
	labels: Labels | undefined,
	defaults: Policy,
): { readonly policy: Policy; readonly errors: readonly FieldError[] } {
	if (labels === undefined || !modes.some((mode) => labels[labelPrefix + mode] !== undefined || labels[versionLabel(mode)] !== undefined)) {
		return { policy: defaults, errors: [] };
	}
	const errors: FieldError[] = [];
	const refuse = (label: string, value: string, why: string) => errors.push(fieldInvalid(`metadata.labels[${label}]`, value, why));
	const read = (mode: Mode): LevelVersion => {
		let { level, version } = defaults[mode];
		const levelText = labels[labelPrefix + mode];
		if (levelText !== undefined) {
			if (levels.includes(levelText)) level = levelText as Level;
			else {
				level = mode === "enforce" ? "restricted" : "privileged";
				refuse(labelPrefix + mode, levelText, `must be one of ${levels.join(", ")}`);
			}
		}
		const versionText = labels[versionLabel(mode)];
		if (versionText !== undefined) {
			const minor = versionPattern.exec(versionText)?.[1];
			version = minor === undefined ? Number.POSITIVE_INFINITY : Number(minor);
			if (minor === undefined && versionText !== "latest") refuse(versionLabel(mode), versionText, 'must be "latest" or "v1.x"');
		}
		return { level, version };
	};
	return { policy: { enforce: read("enforce"), audit: read("audit"), warn: read("warn") }, errors };
}

/** The levels that labels name, for a text: `enforce=baseline:latest, warn=restricted:v1.34`. */
export function describeLabels(policy: Policy, labels: Labels = {}): string {
	return modes
		.filter((mode) => policy[mode].level !== "privileged")
		.filter((mode) => labels[labelPrefix + mode] !== undefined || labels[versionLabel(mode)] !== undefined)
		.map((mode) => `${mode}=${describeLevel(policy[mode])}`)
		.join(", ");
}

function versionLabel(mode: Mode): string {
	return `${labelPrefix}${mode}-version`;
}
