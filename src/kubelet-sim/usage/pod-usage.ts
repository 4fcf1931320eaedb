/**
 * What the containers of one pod use, at any moment of the last minutes: made from curves and from the work that their
 * programs have done (host/cpu.ts), when somebody asks. A pod that nobody asks about has no more than its image and annotations.
 *
 *   used = what the image takes by itself, or the pod's annotations say + its part of the load on Services + work done,
 *          and never more than the container's limit
 *
 * Annotations of a pod (their values are curves, see usage-curve.ts; with `.CONTAINER` behind the name, of one container alone):
 *   kubesim.dev/cpu-usage, kubesim.dev/memory-usage, kubesim.dev/disk-usage
 *
 * Annotations may change, and the load on a Service moves with its endpoints: a stretch of time in which neither did is a
 * regime. Counters never go back.
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { noThrottling, type Throttling } from "../../host/index.ts";
import {
	constantCurve,
	firstAbove,
	parseUsageCurve,
	peakOf,
	type UsageCurve,
	UsageCurveError,
	usedBetween,
	valueAt,
} from "./usage-curve.ts";

const prefix = "kubesim.dev/";
const cpuAnnotation = `${prefix}cpu-usage`;
const memoryAnnotation = `${prefix}memory-usage`;
const diskAnnotation = `${prefix}disk-usage`;
/** Memory is given in pages. */
const pageBytes = 4096;
/** Of CPU quotas. */
const quotaPeriodMs = 100;
/** For how long regimes that are over can be asked about. */
const keepMs = 120_000;

/** What a container of an image takes by itself. */
export interface ImageUsage {
	/** Of a program that nobody asks anything of. */
	readonly cores: number;
	readonly memoryBytes: number;
	/** Nobody knows what is in the image: nobody is killed for it. */
	readonly isGuess?: boolean;
	/** In their place, from the container's start on; `memoryBytes` is then the most that it comes to. */
	readonly coresCurve?: UsageCurve;
	readonly memoryCurve?: UsageCurve;
}

/** A running container. */
export interface UsedContainer {
	readonly name: string;
	readonly startedMs: number;
	readonly image: ImageUsage;
	/** How much of the processor it may have. */
	readonly cores: number;
	/** That is less than the node has, because it says so. */
	readonly isCpuLimited: boolean;
	/** `containerd://…` */
	readonly containerId: string;
	/** `docker.io/library/nginx:1.27` */
	readonly imageName: string;
	/** Absent: no limit. */
	readonly memoryLimitBytes: number | undefined;
	/** CPU time that its programs have used for work before a moment of the last minute, ms. */
	workedMs(atMs: number): number;
	/** What its programs have taken beyond the image's own. */
	readonly takenMemoryBytes: number;
}

/** A part of a load that comes from elsewhere, for the pod's first container. */
export interface UsageShare {
	readonly curve: UsageCurve;
	readonly startMs: number;
	/** 0 to 1. */
	readonly share: number;
}

interface Regime {
	/** Minus infinity for the first one. */
	readonly fromMs: number;
	readonly pod: Pod;
	/** By the key of the Service that it comes to. */
	readonly loads: ReadonlyMap<string, UsageShare>;
	/** What containers had used by then, apart from work, and how they had been held up; of instances that started at `startedMs`. */
	readonly before: ReadonlyMap<string, { readonly startedMs: number; readonly seconds: number; readonly throttling: Throttling }>;
}

/** Of most pods, all their life: shared, as thousands may be asked about. */
const noLoads: Regime["loads"] = new Map();
const nothingBefore: Regime["before"] = new Map();

export class PodUsageMeter {
	/** Oldest first, at least one. */
	#regimes: readonly Regime[];
	/** When the pod's curves begin, Unix ms. */
	readonly #startMs: number;
	readonly #containers: () => readonly UsedContainer[];
	readonly #onError: (message: string) => void;
	/** By text; what cannot be read counts as absent, and is complained of once. */
	#curves: Map<string, UsageCurve | undefined> | undefined;

	/** @param onError told of an annotation that cannot be read */
	constructor(options: {
		readonly pod: Pod;
		readonly startMs: number;
		readonly containers: () => readonly UsedContainer[];
		readonly onError: (message: string) => void;
	}) {
		this.#startMs = options.startMs;
		this.#containers = options.containers;
		this.#onError = options.onError;
		this.#regimes = [{ fromMs: Number.NEGATIVE_INFINITY, pod: options.pod, loads: noLoads, before: nothingBefore }];
	}

	containers(): readonly UsedContainer[] {
		return this.#containers();
	}

	/** From now on the pod's annotations are others. */
	podChanged(pod: Pod, nowMs: number): void {
		this.#begin({ pod }, nowMs);
	}

	/** From now on the pod has another part of a Service's load; undefined: none. */
	loadChanged(service: string, share: UsageShare | undefined, nowMs: number): void {
		const loads = new Map(this.#current.loads);
		if (share === undefined) loads.delete(service);
		else loads.set(service, share);
		this.#begin({ loads }, nowMs);
	}

	get #current(): Regime {
		return this.#regimeAt(Number.POSITIVE_INFINITY);
	}

	#begin(change: Partial<Pick<Regime, "pod" | "loads">>, nowMs: number): void {
		const before = new Map(
			this.#containers().map((container) => [
				container.name,
				{
					startedMs: container.startedMs,
					seconds: this.#spentSeconds(container, nowMs),
					throttling: this.throttling(container, noThrottling, nowMs),
				},
			]),
		);
		const { pod, loads } = this.#current;
		const recent = this.#regimes.filter((_, index) => (this.#regimes[index + 1]?.fromMs ?? nowMs) > nowMs - keepMs);
		this.#regimes = [...recent, { pod, loads, ...change, fromMs: nowMs, before }];
	}

	#regimeAt(atMs: number): Regime {
		const [first, ...others] = this.#regimes;
		if (first === undefined) throw new Error("a pod's usage has no beginning");
		return others.findLast(({ fromMs }) => fromMs <= atMs) ?? first;
	}

	/** CPU seconds since the container started. It grows with time. */
	cpuSeconds(container: UsedContainer, atMs: number): number {
		return this.#spentSeconds(container, atMs) + container.workedMs(atMs) / 1000;
	}

	/**
	 * How a container's quota holds it up: a group that wants more than it may have runs until its quota of a period is used up, and
	 * stands still for the rest of it.
	 * @param work how its programs' work was held up
	 */
	throttling(container: UsedContainer, work: Throttling, atMs: number): Throttling {
		const regime = this.#regimeAt(atMs);
		const before = regime.before.get(container.name);
		const known = before?.startedMs === container.startedMs ? before.throttling : noThrottling;
		const fromMs = Math.max(regime.fromMs, container.startedMs);
		const passedMs = Math.max(0, atMs - fromMs);
		const wanted = passedMs === 0 ? 0 : this.#wantedSeconds(regime, container, fromMs, atMs) / (passedMs / 1000);
		const periods = wanted > 0 ? Math.floor(passedMs / quotaPeriodMs) : 0;
		const isOver = wanted > container.cores;
		return {
			periods: known.periods + work.periods + periods,
			throttledPeriods: known.throttledPeriods + work.throttledPeriods + (isOver ? periods : 0),
			throttledMs: known.throttledMs + work.throttledMs + (isOver ? passedMs * (1 - container.cores / wanted) : 0),
		};
	}

	/** Average cores between two moments, within the container's limit. */
	cores(container: UsedContainer, fromMs: number, untilMs: number): number {
		const seconds = this.cpuSeconds(container, untilMs) - this.cpuSeconds(container, Math.max(fromMs, container.startedMs));
		return Math.min(container.cores, (seconds * 1000) / (untilMs - fromMs));
	}

	/** The working set at a moment. */
	memoryBytes(container: UsedContainer, atMs: number): number {
		const { curve, startMs } = this.#memoryCurve(this.#regimeAt(atMs), container);
		const bytes = Math.ceil(valueAt(curve, atMs, startMs) / pageBytes) * pageBytes + container.takenMemoryBytes;
		return Math.min(bytes, container.memoryLimitBytes ?? bytes);
	}

	/** When the container wants more memory than it may have, as things are: then it is killed. Undefined: never. */
	memoryExceededMs(container: UsedContainer, fromMs: number): number | undefined {
		const { memoryLimitBytes, takenMemoryBytes } = container;
		if (memoryLimitBytes === undefined) return undefined;
		const { curve, startMs } = this.#memoryCurve(this.#current, container);
		return firstAbove(curve, memoryLimitBytes - takenMemoryBytes, fromMs, startMs);
	}

	/** What the container's memory may come to, as things are. */
	peakMemoryBytes(container: UsedContainer): number {
		const bytes = peakOf(this.#memoryCurve(this.#current, container).curve) + container.takenMemoryBytes;
		return Math.min(bytes, container.memoryLimitBytes ?? bytes);
	}

	/** Of the container's writable layer, by annotation. */
	diskBytes(container: string, atMs: number): number {
		const curve = this.#annotated(this.#regimeAt(atMs).pod, diskAnnotation, container);
		return curve === undefined ? 0 : Math.ceil(valueAt(curve, atMs, this.#startMs));
	}

	/** What that may come to, as things are. */
	peakDiskBytes(container: string): number {
		const curve = this.#annotated(this.#current.pod, diskAnnotation, container);
		return curve === undefined ? 0 : peakOf(curve);
	}

	/** An annotation's counts from the pod's start, an image's from the container's. */
	#memoryCurve({ pod }: Regime, { name, image, startedMs }: UsedContainer): { readonly curve: UsageCurve; readonly startMs: number } {
		const annotated = this.#annotated(pod, memoryAnnotation, name);
		if (annotated !== undefined) return { curve: annotated, startMs: this.#startMs };
		return { curve: image.memoryCurve ?? constantCurve(image.memoryBytes), startMs: startedMs };
	}

	/** All but work. */
	#spentSeconds(container: UsedContainer, atMs: number): number {
		const regime = this.#regimeAt(atMs);
		const before = regime.before.get(container.name);
		const known = before?.startedMs === container.startedMs ? before.seconds : 0;
		const fromMs = Math.max(regime.fromMs, container.startedMs);
		if (atMs <= fromMs) return known;
		const used = this.#wantedSeconds(regime, container, fromMs, atMs);
		return known + Math.min(used, (container.cores * (atMs - fromMs)) / 1000);
	}

	/** What it would use if it had no limit. */
	#wantedSeconds(regime: Regime, container: UsedContainer, fromMs: number, atMs: number): number {
		return this.#rates(regime, container).reduce(
			(sum, { curve, startMs, share }) => sum + share * usedBetween(curve, fromMs, atMs, startMs),
			0,
		);
	}

	#rates({ pod, loads }: Regime, { name, image, startedMs }: UsedContainer): readonly UsageShare[] {
		const annotated = this.#annotated(pod, cpuAnnotation, name);
		const isFirst = pod.spec?.containers[0]?.name === name;
		const own =
			annotated === undefined
				? { curve: image.coresCurve ?? constantCurve(image.cores), startMs: startedMs }
				: { curve: annotated, startMs: this.#startMs };
		return [{ ...own, share: 1 }, ...(isFirst ? loads.values() : [])];
	}

	#annotated({ metadata }: Pod, name: string, container: string): UsageCurve | undefined {
		const { annotations = {} } = metadata ?? {};
		const text = annotations[`${name}.${container}`] ?? annotations[name];
		if (text === undefined) return undefined;
		this.#curves ??= new Map();
		if (!this.#curves.has(text)) this.#curves.set(text, this.#read(name, text));
		return this.#curves.get(text);
	}

	#read(name: string, text: string): UsageCurve | undefined {
		try {
			return parseUsageCurve(text);
		} catch (error) {
			if (!(error instanceof UsageCurveError)) throw error;
			this.#onError(`annotation ${name}: ${JSON.stringify(text)}: ${error.message}`);
			return undefined;
		}
	}
}

/** Whether a pod says how much memory it takes. */
export function saysMemory({ metadata }: Pod): boolean {
	return says(metadata?.annotations, memoryAnnotation);
}

/** Whether a pod says how much disk it takes. */
export function saysDisk({ metadata }: Pod): boolean {
	return says(metadata?.annotations, diskAnnotation);
}

function says(annotations: Readonly<Record<string, string>> | undefined, name: string): boolean {
	for (const key in annotations) if (key.startsWith(name)) return true;
	return false;
}

/** Whether what a pod says of its usage differs. */
export function usageDiffers({ metadata: a }: Pod, { metadata: b }: Pod): boolean {
	if (a?.annotations === undefined && b?.annotations === undefined) return false;
	return usageTexts(a?.annotations) !== usageTexts(b?.annotations);
}

function usageTexts(annotations: Readonly<Record<string, string>> | undefined): string {
	const own = Object.entries(annotations ?? {}).filter(([name]) => name.startsWith(prefix));
	return own.map((pair) => pair.join("=")).join("\n");
}
