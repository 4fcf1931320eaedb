/**
 * A cluster of the learner's own, for lessons that are asked to be held on it. While one is, it runs in this process; what the lesson does
 * to it stays.
 */
import type { PacedClock } from "../../apimachinery/clock/paced-clock.ts";
import type { AuditOptions, Cluster } from "../../cluster/index.ts";
import type { ClusterSpec, Lesson } from "./lesson.ts";

export interface OwnCluster {
	readonly name: string;
	/** What it has of what a lesson may ask for. */
	readonly spec: Pick<ClusterSpec, "nodes" | "storeMembers" | "controllers" | "featureGates">;
	/** How to start it so that it has more. @param flags such as `--nodes 3` */
	startedWith(flags: string): string;
	/** Resolves when its API answers. Rejects with what keeps it from being opened. */
	open(options: OwnClusterOptions): Promise<OpenedCluster>;
}

export interface OwnClusterOptions {
	/** @param startMs the time that the cluster has reached, Unix ms */
	readonly clockAt: (startMs: number) => PacedClock;
	readonly audit: AuditOptions;
	/** Called when it is open, before anything happens in it. */
	readonly onOpen: (cluster: Cluster) => Promise<void>;
	readonly onProgress: (text: string) => void;
}

export interface OpenedCluster {
	readonly cluster: Cluster;
	readonly clock: PacedClock;
	readonly url: string;
	readonly port: number;
	/** Ends it in order. */
	close(): Promise<void>;
}

/** A lesson cannot be held on a cluster of the learner's own. */
export class OwnClusterError extends Error {
	override readonly name = "OwnClusterError";
	/** How it could be. */
	readonly hint: string;

	constructor(message: string, hint: string) {
		super(message);
		this.hint = hint;
	}
}

/** Throws OwnClusterError if the cluster lacks what the lesson is about. */
export function checkFits({ section, cluster: wanted }: Lesson, { name, spec, startedWith }: OwnCluster): void {
	const lacks = (what: string, hint: string) => new OwnClusterError(`lesson ${section} needs ${what}, and cluster ${name} has not`, hint);
	const onItsOwn = "Without --on it gets a cluster of its own.";
	if (spec.nodes < wanted.nodes) throw lacks(`${wanted.nodes} nodes`, startedWith(`--nodes ${wanted.nodes}`));
	if (wanted.storeMembers > 1 && spec.storeMembers !== wanted.storeMembers)
		throw lacks(
			`a store of ${wanted.storeMembers} members`,
			`${onItsOwn} Or make a cluster that has: ${startedWith(`--members ${wanted.storeMembers}`)}`,
		);
	const missing = Object.entries(wanted.featureGates ?? {}).filter(([gate, isOn]) => spec.featureGates?.[gate] !== isOn);
	if (missing.length > 0) {
		const gates = missing.map(([gate, isOn]) => `${gate}=${isOn}`).join(",");
		throw lacks(`the feature gates ${gates}`, startedWith(`--feature-gates ${gates}`));
	}
	if (wanted.controllers !== undefined && wanted.controllers.join() !== spec.controllers?.join())
		throw lacks(`controllers of its own (${wanted.controllers.join()})`, onItsOwn);
	if (wanted.nodeTemplate !== undefined) throw lacks("nodes of a size of its own", onItsOwn);
}
