/**
 * /metrics: what this server counts about itself, in Prometheus' text format and under Kubernetes' names.
 * Source: https://kubernetes.io/docs/reference/instrumentation/metrics/ and https://prometheus.io/docs/instrumenting/exposition_formats/
 */

/** What a request was about, as the labels of apiserver_request_total name it. */
export interface RequestLabels {
	/** Upper case: GET, LIST, WATCH, POST, PUT, PATCH, DELETE, DELETECOLLECTION, CONNECT. */
	readonly verb: string;
	readonly group: string;
	readonly version: string;
	readonly resource: string;
	readonly subresource: string;
	/** cluster, namespace, resource, or "" for paths that are not resources. */
	readonly scope: string;
	readonly dryRun: boolean;
}

const httpVerbs: Readonly<Record<string, string>> = { create: "POST", update: "PUT" };

/** The verb label of an API verb. */
export function verbLabel(verb: string): string {
	return httpVerbs[verb] ?? verb.toUpperCase();
}

export class ServerMetrics {
	/** Requests by their label text; bounded by the served endpoints times verbs and codes. */
	readonly #requests = new Map<string, number>();
	readonly #longRunning = new Map<string, number>();
	readonly #startSeconds: number;
	readonly #sources: readonly (() => string)[];

	/** @param sources further metrics in the same text format, e.g. the store's */
	constructor(startMs: number, sources: readonly (() => string)[] = []) {
		this.#startSeconds = startMs / 1000;
		this.#sources = sources;
	}

	countRequest(labels: RequestLabels, code: number): void {
		const text =
			`code="${code}",component="apiserver",dry_run="${labels.dryRun ? "All" : ""}",` +
			`group="${labels.group}",resource="${labels.resource}",scope="${labels.scope}",` +
			`subresource="${labels.subresource}",verb="${labels.verb}",version="${labels.version}"`;
		this.#requests.set(text, (this.#requests.get(text) ?? 0) + 1);
	}

	/** Counts a watch or stream while it lives; the returned function says that it has ended. */
	beginLongRunning(labels: RequestLabels): () => void {
		const text =
			`component="apiserver",group="${labels.group}",resource="${labels.resource}",scope="${labels.scope}",` +
			`subresource="${labels.subresource}",verb="${labels.verb}",version="${labels.version}"`;
		this.#longRunning.set(text, (this.#longRunning.get(text) ?? 0) + 1);
		return () => this.#longRunning.set(text, (this.#longRunning.get(text) ?? 1) - 1);
	}

	/** The page. */
	render(): string {
		const { user, system } = process.cpuUsage();
		return [
			family(
				"apiserver_longrunning_requests",
				"gauge",
				"Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component.",
				this.#longRunning,
			),
			family(
				"apiserver_request_total",
				"counter",
				"Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.",
				this.#requests,
			),
			single("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.", (user + system) / 1e6),
			single("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", process.memoryUsage.rss()),
			single("process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.", this.#startSeconds),
			...this.#sources.map((source) => source()),
		].join("");
	}
}

function family(name: string, type: string, help: string, values: ReadonlyMap<string, number>): string {
	const lines = [...values].map(([labels, value]) => `${name}{${labels}} ${value}\n`).sort();
	return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function single(name: string, type: string, help: string, value: number): string {
	return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`;
}
