/**
 * etcd's simple tokens: opaque, of this server alone, good for 300 s after their last use.
 * Source: https://etcd.io/docs/v3.6/learning/design-auth-v3/
 */
import { randomInt } from "node:crypto";
import type { Clock } from "../../../apimachinery/clock/clock.ts";

const lifetimeMs = 300_000;
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const nameLength = 16;

interface Token {
	readonly user: string;
	expiresMs: number;
}

export class Tokens {
	readonly #clock: Clock;
	readonly #tokens = new Map<string, Token>();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** @param index comes behind the dot, as in etcd: where in its log the login stands. */
	issue(user: string, index: bigint): string {
		this.#dropExpired();
		const name = Array.from({ length: nameLength }, () => letters.charAt(randomInt(letters.length))).join("");
		const token = `${name}.${index}`;
		this.#tokens.set(token, { user, expiresMs: this.#clock.now() + lifetimeMs });
		return token;
	}

	/** Whose it is; undefined for one that is not, or no longer, good. */
	userOf(token: string): string | undefined {
		const found = this.#tokens.get(token);
		const now = this.#clock.now();
		if (found === undefined || found.expiresMs <= now) return undefined;
		found.expiresMs = now + lifetimeMs;
		return found.user;
	}

	/** Logs users out. */
	revoke(isConcerned: (user: string) => boolean): void {
		for (const [token, { user }] of this.#tokens) if (isConcerned(user)) this.#tokens.delete(token);
	}

	#dropExpired(): void {
		const now = this.#clock.now();
		for (const [token, { expiresMs }] of this.#tokens) if (expiresMs <= now) this.#tokens.delete(token);
	}
}
