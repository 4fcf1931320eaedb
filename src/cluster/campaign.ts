/**
 * A component that stands for election by a Lease in kube-system, term after term.
 *
 *   candidate ──Lease is ours──> a term ──lost, or it failed──> candidate again
 *
 * kube-controller-manager and kube-scheduler end their process when they lose the lead; here the process goes on, so a term's
 * parts are thrown away and the next term makes new ones. Durations are theirs (15 s, 10 s, 2 s).
 */
import { type Clock, sleep } from "../apimachinery/clock/clock.ts";
import type { Logger } from "../apimachinery/log.ts";
import type { MetricRegistry } from "../apimachinery/metrics/registry.ts";
import type { Random } from "../apimachinery/random.ts";
import type { Client } from "../client/client.ts";
import { LeaderElector } from "../client/leader-election.ts";

/** After a term that failed. */
const retryMs = 2_000;

export interface CampaignOptions {
	/** The Lease's. */
	readonly name: string;
	/** Unique among the candidates. */
	readonly identity: string;
	readonly client: Client;
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	readonly metrics: MetricRegistry;
	/** The work of one term, with a random source of its own, until the signal aborts. */
	lead(random: Random, term: AbortSignal): Promise<void>;
	/** Another candidate leads. */
	onNewLeader?(identity: string): void;
	/** Ends it in good order. */
	readonly signal: AbortSignal;
	/** Ends it as the death of the process would. */
	readonly crash?: AbortSignal;
}

/** Stands for election again and again until a signal aborts. Never rejects. */
export async function campaign(options: CampaignOptions): Promise<void> {
	const { name, identity, client, clock, random, log, signal, crash, lead, onNewLeader } = options;
	const isOver = () => signal.aborted || crash?.aborted === true;
	const status = options.metrics.gauge({
		name: "leader_election_master_status",
		help: "Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master. 'name' is the string used to identify the lease. Please make sure to group by name.",
		labels: ["name"],
		stability: "ALPHA",
	});
	for (let term = 1; !isOver(); term++) {
		const forked = random.fork(`${name}-${term}`);
		const elector = new LeaderElector({
			client,
			clock,
			random: forked.fork("election"),
			log,
			namespace: "kube-system",
			name,
			identity,
			signal,
			...(crash === undefined ? {} : { crash }),
			lead: async (end) => {
				const gauge = status.of(name);
				gauge.add(1);
				await lead(forked, end).finally(() => gauge.add(-1));
			},
			onNewLeader: (holder) => {
				onNewLeader?.(holder);
				log.info(`new leader elected for ${name}: ${holder}`);
			},
		});
		try {
			await elector.run();
			if (!isOver()) log.warn(`leaderelection lost for ${name}`);
		} catch (error) {
			log.error(`${name} failed`, { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
			await sleep(clock, retryMs, signal).catch(() => undefined);
		}
	}
}

/** Resolves when the term is over; rejects if the beginning of the work does. */
export async function untilEnd(term: AbortSignal, beginning: Promise<unknown>): Promise<void> {
	const over = new Promise<void>((resolve) => {
		if (term.aborted) resolve();
		term.addEventListener("abort", () => resolve(), { once: true });
	});
	await Promise.race([beginning, over]);
	await over;
}
