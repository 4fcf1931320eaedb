/**
 * Which mutating webhooks are asked a second time: those with reinvocationPolicy IfNeeded that were asked before somebody
 * else, another webhook or a plugin in between, changed the object.
 * Source: k8s.io/apiserver/pkg/admission/plugin/webhook/mutating/reinvocationcontext.go
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { AdmissionAttributes } from "../admission.ts";

/** Of one request, through both passes. */
class ReinvocationState {
	/** Asked so far, and to be asked again if the object changes. */
	#asked = new Set<string>();
	readonly #again = new Set<string>();
	#lastOutput: KubeObject | undefined;

	/** The object as the second pass brings it: plugins may have changed it since the webhooks have seen it. */
	compare(object: KubeObject | undefined): void {
		if (!jsonEqual(object, this.#lastOutput)) this.changed();
	}

	/** The object has changed: whoever was asked before has not seen it so. */
	changed(): void {
		for (const key of this.#asked) this.#again.add(key);
		this.#asked = new Set();
	}

	asked(key: string): void {
		this.#asked.add(key);
	}

	mustAskAgain(key: string): boolean {
		return this.#again.has(key);
	}

	end(object: KubeObject | undefined): void {
		this.#lastOutput = object;
	}
}

export class Reinvocations {
	readonly #states = new WeakMap<AdmissionAttributes, ReinvocationState>();

	/** The state of a request at the beginning of a pass. */
	begin(attributes: AdmissionAttributes, object: KubeObject | undefined): ReinvocationState {
		const known = this.#states.get(attributes);
		if (known === undefined || !attributes.isReinvocation) {
			const made = new ReinvocationState();
			this.#states.set(attributes, made);
			return made;
		}
		known.compare(object);
		return known;
	}
}
