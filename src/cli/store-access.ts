/**
 * A running cluster's store for those who look into it: its etcd API, the files with which etcdctl gets in, and what
 * `kubesim store` asks.
 *
 *   <cluster>/etcd/ca.crt, client.crt, client.key
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Cluster, EtcdEndpoint } from "../cluster/index.ts";
import type { ClusterConfig, ClusterDirectory } from "./cluster-directory.ts";
import type { ControlMethods } from "./control/control-server.ts";
import { storeMethods } from "./control/store-methods.ts";
import { CliError, messageOf } from "./errors.ts";

/** etcd's own. */
const usualPort = 2379;
/** Ports after it to try while they are taken: by other clusters, or by an etcd. */
const furtherPorts = 200;

export class StoreAccess {
	readonly methods: ControlMethods;
	readonly #cluster: Cluster;
	readonly #directory: string;
	readonly #port: number | undefined;
	#endpoint: EtcdEndpoint | undefined;

	constructor(cluster: Cluster, directory: ClusterDirectory, config: ClusterConfig) {
		this.#cluster = cluster;
		this.#directory = join(directory.path, "etcd");
		this.#port = config.etcdPort;
		const file = (name: string) => join(this.#directory, name);
		this.methods = storeMethods({
			cluster,
			etcd: () => this.#endpoint,
			files: { caFile: file("ca.crt"), certFile: file("client.crt"), keyFile: file("client.key") },
		});
	}

	/** Opens the etcd API, unless it is off or the store is an etcd itself. Rejects with a CliError. */
	async open(): Promise<void> {
		if (this.#port === 0 || this.#cluster.ownStore === undefined) return;
		const port = this.#port ?? usualPort;
		try {
			const endpoint = await this.#cluster.listenEtcd({ port, furtherPorts: this.#port === undefined ? furtherPorts : 0 });
			mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
			const files = { "ca.crt": endpoint.ca, "client.crt": endpoint.clientCertificate, "client.key": endpoint.clientKey };
			for (const [name, pem] of Object.entries(files)) writeFileSync(join(this.#directory, name), pem, { mode: 0o600 });
			this.#endpoint = endpoint;
		} catch (error) {
			throw new CliError(`can't open the store's etcd API on port ${port}: ${messageOf(error)}`, {
				hint: "Choose another port with --etcd-port N, or --etcd-port 0 to do without.",
				cause: error,
			});
		}
	}
}
