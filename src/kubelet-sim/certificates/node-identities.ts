/** Who nodes are for the API: by a certificate those that have to get one, by their name the others. */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { Client } from "../../client/client.ts";
import type { SimNode } from "../node/sim-node.ts";
import type { CertificateOptions, NodeCertificates, NodeCredentials } from "./node-certificates.ts";

export interface NodeIdentitiesOptions {
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	/** For the API as a node sees it: `system:node:NAME`. */
	readonly clientFor: (node: string) => Client;
	/** Absent: there are no certificates. */
	readonly credentials: NodeCredentials | undefined;
}

export class NodeIdentities {
	readonly #options: NodeIdentitiesOptions;
	/** Of nodes that have them. */
	readonly #certificates = new Map<string, NodeCertificates>();

	constructor(options: NodeIdentitiesOptions) {
		this.#options = options;
	}

	clientFor(node: string): Client {
		return this.#certificates.get(node)?.client ?? this.#options.clientFor(node);
	}

	/** From here on the node is nobody until it has a certificate: the caller's to start. */
	async prepare(node: SimNode, options: CertificateOptions): Promise<NodeCertificates> {
		const { credentials, clock, random, log } = this.#options;
		if (credentials === undefined) throw new Error("this fleet's nodes have no certificates");
		const { NodeCertificates } = await import("./node-certificates.ts");
		const own = random.fork(`certificates ${node.name}`);
		const certificates = new NodeCertificates({ ...options, node, credentials, clock, random: own, log });
		this.#certificates.set(node.name, certificates);
		return certificates;
	}

	/** The node is gone for good. */
	forget(node: string): void {
		this.#certificates.get(node)?.stop();
		this.#certificates.delete(node);
	}

	stop(): void {
		for (const certificates of this.#certificates.values()) certificates.stop();
	}
}
