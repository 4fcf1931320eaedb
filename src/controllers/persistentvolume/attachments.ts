/**
 * The VolumeAttachments that there are, as far as the attach/detach controller can know: what its cache shows, what it has made that
 * the cache does not show yet, and what is going although the cache does not say so. Without it a volume that only one node may have
 * would be given to a second one while the cache is behind.
 */
import type { VolumeAttachment } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import type { ResourceClient } from "../../client/client.ts";
import type { Informer } from "../../client/informer.ts";
import { OwnWrites } from "../../client/own-writes.ts";

const byVolume = "volume";
const byNode = "node";

const volumesOf = ({ spec }: VolumeAttachment): readonly string[] => [spec.source.persistentVolumeName ?? ""];
const nodesOf = ({ spec }: VolumeAttachment): readonly string[] => [spec.nodeName];

export class Attachments {
	readonly #informer: Informer<VolumeAttachment>;
	readonly #client: ResourceClient<VolumeAttachment>;
	readonly #made = new OwnWrites<VolumeAttachment>();
	/** By name: somebody was asked to make them, and the answer is not there, or was lost. */
	readonly #uncertain = new Map<string, VolumeAttachment>();
	/** Uids of those that are being taken away, from before that shows anywhere until they are gone. */
	readonly #going = new Set<string>();

	constructor(informer: Informer<VolumeAttachment>, client: ResourceClient<VolumeAttachment>) {
		this.#informer = informer;
		this.#client = client;
		informer.cache.addIndex(byVolume, volumesOf);
		informer.cache.addIndex(byNode, nodesOf);
	}

	/** Those that the cache does not show yet among them. */
	ofVolume(volume: string): readonly VolumeAttachment[] {
		const known = this.#informer.cache.byIndex(byVolume, volume);
		const unseen = this.#unseen(volume);
		return unseen.length === 0 ? known : [...known, ...unseen];
	}

	/** Those of the cache. */
	ofNode(node: string): readonly VolumeAttachment[] {
		return this.#informer.cache.byIndex(byNode, node);
	}

	/** The cache is not where we are: whoever decided by more than it shows looks again. */
	isBehind(volume: string): boolean {
		return this.#unseen(volume).length > 0;
	}

	isGoing({ metadata }: VolumeAttachment): boolean {
		return metadata?.deletionTimestamp !== undefined || this.#going.has(metadata?.uid ?? "");
	}

	/** Asks after those of the volume of which it is not known whether they were made. Rejects with what the server answers. */
	async settle(volume: string): Promise<void> {
		for (const [name, attachment] of this.#uncertain) {
			if (attachment.spec.source.persistentVolumeName !== volume) continue;
			await this.#ask(name);
		}
	}

	/** Rejects with what the server answers: then it may have been made, or not. */
	async create(attachment: VolumeAttachment): Promise<void> {
		const { name = "" } = attachment.metadata ?? {};
		this.#uncertain.set(name, attachment);
		try {
			this.#made.note(await this.#client.create(attachment));
			this.#uncertain.delete(name);
		} catch (error) {
			if (!isStatusError(error, "AlreadyExists")) throw error;
			await this.#ask(name);
		}
	}

	/** From now on it counts as going. */
	markGoing({ metadata }: VolumeAttachment): void {
		this.#going.add(metadata?.uid ?? "");
	}

	/** It was not taken away after all. */
	unmarkGoing({ metadata }: VolumeAttachment): void {
		this.#going.delete(metadata?.uid ?? "");
	}

	/** Rejects with what the server answers: then it may have been deleted, or not, and has to be tried again. */
	async delete({ metadata }: VolumeAttachment): Promise<void> {
		const { name = "", uid = "" } = metadata ?? {};
		try {
			await this.#client.delete({ name }, { preconditions: { uid } });
		} catch (error) {
			if (!isStatusError(error, "NotFound")) throw error;
		}
	}

	forget({ metadata }: VolumeAttachment): void {
		this.#going.delete(metadata?.uid ?? "");
	}

	async #ask(name: string): Promise<void> {
		try {
			this.#made.note(await this.#client.get({ name }));
		} catch (error) {
			if (!isStatusError(error, "NotFound")) throw error;
		}
		this.#uncertain.delete(name);
	}

	#unseen(volume: string): readonly VolumeAttachment[] {
		const { cache } = this.#informer;
		const uncertain = [...this.#uncertain].flatMap(([name, attachment]) => (cache.get(name) === undefined ? [attachment] : []));
		return [...this.#made.unseen(cache), ...uncertain].filter((each) => volumesOf(each)[0] === volume);
	}
}
