/** The pages that etcd serves beside gRPC: /health, /version, /metrics. Source: https://etcd.io/docs/v3.6/op-guide/monitoring/ */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { MaintainedStore } from "../store.ts";
import { clusterVersion, etcdVersion } from "./member.ts";

export function etcdPages(store: MaintainedStore): RequestListener {
	return (request: IncomingMessage, response: ServerResponse) => {
		const path = request.url?.split("?")[0];
		if (path === "/health") sendHealth(store, response);
		else if (path === "/version")
			send(response, 200, "application/json", `{"etcdserver":"${etcdVersion}","etcdcluster":"${clusterVersion}"}`);
		else if (path === "/metrics") send(response, 200, "text/plain; version=0.0.4; charset=utf-8", renderMetrics(store));
		else send(response, 404, "text/plain; charset=utf-8", "404 page not found\n");
	};
}

function sendHealth(store: MaintainedStore, response: ServerResponse): void {
	const [alarm] = store.alarms();
	const body = alarm === undefined ? { health: "true", reason: "" } : { health: "false", reason: `ALARM ${alarm}` };
	send(response, alarm === undefined ? 200 : 503, "application/json", JSON.stringify(body));
}

/** The metrics that dashboards and alerts for etcd begin with, as far as one member has them. */
function renderMetrics(store: MaintainedStore): string {
	const { revision, compactRevision, dbSizeBytes, keys } = store.status();
	const metrics: readonly (readonly [name: string, help: string, value: number])[] = [
		["etcd_server_has_leader", "Whether or not a leader exists. 1 is existence, 0 is not.", 1],
		["etcd_server_is_leader", "Whether or not this member is a leader. 1 if is, 0 otherwise.", 1],
		["etcd_debugging_mvcc_current_revision", "The current revision of store.", revision],
		["etcd_debugging_mvcc_compact_revision", "The revision of the last compaction in store.", compactRevision],
		["etcd_debugging_mvcc_keys_total", "Total number of keys.", keys],
		["etcd_mvcc_db_total_size_in_bytes", "Total size of the underlying database physically allocated in bytes.", dbSizeBytes],
		["etcd_server_quota_backend_bytes", "Current backend storage quota size in bytes.", store.quotaBytes],
		["process_resident_memory_bytes", "Resident memory size in bytes.", process.memoryUsage.rss()],
	];
	return metrics.map(([name, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`).join("");
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
	response.writeHead(status, { "content-type": type });
	response.end(body);
}
