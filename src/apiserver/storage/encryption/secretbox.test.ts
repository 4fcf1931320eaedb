/** Known answers: NaCl's own test vector for secretbox, RFC 8439's for Poly1305. */
import { expect, it } from "vitest";
import { poly1305 } from "./poly1305.ts";
import { openSecretbox, sealSecretbox } from "./secretbox.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

/** tests/secretbox.c of NaCl: firstkey, nonce, m and c, without the zeros that its interface wants. */
const key = hex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389");
const nonce = hex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37");
const message = hex(`
	be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb31
	0e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f93776384864
	5e0705`);
const box = hex(`
	f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c972
	71d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b3
	7973f622a43d14a6599b1f654cb45a74e355a5`);

it("seals and opens as NaCl does", () => {
	expect(sealSecretbox(key, nonce, message).toString("hex")).toBe(box.toString("hex"));
	expect(openSecretbox(key, nonce, box)?.toString("hex")).toBe(message.toString("hex"));
});

it.each([0, 15, 16, 100])("does not open a box whose byte %i was changed", (index) => {
	const changed = Buffer.from(box);
	changed[index] = (changed[index] ?? 0) ^ 1;
	expect(openSecretbox(key, nonce, changed)).toBeUndefined();
});

it.each([0, 1, 31, 32, 33, 63, 64, 65, 1000])("keeps %i bytes", (length) => {
	const bytes = Buffer.alloc(length, 7);
	expect(openSecretbox(key, nonce, sealSecretbox(key, nonce, bytes))).toEqual(bytes);
});

it("authenticates as RFC 8439 does", () => {
	const tag = poly1305(
		hex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b"),
		Buffer.from("Cryptographic Forum Research Group"),
	);
	expect(Buffer.from(tag).toString("hex")).toBe("a8061dc1305136c6c22b8baf0c0127a9");
});
