/** `test`, `[` and `[[`. Source: POSIX.1-2024, test; bash's `[[ =~ ]]` besides. */
import type { FileSystem } from "../vfs/file-system.ts";
import { FsError } from "../vfs/inode.ts";
import { resolvePath } from "../vfs/path.ts";
import { type ExpansionContext, expandToText, matchesPattern } from "./expansion.ts";
import { ShellError } from "./state.ts";
import type { ConditionalNode } from "./syntax.ts";

export interface TestContext {
	readonly files: () => FileSystem;
	readonly cwd: string;
	readonly isSet: (name: string) => boolean;
	readonly isTerminal: (descriptor: number) => boolean;
}

const binaryOperators = new Set(["=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef"]);

/** Evaluates the arguments of `test`. Throws `ShellError` (exit code 2) if they are no expression. */
export function evaluateTest(args: readonly string[], context: TestContext): boolean {
	if (args.length === 0) return false;
	const parser = new TestParser(args, context);
	const result = parser.or();
	parser.expectEnd();
	return result;
}

/** Evaluates `[[ … ]]`, whose words are expanded only as far as they are asked for. */
export async function evaluateConditional(node: ConditionalNode, expansion: ExpansionContext, context: TestContext): Promise<boolean> {
	const evaluate = (child: ConditionalNode) => evaluateConditional(child, expansion, context);
	switch (node.type) {
		case "CondNot":
			return !(await evaluate(node.operand));
		case "CondAnd":
			return (await evaluate(node.left)) && (await evaluate(node.right));
		case "CondOr":
			return (await evaluate(node.left)) || (await evaluate(node.right));
		case "CondGroup":
			return evaluate(node.expression);
		case "CondWord":
			return (await expandToText(node.word, expansion)) !== "";
		case "CondUnary":
			return testUnary(node.operator, await expandToText(node.operand, expansion), context);
		case "CondBinary": {
			const left = await expandToText(node.left, expansion);
			if (node.operator === "=~") return new RegExp(await expandToText(node.right, expansion)).test(left);
			const isPattern = node.operator === "=" || node.operator === "==" || node.operator === "!=";
			if (!isPattern) return testBinary(left, node.operator, await expandToText(node.right, expansion), context);
			return (await matchesPattern(left, node.right, expansion)) === (node.operator !== "!=");
		}
		default:
			return node satisfies never;
	}
}

class TestParser {
	readonly #args: readonly string[];
	readonly #context: TestContext;
	#at = 0;

	constructor(args: readonly string[], context: TestContext) {
		this.#args = args;
		this.#context = context;
	}

	expectEnd(): void {
		const rest = this.#args[this.#at];
		if (rest !== undefined) throw new ShellError(`${rest}: unknown operand`);
	}

	or(): boolean {
		let result = this.#and();
		while (this.#accept("-o")) result = this.#and() || result;
		return result;
	}

	#and(): boolean {
		let result = this.#not();
		while (this.#accept("-a")) result = this.#not() && result;
		return result;
	}

	#not(): boolean {
		return this.#args.length - this.#at > 1 && this.#accept("!") ? !this.#not() : this.#primary();
	}

	#primary(): boolean {
		const [first, second, third] = this.#args.slice(this.#at, this.#at + 3);
		if (first === undefined) throw new ShellError("argument expected");
		if (second !== undefined && third !== undefined && binaryOperators.has(second)) {
			this.#at += 3;
			return testBinary(first, second, third, this.#context);
		}
		if (first === "(") {
			this.#at++;
			const result = this.or();
			if (!this.#accept(")")) throw new ShellError("missing )");
			return result;
		}
		if (/^-[a-zA-Z]$/.test(first) && second !== undefined) {
			this.#at += 2;
			return testUnary(first, second, this.#context);
		}
		this.#at++;
		return first !== "";
	}

	#accept(word: string): boolean {
		if (this.#args[this.#at] !== word) return false;
		this.#at++;
		return true;
	}
}

function testUnary(operator: string, operand: string, context: TestContext): boolean {
	switch (operator) {
		case "-z":
			return operand === "";
		case "-n":
			return operand !== "";
		case "-v":
			return context.isSet(operand);
		case "-t":
			return context.isTerminal(Number(operand));
		case "-h":
		case "-L":
			return statOf(operand, context, true)?.type === "symlink";
		default:
			return testFile(operator, statOf(operand, context, false));
	}
}

function testFile(operator: string, stat: ReturnType<typeof statOf>): boolean {
	switch (operator) {
		case "-e":
		case "-a":
		case "-r":
		case "-w":
			return stat !== undefined;
		case "-f":
			return stat?.type === "file";
		case "-d":
			return stat?.type === "directory";
		case "-c":
			return stat?.type === "device";
		case "-s":
			return (stat?.sizeBytes ?? 0) > 0;
		case "-x":
			return stat !== undefined && (stat.mode & 0o111) !== 0;
		case "-b":
		case "-p":
		case "-S":
			return false;
		default:
			throw new ShellError(`${operator}: unknown operand`);
	}
}

function testBinary(left: string, operator: string, right: string, context: TestContext): boolean {
	switch (operator) {
		case "=":
		case "==":
			return left === right;
		case "!=":
			return left !== right;
		case "<":
			return left < right;
		case ">":
			return left > right;
		case "-nt":
			return modified(left, context) > modified(right, context);
		case "-ot":
			return modified(left, context) < modified(right, context);
		case "-ef": {
			const stat = statOf(left, context, false);
			return stat !== undefined && stat.ino === statOf(right, context, false)?.ino;
		}
		default:
			return compare(integer(left), operator, integer(right));
	}
}

function compare(left: number, operator: string, right: number): boolean {
	switch (operator) {
		case "-eq":
			return left === right;
		case "-ne":
			return left !== right;
		case "-lt":
			return left < right;
		case "-le":
			return left <= right;
		case "-gt":
			return left > right;
		default:
			return left >= right;
	}
}

function integer(text: string): number {
	if (!/^\s*[-+]?\d+\s*$/.test(text)) throw new ShellError(`${text === "" ? "" : `${text}: `}bad number`);
	return Number(text);
}

function modified(path: string, context: TestContext): number {
	return statOf(path, context, false)?.mtimeMs ?? Number.NEGATIVE_INFINITY;
}

function statOf(path: string, { files, cwd }: TestContext, link: boolean) {
	if (path === "") return undefined;
	try {
		const absolute = resolvePath(cwd, path);
		return link ? files().lstat(absolute) : files().stat(absolute);
	} catch (error) {
		if (error instanceof FsError) return undefined;
		throw error;
	}
}
