/** The audit of a cluster as `kubesim start` is told of it, and as the next start finds it. */
import { resolve } from "node:path";
import type { AuditOptions } from "../cluster/index.ts";
import { CliError } from "./errors.ts";

/** kube-apiserver's flags. */
export interface AuditStartOptions {
	readonly auditPolicyFile?: string;
	readonly auditLogPath?: string;
	readonly auditLogMaxsize?: number;
	readonly auditLogMaxbackup?: number;
	readonly auditLogMaxage?: number;
	readonly auditLogTruncateEnabled?: boolean;
	readonly auditLogTruncateMaxEventSize?: number;
	readonly auditWebhookConfigFile?: string;
	readonly auditWebhookTruncateEnabled?: boolean;
	readonly auditWebhookTruncateMaxEventSize?: number;
	readonly auditWebhookBatchMaxSize?: number;
	readonly auditWebhookBatchMaxWait?: number;
}

/** Paths are absolute. Undefined: nothing is recorded. Throws a CliError for flags that do not go together. */
export function planAudit(options: AuditStartOptions, known: AuditOptions | undefined): AuditOptions | undefined {
	const asked = given({
		policyFile: options.auditPolicyFile && resolve(options.auditPolicyFile),
		logPath: options.auditLogPath === "-" ? "-" : options.auditLogPath && resolve(options.auditLogPath),
		logMaxSize: options.auditLogMaxsize,
		logMaxBackup: options.auditLogMaxbackup,
		logMaxAge: options.auditLogMaxage,
		logTruncateEnabled: options.auditLogTruncateEnabled,
		logTruncateMaxEventSize: options.auditLogTruncateMaxEventSize,
		webhookTruncateEnabled: options.auditWebhookTruncateEnabled,
		webhookTruncateMaxEventSize: options.auditWebhookTruncateMaxEventSize,
		webhookConfigFile: options.auditWebhookConfigFile && resolve(options.auditWebhookConfigFile),
		webhookBatchMaxSize: options.auditWebhookBatchMaxSize,
		webhookBatchMaxWaitMs: options.auditWebhookBatchMaxWait,
	});
	if (Object.keys(asked).length === 0) return known;
	const plan = { ...known, ...asked };
	if (plan.policyFile === undefined) {
		throw new CliError("there is no audit without --audit-policy-file", {
			hint: "It names a Policy of audit.k8s.io/v1: what is recorded of which request.",
			exitCode: 2,
		});
	}
	if (plan.logPath === undefined && plan.webhookConfigFile === undefined) {
		throw new CliError("--audit-policy-file needs --audit-log-path or --audit-webhook-config-file", {
			hint: "They say where audit events go.",
			exitCode: 2,
		});
	}
	return { ...plan, policyFile: plan.policyFile };
}

type Given<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

function given<T extends object>(options: T): Given<T> {
	return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Given<T>;
}
