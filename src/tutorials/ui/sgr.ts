/**
 * Lines as terminals take them, with SGR sequences (ECMA-48, 8.3.117).
 *
 * The colours are of those that palettes leave alone (16 to 255 of xterm's 256), each about as far from white as from black: on the
 * backgrounds of usual terminals, light and dark, they have a contrast of at least 3 (colours.test.tsx computes it). The sixteen that have
 * names are whatever a palette makes of them: its yellow cannot be read on white, its blue not on black. Nor is what SGR calls faint:
 * terminals halve the contrast that there is.
 */
import type { Line, Style } from "../text/styled-text.ts";

const colours: Readonly<Record<NonNullable<Style["color"]> | "dim", number>> = {
	cyan: 32,
	green: 65,
	// Orange: a yellow that can be read on white is an olive, which looks like our green.
	yellow: 166,
	red: 196,
	magenta: 134,
	dim: 244,
};

const reset = "\u001b[0m";

/** @param hasColours without them nothing is fainter either */
export function toSgr(line: Line, hasColours: boolean): string {
	return line.map(({ text, ...style }) => styled(text, style, hasColours)).join("");
}

function styled(text: string, { color, bold, dim, inverse }: Style, hasColours: boolean): string {
	const codes: string[] = [];
	if (bold === true) codes.push("1");
	if (inverse === true) codes.push("7");
	const colour = color ?? (dim === true ? "dim" : undefined);
	if (hasColours && colour !== undefined) codes.push(`38;5;${colours[colour]}`);
	return codes.length === 0 || text === "" ? text : `\u001b[${codes.join(";")}m${text}${reset}`;
}

/** Whether a terminal has those colours, and is to show any: https://no-color.org */
export function hasColours(output: NodeJS.WriteStream, env: NodeJS.ProcessEnv): boolean {
	if (env.NO_COLOR !== undefined && env.NO_COLOR !== "") return false;
	const depth = output.getColorDepth(env);
	return depth >= 8 || (depth > 1 && /-256color$/.test(env.TERM ?? ""));
}
