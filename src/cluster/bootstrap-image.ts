/**
 * What a bootstrap leaves in an empty store, kept to be put into the next one: a test makes hundreds of clusters, and asking for the
 * same three hundred objects again is most of what each of them costs.
 *
 *   first cluster:  empty store ─▶ bootstrap ─▶ image: every change, and where in its bytes the ids are
 *   the next ones:  image + ids of their own ─▶ store ─▶ API server, as after a restart
 *
 * Nobody can tell the two apart: the ids come from the same source in the same order, so that the store is the same byte for byte.
 * Times are not replaced; an image is good for clusters that begin at its instant, as those in virtual time do.
 */
import type { KubeObject } from "../apimachinery/meta.ts";
import type { Random } from "../apimachinery/random.ts";
import { presetDecoded } from "../apiserver/encoding.ts";
import { MemoryBackend, type StoredPut } from "../store/index.ts";

/** An id of the image's in the bytes of a change. */
interface Mark {
	readonly offset: number;
	/** Which of the ids, in the order in which they were drawn. */
	readonly index: number;
}

type ImagePut = StoredPut & {
	readonly marks: readonly Mark[];
	/** Its only id is its own. Undefined: it has others, and is parsed anew. */
	readonly object: KubeObject | undefined;
};

interface BootstrapImage {
	/** Cluster time at which it was made, Unix ms. */
	readonly atMs: number;
	/** Whatever else decides what a bootstrap makes. */
	readonly inputs: string;
	readonly puts: readonly ImagePut[];
	/** How many ids there are in it. */
	readonly ids: number;
}

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g;

/**
 * The image of a store in which a bootstrap has just been, and nothing else.
 * @param ids a source equal to that which the bootstrap drew from, as it was before
 * Undefined if there is more in the store than what was made with ids in that order.
 */
function imageOf(
	backend: MemoryBackend,
	{ ids, atMs, inputs }: { readonly ids: Random; readonly atMs: number; readonly inputs: string },
): BootstrapImage | undefined {
	const stored = backend.puts();
	if (stored === undefined) return undefined;
	const indexes = new Map(stored.map((_, index) => [ids.uuid(), index]));
	const puts: ImagePut[] = [];
	let used = 0;
	for (const put of stored) {
		const marks = marksIn(put.value, indexes);
		if (marks === undefined) return undefined;
		used = Math.max(used, ...marks.map(({ index }) => index + 1));
		const object = JSON.parse(Buffer.from(put.value).toString("utf8")) as KubeObject;
		puts.push({ ...put, marks, object: marks.length === 1 && object.metadata?.uid !== undefined ? object : undefined });
	}
	return { atMs, inputs, puts, ids: used };
}

/** Undefined if there is an id that was not drawn. */
function marksIn(value: Uint8Array, indexes: ReadonlyMap<string, number>): readonly Mark[] | undefined {
	// Latin-1 keeps characters and bytes at the same places.
	const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("latin1");
	const marks: Mark[] = [];
	for (const { index: offset, 0: id } of text.matchAll(uuid)) {
		const index = indexes.get(id);
		if (index === undefined) return undefined;
		marks.push({ offset, index });
	}
	return marks;
}

/** An engine with what the image has, under other ids. @param random the source that takes the place of the one that they were drawn from */
async function backendOf(image: BootstrapImage, random: Random): Promise<MemoryBackend> {
	const ids = Array.from({ length: image.ids }, () => random.uuid());
	const backend = new MemoryBackend();
	await backend.write(
		image.puts.map(({ value: old, marks, object, ...version }) => {
			const value = Buffer.from(old);
			for (const { offset, index } of marks) value.write(ids[index] ?? "", offset, "latin1");
			const [own] = marks;
			if (object !== undefined && own !== undefined)
				presetDecoded(value, { ...object, metadata: { ...object.metadata, uid: ids[own.index] ?? "" } });
			return { type: "change", version: { ...version, previous: undefined }, value };
		}),
	);
	return backend;
}

/** A pure memo: an image depends on its inputs alone. One is enough: tests make clusters of one kind. */
let remembered: BootstrapImage | undefined;

/** The engine of a cluster whose bootstrap may come from an image, and goes into one if there is none. */
export class ImagedStore {
	readonly backend: MemoryBackend;
	/** For the API server: what is left of the ids that the bootstrap begins. */
	readonly ids: Random;
	/** A bootstrap is in it already. */
	readonly isFilled: boolean;
	readonly #remember: () => void;

	private constructor(backend: MemoryBackend, ids: Random, remember?: () => void) {
		this.backend = backend;
		this.ids = ids;
		this.isFilled = remember === undefined;
		this.#remember = remember ?? (() => undefined);
	}

	/**
	 * @param ids makes the source that the API server draws from, always the same
	 * @param atMs cluster time, Unix ms
	 * @param inputs what else decides on what a bootstrap makes
	 */
	static async open(ids: () => Random, atMs: number, inputs: string): Promise<ImagedStore> {
		const own = ids();
		if (remembered?.atMs === atMs && remembered.inputs === inputs) return new ImagedStore(await backendOf(remembered, own), own);
		const backend = new MemoryBackend();
		return new ImagedStore(backend, own, () => {
			remembered = imageOf(backend, { ids: ids(), atMs, inputs }) ?? remembered;
		});
	}

	/** To be called right after the bootstrap. */
	remember(): void {
		this.#remember();
	}
}
