/**
 * A scheduling cycle that may have to ask somebody outside half-way. The algorithm stays a function of what it is told: it stops where an
 * extender is to be asked, and whoever runs it says what came of that. A cycle that asks nobody runs through without a promise.
 */

/** Yields what is to be asked; goes on when that has been done, or with its error. */
export type Cycle<T> = Generator<() => Promise<void>, T, void>;

/** The answer to one question, within a cycle. Throws what `question` rejects with. */
export function* ask<T>(question: () => Promise<T>): Cycle<T> {
	const answers: T[] = [];
	yield async () => {
		answers.push(await question());
	};
	return answers[0] as T;
}

/** Runs a cycle that has nobody to ask. Throws if it asks all the same. */
export function runNow<T>(cycle: Cycle<T>): T {
	const step = cycle.next();
	if (step.done !== true) throw new Error("a scheduling cycle without extenders has asked one");
	return step.value;
}

/** Runs a cycle, one question after the other. */
export async function runAsking<T>(cycle: Cycle<T>): Promise<T> {
	let step = cycle.next();
	while (step.done !== true) {
		const failure = await step.value().then(
			() => undefined,
			(error: unknown) => ({ error }),
		);
		step = failure === undefined ? cycle.next() : cycle.throw(failure.error);
	}
	return step.value;
}
