/**
 * Where the simulated network leads into the API server: its HTTP server serves the connections of pods and nodes as it does those of sockets,
 * with authentication, audit, priority and fairness. It is made when the first of them comes, if the API has not been opened to other processes.
 */
import { X509Certificate } from "node:crypto";
import type { Clock } from "../apimachinery/clock/clock.ts";
import { type Activity, VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import type { PortStream } from "../apimachinery/node-connector.ts";
import type { HandedOver, HttpServer } from "../apiserver/http/server.ts";
import { portDuplex } from "../apiserver/streaming/port-duplex.ts";
import type { ApiServerPort } from "../kubelet-sim/index.ts";

export interface NetworkDoorOptions {
	/** PEM: what the server shows of itself. */
	readonly certificates: string;
	readonly clock: Clock;
	readonly http: () => Promise<HttpServer>;
}

export class NetworkDoor implements ApiServerPort, Activity {
	readonly certificates: string;
	/** Goes up with every piece that passes: HTTP on streams takes turns of the event loop, for which virtual time waits. */
	steps = 0;
	/** The server's code is being loaded. */
	isPending = false;
	readonly #http: () => Promise<HttpServer>;
	readonly #clock: Clock;
	/** Open connections, for which the clock is attended. */
	#open = 0;
	#leave: () => void = () => undefined;

	constructor({ certificates, clock, http }: NetworkDoorOptions) {
		this.certificates = certificates;
		this.#clock = clock;
		this.#http = http;
	}

	readonly serve: ApiServerPort["serve"] = async (stream, { address, port, certificate }) => {
		if (this.#open++ === 0 && this.#clock instanceof VirtualClock) this.#leave = this.#clock.attend(this);
		try {
			this.isPending = true;
			const http = await this.#http().finally(() => {
				this.isPending = false;
			});
			const peer = certificate === undefined ? undefined : new X509Certificate(certificate);
			const connection: HandedOver = Object.assign(portDuplex(this.#counted(stream)), {
				remoteAddress: address,
				remotePort: port,
				getPeerX509Certificate: () => peer,
			});
			await http.serve(connection);
		} finally {
			if (--this.#open === 0) this.#leave();
		}
	};

	#counted(stream: PortStream): PortStream {
		const door = this;
		return {
			output: (async function* () {
				for await (const chunk of stream.output) {
					door.steps++;
					yield chunk;
				}
			})(),
			write: (chunk) => {
				this.steps++;
				return stream.write(chunk);
			},
			end: () => stream.end(),
			destroy: () => stream.destroy(),
		};
	}
}
