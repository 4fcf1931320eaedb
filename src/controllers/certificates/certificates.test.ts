import { beforeEach, describe, expect, test } from "vitest";
import type { CertificateSigningRequest, SubjectAccessReview } from "../../apimachinery/schema/generated/types.ts";
import { type CertificateRequest, isProblem, parseCertificateRequest } from "../../apimachinery/x509/certificate-request.ts";
import { Client } from "../../client/client.ts";
import { certificateSigningRequests } from "../../client/resources.ts";
import type { Controller } from "../controller.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { approvingController } from "./approving-controller.ts";
import { cleanerController } from "./cleaner-controller.ts";
import { requestProblem, signerNames } from "./request-rules.ts";
import { type SignedContent, signingController } from "./signing-controller.ts";

/** Made with openssl: O=system:nodes, CN=system:node:n1; and O=dev, CN=alice. */
const bodies = {
	node: "MIHrMIGSAgEAMDAxFTATBgNVBAoMDHN5c3RlbTpub2RlczEXMBUGA1UEAwwOc3lzdGVtOm5vZGU6bjEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARXh1X44/Uw6CDOO6CzWU5iFO5HiDM5jE7iOn1pNZDRYvc7c65hpbnoOgr4aEE7kXdIaMyeTMTL2e5fJDPMD/2GoAAwCgYIKoZIzj0EAwIDSAAwRQIhAN5yTWdn2yItY0xNMizhRtCvLwqlorbbV1t1L6iY4o7ZAiADDhVmCCL0xGYw9DU60zij1s6Wcv15bqEHU4y3ulvWrg==",
	alice:
		"MIHYMIGAAgEAMB4xDDAKBgNVBAoMA2RldjEOMAwGA1UEAwwFYWxpY2UwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARXh1X44/Uw6CDOO6CzWU5iFO5HiDM5jE7iOn1pNZDRYvc7c65hpbnoOgr4aEE7kXdIaMyeTMTL2e5fJDPMD/2GoAAwCgYIKoZIzj0EAwIDRwAwRAIgCpNi4VpfiOTOhJa0FRDHnP7lnle+8dh1u3+TRQJjD6ACIGBOAQXIMs2SgW7qaN3riT2Co4Fa8WyOePnywaRZ48yx",
};
const pem = (body: string) =>
	Buffer.from(`-----BEGIN CERTIFICATE REQUEST-----\n${body}\n-----END CERTIFICATE REQUEST-----\n`).toString("base64");
const approved = { type: "Approved", status: "True", reason: "Test", lastUpdateTime: "2026-01-01T00:00:00Z" };

let fixture: ControllerFixture;
beforeEach(() => {
	fixture = new ControllerFixture();
});

type Spec = Partial<CertificateSigningRequest["spec"]>;

async function make(spec: Spec, conditions: readonly (typeof approved)[] = []): Promise<void> {
	const client = fixture.client.resource(certificateSigningRequests);
	const all = { request: pem(bodies.alice), signerName: signerNames.client, usages: ["client auth"], username: "alice", ...spec };
	const made = await client.create({
		apiVersion: "certificates.k8s.io/v1",
		kind: "CertificateSigningRequest",
		metadata: { name: "r" },
		spec: all,
	});
	if (conditions.length > 0) await client.updateStatus({ ...made, status: { conditions } });
	await fixture.settle();
}

const found = async () => (await fixture.list(certificateSigningRequests))[0];

describe("the signer", () => {
	const signed: (SignedContent & { readonly name: string })[] = [];
	beforeEach(async () => {
		signed.length = 0;
		await fixture.start(
			signingController((request: CertificateRequest, content: SignedContent) => {
				signed.push({ ...content, name: request.subject.commonName });
				return "a certificate";
			}),
		);
	});

	test.each<[string, Spec, number]>([
		["a year", {}, 8760 * 3600_000],
		["as long as is asked for", { expirationSeconds: 3600 }, 3600_000],
		["no longer than a year", { expirationSeconds: 366 * 24 * 3600 }, 8760 * 3600_000],
	])("signs what was approved, for %s", async (_how, spec, lifetimeMs) => {
		await make(spec, [approved]);
		expect(signed).toEqual([{ name: "alice", usages: ["client auth"], lifetimeMs, nowMs: fixture.clock.now() - 100 }]);
		expect(Buffer.from((await found())?.status?.certificate ?? "", "base64").toString()).toBe("a certificate");
		await fixture.stop();
	});

	test.each<[string, Spec, readonly (typeof approved)[]]>([
		["nobody decided about", {}, []],
		["was denied", {}, [{ ...approved, type: "Denied" }]],
		["is another signer's", { signerName: "example.com/mine" }, [approved]],
		["has failed", {}, [approved, { ...approved, type: "Failed" }]],
	])("leaves alone what %s", async (_what, spec, conditions) => {
		await make(spec, conditions);
		expect(signed).toEqual([]);
		expect((await found())?.status?.conditions ?? []).toHaveLength(conditions.length);
		await fixture.stop();
	});

	test("says why it does not sign", async () => {
		await make({ usages: ["client auth", "server auth"] }, [approved]);
		expect((await found())?.status?.conditions?.[1]).toMatchObject({
			type: "Failed",
			status: "True",
			reason: "SignerValidationFailure",
			message: "invalid usage for client certificate: server auth",
		});
		await fixture.stop();
	});
});

describe("what signers ask of a request", () => {
	const parse = (body: string): CertificateRequest => {
		const request = parseCertificateRequest(pem(body));
		if (isProblem(request)) throw new Error(request.problem);
		return request;
	};
	const node = parse(bodies.node);
	const client = ["client auth", "digital signature", "key encipherment"];
	const server = ["server auth", "digital signature"];
	const { kubeletClient, kubeletServing } = signerNames;
	const named = { ...node, dnsNames: ["n1"] };
	const foreign = { ...named, subject: { ...node.subject, commonName: "n1" } };

	test.each<[string, CertificateRequest, readonly string[], string | undefined]>([
		[kubeletClient, node, client, undefined],
		[kubeletClient, node, client.slice(0, 2), undefined],
		[kubeletClient, parse(bodies.alice), client, "subject organization is not system:nodes"],
		[kubeletClient, named, client, "DNS subjectAltNames are not allowed"],
		[kubeletClient, { ...node, ipAddresses: [Buffer.alloc(4)] }, client, "IP subjectAltNames are not allowed"],
		[kubeletClient, { ...foreign, dnsNames: [] }, client, "subject common name does not begin with system:node:"],
		[kubeletClient, node, ["client auth"], "usages did not match [client auth digital signature key encipherment]"],
		[kubeletClient, node, [...client, "server auth"], "usages did not match [client auth digital signature key encipherment]"],
		[kubeletServing, named, server, undefined],
		[kubeletServing, node, server, "DNS or IP subjectAltName is required"],
		[kubeletServing, { ...named, uris: ["a:b"] }, server, "URI subjectAltNames are not allowed"],
		[kubeletServing, foreign, server, "subject common name does not begin with system:node:"],
		[signerNames.client, node, ["digital signature"], "missing required usage for client certificate: client auth"],
		[signerNames.legacyUnknown, foreign, [], undefined],
	])("%s (%#)", (signer, request, usages, problem) => {
		expect(requestProblem(signer, request, usages)).toBe(problem);
	});
});

describe("the approver", () => {
	const asked: SubjectAccessReview["spec"][] = [];
	/** The approver, where reviews allow one permission. */
	function approver(allowed: string): Controller {
		const { api } = fixture;
		const client = new Client({
			watch: (request, sink) => api.watch(request, sink),
			request: async (request) => {
				if (request.resource !== "subjectaccessreviews") return api.request(request);
				const review = request.body as SubjectAccessReview;
				asked.push(review.spec);
				const status = { allowed: review.spec.resourceAttributes?.subresource === allowed };
				return { object: { ...review, status }, code: 201, warnings: [] };
			},
		});
		return { ...approvingController, run: (context, signal) => approvingController.run({ ...context, client }, signal) };
	}
	const kubelet: Spec = {
		request: pem(bodies.node),
		signerName: signerNames.kubeletClient,
		usages: ["client auth", "digital signature"],
		username: "system:bootstrap:abcdef",
		groups: ["system:bootstrappers"],
	};
	beforeEach(() => void asked.splice(0));
	const writes = () => fixture.takeWrites().filter((write) => write.includes("approval"));

	test.each<[string, string, Spec, string]>([
		["a new node's", "nodeclient", kubelet, "Auto approving kubelet client certificate after SubjectAccessReview."],
		[
			"a node's own",
			"selfnodeclient",
			{ ...kubelet, username: "system:node:n1" },
			"Auto approving self kubelet client certificate after SubjectAccessReview.",
		],
	])("approves %s", async (_whose, permission, spec, message) => {
		await fixture.start(approver(permission));
		await make(spec);
		expect(asked).toEqual([
			{
				user: spec.username,
				groups: ["system:bootstrappers"],
				resourceAttributes: {
					group: "certificates.k8s.io",
					resource: "certificatesigningrequests",
					verb: "create",
					subresource: permission,
				},
			},
		]);
		const approval = fixture.api.requests.find(({ subresource }) => subresource === "approval")?.body as CertificateSigningRequest;
		expect(approval.status?.conditions).toEqual([{ type: "Approved", status: "True", reason: "AutoApproved", message }]);
		await fixture.stop();
	});

	test.each<[string, string, Spec]>([
		["another's, by the permission to renew one's own", "selfnodeclient", kubelet],
		["a server's", "nodeclient", { ...kubelet, signerName: signerNames.kubeletServing }],
		["a user's", "nodeclient", { signerName: signerNames.kubeletClient }],
		["one for more", "nodeclient", { ...kubelet, usages: ["client auth", "digital signature", "server auth"] }],
	])("does not approve %s", async (_whose, permission, spec) => {
		await fixture.start(approver(permission));
		await make(spec);
		expect(writes()).toEqual([]);
		await fixture.stop();
	});
});

describe("the cleaner", () => {
	const hourMs = 3600_000;
	test.each<[string, readonly string[], string, number, number]>([
		["pending", [], "", 24, 26],
		["denied", ["Denied"], "", 0, 2],
		["failed", ["Approved", "Failed"], "", 0, 2],
		["issued", ["Approved"], "YQ==", 0, 2],
		["approved and not issued", ["Approved"], "", 24, 26],
	])("removes what is %s, in its time", async (_what, types, certificate, keptHours, goneHours) => {
		await fixture.start(cleanerController);
		await make({});
		const lastUpdateTime = new Date(fixture.clock.now()).toISOString().replace(/\.\d+/, "");
		const client = fixture.client.resource(certificateSigningRequests);
		const current = await client.get({ name: "r" });
		const conditions = types.map((type) => ({ ...approved, type, lastUpdateTime }));
		await client.updateStatus({ ...current, status: { conditions, ...(certificate === "" ? {} : { certificate }) } });
		await fixture.clock.advance(keptHours * hourMs);
		expect(await found()).toBeDefined();
		await fixture.clock.advance((goneHours - keptHours) * hourMs);
		expect(await found()).toBeUndefined();
		await fixture.stop();
	});
});
