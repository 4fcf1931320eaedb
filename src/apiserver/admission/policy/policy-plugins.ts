/**
 * ValidatingAdmissionPolicy and MutatingAdmissionPolicy: policies in CEL, as admission plugins. A cluster without policies
 * pays a look into an empty list; what evaluates them is loaded when the first one is there.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
 */
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import { isGuarded } from "./match.ts";
import type { MutatingPolicies } from "./mutating.ts";
import type { PolicySources, ValidatingPolicies } from "./validating.ts";

const group = "admissionregistration.k8s.io";

/** The plugins of one server. */
export function createPolicyPlugins(sources: PolicySources): readonly AdmissionPlugin[] {
	return [new MutatingPolicyPlugin(sources), new ValidatingPolicyPlugin(sources)];
}

class MutatingPolicyPlugin implements AdmissionPlugin {
	readonly name = "MutatingAdmissionPolicy";
	readonly #sources: PolicySources;
	#policies: MutatingPolicies | undefined;

	constructor(sources: PolicySources) {
		this.#sources = sources;
	}

	handles = isGuarded;

	mutate(object: KubeObject, attributes: AdmissionAttributes): KubeObject | Promise<KubeObject> {
		if (attributes.lookup.list(group, "mutatingadmissionpolicybindings").length === 0) return object;
		if (this.#policies !== undefined) return this.#policies.mutate(object, attributes);
		return this.#load().then((policies) => policies.mutate(object, attributes));
	}

	async #load(): Promise<MutatingPolicies> {
		const { MutatingPolicies } = await import("./mutating.ts");
		this.#policies ??= new MutatingPolicies(this.#sources);
		return this.#policies;
	}
}

class ValidatingPolicyPlugin implements AdmissionPlugin {
	readonly name = "ValidatingAdmissionPolicy";
	readonly #sources: PolicySources;
	#policies: ValidatingPolicies | undefined;

	constructor(sources: PolicySources) {
		this.#sources = sources;
	}

	handles = isGuarded;

	validate(object: KubeObject | undefined, attributes: AdmissionAttributes): void | Promise<void> {
		if (attributes.lookup.list(group, "validatingadmissionpolicybindings").length === 0) return undefined;
		if (this.#policies !== undefined) return this.#policies.validate(object, attributes);
		return this.#load().then((policies) => policies.validate(object, attributes));
	}

	async #load(): Promise<ValidatingPolicies> {
		const { ValidatingPolicies } = await import("./validating.ts");
		this.#policies ??= new ValidatingPolicies(this.#sources);
		return this.#policies;
	}
}
