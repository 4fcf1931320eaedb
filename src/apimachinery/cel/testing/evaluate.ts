/** For tests: evaluates an expression and writes what comes out as one text. */

import type { JsonValue } from "../../json.ts";
import { compileExpression, kubernetesEnvironment } from "../kubernetes.ts";
import { dynType } from "../types/types.ts";
import { jsonToCel } from "../values/json-values.ts";
import { durationText, timestampText } from "../values/time-values.ts";
import {
	CelDuration,
	CelList,
	CelMap,
	CelOptional,
	CelTimestamp,
	CelTypeValue,
	CelUint,
	type CelValue,
	toArray,
	typeNameOf,
} from "../values/values.ts";

export interface Evaluated {
	/** The value as CEL writes it: `2u`, `"a"`, `[1, 2]`; `error: …` for one at run time, `invalid: …` for one of the compiler. */
	readonly text: string;
	readonly cost: number;
}

/** Variables have the type dyn. */
export function evaluate(expression: string, variables: Readonly<Record<string, JsonValue>> = {}, limit = 1_000_000): Evaluated {
	const types = Object.fromEntries(Object.keys(variables).map((name) => [name, dynType]));
	const compiled = compileExpression(expression, kubernetesEnvironment.extend({ variables: types }));
	if ("problem" in compiled) return { text: `invalid: ${compiled.problem}`, cost: 0 };
	const outcome = compiled.program.evaluate((name) => jsonToCel(variables[name]), limit);
	return { text: "error" in outcome ? `error: ${outcome.error}` : celText(outcome.value), cost: outcome.cost };
}

function celText(value: CelValue): string {
	if (value === null) return "null";
	if (typeof value === "string") return JSON.stringify(value);
	if (typeof value === "bigint" || typeof value === "boolean") return String(value);
	if (typeof value === "number") return Number.isInteger(value) ? value.toFixed(1) : String(value);
	if (value instanceof CelUint) return `${value.value}u`;
	if (value instanceof Uint8Array) return `b${JSON.stringify(Buffer.from(value).toString("latin1"))}`;
	if (value instanceof CelTimestamp) return `timestamp(${timestampText(value)})`;
	if (value instanceof CelDuration) return `duration(${durationText(value)})`;
	if (value instanceof CelTypeValue) return `type(${value.name})`;
	if (value instanceof CelOptional) return value.value === undefined ? "none" : `optional(${celText(value.value)})`;
	if (value instanceof CelList) return `[${toArray(value).map(celText).join(", ")}]`;
	if (value instanceof CelMap)
		return `{${value
			.keys()
			.map((key) => `${celText(key)}: ${celText(value.get(key) ?? null)}`)
			.join(", ")}}`;
	return typeNameOf(value);
}
