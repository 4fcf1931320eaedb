/**
 * etcd's simple tokens: opaque, known to every member, good for 300 s after their last use at one. Each is a note beside the
 * keys; when it was used last is for each member to know.
 * Source: https://etcd.io/docs/v3.6/learning/design-auth-v3/
 */
import { randomInt } from "node:crypto";
import type { Clock } from "../../../apimachinery/clock/clock.ts";
import type { MaintainedStore } from "../../store.ts";

const lifetimeMs = 300_000;
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const nameLength = 16;
const recordPrefix = "etcd/token/";

interface Login {
	readonly user: string;
	readonly issuedMs: number;
}

export class Tokens {
	readonly #store: MaintainedStore;
	readonly #clock: Clock;
	/** When a token was used here last, ms. */
	readonly #used = new Map<string, number>();
	/** Issued here: to be cleared away here. */
	readonly #issued = new Map<string, Login>();

	constructor(store: MaintainedStore, clock: Clock) {
		this.#store = store;
		this.#clock = clock;
	}

	/** @param index comes behind the dot, as in etcd: where in its log the login stands. */
	async issue(user: string, index: number): Promise<string> {
		await this.revoke((_, token) => !this.#isGood(token));
		const name = Array.from({ length: nameLength }, () => letters.charAt(randomInt(letters.length))).join("");
		const token = `${name}.${index}`;
		const login: Login = { user, issuedMs: this.#clock.now() };
		await this.#store.setRecord(recordPrefix + token, Buffer.from(JSON.stringify(login)));
		this.#issued.set(token, login);
		return token;
	}

	/** Whose it is; undefined for one that is not, or no longer, good. */
	userOf(token: string): string | undefined {
		const login = this.#login(token);
		if (login === undefined || !this.#isGood(token)) return undefined;
		this.#used.set(token, this.#clock.now());
		return login.user;
	}

	/** Logs out those who logged in here. */
	async revoke(isConcerned: (user: string, token: string) => boolean): Promise<void> {
		for (const [token, { user }] of this.#issued) {
			if (!isConcerned(user, token)) continue;
			this.#issued.delete(token);
			this.#used.delete(token);
			await this.#store.setRecord(recordPrefix + token, undefined);
		}
	}

	#login(token: string): Login | undefined {
		const record = this.#store.record(recordPrefix + token);
		return record === undefined ? undefined : (JSON.parse(Buffer.from(record).toString()) as Login);
	}

	#isGood(token: string): boolean {
		const lastMs = this.#used.get(token) ?? this.#login(token)?.issuedMs;
		return lastMs !== undefined && lastMs + lifetimeMs > this.#clock.now();
	}
}
