/**
 * The cluster's certificates and keys: made at the first start, read at every other one, renewed when they run out.
 *
 *   ca.crt ca.key                 signs everything below; 10 years
 *   apiserver.crt apiserver.key   what the API server shows; 1 year
 *   admin.crt admin.key           kubernetes-admin in system:masters, the user of the kubeconfig; 1 year
 *   sa.key sa.pub                 signs and checks service account tokens
 *   front-proxy-ca.crt …          signs for whoever may speak for others (X-Remote-User); 10 years
 *   front-proxy-client.crt …      what the API server shows when it passes requests on; 1 year
 *
 * The names are kubeadm's. All validity counts on the cluster's clock.
 * Source: https://kubernetes.io/docs/setup/best-practices/certificates/
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, X509Certificate } from "node:crypto";
import { closeSync, existsSync, fchmodSync, fsync, mkdirSync, openSync, renameSync, writeFileSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { createAuthority, issueCertificate, type KeyPair, type LeafOptions, type Validity } from "./certificate.ts";

export interface Pki {
	readonly ca: KeyPair;
	readonly apiServer: KeyPair;
	readonly admin: KeyPair;
	readonly frontProxy: { readonly ca: KeyPair; readonly client: KeyPair };
	/** PEM: signs and checks service account tokens (ES256). */
	readonly serviceAccount: { readonly privateKey: string; readonly publicKey: string };
}

export interface PkiOptions {
	/** Cluster time, Unix ms. */
	readonly nowMs: number;
	/** Further names and addresses of the API server, e.g. the machine's host name. */
	readonly serverNames?: readonly string[];
}

/** A PKI directory that cannot be used; the text says how to get out. */
export class PkiError extends Error {
	override readonly name = "PkiError";
	readonly directory: string;

	constructor(directory: string, why: string) {
		super(`${directory}: ${why}; remove the directory to make new certificates (kubeconfigs of this cluster must then be written anew)`);
		this.directory = directory;
	}
}

const synced = promisify(fsync);

const dayMs = 24 * 3600 * 1000;
const authorityMs = 3650 * dayMs;
const leafMs = 365 * dayMs;
/** Certificates are valid from this much before they are made, for clients whose clocks are behind. */
const backdateMs = 10 * 60 * 1000;
/** A certificate this close to its end is renewed. */
const renewBeforeMs = 30 * dayMs;

/** Whom an API server takes for the front proxy (--requestheader-allowed-names). */
export const frontProxyName = "front-proxy-client";

const serverDnsNames = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost"];
/** The Service `kubernetes`, the control plane's own place in the simulated network, and the machine. */
const serverAddresses = ["10.96.0.1", "172.19.0.2", "127.0.0.1", "::1"];

/**
 * Reads the PKI from `directory`, makes what is missing or runs out, and writes that there. Without a directory
 * everything is new and stays in memory.
 * @throws PkiError when the CA is damaged
 */
export async function loadOrCreatePki(directory: string | undefined, options: PkiOptions): Promise<Pki> {
	const files = directory === undefined ? undefined : new PkiDirectory(directory);
	const { nowMs } = options;
	// What does not depend on each other is written at once: waiting for the disk is most of a first start.
	const [own, frontProxy, serviceAccount] = await Promise.all([
		loadOwn(files, options),
		loadFrontProxy(files, nowMs),
		loadTokenKeys(files),
	]);
	return { ...own, frontProxy, serviceAccount };
}

async function loadOwn(files: PkiDirectory | undefined, options: PkiOptions): Promise<Pick<Pki, "ca" | "apiServer" | "admin">> {
	const ca = await loadAuthority(files, options.nowMs);
	const [apiServer, admin] = await Promise.all([
		loadLeaf(files, "apiserver", ca, serverCertificate(options), options.nowMs),
		loadLeaf(files, "admin", ca, adminCertificate(options.nowMs), options.nowMs),
	]);
	return { ca, apiServer, admin };
}

async function loadFrontProxy(files: PkiDirectory | undefined, nowMs: number): Promise<Pki["frontProxy"]> {
	const ca = await loadAuthority(files, nowMs, "front-proxy-ca", "front-proxy-ca");
	return { ca, client: await loadLeaf(files, "front-proxy-client", ca, frontProxyCertificate(nowMs), nowMs) };
}

/** A client certificate for a user (`commonName`) in groups (`organizations`), valid for a year. */
export function issueClientCertificate(ca: KeyPair, commonName: string, organizations: readonly string[], nowMs: number): KeyPair {
	return issueCertificate(ca, {
		subject: { commonName, organizations },
		validity: validityFrom(nowMs, leafMs),
		usages: ["clientAuth"],
	});
}

function adminCertificate(nowMs: number): LeafOptions {
	return {
		subject: { commonName: "kubernetes-admin", organizations: ["system:masters"] },
		validity: leafValidity(nowMs),
		usages: ["clientAuth"],
	};
}

function frontProxyCertificate(nowMs: number): LeafOptions {
	return { subject: { commonName: frontProxyName }, validity: leafValidity(nowMs), usages: ["clientAuth"] };
}

function serverCertificate({ nowMs, serverNames = [] }: PkiOptions): LeafOptions {
	const isAddress = (name: string) => /^[\d.]+$|:/.test(name);
	return {
		subject: { commonName: "kube-apiserver" },
		validity: validityFrom(nowMs, leafMs),
		usages: ["serverAuth"],
		dnsNames: [...new Set([...serverDnsNames, ...serverNames.filter((name) => !isAddress(name))])],
		ipAddresses: [...new Set([...serverAddresses, ...serverNames.filter(isAddress)])],
	};
}

/** Of certificates that are not an authority's: a year. */
export function leafValidity(nowMs: number): Validity {
	return validityFrom(nowMs, leafMs);
}

function validityFrom(nowMs: number, lengthMs: number): Validity {
	return { notBeforeMs: nowMs - backdateMs, notAfterMs: nowMs + lengthMs };
}

/** Reads or makes an authority's two files, by default ca.crt and ca.key. @throws PkiError */
export async function loadAuthority(
	files: PkiDirectory | undefined,
	nowMs: number,
	commonName = "kubernetes",
	name = "ca",
): Promise<KeyPair> {
	const cert = await files?.read(`${name}.crt`);
	const key = await files?.read(`${name}.key`);
	if (files !== undefined && cert !== undefined) {
		const problem = authorityProblem(name, cert, key, nowMs);
		if (problem !== undefined) throw new PkiError(files.directory, problem);
		return { cert, key: key ?? "" };
	}
	const ca = createAuthority({ commonName }, validityFrom(nowMs, authorityMs));
	// The key first: a certificate on disk means that the pair is complete.
	await files?.write(`${name}.key`, ca.key, 0o600);
	await files?.write(`${name}.crt`, ca.cert, 0o644);
	return ca;
}

function authorityProblem(name: string, cert: string, key: string | undefined, nowMs: number): string | undefined {
	if (key === undefined) return `${name}.key is missing`;
	const certificate = parseCertificate(cert);
	if (certificate === undefined) return `${name}.crt is not a certificate`;
	if (!isKeyOf(certificate, key)) return `${name}.key does not belong to ${name}.crt`;
	return nowMs > Date.parse(certificate.validTo) ? `${name}.crt has expired (${certificate.validTo})` : undefined;
}

/** Reads NAME.crt and NAME.key, or makes them if they are missing, of another CA, or soon to expire. */
export async function loadLeaf(
	files: PkiDirectory | undefined,
	name: string,
	ca: KeyPair,
	options: LeafOptions,
	nowMs: number,
): Promise<KeyPair> {
	const cert = await files?.read(`${name}.crt`);
	const key = await files?.read(`${name}.key`);
	if (cert !== undefined && key !== undefined && isUsable(cert, key, ca, options, nowMs)) return { cert, key };
	const leaf = issueCertificate(ca, options);
	await files?.write(`${name}.key`, leaf.key, 0o600);
	await files?.write(`${name}.crt`, leaf.cert, 0o644);
	return leaf;
}

/** Whether a certificate is of our CA, has its key, lives long enough and has every name that is wanted of it. */
function isUsable(cert: string, key: string, ca: KeyPair, { dnsNames = [], ipAddresses = [] }: LeafOptions, nowMs: number): boolean {
	const certificate = parseCertificate(cert);
	if (certificate === undefined || !isKeyOf(certificate, key)) return false;
	if (!certificate.verify(createPublicKey(ca.cert))) return false;
	if (nowMs < Date.parse(certificate.validFrom) || nowMs > Date.parse(certificate.validTo) - renewBeforeMs) return false;
	return (
		dnsNames.every((name) => certificate.checkHost(name, { subject: "never" }) !== undefined) &&
		ipAddresses.every((address) => certificate.checkIP(address) !== undefined)
	);
}

async function loadTokenKeys(files: PkiDirectory | undefined): Promise<Pki["serviceAccount"]> {
	const stored = await files?.read("sa.key");
	const privateKey =
		stored ?? generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "sec1", format: "pem" }).toString();
	let publicKey: string;
	try {
		publicKey = createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString();
	} catch {
		throw new PkiError(files?.directory ?? "", "sa.key is not a private key");
	}
	if (stored === undefined) {
		await files?.write("sa.pub", publicKey, 0o644);
		await files?.write("sa.key", privateKey, 0o600);
	}
	return { privateKey, publicKey };
}

function parseCertificate(pem: string): X509Certificate | undefined {
	try {
		return new X509Certificate(pem);
	} catch {
		return undefined;
	}
}

function isKeyOf(certificate: X509Certificate, key: string): boolean {
	try {
		return certificate.checkPrivateKey(createPrivateKey(key));
	} catch {
		return false;
	}
}

/** Files are replaced as a whole: written beside, synced, renamed. */
export class PkiDirectory {
	readonly directory: string;

	constructor(directory: string) {
		this.directory = directory;
	}

	async read(name: string): Promise<string | undefined> {
		const path = join(this.directory, name);
		// At a first start none is there, and an error a file would cost more than to look.
		if (!existsSync(path)) return undefined;
		try {
			return await readFile(path, "utf8");
		} catch (error) {
			if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
			throw error;
		}
	}

	/** Of all steps only the disk is waited for: each turn by another thread costs a first start more than the step itself, ten times. */
	async write(name: string, text: string, mode: number): Promise<void> {
		mkdirSync(this.directory, { recursive: true, mode: 0o700 });
		const path = join(this.directory, name);
		const temporary = `${path}.${randomBytes(4).toString("hex")}.tmp`;
		try {
			const file = openSync(temporary, "wx", mode);
			try {
				writeFileSync(file, text);
				// The mode given to open is cut by the umask; a key must have exactly its own.
				fchmodSync(file, mode);
				await synced(file);
			} finally {
				closeSync(file);
			}
			renameSync(temporary, path);
		} catch (error) {
			await rm(temporary, { force: true });
			throw error;
		}
	}
}
