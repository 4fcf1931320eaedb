/**
 * The audit of one server: its policy and where events go.
 *
 *   request ─▶ AuditTrail (policy) ─▶ events ─┬─▶ log file
 *                                            └─▶ webhook
 *
 * A server without an audit has none of this in memory.
 * Source: https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/
 */
import { readFile } from "node:fs/promises";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { AdmissionLookup } from "../admission/admission.ts";
import type { OutsideOptions } from "../webhooks/lazy-client.ts";
import type { AuditEvent, AuditSink } from "./audit-event.ts";
import { type AuditedRequest, AuditTrail } from "./audit-trail.ts";
import { type AuditPolicy, AuditPolicyError, readPolicy } from "./policy.ts";

/** kube-apiserver's --audit-* flags; and for who has the cluster in his own process, what they would be without files. */
export interface AuditOptions {
	/** A Policy of audit.k8s.io/v1. */
	readonly policyFile?: string;
	/** The policy itself, parsed, instead of a file. */
	readonly policy?: unknown;
	/** Told each event, in this process. */
	readonly onEvent?: (event: AuditEvent) => void;
	/** "-" is standard output. Absent: no log. */
	readonly logPath?: string;
	/** Megabytes; default 100. */
	readonly logMaxSize?: number;
	/** Files put aside; default all. */
	readonly logMaxBackup?: number;
	/** Days that they are kept; default for ever. */
	readonly logMaxAge?: number;
	/** Whether large events are cut down, and from which size on, bytes; default no, and 102,400. */
	readonly logTruncateEnabled?: boolean;
	readonly logTruncateMaxEventSize?: number;
	/** The same for what is sent. */
	readonly webhookTruncateEnabled?: boolean;
	readonly webhookTruncateMaxEventSize?: number;
	/** A kubeconfig that names the server events are sent to. Absent: they are sent to nobody. */
	readonly webhookConfigFile?: string;
	/** Events; default 400. */
	readonly webhookBatchMaxSize?: number;
	/** Milliseconds; default 30 s. */
	readonly webhookBatchMaxWaitMs?: number;
}

export interface AuditContext {
	/** The cluster's time. */
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	readonly lookup: AdmissionLookup;
	readonly outside?: OutsideOptions;
}

export class Auditor {
	readonly #policy: AuditPolicy;
	readonly #sinks: readonly AuditSink[];
	readonly #clock: Clock;

	constructor(policy: AuditPolicy, sinks: readonly AuditSink[], clock: Clock) {
		this.#policy = policy;
		this.#sinks = sinks;
		this.#clock = clock;
	}

	/** Follows one request from now on. */
	follow(request: AuditedRequest): AuditTrail {
		const sink = { record: (event: AuditEvent) => this.#record(event), close: () => Promise.resolve() };
		return new AuditTrail(request, { policy: this.#policy, sink, now: () => this.#clock.now() });
	}

	#record(event: AuditEvent): void {
		for (const sink of this.#sinks) sink.record(event);
	}

	/** Resolves when every event has arrived, or been given up. */
	async close(): Promise<void> {
		await Promise.all(this.#sinks.map((sink) => sink.close()));
	}
}

/** Rejects with `AuditPolicyError`, `KubeconfigError` or the system's error. */
export async function openAuditor(options: AuditOptions, context: AuditContext): Promise<Auditor> {
	const policy = await openPolicy(options);
	const { onEvent, logTruncateEnabled, logTruncateMaxEventSize, webhookTruncateEnabled, webhookTruncateMaxEventSize } = options;
	const sinks = [
		await truncated(await openLog(options, context), logTruncateEnabled, logTruncateMaxEventSize, context),
		await truncated(await openWebhook(options, context), webhookTruncateEnabled, webhookTruncateMaxEventSize, context),
		onEvent === undefined ? undefined : { record: onEvent, close: () => Promise.resolve() },
	];
	return new Auditor(
		policy,
		sinks.filter((sink) => sink !== undefined),
		context.clock,
	);
}

async function truncated(
	sink: AuditSink | undefined,
	isEnabled = false,
	maxEventBytes: number | undefined,
	{ log }: AuditContext,
): Promise<AuditSink | undefined> {
	if (sink === undefined || !isEnabled) return sink;
	const { TruncatingSink } = await import("./truncating-sink.ts");
	return new TruncatingSink(sink, { maxEventBytes, log });
}

async function openPolicy({ policy, policyFile }: AuditOptions): Promise<AuditPolicy> {
	if (policyFile !== undefined) return readPolicy(await parseFile(policyFile), policyFile);
	return readPolicy(policy, "in memory");
}

async function parseFile(path: string): Promise<unknown> {
	const text = await readFile(path, "utf8").catch((error: unknown) => {
		throw new AuditPolicyError(`loading audit policy file: failed to read file path ${JSON.stringify(path)}: ${String(error)}`);
	});
	const { parse } = await import("yaml");
	try {
		return parse(text);
	} catch (error) {
		throw new AuditPolicyError(
			`loading audit policy file: failed decoding: ${error instanceof Error ? error.message : String(error)}: from file ${path}`,
		);
	}
}

async function openLog(options: AuditOptions, { log, clock }: AuditContext): Promise<AuditSink | undefined> {
	const { logPath: path, logMaxSize: maxSizeMegabytes, logMaxBackup: maxBackups, logMaxAge: maxAgeDays } = options;
	if (path === undefined) return undefined;
	const { AuditLogFile, standardOutputLog } = await import("./log-file.ts");
	if (path === "-") return standardOutputLog((line) => process.stdout.write(line));
	const file = new AuditLogFile({
		path,
		...(maxSizeMegabytes === undefined ? {} : { maxSizeMegabytes }),
		...(maxBackups === undefined ? {} : { maxBackups }),
		...(maxAgeDays === undefined ? {} : { maxAgeDays }),
		log,
		now: () => clock.now(),
	});
	await file.open();
	return file;
}

async function openWebhook(options: AuditOptions, { log, lookup, random, outside = {} }: AuditContext): Promise<AuditSink | undefined> {
	const { webhookConfigFile, webhookBatchMaxSize: batchMaxSize, webhookBatchMaxWaitMs: batchMaxWaitMs } = options;
	if (webhookConfigFile === undefined) return undefined;
	const [{ AuditWebhookBackend }, { readKubeconfigEndpoint }, { LazyWebhookClient }] = await Promise.all([
		import("./webhook-backend.ts"),
		import("../webhooks/kubeconfig-endpoint.ts"),
		import("../webhooks/lazy-client.ts"),
	]);
	return new AuditWebhookBackend({
		client: await new LazyWebhookClient({ ...outside, lookup, random, userAgent: "kube-apiserver" }).get(),
		endpoint: await readKubeconfigEndpoint(webhookConfigFile),
		clock: outside.clock ?? new WallClock(),
		random,
		log,
		...(batchMaxSize === undefined ? {} : { batchMaxSize }),
		...(batchMaxWaitMs === undefined ? {} : { batchMaxWaitMs }),
	});
}
