/**
 * Leader election by a Lease: of several candidates one leads, and when it falls silent another takes over.
 *
 *   follower ── lease free, expired or our own: write it ──> leader ── renewed every retry period ──┐
 *      ^  └── held by another: try again after the retry period (with jitter)                  ^    │
 *      │                                                                                       └────┘
 *      └──────────────── not renewed within the renew deadline, or taken by another ────────────────┘
 *
 * A candidate trusts no other's clock: it counts the lease duration from when it saw the Lease change.
 * Source of behaviour: client-go tools/leaderelection.
 */
import { type Clock, sleep } from "../apimachinery/clock/clock.ts";
import { type Logger, silentLog } from "../apimachinery/log.ts";
import type { Random } from "../apimachinery/random.ts";
import type { Lease, LeaseSpec } from "../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../apimachinery/status-error.ts";
import { formatMicroTime } from "../apimachinery/time.ts";
import type { Client, ResourceClient } from "./client.ts";
import { leases } from "./resources.ts";

/** Waiting candidates spread out by up to this part of the retry period. */
const jitter = 1.2;

export interface LeaderElectionOptions {
	readonly client: Client;
	readonly clock: Clock;
	readonly random: Random;
	/** The Lease: `kube-system`/`kube-scheduler`. */
	readonly namespace: string;
	readonly name: string;
	/** Unique among the candidates: `host_uuid`. */
	readonly identity: string;
	/** Default 15,000 ms: how long the others wait for a silent leader. */
	readonly leaseDurationMs?: number;
	/** Default 10,000 ms: how long a leader goes on without having renewed; less than the lease duration. */
	readonly renewDeadlineMs?: number;
	/** Default 2,000 ms. */
	readonly retryPeriodMs?: number;
	/** The leader's work; its signal aborts when the lead is lost. */
	lead(signal: AbortSignal): Promise<void>;
	/** Told whenever another identity holds the Lease. */
	onNewLeader?(identity: string): void;
	readonly log?: Logger;
	/** Ends the election; a leader gives the Lease back. */
	readonly signal: AbortSignal;
	/** Ends it as the death of the process would: the Lease stays as it is, until it expires. */
	readonly crash?: AbortSignal;
}

export class LeaderElector {
	readonly #options: Required<Pick<LeaderElectionOptions, "leaseDurationMs" | "renewDeadlineMs" | "retryPeriodMs">> & LeaderElectionOptions;
	readonly #leases: ResourceClient<Lease>;
	readonly #log: Logger;
	/** However it ends. */
	readonly #ending: AbortSignal;
	/** The Lease as last seen, and when we saw it change. */
	#observed: Lease | undefined;
	#observedMs = 0;
	#reportedLeader: string | undefined;

	constructor(options: LeaderElectionOptions) {
		this.#options = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000, ...options };
		this.#leases = options.client.resource(leases);
		this.#log = options.log ?? silentLog;
		this.#ending = options.crash === undefined ? options.signal : AbortSignal.any([options.signal, options.crash]);
	}

	/** Whether this candidate holds the Lease, as far as it knows. */
	isLeader(): boolean {
		return this.#observed?.spec?.holderIdentity === this.#options.identity;
	}

	/** Waits for the lead, leads once, and resolves when the lead is lost or the signal aborts. Rejects as `lead` does. */
	async run(): Promise<void> {
		const { crash, lead, namespace, name } = this.#options;
		if (!(await this.#acquire())) return;
		this.#log.info(`successfully acquired lease ${namespace}/${name}`);
		const lost = new AbortController();
		const work = lead(AbortSignal.any([this.#ending, lost.signal]));
		work.catch(() => lost.abort());
		await this.#renewWhile(lost.signal);
		lost.abort();
		if (crash?.aborted !== true) await this.#release();
		await work;
	}

	/** False: the signal aborted first. */
	async #acquire(): Promise<boolean> {
		const { clock, random, retryPeriodMs } = this.#options;
		const ending = this.#ending;
		while (!ending.aborted) {
			if (await this.#tryAcquireOrRenew()) return true;
			await sleep(clock, retryPeriodMs * (1 + jitter * random.next()), ending).catch(() => undefined);
		}
		return false;
	}

	async #renewWhile(stopped: AbortSignal): Promise<void> {
		const { clock, retryPeriodMs, renewDeadlineMs, namespace, name } = this.#options;
		const either = AbortSignal.any([this.#ending, stopped]);
		let renewedMs = clock.now();
		while (!either.aborted) {
			await sleep(clock, retryPeriodMs, either).catch(() => undefined);
			if (either.aborted) return;
			// A server that does not answer is as bad as one that refuses: the others count on the deadline.
			const overdue = sleep(clock, renewedMs + renewDeadlineMs - clock.now(), either).then(
				() => false,
				() => false,
			);
			if (await Promise.race([this.#tryAcquireOrRenew(), overdue])) {
				renewedMs = clock.now();
			} else if (!this.isLeader() || clock.now() - renewedMs >= renewDeadlineMs) {
				this.#log.warn(`failed to renew lease ${namespace}/${name}: timed out waiting for the condition`);
				return;
			}
		}
	}

	/** Whether the Lease is ours afterwards. Never rejects. */
	async #tryAcquireOrRenew(): Promise<boolean> {
		try {
			const held = await this.#read();
			if (held === undefined) {
				this.#observe(await this.#leases.create(this.#lease(undefined)));
				return true;
			}
			if (this.#isHeldByOther(held)) return false;
			this.#observe(await this.#leases.update(this.#lease(held)));
			return true;
		} catch (error) {
			this.#log.debug("Failed to update lease", { error: String(error) });
			return false;
		}
	}

	async #read(): Promise<Lease | undefined> {
		const { namespace, name } = this.#options;
		try {
			const lease = await this.#leases.get({ namespace, name });
			this.#observe(lease);
			return lease;
		} catch (error) {
			if (isStatusError(error, "NotFound")) return undefined;
			throw error;
		}
	}

	#observe(lease: Lease): void {
		const { clock, identity, onNewLeader } = this.#options;
		if (lease.metadata?.resourceVersion !== this.#observed?.metadata?.resourceVersion) this.#observedMs = clock.now();
		this.#observed = lease;
		const holder = lease.spec?.holderIdentity ?? "";
		if (holder === this.#reportedLeader) return;
		this.#reportedLeader = holder;
		if (holder !== "" && holder !== identity) onNewLeader?.(holder);
	}

	#isHeldByOther({ spec }: Lease): boolean {
		const { clock, identity, leaseDurationMs } = this.#options;
		const holder = spec?.holderIdentity ?? "";
		const durationMs = spec?.leaseDurationSeconds === undefined ? leaseDurationMs : spec.leaseDurationSeconds * 1000;
		return holder !== "" && holder !== identity && this.#observedMs + durationMs > clock.now();
	}

	#lease(held: Lease | undefined): Lease {
		const { clock, identity, leaseDurationMs, namespace, name } = this.#options;
		const nowText = formatMicroTime(clock.now());
		const renewing = held?.spec?.holderIdentity === identity;
		const transitions = held?.spec?.leaseTransitions ?? 0;
		const spec: LeaseSpec = {
			holderIdentity: identity,
			leaseDurationSeconds: Math.round(leaseDurationMs / 1000),
			acquireTime: renewing ? (held.spec?.acquireTime ?? nowText) : nowText,
			renewTime: nowText,
			leaseTransitions: renewing || held === undefined ? transitions : transitions + 1,
		};
		const base: Lease = held ?? { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { namespace, name } };
		return { ...base, spec: { ...held?.spec, ...spec } };
	}

	/** Gives the Lease back, so that the next candidate need not wait for it to expire. */
	async #release(): Promise<void> {
		const { clock } = this.#options;
		const held = this.#observed;
		if (held === undefined || !this.isLeader()) return;
		const nowText = formatMicroTime(clock.now());
		const spec: LeaseSpec = { ...held.spec, holderIdentity: "", leaseDurationSeconds: 1, acquireTime: nowText, renewTime: nowText };
		try {
			this.#observe(await this.#leases.update({ ...held, spec }));
		} catch (error) {
			this.#log.debug("Failed to release lease", { error: String(error) });
		}
	}
}
