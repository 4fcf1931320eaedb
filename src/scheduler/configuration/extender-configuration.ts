/**
 * Extenders of the configuration file: HTTP services that filter and score nodes, preempt and bind in place of plugins.
 * Source: https://kubernetes.io/docs/reference/config-api/kube-scheduler-config.v1/#kubescheduler-config-k8s-io-v1-Extender
 */
import type { ConfigSection } from "../../apimachinery/config-section.ts";
import { fieldInvalid } from "../../apimachinery/validation/field-error.ts";
import { isQualifiedName } from "../../apimachinery/validation/names.ts";

export interface ExtenderConfiguration {
	/** Verbs are appended to it. */
	readonly urlPrefix: string;
	/** Empty: the extender does not do this. */
	readonly filterVerb: string;
	readonly prioritizeVerb: string;
	readonly preemptVerb: string;
	readonly bindVerb: string;
	/** Of its scores; > 0 where it scores. */
	readonly weight: number;
	readonly timeoutMs: number;
	/** It knows the nodes, and is told and tells their names only. */
	readonly nodeCacheCapable: boolean;
	/** Its failure does not keep a pod from being scheduled. */
	readonly ignorable: boolean;
	/** It is asked only about pods that request one of these; empty: about all. */
	readonly managedResources: readonly string[];
	/** Those of them that no node need have: the extender looks after them alone. */
	readonly ignoredResources: readonly string[];
	readonly tls?: ExtenderTls;
}

export interface ExtenderTls {
	/** Whatever the server shows will do: so it is said, or HTTPS was switched on without an authority. */
	readonly insecure: boolean;
	readonly serverName?: string;
	/** Paths of files, or PEM in base64 in the file itself. */
	readonly certFile?: string;
	readonly keyFile?: string;
	readonly caFile?: string;
	readonly certData?: string;
	readonly keyData?: string;
	readonly caData?: string;
}

const defaultTimeoutMs = 5_000;

export function readExtenders(file: ConfigSection, problems: string[]): readonly ExtenderConfiguration[] {
	const seen = new Set<string>();
	const extenders = file.parts("extenders").map((section) => readExtender(section, seen, problems));
	const binders = extenders.filter(({ bindVerb }) => bindVerb !== "").length;
	if (binders > 1) {
		problems.push(`${fieldInvalid("extenders", `found ${binders} extenders implementing bind`, "only one extender can implement bind")}`);
	}
	return extenders;
}

/** @param seen resources that an extender before this one manages */
function readExtender(section: ConfigSection, seen: Set<string>, problems: string[]): ExtenderConfiguration {
	const prioritizeVerb = section.text("prioritizeVerb") ?? "";
	const weight = section.integer("weight") ?? 0;
	if (prioritizeVerb !== "" && weight <= 0) {
		problems.push(`${fieldInvalid(section.at("weight"), weight, "must have a positive weight applied to it")}`);
	}
	const managed = section.parts("managedResources").map((part) => {
		const name = part.text("name") ?? "";
		problems.push(...resourceErrors(name, part.at("name"), seen));
		seen.add(name);
		return { name, isIgnored: part.flag("ignoredByScheduler") ?? false };
	});
	const tls = readTls(section);
	return {
		urlPrefix: section.text("urlPrefix") ?? "",
		filterVerb: section.text("filterVerb") ?? "",
		prioritizeVerb,
		preemptVerb: section.text("preemptVerb") ?? "",
		bindVerb: section.text("bindVerb") ?? "",
		weight,
		timeoutMs: section.duration("httpTimeout") ?? defaultTimeoutMs,
		nodeCacheCapable: section.flag("nodeCacheCapable") ?? false,
		ignorable: section.flag("ignorable") ?? false,
		managedResources: managed.map(({ name }) => name),
		ignoredResources: managed.filter(({ isIgnored }) => isIgnored).map(({ name }) => name),
		...(tls === undefined ? {} : { tls }),
	};
}

function resourceErrors(name: string, path: string, seen: ReadonlySet<string>): readonly string[] {
	const malformed = isQualifiedName(name).map((detail) => `${fieldInvalid(path, name, detail)}`);
	if (malformed.length > 0) return malformed;
	const isExtended = name.includes("/") && !name.includes("kubernetes.io/") && !name.startsWith("requests.");
	return [
		...(isExtended ? [] : [`${fieldInvalid(path, name, "is an invalid extended resource name")}`]),
		...(seen.has(name) ? [`${fieldInvalid(path, name, "duplicate extender managed resource name")}`] : []),
	];
}

/** Undefined: plain HTTP. */
function readTls(section: ConfigSection): ExtenderTls | undefined {
	const isEnabled = section.flag("enableHTTPS") ?? false;
	const part = section.part("tlsConfig");
	const text = (key: string, as: keyof ExtenderTls) => {
		const value = part?.text(key);
		return value === undefined ? {} : { [as]: value };
	};
	const isInsecure = part?.flag("insecure") ?? false;
	const hasAuthority = (part?.text("caFile") ?? "") !== "" || (part?.text("caData") ?? "") !== "";
	const tls: ExtenderTls = {
		insecure: isInsecure || (isEnabled && !hasAuthority),
		...text("serverName", "serverName"),
		...text("certFile", "certFile"),
		...text("keyFile", "keyFile"),
		...text("caFile", "caFile"),
		...text("certData", "certData"),
		...text("keyData", "keyData"),
		...text("caData", "caData"),
	};
	return isEnabled || part !== undefined ? tls : undefined;
}
