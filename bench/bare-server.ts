/**
 * What Node's own HTTPS costs, for comparison with bench/api-server.ts: the same TLS, client certificates and headers, and to every
 * request the same bytes as answer.
 */
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createAuthority, issueCertificate } from "../src/apiserver/pki/certificate.ts";
import { report } from "./reported-server.ts";

const validity = { notBeforeMs: Date.now() - 3_600_000, notAfterMs: Date.now() + 3_600_000 };
const ca = createAuthority({ commonName: "ca" }, validity);
const server = issueCertificate(ca, { subject: { commonName: "server" }, validity, usages: ["serverAuth"], ipAddresses: ["127.0.0.1"] });
const client = issueCertificate(ca, { subject: { commonName: "client" }, validity, usages: ["clientAuth"] });
// About what a get of a ConfigMap of 1 KB answers, with its metadata.
const body = Buffer.from(JSON.stringify({ text: "x".repeat(1_300) }));

const bare = createServer({ ...server, ca: ca.cert, requestCert: true, ALPNProtocols: ["http/1.1"] }, (_request, response) => {
	const auditId = "00000000-0000-4000-8000-000000000000";
	response.writeHead(200, {
		"Audit-Id": auditId,
		"Cache-Control": "no-cache, private",
		"content-type": "application/json",
		"content-length": body.length,
	});
	response.end(body);
});
bare.listen(0, "127.0.0.1", () => {
	const { port } = bare.address() as AddressInfo;
	report({ port, credentials: { ca: ca.cert, clientCertificate: client.cert, clientKey: client.key } });
});
