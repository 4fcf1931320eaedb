/** Short ways to write devices, their slices and classes, and claims in the scheduler's tests. */
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import type {
	Device,
	DeviceClaim,
	DeviceClass,
	DeviceClassSpec,
	DeviceRequest,
	DeviceTaint,
	ExactDeviceRequest,
	ResourceClaimStatus,
	ResourceResourceClaim,
	ResourceSlice,
	ResourceSliceSpec,
} from "../../apimachinery/schema/generated/types.ts";
import { Client } from "../../client/client.ts";
import { InformerFactory } from "../../client/informer.ts";
import { FakeApi } from "../../client/testing/fake-api.ts";
import { DeviceCache } from "../dynamicresources/device-cache.ts";
import type { DynamicResourcesOptions } from "../plugins/dynamic-resources.ts";

export const driver = "gpu.example.com";

/** A slice of pool "pool", whose devices are on node-1 unless `spec` says otherwise. */
export function slice(name: string, devices: readonly (string | Device)[], spec: Partial<ResourceSliceSpec> = {}): ResourceSlice {
	const elsewhere = spec.allNodes ?? spec.nodeSelector ?? spec.perDeviceNodeSelection;
	return {
		apiVersion: "resource.k8s.io/v1",
		kind: "ResourceSlice",
		metadata: { name },
		spec: {
			driver,
			pool: { name: "pool", generation: 1, resourceSliceCount: 1 },
			...(elsewhere === undefined ? { nodeName: "node-1" } : {}),
			...spec,
			...(devices.length === 0 ? {} : { devices: devices.map((device) => (typeof device === "string" ? { name: device } : device)) }),
		},
	};
}

export function deviceClass(name = "gpu", spec: DeviceClassSpec = {}): DeviceClass {
	return { apiVersion: "resource.k8s.io/v1", kind: "DeviceClass", metadata: { name }, spec };
}

/** One that asks for one device of class gpu, unless `exactly` says otherwise. */
export function request(name = "gpu", exactly: Partial<ExactDeviceRequest> = {}): DeviceRequest {
	return { name, exactly: { deviceClassName: "gpu", allocationMode: "ExactCount", count: 1, ...exactly } };
}

export function claim(
	name: string,
	devices: DeviceClaim = { requests: [request()] },
	status: ResourceClaimStatus = {},
): ResourceResourceClaim {
	return {
		apiVersion: "resource.k8s.io/v1",
		kind: "ResourceClaim",
		metadata: { namespace: "default", name, uid: `uid-${name}` },
		spec: { devices },
		status,
	};
}

export const cel = (expression: string) => ({ cel: { expression } });

export const taint = (effect: string, key = "broken"): DeviceTaint => ({ key, effect });

/** Without anything of devices in it, for tests of other things. */
export function noDevices(): DynamicResourcesOptions {
	const clock = new VirtualClock();
	const client = new Client(new FakeApi({ clock, random: new SeededRandom("devices") }));
	const nothing = () => undefined;
	return {
		cache: new DeviceCache(new InformerFactory({ client, clock })),
		client,
		clock,
		newShareId: () => "share",
		deallocate: nothing,
		onTakenBack: nothing,
		unreserve: nothing,
		remove: nothing,
		onWaiting: nothing,
	};
}
