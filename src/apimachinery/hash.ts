/** FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/ . Kubernetes' hash for template labels and names. */
export function fnv1a32(data: string | Uint8Array): number {
	let hash = 0x811c9dc5;
	const bytes = typeof data === "string" ? Buffer.from(data, "utf8") : data;
	for (let index = 0; index < bytes.length; index++) hash = Math.imul(hash ^ (bytes[index] ?? 0), 0x01000193);
	return hash >>> 0;
}

/** FNV-1, 32 bits: multiplies before it mixes. Kubernetes' hash for the names of ControllerRevisions. */
export function fnv132(data: string | Uint8Array): number {
	let hash = 0x811c9dc5;
	for (const byte of typeof data === "string" ? Buffer.from(data, "utf8") : data) hash = Math.imul(hash, 0x01000193) ^ byte;
	return hash >>> 0;
}
