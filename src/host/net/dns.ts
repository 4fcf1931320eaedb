/**
 * Questions and answers of the domain name system, as simulated machines exchange them: what RFC 1035 puts into a message, as
 * values. Not simulated: the wire format, EDNS, zone transfers, other classes than IN.
 */
export type RecordType = "A" | "AAAA" | "ANY" | "CNAME" | "MX" | "NS" | "PTR" | "SOA" | "SRV" | "TXT";

export const recordTypes: readonly RecordType[] = ["A", "AAAA", "ANY", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"];

/** Names are without the final dot throughout. */
export interface DnsQuestion {
	readonly name: string;
	readonly type: RecordType;
}

export interface DnsRecord {
	readonly name: string;
	readonly type: RecordType;
	readonly ttlSeconds: number;
	/** As zone files write it: an address, a name, `0 100 80 web.default.svc.cluster.local`. */
	readonly data: string;
}

export type ResponseCode = "NOERROR" | "NXDOMAIN" | "REFUSED" | "SERVFAIL";

export interface DnsResponse {
	readonly code: ResponseCode;
	/** The server itself is in charge of the name. */
	readonly authoritative: boolean;
	readonly answers: readonly DnsRecord[];
	readonly authority: readonly DnsRecord[];
	readonly additional: readonly DnsRecord[];
}

/** Answers on port 53. @param from the client's address */
export type NameServer = (question: DnsQuestion, from: string) => DnsResponse | Promise<DnsResponse>;

/** What a name server is to answer of a cluster's names. */
export interface ClusterZoneOptions {
	/** The cluster's domain. */
	readonly domain: string;
	readonly ttlSeconds: number;
	/** `insecure`: every address has a pod's name, if its namespace is there; `verified`: those of pods; `disabled`: none. */
	readonly podNames: "insecure" | "verified" | "disabled";
}

/**
 * Answers what is in the cluster's domain or an address of the cluster; undefined for anything else.
 * @param outside asked for what names of the cluster point at, if that is outside
 */
export type ClusterZoneServer = (
	question: DnsQuestion,
	outside: (question: DnsQuestion) => Promise<DnsResponse>,
) => Promise<DnsResponse | undefined>;

export function emptyResponse(code: ResponseCode, authoritative = false): DnsResponse {
	return { code, authoritative, answers: [], authority: [], additional: [] };
}

const maxLabelLength = 63;
const maxNameLength = 253;

/** What can be asked for: labels of 1 to 63 characters, 253 in all. RFC 1035, section 2.3.4. */
export function isLegalName(name: string): boolean {
	return (
		name.length > 0 && name.length <= maxNameLength && name.split(".").every((label) => label.length > 0 && label.length <= maxLabelLength)
	);
}

export function withoutFinalDot(name: string): string {
	return name.endsWith(".") ? name.slice(0, -1) : name;
}

/** `3.0.244.10.in-addr.arpa` of 10.244.0.3. */
export function reverseName(address: string): string {
	return `${address.split(".").reverse().join(".")}.in-addr.arpa`;
}

/** The address of such a name; undefined for any other name. */
export function reverseAddress(name: string): string | undefined {
	const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(name);
	return match === null ? undefined : `${match[4]}.${match[3]}.${match[2]}.${match[1]}`;
}

const headerBytes = 12;
const fixedRecordBytes = 10;

/** How long the message is that carries a response, uncompressed, without options; bytes. */
export function messageBytes({ name }: DnsQuestion, { answers, authority, additional }: DnsResponse): number {
	const records = [...answers, ...authority, ...additional];
	const sum = records.reduce((bytes, record) => bytes + nameBytes(record.name) + fixedRecordBytes + dataBytes(record), 0);
	return headerBytes + nameBytes(name) + 4 + sum;
}

const nameBytes = (name: string) => (name === "" ? 1 : name.length + 2);

function dataBytes({ type, data }: DnsRecord): number {
	const last = data.split(" ").at(-1) ?? "";
	switch (type) {
		case "A":
			return 4;
		case "AAAA":
			return 16;
		case "SRV":
			return 6 + nameBytes(last);
		case "MX":
			return 2 + nameBytes(last);
		case "SOA":
			return (
				20 +
				data
					.split(" ")
					.slice(0, 2)
					.reduce((sum, name) => sum + nameBytes(name), 0)
			);
		case "TXT":
			return data.length - 1;
		default:
			return nameBytes(data);
	}
}
