/**
 * Load that comes to a Service and is borne by the pods behind it, in equal parts: what makes an autoscaler scale without
 * anybody sending requests, which in virtual time would cost one step of the simulation each.
 *
 * Annotation of a Service, whose value is a curve (usage-curve.ts) of cores: kubesim.dev/cpu-load
 *
 * The parts change when the annotation or the ready endpoints do. Without ready endpoints the load goes nowhere.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { EndpointSlice, Service } from "../../apimachinery/schema/generated/types.ts";
import { parseTime } from "../../apimachinery/time.ts";
import type { PodUsageMeter } from "./pod-usage.ts";
import { parseUsageCurve, type UsageCurve, UsageCurveError } from "./usage-curve.ts";

const loadAnnotation = "kubesim.dev/cpu-load";

export interface ServiceLoadOptions {
	readonly clock: Clock;
	readonly log: Logger;
	endpointSlices(namespace: string, service: string): readonly EndpointSlice[];
	/** Undefined: no such pod is on the fleet's nodes. */
	meter(namespace: string, pod: string): PodUsageMeter | undefined;
}

interface Load {
	readonly namespace: string;
	readonly name: string;
	readonly text: string;
	readonly curve: UsageCurve;
	readonly startMs: number;
	/** Names of the pods that bear it. */
	pods: ReadonlySet<string>;
}

export class ServiceLoads {
	readonly #options: ServiceLoadOptions;
	/** By the Service's key; most clusters have none. */
	readonly #loads = new Map<string, Load>();
	/** Services one of whose pods was not there yet. */
	readonly #incomplete = new Set<string>();

	constructor(options: ServiceLoadOptions) {
		this.#options = options;
	}

	serviceChanged(service: Service): void {
		const key = objectKey(service);
		const text = service.metadata?.annotations?.[loadAnnotation];
		const known = this.#loads.get(key);
		if (text === known?.text) return;
		if (known !== undefined) this.#give(key, known, new Set());
		this.#loads.delete(key);
		if (text === undefined) return;
		const curve = this.#read(key, text);
		if (curve === undefined) return;
		const { namespace = "", name = "", creationTimestamp } = service.metadata ?? {};
		const startMs = creationTimestamp === undefined ? this.#options.clock.now() : parseTime(creationTimestamp);
		this.#loads.set(key, { namespace, name, text, curve, startMs, pods: new Set() });
		this.#spread(key);
	}

	serviceGone(service: Service): void {
		const key = objectKey(service);
		const load = this.#loads.get(key);
		if (load === undefined) return;
		this.#give(key, load, new Set());
		this.#loads.delete(key);
	}

	/** The endpoints of a Service have changed. @param key of the Service */
	endpointsChanged(key: string): void {
		if (this.#loads.has(key)) this.#spread(key);
	}

	/** Pods that were not there before may be by now. */
	complete(): void {
		if (this.#incomplete.size === 0) return;
		for (const key of [...this.#incomplete]) this.#spread(key);
	}

	#spread(key: string): void {
		const load = this.#loads.get(key);
		this.#incomplete.delete(key);
		if (load === undefined) return;
		const slices = this.#options.endpointSlices(load.namespace, load.name);
		const ready = slices.flatMap(({ endpoints }) => endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false);
		this.#give(key, load, new Set(ready.flatMap(({ targetRef }) => (targetRef?.kind === "Pod" ? (targetRef.name ?? []) : []))));
	}

	#give(key: string, load: Load, pods: ReadonlySet<string>): void {
		const { clock, meter } = this.#options;
		const { curve, startMs, namespace } = load;
		const isSameSize = pods.size === load.pods.size;
		for (const pod of load.pods.union(pods)) {
			const isSame = isSameSize && pods.has(pod) && load.pods.has(pod);
			if (isSame) continue;
			const found = meter(namespace, pod);
			const share = pods.has(pod) ? { curve, startMs, share: 1 / pods.size } : undefined;
			found?.loadChanged(key, share, clock.now());
			if (found === undefined && share !== undefined) this.#incomplete.add(key);
		}
		// What was not given is given once the pod is there.
		load.pods = this.#incomplete.has(key) ? new Set([...pods].filter((pod) => meter(namespace, pod) !== undefined)) : pods;
	}

	#read(key: string, text: string): UsageCurve | undefined {
		try {
			return parseUsageCurve(text);
		} catch (error) {
			if (!(error instanceof UsageCurveError)) throw error;
			this.#options.log.warn(`annotation ${loadAnnotation} of a Service cannot be read`, { service: key, text, error: error.message });
			return undefined;
		}
	}
}
