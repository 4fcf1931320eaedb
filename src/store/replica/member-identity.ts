/**
 * Who a member is, for good: written before anything else of it, so that its data are never taken for another's.
 */
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { storeFormat } from "../backend/record-codec.ts";
import { StoreCorruptError, StoreFormatError, StoreOpenError } from "../errors.ts";
import { clusterIdOf, idText, memberIdOf, type RosterMember } from "../roster.ts";
import type { PeerAddress } from "./transport.ts";

export interface MemberIdentity {
	readonly clusterId: bigint;
	readonly memberId: bigint;
	readonly name: string;
	/** As --initial-cluster-token. */
	readonly token: string;
	/** The members that the group began with; undefined for a member that was added later. */
	readonly founders: readonly RosterMember[] | undefined;
	/** For a member that was added: who was there then. It answers them until they have told it more. */
	readonly contacts?: readonly PeerAddress[];
}

const fileName = "member.json";

/** A member of a new group: every founder names the same ones. Throws `RangeError` if `name` is none of them. */
export function foundingIdentity(
	name: string,
	founders: readonly { readonly name: string; readonly peerUrls: readonly string[] }[],
	token: string,
): MemberIdentity {
	const members = founders.map((founder) => ({ ...founder, id: memberIdOf(founder.peerUrls, token), clientUrls: [] }));
	const self = members.find((member) => member.name === name);
	if (self === undefined)
		throw new RangeError(`member ${JSON.stringify(name)} is none of ${members.map((member) => member.name).join(", ")}`);
	return { clusterId: clusterIdOf(members.map(({ id }) => id)), memberId: self.id, name, token, founders: members };
}

/**
 * Undefined for a directory that is empty or not there. Rejects with `StoreCorruptError` if there is something that does
 * not say whose it is, `StoreFormatError`, `StoreOpenError`.
 */
export async function readIdentity(directory: string): Promise<MemberIdentity | undefined> {
	const text = await readFile(join(directory, fileName), "utf8").catch((error: unknown) => {
		if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
		throw new StoreOpenError(directory, error);
	});
	if (text !== undefined) return parseIdentity(directory, text);
	const names = await readdir(directory).catch((): string[] => []);
	// What kubesim 0.1 kept there.
	if (names.includes("CURRENT")) throw new StoreFormatError(directory, "kubesim-store/1", storeFormat);
	if (names.some((name) => name.startsWith("db-") || name === "log"))
		throw new StoreCorruptError(directory, `it has data but no ${fileName}, which says whose they are`);
	return undefined;
}

/** Resolves once it is durable. */
export async function writeIdentity(directory: string, identity: MemberIdentity): Promise<void> {
	try {
		await mkdir(directory, { recursive: true });
		const { clusterId, memberId, founders, ...rest } = identity;
		const plain = {
			format: storeFormat,
			clusterId: idText(clusterId),
			memberId: idText(memberId),
			...rest,
			...(founders === undefined ? {} : { founders: founders.map(({ id, ...founder }) => ({ id: idText(id), ...founder })) }),
		};
		const path = join(directory, fileName);
		await writeFile(`${path}.tmp`, `${JSON.stringify(plain, null, 2)}\n`, { flush: true });
		await rename(`${path}.tmp`, path);
	} catch (error) {
		throw new StoreOpenError(directory, error);
	}
}

interface PlainIdentity {
	readonly format: string;
	readonly clusterId: string;
	readonly memberId: string;
	readonly name: string;
	readonly token: string;
	readonly founders?: readonly (Omit<RosterMember, "id"> & { readonly id: string })[];
	readonly contacts?: readonly PeerAddress[];
}

function parseIdentity(directory: string, text: string): MemberIdentity {
	let plain: PlainIdentity;
	try {
		plain = JSON.parse(text) as PlainIdentity;
	} catch (error) {
		throw new StoreCorruptError(directory, `its ${fileName} can't be read`, error);
	}
	if (plain.format !== storeFormat) throw new StoreFormatError(directory, plain.format, storeFormat);
	const toId = (hex: string) => BigInt(`0x${hex}`);
	return {
		clusterId: toId(plain.clusterId),
		memberId: toId(plain.memberId),
		name: plain.name,
		token: plain.token,
		founders: plain.founders?.map((founder) => ({ ...founder, id: toId(founder.id) })),
		...(plain.contacts === undefined ? {} : { contacts: plain.contacts }),
	};
}
