/** What ends the evaluation of an expression without a value. */

/**
 * An error of an expression: `no such key: x`, `division by zero`. It is no `Error`, because `&&`, `||` and `all` live with
 * errors of their operands, and an expression may meet one for each element of a list: recording the stack each time would
 * cost more than the evaluation.
 */
export class EvaluationError {
	readonly message: string;

	constructor(message: string) {
		this.message = message;
	}
}

export const noSuchOverload = (): EvaluationError => new EvaluationError("no such overload");
export const noSuchKey = (key: string): EvaluationError => new EvaluationError(`no such key: ${key}`);

/** The limit of one evaluation is used up; nothing in the expression can catch it. */
export class CostLimitExceeded {
	readonly message = "operation cancelled: actual cost limit exceeded";
}
