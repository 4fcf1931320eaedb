/** The images on a node's disk, as the runtime names them. */
import { createHash } from "node:crypto";
import { imageIdOf } from "../images/image-catalog.ts";
import { pauseImage } from "../images/plain.ts";
import { formatImageReference, type ImageReference, parseImageReference } from "../images/reference.ts";
import type { RuntimeImage } from "./cri.ts";

interface ImageOnDisk {
	readonly image: { readonly sizeBytes: number };
	/** `docker.io/library/nginx@sha256:…` */
	readonly imageId: string;
	/** When it came, Unix ms. */
	readonly sinceMs: number;
}

/** What containerd 2.1 makes sandboxes of. */
export const sandboxImage: ImageReference = { repository: "registry.k8s.io/pause", tag: "3.10" };

/** An image's id is the digest of its configuration, which one manifest has one of. @param imageRef `…@sha256:…` */
export function imageConfigId(imageRef: string): string {
	return `sha256:${createHash("sha256")
		.update(`configuration of ${imageRef.slice(imageRef.indexOf("@") + 1)}`)
		.digest("hex")}`;
}

/** By name. @param firstSandboxMs when the sandboxes' own came; undefined: it is not there */
export function describeImages(stored: ReadonlyMap<string, ImageOnDisk>, firstSandboxMs: number | undefined): readonly RuntimeImage[] {
	const byId = new Map<string, { tags: string[]; digests: string[]; sizeBytes: number; sinceMs: number; isPinned: boolean }>();
	const add = (reference: string, imageRef: string, sizeBytes: number, sinceMs: number, isPinned: boolean) => {
		const id = imageConfigId(imageRef);
		const known = byId.get(id) ?? { tags: [], digests: [], sizeBytes, sinceMs, isPinned };
		byId.set(id, known);
		if (!reference.includes("@")) known.tags.push(reference);
		if (!known.digests.includes(imageRef)) known.digests.push(imageRef);
		known.isPinned ||= isPinned;
	};
	for (const [reference, { image, imageId, sinceMs }] of stored) add(reference, imageId, image.sizeBytes, sinceMs, false);
	const own = formatImageReference(sandboxImage);
	if (firstSandboxMs !== undefined) add(own, imageIdOf(sandboxImage, pauseImage), pauseImage.sizeBytes, firstSandboxMs, true);
	const nameOf = ({ repoTags, repoDigests }: RuntimeImage) => repoTags[0] ?? repoDigests[0] ?? "";
	return [...byId]
		.map(([id, { tags, digests, sizeBytes, sinceMs, isPinned }]) => ({
			id,
			repoTags: [...new Set(tags)],
			repoDigests: digests,
			sizeBytes,
			sinceMs,
			isPinned,
		}))
		.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

/** By reference, digest, or id, which may be cut short. Undefined: none. */
export function findImage(images: readonly RuntimeImage[], name: string): RuntimeImage | undefined {
	const reference = parseImageReference(name);
	const full = "error" in reference ? undefined : formatImageReference(reference);
	const named = images.find(({ id, repoTags, repoDigests }) => id === name || [...repoTags, ...repoDigests].some((each) => each === full));
	if (named !== undefined) return named;
	const prefix = name.replace(/^sha256:/, "");
	if (!/^[0-9a-f]+$/.test(prefix)) return undefined;
	const found = images.filter(({ id }) => id.startsWith(`sha256:${prefix}`));
	return found.length === 1 ? found[0] : undefined;
}
