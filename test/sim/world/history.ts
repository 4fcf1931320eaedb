/** What clients saw, for the linearizability checker. */

/** One operation on one register. */
export interface Operation {
	readonly client: string;
	readonly key: string;
	readonly action: /** Undefined: the register is emptied. */
		| { readonly type: "put"; readonly value: string | undefined }
		/** Undefined is expected of an empty register. */
		| { readonly type: "cas"; readonly expected: string | undefined; readonly value: string | undefined }
		| { readonly type: "read" };
	/** Virtual ms, or any count that goes up. */
	readonly invokedAt: number;
	/** Infinity if it was never answered: it may take effect at any time, or never. */
	returnedAt: number;
	/** Of a read: the value. Of a compare-and-set: whether it set. Undefined while not answered. */
	result: { readonly value: string | undefined } | { readonly set: boolean } | undefined;
}

export class History {
	readonly operations: Operation[] = [];

	invoke(operation: Pick<Operation, "client" | "key" | "action" | "invokedAt">): Operation {
		const recorded: Operation = { ...operation, returnedAt: Number.POSITIVE_INFINITY, result: undefined };
		this.operations.push(recorded);
		return recorded;
	}

	/** It was refused: it did not happen and never will. */
	withdraw(operation: Operation): void {
		const at = this.operations.indexOf(operation);
		if (at >= 0) this.operations.splice(at, 1);
	}
}
