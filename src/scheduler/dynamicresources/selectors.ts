/**
 * Compiled selectors of devices. The expression language is loaded when the first selector comes; until then whoever needs it waits
 * for `loading`.
 */
import type { CompiledSelector } from "../../apimachinery/cel/index.ts";
import type { DeviceClass, DeviceSelector, ResourceResourceClaim } from "../../apimachinery/schema/generated/types.ts";

type Language = typeof import("../../apimachinery/cel/index.ts");
type Compiled = CompiledSelector | { readonly problem: string };

/** So many expressions are kept compiled; clusters have a handful of different ones. */
const maxCompiled = 200;

export class DeviceSelectors {
	#language: Language | undefined;
	#loading: Promise<void> | undefined;
	#isLoading = false;
	readonly #compiled = new Map<string, Compiled>();

	/** While the language is being loaded: resolves when it is there. Never rejects: what could not be loaded fails where it is used. */
	get loading(): Promise<void> | undefined {
		return this.#isLoading ? this.#loading : undefined;
	}

	/** Sees to it that the language is loaded. */
	load(): Promise<void> {
		if (this.#loading === undefined) {
			this.#isLoading = true;
			this.#loading = import("../../apimachinery/cel/index.ts").then(
				(language) => this.#loaded(language),
				() => this.#loaded(undefined),
			);
		}
		return this.#loading;
	}

	#loaded(language: Language | undefined): void {
		this.#language = language;
		this.#isLoading = false;
	}

	/** Loads the language if these have an expression. */
	expect(object: DeviceClass | ResourceResourceClaim): void {
		if (this.#loading === undefined && hasSelectors(object)) void this.load();
	}

	compile({ cel }: DeviceSelector): Compiled {
		const expression = cel?.expression ?? "";
		let compiled = this.#compiled.get(expression);
		if (compiled === undefined) {
			if (this.#language === undefined) throw new Error("the expression language has not been loaded");
			compiled = this.#language.compileDeviceSelector(expression);
			const [oldest] = this.#compiled.keys();
			if (this.#compiled.size >= maxCompiled && oldest !== undefined) this.#compiled.delete(oldest);
			this.#compiled.set(expression, compiled);
		}
		return compiled;
	}
}

function hasSelectors({ spec }: DeviceClass | ResourceResourceClaim): boolean {
	if ("selectors" in spec && (spec.selectors?.length ?? 0) > 0) return true;
	const requests = "devices" in spec ? (spec.devices?.requests ?? []) : [];
	return requests.some(({ exactly, firstAvailable = [] }) =>
		[...(exactly === undefined ? [] : [exactly]), ...firstAvailable].some(({ selectors = [] }) => selectors.length > 0),
	);
}
