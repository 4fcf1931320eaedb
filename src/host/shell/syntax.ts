/**
 * The shell grammar: just-bash's parser, loaded when the first script is to be run (it takes tens of milliseconds and
 * megabytes, and most clusters start without any shell). Here is also the only place that names just-bash's types.
 */
import type { CommandNode, ScriptNode, SimpleCommandNode, WordNode } from "just-bash";

export type { CommandNode, PipelineNode, ScriptNode, SimpleCommandNode, StatementNode, WordNode } from "just-bash";

export type WordPart = WordNode["parts"][number];
export type Redirection = SimpleCommandNode["redirections"][number];
export type Assignment = SimpleCommandNode["assignments"][number];
export type FunctionBody = Extract<CommandNode, { type: "FunctionDef" }>["body"];
export type ParameterOperation = NonNullable<Extract<WordPart, { type: "ParameterExpansion" }>["operation"]>;
type ArithmeticExpression = Extract<WordPart, { type: "ArithmeticExpansion" }>["expression"];
export type ArithmeticNode = ArithmeticExpression["expression"];
export type ConditionalNode = Extract<CommandNode, { type: "ConditionalCommand" }>["expression"];

/** A script that is no shell syntax; `incomplete`: more input could make it one. */
export class SyntaxFault extends Error {
	readonly incomplete: boolean;

	constructor(message: string, incomplete: boolean) {
		super(message);
		this.name = "SyntaxFault";
		this.incomplete = incomplete;
	}
}

export interface Grammar {
	/** Throws `SyntaxFault`. */
	parse(script: string): ScriptNode;
}

/** The one load of just-bash that all clusters of the process share. */
let loading: Promise<typeof import("just-bash")> | undefined;

export function loadJustBash(): Promise<typeof import("just-bash")> {
	loading ??= import("just-bash");
	return loading;
}

/** In virtual time, call this before the clock moves: loading is real I/O, which the clock does not wait for. */
export async function loadGrammar(): Promise<Grammar> {
	const { parse } = await loadJustBash();
	return {
		parse(script) {
			try {
				const tree = parse(script);
				if (hasOpenHereDocument(script, tree)) throw new SyntaxFault("unexpected end of file", true);
				return tree;
			} catch (error) {
				throw error instanceof SyntaxFault ? error : faultOf(error);
			}
		},
	};
}

function faultOf(error: unknown): SyntaxFault {
	const message = error instanceof Error ? error.message : String(error);
	const incomplete = /unexpected EOF|got EOF|unexpected end of file/i.test(message);
	return new SyntaxFault(message.replace(/^Parse error at \d+:\d+: /, ""), incomplete);
}

/** The parser takes a here-document without its end; a terminal then waits for more lines. */
function hasOpenHereDocument(script: string, tree: ScriptNode): boolean {
	return script.includes("<<") && JSON.stringify(tree).includes('"terminated":false');
}
