/**
 * The token that a page of a list ends with: where the next page starts, and at which revision. Opaque to clients:
 * base64 of JSON, as kube-apiserver's is. Keys in it are relative to the listed collection, so that a forged token
 * cannot lead out of what its bearer may list.
 * Source: k8s.io/apiserver/pkg/storage/continue.go.
 */
import { posix } from "node:path";
import { describeJsonError } from "../../apimachinery/json-syntax.ts";
import { newBadRequest } from "../../apimachinery/status-error.ts";

const tokenVersion = "meta.k8s.io/v1";

/** Revision of a token that goes on from the newest state, whatever it is by then. */
export const newestRevision = -1;

/** Where the next page starts. */
export interface ContinueToken {
	/** Store revision, or `newestRevision`. */
	readonly revision: number;
	/** First key of the page, whole. */
	readonly startKey: string;
}

/** @param prefix of every key of the collection */
export function encodeContinue({ revision, startKey }: ContinueToken, prefix: string): string {
	return Buffer.from(JSON.stringify({ v: tokenVersion, rv: revision, start: startKey.slice(prefix.length) })).toString("base64url");
}

/** Throws BadRequest. */
export function decodeContinue(token: string, prefix: string): ContinueToken {
	const { v, rv, start } = parse(token);
	if (v !== tokenVersion) throw refuse(`: server does not recognize this encoded version ${String(v ?? "")}`);
	if (typeof rv !== "number" || !Number.isSafeInteger(rv) || rv === 0) {
		throw refuse(`: incorrect encoded start resourceVersion (version ${tokenVersion})`);
	}
	if (typeof start !== "string" || start === "") throw refuse(`: encoded start key empty (version ${tokenVersion})`);
	const path = start.startsWith("/") ? start : `/${start}`;
	// A key may end in the NUL that makes it the successor of the last one told; no part of it may climb.
	if (posix.normalize(path) !== path) throw refuse(`: ${start}`);
	return { revision: rv, startKey: prefix + path.slice(1) };
}

function parse(token: string): { readonly v?: unknown; readonly rv?: unknown; readonly start?: unknown } {
	const illegal = /[^A-Za-z0-9_-]/.exec(token)?.index ?? (token.length % 4 === 1 ? token.length - 1 : -1);
	if (illegal >= 0) throw refuse(`: illegal base64 data at input byte ${illegal}`);
	const bytes = Buffer.from(token, "base64url");
	try {
		const value: unknown = JSON.parse(bytes.toString("utf8"));
		return typeof value === "object" && value !== null ? value : {};
	} catch (error) {
		throw refuse(`: ${describeJsonError(bytes.toString("latin1")) ?? String(error)}`);
	}
}

function refuse(why: string) {
	return newBadRequest(`invalid continue token: continue key is not valid${why}`);
}
