/** `kubesim certs` and the flags of authentication, as a user runs them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { KubesimHome } from "../tools/kubesim.ts";
import { get } from "../tools/raw-tls.ts";

const home = new KubesimHome();
const tokens = join(home.directory, "tokens.csv");

beforeAll(async () => {
	writeFileSync(tokens, 'sesame,alice,1,"dev"\n');
	await home.run(`start --nodes 0 --port 0 --etcd-port 0 --token-auth-file ${tokens} --anonymous-auth false`);
});
afterAll(() => home[Symbol.asyncDispose]());

/** Dates and fingerprints differ from run to run. */
const masked = (text: string) => text.replaceAll(/[A-Z][a-z]{2} \d{2}, \d{4} \d{2}:\d{2} UTC/g, "Jan 01, 2027 00:00 UTC");

test("check-expiration shows kubeadm's tables", async () => {
	const text = masked(await home.run("certs check-expiration"));
	const [certificates = "", authorities = ""] = text.split("\n\n");
	expect(certificates).toMatch(/^CERTIFICATE +EXPIRES +RESIDUAL TIME +CERTIFICATE AUTHORITY +EXTERNALLY MANAGED\n/);
	expect(certificates).toContain(
		"apiserver                           Jan 01, 2027 00:00 UTC   364d            ca                      no\n",
	);
	expect(certificates).toMatch(/\nfront-proxy-client +Jan 01, 2027 00:00 UTC +364d +front-proxy-ca +no$/);
	expect(authorities).toBe(
		[
			"CERTIFICATE AUTHORITY   EXPIRES                  RESIDUAL TIME   EXTERNALLY MANAGED",
			"ca                      Jan 01, 2027 00:00 UTC   9y              no",
			"!MISSING! etcd-ca",
			"front-proxy-ca          Jan 01, 2027 00:00 UTC   9y              no",
			"",
		].join("\n"),
	);
	const info = JSON.parse(await home.run("certs check-expiration -o json"));
	expect(info.kind).toBe("CertificateExpirationInfo");
	expect(info.certificates[0]).toMatchObject({ name: "admin", caName: "ca", externallyManaged: false, missing: false });
});

test("renew makes new ones, which the next start shows", async () => {
	expect(await home.run("certs renew apiserver")).toMatch(
		/^certificate for serving the Kubernetes API renewed\n\nDone renewing certificates\./,
	);
	const all = await home.run("certs renew all");
	expect(all).toContain("certificate embedded in the kubeconfig file for the admin to use renewed\n");
	expect(all).toContain("MISSING! certificate for serving etcd\n");
	expect((await home.try("certs renew nothing")).stderr).toBe(
		"error: there is no certificate nothing\nIt must be all, or one of admin, apiserver, apiserver-etcd-client, etcd-healthcheck-client, etcd-peer, etcd-server, front-proxy-client.\n",
	);
	await home.run("stop");
	await home.run("start");
	expect(await home.kubectl("auth whoami -o jsonpath={.status.userInfo.username}")).toBe("kubernetes-admin");
});

test("who else may come in is remembered, and can't be changed while it runs", async () => {
	const asBearer = (token: string) => ["--token", token, "--kubeconfig", "/dev/null", "--insecure-skip-tls-verify"];
	const { server } = await home.status();
	const whoami = "auth whoami -o jsonpath={.status.userInfo.username}".split(" ");
	expect(await home.kubectl([...whoami, ...asBearer("sesame"), "--server", server])).toBe("alice");
	expect((await get(server, "/version")).code).toBe(401);
	expect((await home.try("start --anonymous-auth true")).stderr).toContain("who may come in can't be changed while it does");
	await home.run("stop");
	expect((await home.try("start --token-auth-file /nowhere")).stderr).toContain("can't read /nowhere: ENOENT");
	expect((await home.try("start --oidc-issuer-url http://a --oidc-client-id k")).stderr).toContain("URL scheme must be https");
	expect((await home.try("start --oidc-required-claim x")).stderr).toContain("It must be key=value.");
	expect((await home.try("start --anonymous-auth maybe")).stderr).toContain("It must be true or false.");
});
