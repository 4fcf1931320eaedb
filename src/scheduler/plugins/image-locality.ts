/**
 * ImageLocality: prefers nodes that already hold the pod's images, the more the bigger they are. An image counts in
 * proportion to the share of nodes that hold it, so that the first node to have one does not draw all pods.
 * Source: https://kubernetes.io/docs/reference/scheduling/config/#scheduling-plugins
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { stateKey } from "../framework/cycle-state.ts";
import { type ImageState, normalizedImageName } from "../framework/image-states.ts";
import { maxNodeScore, type PreScorePlugin, type ScorePlugin } from "../framework/plugin.ts";
import { skip } from "../framework/status.ts";

const megabyte = 1024 * 1024;
/** Images that sum up to less count for nothing; to more than the maximum per container, for 100. */
const minThresholdBytes = 23 * megabyte;
const maxContainerThresholdBytes = 1000 * megabyte;

interface WantedImages {
	readonly images: readonly ImageState[];
	readonly containersCount: number;
	readonly nodesCount: number;
}

const wanted = stateKey<WantedImages>("PreScoreImageLocality");

export const imageLocality: PreScorePlugin & ScorePlugin = {
	name: "ImageLocality",
	preScore(state, { pod }, _nodes, snapshot) {
		const names = imageNames(pod);
		const images = names.flatMap((image) => snapshot.images.get(image) ?? []);
		if (images.length === 0) return skip;
		state.write(wanted, { images, containersCount: names.length, nodesCount: snapshot.nodes.length });
		return undefined;
	},
	score(state, _pod, { name }) {
		const { images, containersCount, nodesCount } = state.read(wanted);
		let sum = 0;
		for (const { nodes, sizeBytes } of images) {
			if (nodes.has(name)) sum += Math.trunc(sizeBytes * (nodes.size / nodesCount));
		}
		const max = maxContainerThresholdBytes * containersCount;
		const bounded = Math.min(Math.max(sum, minThresholdBytes), max);
		return Math.trunc((maxNodeScore * (bounded - minThresholdBytes)) / (max - minThresholdBytes));
	},
	eventsToRegister: () => [],
};

function imageNames({ spec }: Pod): readonly string[] {
	return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map(({ image = "" }) => normalizedImageName(image));
}
