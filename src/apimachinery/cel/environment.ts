/** What an expression may refer to: variables with types, functions, names of types. Immutable; `extend` makes another. */
import type { FunctionDeclaration, Library, Overload } from "./library/function.ts";
import type { CelType } from "./types/types.ts";

export interface Declarations {
	readonly variables?: Readonly<Record<string, CelType>>;
	readonly libraries?: readonly Library[];
	/** Expressions may name values with `cel.bind`. */
	readonly hasBindings?: boolean;
	/** Message types that expressions may build, by name: for names that are not in a library. */
	resolveType?(name: string): CelType | undefined;
}

export class Environment {
	readonly #variables: ReadonlyMap<string, CelType>;
	readonly #functions: ReadonlyMap<string, readonly Overload[]>;
	readonly #types: ReadonlyMap<string, CelType>;
	readonly #resolveType: (name: string) => CelType | undefined;
	readonly hasBindings: boolean;

	private constructor(
		variables: ReadonlyMap<string, CelType>,
		functions: ReadonlyMap<string, readonly Overload[]>,
		types: ReadonlyMap<string, CelType>,
		resolveType: (name: string) => CelType | undefined,
		hasBindings: boolean,
	) {
		this.#variables = variables;
		this.#functions = functions;
		this.#types = types;
		this.#resolveType = resolveType;
		this.hasBindings = hasBindings;
	}

	static of(declarations: Declarations): Environment {
		return new Environment(new Map(), new Map(), new Map(), () => undefined, false).extend(declarations);
	}

	extend({ variables = {}, libraries = [], resolveType, hasBindings = this.hasBindings }: Declarations): Environment {
		const functions = new Map(this.#functions);
		const types = new Map(this.#types);
		for (const library of libraries) {
			for (const declaration of library.functions) addFunction(functions, declaration);
			for (const [name, type] of library.typeNames ?? []) types.set(name, type);
		}
		const allVariables =
			Object.keys(variables).length === 0 ? this.#variables : new Map([...this.#variables, ...Object.entries(variables)]);
		const resolve = resolveType === undefined ? this.#resolveType : (name: string) => resolveType(name) ?? this.#resolveType(name);
		return new Environment(allVariables, libraries.length === 0 ? this.#functions : functions, types, resolve, hasBindings);
	}

	variable(name: string): CelType | undefined {
		return this.#variables.get(name);
	}

	/** Names of the variables, in the order of their slots. */
	variableNames(): readonly string[] {
		return [...this.#variables.keys()];
	}

	overloads(name: string): readonly Overload[] | undefined {
		return this.#functions.get(name);
	}

	type(name: string): CelType | undefined {
		return this.#types.get(name) ?? this.#resolveType(name);
	}
}

/** Libraries may add overloads to a function of another. */
function addFunction(functions: Map<string, readonly Overload[]>, { name, overloads, run }: FunctionDeclaration): void {
	const own = run === undefined ? overloads : overloads.map((each) => (each.run === undefined ? { ...each, run } : each));
	functions.set(name, [...(functions.get(name) ?? []), ...own]);
}
