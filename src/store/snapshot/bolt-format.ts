/**
 * bbolt's file: pages of one B+ tree for each bucket, and one of the buckets. Little-endian, written once, never changed.
 *
 *     page 0, 1   meta: root, freelist, number of pages, checksum
 *     page 2      freelist, empty
 *     page 3 …    leaves and branches of the buckets, the bucket of buckets last
 *
 *     page     id 8, flags 2, count 2, overflow 4 (pages that follow and belong to it), elements, their data
 *     leaf     flags 4, position 4, key size 4, value size 4      position counts from the element itself
 *     branch   position 4, key size 4, page 8
 *     bucket   root page 8, sequence 8 [, a leaf page, if the root is 0]
 *
 * Source: https://github.com/etcd-io/bbolt/blob/main/internal/common/page.go and meta.go
 */

export const pageBytes = 4096;
export const pageHeadBytes = 16;
export const elementBytes = 16;
export const bucketHeadBytes = 16;
export const metaBytes = 64;

export const pageFlag = { branch: 0x01, leaf: 0x02, meta: 0x04, freelist: 0x10 } as const;
/** On a leaf's element: its value is a bucket. */
export const bucketFlag = 0x01;
export const magic = 0xed0cdaed;
export const formatVersion = 2;

/** FNV-1a, 64 bits: the checksum of a meta page. */
export function fnv1a64(bytes: Uint8Array): bigint {
	let hash = 0xcbf29ce484222325n;
	for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
	return hash;
}
