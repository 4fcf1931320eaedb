/** Lifecycle hooks: https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/ */
import type { LifecycleHandler } from "../../apimachinery/schema/generated/types.ts";
import { type ActionTarget, runProbe } from "./probe-action.ts";

/** A hook without an end of its own: a day. */
const maxHookMs = 86_400_000;

/** Runs a hook, for at most so long. @returns why it failed, or undefined. */
export async function runHook(
	{ exec, httpGet, tcpSocket, sleep }: LifecycleHandler,
	target: ActionTarget,
	limitMs: number,
): Promise<string | undefined> {
	if (sleep !== undefined) {
		await new Promise<void>((resolve) => target.clock.setTimeout(resolve, Math.min(sleep.seconds * 1000, limitMs)));
		return undefined;
	}
	const action = {
		timeoutSeconds: Math.min(limitMs, maxHookMs) / 1000,
		...(exec === undefined ? {} : { exec }),
		...(httpGet === undefined ? {} : { httpGet }),
		...(tcpSocket === undefined ? {} : { tcpSocket }),
	};
	const result = await runProbe(action, target);
	return result.outcome === "success" ? undefined : result.output;
}
