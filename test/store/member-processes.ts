/**
 * Members of a store as processes of their own, `kubesim store serve`, over TLS with certificates as kubeadm has them; and
 * what may happen to a process.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { WallClock } from "../../src/apimachinery/clock/wall-clock.ts";
import { silentLog } from "../../src/apimachinery/log.ts";
import { SeededRandom } from "../../src/apimachinery/random.ts";
import { loadOrCreateEtcdPki } from "../../src/apiserver/pki/etcd-pki.ts";
import { StoreUnavailableError } from "../../src/store/errors.ts";
import { openEtcdStore } from "../../src/store/external/etcd-store.ts";
import type { Store } from "../../src/store/store.ts";
import { freePorts } from "../../src/store/testing/free-ports.ts";
import { kubesimBin } from "../tools/kubesim.ts";

export interface MemberProcess {
	readonly name: string;
	readonly clientUrl: string;
	readonly peerUrl: string;
	/** Undefined while it does not run. */
	process: ChildProcess | undefined;
	/** All that it has said. */
	output: string;
}

export class MemberProcesses implements AsyncDisposable {
	readonly directory = mkdtempSync(join(tmpdir(), "kubesim-members-"));
	readonly members: readonly MemberProcess[];

	private constructor(members: readonly MemberProcess[]) {
		this.members = members;
	}

	/** Founds a group; resolves when every member serves. */
	static async found(count: number): Promise<MemberProcesses> {
		const ports = await freePorts(2 * count);
		const members = Array.from({ length: count }, (_, index) => ({
			name: `m${index + 1}`,
			clientUrl: `https://127.0.0.1:${ports[2 * index]}`,
			peerUrl: `https://127.0.0.1:${ports[2 * index + 1]}`,
			process: undefined,
			output: "",
		}));
		const group = new MemberProcesses(members);
		// Made before they start, so that all are signed by one authority.
		await loadOrCreateEtcdPki(group.pki, { nowMs: Date.now(), memberName: hostname() });
		await Promise.all(members.map((member) => group.start(member)));
		return group;
	}

	get pki(): string {
		return join(this.directory, "pki");
	}

	get initialCluster(): string {
		return this.members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join();
	}

	/** Resolves when it serves clients. Rejects with what it said if it ends before. */
	async start(member: MemberProcess, options: readonly string[] = ["--initial-cluster", this.initialCluster]): Promise<void> {
		member.output = "";
		const child = spawn(
			process.execPath,
			[
				...[kubesimBin(), "store", "serve", "--name", member.name, "--data-dir", join(this.directory, member.name), "--pki", this.pki],
				...["--listen-client-urls", member.clientUrl, "--listen-peer-urls", member.peerUrl, ...options],
			],
			{ stdio: ["ignore", "ignore", "pipe"] },
		);
		member.process = child;
		const { promise, resolve, reject } = Promise.withResolvers<void>();
		child.stderr.on("data", (chunk: Buffer) => {
			member.output += chunk.toString();
			if (member.output.includes("serving")) resolve();
		});
		child.once("exit", () => {
			if (member.process === child) member.process = undefined;
			reject(new Error(member.output));
		});
		await promise;
	}

	/** Without a word to anybody. Resolves when it is gone. */
	async kill(member: MemberProcess, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
		const child = member.process;
		if (child === undefined) return;
		member.process = undefined;
		const gone = new Promise((resolve) => child.once("exit", resolve));
		child.kill(signal);
		// A process that is stopped hears of nothing but this.
		if (signal === "SIGKILL") child.kill("SIGCONT");
		await gone;
	}

	/** A client that knows every member. Waits for them to have a leader. */
	async client(seed: string): Promise<Store> {
		for (;;) {
			try {
				return await this.#open(seed);
			} catch (error) {
				if (!(error instanceof StoreUnavailableError)) throw error;
				await sleep(100);
			}
		}
	}

	#open(seed: string): Promise<Store> {
		const pem = (name: string) => readFileSync(join(this.pki, "etcd", name), "utf8");
		return openEtcdStore({
			endpoints: this.members.map(({ clientUrl }) => clientUrl),
			tls: { ca: pem("ca.crt"), cert: pem("healthcheck-client.crt"), key: pem("healthcheck-client.key") },
			clock: new WallClock(),
			random: new SeededRandom(seed),
			log: silentLog,
			limits: { connectTimeoutMs: 500, answerTimeoutMs: 2_000 },
		});
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await Promise.all(this.members.map((member) => this.kill(member)));
		rmSync(this.directory, { recursive: true, force: true });
	}
}
