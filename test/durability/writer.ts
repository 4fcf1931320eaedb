/** Creates, updates and deletes objects of its own, one request at a time, until it is told to end or the server is gone. */
import type { Random } from "../../src/apimachinery/random.ts";
import type { ConfigMap } from "../../src/apimachinery/schema/generated/types.ts";
import { StatusError } from "../../src/apimachinery/status-error.ts";
import { type Client, type ResourceClient, resources } from "../../src/client/index.ts";
import type { History, State } from "./history.ts";

export interface WriterOptions {
	readonly client: Client;
	readonly history: History;
	readonly random: Random;
	/** What it writes to; nobody else does. */
	readonly names: readonly string[];
}

export class Writer {
	readonly #options: WriterOptions;
	readonly #configMaps: ResourceClient<ConfigMap>;

	constructor(options: WriterOptions) {
		this.#options = options;
		this.#configMaps = options.client.resource(resources.configMaps);
	}

	async run(signal: AbortSignal): Promise<void> {
		const { history, random, names } = this.#options;
		for (let count = 0; !signal.aborted; count++) {
			const name = names[random.int(names.length)] ?? "";
			const { known, revision } = history.stateOf(name);
			const next: State =
				known !== "absent" && random.int(4) === 0 ? "absent" : { text: `${revision}/${count} ${"x".repeat(random.int(3000))}` };
			history.asked(name, next);
			try {
				history.answered(name, await this.#write(name, known, next));
			} catch (error) {
				// The server was killed under the request. A refusal is not to happen: nobody else writes here.
				if (error instanceof StatusError && error.status.reason !== undefined && !signal.aborted) throw error;
				return;
			}
		}
	}

	async #write(name: string, known: State, next: State): Promise<number | undefined> {
		if (next === "absent") {
			await this.#configMaps.delete({ namespace: "default", name });
			return undefined;
		}
		const object: ConfigMap = {
			apiVersion: "v1",
			kind: "ConfigMap",
			metadata: { name, namespace: "default", labels: { test: "durability" } },
			data: { text: next.text, again: next.text },
		};
		const written = await (known === "absent" ? this.#configMaps.create(object) : this.#configMaps.update(object));
		return Number(written.metadata?.resourceVersion);
	}
}
