/** What curl and wget have in common: URLs, and limits in cluster time. */
import { sleep } from "../../../apimachinery/clock/clock.ts";
import type { ProcessContext } from "../../machine.ts";
import { isPort, NetworkError } from "../../net/network.ts";

export interface Target {
	readonly scheme: string;
	readonly host: string;
	readonly port: number;
	readonly path: string;
}

/** Undefined for what is none; "port" if its port is no port. */
export function parseUrl(text: string): Target | "port" | undefined {
	const match = /^(?:([a-z]+):\/\/)?(?:[^/@]*@)?([^/:?#]+)(?::([^/?#]*))?([^#]*)/i.exec(text);
	if (match === null) return undefined;
	const scheme = (match[1] ?? "http").toLowerCase();
	const path = match[4] ?? "";
	const port = match[3] === undefined || match[3] === "" ? (scheme === "https" ? 443 : 80) : Number(match[3]);
	if (!isPort(port) && !(port === 0 && match[3] === "0")) return "port";
	return { scheme, host: match[2] ?? "", port, path: path.startsWith("/") ? path : `/${path}` };
}

/** Ends with its process and with its limit. */
export class Limit {
	readonly #abort = new AbortController();
	readonly #expired: Promise<never>;
	hasExpired = false;

	/** @param limitMs cluster time from now; undefined: no limit */
	constructor({ machine, process }: ProcessContext, limitMs: number | undefined) {
		process.ended.addEventListener("abort", () => this.end(), { once: true });
		const { promise, reject } = Promise.withResolvers<never>();
		this.#expired = promise;
		promise.catch(() => undefined);
		if (limitMs === undefined) return;
		sleep(machine.clock, limitMs, this.#abort.signal).then(
			() => {
				this.hasExpired = true;
				reject(new NetworkError("ETIMEDOUT"));
				this.end();
			},
			() => undefined,
		);
	}

	/** Aborts when the limit is over, and when nothing more is wanted. */
	get signal(): AbortSignal {
		return this.#abort.signal;
	}

	/** Rejects with ETIMEDOUT when the limit is over. */
	within<T>(work: Promise<T>): Promise<T> {
		return Promise.race([work, this.#expired]);
	}

	end(): void {
		this.#abort.abort(new NetworkError("ETIMEDOUT"));
	}
}

/** Seconds as a command line has them, in ms; undefined if there are none. */
export function secondsOf(text: string | undefined): number | undefined {
	const value = text === undefined ? Number.NaN : Number(text);
	return value > 0 ? value * 1000 : undefined;
}

export function headersOf(lines: readonly string[]): Record<string, string> {
	return Object.fromEntries(lines.map((line) => [line.split(":")[0]?.trim() ?? "", line.slice(line.indexOf(":") + 1).trim()]));
}
