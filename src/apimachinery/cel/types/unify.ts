/**
 * Whether a value of one type may stand where another is wanted, and what the type parameters become by it.
 * Source: cel-spec, doc/langdef.md#type-checking; github.com/google/cel-go/checker/types.go.
 */
import { type CelType, dynType, isExactly, listType, mapType, opaqueType, typeType } from "./types.ts";

/** What type parameters stand for. Changes are undone by `restore` where a try fails. */
export class Substitution {
	#bound = new Map<string, CelType>();

	snapshot(): ReadonlyMap<string, CelType> {
		return new Map(this.#bound);
	}

	restore(snapshot: ReadonlyMap<string, CelType>): void {
		this.#bound = new Map(snapshot);
	}

	get isEmpty(): boolean {
		return this.#bound.size === 0;
	}

	find(type: CelType): CelType | undefined {
		return type.kind === "param" ? this.#bound.get(type.name) : undefined;
	}

	bind(name: string, type: CelType): void {
		this.#bound.set(name, type);
	}

	/** The type with its parameters replaced; those that are free by dyn, if `freeToDyn`. */
	apply(type: CelType, freeToDyn: boolean): CelType {
		const bound = this.find(type);
		if (bound !== undefined) return this.apply(bound, freeToDyn);
		switch (type.kind) {
			case "param":
				return freeToDyn ? dynType : type;
			case "list":
				return listType(this.apply(type.element, freeToDyn));
			case "map":
				return mapType(this.apply(type.key, freeToDyn), this.apply(type.value, freeToDyn));
			case "opaque":
				return type.parameters.length === 0
					? type
					: opaqueType(type.name, ...type.parameters.map((parameter) => this.apply(parameter, freeToDyn)));
			case "type":
				return type.of === undefined ? type : typeType(this.apply(type.of, freeToDyn));
			default:
				return type;
		}
	}
}

const isWild = (type: CelType): boolean => type.kind === "dyn" || type.kind === "error";

/** Tries the whole list; binds nothing unless all of it fits. */
export function areAssignable(subs: Substitution, from: readonly CelType[], to: readonly CelType[]): boolean {
	if (from.length !== to.length) return false;
	const before = subs.isEmpty ? undefined : subs.snapshot();
	if (from.every((type, index) => fits(subs, type, to[index] ?? type))) return true;
	subs.restore(before ?? new Map());
	return false;
}

export const isAssignable = (subs: Substitution, from: CelType, to: CelType): boolean => areAssignable(subs, [from], [to]);

function fits(subs: Substitution, from: CelType, to: CelType): boolean {
	if (to.kind === "param") {
		const tried = trySubstitution(subs, from, to);
		if (tried.fits) return true;
		if (tried.wasBound) return false;
	}
	if (from.kind === "param") return trySubstitution(subs, to, from).fits;
	if (isWild(from) || isWild(to)) return true;
	if (from.kind === "null") return to.kind === "null" || ["object", "opaque", "timestamp", "duration"].includes(to.kind);
	if (from.kind === "list") return to.kind === "list" && fits(subs, from.element, to.element);
	if (from.kind === "map") return to.kind === "map" && fits(subs, from.key, to.key) && fits(subs, from.value, to.value);
	if (from.kind === "object") return to.kind === "object" && from.name === to.name;
	// A type is a type: what it is the type of decides nothing.
	if (from.kind === "type") return to.kind === "type";
	if (from.kind === "opaque") {
		return (
			to.kind === "opaque" &&
			from.name === to.name &&
			from.parameters.length === to.parameters.length &&
			from.parameters.every((parameter, index) => fits(subs, parameter, to.parameters[index] ?? parameter))
		);
	}
	return from.kind === to.kind;
}

/** Whether `type` may be what the parameter stands for; binds it if so. */
function trySubstitution(
	subs: Substitution,
	type: CelType,
	param: CelType & { readonly kind: "param" },
): { readonly fits: boolean; readonly wasBound: boolean } {
	if (isExactly(type, param)) return { fits: true, wasBound: true };
	const bound = subs.find(param);
	if (bound === undefined) {
		const isFree = !occurs(subs, param.name, type);
		if (isFree) subs.bind(param.name, type);
		return { fits: isFree, wasBound: false };
	}
	if (isExactly(type, bound)) return { fits: true, wasBound: true };
	if (!fits(subs, type, bound)) return { fits: false, wasBound: true };
	const general = mostGeneral(type, bound);
	if (!occurs(subs, param.name, general)) subs.bind(param.name, general);
	return { fits: true, wasBound: true };
}

function occurs(subs: Substitution, name: string, type: CelType): boolean {
	switch (type.kind) {
		case "param": {
			if (type.name === name) return true;
			const bound = subs.find(type);
			return bound !== undefined && occurs(subs, name, bound);
		}
		case "list":
			return occurs(subs, name, type.element);
		case "map":
			return occurs(subs, name, type.key) || occurs(subs, name, type.value);
		case "opaque":
			return type.parameters.some((parameter) => occurs(subs, name, parameter));
		default:
			return false;
	}
}

/** Of two types that fit each other, the one that says less. */
export function mostGeneral(a: CelType, b: CelType): CelType {
	return saysLess(a, b) ? a : b;
}

function saysLess(a: CelType, b: CelType): boolean {
	if (a.kind === "dyn" || a.kind === "param") return true;
	if (b.kind === "dyn" || b.kind === "param" || a.kind !== b.kind) return false;
	if (a.kind === "list" && b.kind === "list") return saysLess(a.element, b.element);
	if (a.kind === "map" && b.kind === "map") return saysLess(a.key, b.key) && saysLess(a.value, b.value);
	if (a.kind === "opaque" && b.kind === "opaque") {
		return a.name === b.name && a.parameters.every((parameter, index) => saysLess(parameter, b.parameters[index] ?? dynType));
	}
	return a.kind === "type" || isExactly(a, b);
}
