/**
 * Asks a service that a flag or a configuration file names, and again where that may help.
 * Source: k8s.io/apiserver/pkg/util/webhook (WithExponentialBackoff)
 */
import { type Clock, sleep } from "../../apimachinery/clock/clock.ts";
import type { Random } from "../../apimachinery/random.ts";

/** Answers of a server that are worth another try. */
const retriedCodes: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);
const maxAttempts = 5;
const pauseFactor = 1.5;
/** Share of a pause that is drawn by lot. */
const pauseJitter = 0.2;

/** What the service answered. */
export interface WebhookAnswer {
	/** HTTP status code. */
	readonly code: number;
	readonly text: string;
}

/** Sends a JSON text to the service. Rejects if there is no answer in time. */
export type WebhookPost = (body: string) => Promise<WebhookAnswer>;

export interface RetryOptions {
	readonly clock: Clock;
	readonly random: Random;
	/** > 0 */
	readonly firstPauseMs: number;
}

/** The first answer that is no temporary trouble, or the last one. */
export async function postWithRetries(
	post: WebhookPost,
	body: string,
	{ clock, random, firstPauseMs }: RetryOptions,
): Promise<WebhookAnswer> {
	for (let attempt = 1, pauseMs = firstPauseMs; ; attempt++, pauseMs *= pauseFactor) {
		const answer = await post(body);
		if (attempt === maxAttempts || !retriedCodes.has(answer.code)) return answer;
		await sleep(clock, pauseMs * (1 + random.next() * pauseJitter));
	}
}
