/**
 * What the HTTP front door counts about itself, under Kubernetes' names: requests, their times and sizes, watches and
 * the process.
 * Source: https://kubernetes.io/docs/reference/instrumentation/metrics/ and k8s.io/apiserver/pkg/endpoints/metrics.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import {
	exponentialBuckets,
	type Family,
	type Histogram,
	MetricRegistry,
	renderMetrics,
	type Value,
} from "../../apimachinery/metrics/registry.ts";
import type { GeneratedResource } from "../../apimachinery/schema/resources.ts";
import type { RequestTarget } from "./request-target.ts";
import { versionInfo } from "./version.ts";

const durationBuckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
const requestLabels = ["component", "dry_run", "group", "resource", "scope", "subresource", "verb", "version"];
const longRunningLabels = requestLabels.filter((label) => label !== "dry_run");
const httpVerbs: Readonly<Record<string, string>> = { create: "POST", update: "PUT", connect: "CONNECT", apply: "APPLY" };

/** What is counted of all requests that are alike: found once, then held. */
export class RequestSeries {
	/** The API verb. */
	readonly apiVerb: string;
	/** Upper case: GET, LIST, WATCH, POST, PUT, PATCH, APPLY, DELETE, DELETECOLLECTION, CONNECT. */
	readonly verb: string;
	readonly #family: Family<Value>;
	readonly #labels: readonly string[];
	readonly #byCode = new Map<number, Value>();
	readonly #durations: Histogram;
	readonly #sizes: Histogram | undefined;
	readonly longRunning: Value;

	constructor(families: RequestFamilies, labels: readonly string[], verb: string, apiVerb: string) {
		this.verb = verb;
		this.apiVerb = apiVerb;
		this.#family = families.total;
		this.#labels = labels;
		this.#durations = families.durations.of(...labels);
		const withoutDryRun = labels.filter((_, index) => requestLabels[index] !== "dry_run");
		this.#sizes = verb === "GET" || verb === "LIST" ? families.sizes.of(...withoutDryRun) : undefined;
		this.longRunning = families.longRunning.of(...withoutDryRun);
	}

	/** @param sizeBytes of the answer's body, where it is known */
	count(code: number, seconds: number, sizeBytes: number): void {
		let total = this.#byCode.get(code);
		if (total === undefined) {
			total = this.#family.of(String(code), ...this.#labels);
			this.#byCode.set(code, total);
		}
		total.add();
		this.#durations.observe(seconds);
		this.#sizes?.observe(sizeBytes);
	}
}

interface RequestFamilies {
	readonly total: Family<Value>;
	readonly durations: Family<Histogram>;
	readonly sizes: Family<Histogram>;
	readonly longRunning: Family<Value>;
}

/** The events of the watches of one resource. */
export interface WatchSeries {
	readonly events: Value;
	readonly sizes: Histogram;
}

/** How many at once: now, and at most within the present second. `max >= current`. */
class Watermark {
	readonly #clock: Clock;
	#current = 0;
	#max = 0;
	#second = 0;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	move(by: 1 | -1): void {
		this.#turn();
		this.#current += by;
		if (this.#current > this.#max) this.#max = this.#current;
	}

	get max(): number {
		this.#turn();
		return this.#max;
	}

	#turn(): void {
		const second = Math.floor(this.#clock.now() / 1000);
		if (second === this.#second) return;
		this.#second = second;
		this.#max = this.#current;
	}
}

export class ServerMetrics {
	readonly #registry = new MetricRegistry();
	readonly #others: readonly MetricRegistry[];
	readonly #families: RequestFamilies;
	readonly #watchEvents: Family<Value>;
	readonly #watchSizes: Family<Histogram>;
	readonly #dropped: Family<Value>;
	readonly #readOnly: Watermark;
	readonly #mutating: Watermark;
	/** By endpoint, then by verb, scope and dry run: bounded by what is served. */
	readonly #series = new WeakMap<GeneratedResource, Map<string, RequestSeries>>();
	/** Of paths that are not resources, by path and verb: bounded by the paths that are served. */
	readonly #pathSeries = new Map<string, RequestSeries>();
	readonly #watchSeries = new Map<string, WatchSeries>();

	/** @param others metrics of other parts of the server, for the same page */
	constructor(clock: Clock, others: readonly MetricRegistry[] = []) {
		this.#others = others;
		this.#readOnly = new Watermark(clock);
		this.#mutating = new Watermark(clock);
		const registry = this.#registry;
		this.#families = {
			total: registry.counter({
				name: "apiserver_request_total",
				help: "Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.",
				labels: ["code", ...requestLabels],
				stability: "STABLE",
			}),
			durations: registry.histogram({
				name: "apiserver_request_duration_seconds",
				help: "Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.",
				labels: requestLabels,
				stability: "STABLE",
				buckets: durationBuckets,
			}),
			sizes: registry.histogram({
				name: "apiserver_response_sizes",
				help: "Response size distribution in bytes for each group, version, verb, resource, subresource, scope and component.",
				labels: longRunningLabels,
				stability: "STABLE",
				buckets: exponentialBuckets(1000, 10, 7),
			}),
			longRunning: registry.gauge({
				name: "apiserver_longrunning_requests",
				help: "Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component. Not all requests are tracked this way.",
				labels: longRunningLabels,
				stability: "STABLE",
			}),
		};
		const watchLabels = { labels: ["group", "resource", "version"], stability: "ALPHA" } as const;
		this.#watchEvents = registry.counter({
			name: "apiserver_watch_events_total",
			help: "Number of events sent in watch clients",
			...watchLabels,
		});
		this.#watchSizes = registry.histogram({
			name: "apiserver_watch_events_sizes",
			help: "Watch event size distribution in bytes",
			buckets: exponentialBuckets(1024, 2, 8),
			...watchLabels,
		});
		this.#dropped = registry.counter({
			name: "apiserver_dropped_requests_total",
			help: "Number of requests dropped with 'Try again later' response",
			labels: ["request_kind"],
			stability: "ALPHA",
		});
		this.#collectInflight();
		this.#collectProcess(clock.now() / 1000);
	}

	/** The series of requests to an endpoint. */
	ofTarget(target: Pick<RequestTarget, "resource" | "verb" | "name" | "namespace">, verb: string, dryRun: boolean): RequestSeries {
		const scope = target.name !== undefined || verb === "create" ? "resource" : target.namespace !== undefined ? "namespace" : "cluster";
		const key = dryRun ? `${verb} ${scope} dry` : `${verb} ${scope}`;
		let byKey = this.#series.get(target.resource);
		if (byKey === undefined) {
			byKey = new Map();
			this.#series.set(target.resource, byKey);
		}
		let series = byKey.get(key);
		if (series === undefined) {
			const { group, version, resource, subresource } = target.resource;
			const label = verbLabel(verb);
			const labels = ["apiserver", dryRun ? "All" : "", group, resource, scope, subresource, label, version];
			series = new RequestSeries(this.#families, labels, label, verb);
			byKey.set(key, series);
		}
		return series;
	}

	/** The series of the same request, now that it turned out to be a dry run. */
	ofDryRun(series: RequestSeries | undefined, target: RequestTarget): RequestSeries {
		return this.ofTarget(target, series?.apiVerb ?? target.verb, true);
	}

	/** The series of requests to a path that is not a resource. @param path "" for those that nobody serves */
	ofPath(path: string, method: string): RequestSeries {
		const key = `${method} ${path}`;
		let series = this.#pathSeries.get(key);
		if (series === undefined) {
			series = new RequestSeries(this.#families, ["", "", "", "", "", path, method, ""], method, method);
			this.#pathSeries.set(key, series);
		}
		return series;
	}

	ofWatch({ group, version, resource }: GeneratedResource): WatchSeries {
		const key = `${group}/${version}/${resource}`;
		let series = this.#watchSeries.get(key);
		if (series === undefined) {
			series = { events: this.#watchEvents.of(group, resource, version), sizes: this.#watchSizes.of(group, resource, version) };
			this.#watchSeries.set(key, series);
		}
		return series;
	}

	/** A request (of a watch: its beginning) begins or ends to use up the server's limit. */
	moveInflight(isReadOnly: boolean, by: 1 | -1): void {
		(isReadOnly ? this.#readOnly : this.#mutating).move(by);
	}

	countDropped(isReadOnly: boolean): void {
		this.#dropped.of(isReadOnly ? "readOnly" : "mutating").add();
	}

	/** The page. */
	render(): string {
		return renderMetrics([this.#registry, ...this.#others]);
	}

	#collectInflight(): void {
		const inflight = this.#registry.gauge({
			name: "apiserver_current_inflight_requests",
			help: "Maximal number of currently used inflight request limit of this apiserver per request kind in last second.",
			labels: ["request_kind"],
			stability: "STABLE",
		});
		this.#registry.onCollect(() => {
			inflight.of("readOnly").value = this.#readOnly.max;
			inflight.of("mutating").value = this.#mutating.max;
		});
	}

	#collectProcess(startSeconds: number): void {
		const registry = this.#registry;
		const build = versionInfo();
		registry
			.gauge({
				name: "kubernetes_build_info",
				help: "A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.",
				labels: ["build_date", "compiler", "git_commit", "git_tree_state", "git_version", "go_version", "major", "minor", "platform"],
				stability: "BETA",
			})
			.of(
				build.buildDate,
				build.compiler,
				build.gitCommit,
				build.gitTreeState,
				build.gitVersion,
				build.goVersion,
				build.major,
				build.minor,
				build.platform,
			).value = 1;
		const cpu = registry.counter({ name: "process_cpu_seconds_total", help: "Total user and system CPU time spent in seconds." });
		const memory = registry.gauge({ name: "process_resident_memory_bytes", help: "Resident memory size in bytes." });
		const files = registry.gauge({ name: "process_open_fds", help: "Number of open file descriptors." });
		const virtual = registry.gauge({ name: "process_virtual_memory_bytes", help: "Virtual memory size in bytes." });
		registry.gauge({ name: "process_start_time_seconds", help: "Start time of the process since unix epoch in seconds." }).of().value =
			startSeconds;
		registry.onCollect(() => {
			const { user, system } = process.cpuUsage();
			cpu.of().value = (user + system) / 1e6;
			memory.of().value = process.memoryUsage.rss();
			if (process.platform !== "linux") return;
			files.of().value = readdirSync("/proc/self/fd").length;
			virtual.of().value = Number(readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ")[20] ?? 0);
		});
	}
}

/** The verb label of an API verb. */
function verbLabel(verb: string): string {
	return httpVerbs[verb] ?? verb.toUpperCase();
}
