/** Leader election by a Lease, as operators that are written with @kubernetes/client-node do it for themselves: client-go has it, client-node has not. */
import { ApiException, CoordinationV1Api, type KubeConfig, type V1Lease, V1MicroTime } from "@kubernetes/client-node";

export interface LeaseOptions {
	readonly namespace: string;
	readonly name: string;
	readonly identity: string;
	readonly leaseSeconds: number;
}

export class LeaderLease {
	readonly #options: LeaseOptions;
	readonly #leases: CoordinationV1Api;
	/** The holder's renewal as this one saw it last, and when: clocks of machines may differ. */
	#observed = { renewal: "", atMs: 0 };

	constructor(config: KubeConfig, options: LeaseOptions) {
		this.#options = options;
		this.#leases = config.makeApiClient(CoordinationV1Api);
	}

	/** Lets `lead` work whenever this one holds the Lease, until the signal aborts. A crash, unlike an orderly end, gives it back to nobody. */
	async run(lead: (term: AbortSignal) => Promise<void>, signal: AbortSignal, { isCrash = false } = {}): Promise<void> {
		while (!signal.aborted) {
			if (!(await this.#acquire())) {
				await pause(this.#retryMs, signal);
				continue;
			}
			const term = new AbortController();
			const end = () => term.abort();
			signal.addEventListener("abort", end, { once: true });
			await Promise.all([lead(term.signal), this.#keep(term)]);
			signal.removeEventListener("abort", end);
		}
		if (!isCrash) await this.#release();
	}

	get #retryMs(): number {
		return this.#options.leaseSeconds * 250;
	}

	/** Renews the Lease; the term ends when another one has it, or it could not be renewed for as long as it lasts. */
	async #keep(term: AbortController): Promise<void> {
		let renewedMs = performance.now();
		while (!term.signal.aborted) {
			await pause(this.#retryMs, term.signal);
			if (term.signal.aborted) return;
			if (await this.#acquire()) renewedMs = performance.now();
			else if (performance.now() - renewedMs > this.#options.leaseSeconds * 1000) term.abort();
		}
	}

	/** Takes the Lease, or renews it; false if somebody else has it, or nobody could be asked. */
	async #acquire(): Promise<boolean> {
		const { identity, leaseSeconds, namespace, name } = this.#options;
		const now = new V1MicroTime();
		try {
			const lease = await this.#read();
			if (lease === undefined) {
				const spec = {
					holderIdentity: identity,
					leaseDurationSeconds: leaseSeconds,
					acquireTime: now,
					renewTime: now,
					leaseTransitions: 0,
				};
				await this.#leases.createNamespacedLease({ namespace, body: { metadata: { name }, spec } });
				return true;
			}
			if (!this.#mayTake(lease)) return false;
			const isMine = lease.spec?.holderIdentity === identity;
			const spec = {
				...lease.spec,
				holderIdentity: identity,
				leaseDurationSeconds: leaseSeconds,
				renewTime: now,
				...(isMine ? {} : { acquireTime: now, leaseTransitions: (lease.spec?.leaseTransitions ?? 0) + 1 }),
			};
			await this.#leases.replaceNamespacedLease({ namespace, name, body: { ...lease, spec } });
			return true;
		} catch {
			return false;
		}
	}

	#mayTake({ spec }: V1Lease): boolean {
		const { holderIdentity = "", renewTime } = spec ?? {};
		if (holderIdentity === "" || holderIdentity === this.#options.identity) return true;
		const renewal = `${holderIdentity} ${JSON.stringify(renewTime)}`;
		if (renewal !== this.#observed.renewal) this.#observed = { renewal, atMs: performance.now() };
		return performance.now() - this.#observed.atMs > (spec?.leaseDurationSeconds ?? this.#options.leaseSeconds) * 1000;
	}

	async #read(): Promise<V1Lease | undefined> {
		const { namespace, name } = this.#options;
		try {
			return await this.#leases.readNamespacedLease({ namespace, name });
		} catch (error) {
			if (isCode(error, 404)) return undefined;
			throw error;
		}
	}

	async #release(): Promise<void> {
		const { namespace, name, identity } = this.#options;
		const lease = await this.#read();
		if (lease?.spec?.holderIdentity !== identity) return;
		await this.#leases.replaceNamespacedLease({ namespace, name, body: { ...lease, spec: { ...lease.spec, holderIdentity: "" } } });
	}
}

export function isCode(error: unknown, ...codes: readonly number[]): boolean {
	return error instanceof ApiException && codes.includes(error.code);
}

export function pause(ms: number, signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		const timer = setTimeout(resolve, ms);
		const end = () => {
			clearTimeout(timer);
			resolve();
		};
		signal.addEventListener("abort", end, { once: true });
	});
}
