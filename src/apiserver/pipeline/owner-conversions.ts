/**
 * Objects of a request in the versions that owners of their fields wrote in, where somebody else converts: he is asked for what is not
 * known yet, and the request is computed again.
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import { NotPreparedError, type ObjectStorage } from "../storage/object-storage.ts";

/** An object could not be converted, for the reason in `cause`. */
export class OwnerConversionError extends Error {
	override readonly name = "OwnerConversionError";
}

export class OwnerConversions {
	/** Equal objects are one object, so that the next computation finds what was asked for this one. By their JSON. */
	readonly #objects = new Map<string, KubeObject>();
	/** Why some could not be converted, by what shows them, and their JSON. */
	readonly #failures = new Map<ObjectStorage, Map<string, unknown>>();

	/** @param target shows objects in the version that is wanted. Throws NotPreparedError, and OwnerConversionError */
	convert(object: object, target: ObjectStorage): KubeObject {
		const text = JSON.stringify(object);
		const failures = this.#failures.get(target) ?? new Map<string, unknown>();
		if (failures.has(text)) throw new OwnerConversionError("no other version of an object", { cause: failures.get(text) });
		this.#failures.set(target, failures);
		const same = this.#objects.get(text) ?? object;
		this.#objects.set(text, same);
		const preparing = target.prepare([same]);
		if (preparing === undefined) return target.shown(same);
		throw new NotPreparedError(preparing.catch((error: unknown) => void failures.set(text, error)));
	}
}
