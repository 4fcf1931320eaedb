import { expect, it } from "vitest";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { decodeContinue, encodeContinue } from "./continue-token.ts";

const prefix = "/registry/pods/default/";

it("goes there and back", () => {
	const token = { revision: 17, startKey: `${prefix}web-1\0` };
	expect(decodeContinue(encodeContinue(token, prefix), prefix)).toEqual(token);
});

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

it.each([
	["no base64!", "illegal base64 data at input byte 2"],
	["abcde", "illegal base64 data at input byte 4"],
	["xyz", "invalid character 'Ç' looking for beginning of value"],
	[encode({}), "server does not recognize this encoded version "],
	[encode({ v: "v9", rv: 1, start: "a" }), "server does not recognize this encoded version v9"],
	[encode({ v: "meta.k8s.io/v1", start: "a" }), "incorrect encoded start resourceVersion (version meta.k8s.io/v1)"],
	[encode({ v: "meta.k8s.io/v1", rv: 1 }), "encoded start key empty (version meta.k8s.io/v1)"],
	[encode({ v: "meta.k8s.io/v1", rv: 1, start: "../../secrets/kube-system/a" }), "../../secrets/kube-system/a"],
])("refuses %s", (token, why) => {
	let said = "";
	try {
		decodeContinue(token, prefix);
	} catch (error) {
		if (isStatusError(error, "BadRequest")) said = error.message;
	}
	expect(said).toBe(`invalid continue token: continue key is not valid: ${why}`);
});

it("never leads out of the collection", () => {
	const { startKey } = decodeContinue(encode({ v: "meta.k8s.io/v1", rv: 1, start: "/registry/secrets/a" }), prefix);
	expect(startKey).toBe("/registry/pods/default/registry/secrets/a");
});
