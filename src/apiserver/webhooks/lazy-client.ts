/** The client of servers outside, made when it is first needed: most clusters ask nobody. */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import type { PortStream } from "../../apimachinery/node-connector.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { AdmissionLookup } from "../admission/admission.ts";
import type { Network } from "./endpoint-agent.ts";
import type { WebhookClient } from "./webhook-client.ts";

/** How a server reaches others. */
export interface OutsideOptions {
	/** Connects to an address of the simulated network; absent: there is none. Rejects with an Error with Go's text. */
	readonly dial?: (address: string, port: number) => Promise<PortStream>;
	/** Real time, which servers outside live by; default the machine's. */
	readonly clock?: Clock;
}

export class LazyWebhookClient {
	readonly #options: OutsideOptions & { readonly lookup: AdmissionLookup; readonly random: Random; readonly userAgent: string };
	#client: Promise<WebhookClient> | undefined;
	#isClosed = false;

	constructor(options: OutsideOptions & { readonly lookup: AdmissionLookup; readonly random: Random; readonly userAgent: string }) {
		this.#options = options;
	}

	get(): Promise<WebhookClient> {
		this.#client ??= this.#make();
		return this.#client;
	}

	/** Ends its connections. */
	close(): void {
		this.#isClosed = true;
		void this.#client?.then((client) => client.close());
	}

	/** The network that it uses, for whoever speaks to servers in another way. */
	async network(): Promise<{ readonly network: Network; readonly clock: Clock }> {
		const { ServiceNetwork } = await import("./service-network.ts");
		const { lookup, dial, random, clock = new WallClock() } = this.#options;
		return { network: new ServiceNetwork({ find: lookup.find, list: lookup.list, dial, random }), clock };
	}

	async #make(): Promise<WebhookClient> {
		const { WebhookClient } = await import("./webhook-client.ts");
		const { network, clock } = await this.network();
		const { userAgent } = this.#options;
		const client = new WebhookClient({ network, clock, userAgent });
		if (this.#isClosed) client.close();
		return client;
	}
}
