/**
 * Which nodes hold which images, for ImageLocality.
 */
import type { Node } from "../../apimachinery/schema/generated/types.ts";

export interface ImageState {
	readonly sizeBytes: number;
	/** Names of the nodes that hold it. */
	readonly nodes: ReadonlySet<string>;
}

interface MutableImageState extends ImageState {
	sizeBytes: number;
	readonly nodes: Set<string>;
}

/** The images of all nodes; the cache tells it of every node's changes. */
export class ImageStates {
	readonly #states = new Map<string, MutableImageState>();

	get states(): ReadonlyMap<string, ImageState> {
		return this.#states;
	}

	add(nodeName: string, node: Node): void {
		for (const { names, sizeBytes = 0 } of node.status?.images ?? []) {
			for (const name of names ?? []) {
				const state = this.#states.get(name);
				if (state === undefined) this.#states.set(name, { sizeBytes, nodes: new Set([nodeName]) });
				else state.nodes.add(nodeName);
			}
		}
	}

	remove(nodeName: string, node: Node): void {
		for (const { names } of node.status?.images ?? []) {
			for (const name of names ?? []) {
				const state = this.#states.get(name);
				state?.nodes.delete(nodeName);
				if (state?.nodes.size === 0) this.#states.delete(name);
			}
		}
	}
}

/** An image without tag or digest is the one tagged `latest`. */
export function normalizedImageName(name: string): string {
	return name.lastIndexOf(":") <= name.lastIndexOf("/") ? `${name}:latest` : name;
}
