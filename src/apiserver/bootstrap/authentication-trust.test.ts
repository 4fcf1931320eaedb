import { expect, test } from "vitest";
import type { ConfigMap } from "../../apimachinery/schema/generated/types.ts";
import { startServer } from "../testing.ts";
import { publishAuthenticationTrust } from "./authentication-trust.ts";

test("others learn whom to trust; who spoils it is put right, and nothing is written for nothing", async () => {
	const { server, clusterResource } = await startServer();
	await clusterResource("", "v1", "namespaces").send("create", { body: { metadata: { name: "kube-system" } } });
	const trust = { clientCa: "CA", frontProxyCa: "PROXY", allowedNames: ["front-proxy-client"] };
	const found = () => server.find("", "configmaps", "kube-system", "extension-apiserver-authentication") as ConfigMap;
	await publishAuthenticationTrust(server, trust);
	expect(found().data).toEqual({
		"client-ca-file": "CA",
		"requestheader-allowed-names": '["front-proxy-client"]',
		"requestheader-client-ca-file": "PROXY",
		"requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
		"requestheader-group-headers": '["X-Remote-Group"]',
		"requestheader-uid-headers": '["X-Remote-Uid"]',
		"requestheader-username-headers": '["X-Remote-User"]',
	});
	const { resourceVersion } = found().metadata ?? {};
	await publishAuthenticationTrust(server, trust);
	expect(found().metadata?.resourceVersion).toBe(resourceVersion);
	await publishAuthenticationTrust(server, { ...trust, clientCa: "NEW" });
	expect(found().data?.["client-ca-file"]).toBe("NEW");
	server.stop();
});
