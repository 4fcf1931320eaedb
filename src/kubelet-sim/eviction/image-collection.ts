/**
 * Which images a node deletes to have room: those that no container uses and that are not new, the longest unused ones first. Pure.
 * Source: pkg/kubelet/images/image_gc_manager.go, https://kubernetes.io/docs/concepts/architecture/garbage-collection/#container-image-lifecycle
 */
export interface CollectableImage {
	readonly reference: string;
	readonly sizeBytes: number;
	/** When it came, Unix ms. */
	readonly sinceMs: number;
}

/** @param bytesToFree infinity: all that can go */
export function imagesToDelete<T extends CollectableImage>(
	images: Iterable<T>,
	isUsed: (reference: string) => boolean,
	bytesToFree: number,
	{ nowMs, minAgeMs }: { readonly nowMs: number; readonly minAgeMs: number },
): readonly T[] {
	const eligible = [...images].filter(({ reference, sinceMs }) => !isUsed(reference) && nowMs - sinceMs >= minAgeMs);
	eligible.sort((a, b) => a.sinceMs - b.sinceMs);
	const chosen: T[] = [];
	let freed = 0;
	for (const image of eligible) {
		if (freed >= bytesToFree) break;
		chosen.push(image);
		freed += image.sizeBytes;
	}
	return chosen;
}
