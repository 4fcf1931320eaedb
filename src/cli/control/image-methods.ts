/** What commands may ask of the images of a cluster that runs: `kubesim image …`. */
import type { Cluster } from "../../cluster/index.ts";
import type { ControlMethods } from "./control-server.ts";

/** What registries have. */
export interface ImageReport {
	readonly repositories: readonly string[];
	/** Absent: any, or any that looks like a version. */
	readonly tags?: readonly string[];
	readonly sizeBytes: number;
	readonly source: "loaded" | "kubesim";
}

/** What a node has. */
export interface NodeImageReport {
	/** In full: `docker.io/library/nginx:1.27`. */
	readonly reference: string;
	/** `docker.io/library/nginx@sha256:…` */
	readonly imageId: string;
	readonly sizeBytes: number;
}

export function imageMethods(cluster: Cluster): ControlMethods {
	return {
		"images.load": ({ file }) => cluster.loadImages(String(file)),
		"images.list": (): readonly ImageReport[] => [
			...cluster.images.loaded().map((image) => reportOf(image, "loaded")),
			...cluster.images.builtIn().map((image) => reportOf(image, "kubesim")),
		],
		"images.ofNode": ({ node }): readonly NodeImageReport[] => {
			const images = cluster.fleet.imagesOf(String(node));
			if (images === undefined) throw new Error(`this server runs no node ${String(node)}`);
			return [...images].map(([reference, { image, imageId }]) => ({ reference, imageId, sizeBytes: image.sizeBytes }));
		},
	};
}

function reportOf({ repositories, tags, sizeBytes }: Omit<ImageReport, "source">, source: ImageReport["source"]): ImageReport {
	return { repositories, ...(tags === undefined ? {} : { tags }), sizeBytes, source };
}
