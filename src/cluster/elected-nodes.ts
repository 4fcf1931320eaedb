/** The way to the nodes where servers take turns in running them: to this server's own. See streaming-relay.ts for the others'. */
import type { NodeConnector } from "../apimachinery/node-connector.ts";
import { newServiceUnavailable } from "../apimachinery/status-error.ts";
import type { ElectedComponents } from "./elected-components.ts";

export class ElectedNodes implements NodeConnector {
	readonly #components: ElectedComponents;

	constructor(components: ElectedComponents) {
		this.#components = components;
	}

	reach: NodeConnector["reach"] = async (...args) => this.#connector().reach(...args);
	logs: NodeConnector["logs"] = async (...args) => this.#connector().logs(...args);
	exec: NodeConnector["exec"] = async (...args) => this.#connector().exec(...args);
	attach: NodeConnector["attach"] = async (...args) => this.#connector().attach(...args);
	portForward: NodeConnector["portForward"] = async (...args) => this.#connector().portForward(...args);
	dial: NodeConnector["dial"] = async (...args) => this.#connector().dial(...args);

	#connector(): NodeConnector {
		const { fleet } = this.#components;
		if (fleet === undefined) throw newServiceUnavailable("another server of this cluster runs its nodes now");
		return fleet.connector;
	}
}
