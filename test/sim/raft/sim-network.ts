/** A network that delays, reorders, duplicates, drops and is cut, each direction of a link for itself. */
import type { Random } from "../../../src/apimachinery/random.ts";
import type { MemberId, Message } from "../../../src/store/raft/index.ts";
import type { EventQueue } from "./event-queue.ts";

export interface NetworkWeather {
	/** 0 to 1. */
	dropProbability: number;
	/** 0 to 1. */
	duplicateProbability: number;
	minDelayMs: number;
	maxDelayMs: number;
	/** 0 to 1: how many messages take up to ten times as long. */
	straggleProbability: number;
}

export const calm: Readonly<NetworkWeather> = {
	dropProbability: 0,
	duplicateProbability: 0,
	minDelayMs: 1,
	maxDelayMs: 5,
	straggleProbability: 0,
};

export class SimNetwork {
	weather: NetworkWeather = { ...calm };
	/** Directions that carry nothing: "from>to". */
	readonly #cut = new Set<string>();
	readonly #queue: EventQueue;
	readonly #random: Random;
	readonly #deliver: (message: Message) => void;

	constructor(queue: EventQueue, random: Random, deliver: (message: Message) => void) {
		this.#queue = queue;
		this.#random = random;
		this.#deliver = deliver;
	}

	cut(from: MemberId, to: MemberId): void {
		this.#cut.add(`${from}>${to}`);
	}

	heal(): void {
		this.#cut.clear();
	}

	send(message: Message): void {
		if (this.#random.next() < this.weather.dropProbability) return;
		this.#carry(message);
		if (this.#random.next() < this.weather.duplicateProbability) this.#carry(message);
	}

	#carry(message: Message): void {
		const { minDelayMs, maxDelayMs, straggleProbability } = this.weather;
		const delay = minDelayMs + this.#random.int(maxDelayMs - minDelayMs + 1);
		const factor = this.#random.next() < straggleProbability ? 1 + this.#random.int(10) : 1;
		if (this.#cut.has(`${message.from}>${message.to}`)) return;
		this.#queue.after(delay * factor, () => {
			if (!this.#cut.has(`${message.from}>${message.to}`)) this.#deliver(message);
		});
	}
}
