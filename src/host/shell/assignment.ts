/** Assignments: to variables, and in bash to arrays and their elements. Source: POSIX.1-2024, Shell, 2.9.1; bash manual, Arrays. */
import { arithmetic, type ExpansionContext, expandToText, expandWords, indexIn, subscripted } from "./expansion.ts";
import { ShellError } from "./state.ts";
import type { Assignment, Grammar } from "./syntax.ts";

export async function assign(assignment: Assignment, context: ExpansionContext): Promise<void> {
	const { array, append } = assignment;
	const { state } = context;
	const [, name = assignment.name, subscript] = (state.flavor === "bash" ? subscripted.exec(assignment.name) : null) ?? [];
	if (subscript !== undefined) {
		const before = state.elements(name);
		const index = indexIn(before, await context.subscript(subscript));
		const value = await assignedValue({ ...assignment, append: false }, context);
		if (index > before.length) throw new ShellError(`${name}: arrays with gaps are not supported by the simulated shell`);
		state.setElements(name, [...before.slice(0, index), append ? (before[index] ?? "") + value : value, ...before.slice(index + 1)]);
	} else if (array !== null && state.flavor === "bash") {
		const added = await expandWords(array, context);
		state.setElements(name, append ? [...state.elements(name), ...added] : added);
	} else {
		state.set(name, await assignedValue(assignment, context));
	}
}

/** The value of one that is no array, and of what a command gets into its environment. */
export async function assignedValue(assignment: Assignment, context: ExpansionContext): Promise<string> {
	const { state } = context;
	if (assignment.array !== null) {
		const isBash = state.flavor === "bash";
		throw new ShellError(isBash ? `${assignment.name}: cannot assign list to array member` : 'syntax error: unexpected "("');
	}
	const value = assignment.value === null ? "" : await expandToText(assignment.value, context);
	return assignment.append ? (state.get(assignment.name) ?? "") + value : value;
}

/** The value of an arithmetic expression in an array's brackets. */
export async function subscriptValue(text: string, grammar: Grammar, context: ExpansionContext): Promise<number> {
	const [statement] = grammar.parse(`: $((${text}))`).statements;
	const command = statement?.pipelines[0]?.commands[0];
	const part = command?.type === "SimpleCommand" ? command.args[0]?.parts[0] : undefined;
	if (part?.type !== "ArithmeticExpansion") throw new ShellError(`${text}: bad array subscript`, 1);
	return arithmetic(part.expression.expression, context);
}
