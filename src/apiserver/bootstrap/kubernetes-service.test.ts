import { expect, it } from "vitest";
import { silentLog } from "../../apimachinery/log.ts";
import type { Service } from "../../apimachinery/schema/generated/types.ts";
import { startServer } from "../testing.ts";
import { bootstrap, keepKubernetesService } from "./bootstrap.ts";

it("puts the kubernetes Service and its endpoints back within ten seconds", async () => {
	const { server, clock, resource } = await startServer();
	const address = { address: "172.19.0.2", port: 6443, serviceCidr: "10.96.0.0/12", serviceIp: "10.96.0.1" };
	const target = { server, ...address, nowMs: clock.now() };
	await bootstrap(target);
	const abort = new AbortController();
	keepKubernetesService(target, { clock, log: silentLog, signal: abort.signal });
	const services = resource("", "v1", "services");
	const endpoints = resource("", "v1", "endpoints");

	await services.send("delete", { name: "kubernetes" });
	await endpoints.send("delete", { name: "kubernetes" });
	await clock.advance(10_000);
	const service: Service = await services.send("get", { name: "kubernetes" });
	expect(service.spec?.clusterIP).toBe("10.96.0.1");
	expect(await endpoints.send("get", { name: "kubernetes" })).toMatchObject({ subsets: [{ addresses: [{ ip: "172.19.0.2" }] }] });

	abort.abort();
	await services.send("delete", { name: "kubernetes" });
	await clock.advance(20_000);
	expect(await services.failure("get", { name: "kubernetes" })).toBe('404 NotFound: services "kubernetes" not found');
});
