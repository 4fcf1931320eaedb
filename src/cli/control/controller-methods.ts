/** What commands may ask of the controllers of a cluster that runs: `kubesim controllers …`. */
import type { Cluster } from "../../cluster/index.ts";
import type { ControlMethods } from "./control-server.ts";

export function controllerMethods({ controllers }: Cluster): ControlMethods {
	return {
		"controllers.list": () => controllers.list(),
		"controllers.stop": ({ name }) => controllers.stop(String(name)),
		"controllers.start": ({ name }) => controllers.start(String(name)),
		"controllers.restart": ({ name }) => controllers.restart(String(name)),
		"controllers.replicas": () => controllers.replicas(),
		"controllers.setReplicas": ({ count }) => controllers.setReplicas(Number(count)),
		"controllers.kill": ({ replica }) => controllers.kill(String(replica)),
	};
}
