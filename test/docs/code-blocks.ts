/** The fenced blocks of a Markdown file. */

export interface CodeBlock {
	/** What stands behind the fence: `sh`, `ts`; "" for output. */
	readonly language: string;
	readonly text: string;
	/** Line of the fence, from 1. */
	readonly line: number;
}

export function codeBlocks(markdown: string): readonly CodeBlock[] {
	return [...markdown.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map((match) => ({
		language: match[1] ?? "",
		text: match[2] ?? "",
		line: markdown.slice(0, match.index).split("\n").length,
	}));
}

/** Shell commands and what the README says that the last of them prints; "" if it says nothing. */
export interface ShellSession {
	readonly commands: readonly string[];
	readonly output: string;
	readonly line: number;
}

/** The `sh` blocks, each with the block without a language that follows it. */
export function shellSessions(blocks: readonly CodeBlock[]): readonly ShellSession[] {
	return blocks.flatMap((block, index) => {
		if (block.language !== "sh") return [];
		const next = blocks[index + 1];
		return { commands: block.text.trim().split("\n"), output: next?.language === "" ? next.text : "", line: block.line };
	});
}
