/**
 * Admission: what the cluster as a whole has to say about a write, after the kind's own defaults and before validation.
 *
 *   object ─▶ mutate, plugin by plugin ─▶ prepare, allocate, validate ─▶ validate, plugin by plugin ─▶ store
 *
 * A plugin may wait (a webhook does) or not; a chain none of whose plugins waits makes no promise. Which plugins care for an
 * endpoint is asked once an endpoint, not once a request.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
 */
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import type { GroupVersionKind, KubeObject } from "../../apimachinery/meta.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { JoinedWrite } from "../storage/object-storage.ts";

/** What plugins may look at besides the object: the current state of other objects, from the watch cache. */
export interface AdmissionLookup {
	/** An object in its storage version; undefined if there is none. Namespace "" for cluster-scoped kinds. */
	find(group: string, resource: string, namespace: string, name: string): KubeObject | undefined;
	list(group: string, resource: string, namespace?: string): readonly KubeObject[];
}

/** A patch is an UPDATE; exec, attach, portforward and proxy are CONNECTs. */
export type AdmissionOperation = "CREATE" | "UPDATE" | "DELETE" | "CONNECT";

/** What is done to which endpoint: enough to know which plugins care. */
export interface AdmissionScope {
	readonly operation: AdmissionOperation;
	readonly group: string;
	readonly resource: string;
	/** "" for the object itself. */
	readonly subresource: string;
}

export interface AdmissionAttributes extends AdmissionScope {
	/** Of the resource as the request names it. */
	readonly version: string;
	/** Of the object: of pods/binding Binding, of deployments/scale Scale, of pods/exec PodExecOptions. */
	readonly kind: GroupVersionKind;
	/** "" for cluster-scoped kinds. */
	readonly namespace: string;
	readonly name: string;
	readonly user: UserInfo;
	/** What an UPDATE changes and a DELETE removes, in its storage version; else undefined. */
	readonly oldObject: KubeObject | undefined;
	/** True: nothing is stored, and plugins leave no trace either. */
	readonly dryRun: boolean;
	/** With its options, those of a deletion too. */
	readonly request: ApiRequest;
	/** Cluster time at which the request came in, Unix ms. */
	readonly nowMs: number;
	readonly lookup: AdmissionLookup;
	readonly random: Random;
	/** Whether the mutating plugins run for the second time, because one of them has asked for it. */
	readonly isReinvocation: boolean;
	/** Has the mutating plugins run once more when all have run: the object has changed under those that ran before. */
	askForReinvocation(): void;
	/** Begins the second run if one was asked for, and says whether it was. The chain's to call. */
	beginReinvocation(): boolean;
	/** Adds a `Warning` header to the answer. */
	warn(text: string): void;
	/** Adds an annotation to the request's audit event; keys are `<plugin's domain>/<what>`. */
	annotate(key: string, value: string): void;
	/** Has something else written in the same transaction as the object, or neither of them. For `validate` alone. */
	join(write: JoinedWrite): void;
}

/** One admission plugin. Both hooks throw a `StatusError`, or reject with one, to refuse. */
export interface AdmissionPlugin {
	/** Kubernetes' name of it: `NamespaceLifecycle`. */
	readonly name: string;
	/** Whether it wants to see such requests; the others pass it by without a call. The same answer for the same scope, always. */
	handles(scope: AdmissionScope): boolean;
	/** Changes the object of a CREATE or UPDATE, or the options of a CONNECT. */
	mutate?(object: KubeObject, attributes: AdmissionAttributes): KubeObject | Promise<KubeObject>;
	/** Has the last word, after validation. `object` is undefined for a DELETE. */
	validate?(object: KubeObject | undefined, attributes: AdmissionAttributes): void | Promise<void>;
}

type Mutator = Required<Pick<AdmissionPlugin, "mutate">>;
type Validator = Required<Pick<AdmissionPlugin, "validate">>;

/** Those that care for one scope. */
interface Steps {
	readonly scope: AdmissionScope;
	readonly mutators: readonly Mutator[];
	readonly validators: readonly Validator[];
}

/** The plugins in the order in which they run. */
export class AdmissionChain {
	readonly #plugins: readonly AdmissionPlugin[];
	/** By resource, of which each has few. A key of all that a scope says would be a text made anew for each request. */
	readonly #steps = new Map<string, Steps[]>();

	constructor(plugins: readonly AdmissionPlugin[]) {
		this.#plugins = plugins;
	}

	/** Names, in the order in which they run. */
	get names(): readonly string[] {
		return this.#plugins.map(({ name }) => name);
	}

	mutate(object: KubeObject, attributes: AdmissionAttributes): KubeObject | Promise<KubeObject> {
		const { mutators } = this.#stepsFor(attributes);
		return andThen(mutateFrom(mutators, 0, object, attributes), (mutated) =>
			attributes.beginReinvocation() ? mutateFrom(mutators, 0, mutated, attributes) : mutated,
		);
	}

	validate(object: KubeObject | undefined, attributes: AdmissionAttributes): void | Promise<void> {
		return validateFrom(this.#stepsFor(attributes).validators, 0, object, attributes);
	}

	#stepsFor(scope: AdmissionScope): Steps {
		const { operation, group, resource, subresource } = scope;
		const ofResource = this.#steps.get(resource) ?? [];
		const known = ofResource.find((steps) => isSame(steps.scope, scope));
		if (known !== undefined) return known;
		const caring = this.#plugins.filter((plugin) => plugin.handles(scope));
		const steps: Steps = {
			scope: { operation, group, resource, subresource },
			// A deletion changes nothing: there is no object to change.
			mutators: operation === "DELETE" ? [] : caring.filter((plugin): plugin is AdmissionPlugin & Mutator => plugin.mutate !== undefined),
			validators: caring.filter((plugin): plugin is AdmissionPlugin & Validator => plugin.validate !== undefined),
		};
		this.#steps.set(resource, [...ofResource, steps]);
		return steps;
	}
}

/** Of two scopes whose resources have one name. */
function isSame(a: AdmissionScope, b: AdmissionScope): boolean {
	return a.operation === b.operation && a.subresource === b.subresource && a.group === b.group;
}

function mutateFrom(
	mutators: readonly Mutator[],
	first: number,
	object: KubeObject,
	attributes: AdmissionAttributes,
): KubeObject | Promise<KubeObject> {
	let current = object;
	for (let index = first; index < mutators.length; index++) {
		const result = mutators[index]?.mutate(current, attributes) ?? current;
		if (result instanceof Promise) return result.then((next) => mutateFrom(mutators, index + 1, next, attributes));
		current = result;
	}
	return current;
}

function validateFrom(
	validators: readonly Validator[],
	first: number,
	object: KubeObject | undefined,
	attributes: AdmissionAttributes,
): void | Promise<void> {
	for (let index = first; index < validators.length; index++) {
		const result = validators[index]?.validate(object, attributes);
		if (result instanceof Promise) return result.then(() => validateFrom(validators, index + 1, object, attributes));
	}
}

/** Goes on with a result at once if it is there, and when it comes if it is not: no promise where none is needed. */
export function andThen<T, U>(result: T | Promise<T>, next: (value: T) => U | Promise<U>): U | Promise<U> {
	return result instanceof Promise ? result.then(next) : next(result);
}
