/** `kubesim store serve`: one member of a store as a process of its own, until a signal ends it. Options are etcd's. */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { WallClock } from "../../../apimachinery/clock/wall-clock.ts";
import { createEntropyRandom } from "../../../apimachinery/random.ts";
import { idText, StoreCorruptError, StoreFormatError, StoreLockedError, StoreOpenError } from "../../../cluster/index.ts";
import {
	type FoundingMember,
	hostAndPort,
	loadOrCreateEtcdPki,
	MemberConfigError,
	type ServedMember,
	type ServeMemberOptions,
	serveEtcdApi,
	serveMember,
} from "../../../cluster/served-member.ts";
import { serveControl } from "../../control/control-server.ts";
import { controlSocketIn } from "../../control/control-socket.ts";
import { CliError, messageOf, systemErrorCode } from "../../errors.ts";
import { createServerLog } from "../../server-log.ts";

export interface ServeOptions {
	readonly name: string;
	readonly dataDir?: string;
	readonly initialCluster?: string;
	readonly initialClusterState: "new" | "existing";
	readonly initialClusterToken: string;
	readonly listenPeerUrls: string;
	readonly initialAdvertisePeerUrls?: string;
	readonly listenClientUrls: string;
	readonly certFile?: string;
	readonly keyFile?: string;
	readonly trustedCaFile?: string;
	readonly peerCertFile?: string;
	readonly peerKeyFile?: string;
	readonly peerTrustedCaFile?: string;
	readonly pki?: string;
	readonly quotaBackendBytes?: number;
}

interface Certificates {
	readonly cert: string;
	readonly key: string;
	readonly ca: string;
}

export async function serveStoreMember(options: ServeOptions): Promise<void> {
	const clock = new WallClock();
	const log = createServerLog(clock, (line) => process.stderr.write(line));
	const directory = resolve(options.dataDir ?? `${options.name}.etcd`);
	const { peer, client } = await certificatesOf(options, clock.now());
	try {
		const member = await serveMember({
			...memberOptions(options),
			directory,
			...(peer === undefined ? {} : { peerTls: peer }),
			clock,
			random: createEntropyRandom(),
			log,
		});
		const { host, port } = hostAndPort(options.listenClientUrls);
		const api = await serveEtcdApi({
			store: member.store,
			clock,
			host,
			port,
			...(client === undefined ? {} : { tls: { cert: client.cert, key: client.key, clientCa: client.ca } }),
		}).catch(async (error: unknown) => {
			await member.store.close();
			throw error;
		});
		const control = await serveControl(controlSocketIn(directory), memberMethods(member));
		log.info("serving", { member: options.name, clients: api.url, peers: options.listenPeerUrls });
		const why = await Promise.race([untilSignal(), member.replica.ended]);
		log.info("stopping", { why });
		await control.close();
		await api.close();
		await member.store.close();
	} catch (error) {
		throw explain(error);
	}
}

/** What is wrong with this member's links, on purpose: its side of them. */
function memberMethods({ faults, identity, store }: ServedMember) {
	return {
		"member.status": () => ({ name: identity.name, ...store.status() }),
		"member.isolate": () => faults.isolate(idText(identity.memberId)),
		"member.heal": () => faults.heal(),
	};
}

function memberOptions(
	options: ServeOptions,
): Pick<ServeMemberOptions, "name" | "initialCluster" | "initialState" | "token" | "peerUrls" | "listenPeerUrl" | "limits"> {
	const peerUrls = (options.initialAdvertisePeerUrls ?? options.listenPeerUrls).split(",");
	const initialCluster = options.initialCluster === undefined ? [{ name: options.name, peerUrls }] : parseCluster(options.initialCluster);
	return {
		name: options.name,
		initialCluster,
		initialState: options.initialClusterState,
		token: options.initialClusterToken,
		peerUrls,
		listenPeerUrl: options.listenPeerUrls,
		...(options.quotaBackendBytes === undefined ? {} : { limits: { quotaBytes: options.quotaBackendBytes } }),
	};
}

/** "a=https://h1:2380,b=https://h2:2380"; a name that comes twice has two URLs. */
function parseCluster(text: string): readonly FoundingMember[] {
	const members = new Map<string, string[]>();
	for (const part of text.split(",")) {
		const [name = "", url = ""] = part.split("=");
		if (name === "" || url === "")
			throw new CliError(`--initial-cluster has ${JSON.stringify(part)}`, { hint: "It is NAME=URL,NAME=URL …", exitCode: 2 });
		hostAndPort(url);
		members.set(name, [...(members.get(name) ?? []), url]);
	}
	return [...members].map(([name, peerUrls]) => ({ name, peerUrls }));
}

async function certificatesOf(
	options: ServeOptions,
	nowMs: number,
): Promise<{ readonly peer: Certificates | undefined; readonly client: Certificates | undefined }> {
	if (options.pki !== undefined) {
		// Named after the machine: members on one machine may share the directory.
		const urls = [options.listenPeerUrls, options.listenClientUrls, ...(options.initialAdvertisePeerUrls ?? "").split(",")];
		const hosts = urls.filter((url) => url !== "").map((url) => hostAndPort(url).host);
		const { ca, server, peer } = await loadOrCreateEtcdPki(resolve(options.pki), { nowMs, memberName: hostname(), hosts });
		return {
			peer: { cert: peer.cert, key: peer.key, ca: ca.cert },
			client: { cert: server.cert, key: server.key, ca: ca.cert },
		};
	}
	return {
		client: readCertificates(options.certFile, options.keyFile, options.trustedCaFile, "--cert-file, --key-file and --trusted-ca-file"),
		peer: readCertificates(
			options.peerCertFile,
			options.peerKeyFile,
			options.peerTrustedCaFile,
			"--peer-cert-file, --peer-key-file and --peer-trusted-ca-file",
		),
	};
}

function readCertificates(
	cert: string | undefined,
	key: string | undefined,
	ca: string | undefined,
	flags: string,
): Certificates | undefined {
	if (cert === undefined && key === undefined && ca === undefined) return undefined;
	if (cert === undefined || key === undefined || ca === undefined)
		throw new CliError(`${flags} go together`, { hint: "Give all three, or --pki DIR.", exitCode: 2 });
	const read = (file: string) => {
		try {
			return readFileSync(file, "utf8");
		} catch (error) {
			throw new CliError(`can't read ${file}: ${messageOf(error)}`, { cause: error });
		}
	};
	return { cert: read(cert), key: read(key), ca: read(ca) };
}

function untilSignal(): Promise<string> {
	return new Promise((end) => {
		for (const signal of ["SIGINT", "SIGTERM"] as const)
			process.once(signal, () => {
				process.once(signal, () => process.exit(130));
				end(signal);
			});
	});
}

/** What keeps a member from running, with the way out; anything else passes. */
function explain(error: unknown): unknown {
	if (error instanceof StoreLockedError || error instanceof StoreFormatError || error instanceof MemberConfigError)
		return new CliError(error.message, { cause: error });
	if (error instanceof StoreCorruptError)
		return new CliError(error.message, {
			hint: "Or remove the member from its group, and add it again with an empty directory: it gets everything from the others.",
			cause: error,
		});
	if (error instanceof StoreOpenError || systemErrorCode(error) !== undefined)
		return new CliError(messageOf(error), {
			hint: "Another address: --listen-peer-urls and --listen-client-urls. Another directory: --data-dir.",
			cause: error,
		});
	return error;
}
