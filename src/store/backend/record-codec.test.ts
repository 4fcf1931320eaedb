import fc from "fast-check";
import { expect, test } from "vitest";
import type { Version } from "../mvcc/version.ts";
import { DamagedRecordError, decodeValue, decodeVersion, encodeValue, encodeVersion } from "./record-codec.ts";

const revision = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const versions: fc.Arbitrary<Version> = fc.record({
	key: fc.uint8Array({ minLength: 1 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
	revision,
	sub: fc.nat(),
	createRevision: revision,
	version: revision,
	lease: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
	previous: fc.constant(undefined),
});

test("a version comes back as it went in, and its keys sort as changes took effect", () => {
	fc.assert(
		fc.property(versions, versions, (a, b) => {
			expect(decodeVersion(encodeVersion(a))).toEqual(a);
			expect(Math.sign(Buffer.compare(encodeVersion(a), encodeVersion(b)))).toBe(Math.sign(a.revision - b.revision || a.sub - b.sub));
		}),
	);
});

test("a changed bit anywhere in a record is noticed", () => {
	const flip = (record: Uint8Array, at: number) => record.map((byte, position) => (position === at % record.length ? byte ^ 1 : byte));
	fc.assert(
		fc.property(versions, fc.uint8Array(), fc.nat(), (version, value, at) => {
			expect(decodeValue(version, encodeValue(value))).toEqual(Buffer.from(value));
			expect(() => decodeVersion(flip(encodeVersion(version), at))).toThrow(DamagedRecordError);
			expect(() => decodeValue(version, flip(encodeValue(value), at))).toThrow(DamagedRecordError);
		}),
	);
});
