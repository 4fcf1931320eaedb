/** A network that delays, reorders, duplicates, drops and is cut, each direction of a link for itself. */
import type { Random } from "../../../src/apimachinery/random.ts";
import type { MemberId } from "../../../src/store/raft/index.ts";
import type { Timers } from "./timers.ts";

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
	readonly #timers: Timers;
	readonly #random: Random;

	constructor(timers: Timers, random: Random) {
		this.#timers = timers;
		this.#random = random;
	}

	cut(from: MemberId, to: MemberId): void {
		this.#cut.add(`${from}>${to}`);
	}

	heal(): void {
		this.#cut.clear();
	}

	/** Calls `arrive` later, or never, or twice if `mayDuplicate`. */
	send(from: MemberId, to: MemberId, arrive: () => void, mayDuplicate = true): void {
		if (this.#random.next() < this.weather.dropProbability) return;
		this.#carry(from, to, arrive);
		if (this.#random.next() < this.weather.duplicateProbability && mayDuplicate) this.#carry(from, to, arrive);
	}

	#carry(from: MemberId, to: MemberId, arrive: () => void): void {
		const { minDelayMs, maxDelayMs, straggleProbability } = this.weather;
		const delay = minDelayMs + this.#random.int(maxDelayMs - minDelayMs + 1);
		const factor = this.#random.next() < straggleProbability ? 1 + this.#random.int(10) : 1;
		const link = `${from}>${to}`;
		if (this.#cut.has(link)) return;
		this.#timers.after(delay * factor, () => {
			if (!this.#cut.has(link)) arrive();
		});
	}
}
