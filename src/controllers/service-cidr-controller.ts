/**
 * service-cidr-controller: ServiceCIDRs that are in use do not go away.
 *
 * Watches  ServiceCIDRs, IPAddresses
 * Writes   the finalizer networking.k8s.io/service-cidr-finalizer and the condition Ready, by server-side apply
 *
 *   new ──finalizer, Ready=True──> in use ──deleted──> Ready=False, Terminating ──no address needs it, 10 s──> gone
 *
 * An address needs a ServiceCIDR that is the only one to contain it: one that lies in another is needed by nobody.
 * Source: pkg/controller/servicecidrs and https://kubernetes.io/docs/tasks/network/extend-service-ip-ranges/
 */
import { type Ipv4Range, isInIpv4Range, parseIpv4, parseIpv4Cidr } from "../apimachinery/ipv4.ts";
import type { Condition, IPAddress, ServiceCIDR } from "../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../apimachinery/status-error.ts";
import { formatTime } from "../apimachinery/time.ts";
import type { ReconcileResult } from "../client/controller.ts";
import { runController } from "../client/controller.ts";
import { ipAddresses, serviceCidrs } from "../client/resources.ts";
import { type Controller, type ControllerContext, queueOf } from "./controller.ts";
import { isBeingDeleted } from "./pod-state.ts";

const name = "service-cidr-controller";
/** Upstream's number of workers. */
const concurrency = 5;
const finalizer = "networking.k8s.io/service-cidr-finalizer";
const managedByLabel = "ipaddress.kubernetes.io/managed-by";
const allocator = "ipallocator.k8s.io";
/** So long every API server has time to hear that no more addresses are to come from it. */
const deletionGraceMs = 10_000;

export const serviceCidrController: Controller = { name, run };

async function run(context: ControllerContext, signal: AbortSignal): Promise<void> {
	const { informers, client, clock, log } = context;
	const ranges = informers.informer(serviceCidrs);
	const addresses = informers.informer(ipAddresses);
	await Promise.all([ranges.whenSynced(), addresses.whenSynced()]);
	const queue = queueOf(context, "ipaddresses");
	/** Uids of those that were let go, whether or not that shows: of two that contain one address only one goes. */
	const freed = new Set<string>();
	const enqueue = ({ metadata }: ServiceCIDR) => queue.add(metadata?.name ?? "");
	// One that comes or goes may free or bind any that is being deleted; there are few of them.
	const enqueueAll = () => ranges.cache.list().forEach(enqueue);
	const gone = ({ metadata }: ServiceCIDR) => {
		freed.delete(metadata?.uid ?? "");
		enqueueAll();
	};
	ranges.onChange({ added: enqueueAll, updated: (_old, range) => enqueue(range), deleted: gone }, signal);
	const addressChanged = (address: IPAddress) => {
		for (const range of ranges.cache.list()) if (isBeingDeleted(range) && contains(range, address)) enqueue(range);
	};
	addresses.onChange({ added: addressChanged, deleted: addressChanged }, signal);

	const ref = client.resource(serviceCidrs);
	const writeReady = async (range: ServiceCIDR, condition: Omit<Condition, "type" | "lastTransitionTime">) => {
		const known = range.status?.conditions?.find(({ type }) => type === "Ready");
		if (known?.status === condition.status) return;
		const conditions = [{ type: "Ready", lastTransitionTime: formatTime(clock.now()), ...condition }];
		const applied = {
			apiVersion: "networking.k8s.io/v1",
			kind: "ServiceCIDR",
			metadata: { name: range.metadata?.name },
			status: { conditions },
		};
		const options = { fieldManager: name, force: true };
		await ref.patch({ name: range.metadata?.name ?? "" }, "application/apply-patch+yaml", applied, { subresource: "status", options });
	};
	const patchFinalizers = async (range: ServiceCIDR, metadata: object) => {
		try {
			const body = { metadata: { uid: range.metadata?.uid, ...metadata } };
			await ref.patch({ name: range.metadata?.name ?? "" }, "application/strategic-merge-patch+json", body);
		} catch (error) {
			if (!isStatusError(error, "NotFound")) throw error;
		}
	};

	const reconcile = async (key: string): Promise<ReconcileResult> => {
		const range = ranges.cache.get(key);
		if (range === undefined) return undefined;
		const isHeld = range.metadata?.finalizers?.includes(finalizer) === true;
		if (!isBeingDeleted(range)) {
			if (!isHeld) await patchFinalizers(range, { finalizers: [finalizer] });
			await writeReady(range, { status: "True", reason: "", message: "Kubernetes Service CIDR is ready" });
			return undefined;
		}
		const staying = ranges.cache.list().filter(({ metadata }) => !freed.has(metadata?.uid ?? ""));
		if (isNeeded(range, staying, addresses.cache.list())) {
			const message = "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";
			await writeReady(range, { status: "False", reason: "Terminating", message });
			return undefined;
		}
		const leftMs = Date.parse(range.metadata?.deletionTimestamp ?? "") + deletionGraceMs - clock.now();
		if (leftMs > 0) return { requeueAfterMs: leftMs };
		freed.add(range.metadata?.uid ?? "");
		if (isHeld) await patchFinalizers(range, { "$deleteFromPrimitiveList/finalizers": [finalizer] });
		return undefined;
	};
	await runController({ name, queue, concurrency, reconcile, log, signal });
}

/** Whether an address would be left without a ServiceCIDR. */
function isNeeded(range: ServiceCIDR, all: readonly ServiceCIDR[], addresses: readonly IPAddress[]): boolean {
	const others = all.filter(({ metadata }) => metadata?.name !== range.metadata?.name);
	return addresses.some((address) => isAllocated(address) && contains(range, address) && !others.some((other) => contains(other, address)));
}

function isAllocated({ metadata }: IPAddress): boolean {
	return metadata?.labels?.[managedByLabel] === allocator;
}

function contains(range: ServiceCIDR, { metadata }: IPAddress): boolean {
	const value = parseIpv4(metadata?.name ?? "");
	return value !== undefined && rangesOf(range).some((own) => isInIpv4Range(own, value));
}

/** Addresses of Services are IPv4 here. */
function rangesOf({ spec }: ServiceCIDR): readonly Ipv4Range[] {
	return (spec?.cidrs ?? []).flatMap((cidr) => parseIpv4Cidr(cidr) ?? []);
}
