/** The ways into a cluster from other processes: the API over HTTPS, the store over etcd's protocol, Services' node ports. Each is made when it is asked for. */
import { strict as assert } from "node:assert";
import type { MetricRegistry } from "../apimachinery/metrics/registry.ts";
import type { NodeConnector } from "../apimachinery/node-connector.ts";
import type { Aggregation } from "../apiserver/aggregation/aggregation.ts";
import type { ApiServer } from "../apiserver/api-server.ts";
import type { Auditor } from "../apiserver/audit/auditor.ts";
import { tokenIssuer } from "../apiserver/authentication/service-account-tokens.ts";
import type { FlowController } from "../apiserver/flowcontrol/flow-controller.ts";
import type { HealthCheck, StreamingEndpoint } from "../apiserver/http/api-handler.ts";
import type { HttpServer } from "../apiserver/http/server.ts";
import { frontProxyName } from "../apiserver/pki/pki.ts";
import { type ClusterParts, pkiDirectory } from "./cluster-options.ts";
import type { Components } from "./components.ts";
import { ElectedComponents } from "./elected-components.ts";
import type { EtcdListeners } from "./etcd-listeners.ts";
import type { NodePortListeners } from "./node-port-listeners.ts";
import { StreamingRelay } from "./streaming-relay.ts";

/** Where the store's etcd API is, and what a client has to show there: PEM texts. */
export interface EtcdEndpoint {
	/** The first member's. */
	readonly url: string;
	readonly port: number;
	/** Of every member, by name, at the time of the call. */
	readonly urls: () => ReadonlyMap<string, string>;
	readonly ca: string;
	readonly clientCertificate: string;
	readonly clientKey: string;
}

export interface ListenAddress {
	/** Default 127.0.0.1. */
	readonly host?: string;
	/** Default 0: any that is free. */
	readonly port?: number;
}

/** `port`: default 2379. */
export interface EtcdAddress extends ListenAddress {
	/** How many ports after it to try while they are taken; default 0. */
	readonly furtherPorts?: number;
}

interface DoorOptions
	extends Pick<ClusterParts, "clock" | "random" | "log" | "pki" | "pkiDir" | "dataDir" | "identities" | "group" | "maintained"> {
	readonly apiServer: ApiServer;
	readonly aggregation: Aggregation;
	readonly runners: Components;
	readonly nodes: NodeConnector;
	/** Of everybody in the cluster, by the time that the server is made. */
	readonly metrics: () => readonly MetricRegistry[];
	readonly auditor: () => Auditor | undefined;
	readonly isBootstrapped: () => boolean;
}

export class ClusterDoors {
	readonly #options: DoorOptions;
	#http: Promise<HttpServer> | undefined;
	/** Where it listens. */
	#url: string | undefined;
	#etcd: EtcdListeners | undefined;
	#nodePorts: NodePortListeners | undefined;

	constructor(options: DoorOptions) {
		this.#options = options;
	}

	/** Of the API; undefined before `listen`. */
	get url(): string | undefined {
		return this.#url;
	}

	/** Rejects with `PortInUseError`. */
	async listen({ host = "127.0.0.1", port = 0 }: ListenAddress = {}): Promise<{ url: string; port: number }> {
		const http = await this.httpServer();
		const bound = await http.listen({ host, port });
		const url = `https://${host.includes(":") ? `[${host}]` : host}:${bound.port}`;
		this.#url = url;
		return { url, port: bound.port };
	}

	/** Made when it first has somebody to serve. */
	httpServer(): Promise<HttpServer> {
		this.#http ??= this.#createHttpServer();
		return this.#http;
	}

	async #createHttpServer(): Promise<HttpServer> {
		const { createHttpServer } = await import("../apiserver/http/server.ts");
		const { createStreaming } = await import("../apiserver/streaming/streaming.ts");
		const { createFlowControl } = await import("../apiserver/flowcontrol/server-flow-control.ts");
		const { apiServer, nodes, identities, clock, random, log, pki } = this.#options;
		const flowControl = createFlowControl(apiServer, clock);
		return createHttpServer({
			handler: apiServer,
			clock,
			random: random.fork("http"),
			log,
			authorizePath: (user, verb, path) => apiServer.authorizePath(user, verb, path),
			require: (question) => apiServer.require(question),
			authenticateToken: (token) => apiServer.authenticateToken(token),
			frontProxy: { ca: pki.frontProxy.ca.cert, allowedNames: [frontProxyName] },
			openId: { issuer: tokenIssuer, keys: [apiServer.serviceAccountTokens.publicKey], url: () => this.#url ?? "" },
			anonymous: identities.anonymous,
			healthChecks: this.#healthChecks(flowControl),
			flowControl,
			auditor: this.#options.auditor(),
			remoteApis: this.#options.aggregation,
			metrics: this.#options.metrics(),
			tls: { cert: pki.apiServer.cert, key: pki.apiServer.key, clientCa: pki.ca.cert },
			streaming: this.#relayed(createStreaming({ server: apiServer, nodes, clock, random: random.fork("proxy"), log })),
		});
	}

	/** Passes on what is for nodes that another server runs. */
	#relayed(own: StreamingEndpoint): StreamingEndpoint {
		const { runners } = this.#options;
		if (!(runners instanceof ElectedComponents)) return own;
		const { ca, admin } = this.#options.pki;
		const whereNodesAre = () => (runners.fleet === undefined ? runners.nodesUrl : "here");
		return new StreamingRelay({ own, whereNodesAre, credentials: { ca: ca.cert, ...admin } });
	}

	/**
	 * Opens the store to etcdctl and other clients of etcd, over TLS with client certificates. The first member takes the first
	 * free port from `port` (2379) on, of at most 1 + `furtherPorts`, each further one the next. Rejects with the system's
	 * error if none is free, and `PkiError`.
	 */
	async listenEtcd({ host = "127.0.0.1", port = 2379, furtherPorts = 0 }: EtcdAddress = {}): Promise<EtcdEndpoint> {
		const { EtcdListeners } = await import("./etcd-listeners.ts");
		const { loadOrCreateEtcdPki } = await import("../apiserver/pki/etcd-pki.ts");
		const { clock, log, group, maintained: store } = this.#options;
		if (store === undefined) throw new Error("the store is an etcd of its own: ask that one");
		const directory = pkiDirectory(this.#options);
		const memberName = group?.members()[0]?.name ?? store.group.name;
		const { ca, server, healthcheckClient } = await loadOrCreateEtcdPki(directory, { nowMs: clock.now(), memberName });
		const tls = { cert: server.cert, key: server.key, clientCa: ca.cert };
		const listeners = await EtcdListeners.open({ store, group, clock, log, host, port, furtherPorts, tls });
		this.#etcd = listeners;
		const [url = ""] = listeners.urls.values();
		const credentials = { ca: ca.cert, clientCertificate: healthcheckClient.cert, clientKey: healthcheckClient.key };
		return { url, port: Number(new URL(url).port), urls: () => listeners.urls, ...credentials };
	}

	/** Opens Services' node ports on this machine, now and as they come. Called once. @param host default 127.0.0.1 */
	async listenNodePorts({ host = "127.0.0.1" }: Pick<ListenAddress, "host"> = {}): Promise<NodePortListeners> {
		const { NodePortListeners } = await import("./node-port-listeners.ts");
		const { runners, nodes, log } = this.#options;
		this.#nodePorts = new NodePortListeners({
			informers: runners.informers,
			dial: (address, port) => nodes.dial(address, port),
			log,
			host,
		});
		return this.#nodePorts;
	}

	/** Those of kube-apiserver whose part is there, in its order. */
	#healthChecks(flowControl: FlowController): readonly HealthCheck[] {
		const { apiServer } = this.#options;
		const storeAnswers = () => apiServer.pingStore();
		const bootstrapped = () => assert(this.#options.isBootstrapped(), "not finished");
		const hook = (name: string, check: () => void): HealthCheck => ({ name: `poststarthook/${name}`, liveness: true, check });
		return [
			{ name: "etcd", liveness: true, check: storeAnswers },
			{ name: "etcd-readiness", liveness: false, check: storeAnswers },
			{ name: "informer-sync", liveness: false, check: () => assert(apiServer.revision > 0, "informers not started yet") },
			hook("priority-and-fairness-config-consumer", () => assert(flowControl.hasConfiguration, "not finished")),
			hook("start-system-namespaces-controller", bootstrapped),
			hook("rbac/bootstrap-roles", bootstrapped),
			hook("scheduling/bootstrap-system-priority-classes", bootstrapped),
			hook("priority-and-fairness-config-producer", bootstrapped),
			hook("bootstrap-controller", bootstrapped),
			hook("kube-apiserver-autoregistration", bootstrapped),
			{ name: "autoregister-completion", liveness: true, check: bootstrapped },
		];
	}

	/** Nobody comes in any more. */
	async close(): Promise<void> {
		await (await this.#http)?.close();
		await this.#etcd?.close();
		this.#nodePorts?.close();
	}
}
