/** The protobuf records of an etcd database that a restore reads. Unknown fields are skipped. */
import { SnapshotError } from "../errors.ts";

interface KeyValueRecord {
	readonly key: string;
	readonly value: Uint8Array;
	readonly createRevision: number;
	readonly version: number;
	readonly lease: bigint;
}

/** mvccpb.KeyValue. @throws SnapshotError */
export function decodeKeyValue(record: Buffer): KeyValueRecord {
	const { numbers, bytes } = readFields(record);
	return {
		key: bytes.get(1)?.toString("latin1") ?? "",
		value: new Uint8Array(bytes.get(5) ?? []),
		createRevision: Number(numbers.get(2) ?? 0n),
		version: Number(numbers.get(4) ?? 0n),
		lease: BigInt.asIntN(64, numbers.get(6) ?? 0n),
	};
}

/** The TTL of a leasepb.Lease, seconds. @throws SnapshotError */
export function decodeLeaseTtl(record: Buffer): number {
	return Math.max(1, Number(readFields(record).numbers.get(2) ?? 0n));
}

function readFields(record: Buffer): { readonly numbers: Map<number, bigint>; readonly bytes: Map<number, Buffer> } {
	const numbers = new Map<number, bigint>();
	const bytes = new Map<number, Buffer>();
	let position = 0;
	const varint = (): bigint => {
		let value = 0n;
		for (let shift = 0n; shift < 70n; shift += 7n) {
			const byte = record[position++];
			if (byte === undefined) break;
			value |= BigInt(byte & 0x7f) << shift;
			if (byte < 0x80) return BigInt.asUintN(64, value);
		}
		throw new SnapshotError("it is damaged: a record ends in the middle");
	};
	while (position < record.length) {
		const tag = Number(varint());
		const field = tag >> 3;
		if ((tag & 7) === 0) numbers.set(field, varint());
		else if ((tag & 7) === 2) {
			const end = Number(varint()) + position;
			if (end > record.length) throw new SnapshotError("it is damaged: a record ends in the middle");
			bytes.set(field, record.subarray(position, end));
			position = end;
		} else throw new SnapshotError(`it is damaged: a field of wire type ${tag & 7}`);
	}
	return { numbers, bytes };
}
