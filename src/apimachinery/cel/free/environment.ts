/** Expressions over values that nothing is known of beforehand: their variables have names, and no types. */
import { type CompiledExpression, compileExpression, kubernetesEnvironment } from "../kubernetes.ts";
import { dynType } from "../types/types.ts";

/** @param variables the names that it may refer to */
export function compileFree(text: string, variables: readonly string[]): CompiledExpression | { readonly problem: string } {
	const types = Object.fromEntries(variables.map((name) => [name, dynType]));
	return compileExpression(text, kubernetesEnvironment.extend({ variables: types }));
}
