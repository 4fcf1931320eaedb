/** Requests that look at objects which somebody else converts: he is asked first. */
import type { RequestContext } from "../pipeline/request-context.ts";
import { NotPreparedError } from "../storage/object-storage.ts";

/** How often objects may change while others are converted. */
const maxAttempts = 16;

/** Carries out a request when the objects that it looks at can be shown; for all but such custom resources, at once. */
export function whenPrepared<T>(context: RequestContext, run: () => Promise<T>): Promise<T> {
	return context.definition.isCustom === true ? runPrepared(context, run) : run();
}

async function runPrepared<T>(context: RequestContext, run: () => Promise<T>): Promise<T> {
	for (let attempt = 1; ; attempt++) {
		await prepare(context);
		try {
			return await run();
		} catch (error) {
			if (!(error instanceof NotPreparedError) || attempt === maxAttempts) throw error;
			await error.preparing;
		}
	}
}

async function prepare({ request, storage, namespace, name }: RequestContext): Promise<void> {
	const { cache } = storage;
	if (["list", "watch", "deletecollection"].includes(request.verb)) {
		await storage.prepare(cache.list(namespace === "" ? undefined : namespace).map(({ object }) => object));
		return;
	}
	const entry = cache.get(storage.key(namespace, name));
	if (entry !== undefined) await storage.prepare([entry.object]);
}
