/**
 * A pod against a level of the Pod Security Standards, in one of its versions.
 * Source: k8s.io/pod-security-admission/policy/registry.go.
 */
import type { PodSpec } from "../../../apimachinery/schema/generated/types.ts";
import { baselineChecks } from "./baseline-checks.ts";
import type { Annotations, Check, CheckPod, Finding } from "./check.ts";
import type { LevelVersion, PolicyVersion } from "./policy.ts";
import { restrictedChecks } from "./restricted-checks.ts";

/** What is wrong with the pod; empty if nothing is. */
export function evaluatePod({ level, version }: LevelVersion, spec: PodSpec, annotations: Annotations = {}): readonly Finding[] {
	return checksOf(level, version).flatMap((check) => check(spec, annotations) ?? []);
}

/** `privileged (container "c" must not …), host namespaces (hostPID=true)`. */
export function describeFindings(findings: readonly Finding[]): string {
	return findings.map(({ reason, detail }) => (detail === "" ? reason : `${reason} (${detail})`)).join(", ");
}

/** `privileged, host namespaces`: what pods with the same findings are told together by. */
export function describeReasons(findings: readonly Finding[]): string {
	return findings.map(({ reason }) => reason).join(", ");
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
