/** Passwords are kept as salted scrypt hashes. Source: RFC 7914; parameters are Node's defaults (N 16384, r 8, p 1). */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

const saltBytes = 16;
const hashBytes = 32;

/** "SALT:HASH" in hexadecimal. */
export async function hashPassword(password: string): Promise<string> {
	const salt = randomBytes(saltBytes);
	return `${salt.toString("hex")}:${(await derive(password, salt)).toString("hex")}`;
}

export async function isPassword(password: string, hashed: string): Promise<boolean> {
	const [salt = "", hash = ""] = hashed.split(":").map((part) => Buffer.from(part, "hex"));
	if (typeof salt === "string" || typeof hash === "string") return false;
	const found = await derive(password, salt);
	return found.length === hash.length && timingSafeEqual(found, hash);
}

function derive(password: string, salt: Buffer): Promise<Buffer> {
	return new Promise((resolve, reject) => {
		scrypt(password, salt, hashBytes, (error, key) => (error === null ? resolve(key) : reject(error)));
	});
}
