/**
 * The certificates around the store's etcd API, as kubeadm has them: an authority of its own, so that who may talk to the
 * API server may not talk to the store.
 *
 *   etcd/ca.crt etcd/ca.key                  signs everything below; 10 years
 *   etcd/server.crt …                        what the etcd API shows
 *   etcd/peer.crt …                          members among themselves
 *   etcd/healthcheck-client.crt …            for probes, and for administrators with etcdctl
 *   apiserver-etcd-client.crt …              the API server as a client
 *
 * Source: https://kubernetes.io/docs/setup/best-practices/certificates/
 */
import { isIP } from "node:net";
import { join } from "node:path";
import type { KeyPair, LeafOptions } from "./certificate.ts";
import { leafValidity, loadAuthority, loadLeaf, PkiDirectory } from "./pki.ts";

export interface EtcdPki {
	readonly ca: KeyPair;
	readonly server: KeyPair;
	readonly peer: KeyPair;
	readonly healthcheckClient: KeyPair;
	readonly apiServerClient: KeyPair;
}

export interface EtcdPkiOptions {
	/** Cluster time, Unix ms. */
	readonly nowMs: number;
	/** The member's name: common name of what it shows, and one of its DNS names. */
	readonly memberName: string;
	/** Names and addresses that it is reached by, besides this machine's own. */
	readonly hosts?: readonly string[];
}

/**
 * Reads the certificates from `directory` (the cluster's PKI), makes what is missing or runs out, and writes that there.
 * Without a directory everything is new and stays in memory. Rejects with `PkiError` when the authority is damaged.
 */
export async function loadOrCreateEtcdPki(
	directory: string | undefined,
	{ nowMs, memberName, hosts = [] }: EtcdPkiOptions,
): Promise<EtcdPki> {
	const files = directory === undefined ? undefined : new PkiDirectory(join(directory, "etcd"));
	const clusterFiles = directory === undefined ? undefined : new PkiDirectory(directory);
	const ca = await loadAuthority(files, nowMs, "etcd-ca");
	const validity = leafValidity(nowMs);
	const server: LeafOptions = {
		subject: { commonName: memberName },
		validity,
		usages: ["serverAuth", "clientAuth"],
		dnsNames: [...new Set([memberName, "localhost", ...hosts.filter((host) => isIP(host) === 0)])],
		ipAddresses: [...new Set(["127.0.0.1", "::1", ...hosts.filter((host) => isIP(host) !== 0)])],
	};
	const client = (commonName: string): LeafOptions => ({ subject: { commonName }, validity, usages: ["clientAuth"] });
	return {
		ca,
		server: await loadLeaf(files, "server", ca, server, nowMs),
		peer: await loadLeaf(files, "peer", ca, server, nowMs),
		healthcheckClient: await loadLeaf(files, "healthcheck-client", ca, client("kube-etcd-healthcheck-client"), nowMs),
		apiServerClient: await loadLeaf(clusterFiles, "apiserver-etcd-client", ca, client("kube-apiserver-etcd-client"), nowMs),
	};
}
