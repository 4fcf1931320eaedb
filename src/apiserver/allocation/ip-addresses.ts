/**
 * IPAddress objects: one for each cluster IP, by whose names everybody sees what is taken and by whom. They follow the
 * Services: a write is answered when its addresses have come and gone.
 * Source: pkg/registry/core/service/ipallocator/ipallocator.go, controller/repairip.go of Kubernetes 1.36; KEP-1880.
 *
 * Where Kubernetes makes the object first and the Service after it, here the allocator holds the address until both are
 * there; what a lost process left undone, the next start does (`repair`).
 */
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import type { IPAddress, Service } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { isHeadless, needsClusterIp, specOf } from "../registry/core/service-fields.ts";
import { ipFamily } from "../registry/validation/ip.ts";

const managedByLabel = "ipaddress.kubernetes.io/managed-by";
const familyLabel = "ipaddress.kubernetes.io/ip-family";
const manager = "ipallocator.k8s.io";
const resource = { group: "networking.k8s.io", version: "v1", resource: "ipaddresses" };

/** Carries out a request in the server's own name. */
export type Handle = (request: ApiRequest) => Promise<unknown>;

/** Addresses that a Service holds. */
export function addressesOf(service: Service | undefined): readonly string[] {
	const spec = service === undefined ? undefined : specOf(service);
	return spec === undefined || !needsClusterIp(spec) || isHeadless(spec) ? [] : (spec.clusterIPs ?? []);
}

/** After a write: what the Service has come to hold gets its object, what it gave back loses it. */
export async function followService(before: Service | undefined, after: Service | undefined, handle: Handle): Promise<void> {
	const held = addressesOf(before);
	const holds = addressesOf(after);
	if (after !== undefined) for (const address of holds) if (!held.includes(address)) await record(address, after, handle);
	for (const address of held) if (!holds.includes(address)) await forget(address, handle);
}

/**
 * Makes the objects that Services lack, and removes those that nobody holds; not the new object of a name that another
 * server of the store has removed and given to a Service meanwhile.
 */
export async function repairAddresses(services: readonly Service[], objects: readonly IPAddress[], handle: Handle): Promise<void> {
	const known = new Set(objects.map(({ metadata }) => metadata?.name));
	const held = new Set(services.flatMap(addressesOf));
	for (const service of services) {
		for (const address of addressesOf(service)) if (!known.has(address)) await record(address, service, handle);
	}
	for (const { metadata } of objects) {
		const name = metadata?.name ?? "";
		if (metadata?.labels?.[managedByLabel] === manager && !held.has(name)) await forget(name, handle, metadata.uid);
	}
}

async function record(address: string, { metadata }: Service, handle: Handle): Promise<void> {
	const { namespace = "", name = "" } = metadata ?? {};
	const body: IPAddress = {
		apiVersion: "networking.k8s.io/v1",
		kind: "IPAddress",
		metadata: { name: address, labels: { [familyLabel]: ipFamily(address) ?? "", [managedByLabel]: manager } },
		spec: { parentRef: { group: "", resource: "services", namespace, name } },
	};
	// Whoever made it first: it is there.
	await unless(["AlreadyExists"], handle({ ...resource, verb: "create", body }));
}

/** @param uid of the object that is meant, if it is one that has been seen */
function forget(address: string, handle: Handle, uid?: string): Promise<void> {
	const deleteOptions = uid === undefined ? {} : { preconditions: { uid } };
	return unless(["NotFound", "Conflict"], handle({ ...resource, verb: "delete", name: address, deleteOptions }));
}

async function unless(reasons: readonly ("AlreadyExists" | "Conflict" | "NotFound")[], request: Promise<unknown>): Promise<void> {
	try {
		await request;
	} catch (error) {
		if (!reasons.some((reason) => isStatusError(error, reason))) throw error;
	}
}
