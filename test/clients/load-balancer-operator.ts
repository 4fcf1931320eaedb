/**
 * An operator as somebody would write it who knows Kubernetes and @kubernetes/client-node, and nothing of kubesim: it gives
 * Services of type LoadBalancer addresses out of a pool, as MetalLB does. Several of it can run; a Lease says which one works.
 *
 *   elected ─▶ informer ─▶ queue ─▶ reconcile: finalizer, address in the status, an Event; at the end, the finalizer goes
 */
import {
	ApiException,
	CoordinationV1Api,
	CoreV1Api,
	type KubeConfig,
	makeInformer,
	type V1Lease,
	V1MicroTime,
	type V1Service,
} from "@kubernetes/client-node";

const finalizer = "loadbalancer.example.com/address";
const leaseName = "loadbalancer-operator";
const leaseNamespace = "kube-system";

export interface OperatorOptions {
	readonly identity: string;
	/** Addresses to give away. */
	readonly pool: readonly string[];
	readonly leaseSeconds: number;
}

export class LoadBalancerOperator {
	readonly #options: OperatorOptions;
	readonly #config: KubeConfig;
	readonly #core: CoreV1Api;
	readonly #leases: CoordinationV1Api;
	/** `namespace/name` of Services to look at. */
	readonly #queue = new Set<string>();
	#wake: () => void = () => undefined;
	/** The holder's renewal as this one saw it last, and when: clocks of machines may differ. */
	#observed = { renewal: "", atMs: 0 };

	constructor(config: KubeConfig, options: OperatorOptions) {
		this.#options = options;
		this.#config = config;
		this.#core = config.makeApiClient(CoreV1Api);
		this.#leases = config.makeApiClient(CoordinationV1Api);
	}

	/** Works until the signal aborts. A crash, unlike an orderly end, gives the Lease back to nobody. */
	async run(signal: AbortSignal, { isCrash = false } = {}): Promise<void> {
		while (!signal.aborted) {
			if (!(await this.#acquire())) {
				await pause(this.#options.leaseSeconds * 250, signal);
				continue;
			}
			await this.#lead(signal);
		}
		if (!isCrash) await this.#release();
	}

	async #lead(signal: AbortSignal): Promise<void> {
		const term = new AbortController();
		const end = () => term.abort();
		signal.addEventListener("abort", end, { once: true });
		const informer = makeInformer<V1Service>(this.#config, "/api/v1/services", () => this.#core.listServiceForAllNamespaces());
		const see = ({ metadata }: V1Service) => {
			this.#queue.add(`${metadata?.namespace}/${metadata?.name}`);
			this.#wake();
		};
		informer.on("add", see);
		informer.on("update", see);
		informer.on("error", () => {
			if (!term.signal.aborted) setTimeout(() => void informer.start(), 100);
		});
		await informer.start();
		const renewing = this.#keepLease(term);
		while (!term.signal.aborted) await this.#workOnce(term.signal);
		await informer.stop();
		await renewing;
		signal.removeEventListener("abort", end);
	}

	async #keepLease(term: AbortController): Promise<void> {
		while (!term.signal.aborted) {
			await pause(this.#options.leaseSeconds * 250, term.signal);
			if (!term.signal.aborted && !(await this.#acquire())) term.abort();
		}
	}

	async #workOnce(signal: AbortSignal): Promise<void> {
		const [key] = this.#queue;
		if (key === undefined) {
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
				signal.addEventListener("abort", () => resolve(), { once: true });
			});
			return;
		}
		this.#queue.delete(key);
		try {
			await this.#reconcile(key);
		} catch (error) {
			// Somebody else wrote it meanwhile, or it is gone: looked at again.
			if (!isCode(error, 404)) this.#queue.add(key);
			if (!isCode(error, 404, 409)) await pause(100, signal);
		}
	}

	async #reconcile(key: string): Promise<void> {
		const [namespace = "", name = ""] = key.split("/");
		const service = await this.#core.readNamespacedService({ namespace, name });
		const { metadata, spec, status } = service;
		const holds = metadata?.finalizers?.includes(finalizer) === true;
		if (metadata?.deletionTimestamp !== undefined || spec?.type !== "LoadBalancer") {
			if (!holds) return;
			const finalizers = metadata?.finalizers?.filter((each) => each !== finalizer) ?? [];
			await this.#core.replaceNamespacedService({ namespace, name, body: { ...service, metadata: { ...metadata, finalizers } } });
			return;
		}
		if (!holds) {
			const finalizers = [...(metadata?.finalizers ?? []), finalizer];
			await this.#core.replaceNamespacedService({ namespace, name, body: { ...service, metadata: { ...metadata, finalizers } } });
			return;
		}
		if ((status?.loadBalancer?.ingress ?? []).length > 0) return;
		const ip = await this.#freeAddress();
		if (ip === undefined) {
			await this.#tell(service, "Warning", "NoAddress", "every address is taken");
			throw new Error("every address is taken");
		}
		await this.#core.replaceNamespacedServiceStatus({
			namespace,
			name,
			body: { ...service, status: { loadBalancer: { ingress: [{ ip }] } } },
		});
		await this.#tell(service, "Normal", "AddressAssigned", `assigned ${ip}`);
	}

	/** What the cluster knows is the truth: the next leader finds the same. */
	async #freeAddress(): Promise<string | undefined> {
		const { items } = await this.#core.listServiceForAllNamespaces();
		const taken = new Set(items.flatMap(({ status }) => status?.loadBalancer?.ingress?.map(({ ip }) => ip) ?? []));
		return this.#options.pool.find((address) => !taken.has(address));
	}

	async #tell({ metadata }: V1Service, type: string, reason: string, message: string): Promise<void> {
		const { namespace = "", name = "", uid = "" } = metadata ?? {};
		await this.#core.createNamespacedEvent({
			namespace,
			body: {
				metadata: { generateName: `${name}.` },
				involvedObject: { apiVersion: "v1", kind: "Service", namespace, name, uid },
				type,
				reason,
				message,
				source: { component: this.#options.identity },
				firstTimestamp: new Date(),
				lastTimestamp: new Date(),
				count: 1,
			},
		});
	}

	/** Takes the Lease, or renews it. */
	async #acquire(): Promise<boolean> {
		const { identity, leaseSeconds } = this.#options;
		const now = new V1MicroTime();
		try {
			const lease = await this.#readLease();
			if (lease === undefined) {
				const spec = {
					holderIdentity: identity,
					leaseDurationSeconds: leaseSeconds,
					acquireTime: now,
					renewTime: now,
					leaseTransitions: 0,
				};
				await this.#leases.createNamespacedLease({ namespace: leaseNamespace, body: { metadata: { name: leaseName }, spec } });
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
			await this.#leases.replaceNamespacedLease({ namespace: leaseNamespace, name: leaseName, body: { ...lease, spec } });
			return true;
		} catch (error) {
			if (isCode(error, 409)) return false;
			throw error;
		}
	}

	#mayTake({ spec }: V1Lease): boolean {
		const { holderIdentity = "", renewTime } = spec ?? {};
		if (holderIdentity === "" || holderIdentity === this.#options.identity) return true;
		const renewal = `${holderIdentity} ${JSON.stringify(renewTime)}`;
		if (renewal !== this.#observed.renewal) this.#observed = { renewal, atMs: performance.now() };
		return performance.now() - this.#observed.atMs > (spec?.leaseDurationSeconds ?? this.#options.leaseSeconds) * 1000;
	}

	async #readLease(): Promise<V1Lease | undefined> {
		try {
			return await this.#leases.readNamespacedLease({ namespace: leaseNamespace, name: leaseName });
		} catch (error) {
			if (isCode(error, 404)) return undefined;
			throw error;
		}
	}

	async #release(): Promise<void> {
		const lease = await this.#readLease();
		if (lease?.spec?.holderIdentity !== this.#options.identity) return;
		const body = { ...lease, spec: { ...lease.spec, holderIdentity: "" } };
		await this.#leases.replaceNamespacedLease({ namespace: leaseNamespace, name: leaseName, body });
	}
}

function isCode(error: unknown, ...codes: readonly number[]): boolean {
	return error instanceof ApiException && codes.includes(error.code);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		const timer = setTimeout(resolve, ms);
		signal.addEventListener(
			"abort",
			() => {
				clearTimeout(timer);
				resolve();
			},
			{ once: true },
		);
	});
}
