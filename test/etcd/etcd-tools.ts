/**
 * Debian's etcd and etcdctl (packages etcd-server and etcd-client) for tests. Where they are not installed, the tests that
 * need them are skipped and say so.
 */
import { spawnSync } from "node:child_process";
import { EtcdProcess, hasEtcdServer } from "../../src/store/testing/real-etcd.ts";
import { Tool } from "../tools/kubectl.ts";

const isInstalled = (program: string, argument: string) => spawnSync(program, [argument]).status === 0;

export const hasEtcdctl = isInstalled("etcdctl", "version");
export const hasEtcd = hasEtcdctl && hasEtcdServer;
if (!hasEtcd)
	console.warn("etcd or etcdctl is not installed: tests with the real ones are skipped (apt-get install etcd-client etcd-server)");

/** etcdctl pointed at an endpoint. */
export function etcdctl(endpoint: string, env: NodeJS.ProcessEnv = {}): Tool {
	return new Tool("etcdctl", { ETCDCTL_API: "3", ETCDCTL_ENDPOINTS: endpoint, ...env });
}

/** Of etcd's defaults, on which the shortest lease depends. */
const usualElection = { "heartbeat-interval": "100", "election-timeout": "1000" };

/** Starts an etcd on loopback, in a directory of its own or in `dataDir`, and waits until it is healthy. */
export function startRealEtcd(dataDir?: string): Promise<EtcdProcess> {
	return EtcdProcess.start({ flags: usualElection, ...(dataDir === undefined ? {} : { dataDir }) });
}
