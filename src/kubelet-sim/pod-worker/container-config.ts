/**
 * What an instance of a container is made of: its environment, its volumes, its place on the node.
 * Source of behaviour: generateContainerConfig of pkg/kubelet/kuberuntime/kuberuntime_container.go.
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import type { MachineFacts } from "../../host/index.ts";
import { SimContainer } from "../container/container.ts";
import { podHostname } from "../container/network-files.ts";
import type { Image } from "../images/image.ts";
import { type Environment, specEnvironment } from "../volumes/environment.ts";
import { MissingObjectError } from "../volumes/objects.ts";
import { prepareSubPath, subPathOf } from "../volumes/sub-path.ts";
import type { ContainerLimits } from "./container-limits.ts";
import type { ContainerSpec, PodScope } from "./pod-scope.ts";
import { nonRootProblem } from "./sandbox-facts.ts";

/** Throws `MissingObjectError`. */
export function containerEnvironment(scope: PodScope, spec: ContainerSpec): Environment {
	const { pod, host } = scope;
	const own = specEnvironment(pod, spec, scope.serviceEnvironment(), host.lookups, scope.downward());
	const ofDevices = scope.deviceEnvironment(spec);
	return ofDevices.length === 0 ? own : [...own, ...ofDevices];
}

/** The environment of a container that can be created as its spec says. Throws `MissingObjectError`: CreateContainerConfigError. */
export function checkedEnvironment(scope: PodScope, spec: ContainerSpec, image: Image): Environment {
	const environment = containerEnvironment(scope, spec);
	checkSubPaths(scope, spec, environment);
	const problem = nonRootProblem(scope.pod, spec, image);
	if (problem !== undefined) throw new MissingObjectError(problem);
	return environment;
}

/** Volumes of which a part is mounted are made here, others when somebody looks. */
function checkSubPaths(scope: PodScope, spec: ContainerSpec, environment: Environment): void {
	const mounts = (spec.volumeMounts ?? []).filter(({ subPath = "", subPathExpr = "" }) => `${subPath}${subPathExpr}` !== "");
	if (mounts.length === 0) return;
	const variables = new Map([...scope.serviceEnvironment(), ...environment]);
	for (const mount of mounts) {
		const path = subPathOf(mount, (name) => variables.get(name));
		if (path !== "") prepareSubPath(scope.volumes.open(mount.name), path, mount, spec.name);
	}
}

export interface NewInstance {
	/** The runtime's, without its name. */
	readonly id: string;
	readonly spec: ContainerSpec;
	readonly image: Image;
	readonly environment: Environment;
}

/** What an instance asks of who keeps account of it. */
export interface InstanceAccount {
	readonly limits: ContainerLimits;
	facts(): MachineFacts | undefined;
	/** It takes other memory than before. */
	changed(): void;
}

/** Makes an instance, which does not run yet. */
export function newInstance(scope: PodScope, account: InstanceAccount, { id, spec, image, environment }: NewInstance): SimContainer {
	const { host, pod, network, node, volumes } = scope;
	const { clock, random, clusterDns, imageFiles } = host;
	if (network === undefined) throw new Error("a container was started before its sandbox");
	return new SimContainer({
		id,
		clock,
		random,
		pod: lastingParts(pod),
		spec,
		image,
		imageFiles,
		hostname: podHostname(pod, node.name),
		network,
		volumes,
		environment,
		services: scope.serviceEnvironment(),
		clusterDns,
		cores: () => account.limits.cores,
		memoryLimitBytes: () => account.limits.memoryBytes,
		onMemoryTaken: () => account.changed(),
		onWrite: () => host.filesGrew(node.name),
		kernel: scope.kernel,
		runsWasm: scope.runtime.kind === "wasm",
		writeFault: () => node.writeFault,
		disk: node.disk,
		facts: () => account.facts(),
		pidNamespace: scope.sharedPids,
		logPolicy: node.logPolicy,
		onLogGrow: (bytes) => {
			host.logGrew(bytes);
			host.filesGrew(node.name);
		},
		target: "targetContainerName" in spec ? scope.container(spec.targetContainerName ?? "")?.container : undefined,
	});
}

/** What containers ask of their pod, which does not change: with all of it, a version would be kept beside the one that there is. */
function lastingParts({ metadata: { namespace = "default" } = {}, spec = { containers: [] } }: Pod): Pod {
	return { metadata: { namespace }, spec };
}
