/** What commands may do to the simulated nodes of a cluster that runs: `kubesim node …`. */
import type { Cluster } from "../../cluster/index.ts";
import type { ControlMethods } from "./control-server.ts";

export function nodeMethods(cluster: Cluster): ControlMethods {
	const known = (name: unknown): string => {
		if (cluster.fleet.nodeNames().includes(String(name))) return String(name);
		throw new Error(`node ${JSON.stringify(String(name))} is not simulated here: ${cluster.fleet.nodeNames().join(", ") || "no node is"}`);
	};
	return {
		"node.stop": ({ node }) => cluster.fleet.stopNode(known(node)),
		"node.start": ({ node }) => cluster.fleet.startNode(known(node)),
	};
}
