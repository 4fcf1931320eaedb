/**
 * Debian's etcd and etcdctl (packages etcd-server and etcd-client) for tests. Where they are not installed, the tests that
 * need them are skipped and say so.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Tool } from "../tools/kubectl.ts";

const isInstalled = (program: string, argument: string) => spawnSync(program, [argument]).status === 0;

export const hasEtcdctl = isInstalled("etcdctl", "version");
export const hasEtcd = hasEtcdctl && isInstalled("etcd", "--version");
if (!hasEtcd)
	console.warn("etcd or etcdctl is not installed: tests with the real ones are skipped (apt-get install etcd-client etcd-server)");

/** etcdctl pointed at an endpoint. */
export function etcdctl(endpoint: string, env: NodeJS.ProcessEnv = {}): Tool {
	return new Tool("etcdctl", { ETCDCTL_API: "3", ETCDCTL_ENDPOINTS: endpoint, ...env });
}

export interface RealEtcd extends AsyncDisposable {
	/** Host and port. */
	readonly endpoint: string;
}

/** Starts an etcd on loopback, in a directory of its own or in `dataDir`, and waits until it is healthy. */
export async function startRealEtcd(dataDir?: string): Promise<RealEtcd> {
	const directory = mkdtempSync(join(tmpdir(), "kubesim-etcd-"));
	const [clients, peers] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
	const flags = {
		name: "default",
		"data-dir": dataDir ?? directory,
		"listen-client-urls": clients,
		"advertise-client-urls": clients,
		"listen-peer-urls": peers,
		"initial-advertise-peer-urls": peers,
		"initial-cluster": `default=${peers}`,
		"log-level": "error",
	};
	const child = spawn(
		"etcd",
		Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
		{ stdio: "ignore" },
	);
	const endpoint = clients.replace("http://", "");
	await untilHealthy(endpoint, child);
	return {
		endpoint,
		async [Symbol.asyncDispose]() {
			const ended = new Promise((resolve) => child.once("exit", resolve));
			child.kill("SIGKILL");
			await ended;
			rmSync(directory, { recursive: true, force: true });
		},
	};
}

async function untilHealthy(endpoint: string, child: ChildProcess): Promise<void> {
	for (let attempt = 0; attempt < 200; attempt++) {
		if (child.exitCode !== null) throw new Error(`etcd exited with ${child.exitCode}`);
		const response = await fetch(`http://${endpoint}/health`).catch(() => undefined);
		if (response?.ok === true) return;
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	throw new Error("etcd did not become healthy");
}

export async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as AddressInfo;
	await new Promise((resolve) => server.close(resolve));
	return port;
}
