/** What a client of HTTPS believes, and what it shows of itself: read from its machine's files. */
import { createPrivateKey, type X509Certificate } from "node:crypto";
import type { ProcessContext } from "../../machine.ts";
import { readCertificates } from "../../net/tls.ts";
import { FsError } from "../../vfs/inode.ts";
import { resolvePath } from "../../vfs/path.ts";

/** Where Debian and Alpine keep the authorities that a machine trusts; simulated machines begin with none. */
const systemAuthorities = "/etc/ssl/certs/ca-certificates.crt";

/**
 * The authorities of a file; undefined if there is none to be read in it.
 * @param path default the first of what the variables name, or the system's, which may be absent
 */
export function readAuthorities(
	context: ProcessContext,
	path: string | undefined,
	variables: readonly string[] = [],
): readonly X509Certificate[] | undefined {
	if (path === undefined) {
		const named = variables.map((name) => context.env.get(name)).find((value) => value !== undefined && value !== "");
		return readAuthorities(context, named ?? systemAuthorities) ?? [];
	}
	const certificates = readCertificates(readText(context, path) ?? "");
	return certificates.length === 0 ? undefined : certificates;
}

/** PEM; undefined if it is no certificate. */
export function readOwnCertificates(context: ProcessContext, path: string): string | undefined {
	const text = readText(context, path) ?? "";
	return readCertificates(text).length === 0 ? undefined : text.slice(text.indexOf("-----BEGIN CERTIFICATE-----"));
}

/** Whether a file holds the key of the first of these certificates. */
export function hasKeyOf(context: ProcessContext, path: string, certificates: string): boolean {
	const text = readText(context, path) ?? "";
	const key = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----/s.exec(text)?.[0];
	try {
		return key !== undefined && readCertificates(certificates)[0]?.checkPrivateKey(createPrivateKey(key)) === true;
	} catch {
		return false;
	}
}

/** Undefined: it can't be read. */
function readText({ files, cwd }: ProcessContext, path: string): string | undefined {
	try {
		return files.readText(resolvePath(cwd, path));
	} catch (error) {
		if (error instanceof FsError) return undefined;
		throw error;
	}
}
