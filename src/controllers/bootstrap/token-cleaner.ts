/**
 * token-cleaner-controller: deletes bootstrap tokens when their time is over.
 *
 * Watches  Secrets of type bootstrap.kubernetes.io/token in kube-system
 * Writes   deletes them
 *
 * Source of behaviour: pkg/controller/bootstrap/tokencleaner.go.
 */
import { bootstrapTokenRemainingMs, bootstrapTokenType } from "../../apimachinery/bootstrap-token.ts";
import type { Secret } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { runController } from "../../client/controller.ts";
import { secrets } from "../../client/resources.ts";
import { type Controller, type ControllerContext, queueOf } from "../controller.ts";

const name = "token-cleaner-controller";
export const bootstrapTokens = { namespace: "kube-system", fieldSelector: `type=${bootstrapTokenType}` } as const;

export const tokenCleaner: Controller = { name, run };

async function run(context: ControllerContext, signal: AbortSignal): Promise<void> {
	const { informers, client, clock, log } = context;
	const informer = informers.informer(secrets, bootstrapTokens);
	await informer.whenSynced();
	const queue = queueOf(context, "token_cleaner");
	const enqueue = ({ metadata }: Secret) => queue.add(`${metadata?.namespace}/${metadata?.name}`);
	informer.onChange({ added: enqueue, updated: (_old, secret) => enqueue(secret) }, signal);
	const reconcile = async (key: string) => {
		const secret = informer.cache.get(key);
		const remainingMs = secret === undefined ? undefined : bootstrapTokenRemainingMs(secret, clock.now());
		if (secret === undefined || remainingMs === undefined) return undefined;
		if (remainingMs > 0) return { requeueAfterMs: remainingMs };
		const { namespace, name: secretName = "", uid = "", resourceVersion = "" } = secret.metadata ?? {};
		try {
			// Only as it was looked at (upstream: only the same one): a token that somebody has just prolonged stays.
			await client.resource(secrets).delete({ namespace, name: secretName }, { preconditions: { uid, resourceVersion } });
		} catch (error) {
			if (!isStatusError(error, "NotFound")) throw error;
		}
		return undefined;
	};
	await runController({ name, queue, concurrency: 1, reconcile, log, signal });
}
