/**
 * Makes X.509 certificates on ECDSA P-256 keys: the cluster's CA and what it signs.
 * Source: RFC 5280; the fields are those of kubeadm's certificates
 * (https://kubernetes.io/docs/setup/best-practices/certificates/).
 */
import {
	createHash,
	createPrivateKey,
	createPublicKey,
	generateKeyPairSync,
	type KeyObject,
	randomBytes,
	sign,
	X509Certificate,
} from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";
import {
	bitString,
	boolean,
	explicit,
	implicit,
	integer,
	objectIdentifier,
	octetString,
	sequence,
	set,
	time,
	utf8String,
} from "../../apimachinery/x509/der.ts";

/** PEM texts of a certificate and its private key. */
export interface KeyPair {
	readonly cert: string;
	readonly key: string;
}

export interface Subject {
	readonly commonName: string;
	readonly organizations?: readonly string[];
}

export interface Validity {
	/** Unix ms, on the cluster's clock. */
	readonly notBeforeMs: number;
	readonly notAfterMs: number;
}

export interface LeafOptions {
	readonly subject: Subject;
	readonly validity: Validity;
	readonly usages: readonly ("serverAuth" | "clientAuth")[];
	readonly dnsNames?: readonly string[];
	readonly ipAddresses?: readonly string[];
}

const ecdsaWithSha256 = sequence(objectIdentifier("1.2.840.10045.4.3.2"));
const oid = {
	commonName: "2.5.4.3",
	organization: "2.5.4.10",
	subjectKeyIdentifier: "2.5.29.14",
	keyUsage: "2.5.29.15",
	subjectAltName: "2.5.29.17",
	basicConstraints: "2.5.29.19",
	authorityKeyIdentifier: "2.5.29.35",
	extendedKeyUsage: "2.5.29.37",
	serverAuth: "1.3.6.1.5.5.7.3.1",
	clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

/** Bits of KeyUsage, the first one highest. */
const digitalSignature = 0x80;
const keyEncipherment = 0x20;
const certificateSign = 0x04;

/** A new key pair and the certificate that it signs itself. */
export function createAuthority(subject: Subject, validity: Validity): KeyPair {
	const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
	const identifier = keyIdentifier(publicKey);
	const extensions = [
		extension(oid.keyUsage, true, keyUsage(digitalSignature | keyEncipherment | certificateSign)),
		extension(oid.basicConstraints, true, sequence(boolean(true))),
		extension(oid.subjectKeyIdentifier, false, octetString(identifier)),
		extension(oid.subjectAltName, false, sequence(implicit(2, Buffer.from(subject.commonName)))),
	];
	const cert = signCertificate(privateKey, encodeName(subject), encodeName(subject), validity, publicKey, extensions);
	return { cert, key: exportKey(privateKey) };
}

/** A new key pair with a certificate that `authority` signs. */
export function issueCertificate(authority: KeyPair, options: LeafOptions): KeyPair {
	const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
	return { cert: certify(authority, publicKey, options), key: exportKey(privateKey) };
}

function certify(authority: KeyPair, publicKey: KeyObject, options: LeafOptions): string {
	const signer = createPrivateKey(authority.key);
	const names = [
		...(options.dnsNames ?? []).map((name) => implicit(2, Buffer.from(name, "ascii"))),
		...(options.ipAddresses ?? []).map((address) => implicit(7, addressBytes(address))),
	];
	const extensions = [
		extension(oid.keyUsage, true, keyUsage(digitalSignature | keyEncipherment)),
		extension(oid.extendedKeyUsage, false, sequence(...options.usages.map((usage) => objectIdentifier(oid[usage])))),
		extension(oid.basicConstraints, true, sequence()),
		authorityKeyIdentifier(createPublicKey(authority.key)),
		...(names.length === 0 ? [] : [extension(oid.subjectAltName, false, sequence(...names))]),
	];
	return signCertificate(signer, subjectBytes(authority.cert), encodeName(options.subject), options.validity, publicKey, extensions);
}

/** @param publicKey of the certificate, or its SubjectPublicKeyInfo in DER */
function signCertificate(
	signer: KeyObject,
	issuer: Buffer,
	subject: Buffer,
	validity: Validity,
	publicKey: KeyObject | Buffer,
	extensions: readonly Buffer[],
	serial = serialNumber(),
): string {
	const body = sequence(
		explicit(0, integer(Buffer.from([2]))),
		integer(serial),
		ecdsaWithSha256,
		issuer,
		sequence(time(validity.notBeforeMs), time(validity.notAfterMs)),
		subject,
		Buffer.isBuffer(publicKey) ? publicKey : publicKey.export({ type: "spki", format: "der" }),
		explicit(3, sequence(...extensions)),
	);
	const certificate = sequence(body, ecdsaWithSha256, bitString(sign("sha256", body, signer)));
	const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
	return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** What a signer makes of a request (request-signing.ts): the parts that are not the signer's own. */
export interface CertificateContent {
	/** DER. */
	readonly subject: Buffer;
	/** SubjectPublicKeyInfo in DER. */
	readonly publicKey: Buffer;
	readonly validity: Validity;
	/** Before the key identifier of the authority, and after it. */
	readonly extensions: readonly Buffer[];
	readonly lastExtensions: readonly Buffer[];
}

/** Signs a certificate with a serial number of 128 random bits. @returns PEM */
export function signContent(authority: KeyPair, { subject, publicKey, validity, extensions, lastExtensions }: CertificateContent): string {
	const authorityKey = createPublicKey(authority.key);
	const all = [...extensions, authorityKeyIdentifier(authorityKey), ...lastExtensions];
	const signer = createPrivateKey(authority.key);
	return signCertificate(signer, subjectBytes(authority.cert), subject, validity, publicKey, all, randomBytes(16));
}

function authorityKeyIdentifier(authorityKey: KeyObject): Buffer {
	return extension(oid.authorityKeyIdentifier, false, sequence(implicit(0, keyIdentifier(authorityKey))));
}

/** 63 random bits and never 0, as kubeadm draws them: positive in DER. */
function serialNumber(): Buffer {
	const bytes = randomBytes(8);
	bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
	return bytes;
}

/** O before CN, as Go orders them. */
function encodeName({ commonName, organizations = [] }: Subject): Buffer {
	const attribute = (type: string, value: string) => sequence(objectIdentifier(type), utf8String(value));
	return sequence(
		...(organizations.length === 0 ? [] : [set(...organizations.map((name) => attribute(oid.organization, name)).sort(Buffer.compare))]),
		set(attribute(oid.commonName, commonName)),
	);
}

/** The issuer's name must be the CA's subject: ours has a common name only. */
function subjectBytes(authorityCert: string): Buffer {
	const { subject } = new X509Certificate(authorityCert);
	const commonName = /^CN=(.*)$/m.exec(subject)?.[1] ?? "";
	return encodeName({ commonName });
}

export function extension(type: string, critical: boolean, value: Buffer): Buffer {
	return sequence(objectIdentifier(type), ...(critical ? [boolean(true)] : []), octetString(value));
}

/** One byte of usage bits, without the zeros at its end. */
function keyUsage(bits: number): Buffer {
	let unused = 0;
	while (((bits >> unused) & 1) === 0) unused++;
	return bitString(Buffer.from([bits]), unused);
}

/** SHA-1 of the public key's bits (RFC 5280 section 4.2.1.2): for P-256 the last 65 bytes of the key's DER. */
function keyIdentifier(publicKey: KeyObject): Buffer {
	const point = publicKey.export({ type: "spki", format: "der" }).subarray(-65);
	return createHash("sha1").update(point).digest();
}

function exportKey(key: KeyObject): string {
	return key.export({ type: "sec1", format: "pem" }).toString();
}

/** Network order: 4 bytes for IPv4, 16 for IPv6. */
function addressBytes(address: string): Buffer {
	if (isIPv4(address)) return Buffer.from(address.split(".").map(Number));
	if (!isIPv6(address)) throw new TypeError(`${address} is not an IP address`);
	const [head = "", tail] = address.split("::");
	const groups = (text: string) => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
	const left = groups(head);
	const right = tail === undefined ? [] : groups(tail);
	const words = [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
	return Buffer.from(words.flatMap((word) => [word >> 8, word & 0xff]));
}
