/**
 * A pod against a level of the Pod Security Standards, in one of its versions.
 * Source: k8s.io/pod-security-admission/policy/registry.go.
 */
import type { PodSpec } from "../../../apimachinery/schema/generated/types.ts";
import { baselineChecks } from "./baseline-checks.ts";
import type { Annotations, Check, CheckPod, Finding } from "./check.ts";
import type { LevelVersion, PolicyVersion } from "./policy.ts";
import { restrictedChecks } from "./restricted-checks.ts";

/** By level and version: the checks that apply. */
const applicable = new Map<string, readonly CheckPod[]>();

/** What is wrong with the pod; empty if nothing is. */
export function evaluatePod({ level, version }: LevelVersion, spec: PodSpec, annotations: Annotations = {}): readonly Finding[] {
	const findings: Finding[] = [];
	for (const check of knownChecks(level, version)) {
		const finding = check(spec, annotations);
		if (finding !== undefined) findings.push(finding);
	}
	return findings;
}

/** `privileged (container "c" must not …), host namespaces (hostPID=true)`. */
export function describeFindings(findings: readonly Finding[]): string {
	return findings.map(({ reason, detail }) => (detail === "" ? reason : `${reason} (${detail})`)).join(", ");
}

/** `privileged, host namespaces`: what pods with the same findings are told together by. */
export function describeReasons(findings: readonly Finding[]): string {
	return findings.map(({ reason }) => reason).join(", ");
}

function knownChecks(level: LevelVersion["level"], version: PolicyVersion): readonly CheckPod[] {
	// Versions that nobody has heard of are not remembered: labels could name thousands.
	const isKnown = version === Number.POSITIVE_INFINITY || version < 100;
	const key = `${level} ${version}`;
	const known = applicable.get(key);
	if (known !== undefined) return known;
	const checks = checksOf(level, version);
	if (isKnown) applicable.set(key, checks);
	return checks;
}

function checksOf(level: LevelVersion["level"], version: PolicyVersion): readonly CheckPod[] {
	if (level === "privileged") return [];
	if (level === "baseline") return baselineChecks.flatMap((check) => revisionOf(check, version) ?? []);
	const restricted = restrictedChecks.filter((check) => revisionOf(check, version) !== undefined);
	const overridden = new Set(restricted.map(({ overrides }) => overrides));
	const baseline = baselineChecks.filter(({ id }) => !overridden.has(id));
	return [...baseline, ...restricted].flatMap((check) => revisionOf(check, version) ?? []);
}

/** The check as it was in that version; undefined if it was not yet. */
function revisionOf({ versions }: Check, version: PolicyVersion): CheckPod | undefined {
	return versions.findLast(({ since }) => since <= version)?.check;
}
