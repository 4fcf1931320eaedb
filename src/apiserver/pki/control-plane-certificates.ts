/**
 * The certificates of a PKI directory as `kubeadm certs` shows and renews them: names are kubeadm's.
 * Source: https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/, cmd/kubeadm/app/phases/certs.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { join } from "node:path";
import { readSubject } from "../../apimachinery/x509/distinguished-name.ts";
import { issueCertificate, type KeyPair } from "./certificate.ts";
import { leafValidity, PkiDirectory, PkiError } from "./pki.ts";

export interface ControlPlaneCertificate {
	readonly name: string;
	/** What it is for, in kubeadm's words. */
	readonly purpose: string;
	/** Name of the authority that signs it. */
	readonly authority: "ca" | "etcd-ca" | "front-proxy-ca";
	/** Below the PKI directory, without its end. */
	readonly file: string;
}

const certificates: readonly ControlPlaneCertificate[] = [
	{ name: "admin", purpose: "certificate embedded in the kubeconfig file for the admin to use", authority: "ca", file: "admin" },
	{ name: "apiserver", purpose: "certificate for serving the Kubernetes API", authority: "ca", file: "apiserver" },
	{
		name: "apiserver-etcd-client",
		purpose: "certificate the apiserver uses to access etcd",
		authority: "etcd-ca",
		file: "apiserver-etcd-client",
	},
	{
		name: "etcd-healthcheck-client",
		purpose: "certificate for liveness probes to healthcheck etcd",
		authority: "etcd-ca",
		file: "etcd/healthcheck-client",
	},
	{ name: "etcd-peer", purpose: "certificate for etcd nodes to communicate with each other", authority: "etcd-ca", file: "etcd/peer" },
	{ name: "etcd-server", purpose: "certificate for serving etcd", authority: "etcd-ca", file: "etcd/server" },
	{
		name: "front-proxy-client",
		purpose: "certificate for the front proxy client",
		authority: "front-proxy-ca",
		file: "front-proxy-client",
	},
];

const authorityFiles: Readonly<Record<ControlPlaneCertificate["authority"], string>> = {
	ca: "ca",
	"etcd-ca": "etcd/ca",
	"front-proxy-ca": "front-proxy-ca",
};

export interface CertificateExpiration {
	readonly name: string;
	/** Unix ms; absent: there is no such certificate. */
	readonly notAfterMs?: number;
	/** Its authority's key is not here: nobody here can renew it. */
	readonly isExternal: boolean;
	/** Absent: it is an authority itself. */
	readonly authority?: string;
}

export interface Expirations {
	readonly certificates: readonly CertificateExpiration[];
	readonly authorities: readonly CertificateExpiration[];
}

/** Names that `renewCertificate` takes. */
export const certificateNames: readonly string[] = certificates.map(({ name }) => name);

/** When everything in a PKI directory ends. Rejects with PkiError for a file that is no certificate. */
export async function certificateExpirations(directory: string): Promise<Expirations> {
	const files = new PkiDirectory(directory);
	const authorities = await Promise.all(
		Object.entries(authorityFiles).map(async ([name, file]) => ({
			name,
			...(await notAfterOf(files, file)),
			isExternal: (await files.read(`${file}.key`)) === undefined,
		})),
	);
	const isExternal = (name: string) => authorities.find((authority) => authority.name === name)?.isExternal ?? true;
	return {
		authorities,
		certificates: await Promise.all(
			certificates.map(async ({ name, authority, file }) => ({
				name,
				authority,
				...(await notAfterOf(files, file)),
				isExternal: isExternal(authority),
			})),
		),
	};
}

async function notAfterOf(files: PkiDirectory, file: string): Promise<Pick<CertificateExpiration, "notAfterMs">> {
	const certificate = await readCertificate(files, file);
	return certificate === undefined ? {} : { notAfterMs: Date.parse(certificate.validTo) };
}

async function readCertificate(files: PkiDirectory, file: string): Promise<X509Certificate | undefined> {
	const pem = await files.read(`${file}.crt`);
	if (pem === undefined) return undefined;
	try {
		return new X509Certificate(pem);
	} catch {
		throw new PkiError(files.directory, `${file}.crt is not a certificate`);
	}
}

/** What became of a certificate that was to be renewed. */
export interface Renewal {
	readonly name: string;
	readonly purpose: string;
	readonly outcome: "renewed" | "missing" | "external";
}

/**
 * Replaces a certificate by one that is like it and ends in a year, with a new key. Rejects with PkiError.
 * @param name one of `certificateNames`
 */
export async function renewCertificate(directory: string, name: string, nowMs: number): Promise<Renewal> {
	const found = certificates.find((certificate) => certificate.name === name);
	if (found === undefined) throw new PkiError(directory, `${name} is not one of its certificates`);
	const { purpose, file, authority } = found;
	const files = new PkiDirectory(directory);
	const current = await readCertificate(files, file);
	if (current === undefined) return { name, purpose, outcome: "missing" };
	const signer = await readAuthority(files, authorityFiles[authority]);
	if (signer === undefined) return { name, purpose, outcome: "external" };
	const renewed = issueCertificate(signer, { ...contentOf(current), validity: leafValidity(nowMs) });
	const place = new PkiDirectory(join(directory, file, ".."));
	const base = file.slice(file.lastIndexOf("/") + 1);
	await place.write(`${base}.key`, renewed.key, 0o600);
	await place.write(`${base}.crt`, renewed.cert, 0o644);
	return { name, purpose, outcome: "renewed" };
}

async function readAuthority(files: PkiDirectory, file: string): Promise<KeyPair | undefined> {
	const cert = await files.read(`${file}.crt`);
	const key = await files.read(`${file}.key`);
	if (cert === undefined || key === undefined) return undefined;
	try {
		if (new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return { cert, key };
	} catch {
		// Whatever OpenSSL finds wrong with either of them.
	}
	throw new PkiError(files.directory, `${file}.key does not belong to ${file}.crt`);
}

function contentOf(certificate: X509Certificate) {
	const { commonName = "", organizations = [] } = readSubject(certificate.raw) ?? {};
	const usages: readonly string[] = certificate.keyUsage ?? [];
	const names = (certificate.subjectAltName ?? "").split(", ").map((name) => name.replace(/^[^:]*:/, ""));
	return {
		subject: { commonName, organizations },
		usages: [
			...(usages.includes("1.3.6.1.5.5.7.3.1") ? (["serverAuth"] as const) : []),
			...(usages.includes("1.3.6.1.5.5.7.3.2") ? (["clientAuth"] as const) : []),
		],
		dnsNames: names.filter((name) => name !== "" && isIP(name) === 0),
		ipAddresses: names.filter((name) => isIP(name) !== 0),
	};
}
