/**
 * PodSecurity: pods keep to the level of the Pod Security Standards that their namespace's labels name. Workloads are warned of pods
 * that will be refused, and whoever raises a namespace's level of the pods in it that do not keep to it.
 * Source: k8s.io/pod-security-admission/admission/admission.go; https://kubernetes.io/docs/concepts/security/pod-security-admission/
 *
 * The checks are loaded for the first namespace that asks for more than privileged.
 */
import { formatGroupResource, type KubeObject } from "../../../apimachinery/meta.ts";
import type {
	CronJob,
	Deployment,
	Namespace,
	ObjectMeta,
	Pod,
	PodSpec,
	PodTemplate,
} from "../../../apimachinery/schema/generated/types.ts";
import { newInternalError, newInvalid } from "../../../apimachinery/status-error.ts";
import type { FieldError } from "../../../apimachinery/validation/field-error.ts";
import type { AdmissionAttributes, AdmissionPlugin, AdmissionScope } from "../admission.ts";
import { aggregate, forbidden } from "../forbidden.ts";
import {
	describeLabels,
	describeLevel,
	isPrivileged,
	type LevelVersion,
	labelPrefix,
	type Policy,
	policyOf,
	privilegedPolicy,
	sameLevel,
	strictness,
} from "./policy.ts";

/** What the plugin's configuration file says; source: k8s.io/pod-security-admission/admission/api. */
export interface PodSecurityOptions {
	/** Labels that a namespace has unless it says otherwise, without their prefix: `{ enforce: "baseline", "warn-version": "latest" }`. */
	readonly defaults?: Readonly<Record<string, string>>;
	readonly exemptions?: {
		readonly usernames?: readonly string[];
		readonly runtimeClasses?: readonly string[];
		readonly namespaces?: readonly string[];
	};
}

type Checks = typeof import("./evaluate.ts");

/** At most so many pods are looked at when a namespace's level rises. */
const maxPodsToCheck = 3000;

const templated: ReadonlySet<string> = new Set([
	"replicationcontrollers",
	"podtemplates",
	"replicasets.apps",
	"deployments.apps",
	"statefulsets.apps",
	"daemonsets.apps",
	"jobs.batch",
	"cronjobs.batch",
]);
/** Subresources that can't change what a pod is allowed to do. */
const harmless: ReadonlySet<string> = new Set(["exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status", "resize"]);

export function podSecurityAdmission({ defaults = {}, exemptions = {} }: PodSecurityOptions = {}): AdmissionPlugin {
	const labels = Object.fromEntries(Object.entries(defaults).map(([name, value]) => [labelPrefix + name, value]));
	const { policy, errors } = policyOf(labels, privilegedPolicy);
	if (errors.length > 0) throw new Error(`PodSecurity: ${describe(errors)}`);
	return new PodSecurity(policy, exemptions);
}

class PodSecurity implements AdmissionPlugin {
	readonly name = "PodSecurity";
	readonly #defaults: Policy;
	readonly #exemptions: NonNullable<PodSecurityOptions["exemptions"]>;
	/** Undefined: nobody has needed them yet. */
	#checks: Checks | undefined;

	constructor(defaults: Policy, exemptions: NonNullable<PodSecurityOptions["exemptions"]>) {
		this.#defaults = defaults;
		this.#exemptions = exemptions;
	}

	handles(scope: AdmissionScope): boolean {
		const { operation, subresource } = scope;
		if (operation !== "CREATE" && operation !== "UPDATE") return false;
		const resource = formatGroupResource(scope);
		if (resource === "pods") return !harmless.has(subresource);
		return subresource === "" && (resource === "namespaces" || templated.has(resource));
	}

	validate(object: KubeObject | undefined, attributes: AdmissionAttributes): void | Promise<void> {
		if (object === undefined) return undefined;
		if (attributes.resource === "namespaces") return this.#validateNamespace(object as Namespace, attributes);
		return this.#validatePods(object, attributes);
	}

	#isExempt(attributes: AdmissionAttributes): boolean {
		const { namespaces = [], usernames = [] } = this.#exemptions;
		const why = namespaces.includes(attributes.namespace) ? "namespace" : usernames.includes(attributes.user.name) ? "user" : undefined;
		if (why !== undefined) attributes.annotate(`${labelPrefix}exempt`, why);
		return why !== undefined;
	}

	#validatePods(object: KubeObject, attributes: AdmissionAttributes): void | Promise<void> {
		const isPod = attributes.resource === "pods";
		if (this.#isExempt(attributes)) return undefined;
		const namespace = attributes.lookup.find("", "namespaces", "", attributes.namespace);
		if (namespace === undefined) throw newInternalError(`failed to lookup namespace ${attributes.namespace}`);
		const { policy, errors } = policyOf(namespace.metadata?.labels, this.#defaults);
		if (errors.length === 0 && isPrivileged(isPod ? policy : { ...policy, enforce: policy.warn })) {
			if (isPod) attributes.annotate(`${labelPrefix}enforce-policy`, describeLevel(policy.enforce));
			return undefined;
		}
		const source = isPod ? (object as Pod) : templateOf(object, attributes.resource);
		if (source?.spec === undefined) return undefined;
		const { oldObject } = attributes;
		if (isPod && oldObject !== undefined && !isSignificant(object as Pod, oldObject as Pod)) return undefined;
		const { runtimeClassName = "" } = source.spec;
		if (runtimeClassName !== "" && this.#exemptions.runtimeClasses?.includes(runtimeClassName) === true) {
			attributes.annotate(`${labelPrefix}exempt`, "runtimeClass");
			return undefined;
		}
		if (errors.length > 0) attributes.annotate(`${labelPrefix}error`, `Failed to parse policy: ${describe(errors)}`);
		const { spec, metadata } = source;
		return this.#withChecks((checks) => judge(checks, policy, spec, metadata, attributes, { isEnforced: isPod }));
	}

	#withChecks(use: (checks: Checks) => void): void | Promise<void> {
		if (this.#checks !== undefined) return use(this.#checks);
		return import("./evaluate.ts").then((checks) => {
			this.#checks = checks;
			use(checks);
		});
	}

	#validateNamespace(namespace: Namespace, attributes: AdmissionAttributes): void | Promise<void> {
		const { policy, errors } = policyOf(namespace.metadata?.labels, this.#defaults);
		const { oldObject } = attributes;
		const old = oldObject === undefined ? undefined : policyOf(oldObject.metadata?.labels, this.#defaults);
		if (errors.length > 0 && (old === undefined || describe(errors) !== describe(old.errors))) {
			throw invalidLabels(namespace, errors);
		}
		const name = namespace.metadata?.name ?? "";
		const isChanged = old === undefined || !sameLevel(policy.enforce, old.policy.enforce);
		if (this.#exemptions.namespaces?.includes(name) === true) {
			const isNew = !isPrivileged(policy) && isChanged;
			if (isNew) {
				const told = describeLabels(policy, namespace.metadata?.labels);
				if (told !== "") attributes.warn(`namespace "${name}" is exempt from Pod Security, and the policy (${told}) will be ignored`);
			}
			return undefined;
		}
		if (old === undefined || !isChanged || policy.enforce.level === "privileged") return undefined;
		const { enforce } = old.policy;
		if (policy.enforce.version === enforce.version && strictness(policy.enforce.level) <= strictness(enforce.level)) return undefined;
		return this.#withChecks((checks) => this.#warnOfPods(checks, name, policy.enforce, attributes));
	}

	#warnOfPods({ evaluatePod, describeReasons }: Checks, namespace: string, level: LevelVersion, attributes: AdmissionAttributes): void {
		const pods: readonly Pod[] = attributes.lookup.list("", "pods", namespace);
		/** Names of the pods, by what is wrong with them. */
		const bad = new Map<string, string[]>();
		for (const { metadata, spec } of pods.slice(0, maxPodsToCheck)) {
			const isExempt = this.#exemptions.runtimeClasses?.includes(spec?.runtimeClassName ?? "") === true;
			const findings = spec === undefined || isExempt ? [] : evaluatePod(level, spec, metadata?.annotations);
			if (findings.length === 0) continue;
			const reasons = describeReasons(findings);
			bad.set(reasons, [...(bad.get(reasons) ?? []), metadata?.name ?? ""]);
		}
		if (pods.length > maxPodsToCheck) {
			attributes.warn(`new PodSecurity enforce level only checked against the first ${maxPodsToCheck} of ${pods.length} existing pods`);
		}
		if (bad.size > 0) {
			attributes.warn(`existing pods in namespace "${namespace}" violate the new PodSecurity enforce level "${describeLevel(level)}"`);
		}
		for (const warning of [...bad].map(([reasons, names]) => `${describePods(names)}: ${reasons}`).sort()) attributes.warn(warning);
	}
}

/** Refuses, annotates and warns, as the policy says. Throws Forbidden. */
function judge(
	{ evaluatePod, describeFindings }: Checks,
	policy: Policy,
	spec: PodSpec,
	metadata: ObjectMeta | undefined,
	attributes: AdmissionAttributes,
	{ isEnforced }: { readonly isEnforced: boolean },
): void {
	const violation = (level: LevelVersion): string | undefined => {
		const findings = evaluatePod(level, spec, metadata?.annotations);
		return findings.length === 0 ? undefined : `PodSecurity "${describeLevel(level)}": ${describeFindings(findings)}`;
	};
	const enforced = isEnforced ? violation(policy.enforce) : undefined;
	if (isEnforced) attributes.annotate(`${labelPrefix}enforce-policy`, describeLevel(policy.enforce));
	const other = (level: LevelVersion) => (isEnforced && sameLevel(level, policy.enforce) ? enforced : violation(level));
	const audited = other(policy.audit);
	if (audited !== undefined) attributes.annotate(`${labelPrefix}audit-violations`, `would violate ${audited}`);
	if (enforced !== undefined) throw forbidden(attributes, `violates ${enforced}`);
	const warned = sameLevel(policy.warn, policy.audit) ? audited : other(policy.warn);
	if (warned !== undefined) attributes.warn(`would violate ${warned}`);
}

function describe(errors: readonly FieldError[]): string {
	return aggregate(errors.map((error) => error.toString()));
}

function invalidLabels({ metadata }: Namespace, errors: readonly FieldError[]) {
	return newInvalid({ group: "", kind: "Namespace" }, metadata?.name ?? "", errors);
}

/** `a`, `a (and 1 other pod)`, `a (and 2 other pods)`: the first one by name stands for all. */
function describePods(names: readonly string[]): string {
	const [first = "", ...others] = [...names].sort();
	if (others.length === 0) return first;
	return `${first} (and ${others.length} other ${others.length === 1 ? "pod" : "pods"})`;
}

/** The pods that a workload will make. */
function templateOf(object: KubeObject, resource: string): Pick<Pod, "metadata" | "spec"> | undefined {
	if (resource === "podtemplates") return (object as PodTemplate).template;
	if (resource === "cronjobs") return (object as CronJob).spec?.jobTemplate.spec?.template;
	return (object as Deployment).spec?.template;
}

/** Whether an update of a pod changes something that checks look at. All else in its spec stays as it was created. */
function isSignificant(pod: Pod, old: Pod): boolean {
	const key = "seccomp.security.alpha.kubernetes.io/pod";
	if (pod.metadata?.annotations?.[key] !== old.metadata?.annotations?.[key]) return true;
	const images = ({ spec, metadata }: Pod) =>
		JSON.stringify(
			[spec?.containers ?? [], spec?.initContainers ?? [], spec?.ephemeralContainers ?? []].map((containers) =>
				containers.map(({ name, image }) => [
					name,
					image,
					metadata?.annotations?.[`container.seccomp.security.alpha.kubernetes.io/${name}`],
				]),
			),
		);
	return images(pod) !== images(old);
}
