import { setTimeout as pause } from "node:timers/promises";

/** Asks again and again until the answer is not undefined. Rejects with what it last saw when `limitMs` have passed. */
export async function eventually<T>(
	probe: () => Promise<T | undefined> | T | undefined,
	{ limitMs = 15_000, what = () => "" }: { readonly limitMs?: number; readonly what?: () => string } = {},
): Promise<T> {
	const endMs = performance.now() + limitMs;
	for (;;) {
		const found = await probe();
		if (found !== undefined) return found;
		if (performance.now() > endMs) throw new Error(`it did not happen within ${limitMs} ms: ${what()}`);
		await pause(20);
	}
}
