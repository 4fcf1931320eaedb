/**
 * Debian's etcd (package etcd-server) for tests: a process of its own, on loopback. Where it is not installed, the tests
 * that need it are skipped and say so.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { GrpcClient } from "../etcd-api/grpc/client.ts";
import { freePorts } from "./free-ports.ts";

export const hasEtcdServer = spawnSync("etcd", ["--version"]).status === 0;

/** PEM files: with them, etcd speaks TLS and wants certificates of its clients. */
export interface EtcdTlsFiles {
	readonly caFile: string;
	readonly certFile: string;
	readonly keyFile: string;
}

export interface EtcdProcessOptions {
	/** Default: a directory of its own, which goes away at the end. */
	readonly dataDir?: string;
	readonly tls?: EtcdTlsFiles;
	/** PEM: with `tls`, what a client has to show. */
	readonly clientTls?: { readonly ca: string; readonly cert: string; readonly key: string };
	/** Members of one cluster, each with its client and peer port; this one is `members[index]`. */
	readonly members?: readonly EtcdPorts[];
	readonly index?: number;
	/** Further flags, without the dashes. */
	readonly flags?: Readonly<Record<string, string>>;
}

export interface EtcdPorts {
	readonly client: number;
	readonly peer: number;
}

/** One member, which can be killed and started again on its data. */
export class EtcdProcess implements AsyncDisposable {
	/** Host and port. */
	readonly endpoint: string;
	readonly url: string;
	readonly #options: EtcdProcessOptions;
	readonly #directory = mkdtempSync(join(tmpdir(), "kubesim-etcd-"));
	readonly #members: readonly EtcdPorts[];
	readonly #ports: EtcdPorts;
	#child: ChildProcess | undefined;
	/** What it said on stderr, for the message when it ends by itself. */
	#said = "";

	private constructor(options: EtcdProcessOptions, members: readonly EtcdPorts[], ports: EtcdPorts) {
		this.#options = options;
		this.#members = members;
		this.#ports = ports;
		this.endpoint = `127.0.0.1:${ports.client}`;
		this.url = `${options.tls === undefined ? "http" : "https"}://${this.endpoint}`;
	}

	/** Starts it and waits until it takes requests; a member of several does so only with the others: see `untilHealthy`. */
	static async start(options: EtcdProcessOptions = {}): Promise<EtcdProcess> {
		const members = options.members ?? [await portsOfMember()];
		const ports = members[options.index ?? 0];
		if (ports === undefined) throw new Error(`no member ${options.index}`);
		const etcd = new EtcdProcess(options, members, ports);
		etcd.spawn();
		if (members.length === 1) await etcd.untilHealthy();
		return etcd;
	}

	/** After `kill`, on the same data. */
	spawn(): void {
		const { dataDir, tls, index = 0, flags } = this.#options;
		const peerUrl = `http://127.0.0.1:${this.#ports.peer}`;
		const all = {
			name: memberName(index),
			"data-dir": dataDir ?? this.#directory,
			"listen-client-urls": this.url,
			"advertise-client-urls": this.url,
			"listen-peer-urls": peerUrl,
			"initial-advertise-peer-urls": peerUrl,
			"initial-cluster": this.#members.map((member, at) => `${memberName(at)}=http://127.0.0.1:${member.peer}`).join(","),
			"log-level": "error",
			// A test has no time for an election of a second.
			"heartbeat-interval": "20",
			"election-timeout": "200",
			...(tls === undefined
				? {}
				: { "trusted-ca-file": tls.caFile, "cert-file": tls.certFile, "key-file": tls.keyFile, "client-cert-auth": "true" }),
			...flags,
		};
		this.#child = spawn(
			"etcd",
			Object.entries(all).map(([name, value]) => `--${name}=${value}`),
			{ stdio: ["ignore", "ignore", "pipe"] },
		);
		this.#child.stderr?.on("data", (chunk) => {
			this.#said = (this.#said + chunk).slice(-2_000);
		});
	}

	async untilHealthy(): Promise<void> {
		const { clientTls } = this.#options;
		const client = new GrpcClient({ url: this.url, ...(clientTls === undefined ? {} : { tls: clientTls }) });
		try {
			for (let attempt = 0; attempt < 1000; attempt++) {
				if (this.#child?.exitCode !== null) throw new Error(`etcd exited with ${this.#child?.exitCode}: ${this.#said}`);
				const answered = await client.call("/etcdserverpb.KV/Range", { key: "health" }).then(
					() => true,
					() => false,
				);
				if (answered) return;
				await pause(10);
			}
			throw new Error("etcd did not become healthy");
		} finally {
			client.close();
		}
	}

	/** SIGKILL. Resolves when it has ended. */
	async kill(): Promise<void> {
		const child = this.#child;
		if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
		const ended = new Promise((resolve) => child.once("exit", resolve));
		child.kill("SIGKILL");
		await ended;
	}

	/** SIGSTOP leaves it there, deaf; SIGCONT lets it go on. */
	signal(signal: "SIGSTOP" | "SIGCONT"): void {
		this.#child?.kill(signal);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.kill();
		rmSync(this.#directory, { recursive: true, force: true });
	}
}

/** Starts a cluster of `size` members and waits until all of them take requests. */
export async function startEtcdCluster(size: number): Promise<readonly EtcdProcess[]> {
	const members = await Promise.all(Array.from({ length: size }, portsOfMember));
	const started = await Promise.all(members.map((_, index) => EtcdProcess.start({ members, index })));
	await Promise.all(started.map((etcd) => etcd.untilHealthy()));
	return started;
}

function memberName(index: number): string {
	return index === 0 ? "default" : `member-${index}`;
}

async function portsOfMember(): Promise<EtcdPorts> {
	const [client = 0, peer = 0] = await freePorts(2);
	return { client, peer };
}
