/**
 * A member that is a process of its own: its peers reach it over HTTP/2, its clients over etcd's API. Options and messages
 * are etcd's: https://etcd.io/docs/v3.6/op-guide/configuration/ and https://etcd.io/docs/v3.6/op-guide/clustering/
 */
import { connect, constants } from "node:http2";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { StoreLimits } from "../member-store.ts";
import { DirectoryStorage } from "../replica/directory-storage.ts";
import { LinkFaults } from "../replica/link-faults.ts";
import { foundingIdentity, type MemberIdentity, readIdentity, writeIdentity } from "../replica/member-identity.ts";
import { openMember } from "../replica/open-member.ts";
import type { Replica } from "../replica/replica.ts";
import type { ReplicaTiming } from "../replica/timing.ts";
import { idText, wasRemoved } from "../roster.ts";
import type { MaintainedStore } from "../store.ts";
import type { PeerTls } from "./peer-server.ts";
import { PeerTransport } from "./peer-transport.ts";

export interface FoundingMember {
	readonly name: string;
	readonly peerUrls: readonly string[];
}

export interface ServeMemberOptions {
	readonly directory: string;
	/** What follows is looked at by a member that has no data yet only. */
	readonly name: string;
	/** As --initial-cluster. */
	readonly initialCluster: readonly FoundingMember[];
	/** As --initial-cluster-state: whether these found the group, or it is there and this member was added to it. */
	readonly initialState: "new" | "existing";
	/** As --initial-cluster-token. */
	readonly token: string;
	/** As --initial-advertise-peer-urls: this member's own in `initialCluster`. */
	readonly peerUrls: readonly string[];
	/** Where it listens for its peers: http or https, host and port. */
	readonly listenPeerUrl: string;
	readonly peerTls?: PeerTls;
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	readonly limits?: Partial<StoreLimits>;
	readonly timing?: ReplicaTiming;
}

export interface ServedMember {
	readonly store: MaintainedStore;
	readonly replica: Replica;
	readonly identity: MemberIdentity;
	/** What is wrong with this member's links, on purpose. */
	readonly faults: LinkFaults;
}

/** What is asked for cannot be: in etcd's words where it has any. */
export class MemberConfigError extends Error {
	constructor(message: string, cause?: unknown) {
		super(message, cause === undefined ? {} : { cause });
		this.name = "MemberConfigError";
	}
}

/** Listens, and takes part in the group. Rejects with `MemberConfigError`, the errors of opening (errors.ts), the system's error. */
export async function serveMember(options: ServeMemberOptions): Promise<ServedMember> {
	const { directory, clock, random, log, peerTls } = options;
	const found = await readIdentity(directory);
	const identity = found ?? (await newIdentity(options));
	if (found === undefined) await writeIdentity(directory, identity);
	const faults = new LinkFaults(random.fork("link faults"));
	const memberId = idText(identity.memberId);
	let transport: PeerTransport | undefined;
	let store: MaintainedStore | undefined;
	let replica: Replica | undefined;
	const opened = await openMember({
		identity,
		storage: new DirectoryStorage(directory, log),
		transport: (handler) => {
			transport = new PeerTransport({
				clusterId: idText(identity.clusterId),
				memberId,
				handler,
				clock,
				log,
				faults,
				...(peerTls === undefined ? {} : { tls: peerTls }),
				wasRemoved: (id) =>
					replica !== undefined && /^[0-9a-f]{16}$/.test(id) && wasRemoved(replica.machine.state.records, BigInt(`0x${id}`)),
				describeGroup: () => describeGroup(identity, store),
			});
			return transport;
		},
		clock,
		machineClock: clock,
		random,
		log,
		...(options.limits === undefined ? {} : { limits: options.limits }),
		...(options.timing === undefined ? {} : { timing: options.timing }),
	});
	({ store, replica } = opened);
	try {
		const { host, port } = hostAndPort(options.listenPeerUrl);
		await transport?.listen(host, port);
	} catch (error) {
		await opened.store.close();
		throw error;
	}
	return { ...opened, identity, faults };
}

/** @throws MemberConfigError */
export function hostAndPort(url: string): { readonly host: string; readonly port: number } {
	const match = /^https?:\/\/(\[[^\]]+\]|[^:/]+):(\d+)\/?$/.exec(url);
	if (match?.[1] === undefined) throw new MemberConfigError(`URL ${JSON.stringify(url)} must have http or https, a host and a port`);
	return { host: match[1].replace(/^\[|\]$/g, ""), port: Number(match[2]) };
}

async function newIdentity(options: ServeMemberOptions): Promise<MemberIdentity> {
	const { name, initialCluster, initialState, token, peerUrls } = options;
	const self = initialCluster.find((member) => member.name === name);
	if (self === undefined)
		throw new MemberConfigError(`couldn't find local name ${JSON.stringify(name)} in the initial cluster configuration`);
	if ([...self.peerUrls].sort().join() !== [...peerUrls].sort().join())
		throw new MemberConfigError(
			`--initial-cluster has ${name}=${self.peerUrls.join(",")} but missing from --initial-advertise-peer-urls=${peerUrls.join(",")}`,
		);
	if (initialState === "new") return foundingIdentity(name, initialCluster, token);
	const others = initialCluster.filter((member) => member.name !== name).flatMap((member) => member.peerUrls);
	return joiningIdentity(name, peerUrls, initialCluster.length, await askPeers(others, options.peerTls));
}

interface GroupDescription {
	readonly clusterId: string;
	readonly token: string;
	readonly members: readonly { readonly id: string; readonly name: string; readonly peerUrls: readonly string[] }[];
}

function describeGroup({ clusterId, token }: MemberIdentity, store: MaintainedStore | undefined): string {
	const members = store?.group.members() ?? [];
	const description: GroupDescription = {
		clusterId: idText(clusterId),
		token,
		members: members.map(({ id, name, peerUrls }) => ({ id: idText(id), name, peerUrls })),
	};
	return JSON.stringify(description);
}

/** Of the member that was added to the group with this member's URLs. */
function joiningIdentity(name: string, peerUrls: readonly string[], count: number, group: GroupDescription): MemberIdentity {
	if (group.members.length !== count) throw new MemberConfigError("error validating peerURLs: member count is unequal");
	const self = group.members.find((member) => [...member.peerUrls].sort().join() === [...peerUrls].sort().join());
	if (self === undefined)
		throw new MemberConfigError(`error validating peerURLs: unmatched member while checking PeerURLs (${JSON.stringify(peerUrls)})`);
	const contacts = group.members.filter((member) => member !== self).map((member) => ({ id: member.id, peerUrls: member.peerUrls }));
	const [clusterId, memberId] = [BigInt(`0x${group.clusterId}`), BigInt(`0x${self.id}`)];
	return { clusterId, memberId, name, token: group.token, founders: undefined, contacts };
}

/** The first answer of a member that has one. */
async function askPeers(urls: readonly string[], tls: PeerTls | undefined): Promise<GroupDescription> {
	let failure: unknown;
	for (const url of urls) {
		try {
			const description = JSON.parse(await get(url, "/members", tls)) as GroupDescription;
			if (description.members.length > 0) return description;
		} catch (error) {
			failure = error;
		}
	}
	const reason = failure instanceof Error ? `: ${failure.message}` : "";
	throw new MemberConfigError(
		`cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs${reason}`,
		failure,
	);
}

function get(url: string, path: string, tls: PeerTls | undefined): Promise<string> {
	const { promise, resolve, reject } = Promise.withResolvers<string>();
	const session = connect(url, tls === undefined ? {} : { ca: tls.ca, cert: tls.cert, key: tls.key });
	session.once("error", reject);
	const stream = session.request({ [constants.HTTP2_HEADER_PATH]: path });
	const chunks: Buffer[] = [];
	stream.on("data", (chunk: Buffer) => chunks.push(chunk));
	stream.once("end", () => resolve(Buffer.concat(chunks).toString()));
	stream.once("error", reject);
	return promise.finally(() => session.destroy());
}
