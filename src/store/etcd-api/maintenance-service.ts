/** etcd's Maintenance service. Source: https://etcd.io/docs/v3.6/op-guide/maintenance/ */
import { groupErrorTexts } from "../group.ts";
import { crc32c } from "../snapshot/crc32c.ts";
import type { Alarm } from "../store.ts";
import type { Sparse } from "./codec.ts";
import { AlarmAction, type AlarmMember, AlarmType } from "./generated/messages.ts";
import type { Handlers, ResponseStream } from "./grpc/server.ts";
import { GrpcError, grpcCode } from "./grpc/status.ts";
import type { ServiceOptions } from "./kv-service.ts";
import { clusterVersion, etcdVersion } from "./member.ts";

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
			const { leader, term, index, applied, isLearner } = member.status;
			const alarms = store.alarms().map((alarm) => `memberID:${member.id} alarm:${alarm} `);
			return {
				header: member.header(),
				version: etcdVersion,
				dbSize: dbSizeBytes,
				dbSizeInUse: dbSizeBytes,
				dbSizeQuota: store.quotaBytes,
				leader,
				raftIndex: BigInt(index),
				raftAppliedIndex: BigInt(applied),
				raftTerm: BigInt(term),
				errors: leader === 0n ? [groupErrorTexts.noLeader, ...alarms] : alarms,
				isLearner,
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
			await member.group.moveLeader(request.targetID);
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
