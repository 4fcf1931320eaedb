/** Makes nodes: each gets a place in the network, and what it has from before stays. */
import type { Random } from "../../apimachinery/random.ts";
import type { Node, ObjectMeta, Taint } from "../../apimachinery/schema/generated/types.ts";
import type { ObjectCache } from "../../client/object-cache.ts";
import type { CertificateOptions } from "../certificates/node-certificates.ts";
import { nodeAddressOf, podCidrOf } from "./addresses.ts";
import { type KubeletConfiguration, readKubeletConfiguration } from "./kubelet-configuration.ts";
import { cgroupVersionAnnotation, defaultCapacity } from "./node-object.ts";
import { type NodeHost, SimNode } from "./sim-node.ts";

export interface NodeOptions {
	readonly name: string;
	readonly labels?: Readonly<Record<string, string>>;
	readonly annotations?: Readonly<Record<string, string>>;
	readonly taints?: readonly Taint[];
	/** Quantities, over the defaults of 4 CPUs, 8Gi, 100Gi and 110 pods. */
	readonly capacity?: Readonly<Record<string, string>>;
	/** A /24; default: the next one of 10.244.0.0/16 and on. */
	readonly podCidr?: string;
	/** Default: the next one of 172.18.0.0/16. */
	readonly address?: string;
	/** What its kubelet is told, in the terms of a KubeletConfiguration. */
	readonly kubelet?: KubeletConfiguration;
	/** The node joins by a token and has certificates, which it renews; absent: it is known without. */
	readonly certificates?: CertificateOptions | undefined;
}

export interface NewNodesOptions {
	readonly random: Random;
	readonly host: NodeHost;
	/** With an index by `podCIDR`. */
	readonly nodes: ObjectCache<Node>;
}

const noEntries: Readonly<Record<string, string>> = {};
const noTaints: readonly Taint[] = [];

export class NewNodes {
	readonly #options: NewNodesOptions;
	/** Of kubelets that are told nothing. */
	readonly #usualSettings = readKubeletConfiguration({});
	/** Places before this one are taken. */
	#nextPlace = 0;

	constructor(options: NewNodesOptions) {
		this.#options = options;
	}

	/** Throws an Error that says what cannot be of its KubeletConfiguration. */
	make(options: NodeOptions): SimNode {
		const { random, host, nodes } = this.#options;
		const known = nodes.get(options.name);
		const knownAddress = known?.status?.addresses?.find(({ type }) => type === "InternalIP")?.address;
		const place = knownAddress === undefined || known?.spec?.podCIDR === undefined ? this.#takePlace() : 0;
		const hex = () => random.uuid().replaceAll("-", "");
		const { machineID, systemUUID, bootID } = known?.status?.nodeInfo ?? {};
		const isOlder = (cgroupVersionOf(options) ?? cgroupVersionOf(known?.metadata ?? {})) === "1";
		return new SimNode(
			host,
			{
				name: options.name,
				cgroupVersion: isOlder ? 1 : 2,
				labels: options.labels ?? noEntries,
				annotations: options.annotations ?? noEntries,
				taints: options.taints ?? noTaints,
				capacity: options.capacity === undefined ? defaultCapacity : { ...defaultCapacity, ...options.capacity },
				address: options.address ?? knownAddress ?? nodeAddressOf(place),
				podCidr: options.podCidr ?? known?.spec?.podCIDR ?? podCidrOf(place),
				identity: { machineId: machineID ?? hex(), systemUuid: systemUUID ?? random.uuid(), bootId: bootID ?? random.uuid() },
			},
			// Where it has registered before, its kubelet was told to run, whatever its files say now.
			isOlder && machineID !== undefined
				? readKubeletConfiguration({ failCgroupV1: false, ...options.kubelet })
				: options.kubelet === undefined
					? this.#usualSettings
					: readKubeletConfiguration(options.kubelet),
		);
	}

	/** In the network: the next one that no node has from before. */
	#takePlace(): number {
		const isTaken = (place: number) => this.#options.nodes.byIndex("podCIDR", podCidrOf(place)).length > 0;
		while (isTaken(this.#nextPlace)) this.#nextPlace++;
		return this.#nextPlace++;
	}
}

function cgroupVersionOf({ annotations }: Pick<ObjectMeta, "annotations">): string | undefined {
	return annotations?.[cgroupVersionAnnotation];
}
