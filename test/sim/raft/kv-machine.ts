/** The state machine that the simulation replicates: registers, with put and compare-and-set. */

export interface KvCommand {
	/** A command that arrives twice (the network duplicated its forwarding) counts once. */
	readonly id: string;
	readonly key: string;
	readonly value: string;
	/** Set only if the register has this value. */
	readonly expected: string | undefined;
}

interface Image {
	readonly applied: number;
	readonly registers: readonly (readonly [string, string])[];
	readonly results: readonly (readonly [string, boolean])[];
}

export class KvMachine {
	applied: number;
	readonly #registers: Map<string, string>;
	/** Of each command ever applied: whether it set the register. */
	readonly #results: Map<string, boolean>;

	constructor(image: Image = { applied: 0, registers: [], results: [] }) {
		this.applied = image.applied;
		this.#registers = new Map(image.registers);
		this.#results = new Map(image.results);
	}

	static decode(data: Uint8Array, applied: number): KvMachine {
		if (data.length === 0) return new KvMachine({ applied, registers: [], results: [] });
		return new KvMachine(JSON.parse(Buffer.from(data).toString()) as Image);
	}

	encode(): Uint8Array {
		return Buffer.from(JSON.stringify(this.image()));
	}

	image(): Image {
		return { applied: this.applied, registers: [...this.#registers].sort(), results: [...this.#results].sort() };
	}

	read(key: string): string | undefined {
		return this.#registers.get(key);
	}

	/** Returns whether the command set the register. */
	apply(index: number, command: KvCommand | undefined): boolean {
		if (index !== this.applied + 1) throw new Error(`entry ${index} applied after ${this.applied}`);
		this.applied = index;
		if (command === undefined) return false;
		const known = this.#results.get(command.id);
		if (known !== undefined) return known;
		const set = command.expected === undefined || this.#registers.get(command.key) === command.expected;
		if (set) this.#registers.set(command.key, command.value);
		this.#results.set(command.id, set);
		return set;
	}
}

export function encodeCommand(command: KvCommand): Uint8Array {
	return Buffer.from(JSON.stringify(command));
}

/** Undefined for a new leader's empty entry. */
export function decodeCommand(data: Uint8Array): KvCommand | undefined {
	return data.length === 0 ? undefined : (JSON.parse(Buffer.from(data).toString()) as KvCommand);
}
