import { expect, test } from "vitest";
import { TokenFileError, tokenFileAuthenticator } from "./token-file.ts";

const file = ['31ada4fd-adec,alice,1,"dev,ops"', "", 'b,"bob ""the builder""",2', ",nobody,3", "c,carol,4,dev", "c,caroline,5"].join(
	"\r\n",
);

test.each([
	["31ada4fd-adec", { name: "alice", uid: "1", groups: ["dev", "ops"] }],
	["b", { name: 'bob "the builder"', uid: "2", groups: [] }],
	["c", { name: "caroline", uid: "5", groups: [] }],
	["", undefined],
	["31ADA4FD-ADEC", undefined],
])("the bearer of %j", (token, user) => {
	expect(tokenFileAuthenticator(file, "tokens.csv").authenticateToken(token, ["api"])).toEqual(user === undefined ? undefined : { user });
});

test.each([
	["token,user", "token file 'tokens.csv' must have at least 3 columns (token, user name, user uid), found 2"],
	['a,b,c\nd,"e,f', `token file 'tokens.csv': record on line 2: bare or extraneous " in field`],
])("%j cannot be used", (text, message) => {
	expect(() => tokenFileAuthenticator(text, "tokens.csv")).toThrow(new TokenFileError(message));
});
