/**
 * The audit of what the cluster's own components ask, who need no HTTP for it. In the log they look as they do in a real
 * cluster, where they are processes of their own on the control plane's machine.
 */
import type { ApiRequest, ApiResponse, WatchHandle, WatchSink } from "../../apimachinery/api-request.ts";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { kubernetesVersion } from "../../apimachinery/kubernetes-version.ts";
import type { Random } from "../../apimachinery/random.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { AuditTrail } from "./audit-trail.ts";
import type { Auditor } from "./auditor.ts";

/** The server that does the work. */
export interface RequestHandler {
	handle(user: UserInfo, request: ApiRequest): Promise<ApiResponse>;
	watch(user: UserInfo, request: ApiRequest, sink: WatchSink): Promise<WatchHandle>;
}

export interface InProcessAuditOptions {
	readonly server: RequestHandler;
	readonly auditor: Auditor;
	readonly clock: Clock;
	readonly random: Random;
	/** The control plane's own. */
	readonly sourceIp: string;
}

export class AuditedHandler implements RequestHandler {
	readonly #options: InProcessAuditOptions;

	constructor(options: InProcessAuditOptions) {
		this.#options = options;
	}

	async handle(user: UserInfo, request: ApiRequest): Promise<ApiResponse> {
		const trail = this.#follow(user, request);
		if (!trail.isRecorded) return this.#options.server.handle(user, request);
		trail.requested(bodyOf(request));
		try {
			const response = await this.#options.server.handle(user, { ...request, auditAnnotations: trail.annotations });
			trail.responded(response.object);
			trail.completed(response.code);
			return response;
		} catch (error) {
			this.#failed(trail, error);
			throw error;
		}
	}

	async watch(user: UserInfo, request: ApiRequest, sink: WatchSink): Promise<WatchHandle> {
		const trail = this.#follow(user, request);
		if (!trail.isRecorded) return this.#options.server.watch(user, request, sink);
		const ended: WatchSink = {
			onEvent: (event) => sink.onEvent(event),
			onEnd: (error) => {
				trail.completed(200);
				sink.onEnd(error);
			},
		};
		try {
			const handle = await this.#options.server.watch(user, { ...request, auditAnnotations: trail.annotations }, ended);
			trail.started(200);
			return {
				stop: () => {
					trail.completed(200);
					handle.stop();
				},
			};
		} catch (error) {
			this.#failed(trail, error);
			throw error;
		}
	}

	#failed(trail: AuditTrail, error: unknown): void {
		if (isStatusError(error)) trail.responded(error.status);
		trail.completed(isStatusError(error) ? error.code : 500);
	}

	#follow(user: UserInfo, request: ApiRequest): AuditTrail {
		const { auditor, clock, random, sourceIp } = this.#options;
		const { verb, group, version, resource, subresource = "", namespace = "", name = "" } = request;
		const uri = uriOf(request);
		const trail = auditor.follow({
			auditId: random.uuid(),
			info: { isResource: true, verb, path: uri.split("?", 1)[0] ?? "", group, version, resource, subresource, namespace, name },
			uri,
			sourceIps: [sourceIp],
			userAgent: userAgentOf(user),
			receivedMs: clock.now(),
		});
		trail.identified(user);
		return trail;
	}
}

/** As a client of HTTP would ask. */
function uriOf({ verb, group, version, resource, subresource = "", namespace = "", name = "", options = {} }: ApiRequest): string {
	const place = namespace === "" ? "" : `/namespaces/${namespace}`;
	const object = (name === "" ? "" : `/${name}`) + (subresource === "" ? "" : `/${subresource}`);
	const { dryRun, ...rest } = options;
	const query = new URLSearchParams();
	for (const [key, value] of Object.entries(rest)) query.set(key, String(value));
	if (dryRun === true) query.set("dryRun", "All");
	if (verb === "watch") query.set("watch", "true");
	const path = `${group === "" ? "/api" : `/apis/${group}`}/${version}${place}/${resource}${object}`;
	return query.size === 0 ? path : `${path}?${query}`;
}

function bodyOf({ body, deleteOptions }: ApiRequest): unknown {
	return body ?? (deleteOptions === undefined ? undefined : { kind: "DeleteOptions", apiVersion: "v1", ...deleteOptions });
}

/** The name of the program that has this identity in a real cluster. */
function userAgentOf({ name }: UserInfo): string {
	const controller = /^system:serviceaccount:kube-system:.*$/.exec(name)?.[0];
	const suffix = `/${kubernetesVersion} (linux/amd64) kubernetes/kubesim`;
	if (controller !== undefined) return `kube-controller-manager${suffix}/${controller}`;
	if (name.startsWith("system:node:")) return `kubelet${suffix}`;
	const component = /^system:(kube-[a-z-]+|apiserver)$/.exec(name)?.[1];
	return component === undefined ? `kubesim${suffix}` : `${component === "apiserver" ? "kube-apiserver" : component}${suffix}`;
}
