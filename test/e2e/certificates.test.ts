/** A user by certificate, as the documentation has it: a key, a request, an approval, and in. With the real openssl and kubectl. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VirtualClock } from "../../src/apimachinery/clock/virtual-clock.ts";
import { certificateSigningRequests } from "../../src/client/resources.ts";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";
import { Tool } from "../tools/kubectl.ts";

let test: TestCluster;
const run = (args: string | readonly string[], input?: string) => test.kubectl.run(args, input);
const fail = (args: string | readonly string[], input?: string) => test.kubectl.fail(args, input);
const openssl = (args: string) => new Tool("openssl", {}).run(args);
const path = (name: string) => join(test.directory, name);

beforeAll(async () => {
	test = await startTestCluster();
});
afterAll(() => test[Symbol.asyncDispose]());

interface Request {
	readonly name: string;
	/** As openssl has it: `/O=dev/CN=jane`. */
	readonly subject: string;
	readonly signer?: string;
	readonly usages?: readonly string[];
	readonly expirationSeconds?: number;
	/** openssl's options for the key. */
	readonly key?: string;
	/** kubectl's options. */
	readonly as?: string;
}

/** Makes a key and a request, and posts it. @returns what kubectl says */
async function ask({ name, subject, signer, usages, expirationSeconds, key = "-newkey rsa:2048", as = "" }: Request): Promise<string> {
	await openssl(`req -new ${key} -nodes -keyout ${path(`${name}.key`)} -out ${path(`${name}.csr`)} -subj ${subject}`);
	const manifest = {
		apiVersion: "certificates.k8s.io/v1",
		kind: "CertificateSigningRequest",
		metadata: { name },
		spec: {
			request: readFileSync(path(`${name}.csr`)).toString("base64"),
			signerName: signer ?? "kubernetes.io/kube-apiserver-client",
			usages: usages ?? ["client auth"],
			...(expirationSeconds === undefined ? {} : { expirationSeconds }),
		},
	};
	const { stdout, stderr } = await test.kubectl.try(["create", "-f", "-", ...as.split(" ").filter(Boolean)], JSON.stringify(manifest));
	return stdout + stderr;
}

/** The certificate, once it is there. */
async function certificateOf(name: string): Promise<string> {
	const encoded = await eventually(async () => (await run(`get csr ${name} -o jsonpath={.status.certificate}`)) || undefined);
	const file = path(`${name}.crt`);
	writeFileSync(file, Buffer.from(encoded, "base64"));
	return file;
}

const columns = async (name: string) => (await run(`get csr ${name} --no-headers`)).trim().split(/\s+/).toSpliced(1, 1).join(" ");

describe("a user", () => {
	it.each([
		["jane", "-newkey rsa:2048"],
		["joan", "-newkey ec -pkeyopt ec_paramgen_curve:P-256"],
		["june", "-newkey ed25519"],
	])("asks, is approved and is let in: %s", async (name, key) => {
		expect(await ask({ name, subject: `/O=dev/O=ops/CN=${name}`, key, expirationSeconds: 86_400 })).toBe(
			`certificatesigningrequest.certificates.k8s.io/${name} created\n`,
		);
		expect(await columns(name)).toBe(`${name} kubernetes.io/kube-apiserver-client kubernetes-admin 24h Pending`);
		expect(await run(`certificate approve ${name}`)).toBe(`certificatesigningrequest.certificates.k8s.io/${name} approved\n`);
		const certificate = await certificateOf(name);
		expect(await columns(name)).toBe(`${name} kubernetes.io/kube-apiserver-client kubernetes-admin 24h Approved,Issued`);
		writeFileSync(path("ca.crt"), test.cluster.adminCredentials().ca);
		expect(await openssl(`verify -purpose sslclient -CAfile ${path("ca.crt")} ${certificate}`)).toBe(`${certificate}: OK\n`);
		expect(await run(`config set-credentials ${name} --client-key=${path(`${name}.key`)} --client-certificate=${certificate}`)).toBe(
			`User "${name}" set.\n`,
		);
		const who = JSON.parse(await run(`auth whoami --user=${name} -o json`));
		expect(who.status.userInfo).toMatchObject({ username: name, groups: expect.arrayContaining(["dev", "ops", "system:authenticated"]) });
		expect(await fail(`get secrets --user=${name}`)).toBe(
			`Error from server (Forbidden): secrets is forbidden: User "${name}" cannot list resource "secrets" in API group "" in the namespace "default"\n`,
		);
	});

	it("who is denied gets nothing, and what was decided stays", async () => {
		await ask({ name: "mallory", subject: "/CN=mallory" });
		expect(await run("certificate deny mallory")).toBe("certificatesigningrequest.certificates.k8s.io/mallory denied\n");
		expect(await columns("mallory")).toContain("Denied");
		expect(await fail("certificate approve mallory")).toBe('error: certificate signing request "mallory" is already Denied\n');
	});
});

describe("nobody gets", () => {
	it("an administrator's certificate", async () => {
		expect(await ask({ name: "root", subject: "/O=system:masters/CN=root" })).toBe(
			'Error from server (Forbidden): error when creating "STDIN": certificatesigningrequests.certificates.k8s.io "root" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed\n',
		);
	});

	it("a certificate for what its signer does not sign", async () => {
		await ask({ name: "server", subject: "/CN=server", usages: ["server auth"] });
		await run("certificate approve server");
		const message = () => run(["get", "csr", "server", "-o", 'jsonpath={.status.conditions[?(@.type=="Failed")].message}']);
		expect(await eventually(async () => (await message()) || undefined)).toBe("invalid usage for client certificate: server auth");
		expect(await columns("server")).toContain("Approved,Failed");
	});

	it("one by the name of before there were names", async () => {
		expect(await ask({ name: "old", subject: "/CN=old", signer: "kubernetes.io/legacy-unknown" })).toContain(
			'spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version',
		);
	});
});

describe("a node", () => {
	const node = { subject: "/O=system:nodes/CN=system:node:n7", signer: "kubernetes.io/kube-apiserver-client-kubelet" };

	it("renews its certificate by itself", async () => {
		const usages = ["client auth", "digital signature"];
		await ask({ name: "n7", ...node, usages, as: "--as=system:node:n7" });
		const certificate = await certificateOf("n7");
		expect(await columns("n7")).toBe("n7 kubernetes.io/kube-apiserver-client-kubelet system:node:n7 <none> Approved,Issued");
		expect(await run(["get", "csr", "n7", "-o", "jsonpath={.status.conditions[0].reason}: {.status.conditions[0].message}"])).toBe(
			"AutoApproved: Auto approving self kubelet client certificate after SubjectAccessReview.",
		);
		await run(`config set-credentials n7 --client-key=${path("n7.key")} --client-certificate=${certificate}`);
		expect(await run("auth whoami --user=n7 -o jsonpath={.status.userInfo.username}")).toBe("system:node:n7");
	});

	it("has its server's certificate approved by somebody", async () => {
		const extension = ["-addext", "subjectAltName=DNS:n7,IP:172.18.0.7"];
		await new Tool("openssl", {}).run([
			..."req -new -newkey rsa:2048 -nodes".split(" "),
			...["-keyout", path("s.key"), "-out", path("s.csr"), "-subj", node.subject],
			...extension,
		]);
		const spec = {
			request: readFileSync(path("s.csr")).toString("base64"),
			signerName: "kubernetes.io/kubelet-serving",
			usages: ["server auth", "digital signature", "key encipherment"],
		};
		const manifest = { apiVersion: "certificates.k8s.io/v1", kind: "CertificateSigningRequest", metadata: { name: "s" }, spec };
		await run("create -f - --as=system:node:n7", JSON.stringify(manifest));
		await run("certificate approve s");
		const text = await openssl(`x509 -noout -ext subjectAltName,extendedKeyUsage -in ${await certificateOf("s")}`);
		expect(text).toContain("DNS:n7, IP Address:172.18.0.7");
		expect(text).toContain("TLS Web Server Authentication");
	});
});

it("requests go an hour after they were answered", async () => {
	const clock = new VirtualClock(Date.now());
	await using other = await startTestCluster({ clock, nodes: 0 });
	const client = other.cluster.client.resource(certificateSigningRequests);
	const request = readFileSync(path("jane.csr")).toString("base64");
	const made = await client.create({
		apiVersion: "certificates.k8s.io/v1",
		kind: "CertificateSigningRequest",
		metadata: { name: "jane" },
		spec: { request, signerName: "kubernetes.io/kube-apiserver-client", usages: ["client auth"] },
	});
	const conditions = [{ type: "Approved", status: "True" as const, reason: "Test", message: "" }];
	await client.update({ ...made, status: { conditions } }, { subresource: "approval" });
	await clock.advance(1000);
	expect((await client.get({ name: "jane" })).status?.certificate).toMatch(/./);
	await clock.advance(2 * 3600_000);
	expect((await client.list()).items).toEqual([]);
});
