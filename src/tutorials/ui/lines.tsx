/** Lines on the screen, one row each. */
import { Box, Text } from "ink";
import { createContext, type ReactNode, useContext } from "react";
import type { Marks } from "../text/markdown.ts";
import { clip, type Line } from "../text/styled-text.ts";
import { toSgr } from "./sgr.ts";

/** Whether what is drawn may have colours. */
export const ColoursContext = createContext(false);

/** How code is told apart on the screen. */
export function useMarks(): Marks {
	return useContext(ColoursContext) ? "styled" : "ticks";
}

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
	// A row without text would take no room.
	return <Text wrap="truncate">{toSgr(line, useContext(ColoursContext)) || " "}</Text>;
}
