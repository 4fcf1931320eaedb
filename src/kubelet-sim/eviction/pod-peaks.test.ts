import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PeakSum, PodPeaks } from "./pod-peaks.ts";

interface ModelPod {
	peakMemoryBytes: number;
	peakDiskBytes: number;
	saysUsage: boolean;
}

const memory = fc.nat(100);
const disk = fc.nat(100);
const who = fc.nat(9);
/** What pods do, as their workers tell it; what a pod that says its usage does is told only where it begins to say so. */
const step = fc.oneof(
	fc.record({ type: fc.constant("added" as const), memory, disk, says: fc.boolean() }),
	fc.record({ type: fc.constant("gone" as const), who }),
	fc.record({ type: fc.constant("changed" as const), who, memory, disk }),
	fc.record({ type: fc.constant("annotated" as const), who, memory, disk, says: fc.boolean() }),
	fc.record({ type: fc.constant("asked" as const), memory: fc.nat(600), disk: fc.nat(300) }),
	fc.constant({ type: "forgotten" as const }),
);

function sumOf(pods: readonly ModelPod[]): PeakSum {
	return {
		memoryBytes: pods.reduce((sum, pod) => sum + pod.peakMemoryBytes, 0),
		diskBytes: pods.reduce((sum, pod) => sum + pod.peakDiskBytes, 0),
	};
}

describe("the peaks of a node's pods", () => {
	it("are calm exactly if their sum is, whatever happened", () => {
		fc.assert(
			fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
				let pods: ModelPod[] = [];
				const peaks = new PodPeaks(() => pods);
				const take = (pod: ModelPod, peak: { readonly memory: number; readonly disk: number }) => {
					pod.peakMemoryBytes = peak.memory;
					pod.peakDiskBytes = pod.saysUsage ? peak.disk : 0;
				};
				for (const each of steps) {
					const pod = "who" in each ? pods[each.who] : undefined;
					if (each.type === "added") {
						const made = { peakMemoryBytes: 0, peakDiskBytes: 0, saysUsage: each.says };
						take(made, each);
						pods.push(made);
						peaks.grew("n", made);
					} else if (each.type === "gone") pods = pods.filter((other) => other !== pod);
					else if (each.type === "changed" && pod !== undefined) {
						const before = pod.peakMemoryBytes;
						take(pod, each);
						if (!pod.saysUsage && pod.peakMemoryBytes > before) peaks.grew("n", pod);
					} else if (each.type === "annotated" && pod !== undefined) {
						pod.saysUsage = each.says;
						take(pod, each);
						peaks.grew("n", pod);
					} else if (each.type === "asked") {
						const isCalm = (sum: PeakSum) => sum.memoryBytes <= each.memory && sum.diskBytes <= each.disk;
						expect(peaks.areCalm("n", isCalm)).toBe(isCalm(sumOf(pods)));
					} else if (each.type === "forgotten") peaks.forget("n");
				}
			}),
			{ numRuns: 2_000 },
		);
	});

	it("are added up once, as long as there is room and nobody says what it uses", () => {
		const pods: ModelPod[] = [];
		let sums = 0;
		const peaks = new PodPeaks(() => {
			sums++;
			return pods;
		});
		const start = (saysUsage: boolean) => {
			const pod = { peakMemoryBytes: 10, peakDiskBytes: 0, saysUsage };
			pods.push(pod);
			peaks.grew("n", pod);
			return peaks.areCalm("n", ({ memoryBytes }) => memoryBytes <= 1_000);
		};
		for (let count = 0; count < 100; count++) expect(start(false)).toBe(true);
		expect(sums).toBe(1);
		expect(start(false)).toBe(false);
		pods.length = 0;
		for (let count = 0; count < 3; count++) expect(start(true)).toBe(true);
		expect(sums).toBe(5);
	});
});
