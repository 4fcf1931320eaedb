/** What the kernel of a node knows of a container: its cgroup, who it runs as, what it has used, its namespaces. */
import { quantityToNumber } from "../../apimachinery/quantity.ts";
import type { Container, EphemeralContainer, Pod } from "../../apimachinery/schema/generated/types.ts";
import type { Machine, MachineFacts } from "../../host/index.ts";
import { containerCgroup, oomScoreAdjOf } from "../cgroups/layout.ts";
import { capabilitiesOf, credentialsOf, sandboxNamespaces } from "./sandbox-facts.ts";
import type { WorkerNode } from "./worker-host.ts";

interface KnownContainer {
	/** The runtime's id of it, without the runtime's name. */
	readonly id: string;
	readonly spec: Container | EphemeralContainer;
	/** Absent before its first start. */
	readonly machine: Machine | undefined;
	readonly use: Pick<MachineFacts, "cpuMs" | "memoryBytes">;
}

/** @param scope the pod's worker, which stands for its sandbox's namespaces */
export function containerFacts(
	scope: { readonly pod: Pod; readonly node: WorkerNode },
	{ id, spec, machine, use }: KnownContainer,
): MachineFacts {
	const { pod, node } = scope;
	return {
		cgroup: containerCgroup(pod, id, node.cgroupDriver),
		oomScoreAdj: oomScoreAdjOf(pod, spec, quantityToNumber(node.capacity.memory ?? "0")),
		credentials: credentialsOf(pod, spec),
		capabilities: capabilitiesOf(spec),
		noNewPrivileges: spec.securityContext?.allowPrivilegeEscalation === false,
		seccomp: (spec.securityContext?.seccompProfile ?? pod.spec?.securityContext?.seccompProfile)?.type === "RuntimeDefault",
		...use,
		namespaces: {
			...(machine === undefined ? {} : { mnt: machine }),
			// A privileged one sees the node's groups, and all do in version 1.
			...(machine === undefined || spec.securityContext?.privileged === true || node.kernel.cgroupVersion === 1 ? {} : { cgroup: machine }),
			...sandboxNamespaces(scope),
		},
	};
}
