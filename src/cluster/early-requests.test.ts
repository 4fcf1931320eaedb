import { request } from "node:https";
import { expect, test } from "vitest";
// Not to be waited for while the test looks: reading a file gives way to requests, too.
import "../apiserver/bootstrap/index.ts";
import { openCluster } from "./open-cluster.ts";

test("who asks while a cluster is being filled is answered before all is there", async () => {
	const cluster = await openCluster({ nodes: 1 });
	const rolesNow = () => cluster.apiServer.lookup.list("rbac.authorization.k8s.io", "clusterroles").length;
	try {
		const { url } = await cluster.listen();
		const { ca } = cluster.adminCredentials();
		const answered = new Promise<{ code: number | undefined; roles: number }>((resolve, reject) => {
			const asked = request(`${url}/livez/ping`, { ca, agent: false }, (answer) => {
				answer.resume();
				resolve({ code: answer.statusCode, roles: rolesNow() });
			});
			asked.on("error", reject).end();
		});
		const started = cluster.start();
		const { code, roles } = await answered;
		expect([200, 403]).toContain(code);
		await started;
		expect(roles).toBeLessThan(rolesNow());
	} finally {
		await cluster.close();
	}
});
