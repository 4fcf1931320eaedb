/**
 * The etcd v3 gRPC API over a store: what etcdctl, and any client of etcd, talks to.
 *
 *  - grpc/ is gRPC on Node's HTTP/2; codec.ts and generated/ are the messages.
 *  - *-service.ts are etcd's services, auth/ is Auth and what it guards, member.ts says who answers.
 *  - pages.ts are the few HTTP pages on the same port.
 *
 * Simulated: a member of an etcd 3.6 cluster. Not served: Downgrade, and the Lock and Election services, which etcdctl
 * does not use (its `lock` and `elect` are made of leases and transactions).
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { GroupError, type StoreGroup } from "../group.ts";
import type { MaintainedStore } from "../store.ts";
import { AuthGate } from "./auth/auth-gate.ts";
import { authService } from "./auth/auth-service.ts";
import { AuthStore } from "./auth/auth-store.ts";
import { Tokens } from "./auth/tokens.ts";
import { clusterService } from "./cluster-service.ts";
import { GrpcServer, type ServerTls } from "./grpc/server.ts";
import { kvService } from "./kv-service.ts";
import { LeaderWatch } from "./leader-watch.ts";
import { leaseService } from "./lease-service.ts";
import { maintenanceService } from "./maintenance-service.ts";
import { Member } from "./member.ts";
import { etcdPages } from "./pages.ts";
import { toGrpcError } from "./rpc-errors.ts";
import { watchService } from "./watch-service.ts";

export interface EtcdApiOptions {
	readonly store: MaintainedStore;
	readonly clock: Clock;
	/** Where to listen; default 127.0.0.1. */
	readonly host?: string;
	/** Default 2379; 0 is any free port. */
	readonly port?: number;
	/** Ports after `port` to try while it is taken; default 0. */
	readonly furtherPorts?: number;
	/** Clients must show a certificate of its authority. Absent: plain text, anybody. */
	readonly tls?: ServerTls;
	/** Largest request, bytes; default etcd's 1.5 MiB. */
	readonly maxRequestBytes?: number;
}

export interface EtcdApi {
	/** Scheme, host and port: what ETCDCTL_ENDPOINTS takes. */
	readonly url: string;
	readonly port: number;
	/** Ends every call. The store stays open. */
	close(): Promise<void>;
}

const defaultPort = 2379;
const defaultMaxRequestBytes = 1.5 * 1024 * 1024;
/** What gRPC may put around a request, as etcd reckons. */
const overheadBytes = 512 * 1024;

/** Resolves when it listens. Rejects with the system's error if no port is to be had. */
export async function serveEtcdApi(options: EtcdApiOptions): Promise<EtcdApi> {
	const { store, clock, host = "127.0.0.1", maxRequestBytes = defaultMaxRequestBytes } = options;
	const member = new Member(store);
	const auth = new AuthStore(store);
	const tokens = new Tokens(store, clock);
	const leaderWatch = new LeaderWatch(() => store.group, clock);
	const gate = new AuthGate(store, auth, tokens);
	const services = { store, member, gate };
	const server = new GrpcServer({
		handlers: {
			...kvService(services),
			...leaseService(services),
			...watchService({ ...services, clock, fragmentBytes: maxRequestBytes }),
			...maintenanceService(services),
			...clusterService(services),
			...authService({ auth, tokens, gate, member }),
		},
		pages: etcdPages(store),
		maxRequestBytes: maxRequestBytes + overheadBytes,
		admit: (call) => leaderWatch.admit(call),
		toGrpcError,
		...(options.tls === undefined ? {} : { tls: options.tls }),
	});
	const port = await listen(server, host, options);
	const url = `${options.tls === undefined ? "http" : "https"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
	let isClosed = false;
	const published = publish(store.group, url, () => isClosed);
	// Without a leader it can't be said yet.
	if (store.group.hasLeader) await published;
	return {
		url,
		port,
		close: () => {
			isClosed = true;
			leaderWatch.stop();
			return server.close();
		},
	};
}

/** Tells the group where clients reach this member; tries until it is done. */
async function publish(group: StoreGroup, url: string, isOver: () => boolean): Promise<void> {
	while (!isOver()) {
		try {
			await group.publish([url]);
			return;
		} catch (error) {
			// Without a leader it fails at its timeout; a store that has stopped has nobody to tell.
			if (!(error instanceof GroupError)) return;
		}
	}
}

async function listen(server: GrpcServer, host: string, { port = defaultPort, furtherPorts = 0 }: EtcdApiOptions): Promise<number> {
	for (let attempt = 0; ; attempt++) {
		try {
			return await server.listen(host, port + attempt);
		} catch (error) {
			const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
			if (!isTaken || attempt >= furtherPorts) throw error;
		}
	}
}
