/**
 * An image is code: what a container of it contains, runs, prints and answers.
 */
import type { DirectoryInode, Program } from "../../host/index.ts";
import type { ImageUsage } from "../usage/pod-usage.ts";

/** The OCI image configuration, as far as a container sees it. https://github.com/opencontainers/image-spec/blob/main/config.md */
export interface ImageConfig {
	readonly entrypoint?: readonly string[];
	readonly cmd?: readonly string[];
	readonly env?: Readonly<Record<string, string>>;
	readonly workingDir?: string;
	/** USER: default root. Looked at for `runAsNonRoot` alone: programs run as root where the pod does not say otherwise. */
	readonly user?: string;
	/** How the runtime asks it to stop; SIGTERM unless set. */
	readonly stopSignal?: "TERM" | "QUIT" | "INT" | "USR1" | "WINCH";
}

export interface Image {
	/** Repositories it answers to, in full: `docker.io/library/nginx`. A trailing `*` stands for any suffix. */
	readonly repositories: readonly string[];
	/** Compressed size, bytes: what an event of a pull reports. */
	readonly sizeBytes: number;
	readonly config: ImageConfig;
	/** The frozen tree of files; made on first use and then shared. */
	readonly files: () => DirectoryInode;
	/** Programs of this image's executables, besides those that every machine knows. */
	readonly programs?: Readonly<Record<string, Program>>;
	/** What a container that runs the image's own command takes by itself; what it does for others comes on top. Default: `shellUsage`. */
	readonly usage?: ImageUsage;
	/** The tags that exist; absent: as `hasTag` says. */
	readonly tags?: readonly string[];
	/** Which tags exist. Default: `latest` and the like, and versions whose parts have at most two digits. */
	readonly hasTag?: (tag: string) => boolean;
	/** The image as it is at one of its tags, the same value each time. Default: all are alike. */
	readonly ofTag?: (tag: string) => Image;
	/** Tells images of the same reference apart: whoever has another one has another digest. Default: there is one only. */
	readonly revision?: string;
}

/** A shell or a command that waits. */
export const shellUsage: ImageUsage = { cores: 0, memoryBytes: 720 * 1024 };

/** Makes a value once, when it is first asked for. */
export function once<T>(make: () => T): () => T {
	let made: { readonly value: T } | undefined;
	return () => {
		made ??= { value: make() };
		return made.value;
	};
}
