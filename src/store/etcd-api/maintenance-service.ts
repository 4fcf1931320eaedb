/** etcd's Maintenance and Cluster services, for the one member there is. */
import { crc32c } from "../snapshot/crc32c.ts";
import type { Alarm } from "../store.ts";
import type { Sparse } from "./codec.ts";
import { AlarmAction, type AlarmMember, AlarmType, type Member as MemberMessage } from "./generated/messages.ts";
import type { Handlers, ResponseStream } from "./grpc/server.ts";
import { GrpcError, grpcCode } from "./grpc/status.ts";
import type { ServiceOptions } from "./kv-service.ts";
import { clusterVersion, etcdVersion } from "./member.ts";
import { rpcErrors } from "./rpc-errors.ts";

const alarmTypes: Readonly<Record<Alarm, number>> = { NOSPACE: AlarmType.NOSPACE, CORRUPT: AlarmType.CORRUPT };
const alarmNames: readonly Alarm[] = ["NOSPACE", "CORRUPT"];

/** A chunk of a snapshot, as etcd sends it. */
const snapshotChunkBytes = 32 * 1024;

export function maintenanceService({ store, member, gate }: ServiceOptions): Handlers {
	const alarmMember = (alarm: Alarm): Sparse<AlarmMember> => ({ memberID: member.id, alarm: alarmTypes[alarm] });
	const isMine = (memberId: bigint) => memberId === 0n || memberId === member.id;
	return {
		async "/etcdserverpb.Maintenance/Status"() {
			const { dbSizeBytes } = store.status();
			return {
				header: member.header(),
				version: etcdVersion,
				dbSize: dbSizeBytes,
				dbSizeInUse: dbSizeBytes,
				dbSizeQuota: store.quotaBytes,
				leader: member.id,
				raftIndex: member.raftIndex,
				raftAppliedIndex: member.raftIndex,
				raftTerm: member.raftTerm,
				errors: store.alarms().map((alarm) => `memberID:${member.id} alarm:${alarm} `),
				storageVersion: clusterVersion,
			};
		},
		async "/etcdserverpb.Maintenance/Alarm"(request) {
			const named = alarmNames.filter((alarm) => request.alarm === AlarmType.NONE || alarmTypes[alarm] === request.alarm);
			if (request.action === AlarmAction.GET) {
				const alarms = store.alarms().filter((alarm) => named.includes(alarm));
				return { header: member.header(), alarms: alarms.map(alarmMember) };
			}
			if (request.alarm === AlarmType.NONE) return { header: member.header(), alarms: [] };
			const isOn = request.action === AlarmAction.ACTIVATE;
			const changed = isMine(request.memberID) ? named.filter((alarm) => isOn || store.alarms().includes(alarm)) : [];
			for (const alarm of changed) await store.setAlarm(alarm, isOn);
			return { header: member.header(), alarms: changed.map(alarmMember) };
		},
		async "/etcdserverpb.Maintenance/Defragment"(_, context) {
			gate.checkAdmin(context);
			await store.defragment();
			return { header: member.header() };
		},
		async "/etcdserverpb.Maintenance/Hash"(_, context) {
			gate.checkAdmin(context);
			let hash = 0;
			for await (const chunk of store.snapshot()) hash = crc32c(chunk, hash);
			return { header: member.header(), hash };
		},
		async "/etcdserverpb.Maintenance/HashKV"(request, context) {
			gate.checkAdmin(context);
			const { hash, hashRevision, compactRevision, revision } = await store.hash(request.revision);
			// etcd says -1 before the first compaction.
			return { header: member.header(revision), hash, hashRevision, compactRevision: compactRevision === 0 ? -1 : compactRevision };
		},
		"/etcdserverpb.Maintenance/Snapshot"(_, stream) {
			gate.checkAdmin(stream.context);
			sendSnapshot(store.snapshot(), stream, member.header()).then(
				() => stream.end(),
				(error: unknown) => stream.end(error instanceof Error ? error : new GrpcError(grpcCode.unknown, String(error))),
			);
		},
		async "/etcdserverpb.Maintenance/MoveLeader"(request, context) {
			gate.checkAdmin(context);
			if (request.targetID !== member.id) throw rpcErrors.badLeaderTransferee();
			return { header: member.header() };
		},
	};
}

/** The last chunk is the checksum, by itself. */
async function sendSnapshot(
	chunks: AsyncIterable<Uint8Array>,
	stream: ResponseStream<{ readonly blob: Uint8Array; readonly remainingBytes: bigint; readonly version: string; readonly header: object }>,
	header: object,
): Promise<void> {
	let isClosed = false;
	let drained = Promise.withResolvers<void>();
	stream.onDrain(() => drained.resolve());
	stream.onClose(() => {
		isClosed = true;
		drained.resolve();
	});
	const all: Uint8Array[] = [];
	for await (const chunk of chunks) all.push(chunk);
	let remaining = all.reduce((sum, chunk) => sum + chunk.length, 0);
	for (const chunk of all) {
		for (let begin = 0; begin < chunk.length && !isClosed; begin += snapshotChunkBytes) {
			const blob = chunk.subarray(begin, begin + snapshotChunkBytes);
			remaining -= blob.length;
			drained = Promise.withResolvers<void>();
			if (!stream.send({ header, blob, remainingBytes: BigInt(remaining), version: etcdVersion })) await drained.promise;
		}
	}
}

export function clusterService({ member, gate }: ServiceOptions): Handlers {
	const self = (): Sparse<MemberMessage> => ({
		ID: member.id,
		name: member.name,
		peerURLs: member.peerUrls,
		clientURLs: member.clientUrls,
		isLearner: false,
	});
	const checkKnown = (id: bigint) => {
		if (id !== member.id) throw rpcErrors.memberNotFound();
	};
	const checkUrls = (urls: readonly string[]) => {
		if (urls.length === 0 || !urls.every(isPeerUrl)) throw rpcErrors.memberBadUrls();
	};
	return {
		async "/etcdserverpb.Cluster/MemberList"() {
			return { header: member.header(), members: [self()] };
		},
		/** The store is one member: another one could not be started. */
		async "/etcdserverpb.Cluster/MemberAdd"(request, context) {
			gate.checkAdmin(context);
			checkUrls(request.peerURLs);
			if (request.peerURLs.some((url) => member.peerUrls.includes(url))) throw rpcErrors.peerUrlExists();
			throw rpcErrors.memberNotEnoughStarted();
		},
		async "/etcdserverpb.Cluster/MemberRemove"(request, context) {
			gate.checkAdmin(context);
			checkKnown(request.ID);
			throw rpcErrors.memberNotEnoughStarted();
		},
		async "/etcdserverpb.Cluster/MemberUpdate"(request, context) {
			gate.checkAdmin(context);
			checkUrls(request.peerURLs);
			checkKnown(request.ID);
			await member.setPeerUrls(request.peerURLs);
			return { header: member.header(), members: [self()] };
		},
		async "/etcdserverpb.Cluster/MemberPromote"(request, context) {
			gate.checkAdmin(context);
			checkKnown(request.ID);
			throw rpcErrors.memberNotLearner();
		},
	};
}

/** etcd takes http, https, unix and unixs URLs with a host and a port, and no path. */
function isPeerUrl(text: string): boolean {
	return /^(https?|unixs?):\/\/[^/\s]+:\d+$/.test(text);
}
