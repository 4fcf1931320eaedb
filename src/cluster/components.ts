/**
 * What runs beside the API server: controllers, scheduler and simulated nodes, each with an identity and a fork of the
 * random source of its own. See own-components.ts for a cluster of one server, elected-components.ts for several.
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import type { FeatureGates } from "../apimachinery/feature-gates.ts";
import type { Logger } from "../apimachinery/log.ts";
import type { Random } from "../apimachinery/random.ts";
import type { UserInfo } from "../apimachinery/user.ts";
import type { Client } from "../client/client.ts";
import { InformerFactory } from "../client/informer.ts";
import {
	ControllerManager,
	type ControllerManagerOptions,
	type ControllerMetrics,
	type ControllerSetOptions,
} from "../controllers/index.ts";
import {
	type ApiServerPort,
	Fleet,
	type ImageCatalog,
	type LatencyOption,
	type NodeCredentials,
	type NodeOptions,
} from "../kubelet-sim/index.ts";
import { Scheduler, type SchedulerOptions } from "../scheduler/index.ts";
import { ClusterControllers, type ClusterControllersOptions } from "./cluster-controllers.ts";

export interface ComponentOptions {
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	readonly latency: LatencyOption;
	readonly images: ImageCatalog;
	readonly clientFor: (user: UserInfo) => Client;
	/** Default all. */
	readonly controllers?: readonly string[];
	/** See controllers/controllers.ts. */
	readonly loadBalancerPool?: string;
	/** Where components count what they do. */
	readonly metrics: ControllerMetrics;
	/** Default: kube-scheduler's own configuration, and no further plugins. */
	readonly scheduler?: Pick<SchedulerOptions, "configuration" | "plugins" | "connectExtender">;
	readonly featureGates: FeatureGates;
	/** Whether names are answered although nobody in the cluster does. */
	readonly hasOwnDns: boolean;
	/** PEM. */
	readonly rootCa: () => string;
	/** What controllers sign with the cluster's authority and keys. */
	readonly signers: Pick<ControllerManagerOptions, "signCertificate" | "signServiceAccountToken">;
	/** How many nodes there are to be, at least. */
	readonly nodes: number;
	readonly nodeTemplate: Omit<NodeOptions, "name"> | undefined;
	/** For nodes that have certificates. */
	readonly credentials: NodeCredentials;
	/** PEM. */
	readonly clusterCa: string;
	/** Where pods and nodes reach the API over the network. */
	readonly apiServer: ApiServerPort;
}

export interface Components {
	readonly controllers: ClusterControllers;
	/** Undefined while another server runs it. */
	readonly scheduler: Scheduler | undefined;
	/** Undefined while another server runs the nodes. */
	readonly fleet: Fleet | undefined;
	/** Another server runs the nodes. Known once `start` has resolved. */
	readonly areNodesElsewhere: boolean;
	/** Of this server, whoever runs the rest. */
	readonly informers: InformerFactory;
	/** Resolves when everything is on its way. */
	start(signal: AbortSignal): Promise<void>;
	/** After the signal aborted: resolves when nothing of it writes any more. */
	stopped(): Promise<void>;
}

export const controllerManagerUser: UserInfo = { name: "system:kube-controller-manager", groups: ["system:authenticated"] };

/** One set for controllers, scheduler and nodes, read as kube-controller-manager reads its own: it may list everything. */
export function createInformers({ clock, random, log, clientFor }: ComponentOptions): InformerFactory {
	return new InformerFactory({ client: clientFor(controllerManagerUser), clock, random: random.fork("informers"), log });
}

function controllerSet({ rootCa, signers, loadBalancerPool, featureGates }: ComponentOptions): ControllerSetOptions {
	return { rootCa, ...signers, featureGates, ...(loadBalancerPool === undefined ? {} : { loadBalancerPool }) };
}

/** @param chosen which of them run: see controllers/chosen.ts */
export function createControllers(options: ComponentOptions, informers: InformerFactory, chosen: readonly string[]): ControllerManager {
	const { clock, random, log, clientFor, metrics } = options;
	return new ControllerManager({
		informers,
		clock,
		log,
		random: random.fork("controllers"),
		clientFor: (account) => clientFor(controllerUser(account)),
		chosen,
		metrics,
		...controllerSet(options),
	});
}

/** @throws ControllerNameError */
export function createClusterControllers(
	options: ComponentOptions,
	createReplicas?: ClusterControllersOptions["createReplicas"],
): ClusterControllers {
	return new ClusterControllers({
		names: ControllerManager.namesOf(controllerSet(options)),
		choice: options.controllers ?? ["*"],
		...(createReplicas === undefined ? {} : { createReplicas }),
	});
}

export const schedulerUser: UserInfo = { name: "system:kube-scheduler", groups: ["system:authenticated"] };

/** Attempts that can be explained afterwards, and the size of clusters in which all is known of them. */
const recordedAttempts = 200;
const maxRecordedNodes = 100;

/** Throws ProfileError. */
export function createScheduler(options: ComponentOptions, informers: InformerFactory): Scheduler {
	const { clock, random, log, clientFor, metrics, featureGates, scheduler: configured = {} } = options;
	const own = {
		informers,
		clock,
		log,
		featureGates,
		random: random.fork("scheduler"),
		client: clientFor(schedulerUser),
		metrics: metrics.registry,
	};
	const scheduler = new Scheduler({ ...configured, ...own });
	scheduler.recordAttempts(recordedAttempts, maxRecordedNodes);
	return scheduler;
}

export function createFleet(
	{ clock, random, log, latency, images, clientFor, credentials, hasOwnDns, clusterCa, apiServer }: ComponentOptions,
	informers: InformerFactory,
): Fleet {
	return new Fleet({
		informers,
		clock,
		log,
		random: random.fork("kubelets"),
		latency,
		images,
		clientFor: (node) => clientFor(nodeUser(node)),
		remover: clientFor(controllerUser("node-controller")),
		credentials,
		ownDns: hasOwnDns,
		clusterCa,
		apiServer,
	});
}

export function nodeUser(name: string): UserInfo {
	return { name: `system:node:${name}`, groups: ["system:nodes", "system:authenticated"] };
}

export function nodeNames(count: number): readonly string[] {
	return Array.from({ length: count }, (_, index) => `node-${index + 1}`);
}

function controllerUser(account: string): UserInfo {
	// Who makes the tokens of service accounts needs no token of one: it acts as the manager itself.
	if (account === "serviceaccount-token-controller") return { name: "system:kube-controller-manager", groups: ["system:authenticated"] };
	return {
		name: `system:serviceaccount:kube-system:${account}`,
		groups: ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"],
	};
}
