/** Shell arithmetic on integers. Source: POSIX.1-2024, Shell, 2.6.4; bash's `**` and `++` besides. */
import { ShellError, type ShellState } from "./state.ts";
import type { ArithmeticNode } from "./syntax.ts";

export function evaluateArithmetic(node: ArithmeticNode, state: ShellState, special: (name: string) => string): number {
	const evaluate = (child: ArithmeticNode): number => evaluateArithmetic(child, state, special);
	switch (node.type) {
		case "ArithNumber":
			return node.value;
		case "ArithVariable":
			return numberOf(state.get(node.name) ?? "", state);
		case "ArithSpecialVar":
			return numberOf(special(node.name), state);
		case "ArithBracedExpansion":
			return numberOf(state.get(node.content) ?? "", state);
		case "ArithGroup":
		case "ArithNested":
			return evaluate(node.expression);
		case "ArithUnary":
			return node.operator === "++" || node.operator === "--" ? step(node, state, special) : unary(node.operator, evaluate(node.operand));
		case "ArithTernary":
			return evaluate(node.condition) !== 0 ? evaluate(node.consequent) : evaluate(node.alternate);
		case "ArithBinary":
			if (node.operator === "&&") return evaluate(node.left) !== 0 && evaluate(node.right) !== 0 ? 1 : 0;
			if (node.operator === "||") return evaluate(node.left) !== 0 || evaluate(node.right) !== 0 ? 1 : 0;
			return binary(node.operator, evaluate(node.left), evaluate(node.right));
		case "ArithAssignment": {
			const value = evaluate(node.value);
			const old = numberOf(state.get(node.variable) ?? "", state);
			const result = node.operator === "=" ? value : binary(node.operator.slice(0, -1), old, value);
			state.set(node.variable, String(result));
			return result;
		}
		default:
			throw new ShellError("arithmetic syntax error");
	}
}

function step(node: Extract<ArithmeticNode, { type: "ArithUnary" }>, state: ShellState, special: (name: string) => string): number {
	if (node.operand.type !== "ArithVariable") throw new ShellError("arithmetic syntax error");
	const old = evaluateArithmetic(node.operand, state, special);
	const changed = node.operator === "++" ? old + 1 : old - 1;
	state.set(node.operand.name, String(changed));
	return node.prefix ? changed : old;
}

function unary(operator: string, value: number): number {
	switch (operator) {
		case "-":
			return -value;
		case "!":
			return value === 0 ? 1 : 0;
		case "~":
			return Number(BigInt.asIntN(64, ~BigInt(value)));
		default:
			return value;
	}
}

function binary(operator: string, left: number, right: number): number {
	switch (operator) {
		case "+":
			return left + right;
		case "-":
			return left - right;
		case "*":
			return left * right;
		case "/":
		case "%":
			if (right === 0) throw new ShellError('arithmetic expression: division by zero: "0"');
			return operator === "/" ? Math.trunc(left / right) : left % right;
		case "**":
			return left ** right;
		case "<":
			return Number(left < right);
		case "<=":
			return Number(left <= right);
		case ">":
			return Number(left > right);
		case ">=":
			return Number(left >= right);
		case "==":
			return Number(left === right);
		case "!=":
			return Number(left !== right);
		case ",":
			return right;
		default:
			return bitwise(operator, BigInt(left), BigInt(right));
	}
}

function bitwise(operator: string, left: bigint, right: bigint): number {
	const results: Readonly<Record<string, () => bigint>> = {
		"&": () => left & right,
		"|": () => left | right,
		"^": () => left ^ right,
		"<<": () => left << (right & 63n),
		">>": () => left >> (right & 63n),
	};
	const result = results[operator]?.();
	if (result === undefined) throw new ShellError("arithmetic syntax error");
	return Number(BigInt.asIntN(64, result));
}

/** The number a variable's text stands for; a name stands for that variable's value. */
function numberOf(text: string, state: ShellState, depth = 0): number {
	const trimmed = text.trim();
	if (trimmed === "") return 0;
	if (/^[-+]?(0[xX][0-9a-fA-F]+|\d+)$/.test(trimmed)) {
		const digits = trimmed.replace(/^[-+]/, "");
		const value = /^0\d/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
		return trimmed.startsWith("-") ? -value : value;
	}
	if (/^[A-Za-z_]\w*$/.test(trimmed) && depth < 16) return numberOf(state.get(trimmed) ?? "", state, depth + 1);
	throw new ShellError("arithmetic syntax error");
}
