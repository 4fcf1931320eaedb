/**
 * Static tokens: a CSV file of `token,user,uid[,"group1,group2"]`, read once.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#static-token-file and
 * k8s.io/apiserver/pkg/authentication/token/tokenfile; the form of the file is that of Go's encoding/csv (RFC 4180).
 */
import type { UserInfo } from "../../apimachinery/user.ts";
import type { TokenAuthenticator } from "./authenticator.ts";

/** A token file that cannot be used. */
export class TokenFileError extends Error {
	override readonly name = "TokenFileError";
}

/**
 * @param text the file
 * @param path what errors call it
 * @throws TokenFileError
 */
export function tokenFileAuthenticator(text: string, path: string): TokenAuthenticator {
	const users = new Map<string, UserInfo>();
	for (const record of parseCsv(text, path)) {
		if (record.length < 3) {
			const columns = `must have at least 3 columns (token, user name, user uid), found ${record.length}`;
			throw new TokenFileError(`token file '${path}' ${columns}`);
		}
		const [token = "", name = "", uid = "", groups] = record;
		if (token === "") continue;
		users.set(token, { name, ...(uid === "" ? {} : { uid }), groups: groups === undefined ? [] : groups.split(",") });
	}
	return {
		authenticateToken(token) {
			const user = users.get(token);
			return user === undefined ? undefined : { user };
		},
	};
}

/** Empty lines are no records. @throws TokenFileError for quotes that do not close or stand where none may */
function parseCsv(text: string, path: string): readonly (readonly string[])[] {
	const records: string[][] = [];
	const field = /"((?:[^"]|"")*)"(,|\r?\n|$)|([^",\r\n]*)(,|\r?\n|$)/y;
	let record: string[] = [];
	for (let at = 0; at < text.length || record.length > 0; ) {
		field.lastIndex = at;
		const match = field.exec(text);
		if (match === null) throw new TokenFileError(`token file '${path}': record on line ${lineOf(text, at)}: bare or extraneous " in field`);
		const [whole, quoted, , bare] = match;
		const end = match[2] ?? match[4] ?? "";
		record.push(quoted?.replaceAll('""', '"') ?? bare ?? "");
		at += whole.length;
		if (end === ",") continue;
		if (record.length > 1 || record[0] !== "" || quoted !== undefined) records.push(record);
		record = [];
	}
	return records;
}

function lineOf(text: string, at: number): number {
	return text.slice(0, at).split("\n").length;
}
