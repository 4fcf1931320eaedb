/**
 * An operator as somebody would write it who knows Kubernetes and @kubernetes/client-node, and nothing of kubesim: it gives
 * Services of type LoadBalancer addresses out of a pool, as MetalLB does. Several of it can run; a Lease says which one works.
 *
 *   elected ─▶ informer ─▶ queue ─▶ reconcile: finalizer, address in the status, an Event; at the end, the finalizer goes
 */
import { CoreV1Api, type KubeConfig, makeInformer, type V1Service } from "@kubernetes/client-node";
import { isCode, LeaderLease, pause } from "./leader-lease.ts";

const finalizer = "loadbalancer.example.com/address";

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
	readonly #lease: LeaderLease;
	/** `namespace/name` of Services to look at. */
	readonly #queue = new Set<string>();
	#wake: () => void = () => undefined;

	constructor(config: KubeConfig, options: OperatorOptions) {
		this.#options = options;
		this.#config = config;
		this.#core = config.makeApiClient(CoreV1Api);
		const { identity, leaseSeconds } = options;
		this.#lease = new LeaderLease(config, { namespace: "kube-system", name: "loadbalancer-operator", identity, leaseSeconds });
	}

	/** Works until the signal aborts. A crash, unlike an orderly end, gives the Lease back to nobody. */
	async run(signal: AbortSignal, options: { readonly isCrash?: boolean } = {}): Promise<void> {
		await this.#lease.run((term) => this.#lead(term), signal, options);
	}

	async #lead(term: AbortSignal): Promise<void> {
		const informer = makeInformer<V1Service>(this.#config, "/api/v1/services", () => this.#core.listServiceForAllNamespaces());
		const see = ({ metadata }: V1Service) => {
			this.#queue.add(`${metadata?.namespace}/${metadata?.name}`);
			this.#wake();
		};
		informer.on("add", see);
		informer.on("update", see);
		informer.on("error", () => {
			if (!term.aborted) setTimeout(() => void informer.start(), 100);
		});
		await informer.start();
		while (!term.aborted) await this.#workOnce(term);
		await informer.stop();
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
}
