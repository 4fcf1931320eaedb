/**
 * Sends audit events to a server outside, many at a time: as EventLists of audit.k8s.io/v1. The request that an event tells
 * of never waits for it; what cannot be delivered is tried again for a while, then given up.
 * Source: k8s.io/apiserver/plugin/pkg/audit/{buffered,webhook}; defaults of --audit-webhook-* flags.
 */
import type { Clock, Timer } from "../../apimachinery/clock/clock.ts";
import { sleep } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { WebhookEndpoint } from "../webhooks/endpoint-agent.ts";
import { errorOfAnswer } from "../webhooks/rest-errors.ts";
import { WebhookCallError, type WebhookClient } from "../webhooks/webhook-client.ts";
import type { AuditEvent, AuditSink } from "./audit-event.ts";

export interface WebhookBackendOptions {
	/** The backend's own: it closes it. */
	readonly client: WebhookClient;
	readonly endpoint: WebhookEndpoint;
	/** Real time. */
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	/** Default 400. */
	readonly batchMaxSize?: number;
	/** How long an event waits for others, ms; default 30 s. */
	readonly batchMaxWaitMs?: number;
	/** Before the first retry, ms; default 10 s. */
	readonly initialBackoffMs?: number;
}

/** How many events wait at most; default of --audit-webhook-batch-buffer-size. */
const bufferSize = 10_000;
const timeoutMs = 30_000;
/** How long the end of a server waits for the last events to arrive. */
const closeLimitMs = 2_000;
const attempts = 5;
const backoffFactor = 1.5;
const backoffJitter = 0.2;

export class AuditWebhookBackend implements AuditSink {
	readonly #options: WebhookBackendOptions;
	readonly #batchMaxSize: number;
	readonly #batchMaxWaitMs: number;
	#waiting: AuditEvent[] = [];
	#timer: Timer | undefined;
	/** Batches go one after the other. */
	#sending: Promise<void> = Promise.resolve();
	readonly #closing = new AbortController();
	/** Events in batches that are not delivered yet; >= 0. */
	#underWay = 0;

	constructor(options: WebhookBackendOptions) {
		this.#options = options;
		this.#batchMaxSize = options.batchMaxSize ?? 400;
		this.#batchMaxWaitMs = options.batchMaxWaitMs ?? 30_000;
	}

	record(event: AuditEvent): void {
		if (this.#waiting.length + this.#underWay >= bufferSize) {
			this.#lost(1, "audit buffer queue blocked");
			return;
		}
		this.#waiting.push(event);
		if (this.#waiting.length >= this.#batchMaxSize) this.#flush();
		else this.#timer ??= this.#options.clock.setTimeout(() => this.#flush(), this.#batchMaxWaitMs);
	}

	/** Tries once more to deliver what waits. */
	async close(): Promise<void> {
		const { clock, client } = this.#options;
		this.#closing.abort(new Error("the server is closing"));
		this.#flush();
		const limit = clock.setTimeout(() => client.close(), closeLimitMs);
		await this.#sending.finally(() => limit.cancel());
		client.close();
	}

	#flush(): void {
		this.#timer?.cancel();
		this.#timer = undefined;
		const events = this.#waiting;
		this.#waiting = [];
		if (events.length === 0) return;
		this.#underWay += events.length;
		this.#sending = this.#sending.then(async () => {
			await this.#send(events);
			this.#underWay -= events.length;
		});
	}

	async #send(events: readonly AuditEvent[]): Promise<void> {
		const { clock, random, initialBackoffMs = 10_000 } = this.#options;
		const list = { kind: "EventList", apiVersion: "audit.k8s.io/v1", metadata: {}, items: events };
		const body = Buffer.from(JSON.stringify(list));
		let pauseMs = initialBackoffMs;
		for (let attempt = 1; ; attempt++) {
			const failure = await this.#post(body);
			if (failure === undefined) return;
			if (!failure.mayPass || attempt === attempts || this.#closing.signal.aborted) {
				this.#lost(events.length, failure.text);
				return;
			}
			await sleep(clock, pauseMs * (1 + backoffJitter * random.next()), this.#closing.signal).catch(() => undefined);
			pauseMs *= backoffFactor;
		}
	}

	async #post(body: Buffer): Promise<{ readonly text: string; readonly mayPass: boolean } | undefined> {
		const { client, endpoint } = this.#options;
		try {
			const answer = await client.post(endpoint, body, { timeoutMs, isTimeoutTold: false });
			const text = errorOfAnswer(answer);
			return text === undefined ? undefined : { text, mayPass: answer.status >= 500 || answer.status === 429 };
		} catch (error) {
			if (!(error instanceof WebhookCallError)) throw error;
			return { text: error.message, mayPass: true };
		}
	}

	#lost(count: number, why: string): void {
		this.#options.log.error(`Error in audit plugin 'webhook' affecting ${count} audit events: ${why}`);
	}
}
