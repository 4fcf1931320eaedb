/** What a `kubesim start` is to start: its options, what the cluster was before, and the defaults. */
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { AuthorizationOptions } from "../cluster/index.ts";
import { type AuditStartOptions, planAudit } from "./audit-config.ts";
import { type AuthenticationConfig, changesAuthentication, planAuthentication } from "./authentication-config.ts";
import type { ClusterConfig, ClusterDirectory, KubeletCertificates } from "./cluster-directory.ts";
import { commandOn } from "./cluster-name.ts";
import { CliError } from "./errors.ts";
import { optional, planStore, type StoreConfig, type StoreOptions } from "./store-config.ts";

export interface StartOptions extends StoreOptions, AuthenticationConfig, AuditStartOptions {
	readonly name: string;
	readonly nodes?: number;
	readonly port?: number;
	readonly dataDir?: string;
	readonly members?: number;
	readonly etcdPort?: number;
	readonly ephemeral?: boolean;
	readonly foreground?: boolean;
	readonly speed?: number;
	readonly enableAdmissionPlugins?: readonly string[];
	readonly disableAdmissionPlugins?: readonly string[];
	readonly controllers?: readonly string[];
	readonly loadBalancerPool?: string;
	readonly nodePorts?: boolean;
	readonly addons?: readonly string[];
	readonly schedulerConfig?: string;
	readonly featureGates?: Readonly<Record<string, boolean>>;
	readonly admissionControlConfigFile?: string;
	readonly authorizationMode?: readonly string[];
	readonly authorizationConfig?: string;
	readonly authorizationPolicyFile?: string;
	readonly authorizationWebhookConfigFile?: string;
	readonly authorizationWebhookVersion?: string;
	readonly encryptionProviderConfig?: string;
	readonly encryptionProviderConfigAutomaticReload?: boolean;
	readonly kubeletCertificates?: KubeletCertificates;
	readonly pkiDir?: string;
	readonly output?: "json";
}

const defaults = { nodes: 3, port: 0, speed: 1 };

/**
 * What is asked for, else what the cluster was before, else the defaults. Throws a CliError rather than leave data of
 * an earlier start behind.
 */
export function planStart(options: StartOptions, directory: ClusterDirectory): ClusterConfig {
	const known = directory.exists() ? directory.config() : undefined;
	const dataDir = options.dataDir === undefined ? (known?.dataDir ?? directory.path) : resolve(options.dataDir);
	const ephemeral = options.ephemeral ?? false;
	const knownStore = join(known?.dataDir ?? directory.path, "store");
	if ((ephemeral || (known !== undefined && known.dataDir !== dataDir)) && existsSync(knownStore)) {
		throw new CliError(`cluster ${directory.name} keeps its data in ${known?.dataDir ?? directory.path}`, {
			hint: `Choose another --name; or ${commandOn(directory.name, "delete")} first.`,
		});
	}
	const store = planStore(options, known?.store);
	if (store !== undefined) checkEtcd(options, store, directory, existsSync(knownStore));
	checkMembers(options, store, directory, countMembers(knownStore));
	const pkiDir = options.pkiDir === undefined ? known?.pkiDir : resolve(options.pkiDir);
	const speed = options.speed ?? known?.speed ?? defaults.speed;
	if (store !== undefined && speed !== 1) {
		throw new CliError("--speed can't be combined with --store etcd", {
			hint: "An etcd and what it forgets in time know no other time than the machine's.",
			exitCode: 2,
		});
	}
	return {
		name: options.name,
		dataDir,
		nodes: options.nodes ?? known?.nodes ?? defaults.nodes,
		port: options.port ?? known?.port ?? defaults.port,
		...(known?.lastPort === undefined ? {} : { lastPort: known.lastPort }),
		speed,
		...optional("members", options.members ?? known?.members),
		...optional("etcdPort", options.etcdPort ?? known?.etcdPort),
		...optional("enableAdmissionPlugins", options.enableAdmissionPlugins ?? known?.enableAdmissionPlugins),
		...optional("disableAdmissionPlugins", options.disableAdmissionPlugins ?? known?.disableAdmissionPlugins),
		...optional("controllers", options.controllers ?? known?.controllers),
		...optional("loadBalancerPool", options.loadBalancerPool ?? known?.loadBalancerPool),
		...optional("nodePorts", options.nodePorts ?? known?.nodePorts),
		...optional("addons", options.addons ?? known?.addons),
		...optional("schedulerConfig", planFile(options.schedulerConfig, known?.schedulerConfig)),
		...optional("featureGates", options.featureGates ?? known?.featureGates),
		...optional("authentication", planAuthentication(options, known?.authentication)),
		...optional("authorization", planAuthorization(options) ?? known?.authorization),
		...optional(
			"encryptionProviderConfig",
			options.encryptionProviderConfig === undefined ? known?.encryptionProviderConfig : resolve(options.encryptionProviderConfig),
		),
		...optional(
			"encryptionProviderConfigAutomaticReload",
			options.encryptionProviderConfigAutomaticReload ?? known?.encryptionProviderConfigAutomaticReload,
		),
		...optional(
			"admissionControlConfigFile",
			options.admissionControlConfigFile === undefined ? known?.admissionControlConfigFile : resolve(options.admissionControlConfigFile),
		),
		...optional("kubeletCertificates", options.kubeletCertificates ?? known?.kubeletCertificates),
		...optional("audit", planAudit(options, known?.audit)),
		ephemeral,
		...(store === undefined ? {} : { store }),
		...(pkiDir === undefined ? {} : { pkiDir }),
	};
}

/** An absolute path; an empty text takes a file back. */
function planFile(asked: string | undefined, known: string | undefined): string | undefined {
	if (asked === undefined) return known;
	return asked === "" ? undefined : resolve(asked);
}

/** Asked for in part, it is all new: a mode and a file do not go together. Undefined: nothing is asked for. */
function planAuthorization(options: StartOptions): AuthorizationOptions | undefined {
	const path = (file: string | undefined) => (file === undefined ? undefined : resolve(file));
	const asked = {
		...optional("modes", options.authorizationMode),
		...optional("configFile", path(options.authorizationConfig)),
		...optional("policyFile", path(options.authorizationPolicyFile)),
		...optional("webhookConfigFile", path(options.authorizationWebhookConfigFile)),
		...optional("webhookVersion", options.authorizationWebhookVersion),
	};
	return Object.keys(asked).length === 0 ? undefined : asked;
}

/** Members come and go by commands of their own; a start finds those that there are. */
function checkMembers({ members }: StartOptions, store: StoreConfig | undefined, { name }: ClusterDirectory, found: number): void {
	if (members === undefined) return;
	if (store !== undefined) throw new CliError("--members is for kubesim's own store, not for --store etcd", { exitCode: 2 });
	if (found === 0 || found === members) return;
	throw new CliError(`the store of cluster ${name} has ${found} ${found === 1 ? "member" : "members"}`, {
		hint: `Start it without --members, then: ${commandOn(name, "store")} ${members > found ? "add" : "remove MEMBER"}`,
	});
}

/** Of the store in a directory; 0 if there is none. */
export function countMembers(store: string): number {
	if (!existsSync(store)) return 0;
	return readdirSync(store).filter((member) => existsSync(join(store, member, "member.json"))).length;
}

function checkEtcd(options: StartOptions, store: StoreConfig, directory: ClusterDirectory, hasOwnData: boolean): void {
	if (options.ephemeral === true) {
		throw new CliError("--ephemeral can't be combined with --store etcd", { hint: "What is in an etcd stays there.", exitCode: 2 });
	}
	if (options.etcdPort !== undefined) {
		throw new CliError("--etcd-port is for kubesim's own store, not for --store etcd", {
			hint: `etcd answers for itself, at ${store.endpoints.join(",")}.`,
			exitCode: 2,
		});
	}
	if (!hasOwnData) return;
	throw new CliError(`cluster ${directory.name} keeps its data in a store of its own, not in etcd at ${store.endpoints.join(",")}`, {
		hint: `Choose another --name; or ${commandOn(directory.name, "delete")} first.`,
	});
}

/** A running cluster keeps what it was started with; an option that asks for something else must not get lost silently. */
export function refuseChanges(options: StartOptions, directory: ClusterDirectory): void {
	const config = directory.config();
	const asked = {
		"--nodes": [options.nodes, config?.nodes],
		"--port": [options.port, options.port === 0 ? 0 : config?.lastPort],
		"--speed": [options.speed, config?.speed],
		"--data-dir": [options.dataDir && resolve(options.dataDir), config?.dataDir],
		"--members": [options.members, config?.members ?? 1],
		"--etcd-port": [options.etcdPort, config?.etcdPort],
		"--enable-admission-plugins": [options.enableAdmissionPlugins?.join(","), config?.enableAdmissionPlugins?.join(",") ?? ""],
		"--disable-admission-plugins": [options.disableAdmissionPlugins?.join(","), config?.disableAdmissionPlugins?.join(",") ?? ""],
		"--controllers": [options.controllers?.join(","), config?.controllers?.join(",") ?? "*"],
		"--scheduler-config": [options.schedulerConfig && resolve(options.schedulerConfig), config?.schedulerConfig ?? ""],
		"--feature-gates": [options.featureGates && JSON.stringify(options.featureGates), JSON.stringify(config?.featureGates ?? {})],
		"--node-ports": [options.nodePorts, config?.nodePorts ?? false],
		"--addons": [options.addons?.join(","), config?.addons?.join(",") ?? ""],
		"--load-balancer-pool": [options.loadBalancerPool, config?.loadBalancerPool],
		"--admission-control-config-file": [
			options.admissionControlConfigFile && resolve(options.admissionControlConfigFile),
			config?.admissionControlConfigFile ?? "",
		],
		"--authorization-mode": [options.authorizationMode?.join(","), config?.authorization?.modes?.join(",") ?? ""],
		"--authorization-config": [options.authorizationConfig && resolve(options.authorizationConfig), config?.authorization?.configFile],
		"--authorization-policy-file": [
			options.authorizationPolicyFile && resolve(options.authorizationPolicyFile),
			config?.authorization?.policyFile,
		],
		"--authorization-webhook-config-file": [
			options.authorizationWebhookConfigFile && resolve(options.authorizationWebhookConfigFile),
			config?.authorization?.webhookConfigFile,
		],
		"--authorization-webhook-version": [options.authorizationWebhookVersion, config?.authorization?.webhookVersion],
		"--encryption-provider-config": [
			options.encryptionProviderConfig && resolve(options.encryptionProviderConfig),
			config?.encryptionProviderConfig ?? "",
		],
		"--encryption-provider-config-automatic-reload": [
			options.encryptionProviderConfigAutomaticReload,
			config?.encryptionProviderConfigAutomaticReload ?? false,
		],
		"--kubelet-certificates": [options.kubeletCertificates, config?.kubeletCertificates ?? "none"],
		"--audit-policy-file": [options.auditPolicyFile && resolve(options.auditPolicyFile), config?.audit?.policyFile ?? ""],
		"--audit-log-path": [options.auditLogPath && resolve(options.auditLogPath), config?.audit?.logPath ?? ""],
		"--audit-webhook-config-file": [
			options.auditWebhookConfigFile && resolve(options.auditWebhookConfigFile),
			config?.audit?.webhookConfigFile ?? "",
		],
		"--ephemeral": [options.ephemeral, config?.ephemeral],
		"--store": [options.store, config?.store === undefined ? "local" : "etcd"],
		"--etcd-endpoints": [options.etcdEndpoints?.join(","), config?.store?.endpoints.join(",")],
		"--etcd-cafile": [options.etcdCafile && resolve(options.etcdCafile), config?.store?.caFile],
		"--etcd-certfile": [options.etcdCertfile && resolve(options.etcdCertfile), config?.store?.certFile],
		"--etcd-keyfile": [options.etcdKeyfile && resolve(options.etcdKeyfile), config?.store?.keyFile],
		"--etcd-username": [options.etcdUsername, config?.store?.username],
		"--pki-dir": [options.pkiDir && resolve(options.pkiDir), config?.pkiDir],
	};
	if (changesAuthentication(options, config?.authentication)) {
		throw new CliError(`cluster ${directory.name} is running, and who may come in can't be changed while it does`, {
			hint: `Stop it first: ${commandOn(directory.name, "stop")}`,
		});
	}
	const differing = Object.entries(asked).filter(([, [wanted, actual]]) => wanted !== undefined && wanted !== actual);
	if (differing.length > 0) {
		const flags = differing.map(([flag]) => flag).join(" and ");
		throw new CliError(`cluster ${directory.name} is running, and ${flags} can't be changed while it does`, {
			hint: `Stop it first: ${commandOn(directory.name, "stop")}`,
		});
	}
	if (options.foreground === true) {
		throw new CliError(`cluster ${directory.name} already runs in the background`, {
			hint: `Stop it first: ${commandOn(directory.name, "stop")}`,
		});
	}
}
