/** Disks that are attached to the nodes whose pods use them, and detached when they are unmounted. */
import fc from "fast-check";
import { SeededRandom } from "../../../src/apimachinery/random.ts";
import type { Node, PersistentVolume, Pod } from "../../../src/apimachinery/schema/generated/types.ts";
import { StatusError } from "../../../src/apimachinery/status-error.ts";
import { diskDriver, uniqueVolumeName } from "../../../src/apimachinery/storage/disk-driver.ts";
import { podClaims } from "../../../src/apimachinery/storage/pod-claims.ts";
import { formatTime } from "../../../src/apimachinery/time.ts";
import { nodes, persistentVolumeClaims, persistentVolumes, pods, volumeAttachments } from "../../../src/client/resources.ts";
import type { TimelineEntry } from "../../../src/cluster/timeline/timeline.ts";
import { runAttacher } from "../../../src/controllers/csi-driver/attacher.ts";
import { attachDetachController } from "../../../src/controllers/persistentvolume/attach-detach-controller.ts";
import { isPodTerminal } from "../../../src/controllers/pod-state.ts";
import type { TestCluster } from "../../../src/testbench/test-cluster.ts";
import { all, creating, type Life, patching, toOneOf } from "../life.ts";
import { pod } from "./pods.ts";

const nodeNames = ["n1", "n2"];
/** A disk that one node can have, and one that many can. */
const modes: Readonly<Record<string, string>> = { own: "ReadWriteOnce", shared: "ReadWriteMany" };
const outOfService = { key: "node.kubernetes.io/out-of-service", value: "nodeshutdown", effect: "NoExecute" };
/** On a node: its kubelet is silent. */
const stopped = "example.com/stopped";
/** On a node: what is mounted there, as only the kubelet and the invariant know it. */
const mountedThere = "example.com/mounted";

const uniqueName = (disk: string) => uniqueVolumeName(diskDriver, disk);
const isReady = ({ status }: Node) => status?.conditions?.some((each) => each.type === "Ready" && each.status === "True") === true;

async function prepare(cluster: TestCluster): Promise<void> {
	const { client } = cluster;
	for (const name of nodeNames) {
		await client.resource(nodes).create({ metadata: { name } });
		await sayReady(cluster, name, true);
	}
	for (const [name, mode] of Object.entries(modes)) {
		const accessModes = [mode];
		const resources = { requests: { storage: "1Gi" } };
		const claim = await client
			.resource(persistentVolumeClaims)
			.create({ metadata: { namespace: "default", name }, spec: { accessModes, resources, storageClassName: "", volumeName: name } });
		const claimRef = { namespace: "default", name, uid: claim.metadata?.uid ?? "" };
		const csi = { driver: diskDriver, volumeHandle: name };
		await client
			.resource(persistentVolumes)
			.create({ metadata: { name }, spec: { accessModes, capacity: { storage: "1Gi" }, storageClassName: "", claimRef, csi } });
	}
	for (const name of nodeNames) new Kubelet(cluster, name).start();
}

function sayReady(cluster: TestCluster, name: string, ready: boolean): Promise<unknown> {
	const condition = { type: "Ready", status: ready ? "True" : "Unknown", lastTransitionTime: formatTime(cluster.clock.now()) };
	const body = { status: { conditions: [condition] } };
	return cluster.client.resource(nodes).patch({ name }, "application/strategic-merge-patch+json", body, { subresource: "status" });
}

/**
 * What a kubelet does about volumes, and no more: it says that it needs one before it looks whether it has it, mounts what it has,
 * and says that it needs it no more when its pod is over and it is unmounted.
 */
class Kubelet {
	readonly #cluster: TestCluster;
	readonly #node: string;
	readonly #random: SeededRandom;
	#isBusy = false;

	constructor(cluster: TestCluster, node: string) {
		this.#cluster = cluster;
		this.#node = node;
		this.#random = new SeededRandom(`${cluster.startMs} ${node}`);
	}

	start(): void {
		this.#cluster.timeline.onEntry(({ kind, object }) => {
			const isMine =
				kind === "Pod" ? (object as Pod).spec?.nodeName === this.#node : kind === "Node" && object.metadata?.name === this.#node;
			if (isMine) this.#soon();
		});
	}

	#soon(): void {
		if (this.#isBusy) return;
		this.#isBusy = true;
		const look = async () => {
			this.#isBusy = false;
			if (await this.#look()) this.#soon();
		};
		const ignore = (error: unknown) => {
			// Somebody else was first: what it has written wakes us again.
			if (!(error instanceof StatusError)) throw error;
		};
		this.#cluster.clock.setTimeout(() => void look().catch(ignore), 200 + this.#random.next() * 2_000);
	}

	/** One step, if there is one. */
	async #look(): Promise<boolean> {
		const { client } = this.#cluster;
		const node = await client.resource(nodes).get({ name: this.#node });
		if (node.metadata?.annotations?.[stopped] !== undefined) return false;
		const own = all(this.#cluster, pods).filter(({ spec }) => spec?.nodeName === this.#node);
		const over = own.find(({ metadata }) => metadata?.deletionTimestamp !== undefined);
		const disksOf = (list: readonly Pod[]) => [...new Set(list.flatMap(podClaims).map(({ claim }) => claim))];
		const wanted = disksOf(own.filter((each) => each !== over && !isPodTerminal(each)));
		const mounted = node.metadata?.annotations?.[mountedThere]?.split(",") ?? [];
		const kept = mounted.filter((disk) => wanted.includes(disk));
		if (kept.length < mounted.length) return this.#mount(node, kept);
		const inUse = [...new Set([...wanted, ...mounted])].map(uniqueName).sort();
		if (inUse.join() !== [...(node.status?.volumesInUse ?? [])].sort().join()) {
			const status = { volumesInUse: inUse.length === 0 ? null : inUse };
			return this.#write(node, { metadata: {}, status }, "status");
		}
		if (over !== undefined) {
			const { namespace, name = "", uid = "" } = over.metadata ?? {};
			await client.resource(pods).delete({ namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } });
			return true;
		}
		const attached = node.status?.volumesAttached?.map(({ name }) => name) ?? [];
		const next = wanted.filter((disk) => !mounted.includes(disk) && attached.includes(uniqueName(disk)));
		return next.length > 0 && this.#mount(node, [...mounted, ...next]);
	}

	#mount(node: Node, disks: readonly string[]): Promise<true> {
		const annotations = { [mountedThere]: disks.length === 0 ? null : disks.join() };
		return this.#write(node, { metadata: { annotations } });
	}

	/** Throws if the node has changed since. */
	async #write({ metadata }: Node, body: { readonly metadata: object; readonly status?: object }, subresource?: string): Promise<true> {
		const conditional = { ...body, metadata: { ...body.metadata, resourceVersion: metadata?.resourceVersion } };
		const options = subresource === undefined ? {} : { subresource };
		await this.#cluster.client.resource(nodes).patch({ name: this.#node }, "application/merge-patch+json", conditional, options);
		return true;
	}
}

const podNames = ["p0", "p1", "p2"];
const nodeName = fc.constantFrom(...nodeNames);

const used = fc
	.tuple(fc.constantFrom(...podNames), nodeName, fc.constantFrom(...Object.keys(modes)))
	.map(([name, node, claimName]) =>
		creating(pods, pod(name, "web", { nodeName: node, volumes: [{ name: "v", persistentVolumeClaim: { claimName } }] })),
	);

const ended = fc
	.tuple(fc.nat(2), fc.constantFrom(undefined, undefined, 0))
	.map(([which, gracePeriodSeconds]) =>
		toOneOf(pods, which, gracePeriodSeconds === 0 ? "force deletion of" : "delete", ({ metadata }, { client }) =>
			client
				.resource(pods)
				.delete({ namespace: "default", name: metadata?.name ?? "" }, gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
		),
	);

const silenced = nodeName.map((name) => ({
	name: `${name} falls silent`,
	run: async (cluster: TestCluster) => {
		const body = { metadata: { annotations: { [stopped]: "yes" } } };
		await cluster.client.resource(nodes).patch({ name }, "application/merge-patch+json", body);
		await sayReady(cluster, name, false);
	},
}));

const returned = nodeName.map((name) => ({
	name: `${name} is back`,
	run: async (cluster: TestCluster) => {
		const body = { metadata: { annotations: { [stopped]: null } }, spec: { taints: null } };
		await cluster.client.resource(nodes).patch({ name }, "application/merge-patch+json", body);
		await sayReady(cluster, name, true);
	},
}));

/** Every disk is where pods need it, and only there; nodes show what they have. */
function areInPlace(cluster: TestCluster): boolean {
	const attachments = all(cluster, volumeAttachments);
	const using = all(cluster, pods).filter((each) => !isPodTerminal(each));
	const usersOf = (disk: string) => using.filter((each) => podClaims(each).some(({ claim }) => claim === disk));
	const arePlaced = Object.entries(modes).every(([disk, mode]) => {
		const wanted = new Set(usersOf(disk).map(({ spec }) => spec?.nodeName));
		const there = attachments.filter(({ spec }) => spec.source.persistentVolumeName === disk);
		const missing = mode === "ReadWriteMany" ? wanted.size : Math.min(1, wanted.size);
		return there.every(({ spec, status }) => wanted.has(spec.nodeName) && status?.attached === true) && there.length === missing;
	});
	const areShown = all(cluster, nodes).every(({ metadata, status }) => {
		const own = attachments
			.filter(({ spec }) => spec.nodeName === metadata?.name)
			.map(({ spec }) => spec.source.persistentVolumeName ?? "");
		const shown = status?.volumesAttached?.map(({ name }) => name) ?? [];
		return own.map(uniqueName).sort().join() === shown.sort().join();
	});
	return arePlaced && areShown && using.every(({ metadata }) => metadata?.deletionTimestamp === undefined || isSilent(cluster));
}

function isSilent(cluster: TestCluster): boolean {
	return all(cluster, nodes).some(({ metadata }) => metadata?.annotations?.[stopped] !== undefined);
}

/** After this a node that does not answer has lost what it had; and so long a cache may take to hear that it answers again. */
const givenUpMs = 6 * 60_000;

/** What is mounted is not taken away, unless the node is given up; what one node has, no other gets. */
function nothingIsTornAway(cluster: TestCluster): (entry: TimelineEntry) => void {
	/** When a node was last seen not to answer, Unix ms. */
	const silentAtMs = new Map<string, number>();
	return ({ kind, type, name, object, previous, atMs }) => {
		if (kind === "Node" && (!isReady(object) || (previous !== undefined && !isReady(previous)))) silentAtMs.set(name, atMs);
		if (kind !== "VolumeAttachment") return;
		const { spec } = object as {
			readonly spec: { readonly nodeName: string; readonly source: { readonly persistentVolumeName?: string } };
		};
		const disk = spec.source.persistentVolumeName ?? "";
		const isGoing = type === "DELETED" || object.metadata?.deletionTimestamp !== undefined;
		const node = all(cluster, nodes).find(({ metadata }) => metadata?.name === spec.nodeName);
		const isGivenUp =
			node === undefined ||
			!isReady(node) ||
			node.spec?.taints?.some(({ key }) => key === outOfService.key) === true ||
			atMs - (silentAtMs.get(spec.nodeName) ?? Number.NEGATIVE_INFINITY) < givenUpMs;
		if (isGoing && !isGivenUp && node.metadata?.annotations?.[mountedThere]?.split(",").includes(disk) === true)
			throw new Error(`${disk} is detached from ${spec.nodeName}, where it is mounted`);
		const volume: PersistentVolume | undefined = all(cluster, persistentVolumes).find(({ metadata }) => metadata?.name === disk);
		if (type !== "ADDED" || volume?.spec?.accessModes?.includes("ReadWriteMany") === true) return;
		const others = all(cluster, volumeAttachments).filter((each) => each.spec.source.persistentVolumeName === disk);
		if (others.length > 1) throw new Error(`${disk} is attached to ${others.map((each) => each.spec.nodeName).join(" and ")} at once`);
	};
}

const attachLife: Life = {
	controller: () => attachDetachController,
	companions: () => [{ name: "csi-attacher", run: runAttacher }],
	prepare,
	actions: fc.oneof(
		{ weight: 6, arbitrary: used },
		{ weight: 5, arbitrary: ended },
		{ weight: 1, arbitrary: silenced },
		{ weight: 1, arbitrary: returned },
		{ weight: 1, arbitrary: nodeName.map((name) => patching(nodes, name, { spec: { taints: [outOfService] } })) },
	),
	converged: areInPlace,
	invariant: nothingIsTornAway,
	owns: ({ kind }) => kind === "VolumeAttachment" || kind === "Node",
};

export const attachmentLives: Readonly<Record<string, Life>> = { "persistentvolume-attach-detach-controller": attachLife };
