/** The machines of a fleet, by name and by address. */
import type { SimNode } from "./node/sim-node.ts";

export class FleetNodes {
	readonly #byName = new Map<string, SimNode>();
	readonly #byAddress = new Map<string, SimNode>();

	get(name: string): SimNode | undefined {
		return this.#byName.get(name);
	}

	/** A machine that has power. */
	powered(name: string): SimNode | undefined {
		const node = this.#byName.get(name);
		return node?.isOff === true ? undefined : node;
	}

	byAddress(address: string): SimNode | undefined {
		return this.#byAddress.get(address);
	}

	/** In the order in which they came. */
	all(): Iterable<SimNode> {
		return this.#byName.values();
	}

	names(): readonly string[] {
		return [...this.#byName.keys()];
	}

	/** Does something to a node, if it is there. */
	with(name: string, act: (node: SimNode) => void): void {
		const node = this.#byName.get(name);
		if (node !== undefined) act(node);
	}

	/** Whether it is still of the fleet: another one may have its name now. */
	has(node: SimNode): boolean {
		return this.#byName.get(node.name) === node;
	}

	add(node: SimNode): void {
		this.#byName.set(node.name, node);
		this.#byAddress.set(node.address, node);
	}

	remove(node: SimNode): void {
		this.#byName.delete(node.name);
		if (this.#byAddress.get(node.address) === node) this.#byAddress.delete(node.address);
	}

	/** Whether an address is on a node that the API is out of reach for. */
	isCutOff(address: string): boolean {
		for (const node of this.all()) if (node.isCutOff && node.hasAddress(address)) return true;
		return false;
	}
}
