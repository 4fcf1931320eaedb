/**
 * Whatever comes and goes in a cluster of several zones: a pod never runs where its volume cannot be reached, and a volume of one node is
 * never attached to two.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import type { PersistentVolume, Pod, VolumeAttachment } from "../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../apimachinery/status-error.ts";
import { podClaims } from "../apimachinery/storage/pod-claims.ts";
import { isReachable } from "../apimachinery/storage/volume-matching.ts";
import { nodes, persistentVolumeClaims, persistentVolumes, pods, storageClasses, volumeAttachments } from "../client/resources.ts";
import type { Cluster } from "./cluster.ts";
import { createCluster } from "./open-cluster.ts";

const zoneOf = ["east", "west", "east", "west"] as const;

type Command =
	| { readonly type: "pod"; readonly name: number; readonly claim: number }
	| { readonly type: "deletePod" | "deleteClaim" | "stopNode" | "startNode" | "cordon" | "uncordon"; readonly name: number }
	| { readonly type: "wait"; readonly ms: number };

const name = fc.nat(3);
const command: fc.Arbitrary<Command> = fc.oneof(
	{ weight: 5, arbitrary: fc.record({ type: fc.constant("pod"), name, claim: fc.nat(5) }) },
	{ weight: 3, arbitrary: fc.record({ type: fc.constantFrom("deletePod", "deletePod", "deleteClaim", "startNode"), name }) },
	{ weight: 2, arbitrary: fc.record({ type: fc.constantFrom("stopNode", "cordon", "uncordon"), name }) },
	{ weight: 3, arbitrary: fc.record({ type: fc.constant("wait"), ms: fc.constantFrom(100, 5_000, 60_000, 400_000) }) },
) as fc.Arbitrary<Command>;

/** The last two are of a class of local disks, one on each of the first two nodes. */
const classOf = (claim: number): string => (claim < 4 ? "standard" : "local");

async function start(clock: VirtualClock): Promise<Cluster> {
	const cluster = await createCluster({ clock, seed: 1, nodes: 0, latency: "none" });
	for (const [index, zone] of zoneOf.entries())
		await cluster.fleet.addNode({ name: `n${index}`, labels: { "topology.kubernetes.io/zone": zone } });
	await cluster.client
		.resource(storageClasses)
		.create({ metadata: { name: "local" }, provisioner: "kubernetes.io/no-provisioner", volumeBindingMode: "WaitForFirstConsumer" });
	for (const node of ["n0", "n1"]) {
		const requirement = { key: "kubernetes.io/hostname", operator: "In", values: [node] };
		await cluster.client.resource(persistentVolumes).create({
			metadata: { name: `disk-${node}` },
			spec: {
				capacity: { storage: "1Gi" },
				accessModes: ["ReadWriteOnce"],
				storageClassName: "local",
				hostPath: { path: "/mnt" },
				nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [requirement] }] } },
			},
		});
	}
	await clock.advance(1_000);
	return cluster;
}

/** What must not be, as the API shows it now. */
async function faults({ client }: Cluster): Promise<readonly string[]> {
	const all = {
		pods: (await client.resource(pods).list("default")).items,
		claims: (await client.resource(persistentVolumeClaims).list("default")).items,
		volumes: (await client.resource(persistentVolumes).list()).items,
		nodes: (await client.resource(nodes).list()).items,
		attachments: (await client.resource(volumeAttachments).list()).items,
	};
	const volumesOf = (pod: Pod) =>
		podClaims(pod).flatMap(({ claim }): PersistentVolume[] => {
			const volumeName = all.claims.find(({ metadata }) => metadata?.name === claim)?.spec?.volumeName;
			return all.volumes.filter(({ metadata }) => metadata?.name === volumeName);
		});
	const misplaced = all.pods.flatMap((pod) => {
		const node = all.nodes.find(({ metadata }) => metadata?.name === pod.spec?.nodeName);
		if (node === undefined) return [];
		const place = { name: pod.spec?.nodeName ?? "", labels: node.metadata?.labels ?? {} };
		if (podClaims(pod).length > 0 && volumesOf(pod).length === 0 && pod.status?.phase === "Running")
			return [`${pod.metadata?.name} runs without its volume`];
		return volumesOf(pod).flatMap((volume) =>
			isReachable(volume, place) ? [] : [`${pod.metadata?.name} is on ${place.name}, out of reach of ${volume.metadata?.name}`],
		);
	});
	const volumeOf = ({ spec }: VolumeAttachment) => spec.source.persistentVolumeName;
	const attached = all.attachments.filter(({ status }) => status?.attached === true).map(volumeOf);
	const twice = attached.filter((volume, index) => attached.indexOf(volume) !== index);
	return [...misplaced, ...twice.map((volume) => `${volume} is attached twice`)];
}

async function apply(cluster: Cluster, clock: VirtualClock, given: Command): Promise<void> {
	const { client, fleet } = cluster;
	const own = { namespace: "default", name: `p${"name" in given ? given.name : ""}` };
	switch (given.type) {
		case "pod": {
			const claimName = `c${given.claim}`;
			const claim = { accessModes: ["ReadWriteOnce"], storageClassName: classOf(given.claim), resources: { requests: { storage: "1Gi" } } };
			await client
				.resource(persistentVolumeClaims)
				.create({ metadata: { ...own, name: claimName }, spec: claim })
				.catch(ignoreExisting);
			const volumes = [{ name: "data", persistentVolumeClaim: { claimName } }];
			const containers = [{ name: "c", image: "pause", volumeMounts: [{ name: "data", mountPath: "/data" }] }];
			await client.resource(pods).create({ metadata: own, spec: { containers, volumes, terminationGracePeriodSeconds: 1 } });
			return;
		}
		case "deletePod":
			await client.resource(pods).delete(own, { gracePeriodSeconds: given.name === 0 ? 0 : 1 });
			return;
		case "deleteClaim":
			await client.resource(persistentVolumeClaims).delete({ ...own, name: `c${given.name}` });
			return;
		case "stopNode":
			fleet.stopNode(`n${given.name}`);
			return;
		case "startNode":
			fleet.startNode(`n${given.name}`);
			return;
		case "cordon":
		case "uncordon": {
			const body = { spec: { unschedulable: given.type === "cordon" } };
			await client.resource(nodes).patch({ name: `n${given.name}` }, "application/merge-patch+json", body);
			return;
		}
		case "wait":
			await clock.advance(given.ms);
			return;
		default:
			given satisfies never;
	}
}

function ignoreExisting(error: unknown): void {
	if (!isStatusError(error, "AlreadyExists")) throw error;
}

test("pods and volumes find each other, and nowhere else", async () => {
	await fc.assert(
		fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 30, size: "max" }), async (commands) => {
			const clock = new VirtualClock();
			await using closing = new AsyncDisposableStack();
			const cluster = await start(clock);
			closing.defer(() => cluster.close());
			for (const each of commands) {
				await apply(cluster, clock, each).catch((error: unknown) => {
					// The user learns that it is there already, or gone.
					if (!isStatusError(error, "AlreadyExists", "NotFound", "Conflict")) throw error;
				});
				await clock.advance(50);
				expect(await faults(cluster)).toEqual([]);
			}
		}),
		{ numRuns: 6 },
	);
}, 120_000);
