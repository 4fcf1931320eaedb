/**
 * An extender that is asked over HTTP, as its configuration says.
 * Source: k8s.io/kubernetes/pkg/scheduler/extender.go
 */
import type { Logger } from "../../apimachinery/log.ts";
import type { Container, Pod } from "../../apimachinery/schema/generated/types.ts";
import type { ExtenderConfiguration } from "../configuration/extender-configuration.ts";
import type { Extender, ExtenderFilterResult } from "../framework/extender.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import type { PreemptionCandidate } from "../framework/plugin.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import type { Snapshot } from "../framework/snapshot.ts";
import {
	bindingArgs,
	extenderArgs,
	preemptionArgs,
	readBindingError,
	readFilterAnswer,
	readPreemptionAnswer,
	readPriorities,
} from "./extender-wire.ts";

/** The way to one extender. */
export interface ExtenderConnection {
	/** POSTs JSON. Rejects with an Error in the words of Go's net/http. */
	post(url: string, body: string): Promise<{ readonly status: number; readonly body: string }>;
}

/** Finds the way to an extender. Throws an Error for keys and certificates that are none. */
export type ConnectExtender = (configuration: ExtenderConfiguration) => ExtenderConnection;

/** Those that may fail come last, whatever the file's order. Throws what `connect` throws. */
export function createExtenders(
	configurations: readonly ExtenderConfiguration[],
	connect: ConnectExtender,
	log: Logger,
): readonly Extender[] {
	const extenders = configurations.map((configuration) => new HttpExtender(configuration, connect(configuration), log));
	return [...extenders.filter(({ isIgnorable }) => !isIgnorable), ...extenders.filter(({ isIgnorable }) => isIgnorable)];
}

class HttpExtender implements Extender {
	readonly name: string;
	readonly isIgnorable: boolean;
	readonly weight: number;
	readonly canFilter: boolean;
	readonly canScore: boolean;
	readonly canPreempt: boolean;
	readonly canBind: boolean;
	readonly #configuration: ExtenderConfiguration;
	readonly #connection: ExtenderConnection;
	readonly #log: Logger;
	readonly #managed: ReadonlySet<string>;

	constructor(configuration: ExtenderConfiguration, connection: ExtenderConnection, log: Logger) {
		const { urlPrefix, ignorable, weight, filterVerb, prioritizeVerb, preemptVerb, bindVerb, managedResources } = configuration;
		this.name = urlPrefix;
		this.isIgnorable = ignorable;
		this.weight = weight;
		this.canFilter = filterVerb !== "";
		this.canScore = prioritizeVerb !== "";
		this.canPreempt = preemptVerb !== "";
		this.canBind = bindVerb !== "";
		this.#configuration = configuration;
		this.#connection = connection;
		this.#log = log;
		this.#managed = new Set(managedResources);
	}

	/** Whether a container, or one of the init containers, asks for something that the extender manages. */
	isInterested({ spec }: Pod): boolean {
		if (this.#managed.size === 0) return true;
		const asks = ({ resources }: Container) =>
			[resources?.requests, resources?.limits].some((list) => Object.keys(list ?? {}).some((name) => this.#managed.has(name)));
		return (spec?.containers.some(asks) ?? false) || (spec?.initContainers?.some(asks) ?? false);
	}

	async filter({ pod }: PodInfo, nodes: readonly NodeInfo[]): Promise<ExtenderFilterResult> {
		const { filterVerb, nodeCacheCapable } = this.#configuration;
		return this.#ask(filterVerb, extenderArgs(pod, nodes, nodeCacheCapable), (body) => {
			const answer = readFilterAnswer(body);
			if (answer.error !== "") throw new Error(answer.error);
			const names = (nodeCacheCapable ? answer.nodeNames : undefined) ?? answer.nodes ?? [];
			const known = new Map(nodes.map((node) => [node.name, node]));
			const left = names.map((name) => known.get(name) ?? this.#claims(name));
			return { nodes: left, failed: answer.failed, unresolvable: answer.unresolvable };
		});
	}

	async prioritize({ pod }: PodInfo, nodes: readonly NodeInfo[]): Promise<ReadonlyMap<string, number>> {
		const { prioritizeVerb, nodeCacheCapable } = this.#configuration;
		return this.#ask(prioritizeVerb, extenderArgs(pod, nodes, nodeCacheCapable), readPriorities);
	}

	async preempt({ pod }: PodInfo, candidates: readonly PreemptionCandidate[], snapshot: Snapshot): Promise<readonly PreemptionCandidate[]> {
		const { preemptVerb, nodeCacheCapable } = this.#configuration;
		return this.#ask(preemptVerb, preemptionArgs(pod, candidates, nodeCacheCapable), (body) =>
			readPreemptionAnswer(body).map(({ nodeName, uids, budgetViolations }) => {
				const node = snapshot.get(nodeName);
				if (node === undefined) throw new Error(`nodeinfo not found for node name "${nodeName}"`);
				const victims = uids.map((uid) => node.pods.find((pod) => pod.uid === uid) ?? this.#claimsVictim(uid, nodeName));
				return { nodeName, victims, budgetViolations };
			}),
		);
	}

	async bind({ pod }: PodInfo, nodeName: string): Promise<void> {
		await this.#ask(this.#configuration.bindVerb, bindingArgs(pod, nodeName), (body) => {
			const error = readBindingError(body);
			if (error !== "") throw new Error(error);
		});
	}

	#claims(nodeName: string): never {
		throw new Error(`extender "${this.name}" claims a filtered node "${nodeName}" which is not found in the input node list`);
	}

	#claimsVictim(uid: string, nodeName: string): never {
		throw new Error(
			`extender: ${this.name} claims to preempt pod (UID: &{${uid}}) on node: ${nodeName}, but the pod is not found on that node`,
		);
	}

	async #ask<T>(verb: string, args: object, read: (body: string) => T): Promise<T> {
		const url = `${this.name.replace(/\/+$/, "")}/${verb}`;
		try {
			const { status, body } = await this.#connection.post(url, JSON.stringify(args));
			if (status !== 200) throw new Error(`failed ${verb} with extender at URL ${url}, code ${status}`);
			return read(body);
		} catch (error) {
			if (this.isIgnorable) {
				this.#log.info("Skipping extender as it returned error and has ignorable flag set", { extender: this.name, error: String(error) });
			}
			throw error;
		}
	}
}
