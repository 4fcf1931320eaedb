/** A client: one operation at a time, at any member, and patience for a while. */
import type { Random } from "../../../src/apimachinery/random.ts";
import type { History, Operation } from "../world/history.ts";
import type { EventQueue } from "./event-queue.ts";
import { encodeCommand } from "./kv-machine.ts";
import type { SimMember } from "./sim-member.ts";

const keys = ["a", "b", "c"];
const patienceMs = 700;

export class SimClient {
	active = true;
	readonly #name: string;
	readonly #queue: EventQueue;
	readonly #random: Random;
	readonly #members: readonly SimMember[];
	readonly #history: History;
	#count = 0;
	/** The last value seen of each key: what compare-and-set expects. */
	readonly #seen = new Map<string, string | undefined>();

	constructor(options: {
		readonly name: string;
		readonly queue: EventQueue;
		readonly random: Random;
		readonly members: readonly SimMember[];
		readonly history: History;
	}) {
		this.#name = options.name;
		this.#queue = options.queue;
		this.#random = options.random;
		this.#members = options.members;
		this.#history = options.history;
		this.#pause();
	}

	#pause(): void {
		this.#queue.after(this.#random.int(30), () => {
			if (this.active) this.#next();
		});
	}

	#next(): void {
		const member = this.#pick(this.#members);
		const key = this.#pick(keys);
		const dice = this.#random.next();
		if (dice < 0.45) this.#read(member, key);
		else this.#write(member, key, dice < 0.85 ? "put" : "cas");
	}

	#read(member: SimMember, key: string): void {
		const operation = this.#invoke(key, { type: "read" });
		const settle = this.#once(operation);
		const asked = member.read(key, (value) => {
			this.#seen.set(key, value);
			settle({ value });
		});
		if (!asked) this.#withdraw(operation, settle);
	}

	#write(member: SimMember, key: string, type: "put" | "cas"): void {
		const value = `${this.#name}.${this.#count}`;
		const expected = type === "cas" ? this.#seen.get(key) : undefined;
		const operation = this.#invoke(key, expected === undefined ? { type: "put", value } : { type: "cas", value, expected });
		const settle = this.#once(operation);
		const command = { id: value, key, value, expected };
		const asked = member.propose(value, encodeCommand(command), (set) => settle({ set }));
		if (!asked) this.#withdraw(operation, settle);
	}

	#invoke(key: string, action: Operation["action"]): Operation {
		this.#count++;
		return this.#history.invoke({ client: this.#name, key, action, invokedAt: this.#queue.now });
	}

	#withdraw(operation: Operation, settle: (result: undefined) => void): void {
		this.#history.withdraw(operation);
		settle(undefined);
	}

	/** The first of an answer and the end of patience counts; then the client goes on. */
	#once(operation: Operation): (result: Operation["result"]) => void {
		let settled = false;
		const settle = (result: Operation["result"]) => {
			if (settled) return;
			settled = true;
			if (result !== undefined) {
				operation.result = result;
				operation.returnedAt = this.#queue.now;
			}
			this.#pause();
		};
		this.#queue.after(patienceMs, () => settle(undefined));
		return settle;
	}

	#pick<T>(choices: readonly T[]): T {
		const choice = choices[this.#random.int(choices.length)];
		if (choice === undefined) throw new Error("nothing to choose from");
		return choice;
	}
}
