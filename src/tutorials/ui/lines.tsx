/** Lines on the screen, one row each. */
import { Box, Text } from "ink";
import type { ReactNode } from "react";
import { clip, type Line, type Style } from "./styled-text.ts";

/** With NO_COLOR in the environment nothing has a colour: https://no-color.org */
const isPlain = process.env.NO_COLOR !== undefined && process.env.NO_COLOR !== "";

export function Lines({
	lines,
	width,
	height,
}: {
	readonly lines: readonly Line[];
	readonly width: number;
	readonly height: number;
}): ReactNode {
	return (
		<Box flexDirection="column" width={width} height={height} overflow="hidden">
			{lines.slice(0, height).map((line, row) => (
				// biome-ignore lint/suspicious/noArrayIndexKey: a row is its place
				<LineRow key={row} line={clip(line, width)} />
			))}
		</Box>
	);
}

export function LineRow({ line }: { readonly line: Line }): ReactNode {
	return (
		<Text wrap="truncate">
			{line.length === 0 || line.every(({ text }) => text === "")
				? " "
				: line.map(({ text, ...style }, place) => (
						// biome-ignore lint/suspicious/noArrayIndexKey: a span is its place
						<Text key={place} {...propsOf(style)}>
							{text}
						</Text>
					))}
		</Text>
	);
}

function propsOf({ color, bold, dim, inverse }: Style) {
	return {
		...(color === undefined || isPlain ? {} : { color }),
		...(bold === true ? { bold } : {}),
		...(dim === true ? { dimColor: true } : {}),
		...(inverse === true ? { inverse } : {}),
	};
}
