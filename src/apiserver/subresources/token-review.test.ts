import { beforeEach, describe, expect, it } from "vitest";
import type {
	AuthenticationTokenRequest,
	Secret,
	ServiceAccount,
	TokenReview,
	TokenReviewStatus,
} from "../../apimachinery/schema/generated/types.ts";
import { type ResourceDriver, type ServerFixture, startServer } from "../testing.ts";

const own = "https://kubernetes.default.svc.cluster.local";
let fixture: ServerFixture;
let accounts: ResourceDriver;
let secrets: ResourceDriver;

beforeEach(async () => {
	fixture = await startServer();
	accounts = fixture.resource("", "v1", "serviceaccounts");
	secrets = fixture.resource("", "v1", "secrets");
});

async function review(spec: object): Promise<TokenReviewStatus | undefined> {
	const reviews = fixture.clusterResource("authentication.k8s.io", "v1", "tokenreviews");
	return ((await reviews.send("create", { body: { spec } })) as TokenReview).status;
}

async function issue(spec: object = {}): Promise<string> {
	const answer = await accounts.send("create", { name: "default", subresource: "token", body: { spec } });
	return (answer as AuthenticationTokenRequest).status?.token ?? "";
}

describe("whose a token is", () => {
	it("of a service account, for the audiences that it is for", async () => {
		const token = await issue({ audiences: [own, "vault"] });
		expect(await review({ token })).toMatchObject({
			authenticated: true,
			audiences: [own],
			user: {
				username: "system:serviceaccount:default:default",
				groups: ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
			},
		});
		expect((await review({ token, audiences: ["more", "vault", own] }))?.audiences).toEqual([own, "vault"]);
		expect(await review({ token, audiences: ["more"] })).toEqual({
			user: {},
			error: `token audiences ["${own}" "vault"] is invalid for the target audiences ["more"]`,
		});
	});

	it("nobody's, and why", async () => {
		expect(await review({ token: "x" })).toEqual({ user: {}, error: "invalid bearer token" });
		const [head = "", body = ""] = (await issue()).split(".");
		const forged = `${head}.${body}.${Buffer.alloc(64).toString("base64url")}`;
		expect((await review({ token: forged }))?.error).toBe("go-jose/go-jose: error in cryptographic primitive");
		const otherKey = Buffer.from(JSON.stringify({ alg: "ES256", kid: "other" })).toString("base64url");
		expect((await review({ token: `${otherKey}.${body}.AAAA` }))?.error).toBe("invalid signature, no keys found");
		const token = await issue({ expirationSeconds: 600 });
		await fixture.clock.advance(661_000);
		expect((await review({ token }))?.error).toBe("service account token has expired");
	});

	it("nobody's any more when its service account is another one", async () => {
		const token = await issue();
		const old = ((await accounts.send("get", { name: "default" })) as ServiceAccount).metadata?.uid;
		await accounts.send("delete", { name: "default" });
		expect((await review({ token }))?.error).toBe('serviceaccounts "default" not found');
		const now = ((await accounts.send("create", { body: { metadata: { name: "default" } } })) as ServiceAccount).metadata?.uid;
		expect((await review({ token }))?.error).toBe(`service account UID (${now}) does not match claim (${old})`);
	});

	it("cannot be told without one", async () => {
		const reviews = fixture.clusterResource("authentication.k8s.io", "v1", "tokenreviews");
		expect(await reviews.failure("create", { body: { spec: {} } })).toBe(
			"400 BadRequest: token is required for TokenReview in authentication",
		);
	});
});

describe("the token of a Secret", () => {
	let token: string;
	beforeEach(async () => {
		token = fixture.server.serviceAccountTokens.issueLegacy((await accounts.send("get", { name: "default" })) as ServiceAccount, "old");
		const annotations = { "kubernetes.io/service-account.name": "default" };
		const data = { token: Buffer.from(token).toString("base64") };
		await secrets.send("create", { body: { metadata: { name: "old", annotations }, type: "kubernetes.io/service-account-token", data } });
	});

	const labels = async () => ((await secrets.send("get", { name: "old" })) as Secret).metadata?.labels;
	const change = (body: object) => secrets.send("patch", { name: "old", patchType: "application/merge-patch+json", body });

	it("is its service account's, for the API server alone, and its Secret has the day of its last use", async () => {
		expect(await review({ token })).toMatchObject({ authenticated: true, user: { username: "system:serviceaccount:default:default" } });
		await fixture.clock.advance(1000);
		expect(await labels()).toEqual({ "kubernetes.io/legacy-token-last-used": "2026-01-01" });
		await fixture.clock.advance(24 * 3600_000);
		await review({ token });
		await fixture.clock.advance(1000);
		expect(await labels()).toEqual({ "kubernetes.io/legacy-token-last-used": "2026-01-02" });
		expect((await review({ token, audiences: ["vault"] }))?.error).toBe(
			`token audiences ["${own}"] is invalid for the target audiences ["vault"]`,
		);
	});

	it("is nobody's when the Secret is gone, holds another one, or is marked", async () => {
		await change({ metadata: { labels: { "kubernetes.io/legacy-token-invalid-since": "2026-01-01" } } });
		expect((await review({ token }))?.error).toBe(
			"the token in secret default/old for service account default/default has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the 'kubernetes.io/legacy-token-invalid-since' label from the secret to temporarily allow use of this token",
		);
		await change({ data: { token: "b3RoZXI=" } });
		expect((await review({ token }))?.error).toBe("Token does not match server's copy");
		await secrets.send("delete", { name: "old" });
		expect((await review({ token }))?.error).toBe("Token has been invalidated");
	});
});
