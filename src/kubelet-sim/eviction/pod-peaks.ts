/**
 * What the pods of each node may come to take, whatever curves do: without looking at all of them each time a container of one starts.
 *
 * Of pods that say nothing of what they use, memory grows only when they tell (`grew`), and they never have anything on disk by what
 * they say. Their sum when it was last made, and all that has told since, is as much as theirs can be, so that what is calm with that much
 * is calm. If it is not, the sum is made anew, and decides. Where a pod says what it uses, the sum is made each time.
 */

/** A pod's worker, as far as it matters here. */
export interface PodPeak {
	readonly peakMemoryBytes: number;
	readonly peakDiskBytes: number;
	/** By annotations: then its peaks change with limits and containers, too, and nobody tells. */
	readonly saysUsage: boolean;
}

export interface PeakSum {
	readonly memoryBytes: number;
	readonly diskBytes: number;
}

export class PodPeaks {
	readonly #pods: (node: string) => Iterable<PodPeak>;
	/** By node: at least what its pods' memory may come to, bytes. None if one of them says what it uses, or nobody has asked. */
	readonly #mostMemory = new Map<string, number>();

	constructor(pods: (node: string) => Iterable<PodPeak>) {
		this.#pods = pods;
	}

	/** A pod has come to the node, or its peak may have risen. One that has sunk, or is gone, need not tell. */
	grew(node: string, pod: PodPeak): void {
		const most = this.#mostMemory.get(node);
		if (most === undefined) return;
		if (pod.saysUsage) this.#mostMemory.delete(node);
		else this.#mostMemory.set(node, most + pod.peakMemoryBytes);
	}

	forget(node: string): void {
		this.#mostMemory.delete(node);
	}

	/** What `isCalm` says of the sum of the pods' peaks. @param isCalm what it says yes to it says yes to, too, if it is less */
	areCalm(node: string, isCalm: (sum: PeakSum) => boolean): boolean {
		const most = this.#mostMemory.get(node);
		return (most !== undefined && isCalm({ memoryBytes: most, diskBytes: 0 })) || isCalm(this.#sum(node));
	}

	#sum(node: string): PeakSum {
		let [memoryBytes, diskBytes, saysUsage] = [0, 0, false];
		for (const pod of this.#pods(node)) {
			memoryBytes += pod.peakMemoryBytes;
			diskBytes += pod.peakDiskBytes;
			saysUsage ||= pod.saysUsage;
		}
		if (saysUsage) this.#mostMemory.delete(node);
		else this.#mostMemory.set(node, memoryBytes);
		return { memoryBytes, diskBytes };
	}
}
