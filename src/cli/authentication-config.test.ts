import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type AuthenticationConfig, changesAuthentication, openAuthenticationConfig, planAuthentication } from "./authentication-config.ts";

const oidc: AuthenticationConfig = { oidcIssuerUrl: "https://id", oidcClientId: "kubernetes" };

test.each<[string, AuthenticationConfig, AuthenticationConfig | undefined, AuthenticationConfig | string | undefined]>([
	["nothing asked, nothing known", {}, undefined, undefined],
	["a file, wherever the next start is made", { tokenAuthFile: "/a/../t.csv" }, undefined, { tokenAuthFile: "/t.csv" }],
	["what it had before", {}, oidc, oidc],
	["more than before", { anonymousAuth: false }, oidc, { ...oidc, anonymousAuth: false }],
	["what is taken back", { tokenAuthFile: "" }, { tokenAuthFile: "/t.csv" }, undefined],
	["half a provider", { oidcIssuerUrl: "https://id" }, undefined, "--oidc-issuer-url and --oidc-client-id go together"],
])("plans %s", (_what, options, known, planned) => {
	const other = { name: "exam", nodes: 3 };
	const plan = () => planAuthentication({ ...other, ...options }, known);
	if (typeof planned === "string") expect(plan).toThrow(planned);
	else {
		expect(plan()).toEqual(planned);
		expect(changesAuthentication({ ...other, ...options }, known)).toBe(planned !== known);
	}
});

test("opens it with what is in the files, and says which one it can't read", () => {
	const directory = mkdtempSync(join(tmpdir(), "kubesim-authentication-"));
	const file = join(directory, "t.csv");
	writeFileSync(file, "sesame,alice,1\n");
	expect(openAuthenticationConfig({ tokenAuthFile: file, ...oidc, oidcRequiredClaim: { hd: "acme" } })).toEqual({
		tokenFile: { text: "sesame,alice,1\n", path: file },
		oidc: { issuerUrl: "https://id", clientId: "kubernetes", requiredClaims: { hd: "acme" } },
	});
	rmSync(directory, { recursive: true });
	expect(() => openAuthenticationConfig({ tokenAuthFile: file })).toThrow(`can't read ${file}: ENOENT`);
});
